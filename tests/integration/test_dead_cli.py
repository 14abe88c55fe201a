"""`truc dead` on a real database, as a person uses it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edxml_schemas.contract import Header, Urgency, ingest_queue
from router.adapters.dead_wire import DEATHS, letter_of
from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.commands import dead
from router.core.dead import DeadLetter, DeadState
from router.errors import ExitCode, HubProblem
from router.ports import TrustSource
from router.services.carriage.relay import Relay
from router.services.carriage.tracking import Tracking
from router.services.dead.dead_letters import DeadLetters
from router.services.verdicts.ingest import Ingest
from tests.support.hub_desk import Desk as HubDesk
from tests.support.hub_desk import Trusted
from tests.support.hub_tables import make_tables
from tests.support.records import MINUTE, NOON, digest_of

DECISION = ("--reason", "đã sửa lỗi", "--by", "lan")


class Desk:
    """A person at a terminal, with a configured hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "truc.toml").write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
        make_tables(f"sqlite:///{folder / 'hub.db'}")
        self.store = SqlStore(f"sqlite:///{folder / 'hub.db'}")
        self.payloads = FilePayloads(folder / "data" / "payloads", "test")
        trust: TrustSource = Trusted(HubDesk().trust.material())
        self.letters = DeadLetters(Ingest(self.payloads, trust), Relay(self.payloads), Tracking(), self.payloads)
        self._app = typer.Typer()
        self._app.add_typer(dead.app, name="dead")

    def bury(self, number: int) -> DeadLetter:
        body = b"<edXML" + b"!" * number
        headers = {
            Header.DIGEST.value: digest_of("another"),
            DEATHS: [{"queue": ingest_queue(Urgency.NORMAL), "reason": "delivery_limit", "time": NOON}],
        }
        letter = letter_of(
            routing_key="normal.so-y-te",
            message_id=f"s-{number}",
            message_type="edoc",
            user_id="so-y-te",
            headers=headers,
            body=body,
            now=NOON,
        )
        kept = self.letters.keep([(letter, body)])
        with self.store.begin() as tx:
            return self.letters.bury(tx, kept, now=NOON)[0]

    def run(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD) -> tuple[str, str]:
        """What a command says on stdout and stderr."""
        arguments = ("dead", *arguments, "--config", str(self.folder / "truc.toml"))
        done = CliRunner().invoke(self._app, list(arguments))
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout, done.stderr

    def take_up(self) -> None:
        more = True
        while more:
            with self.store.begin() as tx:
                more = self.letters.run(tx, now=NOON + timedelta(days=20_000)).more


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.payloads.close()
    made.store.close()


def test_letters_are_listed_by_query_and_state(desk: Desk) -> None:
    letters = [desk.bury(number) for number in range(3)]
    told, _ = desk.run("list")
    assert all(each.id[:8] in told for each in letters)
    found = json.loads(desk.run("list", "s-1", "--json")[0])
    assert [each["id"] for each in found] == [letters[1].id]
    assert desk.run("list", "--state", "discarded")[0] == ""
    desk.run("list", "--state", "dead", exit_code=ExitCode.USAGE)
    assert len(json.loads(desk.run("list", "--state", "all", "--json")[0])) == 3


def test_a_letter_is_shown_with_its_original_bytes(desk: Desk) -> None:
    letter = desk.bury(2)
    told, _ = desk.run("show", letter.id[:8], "--bytes", str(desk.folder / "saved.edxml"), "--by", "lan")
    (opened,) = [each for each in desk.store.events_of("") if each.name == "content.opened"]
    assert (opened.actor, opened.facts["digest"]) == ("admin:lan", letter.digest)
    assert (desk.folder / "saved.edxml").read_bytes() == b"<edXML!!"
    for each in (letter.id, letter.digest, "delivery_limit", "s-2", "so-y-te", digest_of("another")):
        assert each in told.replace("\n", "")
    desk.run("show", "không có", exit_code=ExitCode.NEGATIVE)


def test_an_explanation_says_in_both_languages_why_and_what_would_happen(desk: Desk) -> None:
    letter = desk.bury(1)
    told, _ = desk.run("explain", letter.id)
    assert "sẽ bị từ chối" in told
    assert "it would be refused" in told
    assert "transport.headers" in told
    assert "handed out several times" in told.replace("\n", " ")
    assert desk.store.find_dead()[0] == letter


def test_a_dry_run_and_an_unconfirmed_query_change_nothing(desk: Desk) -> None:
    desk.bury(1)
    desk.run("return", "--query", "", *DECISION, "--dry-run")
    _, told = desk.run("return", "--query", "", *DECISION, exit_code=ExitCode.USAGE)
    assert "so-y-te" in told
    assert desk.store.find_dead()[0].state is DeadState.OPEN


def test_what_a_query_selects_is_returned_once_at_the_wanted_rate(desk: Desk) -> None:
    letters = [desk.bury(number) for number in range(3)]
    desk.run("return", "--query", "so-y-te", *DECISION, "--yes", "--rate", "30/m")
    turns = sorted(each.return_at for each in desk.store.find_dead(state=DeadState.RETURNING) if each.return_at)
    assert [turn - turns[0] for turn in turns] == [n * MINUTE / 30 for n in range(3)]
    desk.run("return", letters[0].id, *DECISION, exit_code=ExitCode.NEGATIVE)
    desk.take_up()
    assert len(desk.store.find_dead(state=DeadState.RETURNED)) == 3
    assert desk.store.backlog().messages == {"refused": 3}
    told = json.loads(desk.run("return", letters[0].id, *DECISION, "--json", exit_code=ExitCode.NEGATIVE)[0])
    assert told["letters"] == [{"id": letters[0].id, "state": "returned", "done": False}]


def test_a_discarded_letter_keeps_its_bytes_and_says_who_did_it_and_why(desk: Desk) -> None:
    letter = desk.bury(1)
    desk.run("discard", letter.id[:8], *DECISION)
    told, _ = desk.run("show", letter.id, "--bytes", str(desk.folder / "kept"))
    assert "admin:lan" in told
    assert "đã sửa lỗi" in told
    assert (desk.folder / "kept").read_bytes() == b"<edXML!"
    desk.run("discard", letter.id, *DECISION, exit_code=ExitCode.NEGATIVE)


@pytest.mark.parametrize(
    "arguments",
    [
        ("return", "--reason", "x"),
        ("return", "abc", "--query", "x", "--reason", "x"),
        ("return", "abc"),
        ("discard", "abc", "--reason", "  "),
        ("return", "abc", "--reason", "x", "--rate", "0/s"),
        ("return", "abc", "--reason", "x", "--rate", "fast"),
    ],
)
def test_a_decision_needs_letters_a_reason_and_a_rate(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.run(*arguments, exit_code=ExitCode.USAGE)
