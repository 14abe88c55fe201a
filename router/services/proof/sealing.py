"""Seals the log: events since the last seal under one root, signed by the hub, portion after portion."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.evidence.merkle import EventWords, leaf_hash, root_of
from edxml_schemas.evidence.replay import EPOCH
from edxml_schemas.evidence.seals import FIRST, SealWords, fingerprint_of, sign_words
from edxml_schemas.signatures import Signer
from router.core.events import EventName
from router.core.records import Event, PutEvent
from router.core.seals import EventRow, Seal
from router.ports import Transaction
from router.services.chores import NOTHING_DONE, Done

PORTION: Final = 2000
"""Events under one seal, and in one transaction. One costs 5 to 7 µs of CPU, reading it included."""
EVERY: Final = timedelta(seconds=10)

OWN_EVENTS: Final = frozenset({EventName.LOG_SEALED.value, EventName.SEAL_STAMPED.value})
"""What sealing itself writes: alone it is no reason for a new seal, else the log would grow for ever by itself."""

_HUB: Final = "hub"
_MICROSECOND: Final = timedelta(microseconds=1)


class Sealing:
    """The chore. All workers do it; the transaction lets one at a time, and the others find nothing left.

    Each seal is an event, too, which the next one covers: so a seal that was taken away is missed.

    A new seal waits until the last one is `every` old, unless that one was full: then there is more to seal.
    """

    name = "sealing"

    def __init__(self, signer: Signer, *, every: timedelta = EVERY, portion: int = PORTION) -> None:
        self._signer = signer
        self._certificate = signer.certificate.public_bytes(Encoding.DER)
        self._fingerprint = fingerprint_of(self._certificate)
        self._every = every
        self._portion = portion

    def run(self, tx: Transaction, *, now: datetime) -> Done:
        """At most one seal."""
        last = tx.last_seal()
        # A clock that was set back makes nobody wait for it.
        if last is not None and last.count < self._portion and timedelta(0) <= now - last.sealed_at < self._every:
            return NOTHING_DONE
        events = tx.events_to_seal(limit=self._portion)
        # A new key of the hub takes the chain over as soon as it can.
        own_key = last is None or last.certificate == self._certificate
        if not events or (own_key and all(each.name in OWN_EVENTS for each in events)):
            return NOTHING_DONE
        seal = self._seal(events, tx.last_seal(), now)
        tx.put_seal(seal)
        tx.apply([_sealed(seal)])
        return Done(more=len(events) == self._portion)

    def _seal(self, events: Sequence[EventRow], last: Seal | None, now: datetime) -> Seal:
        words = SealWords(
            number=1 if last is None else last.number + 1,
            first_seq=events[0].seq,
            last_seq=events[-1].seq,
            count=len(events),
            root=root_of([leaf_hash(event_words(each)) for each in events]).hex(),
            previous=FIRST if last is None else last.digest,
            sealed_at=(now - EPOCH) // _MICROSECOND,
            certificate=self._fingerprint,
        )
        return Seal(
            number=words.number,
            first_seq=words.first_seq,
            last_seq=words.last_seq,
            count=words.count,
            root=words.root,
            previous=words.previous,
            sealed_at=now,
            digest=words.digest,
            signature=sign_words(words.encoded(), self._signer),
            certificate=self._certificate,
        )


def _sealed(seal: Seal) -> PutEvent:
    facts = {"seal": str(seal.number), "digest": seal.digest}
    return PutEvent(Event(name=EventName.LOG_SEALED.value, at=seal.sealed_at, actor=_HUB, facts=facts))


def event_words(row: EventRow) -> EventWords:
    """What is hashed of an event."""
    return row.seq, row.name, row.at, row.message_id, row.leg_id, row.actor, row.facts


def words_of(seal: Seal) -> SealWords:
    """What a stored seal says, as its digest and signature must be over."""
    return SealWords(
        number=seal.number,
        first_seq=seal.first_seq,
        last_seq=seal.last_seq,
        count=seal.count,
        root=seal.root,
        previous=seal.previous,
        sealed_at=(seal.sealed_at - EPOCH) // _MICROSECOND,
        certificate=fingerprint_of(seal.certificate),
    )
