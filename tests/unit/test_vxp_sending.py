"""Sending over the VXP dialect: the raw body, what the arguments must agree with, and answers that mend."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agents.gateway.callers import Right
from edxml_schemas.model import ResponseFor
from edxml_schemas.receipts import ReceiptKind
from tests.support.envelopes import (
    DOCUMENT_ID,
    SENDER,
    a_document,
    a_status,
    an_attachment,
    an_organ,
    envelope_bytes,
)
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.vxp_client import Answer, lossy_hash
from tests.support.vxp_house import House, a_house

THREE = (SENDER, H14, RENAMED)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path, vxp={"strict_addressing": True}) as made:
        yield made


def a_letter(*recipients: str, number: int = 1, **changes: object) -> bytes:
    """Unsigned, as a document system that cannot sign writes it."""
    document = a_document(
        sender=an_organ(H41),
        recipients=tuple(an_organ(each) for each in recipients or THREE),
        document_id=f"{H41},2026/09/30,{number}/UBND",
        **changes,
    )
    return envelope_bytes(document)


def accepted(answer: Answer) -> str:
    members = answer.members
    assert members["status"] == "OK", members
    assert members["DocId"]
    return str(members["DocId"])


def refused(answer: Answer, code: int) -> str:
    """The text; a refused send always has an empty DocId."""
    assert answer.status == 200
    members = answer.members
    assert (members["status"], members["ErrorCode"], members["DocId"]) == ("FAIL", str(code), ""), members
    assert "ề nghị" in members["ErrorDesc"], members["ErrorDesc"]
    return str(members["ErrorDesc"])


def kept(house: House) -> int:
    return len(house.desk.spool.find_submissions())


def test_a_letter_to_three_organs_is_durable_when_the_answer_comes(house: House) -> None:
    doc_id = accepted(house.client().send(a_letter(), sender=H41))
    submission = house.desk.spool.submission(doc_id)
    assert submission is not None
    assert (submission.organ, submission.recipients) == (H41, THREE)
    assert submission.vouched is not None
    assert submission.caller == "vxp.saas.02"


def test_a_signed_letter_goes_out_byte_for_byte_without_the_library_s_line_end(house: House) -> None:
    content = house.hub.signed(a_document(sender=an_organ(H41), document_id=f"{H41},2026/09/30,1/UBND"))
    submission = house.desk.spool.submission(accepted(house.client().send(content, sender=H41)))
    assert submission is not None
    assert house.desk.spool.envelope(submission.digest) == content


def test_a_body_in_chunks_is_the_same_body(house: House) -> None:
    file = a_letter(attachments=(an_attachment(content=b"%PDF" + bytes(200_000)),))
    client = house.client()
    assert accepted(client.send(file, sender=H41, chunked=True)) == accepted(client.send(file, sender=H41))


def test_a_client_that_lost_the_answer_and_sends_again_gets_the_same_id(house: House) -> None:
    client = house.client()
    first = accepted(client.send(a_letter(), sender=H41))
    house.pass_time(timedelta(hours=5))
    assert accepted(client.send(a_letter(), sender=H41)) == first
    assert accepted(house.client().send(a_letter(), sender=H41)) == first
    assert kept(house) == 1
    assert accepted(client.send(a_letter(number=2), sender=H41)) != first


def test_what_the_hub_refused_may_be_sent_again(house: House) -> None:
    client = house.client()
    first = accepted(client.send(a_letter(), sender=H41))
    house.receipt(first, ReceiptKind.REFUSED)
    assert accepted(client.send(a_letter(), sender=H41)) != first


def test_a_status_of_the_document_system_s_own_making_is_sent(house: House) -> None:
    house.deliver(a_document(recipients=(an_organ(H41),)), leg="leg-1")
    about = ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    status = envelope_bytes(a_status(sender=an_organ(H41), response_for=about))
    client = house.client()
    client.kept["to"] = f'["{H14}"]'  # of an earlier letter; a status has its addressee inside
    doc_id = accepted(client.send(status, sender=H41, messagetype="status"))
    submission = house.desk.spool.submission(doc_id)
    assert submission is not None
    assert (submission.status_code, submission.about_leg) == ("03", "leg-1")
    assert client.received().members["data"] == []  # who says 03 has it


def test_the_sender_must_be_an_organ_of_the_key(strict: House) -> None:
    client = strict.client()
    text = refused(client.send(a_letter(), sender=H14), 19)
    assert "truc-agent keys" in text
    assert kept(strict) == 0


def test_the_sender_in_the_header_must_be_the_one_in_the_letter(strict: House) -> None:
    client = strict.client("ca-hai", organs=[H41, RENAMED])
    text = refused(client.send(a_letter(), sender=RENAMED), 22)
    assert H41 in text
    assert RENAMED in text
    assert kept(strict) == 0


def test_a_letter_of_an_organ_that_the_key_does_not_speak_for_is_refused(house: House) -> None:
    stranger = house.client("khac", organs=[RENAMED])
    for sender in (RENAMED, ""):
        assert H41 in refused(stranger.send(a_letter(), sender=sender), 15)
    assert kept(house) == 0


def test_without_a_sender_in_the_header_the_letter_s_own_counts(house: House) -> None:
    accepted(house.client().send(a_letter()))


def test_recipients_in_the_header_agree_in_any_order_and_case(strict: House) -> None:
    client = strict.client()
    for number, to in enumerate((THREE, THREE[::-1], [each.lower() for each in THREE])):
        accepted(client.send(a_letter(number=number), sender=H41, to=list(to)))


def test_a_top_body_may_be_named_in_either_form(strict: House) -> None:
    accepted(strict.client().send(a_letter(H14), sender=H41, to=["H14"]))
    accepted(strict.client().send(a_letter(SENDER, number=2), sender=H41, to=f'"{SENDER}"'))


def test_recipients_that_do_not_agree_are_named(strict: House) -> None:
    client = strict.client()
    text = refused(client.send(a_letter(SENDER, H14), sender=H41, to=[SENDER, RENAMED]), 22)
    assert f"chỉ có trong XroadVnpt-to: {RENAMED}" in text
    assert f"chỉ có trong tệp: {H14}" in text
    refused(client.send(a_letter(SENDER, H14), sender=H41, to=[SENDER]), 22)
    refused(client.send(a_letter(SENDER), sender=H41, to=[]), 22)
    assert kept(strict) == 0


def test_recipients_that_are_no_list_are_told(strict: House) -> None:
    client = strict.client()
    for to in ("H14", "{}", "[1]", "[[]]", "null", "[" * 5000):
        assert "mảng JSON" in refused(client.send(a_letter(H14), sender=H41, to=to), 22)


def test_a_file_that_was_cut_or_changed_on_the_way_is_refused(house: House) -> None:
    client = house.client()
    file = a_letter()
    client.kept |= {"from": H41, "Content-Type": "application/octet-stream", "hash-file": lossy_hash(file)}
    for body in (file[:-5], file.replace(b"7816", b"7817"), b"", b"\r\n"):
        refused(client.exchange("POST", "/sendEdoc", client.headers(), body), 10)
    accepted(client.exchange("POST", "/sendEdoc", client.headers(), file))


def test_a_hash_in_a_header_that_was_not_signed_does_not_count(house: House) -> None:
    client = house.client()
    file = a_letter()
    client.kept |= {"from": H41, "Content-Type": "application/octet-stream"}
    headers = [*client.headers(), ("XroadVnpt-hash-file", lossy_hash(file))]
    assert "hash-file" in refused(client.exchange("POST", "/sendEdoc", headers, file + b"\r\n"), 10)


def test_the_hash_may_be_left_out_where_the_agency_says_so(tmp_path: Path) -> None:
    with a_house(tmp_path, vxp={"hash_file_required": False}) as house:
        client = house.client()
        client.kept |= {"from": H41, "Content-Type": "application/octet-stream"}
        accepted(client.exchange("POST", "/sendEdoc", client.headers(), a_letter() + b"\r\n"))
        client.kept["hash-file"] = "0" * 64
        refused(client.exchange("POST", "/sendEdoc", client.headers(), a_letter(number=2) + b"\r\n"), 10)


def test_what_is_no_envelope_is_refused_with_every_fault_and_its_remedy(house: House) -> None:
    client = house.client()
    assert refused(client.send(b"%PDF-1.7", sender=H41), 10)
    no_subject = (
        a_letter().replace(b"<edXML:Subject>", b"<edXML:Subjekt>").replace(b"/edXML:Subject>", b"/edXML:Subjekt>")
    )
    text = refused(client.send(no_subject, sender=H41), 22)
    assert "Dòng" in text
    assert kept(house) == 0


def test_a_state_secret_does_not_leave_the_agency(house: House) -> None:
    secret = a_letter(subject="MẬT: V/v kế hoạch")
    answer = house.client().send(secret, sender=H41).members
    assert answer["status"] == "FAIL"
    assert "kế hoạch" not in answer["ErrorDesc"]
    assert kept(house) == 0


def test_a_body_above_the_limit_is_refused_in_the_dialect(tmp_path: Path) -> None:
    with a_house(tmp_path, body_limit=10_000) as house:
        client = house.client()
        big = a_letter(attachments=(an_attachment(content=bytes(20_000)),))
        refused(client.send(big, sender=H41), 10)
        refused(client.send(big, sender=H41, chunked=True), 10)
        assert not list(house.gateway.incoming.glob("*"))


def test_an_upload_for_which_there_is_no_room_may_come_again_and_leaves_nothing(tmp_path: Path) -> None:
    def turned_away(house: House) -> str:
        answer = house.client().send(a_letter()[:900], sender=H41)
        refused(answer, 20)
        assert int(answer.headers["retry-after"]) > 0
        assert not list(house.gateway.incoming.glob("*"))
        return str(answer.members["ErrorDesc"])

    with a_house(tmp_path / "1", free_bytes=2**62) as house:
        assert "Ổ đĩa" in turned_away(house)
    bounds = {"body_limit": 1000, "incoming_bytes": 2000}
    with a_house(tmp_path / "2", **bounds) as house, house.gateway.uploads.place(".body") as (_, share):
        share.grow(1990)
        assert "cùng lúc" in turned_away(house)


def test_a_key_that_may_only_receive_sends_statuses_and_no_letters(house: House) -> None:
    house.deliver(a_document(recipients=(an_organ(H41),)), leg="leg-1")
    client = house.client("nhan", rights=[Right.RECEIVE])
    assert client.send(a_letter(), sender=H41).members["status"] == "FAIL"
    about = ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    accepted(client.send(envelope_bytes(a_status(sender=an_organ(H41), response_for=about)), sender=H41))


def test_nothing_of_a_body_stays_on_disk(house: House) -> None:
    client = house.client()
    accepted(client.send(a_letter(), sender=H41))
    refused(client.send(b"x", sender=H41), 10)
    assert not list(house.gateway.incoming.glob("*"))


def test_an_unusable_key_of_the_organ_is_the_agency_s_trouble_and_no_fault_of_the_letter(house: House) -> None:
    organ = house.desk.settings.organ(H41)
    assert organ is not None
    assert organ.key is not None
    organ.key.write_text("none", encoding="utf-8")
    text = refused(house.client().send(a_letter(), sender=H41), 20)
    assert "agent.toml" in text
