"""`truc overdue`, `truc leg` and the alarms in `truc trace`, on a real database, as a person uses them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from router.adapters.sql.store import SqlStore
from router.commands import leg as leg_commands
from router.commands.overdue import late_by, overdue
from router.commands.status import as_dict as status_as_dict
from router.commands.status import show as show_status
from router.commands.trace import trace
from router.core.deadlines import DEFAULT_CLOCKS
from router.core.records import Attempt, Leg, LegState, MessageRecord, PutAttempt, PutEvent, PutLeg, PutMessage
from router.core.registry import AgentRecord, OrganRecord
from router.errors import ExitCode, HubProblem
from router.ports import Promptness
from router.services.carriage.deadlines import overdue_legs
from tests.support.hub_tables import make_tables
from tests.support.records import event, leg, message

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Terminal:
    """A person at a terminal, with a configured hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "truc.toml"
        self.config.write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
        make_tables(f"sqlite:///{folder / 'hub.db'}")
        self.store = SqlStore(f"sqlite:///{folder / 'hub.db'}")
        self._app = typer.Typer()
        self._app.command("overdue")(overdue)
        self._app.command("trace")(trace)
        self._app.add_typer(leg_commands.app, name="leg")

    def run(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD) -> str:
        """What a command says on stdout."""
        done = CliRunner().invoke(self._app, [*arguments, "--config", str(self.config)])
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout

    def json(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD) -> Any:
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code))

    def fault(self, *arguments: str) -> str:
        """What a wrong use is answered with."""
        done = CliRunner().invoke(self._app, [*arguments, "--config", str(self.config)])
        assert isinstance(done.exception, HubProblem), done.output
        assert done.exception.exit_code == ExitCode.USAGE
        return done.exception.text()

    def has(self, document: MessageRecord, *legs: Leg) -> None:
        with self.store.begin() as tx:
            tx.apply([PutMessage(document), *map(PutLeg, legs)])


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def a_message(name: str, **changes: Any) -> MessageRecord:
    filled = {"sender": "000.00.00.G22", "document_id": f"vb-{name}", "code": "1/VPCP", "subject": "V/v kết nối"}
    return message(name, received_at=NOW - 10 * DAY, decided_at=NOW - 10 * DAY, **{**filled, **changes})


def a_leg(document: MessageRecord, recipient: str, **changes: Any) -> Leg:
    name = f"{document.id}-{recipient}"
    return leg(document, name, recipient=recipient, created_at=NOW - 10 * DAY, look_at=NOW, **changes)


def late_for_01(document: MessageRecord, recipient: str, *, since: timedelta) -> Leg:
    """At the agent, and 01 is overdue for so long (ordinary documents: 8 hours)."""
    at = NOW - since - 8 * HOUR
    return a_leg(
        document,
        recipient,
        state=LegState.DELIVERED,
        handed_over_at=at,
        delivered_at=at,
        raised=("not-arrived",),
    )


def parked(document: MessageRecord, recipient: str) -> Leg:
    return a_leg(document, recipient, state=LegState.PARKED, raised=("not-delivered",))


def test_nothing_overdue_is_said_so_and_is_good(terminal: Terminal) -> None:
    assert terminal.run("overdue") == ""
    assert terminal.json("overdue") == []


def test_what_is_overdue_is_listed_worst_first(terminal: Terminal) -> None:
    calm, urgent = a_message("1", subject="V/v\x1b[31m kết nối " * 9), a_message("2", priority=3)
    terminal.has(calm, late_for_01(calm, "H41", since=5 * HOUR), late_for_01(calm, "H14", since=9 * HOUR))
    terminal.has(urgent, parked(urgent, "H41"))
    found = terminal.json("overdue", exit_code=ExitCode.NEGATIVE)
    assert [(each["kind"], each["recipient"], each["message_id"]) for each in found] == [
        ("not-delivered", "H41", urgent.id),
        ("not-arrived", "H14", calm.id),
        ("not-arrived", "H41", calm.id),
    ]
    # Both were late for hours before the command was asked, however slow the machine is.
    assert found[1]["late_seconds"] >= 9 * 3600
    assert 4 * 3600 - 60 <= found[1]["late_seconds"] - found[2]["late_seconds"] <= 4 * 3600 + 60
    assert found[0]["text"] == {"vi": "Chưa chuyển được đến hộp thư", "en": "not in the recipient's inbox"}
    shown = terminal.run("overdue", exit_code=ExitCode.NEGATIVE)
    assert "3 việc quá hạn" in shown
    assert "\x1b" not in shown
    assert "…" in shown


