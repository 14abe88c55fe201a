"""Every command of `truc` that changes something leaves its event in the log: who did it, and why.

The command tree is walked: a new command fails here until it stands in one of the tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from router.app.alarms import open_alarm_book
from router.app.parts import migrate, open_store
from router.cli import app
from router.commands.init import init
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity
from router.core.applications import Application, ApplicationKind
from router.core.records import LegState, PutDead, PutLeg, PutMessage
from router.core.registry import AgentRecord, OrganRecord
from router.errors import HubProblem
from router.settings import load_settings
from tests.support.pki import Pki
from tests.support.records import dead_letter, leg, message

NOW: Final = datetime.now(UTC)
WHY: Final = "vì cần thử"
WHO: Final = "lan"
ALARMS: Final = """
[alarms]
mail_host = "127.0.0.1"
mail_port = 1
mail_tls = "none"
mail_sender = "truc@bo.gov.vn"
mail_to = ["ban@bo.gov.vn"]
digest_to = {H41=["vanthu@h41.vn"]}
patience_seconds = 2.0
"""
READS: Final = frozenset(
    {
        *("status", "trace", "search", "overdue", "top", "work", "audit", "keys", "registry applications"),
        *("registry list", "registry show", "registry agents", "registry certificate list", "agency holds"),
        *("alarms list", "alarms show", "dead list", "dead explain", "leg show"),
        *("log verify", "log show", "user list", "broker definitions", "backup"),
    }
)
"""What reads. `broker definitions` and `backup` write files beside the hub."""
OF_THE_MACHINE: Final = frozenset(
    {
        *("run", "worker", "console"),  # serve
        *("init", "restore"),  # make a hub, before there is a log to write into
        "doctor",  # --repair makes what is missing: folders, queues, tables
        "stats",  # --recount counts the log anew, to the same sums
    }
)
TESTED_WITH_A_DOCUMENT: Final = {
    "document": ("tests/integration/test_search_cli.py", "content.opened"),
    "evidence export": ("tests/integration/test_proof_cli.py", "evidence.exported"),
    "dead show": ("tests/integration/test_dead_cli.py", "content.opened"),  # with --bytes
}
"""What gives out what stands in a document. The event is looked for where there is one."""


@dataclass(frozen=True, slots=True)
class Done:
    """The arguments behind the command, and the event. `why` is what stands there for a reason."""

    event: str
    arguments: Sequence[str]
    why: str | None = WHY
    code: int = 0


CHANGES: Final[Mapping[str, Done]] = {
    "registry import": Done("registry.changed", ["{folder}/so.csv", "--reason", WHY]),
    "registry approve": Done("registry.changed", ["00000001", "--reason", WHY]),
    "registry reject": Done("registry.changed", ["00000002", "--reason", WHY]),
    "registry lock": Done("registry.changed", ["H41.01", "--reason", WHY]),
    "registry unlock": Done("registry.changed", ["H41.02", "--reason", WHY]),
    "registry agent add": Done("registry.changed", ["moi", "--reason", WHY]),
    "registry certificate add": Done("registry.changed", ["H41", "{folder}/b.pem", "--reason", WHY]),
    "registry certificate remove": Done("registry.changed", ["H41", "{fingerprint}", "--reason", WHY]),
    "agency hold": Done("hold.set", ["H41.01", "--reason", WHY]),
    "agency forward": Done("hold.set", ["H41.02", "--to", "H41", "--reason", WHY]),
    "agency release": Done("hold.released", ["H41.02", "--reason", WHY]),
    "alarms quiet": Done("alarm.quieted", ["00aa", "--until", f"{NOW + timedelta(days=2):%Y-%m-%d}", "--reason", WHY]),
    "alarms unquiet": Done("alarm.unquieted", ["00aa", "--reason", WHY]),
    "alarms test": Done("notice.sent-by-hand", ["mail"], why="test", code=3),
    "alarms digest": Done("notice.sent-by-hand", ["--organ", "H41"], why="digest"),
    "dead return": Done("dead.returned", ["dead-1", "--reason", WHY]),
    "dead discard": Done("dead.discarded", ["dead-2", "--reason", WHY]),
    "leg resend": Done("leg.resent", ["l-1", "--reason", WHY]),
    "user add": Done("user.added", ["an.nguyen", "--role", "viewer", "--reason", WHY]),
    "user change": Done("user.changed", ["an.nguyen", "--role", "operator", "--reason", WHY]),
    "user passwd": Done("user.password-set", ["an.nguyen", "--reason", WHY]),
    "user lock": Done("user.locked", ["an.nguyen", "--reason", WHY]),
    "user unlock": Done("user.unlocked", ["an.nguyen", "--reason", WHY]),
    "user remove": Done("user.removed", ["an.nguyen", "--reason", WHY]),
}
"""In the order in which they are tried, on one hub."""
SEALS: Final = "log seal"
"""Its event is the hub's: a seal says nothing but that the log was sealed."""


