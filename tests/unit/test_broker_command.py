"""`truc broker definitions`: what an administrator imports into RabbitMQ."""

import base64
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from router.cli import main


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUC_AMQP_URL", "amqp://hub:hub-s3cret@broker/")
    for name in ("TRUC_CONFIG", "TRUC_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def truc(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["broker", "definitions", *arguments])
    return ended.value.code


def is_password(user: dict[str, Any], password: str) -> bool:
    salted = base64.b64decode(user["password_hash"])
    return salted[4:] == hashlib.sha256(salted[:4] + password.encode()).digest()


def test_definitions_hold_hashes_and_new_passwords_go_to_a_private_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert truc("--agent", "so-y-te", "--passwords-out", "new.toml") == 0
    printed = capsys.readouterr().out
    users = {each["name"]: each for each in json.loads(printed)["users"]}
    made = tomllib.loads((tmp_path / "new.toml").read_text("utf-8"))
    assert (tmp_path / "new.toml").stat().st_mode & 0o077 == 0
    assert is_password(users["hub"], "hub-s3cret")
    assert is_password(users["so-y-te"], made["so-y-te"])
    assert "s3cret" not in printed
    assert made["so-y-te"] not in printed
    assert not (tmp_path / "data").exists()


def test_given_passwords_are_used(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text('so-y-te = "given"\n', "utf-8")
    assert truc("--passwords", "old.toml", "-o", "defs.json") == 0
    users = {each["name"]: each for each in json.loads((tmp_path / "defs.json").read_text("utf-8"))["users"]}
    assert is_password(users["so-y-te"], "given")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--agent", "so-y-te"),
        ("--agent", "So Y Te", "--passwords-out", "new.toml"),
        ("--agent", "a.*", "--passwords-out", "new.toml"),
        ("--passwords", "missing.toml"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert truc(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_password_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("", "utf-8")
    assert truc("--agent", "so-y-te", "--passwords-out", "new.toml") == 2
