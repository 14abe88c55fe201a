"""`truc agency` on a real database, as an administrator uses it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edxml_schemas.contract import Urgency
from router.adapters.sql.store import SqlStore
from router.commands import agency
from router.commands.acting import actor_of, moment_of, reason_of
from router.commands.opening import VIETNAM
from router.core.holds import HoldKind
from router.core.records import LegState, PutLeg, PutMessage, PutOutbox
from router.core.registry import AgentRecord, OrganRecord
from router.errors import ExitCode, HubProblem, UsageProblem
from tests.support.hub_tables import make_tables
from tests.support.records import MINUTE, NOON, leg, message, outbox_item

SECOND_ORGAN = "000.00.01.H30"
FIRST_ORGAN = "000.00.00.H41"
FAR = timedelta(days=400)


class Desk:
    """An administrator at a terminal, with a configured hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "truc.toml"
        self.config.write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
        make_tables(f"sqlite:///{folder / 'hub.db'}")
        self.store = SqlStore(f"sqlite:///{folder / 'hub.db'}")
        self.store.put_agents([AgentRecord(name="tinh"), AgentRecord(name="so")])
        self.store.put_organs(
            [
                OrganRecord(code=FIRST_ORGAN, name="UBND tỉnh", agent="tinh"),
                OrganRecord(code=SECOND_ORGAN, name="Sở Xây dựng", agent="so"),
                OrganRecord(code="000.00.02.H30", name="Chưa kết nối"),
            ]
        )
        self._app = typer.Typer()
        self._app.add_typer(agency.app, name="agency")

    def run(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD) -> tuple[str, str]:
        """What a command says on stdout and stderr."""
        done = CliRunner().invoke(self._app, ["agency", *arguments, "--config", str(self.config)])
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout, done.stderr

    def hold_documents(self, organ: str, count: int) -> list[str]:
        """The ids of legs that wait for an organ; the first document is urgent."""
        legs = []
        with self.store.begin() as tx:
            for number in range(count):
                lane = Urgency.URGENT if number == 0 else Urgency.NORMAL
                document = message(f"{organ}-{number}", urgency=lane, received_at=NOON + number * MINUTE, code="7/UB")
                waits = leg(document, f"{organ}-{number}", recipient=organ, agent="", state=LegState.HELD)
                item = outbox_item(
                    f"{organ}-{number}",
                    agent="",
                    recipient=organ,
                    leg_id=waits.id,
                    leased_until=datetime.now(UTC) + FAR,
                )
                tx.apply([PutMessage(document), PutLeg(waits), PutOutbox(item)])
                legs.append(waits.id)
        return legs

    def due(self) -> int:
        """Outbox items that a worker would take up now."""
        with self.store.begin() as tx:
            return len(tx.lease_outbox(now=datetime.now(UTC), lease_for=timedelta(), limit=100))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_a_hold_is_set_listed_and_released_and_what_waited_is_due_at_once(desk: Desk) -> None:
    legs = desk.hold_documents(SECOND_ORGAN, 3)
    said, warned = desk.run(
        "hold", SECOND_ORGAN, "--until", "31/12/2099 08:30", "--reason", "bảo trì  máy chủ", "--by", "Lan"
    )
    assert "31/12/2099 08:30:00" in said
    assert "bảo trì máy chủ" in said
    assert "7 ngày" in warned
    (hold,) = desk.store.registry().holds.values()
    assert (hold.organ, hold.kind, hold.by) == (SECOND_ORGAN, HoldKind.HOLD, "admin:Lan")
    assert hold.until == datetime(2099, 12, 31, 8, 30, tzinfo=VIETNAM)

    (row,) = json.loads(desk.run("holds", "--json")[0])
    assert (row["organ"], row["state"], row["held"], row["urgent"]) == (SECOND_ORGAN, "in-force", 3, 1)
    assert datetime.fromisoformat(row["oldest"]) == NOON
    assert row["arrangement"]["reason"] == "bảo trì máy chủ"
    assert "bảo trì" in desk.run("holds")[0]
    assert desk.due() == 0

    dry = json.loads(desk.run("release", SECOND_ORGAN, "--reason", "xong", "--dry-run", "--json")[0])
    assert (dry["done"], dry["released"], set(dry["legs"])) == (False, 3, set(legs))
    assert desk.due() == 0
    assert desk.store.registry().holds

    said, _ = desk.run("release", SECOND_ORGAN, "--reason", "xong", "--by", "Lan")
    assert "3 held documents" in said
    assert desk.due() == 3
    assert not desk.store.registry().holds
    assert [(each.name, each.actor) for each in desk.store.events_of("")] == [
        ("hold.set", "admin:Lan"),
        ("hold.released", "admin:Lan"),
    ]


