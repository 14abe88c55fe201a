"""Status 01, which an agent sends by itself: the document has arrived.

Without a gateway it goes out as soon as the agent has the document. With a gateway whose settings say
`arrived = "taken"` it goes out when a document system takes the document, whichever way that is.
"""

from dataclasses import replace
from threading import Lock
from uuid import NAMESPACE_URL, uuid5

from structlog.typing import FilteringBoundLogger

from agents.errors import UsageFault
from agents.keys import Keyring
from agents.packaging import package, status_of, submission
from agents.ports import Clock
from agents.settings import Settings
from agents.spool import Spool
from agents.spool.records import InboxItem, NewSubmission
from edxml_schemas import codec
from edxml_schemas.contract import MessageType, urgency_of
from edxml_schemas.model import Code, Document, Envelope, Organ, OtherInfo, PromulgationInfo
from edxml_schemas.statuses import StatusCode
from edxml_schemas.traces import trace_id


def arrival_id(leg_id: str) -> str:
    """The submission id of the status 01 of a leg: the same however often it is written, and whoever writes it."""
    return str(uuid5(NAMESPACE_URL, f"urn:vn:truc-lien-thong:arrival:{leg_id}"))


class Arrivals:
    """Writes them. Synchronous, safe in threads."""

    def __init__(
        self, settings: Settings, spool: Spool, *, keyring: Keyring, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._keyring = keyring
        self._clock = clock
        self._log = log
        self._reading = Lock()

    @property
    def when_taken(self) -> bool:
        """Whether they wait until a document system takes the document."""
        return self._settings.arrival_when_taken

    def of(self, leg_id: str, recipient: str, envelope: Envelope | None) -> NewSubmission | None:
        """Status 01, signed by the recipient; None for anything but a document, and without a key."""
        if not isinstance(envelope, Document):
            return None
        organ = self._settings.organ(recipient)
        now = self._clock.now()
        message = status_of(
            envelope,
            sender=recipient,
            sender_name=organ.name if organ else "",
            towards=envelope.sender.organ_id,
            code=StatusCode.ARRIVED,
            now=now,
        )
        trace = trace_id(envelope.sender.organ_id, envelope.document_id)
        named = {"trace_id": trace, "organ": recipient, "leg": leg_id}
        try:
            packed = package(message, keyring=self._keyring, organs=[recipient] if organ else [])
        except UsageFault as fault:
            self._log.error("key.unusable", **named, vi=fault.vi, en=fault.en)
            return None
        if isinstance(packed, tuple):
            self._log.error("arrival.not-sent", **named, findings=[str(each) for each in packed])
            return None
        return submission(
            packed,
            submission_id=arrival_id(leg_id),
            now=now,
            urgency=urgency_of(envelope.other_info.priority),
            about_leg=leg_id,
        )

    def upon_taking(self, item: InboxItem) -> NewSubmission | None:
        """What is told to the sender when a document system takes the delivery; None when nothing is due then."""
        return self._due(item) if self.when_taken else None

    def send_late(self) -> int:
        """Writes those that could not be written when their time had come: the organ's key was missing. How many."""
        written = 0
        for item in self._spool.arrivals_due(taken=self.when_taken):
            arrival = self._due(item)
            if arrival is not None:
                self._spool.add_arrival(item.leg_id, arrival)
                written += 1
        return written

    def _due(self, item: InboxItem) -> NewSubmission | None:
        if not item.arrival_due or item.type is not MessageType.DOCUMENT:
            return None
        return self.of(item.leg_id, item.recipient, self.original(item))

    def original(self, item: InboxItem) -> Document | None:
        """What a status about a delivery must know of its document; None when nobody can read that.

        From the row alone, so that a large letter is not read again with every mark. The row of an earlier version is
        completed first: one envelope at a time is in memory for it, however many ask.
        """
        if item.outlined is None:
            with self._reading:
                item = self._spool.item(item.leg_id) or item
                if item.outlined is None:
                    item = self._outlined(item)
        return _outline(item) if item.outlined else None

    def _outlined(self, item: InboxItem) -> InboxItem:
        decoded = codec.decode(self._spool.envelope(item.digest))
        envelope = decoded.envelope if isinstance(decoded, codec.Decoded) else None
        document = envelope if isinstance(envelope, Document) else None
        day = document.promulgation_info.promulgation_date if document is not None else None
        self._spool.outline(item.leg_id, readable=document is not None, promulgated_on=day)
        return replace(item, outlined=document is not None, promulgated_on=day)


def _outline(item: InboxItem) -> Document:
    """Without content and attachments, and with the code as one text."""
    return Document(
        sender=Organ(organ_id=item.sender),
        recipients=(Organ(organ_id=item.recipient),),
        document_id=item.document_id,
        code=Code(code_number=item.code),
        promulgation_info=PromulgationInfo(promulgation_date=item.promulgated_on),
        subject=item.subject,
        other_info=OtherInfo(priority=item.priority),
    )
