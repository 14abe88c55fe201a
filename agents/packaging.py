"""From a draft or an envelope to something that can be sent: read, checked, signed. No effects besides the key.

A refusal is a value: findings of the format, or problems of a draft, all at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from agents.keys import Keyring
from agents.spool.form import has_form
from agents.spool.records import NewSubmission, SubmissionKind
from edxml_schemas import catalogue, codec, safe_xml, signatures
from edxml_schemas.contract import MessageType, Urgency, urgency_of
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Document, Envelope, Organ, ResponseFor, StaffInfo, StatusMessage
from edxml_schemas.secrecy import DEFAULT_SECRECY, SecrecyRules
from edxml_schemas.statuses import REASON_REQUIRED, STATUS_TEXT, StatusCode

Refusal = tuple[Finding | DraftProblem, ...]
"""Why something was not sent; never empty."""

VIETNAM: Final = timezone(timedelta(hours=7))
_UNSIGNED: Final = frozenset({FindingCode.SIGNATURE_MISSING, FindingCode.SIGNATURE_DECORATIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An envelope ready to travel: the bytes, signed by the sender, and what they say."""

    content: bytes = field(repr=False)
    envelope: Envelope


def read_envelope(path: Path) -> bytes:
    """A file's bytes, at most one more than an envelope may have: the codec says what is wrong then. Raises OSError."""
    with path.open("rb") as file:
        return file.read(DEFAULT_LIMITS.envelope_bytes + 1)


def package(
    content: bytes | Envelope,
    *,
    keyring: Keyring,
    organs: Iterable[str],
    secrecy: SecrecyRules | None = DEFAULT_SECRECY,
) -> Package | Refusal:
    """Checks an envelope and signs it for its sender, unless a sound signature is there already.

    A missing or decorative signature is replaced. A real one that does not verify is refused: signing over it would
    make a tampered envelope good.
    """
    data = content if isinstance(content, bytes) else codec.encode(content)
    decoded = codec.decode(data)
    if not isinstance(decoded, codec.Decoded):
        return decoded
    envelope = decoded.envelope
    faults = _status_faults(envelope)
    if faults:
        return faults
    organ = envelope.sender.organ_id
    if organ not in set(organs):
        return (finding(FindingCode.SENDER_AGENT, xpath="//edXML:From/edXML:OrganId", value=organ),)
    secret = secrecy.marks_in(envelope) if secrecy is not None and isinstance(envelope, Document) else ()
    if secret:
        return secret  # it does not even leave the agency
    signed = _signed(data, organ, keyring=keyring)
    return Package(content=signed, envelope=envelope) if isinstance(signed, bytes) else signed


def _signed(data: bytes, organ: str, *, keyring: Keyring) -> bytes | Findings:
    parsed = safe_xml.parse(data)
    if not isinstance(parsed, safe_xml.Parsed):
        return parsed
    checked = signatures.check_integrity(parsed)
    if isinstance(checked, signatures.Signed):
        return data
    if not {each.code for each in checked} <= _UNSIGNED:
        return checked
    signer = keyring.signer(organ)
    if signer is None:
        return checked
    try:
        return signatures.sign(data, signer)
    except signatures.SigningError as error:
        return error.findings


def _status_faults(envelope: Envelope) -> Findings:
    if isinstance(envelope, StatusMessage) and envelope.status_code in REASON_REQUIRED and not envelope.description:
        return (reason_required(envelope.status_code),)
    return ()


def reason_required(code: str) -> Finding:
    return finding(FindingCode.STATUS_REASON, xpath="//edXML:Description", value=code)


def status_of(
    original: Document,
    *,
    sender: str,
    sender_name: str = "",
    towards: str,
    code: StatusCode,
    reason: str = "",
    staff: StaffInfo | None = None,
    now: datetime,
) -> StatusMessage:
    """A status of `sender` about a document, addressed to the organ `towards` (ResponseFor/OrganId, see edXML facts).

    Without a reason the description is the status in words, as vendors write it.
    """
    return StatusMessage(
        sender=Organ(organ_id=sender, organ_name=sender_name),
        response_for=ResponseFor(
            organ_id=towards,
            code=str(original.code),
            promulgation_date=original.promulgation_info.promulgation_date,
            document_id=original.document_id,
        ),
        status_code=code.value,
        description=reason or ("" if code in REASON_REQUIRED else STATUS_TEXT[code][0]),
        staff_info=staff,
        timestamp=now.astimezone(VIETNAM).replace(microsecond=0),
    )


def submission(
    packed: Package,
    *,
    submission_id: str,
    now: datetime,
    urgency: Urgency | None = None,
    about_leg: str = "",
    origin: str = "",
) -> NewSubmission:
    """The spool's row for a package. `urgency` is the lane of the document that a status speaks of."""
    envelope = packed.envelope
    if isinstance(envelope, Document):
        return NewSubmission(
            submission_id=submission_id,
            kind=SubmissionKind.DOCUMENT,
            type=MessageType.DOCUMENT,
            urgency=urgency_of(envelope.other_info.priority),
            envelope=packed.content,
            created_at=now,
            organ=envelope.sender.organ_id,
            recipients=tuple(each.organ_id for each in envelope.recipients),
            document_id=envelope.document_id,
            code=str(envelope.code),
            subject=envelope.subject,
            origin=origin,
            self_test=has_form(envelope, size=len(packed.content)),
        )
    return NewSubmission(
        submission_id=submission_id,
        kind=SubmissionKind.STATUS,
        type=MessageType.STATUS,
        urgency=urgency or Urgency.NORMAL,
        envelope=packed.content,
        created_at=now,
        organ=envelope.sender.organ_id,
        recipients=(envelope.response_for.organ_id,),
        document_id=envelope.response_for.document_id,
        code=envelope.response_for.code,
        status_code=envelope.status_code,
        about_leg=about_leg,
        origin=origin,
    )


def refusal_as_dicts(refusal: Refusal) -> list[dict[str, object]]:
    """The refusal as JSON: findings in the shape of the catalogue, draft problems in theirs."""
    return [each.as_dict() if isinstance(each, DraftProblem) else catalogue.as_dict(each) for each in refusal]


def refusal_lines(refusal: Refusal) -> list[str]:
    """The refusal for people: Vietnamese, then English, then the remedy."""
    lines = []
    for each in refusal:
        if isinstance(each, DraftProblem):
            place, told = f"{each.source} {each.where}".strip(), each
            lines.append(f"✗ {place}: {told.vi} / {told.en}")
            lines.append(f"  → {told.remedy_vi} / {told.remedy_en}")
        else:
            words = catalogue.explain(each)
            place = f"{words.code.value}" + (f" (dòng/line {words.line})" if words.line else "")
            lines.append(f"✗ {place}: {words.message_vi} / {words.message_en}")
            lines.append(f"  → {words.remedy_vi} / {words.remedy_en}")
    return lines