def test_a_forward_says_what_is_moved_and_a_dry_run_moves_nothing(desk: Desk) -> None:
    desk.hold_documents("000.00.02.H30", 2)
    arguments = ("forward", "000.00.02.H30", "--to", FIRST_ORGAN, "--reason", "sáp nhập", "--json")
    dry = json.loads(desk.run(*arguments, "--dry-run")[0])
    assert (dry["done"], dry["held"], dry["moved"], dry["parked"]) == (False, 2, 2, 0)
    assert (desk.due(), dict(desk.store.registry().holds)) == (0, {})

    done = json.loads(desk.run(*arguments)[0])
    assert (done["done"], done["arrangement"]["to"]) == (True, FIRST_ORGAN)
    assert desk.due() == 2
    assert "chuyển tiếp" in desk.run("holds")[0]


def test_a_forward_to_an_organ_that_nobody_carries_for_is_set_with_a_warning(desk: Desk) -> None:
    _, warned = desk.run("forward", SECOND_ORGAN, "--to", "000.00.02.H30", "--reason", "sáp nhập")
    assert "000.00.02.H30" in warned


def test_chains_unknown_organs_and_nothing_to_release_are_refused_in_both_languages(desk: Desk) -> None:
    desk.run("forward", SECOND_ORGAN, "--to", FIRST_ORGAN, "--reason", "sáp nhập")
    no = ExitCode.NEGATIVE
    _, chain = desk.run("forward", FIRST_ORGAN, "--to", "000.00.02.H30", "--reason", "x", exit_code=no)
    assert SECOND_ORGAN in chain
    _, unknown = desk.run("hold", "X99", "--reason", "x", exit_code=no)
    assert "X99" in unknown
    desk.run("release", FIRST_ORGAN, "--reason", "x", exit_code=no)
    assert list(desk.store.registry().holds) == [SECOND_ORGAN]


@pytest.mark.parametrize(
    "times",
    [
        ("--until", "2020-01-01"),
        ("--from", "2099-02-02", "--until", "2099-02-01 10:00"),
        ("--until", "mai"),
        ("--until", "2099-13-01"),
        ("--from", "2099-02-30"),
        ("--until", "9999-12-31"),
    ],
)
def test_moments_that_are_none_or_make_no_sense_set_nothing(desk: Desk, times: tuple[str, ...]) -> None:
    desk.run("hold", SECOND_ORGAN, "--reason", "x", *times, exit_code=ExitCode.USAGE)
    assert not desk.store.registry().holds


def test_a_reason_is_asked_for(desk: Desk) -> None:
    for command in (("hold", SECOND_ORGAN), ("release", SECOND_ORGAN), ("forward", SECOND_ORGAN, "--to", FIRST_ORGAN)):
        desk.run(*command, exit_code=ExitCode.USAGE)
        desk.run(*command, "--reason", "  ", exit_code=ExitCode.USAGE)


@pytest.mark.parametrize(
    ("text", "end_of_day", "meant"),
    [
        ("2026-11-25", False, datetime(2026, 11, 25, tzinfo=VIETNAM)),
        ("25/11/2026", True, datetime(2026, 11, 26, tzinfo=VIETNAM)),
        ("2026-11-25 08:00", True, datetime(2026, 11, 25, 8, tzinfo=VIETNAM)),
        ("2026-11-25T08:00:30", False, datetime(2026, 11, 25, 8, 0, 30, tzinfo=VIETNAM)),
        ("25/11/2026  08:00", False, datetime(2026, 11, 25, 8, tzinfo=VIETNAM)),
        ("2026-11-25T01:00:00+00:00", False, datetime(2026, 11, 25, 8, tzinfo=VIETNAM)),
        ("", True, None),
    ],
)
def test_moments_are_vietnam_time(text: str, end_of_day: bool, meant: datetime | None) -> None:
    assert moment_of(text, option="--until", end_of_day=end_of_day) == meant


def test_who_does_it_is_named_or_the_user_of_the_machine() -> None:
    assert actor_of(" Lê  Lan ") == "admin:Lê Lan"
    assert actor_of("").startswith("admin:")
    assert len(actor_of("")) > len("admin:")
    assert len(actor_of("x" * 500)) < 100
    with pytest.raises(UsageProblem):
        reason_of(" \n ")
