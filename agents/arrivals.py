"""Status 01, which an agent sends by itself: the document has arrived.

Without a gateway it goes out as soon as the agent has the document. With a gateway whose settings say
`arrived = "taken"` it goes out when a document system takes the document, whichever way that is.
"""

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
from edxml_schemas.model import Document, Envelope
from edxml_schemas.statuses import StatusCode


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
        try:
            packed = package(message, keyring=self._keyring, organs=[recipient] if organ else [])
        except UsageFault as fault:
            self._log.error("key.unusable", organ=recipient, vi=fault.vi, en=fault.en)
            return None
        if isinstance(packed, tuple):
            self._log.error("arrival.not-sent", organ=recipient, leg=leg_id, findings=[str(each) for each in packed])
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
        decoded = codec.decode(self._spool.envelope(item.digest))
        return self.of(item.leg_id, item.recipient, decoded.envelope if isinstance(decoded, codec.Decoded) else None)