def test_what_was_done_since_it_was_raised_is_not_overdue_any_more(terminal: Terminal) -> None:
    document = a_message("1")
    terminal.has(document, replace(late_for_01(document, "H41", since=HOUR), status="03", status_at=NOW))
    assert terminal.json("overdue") == []


def test_one_may_ask_for_an_organ_or_a_kind(terminal: Terminal) -> None:
    document = a_message("1")
    terminal.has(document, late_for_01(document, "H41", since=HOUR), parked(document, "H14"))
    assert len(terminal.json("overdue", "--organ", "H14", exit_code=ExitCode.NEGATIVE)) == 1
    assert len(terminal.json("overdue", "--organ", document.sender, exit_code=ExitCode.NEGATIVE)) == 2
    assert len(terminal.json("overdue", "--kind", "not-arrived", exit_code=ExitCode.NEGATIVE)) == 1
    assert terminal.json("overdue", "--kind", "recall-unanswered") == []


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (timedelta(minutes=25), "25 phút/min"),
        (timedelta(hours=2), "2 giờ/h"),
        (timedelta(hours=2, minutes=5), "2 giờ/h 5 phút/min"),
        (timedelta(days=3), "3 ngày/d"),
        (timedelta(days=3, hours=4, minutes=5), "3 ngày/d 4 giờ/h"),
        (timedelta(seconds=59), "0 phút/min"),
    ],
)
def test_how_late_is_said_in_two_units_at_most(late: timedelta, said: str) -> None:
    assert late_by(late) == said


def test_a_parked_leg_is_sent_once_more_with_a_reason_and_a_name(terminal: Terminal) -> None:
    terminal.store.put_agents([AgentRecord(name="nghean")])
    terminal.store.put_organs([OrganRecord(code="H41", name="Nghệ An", agent="nghean")])
    document = a_message("1")
    first, other = parked(document, "H41"), parked(document, "H14")
    terminal.has(document, first, other)
    arguments = ("leg", "resend", first.id, "--reason", "đã sửa máy", "--by", "An  Bình")
    rehearsed = terminal.json(*arguments, "--dry-run")
    assert (rehearsed["dry_run"], rehearsed["legs"][0]["answer"]) == (True, "resent")
    assert [each.state for each in terminal.store.legs_of(document.id)] == [LegState.PARKED] * 2
    assert terminal.store.backlog().outbox == 0
    terminal.run(*arguments)
    states = {each.recipient: each.state for each in terminal.store.legs_of(document.id)}
    assert states == {"H41": LegState.QUEUED, "H14": LegState.PARKED}
    assert terminal.store.backlog().outbox == 1
    (resent,) = [each for each in terminal.store.events_of(document.id) if each.name == "leg.resent"]
    assert (resent.actor, resent.leg_id, resent.facts["reason"]) == ("admin:An Bình", first.id, "đã sửa máy")
    again = terminal.json(*arguments, exit_code=ExitCode.NEGATIVE)
    assert again["legs"][0]["answer"] == "queued"
    assert terminal.store.backlog().outbox == 1


def test_a_parked_leg_is_found_by_document_and_recipient(terminal: Terminal) -> None:
    document = a_message("1")
    terminal.has(document, parked(document, "H41"), parked(document, "H14"))
    arguments = ("--document", document.document_id, "--recipient", "H41")
    done = terminal.json("leg", "resend", *arguments, "--reason", "thử lại")
    assert [each["recipient"] for each in done["legs"]] == ["H41"]
    (shown,) = terminal.json("leg", "show", *arguments)
    assert (shown["recipient"], shown["state"]) == ("H41", "held")


