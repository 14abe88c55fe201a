"""Records to rows and back. Rows go in as tuples in the order of the table's columns, come back the same way."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import orjson

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import Finding, FindingCode, Findings
from edxml_schemas.vouched import Vouched, read_vouched
from router.core.records import (
    NOTHING,
    Answer,
    Attempt,
    Event,
    Leg,
    LegState,
    MessageRecord,
    MessageState,
    OutboxItem,
    OutboxKind,
    RecallState,
    StatusRecord,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NO_FINDINGS: Final = ""

Row = tuple[Any, ...]


def to_time(moment: datetime) -> int:
    """Microseconds since 1970 UTC."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds  # a third faster than dividing


def from_time(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)


def maybe_to_time(moment: datetime | None) -> int | None:
    return None if moment is None else to_time(moment)


def maybe_from_time(number: int | None) -> datetime | None:
    return None if number is None else from_time(number)


def to_date(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _from_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _to_findings(findings: Findings) -> str:
    if not findings:
        return NO_FINDINGS
    return orjson.dumps([(f.code, f.line, f.xpath, f.value, f.facts) for f in findings]).decode()


def _from_findings(text: str) -> Findings:
    if not text:
        return ()
    return tuple(
        Finding(FindingCode(code), line, xpath, value, tuple((name, fact) for name, fact in facts))
        for code, line, xpath, value, facts in orjson.loads(text)
    )


def _to_facts(facts: Mapping[str, str]) -> str:
    return orjson.dumps(dict(facts)).decode() if facts else ""


def message_row(m: MessageRecord) -> Row:
    return (
        m.id,
        m.submission_id,
        m.agent,
        m.type.value,
        m.state.value,
        m.urgency.value,
        m.digest,
        m.size,
        m.payload,
        to_time(m.received_at),
        to_time(m.decided_at),
        m.content_digest,
        m.sender,
        m.document_id,
        m.code,
        m.subject,
        m.doc_type,
        m.priority,
        to_date(m.promulgation_date),
        to_date(m.due_date),
        m.status_code,
        m.about,
        m.certificate,
        m.duplicate_of,
        maybe_to_time(m.retry_at),
        m.attempts,
        _to_findings(m.findings),
        to_date(m.arrived_on),
        "" if m.vouched is None else m.vouched.encoded(),
    )


def message_of(row: Row) -> MessageRecord:
    return MessageRecord(
        id=row[0],
        submission_id=row[1],
        agent=row[2],
        type=MessageType(row[3]),
        state=MessageState(row[4]),
        urgency=Urgency(row[5]),
        digest=row[6],
        size=row[7],
        payload=row[8],
        received_at=from_time(row[9]),
        decided_at=from_time(row[10]),
        content_digest=row[11],
        sender=row[12],
        document_id=row[13],
        code=row[14],
        subject=row[15],
        doc_type=row[16],
        priority=row[17],
        promulgation_date=_from_date(row[18]),
        due_date=_from_date(row[19]),
        status_code=row[20],
        about=row[21],
        certificate=row[22],
        duplicate_of=row[23],
        retry_at=maybe_from_time(row[24]),
        attempts=row[25],
        findings=_from_findings(row[26]),
        arrived_on=_from_date(row[27]),
        vouched=_from_vouched(row[28]),
    )


def _from_vouched(text: str) -> Vouched | None:
    if not text:
        return None
    note = read_vouched(text)
    if note is None:
        raise ValueError("not a note of who vouched")
    return note


def leg_row(leg: Leg) -> Row:
    return (
        leg.id,
        leg.message_id,
        leg.ordinal,
        leg.recipient,
        leg.agent,
        leg.state.value,
        leg.urgency.value,
        to_time(leg.created_at),
        maybe_to_time(leg.handed_over_at),
        maybe_to_time(leg.delivered_at),
        leg.status,
        maybe_to_time(leg.status_at),
        leg.reason,
        leg.recall.value,
        leg.version,
        maybe_to_time(leg.recall_at),
        leg.forwarded_from,
        maybe_to_time(leg.look_at),
        ",".join(leg.raised),
    )


def leg_of(row: Row) -> Leg:
    return Leg(
        id=row[0],
        message_id=row[1],
        ordinal=row[2],
        recipient=row[3],
        agent=row[4],
        state=LegState(row[5]),
        urgency=Urgency(row[6]),
        created_at=from_time(row[7]),
        handed_over_at=maybe_from_time(row[8]),
        delivered_at=maybe_from_time(row[9]),
        status=row[10],
        status_at=maybe_from_time(row[11]),
        reason=row[12],
        recall=RecallState(row[13]),
        version=row[14],
        recall_at=maybe_from_time(row[15]),
        forwarded_from=row[16],
        look_at=maybe_from_time(row[17]),
        raised=tuple(row[18].split(",")) if row[18] else (),
    )


def answer_row(answer: Answer) -> Row:
    return (answer.message_id, answer.place, answer.document_id, answer.code, answer.organ)


def answer_of(row: Row) -> Answer:
    return Answer(message_id=row[0], place=row[1], document_id=row[2], code=row[3], organ=row[4])


def status_row(status: StatusRecord) -> Row:
    """Without the leading `seq`, which the database gives."""
    return (
        status.message_id,
        status.leg_id,
        status.code,
        status.sender,
        maybe_to_time(status.said_at),
        to_time(status.accepted_at),
        status.description,
        status.staff,
    )


def status_of(row: Row) -> StatusRecord:
    return StatusRecord(
        message_id=row[1],
        leg_id=row[2],
        code=row[3],
        sender=row[4],
        said_at=maybe_from_time(row[5]),
        accepted_at=from_time(row[6]),
        description=row[7],
        staff=row[8],
    )


def event_row(event: Event) -> Row:
    """Without the leading `seq`, which the database gives."""
    return event.name, to_time(event.at), event.message_id, event.leg_id, event.actor, _to_facts(event.facts)


def event_of(row: Row) -> Event:
    return Event(
        name=row[1],
        at=from_time(row[2]),
        message_id=row[3],
        leg_id=row[4],
        actor=row[5],
        facts=orjson.loads(row[6]) if row[6] else NOTHING,
    )


def outbox_row(item: OutboxItem) -> Row:
    return (
        item.id,
        item.kind.value,
        item.type.value,
        item.agent,
        item.urgency.value,
        item.message_id,
        to_time(item.created_at),
        to_time(item.leased_until),
        item.leg_id,
        item.submission_id,
        item.sender,
        item.recipient,
        item.digest,
        item.size,
        item.payload,
        item.claim,
        item.body,
        item.attempts,
        item.forwarded_from,
    )


def outbox_of(row: Row) -> OutboxItem:
    return OutboxItem(
        id=row[0],
        kind=OutboxKind(row[1]),
        type=MessageType(row[2]),
        agent=row[3],
        urgency=Urgency(row[4]),
        message_id=row[5],
        created_at=from_time(row[6]),
        leased_until=from_time(row[7]),
        leg_id=row[8],
        submission_id=row[9],
        sender=row[10],
        recipient=row[11],
        digest=row[12],
        size=row[13],
        payload=row[14],
        claim=bool(row[15]),
        body=bytes(row[16]),
        attempts=row[17],
        forwarded_from=row[18],
    )


def attempt_row(attempt: Attempt) -> Row:
    """Without the leading `seq`, which the database gives."""
    a = attempt
    return a.item_id, a.message_id, a.leg_id, a.number, to_time(a.at), a.reason


def attempt_of(row: Row) -> Attempt:
    return Attempt(item_id=row[1], message_id=row[2], leg_id=row[3], number=row[4], at=from_time(row[5]), reason=row[6])
