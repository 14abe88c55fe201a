"""`truc-agent keys` as administrators and scripts use it, beside a gateway that runs."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cryptography.fernet import Fernet

from agents import cli
from agents.gateway.access import AccessStore
from agents.gateway.access.secrets import KEY_VARIABLE
from agents.gateway.callers import Right
from tests.support.access import H14, H41, bytes_in, make_cheap
from tests.support.pki import Pki

FOREIGN = "000.00.00.G22"
COMMANDS = ("add", "list", "revoke", "rotate")
ADD = ("add", "Phần mềm QLVB", "--organ", H41, "--system-id", "qlvb")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_cheap(monkeypatch)
    values = {"name": "nghean", "organs": [{"organ_id": H41}, {"organ_id": H14}]}
    (tmp_path / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    return tmp_path


@pytest.fixture
def gateway(home: Path) -> Iterator[AccessStore]:
    """What a running gateway asks."""
    with AccessStore.open(home / "spool") as store:
        yield store


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(command: str, *arguments: object) -> Outcome:
        where = () if "--help" in arguments else ("-c", home)
        monkeypatch.setattr(sys, "argv", ["truc-agent", "keys", command, *map(str, (*arguments, *where))])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        else:
            code = 0
        printed = capsys.readouterr()
        assert isinstance(code, int), code
        assert "Traceback" not in printed.out + printed.err
        return Outcome(code, printed.out, printed.err)

    return _run


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_purpose_example_and_exit_codes_in_both_languages(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert (shown.code, shown.err) == (0, "")
    for wanted in ("truc-agent keys " + command, "Mã thoát / exit codes", "Ví dụ / example", "--json", "--verbose"):
        assert wanted in shown.out


# ── add ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_add_prints_the_secrets_once_and_a_running_gateway_knows_them_at_once(run: Run, gateway: AccessStore) -> None:
    shown = run(*ADD, "--json")
    assert shown.code == 0
    assert set(shown.json) == {"key_id", "system_id", "token", "secret"}
    caller = gateway.by_token(shown.json["token"], now=now())
    assert caller is not None
    assert (caller.system_id, caller.organs, caller.rights) == ("qlvb", frozenset({H41}), frozenset(Right))
    assert gateway.by_system("qlvb", shown.json["secret"], now=now()) == caller
    assert shown.json["token"] not in shown.err
    assert "rotate" in shown.err
    for secret in (shown.json["token"], shown.json["secret"]):
        for arguments in (("list",), ("list", "--json")):
            assert secret not in run(*arguments).out
        assert secret.encode() not in bytes_in(gateway.folder)


def test_add_for_people_prints_one_line_for_each_thing_to_copy(run: Run, gateway: AccessStore) -> None:
    shown = run(*ADD, "--organ", H14, "--login", "so-y-te", "--rights", "receive", "--rate", "60")
    lines = dict(line.split(":", 1) for line in shown.out.splitlines())
    told = {label: value.strip() for label, value in lines.items()}
    assert list(told) == ["key_id", "system_id", "token", "secret", "login", "password"]
    login = gateway.login("so-y-te", told["password"], now=now())
    assert login is not None
    assert login.caller.organs == frozenset({H41, H14})
    assert (login.caller.rights, login.caller.per_minute) == (frozenset({Right.RECEIVE, Right.READ}), 60)


def test_add_binds_the_certificate_in_a_file(run: Run, gateway: AccessStore, tmp_path: Path) -> None:
    credential = Pki(now()).self_signed("qlvb")
    path = tmp_path / "client.pem"
    path.write_bytes(credential.cert_pem)
    key_id = run(*ADD, "--certificate", path, "--json").json["key_id"]
    caller = gateway.by_certificate(credential.fingerprint, now=now())
    assert caller is not None
    assert caller.key_id == key_id
    for content in (b"", b"abc", credential.key_pem, credential.cert_pem * 2):
        path.write_bytes(content)
        shown = run("add", "x", "--organ", H41, "--system-id", "b", "--certificate", path)
        assert (shown.code, shown.out) == (2, "")
        assert str(path) in shown.err
    assert run("add", "x", "--organ", H41, "--system-id", "b", "--certificate", tmp_path / "không-có").code == 2


def test_a_key_works_through_the_last_day_in_vietnam(run: Run, gateway: AccessStore) -> None:
    token = run(*ADD, "--expires", "2999-12-31", "--json").json["token"]
    end = datetime(2999, 12, 31, 17, tzinfo=UTC)
    assert gateway.by_token(token, now=end - timedelta(seconds=1))
    assert gateway.by_token(token, now=end) is None
    run("add", "b", "--organ", H41, "--system-id", "b", "--expires", "2999-12-31T12:00:00+00:00")
    assert gateway.keys()[1].expires_at == datetime(2999, 12, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "x", "--system-id", "b"),
        ("add", "x", "--organ", H41),
        ("add", "x", "--organ", FOREIGN, "--system-id", "b"),
        ("add", "x", "--organ", H41, "--organ", FOREIGN, "--system-id", "b"),
        ("add", "x", "--organ", H41, "--system-id", "hệ thống"),
        ("add", "x", "--organ", H41, "--system-id", "QLVB"),
        ("add", "x", "--organ", H41, "--system-id", "b", "--rights", "all"),
        ("add", "x", "--organ", H41, "--system-id", "b", "--rate", "0"),
        ("add", "x", "--organ", H41, "--system-id", "b", "--expires", "31/12/2999"),
        ("add", "x", "--organ", H41, "--system-id", "b", "--expires", "2020-01-01"),
        ("add", "x", "--organ", H41, "--system-id", "b", "--expires", "9999-12-31"),
        ("add", "", "--organ", H41, "--system-id", "b"),
        ("revoke", "không-có"),
        ("rotate", "không-có"),
        ("rotate", "qlvb", "--overlap", "-1"),
        ("xóa",),
    ],
)
def test_wrong_use_exits_2_prints_no_data_and_changes_nothing(
    run: Run, gateway: AccessStore, arguments: tuple[str, ...]
) -> None:
    run(*ADD)
    before = gateway.keys()
    shown = run(*arguments)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err
    assert gateway.keys() == before


def test_an_organ_that_is_not_the_agent_s_is_refused_with_those_that_are(run: Run) -> None:
    shown = run("add", "x", "--organ", FOREIGN, "--system-id", "b")
    for wanted in (FOREIGN, H41, H14):
        assert shown.err.count(wanted) == 2


# ── list, revoke, rotate ────────────────────────────────────────────────────────────────────────────────────────────


def test_list_tells_everything_but_secrets(run: Run, gateway: AccessStore) -> None:
    assert run("list", "--json").json == []
    assert run("list").out == ""
    made = run(*ADD, "--login", "u", "--expires", "2999-12-31", "--json").json
    used = now()
    gateway.by_token(made["token"], now=used)
    shown = run("list", "--json")
    assert (shown.code, shown.err) == (0, "")
    (key,) = shown.json
    assert key["created_at"] <= key["last_used_at"] == used.isoformat()
    told = {name: key[name] for name in ("key_id", "name", "system_id", "organs", "rights", "username", "state")}
    assert told == {
        "key_id": made["key_id"],
        "name": "Phần mềm QLVB",
        "system_id": "qlvb",
        "organs": [H41],
        "rights": ["read", "receive", "send"],
        "username": "u",
        "state": "active",
    }
    for each in ("list", "list --json"):
        out = run(*each.split()).out
        assert made["key_id"] in out
        assert not any(made[name] in out for name in ("token", "secret", "password"))


def test_revoke_ends_a_key_at_once_and_says_when_it_was_ended_before(run: Run, gateway: AccessStore) -> None:
    made = run(*ADD, "--json").json
    assert gateway.by_token(made["token"], now=now())
    assert run("revoke", "qlvb", "--json").json == {"key_id": made["key_id"], "system_id": "qlvb", "revoked": True}
    assert gateway.by_token(made["token"], now=now()) is None
    for name in ("qlvb", made["key_id"]):
        again = run("revoke", name)
        assert (again.code, again.out) == (1, "")
        assert run("rotate", name).code == 1
    assert [each["state"] for each in run("list", "--json").json] == ["revoked"]


def test_a_system_id_given_again_names_the_key_that_works(run: Run, gateway: AccessStore) -> None:
    run(*ADD)
    run("revoke", "qlvb")
    second = run(*ADD, "--json").json
    assert run("revoke", "qlvb", "--json").json["key_id"] == second["key_id"]
    assert gateway.by_token(second["token"], now=now()) is None


def test_a_system_named_like_another_key_does_not_stand_in_for_it(run: Run, gateway: AccessStore) -> None:
    first = run(*ADD, "--json").json
    run("add", "x", "--organ", H41, "--system-id", first["key_id"])
    assert run("revoke", first["key_id"], "--json").json["system_id"] == "qlvb"
    assert gateway.by_token(first["token"], now=now()) is None


def test_rotate_prints_new_secrets_and_the_former_ones_work_for_a_while(run: Run, gateway: AccessStore) -> None:
    old = run(*ADD, "--login", "u", "--json").json
    new = run("rotate", "qlvb", "--overlap", "1", "--json").json
    assert (new["key_id"], new["login"]) == (old["key_id"], "u")
    assert new["token"] != old["token"]
    assert run("list", "--json").json[0]["overlap_until"] is not None
    soon, later = now() + timedelta(minutes=59), now() + timedelta(minutes=61)
    assert gateway.by_token(old["token"], now=soon)
    assert gateway.by_token(old["token"], now=later) is None
    assert gateway.by_token(new["token"], now=later)
    assert run("rotate", "qlvb", "--overlap", "0").code == 0
    assert gateway.by_token(new["token"], now=now()) is None
    assert run("list", "--json").json[0]["overlap_until"] is None


# ── When something is wrong ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_sealing_key_exits_2_with_a_clear_word(
    run: Run, gateway: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*ADD)
    for wrong in (Fernet.generate_key().decode(), "abc"):
        monkeypatch.setenv(KEY_VARIABLE, wrong)
        shown = run("list")
        assert (shown.code, shown.out) == (2, "")
        assert KEY_VARIABLE in shown.err
        assert wrong not in shown.err
    assert gateway.keys()


def test_a_store_that_cannot_be_opened_exits_3(run: Run, home: Path) -> None:
    (home / "spool").write_text("in the way")
    shown = run("list")
    assert (shown.code, shown.out) == (3, "")
    assert shown.err
