"""A hub with a past: documents in every state, and the log of it sealed."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.evidence.package import make_package
from edxml_schemas.evidence.seals import fingerprint_of
from edxml_schemas.model import ResponseFor
from router.core.records import MessageRecord
from router.ports import Payloads, Store
from router.services.carriage.deadlines import Deadlines
from router.services.proof.evidence import EvidenceCollector
from router.services.proof.sealing import Sealing
from tests.support.envelopes import DOCUMENT_ID, RECIPIENTS, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import G17, H14, H41, NOW, Desk

MINUTE = timedelta(minutes=1)


class ProvableHub:
    """`document` went to two organs and one that nobody carries for, was received, asked back, and sent twice."""

    def __init__(self, store: Store | None = None, payloads: Payloads | None = None, *, quiet: bool = False) -> None:
        """With `quiet` nothing has happened yet, and there is no `document`."""
        self.desk = Desk(store=store, payloads=payloads)
        self.sealing = Sealing(self.desk.pen.signer, every=timedelta(0), portion=40)
        if not quiet:
            self.document = self._document()

    @property
    def store(self) -> Store:
        return self.desk.store

    @property
    def accepted(self) -> frozenset[str]:
        """The fingerprint of the hub's certificate."""
        return frozenset({fingerprint_of(self.desk.hub_key.cert.public_bytes(Encoding.DER))})

    def _document(self) -> MessageRecord:
        desk = self.desk
        recipients = [an_organ(each) for each in (*RECIPIENTS, G17)]
        settled = desk.send(a_document(recipients=tuple(recipients)))
        document = settled.message
        assert document.state.value == "accepted"
        self.seal()
        desk.confirm(desk.confirm(settled.outbox, now=NOW + MINUTE), now=NOW + MINUTE)
        receipts = desk.report(desk.leg(document, H41), now=NOW + 2 * MINUTE)
        desk.confirm(receipts, now=NOW + 2 * MINUTE)
        for minutes, code in ((3, "01"), (4, "03"), (5, "01")):
            self.say(code, H41, at=NOW + minutes * MINUTE)
        self.say("02", H14, at=NOW + 6 * MINUTE, description="Gửi nhầm nơi nhận")
        self.say("13", SENDER, at=NOW + 7 * MINUTE, description="Thu hồi", about=H41)
        self.say("15", H41, at=NOW + 8 * MINUTE)
        desk.send(a_document(recipients=tuple(recipients)), now=NOW + 9 * MINUTE)  # once more: a duplicate
        desk.send(b"<edXML/>")  # refused
        self.park()
        self.seal()
        found = desk.store.message(document.id)
        assert found is not None
        return found

    def say(self, code: str, organ: str, *, at: datetime, description: str = "", about: str = SENDER) -> MessageRecord:
        base = a_status(sender=an_organ(organ), status_code=code, description=description, timestamp=at)
        named = ResponseFor(organ_id=about, document_id=DOCUMENT_ID, code=base.response_for.code)
        settled = self.desk.send(
            a_status(
                sender=an_organ(organ), status_code=code, description=description, timestamp=at, response_for=named
            ),
            now=at,
        )
        assert settled.message.state.value == "accepted", settled.message.findings
        self.desk.confirm(settled.outbox, now=at)
        return settled.message

    def park(self) -> None:
        """Long after, what nobody took is given up; and the alarms of the rest are raised."""
        later = NOW + timedelta(days=8)
        chore = Deadlines(self.desk.policy)
        with self.store.begin() as tx:
            done = chore.run(tx, now=later)
        self.desk.confirm(done.publish, now=later)
        items = self.desk.lease(now=later)
        self.desk.confirm(items, now=later + MINUTE)

    def seal(self, *, now: datetime = NOW) -> int:
        """Seals everything; how many seals there are."""
        more = True
        while more:
            with self.store.begin() as tx:
                more = self.sealing.run(tx, now=now).more
        return len(self.store.seals())

    def package(self, message: MessageRecord | None = None) -> bytes:
        """The evidence of the document (or of another message)."""
        desk = self.desk
        collector = EvidenceCollector(self.store, desk.payloads, desk.trust.material(), signer=desk.pen)
        contents = collector.collect(message or self.document, hub="truc-thu", now=NOW + timedelta(days=9))
        hub_pem = desk.hub_key.cert.public_bytes(Encoding.PEM)
        return make_package(contents, signer=desk.pen.signer, hub_pem=hub_pem)
