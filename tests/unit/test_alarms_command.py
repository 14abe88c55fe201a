"""`truc alarms`, and the tasks of a hub process put together from a configuration."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import router
from router.adapters.clock import SystemClock
from router.adapters.notify import channels_of
from router.app.alarms import diagnostics_door, guard_of, open_alarm_book
from router.app.certificates import accepted_certificates, own_certificates
from router.app.parts import migrate, open_store
from router.cli import app
from router.commands.init import init
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity
from router.core.records import PutDead
from router.core.registry import OrganRecord
from router.settings import Settings, load_settings
from tests.support.records import dead_letter

NOW = datetime.now(UTC)
ALARMS = """
[alarms]
mail_host = "127.0.0.1"
mail_port = 1
mail_tls = "none"
mail_sender = "truc@bo.gov.vn"
mail_to = ["ban@bo.gov.vn"]
digest_to = {H41=["vanthu@h41.vn"]}
patience_seconds = 2.0
syslog = "udp://127.0.0.1:9"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    init(tmp_path / "hub")
    path = tmp_path / "hub" / "truc.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("\n[alarms]\n", ALARMS), "utf-8")
    migrate(load_settings(path))
    return path


def put_alarm(settings: Settings) -> str:
    store = open_store(settings)
    alarm = Alarm(
        id="a1b2",
        kind=AlarmKind.DEAD,
        subject="hub",
        severity=Severity.CRITICAL,
        state=AlarmState.RAISED,
        vi="3 thông điệp\x1b[31m",
        en="3 letters",
        raised_at=NOW,
        seen_at=NOW,
    )
    open_alarm_book(store.engine).keep([alarm])
    store.close()
    return alarm.id


def truc(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["alarms", *words, "--config", str(config)])


def test_alarms_are_listed_shown_quieted_and_told_again(config: Path) -> None:
    assert truc(config, "list").exit_code == 0
    alarm = put_alarm(load_settings(config))
    listed = truc(config, "list")
    assert listed.exit_code == 1
    assert "\x1b[31m" not in listed.stdout
    (told,) = json.loads(truc(config, "list", "--json").stdout)
    assert (told["id"], told["severity"], told["command"]) == (alarm, "critical", "truc dead list")
    shown = truc(config, "show", alarm).stdout
    assert "truc dead list" in shown
    assert "/console/work/dead" in shown, "without public_url the page is told by its path"
    assert truc(config, "show", "nothing").exit_code == 1

    until = f"{NOW + timedelta(days=2):%Y-%m-%d}"
    assert truc(config, "quiet", alarm, "--until", until, "--reason", "x", "--dry-run").exit_code == 0
    assert json.loads(truc(config, "show", alarm, "--json").stdout)["state"] == "raised"
    assert truc(config, "quiet", alarm, "--until", until, "--reason", "đang xử lý", "--by", "Hà").exit_code == 0
    shown = json.loads(truc(config, "show", alarm, "--json").stdout)
    assert (shown["state"], shown["quiet_by"], shown["quiet_reason"]) == ("quieted", "admin:Hà", "đang xử lý")
    assert truc(config, "list").exit_code == 0
    assert truc(config, "unquiet", alarm, "--reason", "x").exit_code == 0
    assert truc(config, "unquiet", alarm, "--reason", "x").exit_code == 1
    assert truc(config, "quiet", alarm, "--until", "2020-01-01", "--reason", "x").exit_code == 1


def test_a_channel_that_does_not_answer_is_told_and_an_unknown_one_is_named(config: Path) -> None:
    assert type(truc(config, "test", "pigeon").exception).__name__ == "UsageProblem"
    assert type(truc(config, "test", "mail").exception).__name__ == "InfrastructureProblem"


def test_a_digest_is_printed_and_sent_once_a_day(config: Path) -> None:
    store = open_store(load_settings(config))
    store.put_organs([OrganRecord(code="H41", name="Nghệ An")])
    printed = truc(config, "digest", "--organ", "H41", "--dry-run")
    assert printed.exit_code == 0
    assert "Nghệ An (H41)" in printed.stdout
    assert open_alarm_book(store.engine).notices() == ()
    assert truc(config, "digest", "--organ", "H41").exit_code == 0
    assert truc(config, "digest", "--organ", "H41").exit_code == 1
    (notice,) = open_alarm_book(store.engine).notices()
    assert notice.to == ("vanthu@h41.vn",)
    assert json.loads(truc(config, "digest", "--organ", "H41", "--dry-run", "--json").stdout)["counts"] == {
        "not_taken": 0,
        "overdue": 0,
        "refused": 0,
    }
    store.close()


async def test_a_hub_process_looks_by_its_configuration(config: Path) -> None:
    settings = load_settings(config)
    store = open_store(settings)
    with store.begin() as tx:
        tx.apply([PutDead(dead_letter("x"))])

    async def probe() -> Mapping[str, str]:
        return {"broker": "", "database": ""}

    async def depths() -> Mapping[str, int]:
        return {"so-y-te": 99_999}

    await guard_of(settings, store, store.engine, probe=probe, depths=depths).look()

    book = open_alarm_book(store.engine)
    assert [each.kind.value for each in book.standing()] == ["backlog", "dead"]
    assert [each.channel for each in book.notices()] == ["mail"]
    assert [each.subject for each in own_certificates(settings)] == ["hub"]
    assert len(accepted_certificates(settings)) == 1
    assert len(diagnostics_door(settings, store.engine).routes()) == 2
    store.close()


def test_the_readme_has_an_example_that_works_and_names_every_setting(config: Path) -> None:
    readme = Path(str(router.__file__)).with_name("README.md").read_text("utf-8")
    section = readme.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    example = section.partition("```toml\n")[2].partition("```")[0]
    config.write_text(config.read_text("utf-8").replace(ALARMS, f"\n{example}"), "utf-8")
    named = load_settings(config).alarms
    assert {each.name for each in channels_of(named, folder=config.parent, clock=SystemClock())} == {
        "mail",
        "webhook",
        "telegram",
    }
    assert named.digest_to
    assert named.syslog_target
    assert not [each for each in type(named).model_fields if f"`{each}`" not in section]
    assert not [each.value for each in AlarmKind if f"`{each.value}`" not in section]