@pytest.mark.parametrize("state", [each for each in LegState if each is not LegState.PARKED])
def test_a_leg_that_is_not_parked_is_left_alone_and_why_is_said(terminal: Terminal, state: LegState) -> None:
    document = a_message("1")
    there = a_leg(document, "H41", state=state)
    terminal.has(document, there)
    done = terminal.json("leg", "resend", there.id, "--reason", "thử", exit_code=ExitCode.NEGATIVE)
    assert done["legs"][0]["answer"] == state.value
    assert done["legs"][0]["text"]["vi"]
    assert [each.version for each in terminal.store.legs_of(document.id)] == [there.version]


def test_an_unknown_leg_is_said_to_be_none(terminal: Terminal) -> None:
    done = terminal.json("leg", "resend", "khong-co", "--reason", "thử", exit_code=ExitCode.NEGATIVE)
    assert done["legs"] == [
        {
            "leg_id": "khong-co",
            "recipient": None,
            "answer": "unknown",
            "text": {"vi": "không có chặng này", "en": "there is no such leg"},
        }
    ]
    assert terminal.json("leg", "show", "khong-co", exit_code=ExitCode.NEGATIVE) == []


def test_a_resend_needs_a_reason_and_a_leg(terminal: Terminal) -> None:
    document = a_message("1")
    terminal.has(document, parked(document, "H41"))
    assert "--reason" in terminal.fault("leg", "resend", "x", "--reason", "  ")
    assert "--recipient" in terminal.fault("leg", "resend", "--reason", "thử")
    assert "--recipient" in terminal.fault("leg", "resend", "--document", document.id, "--reason", "thử")
    assert "H14" in terminal.fault("leg", "show", "--document", document.id, "--recipient", "H14")


def test_two_documents_of_one_code_are_told_apart_by_their_legs(terminal: Terminal) -> None:
    one, two = a_message("1"), a_message("2", document_id="khác")
    legs = [parked(one, "H41"), parked(two, "H41")]
    terminal.has(one, legs[0])
    terminal.has(two, legs[1])
    said = terminal.fault("leg", "resend", "--document", one.code, "--recipient", "H41", "--reason", "thử")
    assert all(each.id in said for each in legs)
    assert {each.state for each in (*terminal.store.legs_of(one.id), *terminal.store.legs_of(two.id))} == {
        LegState.PARKED
    }


def test_a_leg_is_shown_with_its_alarms_attempts_and_history(terminal: Terminal) -> None:
    document = a_message("1")
    there = parked(document, "H41")
    terminal.has(document, there)
    failed = Attempt(item_id="o1", message_id=document.id, leg_id=there.id, number=1, at=NOW, reason="hộp thư đầy")
    parking = event("leg.parked", document.id, leg_id=there.id, facts={"recipient": "H41", "attempts": "1"})
    with terminal.store.begin() as tx:
        tx.apply([PutAttempt(failed), PutEvent(parking)])
    (shown,) = terminal.json("leg", "show", there.id)
    assert [each["kind"] for each in shown["overdue"]] == ["not-delivered"]
    assert [(each["number"], each["reason"]) for each in shown["attempts"]] == [(1, "hộp thư đầy")]
    assert [each["name"] for each in shown["timeline"]] == ["leg.parked"]
    text = terminal.run("leg", "show", there.id)
    for said in ("dừng, chờ quản trị / parked", "Chưa chuyển được đến hộp thư", "hộp thư đầy", "Quá hạn chuyển"):
        assert said in text


def test_the_trace_shows_what_is_overdue(terminal: Terminal) -> None:
    document = a_message("1")
    terminal.has(document, parked(document, "H41"))
    (traced,) = terminal.json("trace", document.id)
    assert traced["matrix"][0]["raised"] == ["not-delivered"]
    assert "Chưa chuyển được" in terminal.run("trace", document.id)


def test_the_status_counts_what_is_overdue_and_what_is_parked(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    document = a_message("1")
    terminal.has(document, late_for_01(document, "H41", since=HOUR), parked(document, "H14"))
    late = overdue_legs(terminal.store, DEFAULT_CLOCKS, now=NOW)
    found = status_as_dict("trục", [], terminal.store.backlog(), Promptness(), now=NOW, overdue=late)
    assert (found["overdue"], found["parked"]) == (2, 1)
    show_status(found)
    assert "Quá hạn / overdue: 2, dừng, chờ quản trị / parked: 1" in capsys.readouterr().out
