"""Digests of records: an event carries them, and so the sealed log proves the records."""

from datetime import UTC

import orjson

from edxml_schemas.evidence.data import Row
from edxml_schemas.evidence.records import LEG_FIELDS, MESSAGE_FIELDS, STATUS_FIELDS, VOUCHED_FIELD, words_digest
from edxml_schemas.findings import Findings
from router.core.records import Leg, MessageRecord, StatusRecord


def message_values(m: MessageRecord) -> tuple[object, ...]:
    """In the order of `evidence.records.MESSAGE_FIELDS`; what JSON has no type for is as its encoder writes it.

    Who vouched comes behind them, when somebody did: the digests of all other records stay what they always were.
    """
    note = m.vouched
    vouched = () if note is None else ((note.system, note.digest, note.size, note.repairs),)
    return (
        m.id,
        m.submission_id,
        m.agent,
        m.type,
        m.state,
        m.urgency,
        m.digest,
        m.size,
        m.payload,
        m.received_at,
        m.decided_at,
        m.content_digest,
        m.sender,
        m.document_id,
        m.code,
        m.subject,
        m.doc_type,
        m.priority,
        m.promulgation_date,
        m.arrived_on,
        m.due_date,
        m.status_code,
        m.about,
        m.certificate,
        m.duplicate_of,
        m.retry_at,
        m.attempts,
        finding_values(m.findings) if m.findings else (),
        *vouched,
    )


def finding_values(findings: Findings) -> tuple[object, ...]:
    return tuple((each.code, each.line, each.xpath, each.value, each.facts) for each in findings)


def status_values(s: StatusRecord) -> tuple[object, ...]:
    """In the order of `evidence.records.STATUS_FIELDS`."""
    # What an envelope says is in Vietnam time; what a store gives back is in UTC.
    said_at = s.said_at.astimezone(UTC) if s.said_at is not None else None
    return s.message_id, s.leg_id, s.code, s.sender, said_at, s.accepted_at, s.description, s.staff


def message_digest(message: MessageRecord) -> str:
    """Over everything that the record says: it changes only with the verdict, and each verdict is an event."""
    return words_digest(message_values(message))


def status_digest(status: StatusRecord) -> str:
    return words_digest(status_values(status))


def leg_values(leg: Leg) -> tuple[object, ...]:
    """In the order of `evidence.records.LEG_FIELDS`."""
    return (
        leg.id,
        leg.message_id,
        leg.ordinal,
        leg.recipient,
        leg.agent,
        leg.state,
        leg.urgency,
        leg.created_at,
        leg.handed_over_at,
        leg.delivered_at,
        leg.status,
        leg.status_at,
        leg.reason,
        leg.recall,
        leg.recall_at,
        leg.forwarded_from,
    )


def message_json(message: MessageRecord) -> Row:
    """The values of a record by name, as JSON has them: what its digest is over."""
    fields = MESSAGE_FIELDS if message.vouched is None else (*MESSAGE_FIELDS, VOUCHED_FIELD)
    return _named(fields, message_values(message))


def status_json(status: StatusRecord) -> Row:
    return _named(STATUS_FIELDS, status_values(status))


def leg_json(leg: Leg) -> Row:
    return _named(LEG_FIELDS, leg_values(leg))


def _named(fields: tuple[str, ...], values: tuple[object, ...]) -> Row:
    return dict(zip(fields, orjson.loads(orjson.dumps(values)), strict=True))
