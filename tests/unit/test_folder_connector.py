"""The folder connector, one step at a time: drops go out, deliveries and answers come in, crashes change nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agents.connectors.folder import FolderConnector
from agents.desk import Desk
from agents.intake import Intake
from agents.ports import Incoming
from agents.spool import Spool
from agents.spool.records import SubmissionState
from edxml_schemas.contract import MessageType, Urgency, bundled
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ, envelope_bytes
from tests.support.hub_desk import H41, NOW

DRAFT = f"""
subject = "Về việc thử nghiệm"
to = [{{organ_id = "{H41}"}}]
from = {{organ_id = "{SENDER}"}}
code = {{code_number = "12", code_notation = "VPCP-TTĐT"}}
"""


@pytest.fixture(scope="module")
def hub() -> hub_desk.Desk:
    return hub_desk.Desk()


@pytest.fixture
def office(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Callable[[str], tuple[Desk, FolderConnector, Path]]]:
    """Opens an agent's desk and connector; again as after a restart."""
    opened: list[Spool] = []

    def open_it(name: str) -> tuple[Desk, FolderConnector, Path]:
        settings = settings_of(name, hub, tmp_path, connector=True).model_copy(update={"settle": timedelta(0)})
        opened.append(Spool.open(settings.spool))
        desk = Desk(settings, opened[-1])
        connector = FolderConnector(desk)
        connector.prepare()
        assert settings.folder is not None
        return desk, connector, settings.folder

    yield open_it
    for spool in opened:
        spool.close()


Office = Callable[[str], tuple[Desk, FolderConnector, Path]]


def deliver(desk: Desk, hub: hub_desk.Desk, content: bytes, *, leg: str = "leg-1", status: bool = False) -> None:
    """As the pump would."""
    import hashlib

    intake = Intake(desk.settings, desk.spool, keyring=desk.keyring, clock=desk.clock, log=desk.log)
    incoming = Incoming(
        type=MessageType.STATUS if status else MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        message_id=f"message-{leg}",
        leg_id=leg,
        recipient=desk.settings.organs[0].organ_id,
        sender=SENDER,
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        body=content,
    )
    assert hub.keys
    intake.keep(incoming, content)


def answer(desk: Desk, submission_id: str, kind: ReceiptKind = ReceiptKind.ACCEPTED) -> None:
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
        legs=(ReceiptLeg(recipient=H41, leg_id="leg-1"),),
    )
    intake = Intake(desk.settings, desk.spool, keyring=desk.keyring, clock=desk.clock, log=desk.log)
    body = encode_receipt(receipt)
    incoming = Incoming(
        type=MessageType.RECEIPT,
        urgency=Urgency.NORMAL,
        message_id="",
        leg_id="",
        recipient="",
        sender="",
        digest="",
        size=len(body),
        body=body,
    )
    intake.keep(incoming, bundled((body,)))


def drop_folder(root: Path, name: str = "cong-van-12", draft: str = DRAFT) -> Path:
    folder = root / "outbox" / name
    folder.mkdir(parents=True)
    (folder / "Công văn.pdf").write_bytes(b"%PDF-1.7 ...")
    (folder / "document.toml").write_text(draft, encoding="utf-8")
    return folder


