"""Settings: the file, the environment, and what is wrong with either."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from edxml_schemas.limits import Limits
from router.app.parts import migrate
from router.cli import main
from router.commands.init import init
from router.errors import ExitCode, UsageProblem, redacted
from router.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [each for each in os.environ if each.startswith("TRUC_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    init(tmp_path / "hub")
    return tmp_path / "hub" / "truc.toml"


def test_a_fresh_configuration_is_valid_and_its_folders_are_there(config: Path) -> None:
    settings = load_settings(config)
    assert settings.database == f"sqlite:///{config.parent / 'data' / 'truc.db'}"
    for folder in (settings.trust.anchors, settings.trust.intermediates, settings.trust.crls, settings.data_dir):
        assert (settings.folder / folder).is_dir()


def test_nobody_else_reads_the_configuration(config: Path) -> None:
    assert config.stat().st_mode & 0o077 == 0


def test_every_setting_is_in_the_fresh_configuration(config: Path) -> None:
    text = config.read_text("utf-8")
    nested = {name: value for name, value in Settings() if isinstance(value, BaseModel)}
    names = [name for name in Settings.model_fields if name not in {"folder", *nested}]
    names += [name for each in nested.values() for name in type(each).model_fields]
    assert [name for name in names if f"{name} = " not in text] == []


def test_commented_lines_show_the_defaults(config: Path) -> None:
    text = config.read_text("utf-8")
    shown = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    config.write_text(shown, "utf-8")
    uncommented, defaults = load_settings(config), Settings()
    given = {"folder", "workers", "amqp_url", "database_url"}
    assert uncommented.model_dump(exclude=given) == defaults.model_dump(exclude=given)


def test_an_existing_configuration_is_not_overwritten(config: Path) -> None:
    before = config.read_bytes()
    with pytest.raises(UsageProblem):
        init(config.parent)
    assert config.read_bytes() == before


def test_the_environment_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_AMQP_URL", "amqps://elsewhere/")
    monkeypatch.setenv("TRUC_DATABASE_URL", "postgresql://db/truc")
    monkeypatch.setenv("TRUC_TRUST__REQUIRE_REVOCATION", "false")
    settings = load_settings(config)
    assert (settings.amqp_url, settings.database) == ("amqps://elsewhere/", "postgresql://db/truc")
    assert not settings.trust.require_revocation
    assert settings.trust.anchors == Path("trust/anchors")


def test_the_file_named_in_the_environment_is_found(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_CONFIG", str(config))
    assert load_settings().folder == config.parent


def test_without_any_file_the_defaults_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().workers == 1


def test_a_named_file_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"no configuration file"):
        load_settings(tmp_path / "truc.toml")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("wokers = 2", "wokers"),
        ("workers = 0", "workers"),
        ('amqp_url = "http://x"', "amqp_url"),
        ("http_port = 70000", "http_port"),
        ("[trust]\nancors = 'x'", "trust.ancors"),
        ("[limits]\nrecipients = -1", "limits.recipients"),
        ("workers = ", "truc.toml"),
        ('folder = "/"', "folder"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "truc.toml"
    path.write_text(line, "utf-8")
    with pytest.raises(UsageProblem) as told:
        load_settings(path)
    assert named in told.value.text()


def test_limits_reach_the_format(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_LIMITS__RECIPIENTS", "7")
    assert load_settings(config).limits.as_limits() == Limits(recipients=7)


def test_secrets_are_neither_shown_nor_in_the_representation() -> None:
    settings = Settings(amqp_url="amqp://hub:s3cret@broker/", database_url="postgresql://truc:s3cret@db/truc")
    assert "s3cret" not in str(settings.shown())
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://hub:s3cret@broker:5672/vhost?x=s3cret", "amqp://hub:…@broker:5672/vhost"),
        ("amqp://hub@broker/", "amqp://hub@broker/"),
        ("amqp://hub:p%40ss@[::1]:5672/", "amqp://hub:…@[::1]:5672/"),
        ("sqlite:////var/lib/truc.db", "sqlite:////var/lib/truc.db"),
        ("s3cret", "…"),
        ("amqp://hub:s3cret@broker:port/", "…"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_a_fault_on_the_command_line_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status", "--config", str(tmp_path / "truc.toml")])
    assert ended.value.code == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert "truc init" in told.err
    assert "Traceback" not in told.err


def test_verbose_may_stand_anywhere(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem):
        main(["status", "--config", str(tmp_path / "truc.toml"), "--verbose"])


def test_the_folder_of_envelopes_is_closed_to_others(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path / "hub")
    migrate(settings)
    assert settings.data_path.stat().st_mode & 0o007 == 0
