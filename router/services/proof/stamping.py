"""Has the newest seal stamped by an RFC 3161 authority, from time to time, outside the transactions of the work."""

import hashlib
import secrets
from datetime import datetime, timedelta

from edxml_schemas.evidence.timestamps import StampFault, request_of, token_of
from router.core.events import EventName
from router.core.records import Event, PutEvent
from router.core.seals import Seal
from router.ports import Clock, Store
from router.ports.signing import StampAuthority, StampUnavailable

_HUB = "hub"


class Stamping:
    """Not every seal is stamped: a stamp on one vouches for all before it. An event says which token was given, so
    that none can be taken away or replaced unseen."""

    def __init__(self, store: Store, authority: StampAuthority, *, clock: Clock, every: timedelta) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._every = every
        self._asked_at: datetime | None = None

    def run(self) -> Seal | None:
        """One look: the seal that was stamped, None when there was none to stamp or it is not time yet.

        Raises StampUnavailable when the authority gives no answer or a wrong one; what the store raises.
        """
        now = self._clock.now()
        if self._asked_at is not None and timedelta(0) <= now - self._asked_at < self._every:
            return None
        with self._store.begin() as tx:
            seal = tx.last_seal()
        if seal is None or seal.timestamp:
            return None
        nonce = secrets.randbits(63)
        answer = self._ask(seal, nonce)
        with self._store.begin() as tx:
            if tx.stamp_seal(seal.number, answer):
                tx.apply([_stamped(seal, answer, self._clock.now())])
        self._asked_at = now
        return seal

    def _ask(self, seal: Seal, nonce: int) -> bytes:
        try:
            return token_of(self._authority.ask(request_of(seal.digest, nonce=nonce)), seal.digest, nonce=nonce)
        except StampFault as fault:
            raise StampUnavailable(str(fault)) from fault


def _stamped(seal: Seal, token: bytes, now: datetime) -> PutEvent:
    facts = {"seal": str(seal.number), "digest": hashlib.sha256(token).hexdigest()}
    return PutEvent(Event(name=EventName.SEAL_STAMPED.value, at=now, actor=_HUB, facts=facts))
