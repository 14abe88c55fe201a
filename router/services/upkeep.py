"""What has to be looked at again when its time comes: verdicts that were deferred."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from edxml_schemas.findings import FindingCode, finding
from router.core.events import EventName
from router.core.records import Event, MessageRecord, PutEvent, PutMessage
from router.pipeline.passage import Passage
from router.ports import Payloads, PayloadUnavailable, Transaction
from router.services.ingest import Examined, Ingest, Settled, submission_of


class Upkeep:
    """Takes up deferred verdicts with the means of an `Ingest`."""

    def __init__(self, ingest: Ingest, payloads: Payloads) -> None:
        self._ingest = ingest
        self._payloads = payloads

    def retry_deferred(self, tx: Transaction, *, now: datetime, limit: int) -> Sequence[Settled]:
        """Try at most `limit` deferred verdicts again whose time has come; the outbox of each is leased to the caller.

        A verdict that stays open is deferred for longer, and refused once `Policy.defer_for` is over.
        """
        examined: list[Examined] = []
        for record in tx.due_deferred(now=now, limit=limit):
            again = self._examine(record, now=now)
            if again is None:
                tx.apply(self._postponed(record, now=now))
            else:
                examined.append(again)
        return self._ingest.settle(tx, examined, now=now) if examined else ()

    def _examine(self, record: MessageRecord, *, now: datetime) -> Examined | None:
        """None when the bytes cannot be read now; they may be tomorrow, but not for ever."""
        claimed = record.payload.startswith("blob:")
        try:
            body = None if claimed else self._payloads.read(record.payload)
            return self._ingest.examine(submission_of(record, body), at=now, deferred=record)
        except PayloadUnavailable:
            if now - record.received_at < self._ingest.policy.defer_for:
                return None
            lost = Passage(
                submission=submission_of(record, None),
                body=None,
                payload=record.payload,
                findings=(finding(FindingCode.HUB_FAILURE, reference=record.id),),
            )
            return Examined(message_id=record.id, passage=lost, deferred=record)

    def _postponed(self, record: MessageRecord, *, now: datetime) -> tuple[PutMessage, PutEvent]:
        attempts = record.attempts + 1
        retry_at = now + self._ingest.policy.retry_after(attempts)
        event = Event(
            name=EventName.MESSAGE_DEFERRED.value,
            at=now,
            message_id=record.id,
            actor=record.agent,
            facts={
                "codes": FindingCode.HUB_FAILURE.value,
                "retry_at": retry_at.isoformat(),
                "attempt": str(attempts),
            },
        )
        return PutMessage(replace(record, attempts=attempts, retry_at=retry_at)), PutEvent(event)
