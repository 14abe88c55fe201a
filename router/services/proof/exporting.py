"""Makes the evidence package of a document: seals the log first, and verifies the package before it is given out."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.evidence.package import make_package
from edxml_schemas.evidence.verdict import Verdict
from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.signed_receipts import ReceiptPen
from router.core.event_names import EventName
from router.core.records import Event, MessageRecord, PutEvent
from router.ports import Clock, Payloads, Store, TrustSource
from router.services.proof.evidence import EvidenceCollector, EvidenceProblem, Unsealed
from router.services.proof.sealing import Sealing

TRIES: Final = 5
"""The hub goes on working while evidence is collected: what was read in between is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the hub signs with now, and the certificates that it had before."""

    pen: ReceiptPen
    former: Sequence[x509.Certificate] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A package and what its verification says. One that is not good is not to be given out."""

    data: bytes
    verdict: Verdict


class EvidenceExport:
    """`keys` is asked at every export, and may raise what keeps the hub's key from being read."""

    def __init__(
        self,
        store: Store,
        payloads: Payloads,
        trust: TrustSource,
        *,
        keys: Callable[[], Keys],
        hub: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._payloads = payloads
        self._trust = trust
        self._keys = keys
        self._hub = hub
        self._clock = clock

    def export(self, message: MessageRecord, *, actor: str, address: str = "") -> Exported:
        """The package after it was verified; when the hub wrote in between, it is made again.

        That `actor` got it is written into the log before it is given out. Raises EvidenceProblem (also for a package
        that is too large), PayloadUnavailable, and what the store raises.
        """
        made = self._made(message)
        if made.verdict.good:
            facts = {"digest": hashlib.sha256(made.data).hexdigest(), **({"address": address} if address else {})}
            name = EventName.EVIDENCE_EXPORTED.value
            exported = Event(name=name, at=self._clock.now(), message_id=message.id, actor=actor, facts=facts)
            with self._store.begin() as tx:
                tx.apply([PutEvent(exported)])
        return made

    def _made(self, message: MessageRecord) -> Exported:
        keys = self._keys()
        signer = keys.pen.signer
        hub = (signer.certificate, *keys.former)
        hub_pem = b"".join(each.public_bytes(Encoding.PEM) for each in hub)
        collector = EvidenceCollector(self._store, self._payloads, self._trust.material(), signer=keys.pen)
        for left in reversed(range(TRIES)):
            seal_all(self._store, keys.pen, clock=self._clock)
            current = self._store.message(message.id) or message
            try:
                contents = collector.collect(current, hub=self._hub, now=self._clock.now())
                data = make_package(contents, signer=signer, hub_pem=hub_pem)
            except Unsealed:
                if left:
                    continue
                raise
            except ValueError as problem:
                raise EvidenceProblem(f"Hồ sơ quá lớn: {problem}", f"The evidence is too large: {problem}") from problem
            verdict = verify(data, Known(hub_certificates=hub))
            if verdict.good or not left:
                return Exported(data=data, verdict=verdict)
        raise AssertionError("the last try returns or raises")


def seal_all(store: Store, pen: ReceiptPen, *, clock: Clock) -> int:
    """Seal everything that is there; how many seals were made."""
    sealing, made = Sealing(pen.signer, every=timedelta(0)), 0
    more = True
    while more:
        with store.begin() as tx:
            before = tx.last_seal()
            more = sealing.run(tx, now=clock.now()).more
            after = tx.last_seal()
        made += before != after
    return made
