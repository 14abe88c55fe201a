"""Keys of document systems: what they open, for how long, and what is on disk of them."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from agents.errors import Unavailable, UsageFault
from agents.gateway.access import AccessStore, KeyState
from agents.gateway.access.errors import AccessUnavailable, BadKey, WrongAccessKey
from agents.gateway.access.secrets import KEY_VARIABLE
from agents.gateway.callers import Right
from tests.support.access import H14, H41, NOW, add_key, make_cheap

DAY = timedelta(days=1)
CERTIFICATE = "ab" * 32


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccessStore]:
    with AccessStore.open(tmp_path / "spool") as opened:
        yield opened


# ── What a key opens ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_way_to_show_a_key_leads_to_the_same_caller(store: AccessStore) -> None:
    new = add_key(
        store, organs=[H41, H14], rights=[Right.SEND], per_minute=7, username="so-y-te", certificate=CERTIFICATE
    )
    caller = store.by_token(new.token, now=NOW)
    assert caller is not None
    assert (caller.key_id, caller.system_id, caller.per_minute) == (new.key_id, "qlvb", 7)
    assert caller.organs == frozenset({H41, H14})
    assert caller.rights == frozenset({Right.SEND, Right.READ})
    assert store.by_system("qlvb", new.secret, now=NOW) == caller
    assert store.by_certificate(CERTIFICATE, now=NOW) == caller
    assert store.hmac_secrets("qlvb", now=NOW) == (caller, (new.secret.encode(),))
    login = store.login("so-y-te", new.password, now=NOW)
    assert login is not None
    assert (login.caller, login.username, login.name) == (caller, "so-y-te", "Phần mềm QLVB")


def test_a_token_names_its_key_and_begins_with_a_mark(store: AccessStore) -> None:
    new = add_key(store)
    assert new.token.startswith(f"tlk_{new.key_id}_")
    assert len({new.token, new.secret, add_key(store, "b").token, add_key(store, "c").secret}) == 4


def test_a_key_without_a_login_has_no_password(store: AccessStore) -> None:
    assert add_key(store).password == ""
    assert store.login("", "", now=NOW) is None


@pytest.mark.parametrize("written", ["AB" * 32, ":".join(["ab"] * 32), ":".join(["AB"] * 32)])
def test_a_fingerprint_counts_in_every_way_it_is_written(store: AccessStore, written: str) -> None:
    new = add_key(store, certificate=written)
    for shown in (written, CERTIFICATE):
        found = store.by_certificate(shown, now=NOW)
        assert found is not None
        assert found.key_id == new.key_id


def test_secrets_of_one_key_open_no_other(store: AccessStore) -> None:
    one, other = add_key(store, "a"), add_key(store, "b")
    assert store.by_system("a", other.secret, now=NOW) is None
    assert store.by_system("a", one.token, now=NOW) is None
    assert store.by_token(one.secret, now=NOW) is None
    mixed = f"tlk_{one.key_id}_{other.token.rpartition('_')[2]}"
    assert store.by_token(mixed, now=NOW) is None


# ── How long ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_expires_to_the_instant(store: AccessStore) -> None:
    new = add_key(store, expires_at=NOW + DAY, certificate=CERTIFICATE)
    just_before, then = NOW + DAY - timedelta(microseconds=1), NOW + DAY
    assert store.by_token(new.token, now=just_before)
    assert store.by_token(new.token, now=then) is None
    assert store.by_system("qlvb", new.secret, now=then) is None
    assert store.by_certificate(CERTIFICATE, now=then) is None
    assert store.hmac_secrets("qlvb", now=then) is None
    (record,) = store.keys()
    assert (record.state(just_before), record.state(then)) == (KeyState.ACTIVE, KeyState.EXPIRED)


def test_a_revocation_counts_at_once_in_a_store_opened_by_another(store: AccessStore) -> None:
    new = add_key(store, certificate=CERTIFICATE)
    with AccessStore.open(store.folder) as beside:
        assert store.by_token(new.token, now=NOW)
        assert beside.revoke(new.key_id, now=NOW)
    assert store.by_token(new.token, now=NOW) is None
    assert store.by_system("qlvb", new.secret, now=NOW) is None
    assert store.by_certificate(CERTIFICATE, now=NOW) is None
    assert store.hmac_secrets("qlvb", now=NOW) is None
    assert not store.revoke(new.key_id, now=NOW)
    assert not store.revoke("no-such-key", now=NOW)
    (record,) = store.keys()
    assert (record.state(NOW), record.revoked_at) == (KeyState.REVOKED, NOW)


def test_names_of_a_revoked_key_are_free_again(store: AccessStore) -> None:
    first = add_key(store, username="u", certificate=CERTIFICATE)
    store.revoke(first.key_id, now=NOW)
    second = add_key(store, username="u", certificate=CERTIFICATE)
    found = store.by_certificate(CERTIFICATE, now=NOW)
    assert found is not None
    assert found.key_id == second.key_id
    assert store.by_token(first.token, now=NOW) is None
    former, present = store.keys()
    assert (former.revoked_at, present.revoked_at) == (NOW, None)


def test_both_secrets_work_while_a_rotation_overlaps_and_then_the_new_one(store: AccessStore) -> None:
    old = add_key(store, username="u")
    new = store.rotate(old.key_id, overlap=DAY, now=NOW)
    assert new is not None
    assert (new.key_id, new.system_id) == (old.key_id, "qlvb")
    during, after = NOW + DAY - timedelta(microseconds=1), NOW + DAY
    for moment, expected in ((during, (new, old)), (after, (new,))):
        for each in (old, new):
            good = each in expected
            assert bool(store.by_token(each.token, now=moment)) is good
            assert bool(store.by_system("qlvb", each.secret, now=moment)) is good
            assert bool(store.login("u", each.password, now=moment)) is good
        held = store.hmac_secrets("qlvb", now=moment)
        assert held is not None
        assert held[1] == tuple(each.secret.encode() for each in expected)
    (record,) = store.keys()
    assert record.overlap_until == NOW + DAY
    assert store.by_token(new.token, now=after + timedelta(minutes=1))
    (record,) = store.keys()
    assert record.overlap_until is None  # what was sealed of the former is gone, too


def test_a_second_rotation_ends_the_first_secrets_at_once(store: AccessStore) -> None:
    first = add_key(store)
    second = store.rotate(first.key_id, overlap=DAY, now=NOW)
    third = store.rotate(first.key_id, overlap=DAY, now=NOW)
    assert second is not None
    assert third is not None
    held = store.hmac_secrets("qlvb", now=NOW)
    assert held is not None
    assert held[1] == (third.secret.encode(), second.secret.encode())
    assert store.by_token(first.token, now=NOW) is None


def test_a_rotation_without_overlap_leaves_only_the_new_secret(store: AccessStore) -> None:
    old = add_key(store)
    new = store.rotate(old.key_id, overlap=timedelta(0), now=NOW)
    assert new is not None
    assert store.by_token(old.token, now=NOW) is None
    assert store.by_token(new.token, now=NOW)


def test_a_certificate_stays_in_a_rotation_or_is_replaced_with_an_overlap(store: AccessStore) -> None:
    key = add_key(store, certificate=CERTIFICATE).key_id
    store.rotate(key, overlap=DAY, now=NOW)
    assert store.by_certificate(CERTIFICATE, now=NOW + DAY)
    store.rotate(key, overlap=DAY, now=NOW + DAY, certificate="cd" * 32)
    assert store.keys()[0].certificates == ("cd" * 32, CERTIFICATE)
    assert store.by_certificate(CERTIFICATE, now=NOW + DAY)
    assert store.by_certificate(CERTIFICATE, now=NOW + 2 * DAY) is None
    assert store.by_certificate("cd" * 32, now=NOW + 2 * DAY)


def test_what_is_gone_cannot_be_rotated(store: AccessStore) -> None:
    revoked, expiring = add_key(store, "a"), add_key(store, "b", expires_at=NOW + DAY)
    store.revoke(revoked.key_id, now=NOW)
    for key_id in (revoked.key_id, expiring.key_id, "no-such-key", ""):
        assert store.rotate(key_id, overlap=DAY, now=NOW + DAY) is None


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=91), timedelta.max])
def test_an_overlap_has_bounds(store: AccessStore, overlap: timedelta) -> None:
    with pytest.raises(BadKey):
        store.rotate(add_key(store).key_id, overlap=overlap, now=NOW)


# ── Last used ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_last_use_is_written_once_a_minute_at_most(store: AccessStore) -> None:
    new = add_key(store)
    assert store.keys()[0].last_used_at is None
    for seconds, written in ((0, 0), (59, 0), (60, 60), (61, 60), (121, 121)):
        assert store.by_token(new.token, now=NOW + timedelta(seconds=seconds))
        assert store.keys()[0].last_used_at == NOW + timedelta(seconds=written)


def test_asking_for_hmac_secrets_is_no_use_until_the_signature_is_good(store: AccessStore) -> None:
    add_key(store)
    held = store.hmac_secrets("qlvb", now=NOW)
    assert held is not None
    assert store.keys()[0].last_used_at is None
    store.used(held[0], now=NOW)
    assert store.keys()[0].last_used_at == NOW


# ── What cannot be made ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 201},
        {"organs": []},
        {"organs": [""]},
        {"organs": [f"{H41}\n{H14}"]},
        {"organs": [f" {H41}"]},
        {"rights": []},
        {"per_minute": 0},
        {"per_minute": 10**9},
        {"certificate": "abc"},
        {"certificate": "-"},
        {"username": "a b"},
        {"expires_at": NOW},
    ],
)
def test_a_key_that_cannot_be_is_refused_with_words(store: AccessStore, changes: dict[str, Any]) -> None:
    with pytest.raises(BadKey) as refused:
        add_key(store, **changes)
    assert isinstance(refused.value, UsageFault)
    assert refused.value.vi
    assert refused.value.en
    assert store.keys() == []


@pytest.mark.parametrize("same", [{"system_id": "QLVB"}, {"username": "U"}, {"certificate": CERTIFICATE.upper()}])
def test_a_name_in_use_is_refused_in_whatever_case(store: AccessStore, same: dict[str, str]) -> None:
    add_key(store, username="u", certificate=CERTIFICATE)
    with pytest.raises(BadKey):
        add_key(store, **({"system_id": "other"} | same))
    assert len(store.keys()) == 1


# ── On disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_owner_may_read_the_files(store: AccessStore) -> None:
    add_key(store)
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    for name in ("access.db", "access.db-wal", "access.key"):
        assert names[name] == 0o600, name


def test_files_that_were_opened_to_others_are_closed_again(store: AccessStore) -> None:
    for name in ("access.db", "access.key"):
        (store.folder / name).chmod(0o644)
    AccessStore.open(store.folder).close()
    for name in ("access.db", "access.key"):
        assert stat.S_IMODE((store.folder / name).stat().st_mode) == 0o600


def test_many_that_open_at_once_make_one_key_and_one_store(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda _: AccessStore.open(tmp_path / "spool"), range(8)))
    new = add_key(stores[0])
    for each in stores:
        held = each.hmac_secrets("qlvb", now=NOW)
        assert held is not None
        assert held[1] == (new.secret.encode(),)
        each.close()
    assert sorted(path.name for path in (tmp_path / "spool").iterdir() if "access" in path.name) == [
        "access.db",
        "access.key",
        "access.lock",
    ]


def test_the_sealing_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    with AccessStore.open(tmp_path) as store:
        assert add_key(store)
        assert store.hmac_secrets("qlvb", now=NOW)
    assert not (tmp_path / "access.key").exists()


def test_a_new_sealing_key_above_the_old_one_replaces_it_even_while_the_gateway_runs(store: AccessStore) -> None:
    new, path = add_key(store), store.folder / "access.key"
    former, fresh = path.read_text(), Fernet.generate_key().decode()
    others = store.seal(b"another room's")
    assert store.is_current(others)
    path.write_text(f"{fresh}\n{former}")
    with AccessStore.open(store.folder) as again:  # seals everything anew
        assert again.unseal(others) == b"another room's"
        assert not again.is_current(others)
    path.write_text(fresh)
    held = store.hmac_secrets("qlvb", now=NOW)
    assert held is not None
    assert held[1] == (new.secret.encode(),)
    with pytest.raises(AccessUnavailable):
        store.unseal(others)
    path.write_text(former)
    with pytest.raises(WrongAccessKey):
        AccessStore.open(store.folder)


@pytest.mark.parametrize("wrong", ["", "abc", "\x00", "é" * 44, "A" * 43 + "="])
def test_a_wrong_sealing_key_is_told_of_in_both_languages_and_changes_nothing(store: AccessStore, wrong: str) -> None:
    add_key(store)
    path = store.folder / "access.key"
    right = path.read_text()
    path.write_text(wrong)
    with pytest.raises(WrongAccessKey) as refused:
        AccessStore.open(store.folder)
    assert "access.key" in refused.value.vi
    assert "access.key" in refused.value.en
    path.unlink()
    with pytest.raises(WrongAccessKey, match="backup"):
        AccessStore.open(store.folder)
    path.write_text(right)
    with AccessStore.open(store.folder) as again:
        assert again.hmac_secrets("qlvb", now=NOW)


def test_a_store_of_a_later_version_or_a_broken_one_is_unavailable(store: AccessStore, tmp_path: Path) -> None:
    with store._write() as connection:
        connection.execute(text("PRAGMA user_version = 99"))
    with pytest.raises(AccessUnavailable, match="99"):
        AccessStore.open(store.folder)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "access.db").write_bytes(b"no database at all" * 100)
    (broken / "access.key").write_bytes(Fernet.generate_key())
    with pytest.raises(Unavailable):
        AccessStore.open(broken)
