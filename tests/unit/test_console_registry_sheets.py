"""Excel files of the registry, honest and hostile ones; and the same import at the terminal."""

import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from openpyxl import Workbook
from typer.testing import CliRunner

from router.adapters.sql.store import SqlStore
from router.commands import registry as registry_commands
from router.commands.work import work
from router.core.people import EVERYTHING
from router.core.records import LegState, MessageState, PutDead, PutLeg, PutMessage
from router.core.registry import Registry
from router.services.registration import sheet as sheets
from router.services.registration.importing import Preview, preview
from router.services.registration.registry_file import Problem
from router.services.registration.sheet import read_sheet
from tests.support.hub_tables import make_tables
from tests.support.records import dead_letter, leg, message

HEADING = ("organ_id", "name", "phone")


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    page = book.create_sheet("so", 0)
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, change: Any) -> bytes:
    """The parts of a file through a function of name and content."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            new.writestr(each.filename, change(each.filename, old.read(each)))
    return out.getvalue()


def faults(data: bytes) -> list[str]:
    found = read_sheet(data)
    return [each.en for each in found if isinstance(each, Problem)]


def test_cells_are_read_as_texts_with_the_numbers_of_their_lines() -> None:
    data = sheet(HEADING, ("H41", "Nghệ An", 123), (), ("H14", "Cao Bằng", 1.5), ("H15", date(2026, 1, 2), True))
    found = [each for each in read_sheet(data) if not isinstance(each, Problem)]
    assert [(line, list(cells)) for line, cells in found] == [
        (1, list(HEADING)),
        (2, ["H41", "Nghệ An", "123"]),
        (4, ["H14", "Cao Bằng", "1.5"]),
        (5, ["H15", "2026-01-02T00:00:00", "True"]),
    ]


def test_a_formula_is_a_fault_and_is_never_evaluated() -> None:
    data = sheet(HEADING, ("H41", '=HYPERLINK("http://x","Tên")', ""), ("=1+1", "x", ""))
    found = [each for each in read_sheet(data) if isinstance(each, Problem)]
    assert [(each.line, each.column) for each in found] == [(2, "B"), (3, "A")]


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "UNPACKED_BYTES", 2**20)
    bomb = repacked(sheet(HEADING), lambda name, body: body + b" " * 2**21 if name.endswith("sheet1.xml") else body)
    assert len(bomb) < 2**16
    assert faults(bomb) == ["the Excel file is too large when unpacked"]
    monkeypatch.setattr(sheets, "MOST_PARTS", 3)
    assert faults(sheet(HEADING)) == ["the Excel file is too large when unpacked"]


def test_more_rows_than_a_registry_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 5)
    assert faults(sheet(*[HEADING] * 5)) == []
    assert faults(sheet(*[HEADING] * 6)) == ["more than 5 rows"]

    def far(name: str, body: bytes) -> bytes:
        return body.replace(b'r="1"', b'r="1048576"').replace(b"A1", b"A1048576") if "sheet1" in name else body

    assert faults(repacked(sheet(("organ_id",)), far)) == ["more than 5 rows"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_dtd_in_any_part_is_refused(encoding: str) -> None:
    bad = "<!DOCTYPE a [<!ENTITY b 'c'>]>".encode(encoding)
    for part in ("sheet1.xml", "workbook.xml", ".rels", "[Content_Types].xml"):
        data = repacked(sheet(HEADING), lambda name, body, part=part: bad + body if name.endswith(part) else body)
        assert faults(data) == ["the Excel file has a DTD"], part


def test_what_is_no_excel_file_is_said_to_be_none() -> None:
    good = sheet(HEADING, ("H41", "x", ""))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as container:
        container.writestr("a.txt", "x")
    broken = repacked(good, lambda name, body: body[: len(body) // 2] if name.endswith(".xml") else body)
    for data in (b"PK\x03\x04", good[:-50], empty.getvalue(), broken, good.replace(b"xl/", b"yl/")):
        assert faults(data), data[:20]


def test_a_sheet_and_a_csv_with_the_same_cells_are_the_same_import() -> None:
    rows = [("organ_id", "name"), ("H41", "Tỉnh; Nghệ An"), ("H41.01", 'Sở "Một"')]
    text = 'organ_id,name\nH41,Tỉnh; Nghệ An\nH41.01,"Sở ""Một"""\n'
    found = [preview(each, Registry(), scope=EVERYTHING) for each in (sheet(*rows), text.encode())]
    assert all(isinstance(each, Preview) for each in found)
    assert found[0].digest == found[1].digest  # type: ignore[union-attr]  # as just asserted


# ── At the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────


class Terminal:
    """A person at a terminal with a hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "truc.toml").write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
        make_tables(f"sqlite:///{folder / 'hub.db'}")
        self.store = SqlStore(f"sqlite:///{folder / 'hub.db'}")
        self._app = typer.Typer()
        self._app.add_typer(registry_commands.app, name="registry")
        self._app.command("work")(work)

    def run(self, *arguments: str) -> Any:
        done = CliRunner().invoke(self._app, [*arguments, "--json", "--config", str(self.folder / "truc.toml")])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_the_terminal_shows_the_same_differences_of_a_sheet_and_then_writes_them(terminal: Terminal) -> None:
    file = terminal.folder / "so.xlsx"
    file.write_bytes(sheet(("organ_id", "name", "state"), ("H41", "Nghệ An", ""), ("H14", "Cao Bằng", "")))
    planned = terminal.run("registry", "import", str(file), "--dry-run")
    assert (planned["applied"], planned["new"], planned["ended"]) == (False, 2, 0)
    assert not terminal.store.registry().organs
    terminal.run("registry", "import", str(file), "--by", "lan", "--reason", "lần đầu")
    file.write_bytes(sheet(("organ_id", "name", "state"), ("H41", "Nghệ An", "locked")))
    ended = terminal.run("registry", "import", str(file), "--by", "lan")
    assert (ended["new"], ended["changed"], ended["ended"], ended["unchanged"]) == (0, 0, 1, 0)
    told = [(each.actor, each.facts["added"], each.facts["ended"]) for each in terminal.store.events_of("")]
    assert told == [("admin:lan", "2", "0"), ("admin:lan", "0", "1")]


def test_the_terminal_lists_the_same_work(terminal: Terminal) -> None:
    sent = message("1", sender="A")
    legs = [leg(sent, str(n), ordinal=n, recipient=f"R{n}", state=LegState.PARKED) for n in range(3)]
    refused = message("no", state=MessageState.REFUSED, sender="B")
    with terminal.store.begin() as tx:
        tx.apply([PutMessage(sent), PutMessage(refused), *map(PutLeg, legs), PutDead(dead_letter("1"))])
    counts = {each["list"]: each["number"] for each in terminal.run("work")["rows"]}
    assert counts == {"not-taken": 0, "overdue": 0, "parked": 3, "held": 0, "dead": 1, "refused": 1}
    first = terminal.run("work", "parked", "--limit", "2")
    rest = terminal.run("work", "parked", "--limit", "2", "--after", first["next"])
    assert [each["leg_id"] for each in first["rows"] + rest["rows"]] == ["l-0", "l-1", "l-2"]
    assert rest["next"] is None
    assert [each["leg_id"] for each in terminal.run("work", "parked", "--organ", "R1")["rows"]] == ["l-1"]
    assert [each["id"] for each in terminal.run("work", "dead")["rows"]] == ["dead-1"]
    assert [each["message_id"] for each in terminal.run("work", "refused", "--organ", "B")["rows"]] == ["m-no"]
