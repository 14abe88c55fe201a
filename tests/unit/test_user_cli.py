"""`truc user` on a real database, as a person uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from router.cli import app
from router.core.accounts import weakness_of
from router.errors import ExitCode, HubProblem


class Terminal:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "truc.toml"
        self.config.write_text(
            'database_url = "sqlite:///hub.db"\n'
            "[console]\nargon2_memory_kib = 8\nargon2_rounds = 1\nargon2_lanes = 1\n",
            encoding="utf-8",
        )

    def run(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD, typed: str = "") -> tuple[str, str]:
        """What a command says on stdout and stderr."""
        done = CliRunner().invoke(app, ["user", *arguments, "--config", str(self.config)], input=typed)
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout, done.stderr

    def users(self) -> dict[str, Any]:
        return {each["name"]: each for each in json.loads(self.run("list", "--json")[0])}

    def add(self, name: str = "mai", *more: str) -> str:
        return self.run("add", name, "--role", "viewer", "--reason", "thử", *more)[0]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_an_account_is_the_first_thing_that_a_hub_may_get_and_its_password_stands_alone_on_stdout(
    terminal: Terminal,
) -> None:
    out, said = terminal.run("add", "Mai", "--role", "administrator", "--reason", "lập trục", "--name", "Nguyễn Mai")

    password = out.strip()
    assert weakness_of(password, name="mai") is None
    assert password not in said
    assert "mai" in said
    user = terminal.users()["mai"]
    assert (user["role"], user["root"], user["display"], user["must_change"]) == (
        "administrator",
        "",
        "Nguyễn Mai",
        True,
    )
    assert "mai" in terminal.run("list")[0]


def test_a_password_may_come_from_standard_input_and_need_not_be_changed(terminal: Terminal) -> None:
    out, _ = terminal.run(
        "add",
        "mai",
        "--role",
        "operator",
        "--reason",
        "thử",
        "--password-stdin",
        "--keep-password",
        typed="Nước chảy đá mòn 7\n",
    )
    assert out == ""
    assert terminal.users()["mai"]["must_change"] is False


def test_a_weak_password_a_taken_name_and_a_strange_organ_are_refused(terminal: Terminal) -> None:
    terminal.add()
    common = ("--role", "viewer", "--reason", "thử")
    _, said = terminal.run("add", "lan", *common, "--password-stdin", typed="ngắn\n", exit_code=ExitCode.NEGATIVE)
    assert "12" in said
    terminal.run("add", "mai", *common, exit_code=ExitCode.NEGATIVE)
    terminal.run("add", "lan", *common, "--root", "H99", exit_code=ExitCode.NEGATIVE)
    terminal.run("add", "lan", *common, "--password-stdin", typed="", exit_code=ExitCode.USAGE)
    terminal.run("add", "lan", "--role", "king", "--reason", "thử", exit_code=ExitCode.USAGE)
    terminal.run("add", "lan", "--role", "viewer", exit_code=ExitCode.USAGE)
    terminal.run("add", "lan", "--role", "viewer", "--reason", " ", exit_code=ExitCode.USAGE)
    assert list(terminal.users()) == ["mai"]


def test_what_is_not_given_stays(terminal: Terminal) -> None:
    terminal.add("mai", "--name", "Nguyễn Mai")

    terminal.run("change", "mai", "--role", "operator", "--reason", "lên chức")

    user = terminal.users()["mai"]
    assert (user["role"], user["display"]) == ("operator", "Nguyễn Mai")
    terminal.run("change", "lan", "--role", "operator", "--reason", "x", exit_code=ExitCode.NEGATIVE)


def test_accounts_are_locked_unlocked_and_removed(terminal: Terminal) -> None:
    terminal.add()

    terminal.run("lock", "mai", "--reason", "nghỉ việc")
    assert terminal.users()["mai"]["locked"] is True
    terminal.run("unlock", "mai", "--reason", "đi làm lại")
    assert terminal.users()["mai"]["locked"] is False
    terminal.run("remove", "mai", "--reason", "nghỉ hẳn")
    assert terminal.users() == {}
    for deed in ("lock", "unlock", "remove", "passwd"):
        _, said = terminal.run(deed, "mai", "--reason", "x", exit_code=ExitCode.NEGATIVE)
        assert "mai" in said


def test_a_new_password_is_another_one(terminal: Terminal) -> None:
    first = terminal.add().strip()
    told = json.loads(terminal.run("passwd", "mai", "--reason", "quên", "--json")[0])
    assert told["password"] != first
    assert told["must_change"] is True
