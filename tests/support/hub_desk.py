"""A hub without broker and database: real envelopes, real signatures, the in-memory store and payloads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from cryptography import x509

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.model import Document, Envelope
from edxml_schemas.receipts import Receipt, decode_receipt
from edxml_schemas.signatures import Signer, sign
from edxml_schemas.signed_receipts import ReceiptPen
from edxml_schemas.trust import TrustMaterial
from router.adapters.memory_store import MemoryPayloads, MemoryStore
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import Leg, MessageRecord, OutboxItem, OutboxKind, Submission
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState
from router.ports import DeliveredReport, Payloads, Store
from router.services.carriage.relay import Relay
from router.services.carriage.tracking import Tracking
from router.services.verdicts.ingest import Examined, Ingest, Settled
from router.services.verdicts.upkeep import Upkeep
from tests.support.envelopes import SENDER, envelope_bytes
from tests.support.pki import Credential, Pki

NOW: Final = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
H41: Final = "000.00.00.H41"
H14: Final = "000.00.00.H14"
G17: Final = "000.00.00.G17"
"""Registered, but nobody carries for it."""
LOCKED: Final = "000.00.00.G98"
RENAMED: Final = "H99.01"
FORMER: Final = "000.00.01.H99"
"""`RENAMED` is the present code of what was `FORMER`."""
AGENTS: Final = {SENDER: "vpcp", H41: "nghean", H14: "caobang", RENAMED: "nghean", LOCKED: "khoa"}


@dataclass(slots=True)
class Trusted:
    """A trust source whose material a test may change."""

    now_trusted: TrustMaterial

    def material(self) -> TrustMaterial:
        return self.now_trusted


class Desk:
    """The services of a hub around one store, and the keys of everybody."""

    def __init__(
        self, policy: Policy = DEFAULT_POLICY, store: Store | None = None, payloads: Payloads | None = None
    ) -> None:
        self.pki = Pki(NOW)
        self.keys: dict[str, Credential] = {organ: self.pki.issue(f"Cơ quan {organ}") for organ in AGENTS}
        # Most tests look into the memory; those that bring another store use the port alone.
        self.store = MemoryStore() if store is None else cast(MemoryStore, store)
        self.payloads = MemoryPayloads() if payloads is None else cast(MemoryPayloads, payloads)
        self.trust = Trusted(self.material(self.pki.crls()))
        self.policy = policy
        self.ingest = Ingest(self.payloads, self.trust, policy)
        self.hub_key = self.pki.self_signed("Trục thử nghiệm")
        self.pen = ReceiptPen(Signer(self.hub_key.key, self.hub_key.cert))
        self.relay = Relay(self.payloads, policy, signer=self.pen)
        self.tracking = Tracking(policy)
        self.upkeep = Upkeep(self.ingest, self.payloads)
        self.submissions = 0
        self._register()

    def _register(self) -> None:
        self.store.put_agents([AgentRecord(name=name) for name in {*AGENTS.values()}])
        self.store.put_organs(
            [
                OrganRecord(code=SENDER, name="Văn phòng Chính phủ", agent="vpcp"),
                OrganRecord(code=H41, name="UBND tỉnh Nghệ An", agent="nghean"),
                OrganRecord(code=H14, name="UBND tỉnh Cao Bằng", agent="caobang"),
                OrganRecord(code=G17, name="Bộ Xây dựng"),
                OrganRecord(code=LOCKED, name="Bị khóa", agent="khoa", state=OrganState.LOCKED, reason="sáp nhập"),
                OrganRecord(code=RENAMED, name="Đã đổi mã", old_code=FORMER, agent="nghean"),
            ]
        )
        for organ, key in self.keys.items():
            self.bind(organ, key)

    def bind(self, organ: str, key: Credential) -> None:
        pem = key.cert_pem.decode()
        record = CertificateRecord(organ=organ, fingerprint=key.fingerprint, subject=organ, pem=pem)
        self.store.put_certificates([record])

    def material(self, crls: Sequence[x509.CertificateRevocationList]) -> TrustMaterial:
        return TrustMaterial(anchors=(self.pki.root.cert,), intermediates=self.pki.chain, crls=tuple(crls))

    def signed(self, envelope: Envelope, *, key: Credential | None = None) -> bytes:
        """The envelope's bytes, signed by its sender unless another key is given."""
        credential = key or self.keys.get(envelope.sender.organ_id) or self.keys[RENAMED]
        return sign(envelope_bytes(envelope), Signer(credential.key, credential.cert, self.pki.chain))

    def submission(self, what: Envelope | bytes, *, agent: str = "", **changes: object) -> Submission:
        """A submission of an envelope (signed here) or of bytes as they are."""
        self.submissions += 1
        body = what if isinstance(what, bytes) else self.signed(what)
        kind = MessageType.DOCUMENT
        if not isinstance(what, bytes):
            kind = MessageType.DOCUMENT if isinstance(what, Document) else MessageType.STATUS
            agent = agent or AGENTS.get(what.sender.organ_id, "nghean")
        base = Submission(
            submission_id=f"lan-gui-{self.submissions}",
            agent=agent or "vpcp",
            user_id=agent or "vpcp",
            type=kind,
            urgency=Urgency.NORMAL,
            digest=hashlib.sha256(body).hexdigest(),
            size=len(body),
            body=body,
            received_at=NOW,
        )
        return replace(base, **changes)  # type: ignore[arg-type]  # the test names the fields

    def settle(self, *submissions: Submission, now: datetime = NOW) -> Sequence[Settled]:
        """All in one batch and one transaction."""
        return self.settle_examined([self.ingest.examine(each) for each in submissions], now=now)

    def settle_examined(self, examined: Sequence[Examined], *, now: datetime = NOW) -> Sequence[Settled]:
        with self.store.begin() as tx:
            return self.ingest.settle(tx, examined, now=now)

    def send(self, what: Envelope | bytes, *, now: datetime = NOW, **changes: object) -> Settled:
        return self.settle(self.submission(what, **changes), now=now)[0]  # type: ignore[arg-type]  # as above

    def accept(self, what: Envelope | bytes, *, now: datetime = NOW) -> MessageRecord:
        """Send something that must be accepted."""
        settled = self.send(what, now=now)
        assert settled.message.state.value == "accepted", codes(settled.message.findings)
        return settled.message

    def confirm(self, items: Sequence[OutboxItem], *, now: datetime = NOW) -> Sequence[OutboxItem]:
        """The receipts that say that the documents were handed over."""
        with self.store.begin() as tx:
            return self.relay.confirm(tx, items, now=now)

    def lease(self, *, now: datetime, lease_for: timedelta = timedelta(seconds=60)) -> Sequence[OutboxItem]:
        with self.store.begin() as tx:
            return self.relay.take_up(tx, now=now, lease_for=lease_for, limit=100).publish

    def report(self, leg: Leg, *, now: datetime = NOW, **changes: str) -> Sequence[OutboxItem]:
        message = self.store.message(leg.message_id)
        assert message is not None
        report = DeliveredReport(leg_id=leg.id, agent=leg.agent, digest=message.digest, at=now)
        with self.store.begin() as tx:
            return self.tracking.record(tx, [replace(report, **changes)], now=now)  # type: ignore[arg-type]  # as above

    def leg(self, message: MessageRecord, recipient: str) -> Leg:
        return next(each for each in self.store.legs_of(message.id) if each.recipient == recipient)

    def events(self, message: MessageRecord) -> list[str]:
        return [each.name for each in self.store.events_of(message.id)]


def found(settled: Settled) -> tuple[FindingCode, ...]:
    return codes(settled.message.findings)


def receipt_in(outbox: Sequence[OutboxItem]) -> Receipt:
    """The one receipt among outbox items."""
    (item,) = [each for each in outbox if each.kind is OutboxKind.RECEIPT]
    receipt = decode_receipt(item.body)
    assert isinstance(receipt, Receipt), receipt
    return receipt
