"""`truc-agent` as people and scripts use it: what it prints where, what it writes, and how it exits."""

import hashlib
import json
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import tomli_w

from agents import cli
from agents.desk import Desk
from agents.intake import Intake
from agents.ports import Incoming
from agents.settings import load_settings
from agents.spool import RunLock, Spool
from agents.spool.records import StoredReceipt
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41, NOW

COMMANDS = ("run", "send", "inbox", "take", "status", "init", "replay")
DRAFT = {
    "subject": "Về việc thử nghiệm",
    "to": [{"organ_id": H41}],
    "from": {"organ_id": SENDER},
    "code": {"code_number": "12", "code_notation": "VPCP-TTĐT"},
}
SET = f"""
title = "Thử nghiệm"
[who.vpcp]
organ_id = "{SENDER}"
agent = "vpcp"
[who.nghean]
organ_id = "{H41}"
agent = "nghean"
[[step]]
id = "cong-van"
as = "vpcp"
draft = "cong-van"
to = ["nghean"]
"""


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
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["truc-agent", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        else:
            code = 0
        printed = capsys.readouterr()
        assert isinstance(code, int), code
        assert ("Traceback" in printed.err) <= ("--verbose" in arguments), printed.err
        assert "Traceback" not in printed.out
        return Outcome(code, printed.out, printed.err)

    return _run


@pytest.fixture(scope="module")
def hub() -> hub_desk.Desk:
    return hub_desk.Desk()


class Office:
    """An agent's folder with its settings on disk, and its spool seen from beside the command."""

    def __init__(self, name: str, hub: hub_desk.Desk, folder: Path) -> None:
        settings = settings_of(name, hub, folder)
        self.home = folder / name
        self.config = self.home / "agent.toml"
        values = settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
        values |= {"resend_after": 600, "settle": 0.05}
        self.config.write_text(tomli_w.dumps(values), encoding="utf-8")
        self.desk = Desk(load_settings(self.config), Spool.open(settings.spool))

    def deliver(self, content: bytes, *, leg: str = "leg-1") -> None:
        """As the pump would."""
        desk = self.desk
        incoming = Incoming(
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            message_id=f"message-{leg}",
            leg_id=leg,
            recipient=desk.settings.organs[0].organ_id,
            sender=SENDER,
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            body=content,
        )
        Intake(desk.settings, desk.spool, keyring=desk.keyring, clock=desk.clock, log=desk.log).keep(incoming, content)

    def answer(self, submission_id: str, kind: ReceiptKind = ReceiptKind.ACCEPTED) -> None:
        refused = kind is ReceiptKind.REFUSED
        receipt = Receipt(
            receipt_id=f"r-{submission_id}",
            kind=kind,
            message_id="m-1",
            submission_id=submission_id,
            message_type="edoc",
            digest="0" * 64,
            size=1,
            received_at=NOW,
            decided_at=NOW,
            legs=() if refused else (ReceiptLeg(recipient=H41, leg_id="leg-1"),),
            findings=(finding(FindingCode.RECIPIENT_UNKNOWN, value=H41),) if refused else (),
        )
        self.desk.spool.add_receipt(
            StoredReceipt(
                receipt_id=receipt.receipt_id,
                submission_id=submission_id,
                kind=kind.value,
                duplicate=False,
                body=encode_receipt(receipt),
                received_at=NOW,
            )
        )


@pytest.fixture
def sender(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    office = Office("vpcp", hub, tmp_path)
    yield office
    office.desk.spool.close()


@pytest.fixture
def recipient(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    office = Office("nghean", hub, tmp_path)
    office.deliver(hub.signed(a_document(recipients=(an_organ(H41),))))
    yield office
    office.desk.spool.close()


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "set" / "cong-van"
    folder.mkdir(parents=True)
    (folder / "document.toml").write_text(tomli_w.dumps(DRAFT), encoding="utf-8")
    (folder / "Công văn.pdf").write_bytes(b"%PDF-1.7 ...")
    return folder


# ── Help and usage ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_purpose_example_and_exit_codes_in_both_languages(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert (shown.code, shown.err) == (0, "")
    for wanted in ("truc-agent " + command, "Mã thoát / exit codes", "Ví dụ / example", "--verbose"):
        assert wanted in shown.out


def test_the_overview_names_every_command(run: Run) -> None:
    shown = run("-h")
    assert shown.code == 0
    assert all(command in shown.out for command in COMMANDS)


def test_the_version_is_data(run: Run) -> None:
    shown = run("--version")
    assert shown.code == 0
    assert shown.out.startswith("truc-agent ")


@pytest.mark.parametrize(
    "arguments", [("gửi",), ("send",), ("send", "không-có.edxml"), ("inbox", "--lạ"), ("take",), ("replay", ".")]
)
def test_wrong_use_exits_2_and_prints_no_data(run: Run, arguments: tuple[str, ...]) -> None:
    shown = run(*arguments)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err


@pytest.mark.parametrize("arguments", [("inbox",), ("status",), ("send", "DRAFT"), ("take", "leg-1"), ("run",)])
def test_settings_that_cannot_be_used_exit_2_and_are_named(
    run: Run, tmp_path: Path, draft: Path, arguments: tuple[str, ...]
) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('name = "Sở Y tế"\norgans = []\nlạ = 1\n', encoding="utf-8")
    given = [str(draft) if each == "DRAFT" else each for each in arguments]
    for content in ('name = "Sở Y tế"\norgans = []\nla = 1\n', "name = ", ""):
        config.write_text(content, encoding="utf-8")
        shown = run(*given, "-c", config)
        assert (shown.code, shown.out) == (2, "")
        assert str(config) in shown.err
    config.unlink()
    assert run(*given, "-c", config).code == 2


def test_every_fault_of_the_settings_is_told_at_once(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('name = "Sở Y tế"\norgans = []\nla = 1\n', encoding="utf-8")
    shown = run("inbox", "-c", config)
    assert all(word in shown.err for word in ("name", "organs", "la"))


def test_a_spool_that_cannot_be_opened_exits_3(run: Run, sender: Office) -> None:
    values = tomllib.loads(sender.config.read_text(encoding="utf-8"))
    sender.config.write_text(tomli_w.dumps({**values, "spool": "agent.toml/spool"}), encoding="utf-8")
    shown = run("inbox", "-c", sender.config)
    assert (shown.code, shown.out) == (3, "")
    assert "kho tạm" in shown.err


@pytest.mark.parametrize(("arguments", "code"), [(("take", "khong-co"), 2), (("take", "leg-1", "-o", "FILE"), 3)])
def test_verbose_shows_the_traceback_and_leaves_the_exit_code(
    run: Run, recipient: Office, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    (tmp_path / "FILE").touch()
    given = [str(tmp_path / each) if each == "FILE" else each for each in arguments]
    assert run(*given, "-c", recipient.config).code == code
    shown = run(*given, "-c", recipient.config, "--verbose")
    assert (shown.code, shown.out) == (code, "")
    assert "Traceback" in shown.err


def test_an_agent_that_runs_already_exits_3(run: Run, sender: Office) -> None:
    lock = RunLock(sender.desk.spool.folder)
    lock.acquire()
    try:
        shown = run("run", "-c", sender.config)
    finally:
        lock.release()
    assert (shown.code, shown.out) == (3, "")


def test_a_key_that_cannot_be_read_ends_run_with_2(run: Run, sender: Office) -> None:
    key = sender.desk.settings.organs[0].key
    assert key is not None
    key.write_bytes(b"not a key")
    shown = run("run", "-c", sender.config)
    assert (shown.code, shown.out) == (2, "")
    assert key.name in shown.err


def test_a_blob_address_that_is_none_ends_run_with_2(run: Run, sender: Office) -> None:
    values = tomllib.loads(sender.config.read_text(encoding="utf-8"))
    for address in ("truc.example/-/blobs", "ftp://truc.example/", "http:///x", "http://[x/", "http://x:99999/"):
        sender.config.write_text(tomli_w.dumps({**values, "blob_url": address}), encoding="utf-8")
        shown = run("run", "-c", sender.config)
        assert (shown.code, shown.out) == (2, "")
        assert "blob_url" in shown.err


# ── init ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_init_writes_settings_that_can_be_used_and_that_only_the_owner_reads(run: Run, tmp_path: Path) -> None:
    shown = run("init", tmp_path / "mới" / "so-y-te", "--name", "so-y-te")
    path = tmp_path / "mới" / "so-y-te" / "agent.toml"
    assert (shown.code, shown.out.strip()) == (0, str(path))
    assert load_settings(path).name == "so-y-te"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("inbox", "-c", path.parent, "--json").json == []


def test_init_leaves_settings_alone_that_are_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("mine", encoding="utf-8")
    shown = run("init", tmp_path)
    assert (shown.code, shown.out) == (2, "")
    assert (tmp_path / "agent.toml").read_text(encoding="utf-8") == "mine"


def test_init_refuses_a_name_the_broker_would_not_take(run: Run, tmp_path: Path) -> None:
    shown = run("init", tmp_path / "x", "--name", "Sở Y tế")
    assert (shown.code, shown.out) == (2, "")
    assert not (tmp_path / "x").exists()


# ── send ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_send_prints_the_submission_id_alone_and_keeps_the_document(run: Run, sender: Office, draft: Path) -> None:
    shown = run("send", draft, "-c", sender.config)
    (submission,) = sender.desk.spool.find_submissions()
    assert (shown.code, shown.out) == (0, submission.submission_id + "\n")
    assert "Chờ gửi lên trục" in shown.err


def test_send_json_tells_the_state_and_the_digest(run: Run, sender: Office, draft: Path) -> None:
    shown = run("send", draft, "-c", sender.config, "--json")
    (submission,) = sender.desk.spool.find_submissions()
    assert (shown.code, shown.err) == (0, "")
    told = shown.json
    assert (told["state"], told["submission_id"]) == ("spooled", submission.submission_id)
    assert told["digest"] == submission.digest
    assert told["to"] == [H41]
    assert set(told["state_text"]) == {"vi", "en"}


def test_an_envelope_and_a_metadata_file_with_files_can_be_sent(run: Run, sender: Office, draft: Path) -> None:
    envelope = draft.parent / "gói tin.EDXML"
    envelope.write_bytes(envelope_bytes(a_document()))
    assert run("send", envelope, "-c", sender.config).code == 0
    assert run("send", draft / "document.toml", draft / "Công văn.pdf", "-c", sender.config).code == 0
    assert len(sender.desk.spool.find_submissions()) == 2


def test_a_faulty_draft_exits_1_with_every_problem_and_its_remedy(run: Run, sender: Office, draft: Path) -> None:
    (draft / "document.toml").write_text('subject = 3\nprio = "x"\n', encoding="utf-8")
    shown = run("send", draft, "-c", sender.config)
    assert (shown.code, shown.out) == (1, "")
    assert "→" in shown.err
    told = run("send", draft, "-c", sender.config, "--json")
    assert (told.code, told.err) == (1, "")
    assert told.json["state"] == "fault"
    assert len(told.json["problems"]) > 1
    assert all(set(each["remedy"]) == {"vi", "en"} for each in told.json["problems"])
    assert not sender.desk.spool.find_submissions()


def test_an_envelope_with_faults_exits_1_with_findings(run: Run, sender: Office, tmp_path: Path) -> None:
    bad = tmp_path / "bad.edxml"
    for content in (b"", b"<edXML/>", b"\x00\xff", envelope_bytes(a_document())[:500]):
        bad.write_bytes(content)
        told = run("send", bad, "-c", sender.config, "--json")
        assert told.code == 1
        assert all(each["code"] for each in told.json["problems"])
    assert not sender.desk.spool.find_submissions()


@pytest.mark.parametrize(("kind", "code"), [(ReceiptKind.ACCEPTED, 0), (ReceiptKind.REFUSED, 1)])
def test_send_wait_exits_with_the_hubs_verdict(
    run: Run, sender: Office, draft: Path, kind: ReceiptKind, code: int
) -> None:
    given_up = Event()

    def hub_answers() -> None:
        while not given_up.wait(0.01):
            for each in sender.desk.spool.find_submissions():
                sender.answer(each.submission_id, kind)
                return

    with ThreadPoolExecutor(1) as beside:
        answered = beside.submit(hub_answers)
        try:
            shown = run("send", draft, "-c", sender.config, "--wait", "--json")
        finally:
            given_up.set()
        answered.result()
    assert (shown.code, shown.json["state"]) == (code, kind.value)
    assert [each["code"] for each in shown.json["findings"]] == (["recipient.unknown"] if code else [])


def test_send_wait_without_an_answer_exits_3_and_says_what_is_in_the_way(run: Run, sender: Office, draft: Path) -> None:
    shown = run("send", draft, "-c", sender.config, "--wait", "--timeout", "0")
    assert shown.code == 3
    (submission,) = sender.desk.spool.find_submissions()
    assert shown.out == submission.submission_id + "\n"


def test_a_key_open_to_others_is_warned_of_on_stderr_and_json_stays_json(run: Run, sender: Office, draft: Path) -> None:
    key = sender.desk.settings.organs[0].key
    assert key is not None
    key.chmod(0o644)
    shown = run("send", draft, "-c", sender.config, "--json")
    assert shown.json["state"] == "spooled"
    assert "chmod 600" in shown.err


# ── inbox, take ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_inbox_lists_what_nobody_took(run: Run, recipient: Office) -> None:
    shown = run("inbox", "-c", recipient.config, "--json")
    assert (shown.code, shown.err) == (0, "")
    (item,) = shown.json
    assert (item["leg_id"], item["document_id"], item["from"], item["taken_at"]) == ("leg-1", DOCUMENT_ID, SENDER, None)
    assert "leg-1" in run("inbox", "-c", recipient.config).out


def test_an_empty_inbox_is_an_empty_list_or_a_word_on_stderr(run: Run, sender: Office) -> None:
    assert run("inbox", "-c", sender.config, "--json").json == []
    shown = run("inbox", "-c", sender.config)
    assert (shown.code, shown.out) == (0, "")
    assert "Không có văn bản" in shown.err


def test_take_writes_envelope_files_and_metadata_and_empties_the_inbox(
    run: Run, recipient: Office, tmp_path: Path
) -> None:
    shown = run("take", "leg-1", "-c", recipient.config, "-o", tmp_path / "đến", "--json")
    assert (shown.code, shown.err) == (0, "")
    envelope = (tmp_path / "đến" / "envelope.edxml").read_bytes()
    assert hashlib.sha256(envelope).hexdigest() == shown.json["digest"]
    for each in shown.json["attachments"]:
        assert (tmp_path / "đến" / each["file"]).stat().st_size == each["size"]
    assert json.loads((tmp_path / "đến" / "document.json").read_text("utf-8"))["leg_id"] == "leg-1"
    assert run("inbox", "-c", recipient.config, "--json").json == []
    assert len(run("inbox", "-c", recipient.config, "--all", "--json").json) == 1
    again = run("take", "leg-1", "-c", recipient.config, "-o", tmp_path / "lại")
    assert (again.code, again.out.strip()) == (0, str(tmp_path / "lại" / "envelope.edxml"))


def test_a_document_that_could_not_be_written_stays_in_the_inbox(run: Run, recipient: Office, tmp_path: Path) -> None:
    (tmp_path / "chặn").touch()
    assert run("take", "leg-1", "-c", recipient.config, "-o", tmp_path / "chặn").code == 3
    assert len(run("inbox", "-c", recipient.config, "--json").json) == 1


def test_an_unknown_leg_exits_2(run: Run, recipient: Office, tmp_path: Path) -> None:
    shown = run("take", "leg-9", "-c", recipient.config, "-o", tmp_path / "x")
    assert (shown.code, shown.out) == (2, "")
    assert "leg-9" in shown.err
    assert not (tmp_path / "x").exists()


# ── status ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_status_shows_what_was_sent_and_finds_it_by_every_name(run: Run, sender: Office) -> None:
    sent = sender.desk.send(a_document(recipients=(an_organ(H41),)))
    assert isinstance(sent, str)
    sender.answer(sent)
    everything = run("status", "-c", sender.config, "--json").json
    for name in (sent, DOCUMENT_ID, everything[0]["code"]):
        shown = run("status", name, "-c", sender.config, "--json")
        assert (shown.code, shown.err, shown.json) == (0, "", everything)
    assert everything[0]["legs"] == [{"recipient": H41, "leg_id": "leg-1"}]
    assert sent[:8] in run("status", "-c", sender.config).out


def test_status_tells_why_something_does_not_leave(run: Run, sender: Office) -> None:
    sent = sender.desk.send(a_document(recipients=(an_organ(H41),)))
    assert isinstance(sent, str)
    sender.desk.spool.mark_failed(sent, "cửa đóng / the door is shut", retry_at=NOW)
    shown = run("status", "-c", sender.config)
    assert "cửa đóng" in " ".join(shown.out.split())
    (told,) = run("status", "-c", sender.config, "--json").json
    assert (told["state"], told["problem"]) == ("spooled", "cửa đóng / the door is shut")


def test_status_of_nothing_sent_is_empty_and_good(run: Run, sender: Office) -> None:
    assert run("status", "-c", sender.config, "--json").json == []
    shown = run("status", "-c", sender.config)
    assert (shown.code, shown.out) == (0, "")


def test_status_of_an_unknown_document_exits_2(run: Run, sender: Office) -> None:
    shown = run("status", "9999/KHÔNG-CÓ", "-c", sender.config, "--json")
    assert (shown.code, shown.out) == (2, "")
    assert "9999/KHÔNG-CÓ" in shown.err


def test_a_status_about_a_delivery_is_kept_to_be_sent(run: Run, recipient: Office) -> None:
    shown = run("status", "leg-1", "03", "-c", recipient.config, "--staff", "Nguyễn Văn A", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert shown.json["status_code"] == "03"
    kept = recipient.desk.spool.submission(shown.json["submission_id"])
    assert kept is not None
    assert (kept.status_code, kept.about_leg, kept.recipients) == ("03", "leg-1", (SENDER,))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("leg-1", "02"), 1),  # needs a reason
        (("leg-1", "13", "--reason", "x"), 1),  # only the sender may ask for it
        (("leg-1", "99"), 2),
        (("leg-9", "03"), 2),
        ((DOCUMENT_ID, "13", "--to", H41, "--reason", "x"), 2),  # none of this agent's own
    ],
)
def test_a_status_that_cannot_be_sent_says_so(
    run: Run, recipient: Office, arguments: tuple[str, ...], code: int
) -> None:
    shown = run("status", *arguments, "-c", recipient.config)
    assert (shown.code, shown.out) == (code, "")
    assert shown.err
    assert [each.status_code for each in recipient.desk.spool.find_submissions()] == ["01"]


def test_a_recall_is_asked_of_a_recipient_of_the_document(run: Run, sender: Office) -> None:
    sender.desk.send(a_document(recipients=(an_organ(H41),)))
    shown = run("status", DOCUMENT_ID, "13", "--to", H41, "--reason", "Sai số liệu", "-c", sender.config)
    assert shown.code == 0
    kept = sender.desk.spool.submission(shown.out.strip())
    assert kept is not None
    assert (kept.status_code, kept.recipients) == ("13", (H41,))
    assert run("status", DOCUMENT_ID, "13", "--to", H14, "--reason", "x", "-c", sender.config).code == 1


# ── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_replay_needs_running_agents(run: Run, sender: Office, recipient: Office, draft: Path) -> None:
    (draft.parent / "set.toml").write_text(SET, encoding="utf-8")
    shown = run("replay", draft.parent, "--agents", draft.parents[1])
    assert (shown.code, shown.out) == (3, "")
    assert "nghean, vpcp" in shown.err
    assert sender.config != recipient.config


@pytest.mark.parametrize("content", ["", "title = ", SET.replace('as = "vpcp"', 'as = "ai"'), SET + "[[step]]\n"])
def test_a_set_that_cannot_be_played_exits_2(run: Run, sender: Office, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "set.toml").write_text(content, encoding="utf-8")
    shown = run("replay", folder, "--agents", sender.home)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err


def test_replay_names_agents_without_settings(run: Run, sender: Office, draft: Path) -> None:
    (draft.parent / "set.toml").write_text(SET.replace('agent = "vpcp"', 'agent = "ai-do"'), encoding="utf-8")
    shown = run("replay", draft.parent, "--agents", sender.home)
    assert (shown.code, shown.out) == (2, "")
    assert "ai-do" in shown.err


def test_replay_without_any_settings_exits_2(run: Run, draft: Path) -> None:
    (draft.parent / "set.toml").write_text(SET, encoding="utf-8")
    shown = run("replay", draft.parent, "--agents", draft)
    assert (shown.code, shown.out) == (2, "")


def test_a_replay_that_nobody_answers_exits_3_and_tells_every_step(
    run: Run, sender: Office, recipient: Office, draft: Path
) -> None:
    (draft.parent / "set.toml").write_text(SET, encoding="utf-8")
    locks = [RunLock(each.desk.spool.folder) for each in (sender, recipient)]
    for lock in locks:
        lock.acquire()
    try:
        report = draft.parent / "out.xml"
        shown = run("replay", draft.parent, "--agents", draft.parents[1], "--timeout", "0", "--json", "--junit", report)
    finally:
        for lock in locks:
            lock.release()
    assert (shown.code, shown.json["ok"]) == (3, False)
    (step,) = shown.json["steps"]
    assert (step["id"], step["verdict"], step["ok"]) == ("cong-van", "", False)
    assert 'failures="1"' in report.read_text("utf-8")
