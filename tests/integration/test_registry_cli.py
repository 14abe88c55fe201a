"""`truc registry` and `truc trace` on a real database, as a person uses them."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edxml_schemas.findings import FindingCode, finding
from router.adapters.sql.store import SqlStore
from router.commands import registry as registry_commands
from router.commands.trace import trace
from router.core.events import EventName
from router.core.records import LegState, MessageState, PutEvent, PutLeg, PutMessage, PutStatus
from router.errors import ExitCode, HubProblem
from tests.support.hub_tables import make_tables
from tests.support.pki import Pki
from tests.support.records import MINUTE, NOON, event, leg, message, status

CSV = "organ_id,name,parent,old_code,agent,email,certificate\n"


class Desk:
    """A person at a terminal, with a configured hub in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "truc.toml"
        self.config.write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
        make_tables(f"sqlite:///{folder / 'hub.db'}")
        self.store = SqlStore(f"sqlite:///{folder / 'hub.db'}")
        self._app = typer.Typer()
        self._app.add_typer(registry_commands.app, name="registry")
        self._app.command("trace")(trace)

    def run(self, *arguments: str, exit_code: ExitCode = ExitCode.GOOD) -> tuple[str, str]:
        """What a command says on stdout and stderr."""
        done = CliRunner().invoke(self._app, [*arguments, "--config", str(self.config)])
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout, done.stderr

    def csv(self, text: str) -> str:
        path = self.folder / "registry.csv"
        path.write_text(CSV + text, encoding="utf-8")
        return str(path)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_file_is_imported_and_the_organs_are_listed_and_shown(desk: Desk) -> None:
    credential = Pki(datetime(2026, 3, 2, tzinfo=UTC)).issue("Sở Y tế")
    (desk.folder / "certs").mkdir()
    (desk.folder / "certs" / "yte.pem").write_bytes(credential.cert_pem)
    file = desk.csv("H41,Tỉnh,,,tinh,,\nH41.08,Sở Y tế,,000.00.08.H41,so-y-te,vt@soyte.gov.vn,certs/yte.pem\n")

    said, _ = desk.run("registry", "import", file)
    listed, _ = desk.run("registry", "list")
    shown, _ = desk.run("registry", "show", "000.00.08.H41", "--json")

    assert "2 mới" in said
    assert "Sở Y tế" in listed
    organ = json.loads(shown)
    assert (organ["code"], organ["parent"], organ["state"]) == ("H41.08", "H41", "active")
    assert [each["fingerprint"] for each in organ["certificates"]] == [credential.fingerprint]


