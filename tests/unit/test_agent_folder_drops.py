"""What people really drop: half-written, linked, unreadable, oddly named, and two hundred at once."""

import ctypes
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.connectors.folder import FolderConnector
from agents.desk import Desk
from agents.intake import Intake
from agents.ports import Incoming
from agents.spool import Spool
from edxml_schemas.contract import MessageType, Urgency
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import SENDER, a_document, an_organ, envelope_bytes
from tests.support.hub_desk import H41

_CAPABILITIES_VERSION = 0x20080522
_READS_ANYTHING = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def draft(number: int = 12, more: str = "") -> str:
    return (
        f'subject = "Về việc thử nghiệm"\nto = [{{organ_id = "{H41}"}}]\nfrom = {{organ_id = "{SENDER}"}}\n'
        f'code = {{code_number = "{number}", code_notation = "VPCP-TTĐT"}}\n{more}'
    )


class Office:
    """An agent with a folder, one step at a time."""

    def __init__(self, name: str, hub: hub_desk.Desk, folder: Path, *, settle: timedelta = timedelta(0)) -> None:
        settings = settings_of(name, hub, folder, connector=True).model_copy(update={"settle": settle})
        assert settings.folder is not None
        self.desk = Desk(settings, Spool.open(settings.spool))
        self.connector = FolderConnector(self.desk)
        self.connector.prepare()
        self.outbox = settings.folder / "outbox"
        self.inbox = settings.folder / "inbox"
        self.sent = settings.folder / "sent"

    def drop(self, name: str = "cong-van", content: str | None = None) -> Path:
        folder = self.outbox / name
        folder.mkdir()
        (folder / "Công văn.pdf").write_bytes(b"%PDF-1.7 ...")
        (folder / "document.toml").write_text(content if content is not None else draft(), encoding="utf-8")
        return folder

    def step(self) -> None:
        self.connector.scan()
        self.connector.show()

    def result(self, name: str) -> dict[str, Any]:
        content = json.loads((self.outbox / f"{name}.result.json").read_text(encoding="utf-8"))
        assert isinstance(content, dict)
        return content

    def fault(self, name: str) -> str:
        """The problems of a drop, which must be there in both languages with a remedy."""
        told = self.result(name)
        assert told["state"] == "fault"
        for each in told["problems"]:
            assert each["message"]["vi"]
            assert each["message"]["en"]
            assert each["remedy"]["vi"]
            assert each["remedy"]["en"]
        return json.dumps(told["problems"], ensure_ascii=False)

    def submissions(self) -> int:
        return len(self.desk.spool.find_submissions(limit=1000))

    def deliver(self, content: bytes, leg: str = "leg-1") -> None:
        desk = self.desk
        incoming = Incoming(
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            message_id=f"m-{leg}",
            leg_id=leg,
            recipient=desk.settings.organs[0].organ_id,
            sender=SENDER,
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            body=content,
        )
        Intake(desk.settings, desk.spool, keyring=desk.keyring, clock=desk.clock, log=desk.log).keep(incoming, content)


@pytest.fixture(scope="module")
def hub() -> hub_desk.Desk:
    return hub_desk.Desk()


