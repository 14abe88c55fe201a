"""`truc backup` and `truc restore`, as a person uses them, between both kinds of database."""

import hashlib
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from router.adapters.payloads import FilePayloads
from router.adapters.sql.dump import SHAPES, snapshot
from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.adapters.sql.tables import METADATA
from router.cli import app
from router.core.dead import DeadState
from router.core.holds import Hold, HoldKind
from router.core.records import Attempt, PutAttempt, PutDead, PutEvent, PutMessage, PutOutbox
from router.errors import ExitCode, HubProblem
from router.ports import StoreUnavailable
from router.services.tracing import as_dict, trace
from router.settings import load_settings
from tests.support.provable import ProvableHub
from tests.support.records import NOON, dead_letter, event, message, outbox_item

BLOB = b"<edXML>" + b"x" * 100_000


def truc(*arguments: str | Path) -> None:
    result = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


class Hub:
    """A hub in a folder, with traffic behind it, a claim check, and work that is under way."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        self.config = folder / "truc.toml"
        truc("init", folder, *(["--database-url", database_url] if database_url else []))
        self.settings = load_settings(self.config)
        upgrade(self.settings.database)
        (folder / "trust" / "anchors" / "gốc.pem").write_text("a root")
        (folder / "hub" / "former").mkdir()
        (folder / "hub" / "former" / "2025.pem").write_text("a former certificate")
        payloads = FilePayloads(self.settings.payload_path, "w")
        with closing(SqlStore(self.settings.database)) as store:
            self.document = ProvableHub(store, payloads).document
            self.digest = _sha256(BLOB)
            payloads.put_blob([BLOB], digest=self.digest, limit=len(BLOB))
            store.put_hold(
                Hold(organ="H1", kind=HoldKind.HOLD, since=NOON, until=NOON, reason="bảo trì", by="admin:ha")
            )
            leased = NOON + timedelta(days=36500)
            with store.begin() as tx:
                tx.apply(
                    [
                        PutMessage(message("claim", digest=self.digest, payload=f"blob:{self.digest}")),
                        PutAttempt(Attempt(item_id="o", message_id="m", leg_id="l", number=1, at=NOON, reason="đầy")),
                        PutDead(dead_letter("1", properties={"x": "«ố»"}, payload=payloads.append([b"dead"])[0])),
                        PutOutbox(outbox_item("leased", leased_until=leased, body=b"\x00\xff\\n")),
                        PutOutbox(outbox_item("held", agent="", leased_until=leased)),
                        PutEvent(event("leg.queued", "m-claim", facts={"tab": "\t", "quote": '"'})),
                    ]
                )
        payloads.close()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
        }
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return Hub(tmp_path_factory.mktemp("hub") / "truc")


@pytest.fixture(scope="module")
def saved(hub: Hub) -> Path:
    file = hub.folder.parent / "backup.zip"
    truc("backup", file, "-c", hub.config)
    return file


def same(hub: Hub, config: Path) -> None:
    """Everything there again; only what was leased is due now."""
    settings = load_settings(config)
    was, now = contents(hub.settings.database), contents(settings.database)
    leases = {row[0]: row[7] for row in now["outbox"]}
    assert {name: rows for name, rows in now.items() if name != "outbox"} == {
        name: rows for name, rows in was.items() if name != "outbox"
    }
    assert [row[:7] + row[8:] for row in now["outbox"]] == [row[:7] + row[8:] for row in was["outbox"]]
    microseconds = datetime.now(UTC).timestamp() * 1_000_000
    assert leases["o-leased"] <= microseconds < leases["o-held"]
    with closing(SqlStore(hub.settings.database)) as before, closing(SqlStore(settings.database)) as after:
        for query in (hub.document.id, "m-claim"):
            shown = [[as_dict(each) for each in trace(store, query)] for store in (before, after)]
            assert shown[0] == shown[1] != []
        (dead,) = after.find_dead(state=DeadState.OPEN)
        payloads = FilePayloads(settings.payload_path, "again")
        assert payloads.read(dead.payload) == b"dead"
        for found in (after.message(hub.document.id), after.message("m-claim")):
            assert found is not None
            assert _sha256(payloads.read(found.payload)) == found.digest
        last = after.events_after(0, limit=10_000)[-1].seq
        with after.begin() as tx:
            tx.apply([PutEvent(event("after", "m-after"))])
        assert after.event_rows_of("m-after")[0].seq > last


def test_a_hub_is_the_same_after_a_restore(hub: Hub, saved: Path, tmp_path: Path) -> None:
    truc("restore", saved, "--into", tmp_path / "new")

    config = tmp_path / "new" / "truc.toml"
    same(hub, config)
    assert config.read_bytes() == hub.config.read_bytes()
    assert (tmp_path / "new/trust/anchors/gốc.pem").read_text() == "a root"
    assert (tmp_path / "new/hub/former/2025.pem").read_text() == "a former certificate"
    assert (tmp_path / "new/hub/hub.cert.pem").read_bytes() == (hub.folder / "hub/hub.cert.pem").read_bytes()
    assert not (tmp_path / "new/hub/hub.key.pem").exists()


def test_the_key_travels_only_when_it_is_asked_for(hub: Hub, tmp_path: Path) -> None:
    truc("backup", tmp_path / "b.zip", "--with-keys", "-c", hub.config)
    truc("restore", tmp_path / "b.zip", "--into", tmp_path / "new")

    key = tmp_path / "new/hub/hub.key.pem"
    assert key.read_bytes() == (hub.folder / "hub/hub.key.pem").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.postgres
def test_a_hub_moves_to_postgresql_and_back(hub: Hub, saved: Path, tmp_path: Path, postgres_url: str) -> None:
    truc("restore", saved, "--into", tmp_path / "pg", "--database-url", postgres_url)
    same(hub, tmp_path / "pg/truc.toml")
    shutil.rmtree(tmp_path / "pg/hub/former")

    truc("backup", tmp_path / "pg.zip", "-c", tmp_path / "pg/truc.toml")
    truc("restore", tmp_path / "pg.zip", "--into", tmp_path / "back", "--database-url", "")

    pg, back = load_settings(tmp_path / "pg/truc.toml"), load_settings(tmp_path / "back/truc.toml")
    assert back.database.startswith(f"sqlite:///{tmp_path / 'back'}")
    one, two = contents(pg.database), contents(back.database)
    assert {name: rows for name, rows in one.items() if name != "outbox"} == {
        name: rows for name, rows in two.items() if name != "outbox"
    }
    with pytest.raises(HubProblem, match="has tables"):
        truc("restore", saved, "--into", tmp_path / "again", "--database-url", postgres_url)
    assert not (tmp_path / "again").exists()


def test_what_is_written_during_a_backup_is_not_in_it(hub: Hub) -> None:
    events = next(each for each in SHAPES if each.name == "events")
    with closing(SqlStore(hub.settings.database)) as store, snapshot(hub.settings.database) as seen:
        before = store.events_after(0, limit=10_000)
        lines = seen.lines(events)
        first = next(lines)
        with store.begin() as tx:
            tx.apply([PutEvent(event("late", "m-late"))])
        read = [json.loads(first)[0], *(json.loads(each)[0] for each in lines)]

    assert read == [each.seq for each in before]


def test_payloads_that_are_missing_are_named(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(hub.folder, folder)
    FilePayloads(folder / "data/payloads").forget(hub.digest)

    result = CliRunner().invoke(app, ["backup", str(tmp_path / "b.zip"), "-c", str(folder / "truc.toml")])

    assert result.exit_code == ExitCode.NEGATIVE
    assert f"payloads/blobs/{hub.digest}" in result.output
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert json.loads(file.read("manifest.json"))["missing"] == [f"payloads/blobs/{hub.digest}"]


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def damaged(saved: Path, where: Path) -> Iterator[tuple[str, Path]]:
    """Copies with one byte of one part flipped, by the part's name."""
    data = saved.read_bytes()
    with zipfile.ZipFile(saved) as file:
        for entry in file.infolist():
            begin = entry.header_offset + 30 + data[entry.header_offset + 26] + 256 * data[entry.header_offset + 27]
            begin += data[entry.header_offset + 28] + 256 * data[entry.header_offset + 29]
            if entry.compress_size:
                flipped = bytearray(data)
                flipped[begin + entry.compress_size // 2] ^= 1
                copy = where / "damaged.zip"
                copy.write_bytes(flipped)
                yield entry.filename, copy


def test_a_damaged_backup_is_refused_by_the_name_of_its_part_and_nothing_is_written(
    saved: Path, tmp_path: Path
) -> None:
    seen = []
    for name, copy in damaged(saved, tmp_path):
        with pytest.raises(HubProblem) as refused:
            truc("restore", copy, "--into", tmp_path / "new")
        assert name in refused.value.text()
        assert not (tmp_path / "new").exists()
        seen.append(name)

    assert {"manifest.json", "tables/messages.jsonl", "files/truc.toml"} < {*seen}


def test_a_part_that_was_exchanged_added_or_left_out_is_refused(saved: Path, tmp_path: Path) -> None:
    def changed(*, drop: str = "", swap: str = "", add: str = "") -> Path:
        copy = tmp_path / "changed.zip"
        with zipfile.ZipFile(saved) as was, zipfile.ZipFile(copy, "w") as now:
            for name in was.namelist():
                if name != drop:
                    now.writestr(name, b"[]\n" if name == swap else was.read(name))
            if add:
                now.writestr(add, b"x")
        return copy

    for how in ({"drop": "tables/legs.jsonl"}, {"swap": "tables/legs.jsonl"}, {"add": "tables/more.jsonl"}):
        with pytest.raises(HubProblem, match=next(iter(how.values()))):
            truc("restore", changed(**how), "--into", tmp_path / "new")
    with pytest.raises(HubProblem, match="missing"):
        truc("restore", changed(add="files/../../x"), "--into", tmp_path / "new")


@pytest.mark.parametrize("length", [0, 100, 5000])
def test_half_a_backup_is_refused(saved: Path, tmp_path: Path, length: int) -> None:
    copy = tmp_path / "half.zip"
    copy.write_bytes(saved.read_bytes()[:length])

    with pytest.raises(HubProblem, match="not a whole ZIP"):
        truc("restore", copy, "--into", tmp_path / "new")


def test_nothing_is_ever_overwritten(hub: Hub, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("x")
    with pytest.raises(HubProblem, match="not empty"):
        truc("restore", saved, "--into", tmp_path / "full")
    with pytest.raises(HubProblem, match="not overwritten"):
        truc("backup", saved, "-c", hub.config)
    monkeypatch.setenv("TRUC_DATA_DIR", str(hub.folder / "data"))
    with pytest.raises(HubProblem, match="payloads that are there already"):
        truc("restore", saved, "--into", tmp_path / "new")
    monkeypatch.setenv("TRUC_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TRUC_DATABASE_URL", hub.settings.database)
    with pytest.raises(HubProblem, match="has tables"):
        truc("restore", saved, "--into", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_that_fails_leaves_nothing_behind(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(hub.folder, folder)
    with closing(sqlite3.connect(folder / "data" / "truc.db")) as database:
        database.execute("DROP TABLE statuses")

    with pytest.raises(StoreUnavailable):
        truc("backup", tmp_path / "b.zip", "-c", folder / "truc.toml")

    assert [each.name for each in tmp_path.iterdir()] == ["copy"]