def test_a_registry_may_be_the_first_thing_that_a_hub_gets(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.config.write_text('database_url = "sqlite:///new/hub.db"\n', encoding="utf-8")

    desk.run("registry", "import", desk.csv("H41,Tỉnh,,,tinh,,\n"))

    listed, _ = desk.run("registry", "list", "--json")
    assert [each["code"] for each in json.loads(listed)] == ["H41"]


def test_a_file_with_one_wrong_line_is_refused_as_a_whole(desk: Desk) -> None:
    file = desk.csv("H41,Tỉnh,,,tinh,,\nH41.08,,,,so-y-te,,nowhere.pem\n")

    _, said = desk.run("registry", "import", file, exit_code=ExitCode.NEGATIVE)
    out, _ = desk.run("registry", "import", file, "--json", exit_code=ExitCode.NEGATIVE)

    assert ":3 [name]" in said
    assert ":3 [certificate]" in said
    assert [each["line"] for each in json.loads(out)["problems"]] == [3, 3]
    assert desk.store.registry().organs == {}


def test_a_dry_run_shows_the_differences_and_writes_nothing(desk: Desk) -> None:
    desk.run("registry", "import", desk.csv("H41,Tỉnh,,,tinh,,\n"))

    out, _ = desk.run("registry", "import", desk.csv("H41,Tỉnh mới,,,tinh,,\nH42,Hai,,,hai,,\n"), "--dry-run", "--json")

    told = json.loads(out)
    assert (told["applied"], told["new"], told["changed"], told["agents_created"]) == (False, 1, 1, ["hai"])
    assert told["differences"][0]["fields"] == [["name", "Tỉnh", "Tỉnh mới"]]
    assert desk.store.registry().organs["H41"].name == "Tỉnh"


def test_a_missing_file_is_a_mistake_of_usage(desk: Desk) -> None:
    desk.run("registry", "import", str(desk.folder / "nowhere.csv"), exit_code=ExitCode.USAGE)


def test_an_organ_is_locked_and_unlocked(desk: Desk) -> None:
    desk.run("registry", "import", desk.csv("H41,Tỉnh,,,tinh,,\n"))

    out, _ = desk.run("registry", "lock", "H41", "--reason", " sáp nhập\n", "--json")
    assert (json.loads(out)["state"], json.loads(out)["reason"]) == ("locked", "sáp nhập")
    desk.run("registry", "unlock", "H41")

    assert desk.store.registry().organs["H41"].reason == ""


def test_an_organ_that_is_not_there_is_a_negative_answer(desk: Desk) -> None:
    for arguments in (("show", "H9"), ("lock", "H9", "--reason", "x"), ("unlock", "H9")):
        _, said = desk.run("registry", *arguments, exit_code=ExitCode.NEGATIVE)
        assert "H9" in said


def test_a_lock_needs_a_reason(desk: Desk) -> None:
    desk.run("registry", "lock", "H41", exit_code=ExitCode.USAGE)
    desk.run("registry", "lock", "H41", "--reason", "  ", exit_code=ExitCode.USAGE)


def test_only_organs_below_another_are_listed_on_demand(desk: Desk) -> None:
    desk.run("registry", "import", desk.csv("H41,Tỉnh,,,,,\nH41.08,Sở,,,,,\nH41.08.01,Trạm,,,,,\nH42,Hai,,,,,\n"))

    out, _ = desk.run("registry", "list", "--below", "H41", "--json")

    assert [each["code"] for each in json.loads(out)] == ["H41.08", "H41.08.01"]


def test_a_token_is_printed_alone_on_stdout_and_kept_as_a_digest(desk: Desk) -> None:
    out, said = desk.run("registry", "agent", "add", "so-y-te", "--title", "Sở Y tế")
    listed, _ = desk.run("registry", "agents", "--json")

    token = out.strip()
    assert token not in said
    assert desk.store.registry().agents["so-y-te"].token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert json.loads(listed) == [
        {"name": "so-y-te", "title": "Sở Y tế", "active": True, "has_token": True, "organs": 0}
    ]
    assert token not in listed


def test_an_agent_whose_name_the_broker_could_not_carry_is_refused(desk: Desk) -> None:
    desk.run("registry", "agent", "add", "Sở.Y.Tế", exit_code=ExitCode.USAGE)


# ── Trace ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_document_on_its_way(desk: Desk) -> None:
    sent = message("1", code="7816/UBND", document_id="d-1", sender="H41", subject="V/v [bold]phòng[/bold] chống bão")
    refused = message(
        "2",
        state=MessageState.REFUSED,
        sender="H41",
        code="7817/UBND",
        findings=(finding(FindingCode.XML_DTD, line=1),),
    )
    report = message("3", about="m-1", sender="H42", status_code="03")
    arrived = leg(sent, "1", recipient="H42", state=LegState.DELIVERED, status="03", status_at=NOON)
    with desk.store.begin() as transaction:
        transaction.apply(
            [
                *(PutMessage(each) for each in (sent, refused, report)),
                PutLeg(arrived),
                PutLeg(leg(sent, "2", ordinal=1, recipient="H43")),
                PutStatus(status("m-3", "l-1", "03", said_at=NOON + MINUTE)),
                PutEvent(event(EventName.MESSAGE_ACCEPTED, "m-1", facts={"recipients": "2"})),
                PutEvent(event(EventName.LEG_DELIVERED, "m-1", leg_id="l-1")),
            ]
        )


@pytest.mark.parametrize("query", ["d-1", "7816", "7816/UBND", "m-1", "H43"])
def test_a_document_is_traced_to_its_recipients(desk: Desk, query: str) -> None:
    a_document_on_its_way(desk)

    told, _ = desk.run("trace", query)

    assert "V/v [bold]phòng[/bold] chống bão" in told
    assert "19:01" in told  # Vietnam time of the status
    for word in (
        "H42",
        "H43",
        "đã đến nơi nhận / delivered",
        "chờ chuyển / queued",
        "durable at the recipient's agent",
    ):
        assert word in told


def test_a_trace_as_json_has_matrix_and_timeline(desk: Desk) -> None:
    a_document_on_its_way(desk)

    out, _ = desk.run("trace", "7816", "--json")

    (told,) = json.loads(out)
    assert [(row["recipient"], row["state"], row["status"]) for row in told["matrix"]] == [
        ("H42", "delivered", "03"),
        ("H43", "queued", ""),
    ]
    assert [each["name"] for each in told["timeline"]] == ["message.accepted", "leg.delivered"]
    assert [each["id"] for each in told["related"]] == ["m-3"]


def test_a_refused_message_is_told_with_its_findings(desk: Desk) -> None:
    a_document_on_its_way(desk)

    told, _ = desk.run("trace", "7817")

    assert "bị từ chối / refused" in told
    assert "xml.dtd" in told


def test_many_messages_are_listed_instead_of_told_in_full(desk: Desk) -> None:
    with desk.store.begin() as transaction:
        transaction.apply(PutMessage(message(f"n{n}", sender="H41", code=f"{n}/X")) for n in range(5))

    told, _ = desk.run("trace", "H41")
    full, _ = desk.run("trace", "H41", "--full")

    assert all(f"m-n{n}" in told for n in range(5))
    assert "SHA-256" not in told
    assert full.count("SHA-256") == 5


def test_nothing_found_is_a_negative_answer(desk: Desk) -> None:
    _, said = desk.run("trace", "nothing", exit_code=ExitCode.NEGATIVE)
    out, _ = desk.run("trace", "nothing", "--json", exit_code=ExitCode.NEGATIVE)

    assert "nothing" in said
    assert json.loads(out) == []
