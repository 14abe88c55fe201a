"""What can be said of an envelope offline, without a registry and without trusted certificates.

The verdict gathers every fault at once: an envelope behind stray bytes is judged without them too, so that its author
learns everything in one go. What stays open (trust in the certificate, who is registered) is stated as a condition.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edxml_schemas import attachments, codec, safe_xml, schemas, signatures
from edxml_schemas.catalogue import errors, severity_of
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, Severity
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Document, Envelope
from edxml_schemas.signatures import Signed

_START: Final = re.compile(rb"<\?xml\s|<(?:[A-Za-z_][\w.-]*:)?edXML[\s>]")
_ATTACHMENT_PARTS: Final = re.compile("edXMLBody|AttachmentEncoded")
_NO_SHAPE: Final = frozenset({FindingCode.SCHEMA_ROOT, FindingCode.SCHEMA_KIND, FindingCode.SCHEMA_MORE})
_LEADING_WINDOW: Final = 4096  # bytes in which an envelope behind stray bytes is looked for


class Verdict(StrEnum):
    """ACCEPTED: nothing in the file stands in the way. IF_SIGNED: only a real signature is missing."""

    ACCEPTED = "accepted"
    IF_SIGNED = "accepted-if-signed"
    REFUSED = "refused"


class SignatureState(StrEnum):
    """BROKEN: a signature is there and does not hold. UNREADABLE: the XML is such that none can be looked for."""

    SOUND = "sound"
    MISSING = "missing"
    DECORATIVE = "decorative"
    BROKEN = "broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Phrase:
    """The same words in Vietnamese and English."""

    vi: str
    en: str

    def as_dict(self) -> dict[str, str]:
        return {"vi": self.vi, "en": self.en}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one envelope and what it rests on.

    `structure` are faults of bytes, XML, schema and addressing; `remarks` refuse nothing. `envelope` is None when it
    could not be read. `digest` is the SHA-256 of all bytes, `size` their number. `stray` are bytes before the XML.
    """

    verdict: Verdict
    kind: MessageType | None
    structure: Findings
    attachments: Findings
    signature_state: SignatureState
    signature: Findings
    remarks: Findings
    would_be_accepted_if: tuple[Phrase, ...]
    envelope: Envelope | None
    signed: Signed | None
    digest: str
    size: int
    stray: bytes

    @property
    def summary(self) -> Phrase:
        """The verdict in one sentence."""
        return _summary(self)


@dataclass(frozen=True, slots=True)
class _Reading:
    kind: MessageType | None
    envelope: Envelope | None
    findings: Findings


