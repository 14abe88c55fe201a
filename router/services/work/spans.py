"""What a worker tells of its work as spans: verdicts with their stages, deliveries, acknowledgements.

Asked only when somebody listens. Spans name organs, ids and codes, and nothing that stands in a document.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from edxml_schemas.contract import MessageType
from edxml_schemas.findings import codes
from edxml_schemas.telemetry import Facts, Span, SpanName, Step
from edxml_schemas.traces import submission_trace_id
from router.core.event_names import EventName
from router.core.records import MessageRecord, MessageState, OutboxItem, OutboxKind
from router.core.traces import speaks_of_another
from router.ports import DeliveredReport, Transaction
from router.services.traces import traces_of
from router.services.verdicts.ingest import Settled

_VERDICTS: Final = frozenset({EventName.MESSAGE_ACCEPTED.value, EventName.MESSAGE_REFUSED.value})


def spans_of_verdict(
    settled: Settled, stages: Sequence[Step], *, received_at: datetime, began: datetime, ended: datetime
) -> Iterator[Span]:
    """The spans of one submission. `began` and `ended` are those of the transaction that wrote the verdict.

    `stages` are the stages of its examination. A redelivery is told too: it was work, and the same id comes again.
    """
    message, trace = settled.message, settled.trace
    facts = facts_of(message)
    name = SpanName.STATUS if message.type is MessageType.STATUS else SpanName.INGEST
    failed = message.state is MessageState.REFUSED
    yield Span(trace=trace, name=name, began=received_at, ended=ended, facts=facts, steps=tuple(stages), failed=failed)
    yield Span(trace=trace, name=SpanName.COMMIT, began=began, ended=ended, facts={"message_id": message.id})
    if _begins_trace(settled):
        yield Span(trace=trace, name=SpanName.DOCUMENT, began=received_at, ended=ended, facts=facts, root=True)


def _begins_trace(settled: Settled) -> bool:
    """Whether the trace is told of here for the first time: not by a repetition, nor by what speaks of another."""
    message = settled.message
    if not any(each.message_id == message.id and each.name in _VERDICTS for each in settled.events):
        return False  # a redelivery
    if settled.trace == submission_trace_id(message.agent, message.submission_id):
        return True  # nobody else ever speaks of it
    new = not (message.duplicate_of or message.about or speaks_of_another(message))
    return new and message.state is MessageState.ACCEPTED


def spans_of_carriage(
    tx: Transaction, confirmed: Sequence[OutboxItem], reports: Sequence[DeliveredReport], *, now: datetime
) -> Sequence[Span]:
    """What has just been written in this transaction: legs that were handed over, and legs that were delivered."""
    handed = [each for each in confirmed if each.kind is OutboxKind.DELIVERY]
    told = tx.legs_by_id({each.leg_id for each in reports}) if reports else {}
    delivered = [leg for leg in told.values() if leg.delivered_at == now]
    wanted = {each.message_id for each in handed} | {leg.message_id for leg in delivered}
    messages = tx.decided_messages(wanted) if wanted else {}
    traces = traces_of(tx, messages.values())
    return [
        *(
            Span(
                trace=traces[each.message_id],
                name=SpanName.DELIVER,
                began=each.created_at,
                ended=now,
                facts={**_leg_facts(messages[each.message_id], each.leg_id, each.recipient), "attempts": each.attempts},
            )
            for each in handed
            if each.message_id in messages
        ),
        *(
            Span(
                trace=traces[leg.message_id],
                name=SpanName.ACKNOWLEDGED,
                began=leg.handed_over_at or leg.created_at,
                ended=now,
                facts=_leg_facts(messages[leg.message_id], leg.id, leg.recipient),
            )
            for leg in delivered
            if leg.message_id in messages
        ),
    ]


def facts_of(message: MessageRecord) -> Facts:
    """What a span says of a message."""
    return {
        "message_id": message.id,
        "submission_id": message.submission_id,
        "document_id": message.document_id,
        "sender": message.sender,
        "agent": message.agent,
        "type": message.type.value,
        "status_code": message.status_code,
        "verdict": message.state.value,
        "findings": " ".join(code.value for code in codes(message.findings)),
        "duplicate": bool(message.duplicate_of),
        "size": message.size,
    }


def _leg_facts(message: MessageRecord, leg_id: str, recipient: str) -> dict[str, str | int]:
    return {
        "message_id": message.id,
        "document_id": message.document_id,
        "leg_id": leg_id,
        "sender": message.sender,
        "recipient": recipient,
        "type": message.type.value,
    }
