"""What strangers may try on the store of keys, and that nothing secret gets out of it."""

import hmac
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from agents.gateway.access import AccessStore, NewKey, checking, logins
from agents.gateway.access.errors import BadKey, WrongAccessKey
from agents.gateway.access.passwords import slow_hash
from agents.logs import configure_logs
from tests.support.access import NOW, add_key, bytes_in, make_cheap, secrets_of

DAY = timedelta(days=1)
HUGE = "x" * 5_000_000
SQL = ("' OR 1=1 --", "qlvb' --", "qlvb'; DROP TABLE keys; --", '" OR ""="', "%", "_lvb", "qlv*", "qlvb\x00", "qlvb\n")
LOOKALIKES = (
    "QLVB",
    "ｑlvb",  # full width
    "qlvb\u200b",  # zero width space
    "q\u0323lvb",  # combining dot
    "\u202eqlvb",  # right to left
    "qlvь",  # Cyrillic
    " qlvb",
    "qlvb ",
    "qlvb\ufeff",
    "qlvb\ud800",  # half a surrogate pair
)
ANYTHING = st.text(st.characters(), max_size=200)  # lone surrogates, too


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccessStore]:
    with AccessStore.open(tmp_path / "spool") as opened:
        yield opened


def answers(store: AccessStore, name: str, secret: str, *, now: datetime = NOW) -> list[object]:
    """Of every way to show something."""
    return [
        store.by_token(secret, now=now),
        store.by_token(f"tlk_{name}_{secret}", now=now),
        store.by_system(name, secret, now=now),
        store.by_certificate(name, now=now),
        store.by_certificate(secret, now=now),
        store.login(name, secret, now=now),
        store.session(secret, now=now),
    ]


# ── Forged ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forged_token_is_nobody_s(store: AccessStore) -> None:
    new = add_key(store)
    mark, key_id, drawn = new.token.split("_")
    other = "0" if drawn[-1] != "0" else "1"
    for forged in (
        "",
        "tlk",
        "tlk__",
        f"tlk_{key_id}",
        f"tlk_{key_id}_",
        f"tlk_{key_id}_{drawn[:-1]}",
        f"tlk_{key_id}_{drawn[:-1]}{other}",
        f"tlk_{key_id}_{drawn}0",
        f"tlk_{key_id}_{drawn} ",
        f"TLK_{key_id}_{drawn}",
        f"tlk_{key_id}_{drawn.upper()}",
        f"tlk_{key_id.upper()}_{drawn}" if key_id != key_id.upper() else "",
        f"tlk_{'0' * 16}_{drawn}",
        f"{mark}{key_id}{drawn}",
        f"{new.token}_{new.token}",
        drawn,
        new.token + "\x00",
    ):
        assert store.by_token(forged, now=NOW) is None, forged


@pytest.mark.parametrize("name", [*SQL, *LOOKALIKES, HUGE, "", "-"])
def test_a_strange_name_is_nobody_even_with_a_right_secret(store: AccessStore, name: str) -> None:
    new = add_key(store, username="qlvb")
    for secret in (new.secret, new.password, new.token[-64:]):
        assert answers(store, name, secret) == [None] * 7
    assert store.hmac_secrets(name, now=NOW) is None
    assert store.by_system("qlvb", new.secret, now=NOW)  # the table is still there


@pytest.mark.parametrize("secret", [*SQL, *LOOKALIKES, HUGE, ""])
def test_a_strange_secret_opens_nothing(store: AccessStore, secret: str) -> None:
    new = add_key(store, username="qlvb")
    assert answers(store, "qlvb", secret) == [None] * 7
    assert answers(store, new.key_id, secret) == [None] * 7


@pytest.mark.parametrize("name", [*SQL, *LOOKALIKES[1:], HUGE, "", "-", "." * 101])
def test_a_strange_name_cannot_be_given_to_a_key(store: AccessStore, name: str) -> None:
    for field in ("system_id", "username"):
        with pytest.raises(BadKey) as refused:
            add_key(store, **({"system_id": "b", field: name or " "}))
        assert len(str(refused.value)) < 1000
        str(refused.value).encode("utf-8")  # can be printed
    assert store.keys() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(name=st.one_of(ANYTHING, st.just("qlvb")), secret=ANYTHING)
def test_whatever_is_shown_is_refused_without_a_fault(store: AccessStore, name: str, secret: str) -> None:
    if not store.keys():
        add_key(store, username="qlvb", certificate="ab" * 32)
    assert answers(store, name, secret) == [None] * 7


# ── The same way for every refusal ──────────────────────────────────────────────────────────────────────────────────