def commands(found: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    command = typer.main.get_command(app) if found is None else found
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
    else:
        for name, each in below.items():
            yield from commands(each, (*path, name))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with something for every command."""
    made = tmp_path_factory.mktemp("hub") / "hub"
    init(made)
    config = made / "truc.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("\n[alarms]\n", ALARMS), "utf-8")
    settings = load_settings(config)
    migrate(settings)
    pki = Pki(NOW)
    (made / "a.pem").write_bytes(pki.issue("A").cert_pem)
    (made / "b.pem").write_bytes(pki.issue("B").cert_pem)
    (made / "so.csv").write_text("organ_id,name,certificate\nH41,Tỉnh Nghệ An,a.pem\n", "utf-8")
    store = open_store(settings)
    store.put_agents([AgentRecord(name="tinh")])
    store.put_organs(
        [OrganRecord(code="H41", name="Tỉnh", agent="tinh")]
        + [OrganRecord(code=f"H41.0{n}", name="Sở", parent="H41", agent="tinh") for n in (1, 2)]
    )
    for number in (1, 2):
        applied = Application(
            id=f"0000000{number}-app",
            agent="tinh",
            reference=str(number),
            kind=ApplicationKind.REGISTER,
            code=f"H41.1{number}",
            name="Ban",
            parent="H41",
            applied_at=NOW,
        )
        store.put_application(applied, most_open=100)
    sent = message("1", sender="H41", agent="tinh")
    parked = leg(sent, "1", recipient="H41.01", agent="tinh", state=LegState.PARKED)
    with store.begin() as tx:
        tx.apply([PutMessage(sent), PutLeg(parked), *(PutDead(dead_letter(name)) for name in ("1", "2"))])
    alarm = Alarm(
        id="00aa",
        kind=AlarmKind.DEAD,
        subject="hub",
        severity=Severity.CRITICAL,
        state=AlarmState.RAISED,
        vi="2 thông điệp",
        en="2 letters",
        raised_at=NOW,
        seen_at=NOW,
    )
    open_alarm_book(store.engine).keep([alarm])
    store.close()
    assert truc(made, "registry", "lock", "H41.02", "--reason", "x").exit_code == 0
    return made


def truc(folder: Path, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--config", str(folder / "truc.toml")])


def test_every_command_reads_or_is_tried() -> None:
    known = [READS, OF_THE_MACHINE, frozenset(TESTED_WITH_A_DOCUMENT), frozenset(CHANGES), frozenset({SEALS})]
    assert sorted(commands()) == sorted(name for each in known for name in each)


@pytest.mark.parametrize("command", CHANGES)
def test_a_command_leaves_its_event_with_who_and_why(folder: Path, command: str) -> None:
    store = open_store(load_settings(folder / "truc.toml"))
    try:
        before = len(store.events_after(0, limit=10_000))
        held = store.certificates_of("H41")
        values = {"folder": str(folder), "fingerprint": held[0].fingerprint if held else ""}
        case = CHANGES[command]
        arguments = [each.format(**values) for each in case.arguments]
        done = truc(folder, *command.split(), *arguments, "--by", WHO)
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == case.code, (done.output, done.exception)
        told = [each for each in store.events_after(0, limit=10_000)[before:] if each.actor.startswith("admin:")]
    finally:
        store.close()
    assert [(each.name, each.actor) for each in told] == [(case.event, f"admin:{WHO}")]
    assert case.why is None or f'"reason":"{case.why}"' in told[0].facts


def test_sealing_by_hand_is_an_event_of_the_hub(folder: Path) -> None:
    assert truc(folder, *SEALS.split()).exit_code == 0
    store = open_store(load_settings(folder / "truc.toml"))
    assert "log.sealed" in [each.name for each in store.events_after(0, limit=10_000)]
    store.close()


@pytest.mark.parametrize("command", TESTED_WITH_A_DOCUMENT)
def test_what_is_tested_elsewhere_is_there(command: str) -> None:
    file, event = TESTED_WITH_A_DOCUMENT[command]
    assert event in Path(file).read_text("utf-8")
