"""What finds a document: the same in memory, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import date
from pathlib import Path

import pytest

from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.statuses import BussinessDocType, Priority, StatusCode
from router.core.records import (
    LegState,
    MessageState,
    RecallState,
)
from router.core.search_question import Awaited, Question, Reading
from router.core.search_terms import Space, exactly
from tests.contract.conftest import STORES, database_url
from tests.support.records import MINUTE, NOON
from tests.support.search_house import CAO_BANG, HEALTH, House, document, open_house, to


@pytest.fixture(params=STORES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    opened = open_house("" if request.param == "memory" else database_url(request.param, request, tmp_path))
    yield opened
    opened.close()


# ── What finds a document ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "question",
    [
        Question(text="7816"),
        Question(text="78"),
        Question(text="7816/VPCP-TTĐT"),
        Question(text="7816/vpcp"),
        Question(text="TTĐT"),
        Question(text="ttdt"),
        Question(text="pcp-tt"),
        Question(text="nghi quyet"),
        Question(text="Nghị QUYẾT thường"),
        Question(text="uyet"),
        Question(text="van phong chinh phu"),
        Question(text="so y te"),
        Question(text="G22"),
        Question(text="000.00.00.g22"),
        Question(text="H41.08"),
        Question(text="000.00.08"),
        Question(text="01/03/2026"),
        Question(text="2026-03-02 7816"),
        Question(text="3/2026"),
        Question(text="000.00.00.G22,2026/03/01,7816/VPCP-TTĐT-1"),
        Question(text="000.00.00.G22,2026/03/01"),
        Question(number="781"),
        Question(number="7816/VPCP"),
        Question(notation="TTDT"),
        Question(notation="CP-TT"),
        Question(document_id="000.00.00.G22,2026/03/01,78"),
        Question(subject="phien hop"),
        Question(organ="000.00.00.H41", below=True),
        Question(organ="văn phòng chính"),
        Question(sender="000.00.00.G22"),
        Question(recipient="000.00.08.H41"),
        Question(recipient="so y"),
        Question(recipient="08.H41"),
        Question(status=StatusCode.RECEIVED, recipient="H41.08"),
        Question(delivery=LegState.DELIVERED),
        Question(state=MessageState.ACCEPTED),
        Question(urgency=Priority.URGENT),
        Question(kind=BussinessDocType.NEW),
        Question(received_from=date(2026, 3, 2), received_to=date(2026, 3, 2)),
        Question(signed_to=date(2026, 3, 1)),
        Question(signed_from=date(2026, 3, 1), signed_to=date(2026, 3, 31)),
    ],
    ids=lambda each: " ".join(str(value) for value in astuple(each) if value),
)
def test_a_document_is_found_by(house: House, question: Question) -> None:
    other = document("2", sender=CAO_BANG, code="12/UBND", subject="Giấy mời", document_id="khác", priority=0)
    other = replace(other, promulgation_date=date(2026, 4, 1), arrived_on=date(2026, 4, 1), doc_type=1)
    house.keep(other, *to(other, "H14.02"))
    record = document("1")
    house.keep(record, *to(record, HEALTH, state=LegState.DELIVERED, status="03", status_at=NOON))

    found = house.ids(question)

    assert "m-1" in found
    if question.state is None:
        assert found == ["m-1"]


@pytest.mark.parametrize(
    "question",
    [
        Question(text="816"),
        Question(text="7817"),
        Question(text="7816/UBND"),
        Question(text="nghi quyet khac"),
        Question(text="02/03/2025"),
        Question(text="H14"),
        Question(organ="000.00.00.H41"),
        Question(sender="H41.08"),
        Question(recipient="G22"),
        Question(status=Awaited.NONE),
        Question(status=StatusCode.FINISHED),
        Question(delivery=LegState.PARKED),
        Question(state=MessageState.REFUSED),
        Question(finding="signature"),
        Question(urgency=Priority.FLASH),
        Question(received_from=date(2026, 3, 3)),
        Question(received_to=date(2026, 3, 1)),
    ],
    ids=lambda each: " ".join(str(value) for value in astuple(each) if value),
)
def test_a_document_is_not_found_by(house: House, question: Question) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, state=LegState.DELIVERED, status="03", status_at=NOON))

    assert house.ids(question) == []


def test_a_refusal_is_found_by_its_number_and_by_what_was_wrong(house: House) -> None:
    faults = (finding(FindingCode.SIGNATURE_MISSING), finding(FindingCode.RECIPIENT_REPEATED))
    house.keep(document("1", state=MessageState.REFUSED, findings=faults))
    house.keep(document("2", code="9/X"))

    assert house.ids(Question(text="7816/VPCP-TTĐT")) == ["m-1"]
    assert house.ids(Question(state=MessageState.REFUSED)) == ["m-1"]
    assert house.ids(Question(finding="signature")) == ["m-1"]
    assert house.ids(Question(text="recipient.repeated")) == ["m-1"]
    assert house.find(Question(text="signature.missing 7816")).readings == (
        ("signature.missing", Reading.FINDING),
        ("7816", Reading.NUMBER),
    )


def test_a_refused_status_is_found_and_an_accepted_one_is_not(house: House) -> None:
    house.keep(document("1", type=MessageType.STATUS, status_code="03", about="m-0"))
    house.keep(document("2", type=MessageType.STATUS, status_code="03", state=MessageState.REFUSED))

    assert house.ids(Question()) == ["m-2"]


def test_a_repetition_is_not_found_beside_its_first(house: House) -> None:
    first = house.keep(document("1"))
    house.keep(document("2", duplicate_of=first.id))

    assert house.ids(Question(text="7816")) == ["m-1"]


def test_what_was_put_off_is_found_as_it_stands(house: House) -> None:
    later = NOON + MINUTE
    open_one = house.keep(document("1", state=MessageState.DEFERRED, retry_at=later))
    assert house.ids(Question(state=MessageState.DEFERRED)) == ["m-1"]

    house.keep(replace(open_one, state=MessageState.ACCEPTED, retry_at=None), *to(open_one, HEALTH))

    assert house.ids(Question(state=MessageState.DEFERRED)) == []
    assert house.ids(Question(state=MessageState.ACCEPTED, recipient=HEALTH)) == ["m-1"]


def test_a_leg_is_found_as_it_is_now(house: House) -> None:
    record = document("1")
    (first,) = to(record, HEALTH)
    house.keep(record, first)
    assert house.ids(Question(delivery=LegState.QUEUED)) == ["m-1"]

    house.move(replace(first, state=LegState.PARKED))

    assert house.ids(Question(delivery=LegState.QUEUED)) == []
    assert house.ids(Question(delivery=LegState.PARKED)) == ["m-1"]
    assert house.index.count([(exactly(Space.DELIVERY, "queued"),)], most=10) == 0


def test_filters_of_a_recipient_mean_one_and_the_same_leg(house: House) -> None:
    record = document("1")
    done, open_one = to(record, HEALTH, CAO_BANG)
    house.keep(record, replace(done, state=LegState.DELIVERED, status="06"), open_one)

    assert house.ids(Question(recipient=HEALTH, status=StatusCode.FINISHED)) == ["m-1"]
    assert house.ids(Question(recipient=CAO_BANG, status=StatusCode.FINISHED)) == []
    assert house.ids(Question(delivery=LegState.QUEUED, status=StatusCode.FINISHED)) == []
    assert house.find(Question(recipient=CAO_BANG, status=StatusCode.FINISHED)).count.number == 0


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        (StatusCode.RECALL_REQUESTED, RecallState.REQUESTED),
        (StatusCode.CHANGE_ACCEPTED, RecallState.ACCEPTED),
        (StatusCode.CHANGE_REFUSED, RecallState.REFUSED),
    ],
)
def test_a_recall_is_found_by_what_was_said_last(house: House, said: StatusCode, stands: RecallState) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, recall=stands, recall_at=NOON))

    assert house.ids(Question(status=said)) == ["m-1"]


def test_a_forwarded_document_is_found_by_who_was_named_and_by_who_received(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, forwarded_from=CAO_BANG))

    assert house.ids(Question(recipient=HEALTH)) == ["m-1"]
    assert house.ids(Question(recipient="cao bang")) == ["m-1"]


def test_hostile_texts_are_kept_and_found(house: House) -> None:
    subject = "\u202egnud \u200bHọp\u0007 <script>alert(1)</script> %_'\" " + "a" * 5000 + " đuôi"
    house.keep(document("1", subject=subject, code="1\u00a0\u202e2/<b>&\\x", document_id="\u202e," * 400))

    for text in ("<script>alert(1)</script>", "hop", "duoi", "%_'\"", "aaaa", "12/<b>", "\u202e,\u202e,", "a" * 200):
        assert house.ids(Question(text=text)) == ["m-1"], text
    for text in ("' OR 1=1 --", "%", "\x00", "zzz*", '"', "\ud800"):
        house.find(Question(text=text))