def _keys(store: AccessStore) -> dict[str, NewKey]:
    made = {name: add_key(store, name, username=name) for name in ("good", "revoked")}
    made["expired"] = add_key(store, "expired", username="expired", expires_at=NOW + DAY)
    store.revoke(made["revoked"].key_id, now=NOW)
    return made


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, key, right: store.by_token(key.token[: None if right else -1], now=NOW + DAY),
        lambda store, key, right: store.by_system(key.system_id, key.secret if right else "sai", now=NOW + DAY),
        lambda store, key, right: store.login(key.system_id, key.password if right else "sai", now=NOW + DAY),
    ],
    ids=["token", "system", "login"],
)
def test_every_refusal_asks_compares_and_hashes_as_much(
    store: AccessStore, monkeypatch: pytest.MonkeyPatch, ask: Callable[[AccessStore, NewKey, bool], Any]
) -> None:
    made = _keys(store)
    made["nobody"] = NewKey(key_id="0" * 16, system_id="nobody", token="tlk_" + "0" * 16, secret="x", password="x")
    done: list[str] = []
    compare = hmac.compare_digest

    def comparing(one: bytes, other: bytes) -> bool:
        done.append(f"compare {len(one)} {len(other)}")
        return compare(one, other)

    def hashing(password: str, salt: bytes) -> bytes:
        done.append(f"hash {len(salt)}")
        return slow_hash(password, salt)

    monkeypatch.setattr(hmac, "compare_digest", comparing)
    monkeypatch.setattr(logins, "slow_hash", hashing)
    event.listen(store._engine, "before_cursor_execute", lambda *given: done.append(given[2]))
    ways = set()
    for name, right in (("nobody", True), ("revoked", True), ("expired", True), ("expired", False), ("good", False)):
        done.clear()
        assert ask(store, made[name], right) is None
        ways.add(tuple(done))
    assert len(ways) == 1, ways
    assert ask(store, made["good"], True)


# ── Nothing gets out ────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_is_on_disk_in_plain_text(store: AccessStore) -> None:
    first = add_key(store, username="u")
    second = store.rotate(first.key_id, overlap=DAY, now=NOW)
    assert second is not None
    login = store.login("u", second.password, now=NOW)
    assert login is not None
    token = store.open_session(login, now=NOW)
    store.login("nguoi-la", "mat-khau-cua-nguoi-la", now=NOW)
    with_journal = bytes_in(store.folder)
    store.close()
    for content in (with_journal, bytes_in(store.folder)):
        assert b"qlvb" in content
        for secret in (*secrets_of(first), *secrets_of(second), token, token[4:], "nguoi-la"):
            assert secret.encode() not in content
            assert bytes.fromhex(secret) not in content if len(secret) in {48, 64} else True


def test_a_revocation_leaves_nothing_to_recognise_the_secrets_by(store: AccessStore) -> None:
    new = add_key(store)
    with store._read() as connection:
        (row,) = connection.execute(checking.HELD).all()
    store.revoke(new.key_id, now=NOW)
    store.close()  # the journal is merged into the file
    content = bytes_in(store.folder)
    for each in (row.token_hash, row.secret_hash, row.secret_sealed):
        assert each not in content


def test_no_secret_is_in_logs_reprs_or_errors(
    store: AccessStore, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(verbose=True)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    shown: list[str] = []
    try:
        new = add_key(store, username="u")
        rotated = store.rotate(new.key_id, overlap=DAY, now=NOW)
        assert rotated is not None
        for key in (new, rotated):
            shown += [repr(key), str(key), f"{key}", repr(store.by_token(key.token, now=NOW))]
            shown += [repr(store.by_system("qlvb", key.secret, now=NOW)), repr(store.login("u", key.password, now=NOW))]
        shown += [repr(store.keys()), repr(store), repr(vars(store))]
        sealing = (store.folder / "access.key").read_text().strip()
        for break_it in (_without_tables, _with_another_key):
            break_it(store)
            for ask in (
                lambda: store.by_token(new.token, now=NOW),
                lambda: store.by_system("qlvb", new.secret, now=NOW),
                lambda: store.hmac_secrets("qlvb", now=NOW),
                lambda: store.login("u", new.password, now=NOW),
                lambda: AccessStore.open(store.folder),
            ):
                try:
                    ask()
                except Exception:
                    shown.append(traceback.format_exc())
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    printed = capsys.readouterr()
    everything = "\n".join([*shown, caplog.text, printed.out, printed.err])
    assert "Traceback" in everything
    for secret in (*secrets_of(new), *secrets_of(rotated), sealing):
        assert secret not in everything


def _without_tables(store: AccessStore) -> None:
    with store._write() as connection:
        connection.exec_driver_sql("ALTER TABLE credentials RENAME TO elsewhere")


def _with_another_key(store: AccessStore) -> None:
    with store._write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO credentials")
    (store.folder / "access.key").write_text("A" * 43 + "=")
    with pytest.raises(WrongAccessKey):
        AccessStore.open(store.folder)
