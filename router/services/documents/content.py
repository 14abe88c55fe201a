"""Gives out what stands in a document: attachments, the signed envelope, the evidence. Each is written down first."""

import hashlib
import threading
from dataclasses import dataclass
from typing import Final

from router.core.event_names import EventName
from router.core.records import Event, MessageRecord, PutEvent
from router.ports import Clock, Store
from router.services.documents.envelopes import Envelopes
from router.services.proof.evidence import EvidenceProblem
from router.services.proof.exporting import EvidenceExport

ENVELOPE: Final = "envelope"
XML_TYPE: Final = "application/xml"
ZIP_TYPE: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, as the log names them, and from where."""

    actor: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something to keep. `name` is safe as a file name, and may have letters of any language."""

    name: str
    media_type: str
    content: bytes


class Contents:
    """Asks nobody whether they may: the caller does. Every file that is given out is an event of its document."""

    def __init__(self, store: Store, envelopes: Envelopes, evidence: EvidenceExport, *, clock: Clock) -> None:
        self._store = store
        self._envelopes = envelopes
        self._evidence = evidence
        self._clock = clock
        self._exporting = threading.Lock()

    def attachment(self, message: MessageRecord, place: int, reader: Reader) -> File | None:
        """The attachment at a place, counted from 1; None when there is none that can be had."""
        opened = self._envelopes.attachment(message, place)
        if opened is None:
            return None
        self._opened(message, f"attachment {place}", opened.content, reader)
        return File(name=opened.name, media_type="application/octet-stream", content=opened.content)

    def envelope(self, message: MessageRecord, reader: Reader) -> File | None:
        """The envelope, byte for byte as its sender signed it; None when it is not kept."""
        data = self._envelopes.raw(message)
        if data is None:
            return None
        self._opened(message, ENVELOPE, data, reader)
        return File(name=f"{message.id}.edxml", media_type=XML_TYPE, content=data)

    def evidence(self, message: MessageRecord, reader: Reader) -> File:
        """The evidence package. Raises EvidenceProblem when it does not hold, and what `EvidenceExport` raises."""
        with self._exporting:  # one at a time: it takes the log, the envelopes and the signatures of a document
            made = self._evidence.export(message, actor=reader.actor, address=reader.address)
        if not made.verdict.good:
            told = "; ".join(f"{each.vi} [{each.about}]" for each in made.verdict.failed[:3])
            shown = "; ".join(f"{each.en} [{each.about}]" for each in made.verdict.failed[:3])
            raise EvidenceProblem(
                f"Chứng cứ không khớp, không xuất: {told}",
                f"The evidence does not agree, and is not given out: {shown}",
            )
        return File(name=f"{message.id}.chung-cu.zip", media_type=ZIP_TYPE, content=made.data)

    def _opened(self, message: MessageRecord, what: str, content: bytes, reader: Reader) -> None:
        facts = {"what": what, "digest": hashlib.sha256(content).hexdigest()}
        if reader.address:
            facts["address"] = reader.address
        name = EventName.CONTENT_OPENED.value
        opened = Event(name=name, at=self._clock.now(), message_id=message.id, actor=reader.actor, facts=facts)
        with self._store.begin() as tx:
            tx.apply([PutEvent(opened)])
