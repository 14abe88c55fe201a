"""What has to be looked at again when its time comes: verdicts that were deferred."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from edxml_schemas.findings import FindingCode, finding
from router.core.events import EventName
from router.core.proof import message_digest
from router.core.records import Event, MessageRecord, PutEvent, PutMessage
from router.pipeline.passage import Passage
from router.ports import Payloads, PayloadUnavailable, Store, Transaction
from router.services.verdicts.ingest import Examined, Ingest, Settled, submission_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A deferred record after another attempt. `examined` is None when its bytes cannot be read now."""

    record: MessageRecord
    examined: Examined | None


class Upkeep:
    """Takes up deferred verdicts with the means of an `Ingest`: `due`, then `examine` each, then `settle`.

    Only the first and the last need a transaction: what is examined in between may be large, and nobody waits for it.
    """

    def __init__(self, ingest: Ingest, payloads: Payloads) -> None:
        self._ingest = ingest
        self._payloads = payloads

    def due(self, tx: Transaction, *, now: datetime, limit: int) -> Sequence[MessageRecord]:
        """At most `limit` deferred verdicts whose time has come."""
        return tx.due_deferred(now=now, limit=limit, longest=self._ingest.policy.defer_longest)

    def examine(self, record: MessageRecord, *, now: datetime) -> Retried:
        """CPU, and the reading of the record's bytes. They may be away today, but not for ever."""
        claimed = record.payload.startswith("blob:")
        try:
            body = None if claimed else self._payloads.read(record.payload)
            examined = self._ingest.examine(submission_of(record, body), at=now, deferred=record)
        except PayloadUnavailable:
            if now - record.received_at < self._ingest.policy.defer_for:
                return Retried(record=record, examined=None)
            lost = Passage(
                submission=submission_of(record, None),
                body=None,
                payload=record.payload,
                findings=(finding(FindingCode.HUB_FAILURE, reference=record.id),),
                vouched=record.vouched,
            )
            examined = Examined(message_id=record.id, passage=lost, deferred=record)
        return Retried(record=record, examined=examined)

    def settle(self, tx: Transaction, retried: Sequence[Retried], *, now: datetime) -> Sequence[Settled]:
        """Decide once more; the outbox of each is leased to the caller. Safe beside other workers that took up the
        same records: the one who comes second changes nothing.

        A verdict that stays open is deferred for longer, and refused once `Policy.defer_for` is over.
        """
        unread = {each.record.id: each.record for each in retried if each.examined is None}
        if unread:
            there = tx.messages(unread)
            for record in unread.values():
                if there.get(record.id) == record:
                    tx.apply(self._postponed(record, now=now))
        examined = [each.examined for each in retried if each.examined is not None]
        return self._ingest.settle(tx, examined, now=now) if examined else ()

    def forget(self, store: Store, digests: Sequence[str]) -> None:
        """See `Ingest.forget`."""
        self._ingest.forget(store, digests)

    def _postponed(self, record: MessageRecord, *, now: datetime) -> tuple[PutMessage, PutEvent]:
        attempts = record.attempts + 1
        retry_at = now + self._ingest.policy.retry_after(attempts)
        postponed = replace(record, attempts=attempts, retry_at=retry_at)
        event = Event(
            name=EventName.MESSAGE_DEFERRED.value,
            at=now,
            message_id=record.id,
            actor=record.agent,
            facts={
                "codes": FindingCode.HUB_FAILURE.value,
                "retry_at": retry_at.isoformat(),
                "attempt": str(attempts),
                "digest": record.digest,
                "record": message_digest(postponed),
            },
        )
        return PutMessage(postponed), PutEvent(event)
