"""What stands in kept envelopes: header, attachments, signature. Read once, remembered as small values.

An envelope may have a hundred megabytes. Few are read at the same time, and what is remembered holds no content.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from edxml_schemas import schemas
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.catalogue import errors
from edxml_schemas.certificates.rules import name_text
from edxml_schemas.findings import Findings
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Attachment, Document, Envelope
from edxml_schemas.reader import read
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from router.core.records import MessageRecord
from router.ports import Payloads, PayloadUnavailable

READERS: Final = 2
"""Envelopes that are in memory at the same time."""
REMEMBERED: Final = 128


class Reading(StrEnum):
    """What could be had of an envelope."""

    READ = "read"
    NOT_KEPT = "not-kept"  # refused, or secret
    AWAY = "away"  # kept, and cannot be read at the moment
    ALTERED = "altered"  # what is kept is not what the record says
    NO_ENVELOPE = "no-envelope"  # bytes that no reader takes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """An attachment as a person gets it. `place` counts from 1. `name` is safe; `told_type` is what the envelope says.

    Size and digest are None, and `faults` say why, when it cannot be had.
    """

    place: int
    name: str
    told_type: str
    description: str
    size: int | None = None
    digest: str = ""
    content_type: str = ""
    zipped: bool = False
    faults: Findings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """Who signed. `intact`: what is here is what was signed; else `faults` say what is wrong, and nobody is named."""

    intact: bool
    faults: Findings = ()
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    algorithm: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeFacts:
    """An envelope without content: `header` has no attachments, and is None where it could not be read."""

    reading: Reading
    header: Envelope | None = None
    files: tuple[AttachedFile, ...] = ()
    signature: SignatureFacts | None = None


class Envelopes:
    """Safe for several threads."""

    def __init__(self, payloads: Payloads, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._payloads = payloads
        self._limits = limits
        self._readers = threading.BoundedSemaphore(READERS)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, EnvelopeFacts] = OrderedDict()

    def facts_of(self, message: MessageRecord) -> EnvelopeFacts:
        """What stands in a message's envelope."""
        if not message.payload:
            return EnvelopeFacts(reading=Reading.NOT_KEPT)
        with self._lock:
            known = self._known.get(message.id)
            if known is not None:
                self._known.move_to_end(message.id)
                return known
        with self._readers:
            data = self._bytes_of(message)
            if isinstance(data, Reading):
                return EnvelopeFacts(reading=data)  # it may come back: not remembered
            facts = self._read(data)
        with self._lock:
            self._known[message.id] = facts
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return facts

    def attachment(self, message: MessageRecord, place: int) -> OpenedAttachment | None:
        """The file at a place, counted from 1; None when there is none, or it cannot be had."""
        if not message.payload:
            return None
        with self._readers:
            data = self._bytes_of(message)
            header = None if isinstance(data, Reading) else self._header(data)
            if not isinstance(header, Document) or not 1 <= place <= len(header.attachments):
                return None
            opened = open_attachment(header.attachments[place - 1], self._limits)
            return opened if isinstance(opened, OpenedAttachment) else None

    def raw(self, message: MessageRecord) -> bytes | None:
        """The envelope as its sender signed it; None when it is not there as it was."""
        if not message.payload:
            return None
        with self._readers:
            data = self._bytes_of(message)
        return None if isinstance(data, Reading) else data

    def _bytes_of(self, message: MessageRecord) -> bytes | Reading:
        try:
            data = self._payloads.read(message.payload)
        except PayloadUnavailable:
            return Reading.AWAY
        return data if hashlib.sha256(data).hexdigest() == message.digest else Reading.ALTERED

    def _header(self, data: bytes) -> Envelope | None:
        parsed = parse(data, self._limits)
        if not isinstance(parsed, Parsed) or errors(schemas.check(parsed.root, self._limits)):
            return None
        return read(parsed.root)

    def _read(self, data: bytes) -> EnvelopeFacts:
        parsed = parse(data, self._limits)
        if not isinstance(parsed, Parsed):
            return EnvelopeFacts(reading=Reading.NO_ENVELOPE)
        header = None if errors(schemas.check(parsed.root, self._limits)) else read(parsed.root)
        files: tuple[AttachedFile, ...] = ()
        if isinstance(header, Document):
            files = tuple(self._file(place, each) for place, each in enumerate(header.attachments, 1))
            header = replace(header, attachments=())
        signature = _signature(check_integrity(parsed))  # takes the tree apart, so it comes last
        return EnvelopeFacts(reading=Reading.READ, header=header, files=files, signature=signature)

    def _file(self, place: int, attachment: Attachment) -> AttachedFile:
        opened = open_attachment(attachment, self._limits)
        told = AttachedFile(
            place=place,
            name=attachment.attachment_name,
            told_type=attachment.content_type,
            description=attachment.description,
        )
        if not isinstance(opened, OpenedAttachment):
            return replace(told, faults=opened)
        return replace(
            told,
            name=opened.name,
            size=len(opened.content),
            digest=hashlib.sha256(opened.content).hexdigest(),
            content_type=opened.content_type,
            zipped=opened.zipped,
        )


def _signature(checked: Signed | Findings) -> SignatureFacts:
    if not isinstance(checked, Signed):
        return SignatureFacts(intact=False, faults=checked)
    certificate = checked.certificate
    return SignatureFacts(
        intact=True,
        subject=name_text(certificate.subject),
        issuer=name_text(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
        algorithm=checked.algorithm,
        fingerprint=checked.fingerprint,
    )