def read(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_a_dropped_folder_is_packaged_signed_and_kept_and_the_answer_appears_beside_it(office: Office) -> None:
    desk, connector, root = office("vpcp")
    folder = drop_folder(root)
    connector.scan()
    (submission,) = desk.spool.find_submissions()
    assert not folder.exists()
    assert (root / "sent" / submission.submission_id / "cong-van-12" / "document.toml").is_file()
    connector.show()
    result = root / "outbox" / "cong-van-12.result.json"
    assert read(result)["state"] == "spooled"
    answer(desk, submission.submission_id)
    connector.show()
    assert read(result)["state"] == "accepted"
    assert read(root / "sent" / submission.submission_id / "result.json")["legs"] == [
        {"recipient": H41, "leg_id": "leg-1"}
    ]


def test_a_dropped_envelope_is_sent(office: Office) -> None:
    desk, connector, root = office("vpcp")
    (root / "outbox" / "goi.edxml").write_bytes(envelope_bytes(a_document()))
    connector.scan()
    assert [each.document_id for each in desk.spool.find_submissions()] == [DOCUMENT_ID]


def test_a_faulty_draft_stays_with_its_problems_and_goes_out_once_it_is_mended(office: Office) -> None:
    desk, connector, root = office("vpcp")
    folder = drop_folder(root, draft='subject = "Thiếu nơi nhận"')
    connector.scan()
    result = read(root / "outbox" / "cong-van-12.result.json")
    assert result["state"] == "fault"
    assert result["problems"]
    assert folder.is_dir()
    assert not desk.spool.find_submissions()
    (folder / "document.toml").write_text(DRAFT, encoding="utf-8")
    connector.scan()
    assert len(desk.spool.find_submissions()) == 1


def test_a_file_that_still_grows_is_left_alone(office: Office) -> None:
    desk, _, root = office("vpcp")
    slow = desk.settings.model_copy(update={"settle": timedelta(hours=1)})
    connector = FolderConnector(Desk(slow, desk.spool))
    (root / "outbox" / "goi.edxml").write_bytes(envelope_bytes(a_document())[:100])
    connector.scan()
    connector.scan()
    assert not desk.spool.find_submissions()
    assert not list((root / "outbox").glob("*.result.json"))


@pytest.mark.parametrize("spooled", [False, True])
def test_a_crash_after_the_claim_sends_once(office: Office, spooled: bool) -> None:
    desk, connector, root = office("vpcp")
    folder = drop_folder(root)
    claimed = root / "outbox" / ".claimed" / "id-1"
    claimed.mkdir()
    folder.rename(claimed / folder.name)
    if spooled:
        desk.send_draft(claimed / folder.name, submission_id="id-1", origin="outbox/cong-van-12")
    desk, connector, root = office("vpcp")
    connector.scan()
    connector.scan()
    assert [each.submission_id for each in desk.spool.find_submissions()] == ["id-1"]
    assert (root / "sent" / "id-1" / "cong-van-12").is_dir()


def test_a_delivery_becomes_a_folder_with_envelope_files_and_metadata(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("nghean")
    content = hub.signed(a_document(recipients=(an_organ(H41),)))
    deliver(desk, hub, content)
    connector.show()
    (place,) = (root / "inbox" / H41).iterdir()
    assert "/" not in place.name
    assert (place / "envelope.edxml").read_bytes() == content
    assert (place / "Công văn 7816.pdf").read_bytes().startswith(b"%PDF")
    told = read(place / "document.json")
    assert (told["document_id"], told["leg_id"], told["from"]) == (DOCUMENT_ID, "leg-1", SENDER)
    assert desk.receive() == []


def test_two_deliveries_of_one_document_id_get_two_folders(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("nghean")
    deliver(desk, hub, hub.signed(a_document()), leg="leg-1")
    deliver(desk, hub, hub.signed(a_document(subject="Bản khác")), leg="leg-2")
    connector.show()
    assert len(list((root / "inbox" / H41).iterdir())) == 2


def test_a_crash_while_a_delivery_is_laid_out_leaves_one_whole_folder(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("nghean")
    deliver(desk, hub, hub.signed(a_document()))
    half = root / "inbox" / ".building" / "leg-1"
    half.mkdir(parents=True)
    (half / "envelope.edxml").write_bytes(b"half")
    place = desk.spool.reserve_place("leg-1", f"{H41}/x")
    _, connector, root = office("nghean")
    connector.show()
    connector.show()
    assert (root / "inbox" / place / "document.json").is_file()
    assert len(list((root / "inbox" / H41).iterdir())) == 1


def test_a_dropped_status_is_sent_and_its_answer_appears_beside_it(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("nghean")
    deliver(desk, hub, hub.signed(a_document()))
    connector.show()
    (place,) = (root / "inbox" / H41).iterdir()
    drop = 'status_code = "03"\n[staff_info]\nstaff = "Nguyễn Văn A"\n'
    (place / "status.toml").write_text(drop, encoding="utf-8")
    connector.scan()
    (said,) = [each for each in desk.spool.submissions_about("leg-1") if each.status_code == "03"]
    assert (place / "status-03.toml").is_file()
    assert not (place / "status.toml").exists()
    answer(desk, said.submission_id)
    connector.show()
    assert read(place / "status-03.result.json")["state"] == "accepted"


def test_a_status_without_its_reason_stays_with_its_problems(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("nghean")
    deliver(desk, hub, hub.signed(a_document()))
    connector.show()
    (place,) = (root / "inbox" / H41).iterdir()
    (place / "status.toml").write_text('status_code = "02"\n', encoding="utf-8")
    connector.scan()
    assert read(place / "status.result.json")["state"] == "fault"
    assert (place / "status.toml").is_file()
    assert [each.status_code for each in desk.spool.submissions_about("leg-1")] == ["01"]


def test_statuses_that_come_appear_beside_the_result(office: Office, hub: hub_desk.Desk) -> None:
    desk, connector, root = office("vpcp")
    (root / "outbox" / "goi.edxml").write_bytes(envelope_bytes(a_document()))
    connector.scan()
    (submission,) = desk.spool.find_submissions()
    status = a_status()
    assert status.response_for.document_id == DOCUMENT_ID
    deliver(desk, hub, hub.signed(status), leg="leg-s", status=True)
    connector.show()
    told = json.loads((root / "outbox" / "goi.edxml.statuses.json").read_text(encoding="utf-8"))
    assert [each["status_code"] for each in told] == [status.status_code]
    assert desk.spool.submission(submission.submission_id).state is SubmissionState.WAITING  # type: ignore[union-attr]  # it is there