def judge(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Judgement:
    """The offline verdict on these bytes. Never raises, whatever they are."""
    first = _read(data, limits)
    stray, body, reading = b"", data, first
    leading = tuple(each for each in first.findings if each.code is FindingCode.XML_LEADING_BYTES)
    if leading:
        stray, body = _split(data)
        rest = _read(body, limits) if stray else _Reading(None, None, ())
        reading = _Reading(rest.kind, rest.envelope, (*leading, *_lowered(rest.findings, stray.count(b"\n"))))
    state, signature, signed = _signature(body, limits)
    signature = _lowered(signature, stray.count(b"\n"))
    faults = errors(reading.findings)
    packed = tuple(each for each in faults if each.code.value.startswith("attachment."))
    structure = tuple(each for each in faults if each not in packed)
    verdict = _verdict(faults, state)
    return Judgement(
        verdict=verdict,
        kind=reading.kind,
        structure=structure,
        attachments=packed,
        signature_state=state,
        signature=signature,
        remarks=tuple(each for each in reading.findings if severity_of(each.code) is not Severity.ERROR),
        would_be_accepted_if=_conditions(structure, packed, state, stray=stray, envelope=reading.envelope),
        envelope=reading.envelope,
        signed=signed,
        digest=hashlib.sha256(data).hexdigest(),
        size=len(data),
        stray=stray,
    )


def _read(data: bytes, limits: Limits) -> _Reading:
    decoded = codec.decode(data, limits)
    if isinstance(decoded, codec.Decoded):
        return _Reading(schemas.kind_of(decoded.root), decoded.envelope, decoded.findings)
    parsed = safe_xml.parse(data, limits)
    if not isinstance(parsed, safe_xml.Parsed):
        return _Reading(None, None, decoded)
    kind = schemas.kind_of(parsed.root)
    faults = schemas.check(parsed.root, limits)
    if not errors(faults):
        return _Reading(kind, codec.read(parsed.root), decoded)
    return _Reading(kind, None, (*decoded, *_attachment_findings(parsed, faults, limits)))


def _attachment_findings(parsed: safe_xml.Parsed, faults: Findings, limits: Limits) -> Findings:
    """What can be said of the attachments when the faults lie elsewhere."""
    if any(each.code in _NO_SHAPE or _ATTACHMENT_PARTS.search(each.xpath) for each in faults):
        return ()
    envelope = codec.read(parsed.root)
    if not isinstance(envelope, Document):
        return ()
    return attachments.check(envelope.attachments, envelope.manifest, limits)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The stray bytes, and the envelope behind them; no stray bytes when there is no envelope to be seen."""
    match = _START.search(data, 0, _LEADING_WINDOW)
    return (data[: match.start()], data[match.start() :]) if match else (b"", data)


def _lowered(findings: Findings, lines: int) -> Findings:
    """Findings whose lines count from the top of the file, stray lines included."""
    return tuple(replace(each, line=each.line + lines) if each.line else each for each in findings)


def _signature(data: bytes, limits: Limits) -> tuple[SignatureState, Findings, Signed | None]:
    parsed = safe_xml.parse(data, limits)  # a tree of its own: the check of integrity takes it apart
    if not isinstance(parsed, safe_xml.Parsed):
        return SignatureState.UNREADABLE, (), None
    checked = signatures.check_integrity(parsed)
    if isinstance(checked, Signed):
        return SignatureState.SOUND, (), checked
    return _state(checked), checked, None


def _state(findings: Sequence[Finding]) -> SignatureState:
    found = {each.code for each in findings}
    # Comments matter only to a signature that is meant to be checked.
    found.discard(FindingCode.SIGNATURE_COMMENT)
    if found == {FindingCode.SIGNATURE_MISSING}:
        return SignatureState.MISSING
    if found == {FindingCode.SIGNATURE_DECORATIVE}:
        return SignatureState.DECORATIVE
    return SignatureState.BROKEN


def _verdict(faults: Findings, state: SignatureState) -> Verdict:
    if faults or state in {SignatureState.BROKEN, SignatureState.UNREADABLE}:
        return Verdict.REFUSED
    return Verdict.ACCEPTED if state is SignatureState.SOUND else Verdict.IF_SIGNED


def _conditions(
    structure: Findings, packed: Findings, state: SignatureState, *, stray: bytes, envelope: Envelope | None
) -> tuple[Phrase, ...]:
    found: list[Phrase] = []
    if stray:
        shown = quoted_bytes(stray)
        found.append(
            Phrase(
                f"bỏ {len(stray)} byte thừa ở đầu tệp ({shown})",
                f"the {len(stray)} stray bytes at the start of the file ({shown}) were removed",
            )
        )
    other = len(structure) - bool(stray)
    if other:
        found.append(
            Phrase(
                f"sửa {other} lỗi định dạng nêu trên",
                f"the {_count(other, 'schema fault')} named above {_was(other)} mended",
            )
        )
    if packed:
        count = len(packed)
        found.append(
            Phrase(
                f"sửa {count} lỗi tệp đính kèm nêu trên",
                f"the {_count(count, 'fault')} of the attachments named above {_was(count)} mended",
            )
        )
    sender = envelope.sender.organ_id if envelope else ""
    found.append(_signature_condition(state, sender))
    return tuple(found)


def _signature_condition(state: SignatureState, sender: str) -> Phrase:
    of_vi, of_en = (f" {sender}", f" {sender}") if sender else ("", "")
    if state is SignatureState.SOUND:
        return Phrase(
            f"chứng thư ký được trục tin cậy và đã gắn với cơ quan gửi{of_vi}",
            f"the hub trusts the certificate and has it bound to the sender{of_en}",
        )
    if state is SignatureState.BROKEN:
        return Phrase(f"cơ quan gửi{of_vi} ký lại", f"the sender{of_en} signed it again")
    if state is SignatureState.UNREADABLE:
        return Phrase("sau đó chữ ký được kiểm tra là đúng", "its signature, looked at after that, is sound")
    return Phrase(
        f"được ký số bằng chứng thư của cơ quan gửi{of_vi}, hoặc agent của cơ quan ký bảo lãnh",
        f"it is signed with the certificate of the sender{of_en}, or the sender's agent vouches for it",
    )


def _summary(judgement: Judgement) -> Phrase:
    state = judgement.signature_state
    if judgement.verdict is Verdict.ACCEPTED:
        return Phrase(
            "Được nhận: đúng định dạng, chữ ký toàn vẹn.",
            "Accepted: the format is right and the signature sound.",
        )
    if judgement.verdict is Verdict.REFUSED:
        structure, packed = len(judgement.structure), len(judgement.attachments)
        broken = state is SignatureState.BROKEN
        vi = (
            f"{structure} lỗi định dạng" if structure else "",
            f"{packed} lỗi tệp đính kèm" if packed else "",
            "chữ ký không hợp lệ" if broken else "",
        )
        en = (
            _count(structure, "schema fault") if structure else "",
            _count(packed, "attachment fault") if packed else "",
            "a broken signature" if broken else "",
        )
        return Phrase(f"Bị từ chối: {', '.join(filter(None, vi))}.", f"Refused: {', '.join(filter(None, en))}.")
    if state is SignatureState.DECORATIVE:
        return Phrase(
            "Được nhận nếu được ký: định dạng đúng nhưng chữ ký chỉ để trang trí.",
            "Accepted if signed: the format is right, but the signature is only decoration.",
        )
    return Phrase(
        "Được nhận nếu được ký: định dạng đúng nhưng chưa có chữ ký.",
        "Accepted if signed: the format is right, but there is no signature.",
    )


def quoted_bytes(data: bytes) -> str:
    """Bytes for people: the text when it is printable ASCII, and always the hexadecimal."""
    head = data[:32]
    text = f"“{head.decode('ascii')}”, " if head.isascii() and head.decode("ascii").isprintable() else ""
    return f"{text}hex {head.hex(' ')}{'…' if len(data) > len(head) else ''}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