@pytest.fixture
def office(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    made = Office("vpcp", hub, tmp_path)
    yield made
    made.desk.spool.close()


@pytest.fixture
def recipient(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    made = Office("nghean", hub, tmp_path)
    yield made
    made.desk.spool.close()


@contextmanager
def bound_by_file_rights() -> Iterator[None]:
    """Takes from this thread what lets root read every file; nothing for anybody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    less = (ctypes.c_uint32 * 6)(*held)
    less[0] &= ~_READS_ANYTHING
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0


# ── Half-written ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_half_written_envelope_is_told_of_stays_and_goes_out_when_it_is_whole(office: Office) -> None:
    whole = envelope_bytes(a_document())
    drop = office.outbox / "goi.edxml"
    drop.write_bytes(whole[: len(whole) // 2])
    office.step()
    office.fault("goi.edxml")
    assert drop.is_file()
    drop.write_bytes(whole)
    office.step()
    assert office.result("goi.edxml")["state"] == "spooled"


def test_a_folder_without_its_metadata_yet_is_waited_for(office: Office) -> None:
    folder = office.outbox / "cong-van"
    folder.mkdir()
    (folder / "Công văn.pdf").write_bytes(b"%PDF-1.7 ...")
    office.step()
    assert [each.name for each in office.outbox.iterdir() if not each.name.startswith(".")] == ["cong-van"]
    (folder / "document.toml").write_text(draft(), encoding="utf-8")
    office.step()
    assert office.submissions() == 1


def test_an_empty_envelope_is_told_of(office: Office) -> None:
    (office.outbox / "goi.edxml").touch()
    office.step()
    office.fault("goi.edxml")


# ── Out of the folder ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    place = tmp_path / "secret"
    place.mkdir()
    (place / "document.toml").write_text(draft(), encoding="utf-8")
    (place / "khóa.pem").write_text("bí mật", encoding="utf-8")
    (place / "goi.edxml").write_bytes(envelope_bytes(a_document()))
    return place


def test_links_in_the_outbox_are_not_followed(office: Office, secret: Path) -> None:
    (office.outbox / "goi.edxml").symlink_to(secret / "goi.edxml")
    (office.outbox / "thu-muc").symlink_to(secret)
    (office.outbox / "gãy.edxml").symlink_to(secret / "không-có")
    office.step()
    assert office.submissions() == 0
    assert (secret / "goi.edxml").is_file()


@pytest.mark.parametrize("name", ["Công văn 2.pdf", "document.toml", "con/khóa.pem"])
@pytest.mark.parametrize("target", ["khóa.pem", "không-có"])
def test_a_draft_folder_with_a_link_is_refused_and_stays(office: Office, secret: Path, name: str, target: str) -> None:
    folder = office.drop()
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(secret / target)
    office.step()
    told = office.fault("cong-van")
    assert link.name in told
    assert "bí mật" not in told
    assert folder.is_dir()
    link.unlink()
    (folder / "document.toml").write_text(draft(), encoding="utf-8")
    office.step()
    assert office.result("cong-van")["state"] == "spooled"


@pytest.mark.parametrize("file", ["../secret/khóa.pem", "../../../secret/khóa.pem", "ABSOLUTE", "..", "", "a\\u0000b"])
def test_an_attachment_elsewhere_is_refused_with_a_result_file(office: Office, secret: Path, file: str) -> None:
    named = str(secret / "khóa.pem") if file == "ABSOLUTE" else file
    folder = office.drop(content=draft(more=f'attachments = [{{file = "{named}"}}]\n'))
    office.step()
    assert "attachments" in office.fault("cong-van")
    assert folder.is_dir()
    assert office.submissions() == 0


def test_pipes_are_neither_opened_nor_sent(office: Office) -> None:
    os.mkfifo(office.outbox / "goi.edxml")
    folder = office.drop()
    os.mkfifo(folder / "ống.pdf")
    office.step()
    assert office.submissions() == 1
    assert (office.outbox / "goi.edxml").exists()


def test_a_linked_status_file_is_not_followed(recipient: Office, hub: hub_desk.Desk, secret: Path) -> None:
    recipient.deliver(hub.signed(a_document(recipients=(an_organ(H41),))))
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    (secret / "s.toml").write_text('status_code = "03"\n', encoding="utf-8")
    (place / "status.toml").symlink_to(secret / "s.toml")
    recipient.step()
    assert [each.status_code for each in recipient.desk.spool.submissions_about("leg-1")] == ["01"]


# ── Unreadable ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_read_is_told_of_holds_up_nobody_and_goes_out_once_it_can(office: Office) -> None:
    locked = office.outbox / "a-khoa.edxml"
    locked.write_bytes(envelope_bytes(a_document()))
    locked.chmod(0)
    folder = office.drop("b-khoa", draft(13))
    (folder / "Công văn.pdf").chmod(0)
    closed = office.drop("c-khoa", draft(14))
    closed.chmod(0)
    office.drop("d-mo", draft(15))
    with bound_by_file_rights():
        office.step()
        office.step()
    assert office.result("d-mo")["state"] == "spooled"
    assert office.submissions() == 1
    for name in ("a-khoa.edxml", "b-khoa"):
        office.fault(name)
    for each in (locked, folder / "Công văn.pdf"):
        each.chmod(0o600)
    closed.chmod(0o700)
    with bound_by_file_rights():
        office.step()
    assert office.submissions() == 4


# ── Faulty ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    ["", "subject = ", "\x00", "subject = 3\nprio = 1\n", "to = 1\n" * 2, "[" * 10_000],
)
def test_a_draft_with_faults_stays_with_every_problem_in_both_languages(office: Office, content: str) -> None:
    folder = office.drop(content=content)
    office.step()
    office.step()
    office.fault("cong-van")
    assert (folder / "document.toml").read_text("utf-8") == content
    assert office.submissions() == 0


def test_metadata_that_is_no_text_is_told_of(office: Office) -> None:
    (office.drop() / "document.toml").write_bytes(b"\xff\xfe\x00\x01" * 100)
    office.step()
    office.fault("cong-van")


def test_two_metadata_files_are_told_of(office: Office) -> None:
    (office.drop() / "document.json").write_text("{}", encoding="utf-8")
    office.step()
    assert "document.json" in office.fault("cong-van")


@pytest.mark.parametrize("content", ['status_code = "99"\n', "", "\x00", 'status_code = "13"\n'])
def test_a_status_file_with_faults_stays_with_its_problems(recipient: Office, hub: hub_desk.Desk, content: str) -> None:
    recipient.deliver(hub.signed(a_document(recipients=(an_organ(H41),))))
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    (place / "status.toml").write_text(content, encoding="utf-8")
    recipient.step()
    assert json.loads((place / "status.result.json").read_text("utf-8"))["state"] == "fault"
    assert (place / "status.toml").read_text("utf-8") == content
    assert [each.status_code for each in recipient.desk.spool.submissions_about("leg-1")] == ["01"]


def test_a_faulty_status_does_not_replace_one_that_was_dropped_meanwhile(recipient: Office, hub: hub_desk.Desk) -> None:
    recipient.deliver(hub.signed(a_document(recipients=(an_organ(H41),))))
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    (place / ".status-id-1.toml").write_text('status_code = "02"\n', encoding="utf-8")  # claimed before a crash
    (place / "status.toml").write_text('status_code = "03"\n', encoding="utf-8")
    recipient.step()
    assert {each.status_code for each in recipient.desk.spool.submissions_about("leg-1")} == {"01", "03"}
    assert (place / "status.id-1.faulty.toml").is_file()


# ── Many, and oddly named ───────────────────────────────────────────────────────────────────────────────────────────


def test_two_hundred_files_at_once_are_all_taken_and_all_answered(office: Office) -> None:
    for number in range(200):
        document = a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", recipients=(an_organ(H41),))
        (office.outbox / f"goi-{number:03}.edxml").write_bytes(envelope_bytes(document))
    office.connector.scan()
    assert office.submissions() == 200
    while office.desk.spool.unshown():
        office.connector.show()
    assert len(list(office.outbox.glob("*.result.json"))) == 200
    assert len(list(office.sent.iterdir())) == 200
    assert not list(office.outbox.glob("*.edxml"))


NAMES = [
    "Công văn số 7816 về việc đẩy mạnh",
    "   khoảng trắng   ",
    "😀📄 tờ trình",
    "ế" * 85,
    "😀" * 63 + "abc",
    "x" * 255,
    "-rf",
    "a'b\"c;$(d)`e`",
    "xuống\ndòng",
    "%2e%2e",
    "CON",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("good", [True, False])
def test_any_name_that_a_folder_can_have_is_taken_and_answered(office: Office, name: str, good: bool) -> None:
    office.drop(name, draft() if good else "subject = ")
    office.step()
    office.step()
    (result,) = office.outbox.glob("*.result.json")
    assert json.loads(result.read_text("utf-8"))["state"] == ("spooled" if good else "fault")
    assert office.submissions() == int(good)
    assert (office.outbox / name).exists() is not good


def test_long_names_with_one_beginning_have_results_of_their_own(office: Office) -> None:
    for number in range(3):
        office.drop(f"{'x' * 250}{number}", draft(number))
    office.step()
    assert len(list(office.outbox.glob("*.result.json"))) == 3


@pytest.mark.parametrize("content", [envelope_bytes(a_document()), b"hong"])
def test_a_name_that_is_no_utf_8_neither_ends_the_agent_nor_stays_for_ever(office: Office, content: bytes) -> None:
    (office.outbox / os.fsdecode(b"c\xf4ng v\xe3n.edxml")).write_bytes(content)
    office.step()
    office.step()
    assert len(list(office.outbox.glob("*.result.json"))) == 1
    assert office.submissions() == int(content != b"hong")


def test_an_attachment_whose_name_is_no_utf_8_is_told_of(office: Office) -> None:
    (office.drop() / os.fsdecode(b"c\xf4ng v\xe3n.pdf")).write_bytes(b"%PDF")
    other = office.drop("khác", draft(13))
    office.step()
    office.step()
    assert not other.exists()
    states = {office.result(name)["state"] for name in ("cong-van", "khác")}
    assert states in ({"spooled"}, {"fault", "spooled"})


# ── Coming in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_document_id_twice_gets_two_folders_and_statuses_find_their_own(
    recipient: Office, hub: hub_desk.Desk
) -> None:
    for number in (1, 2):
        subject = f"Bản {number}"
        recipient.deliver(hub.signed(a_document(subject=subject, recipients=(an_organ(H41),))), leg=f"leg-{number}")
    recipient.step()
    places = sorted((recipient.inbox / H41).iterdir())
    assert len(places) == 2
    legs = [json.loads((place / "document.json").read_text("utf-8"))["leg_id"] for place in places]
    assert sorted(legs) == ["leg-1", "leg-2"]
    (places[1] / "status.toml").write_text('status_code = "03"\n', encoding="utf-8")
    recipient.step()
    said = {leg: [each.status_code for each in recipient.desk.spool.submissions_about(leg)] for leg in legs}
    assert sorted(said[legs[1]]) == ["01", "03"]
    assert said[legs[0]] == ["01"]


@pytest.mark.parametrize(
    "name", ["../../ra-ngoài.pdf", "/etc/x.pdf", "envelope.edxml", "ế" * 200 + ".pdf", "status.toml"]
)
def test_attachments_stay_in_their_folder_under_names_of_their_own(
    recipient: Office, hub: hub_desk.Desk, name: str
) -> None:
    document = a_document(recipients=(an_organ(H41),))
    content = envelope_bytes(document).replace("Công văn 7816.pdf".encode(), name.encode())
    recipient.deliver(content)
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    assert (place / "envelope.edxml").read_bytes() == content
    told = json.loads((place / "document.json").read_text("utf-8"))
    assert all((place / each["file"]).is_file() for each in told["attachments"] if "file" in each)
    assert {each.name for each in recipient.inbox.iterdir()} == {H41, ".building"}
    assert hub.keys
