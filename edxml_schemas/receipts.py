"""What the hub answers: receipts as values and as XML (`xsd/receipt.xsd`, namespace `RECEIPT_NS`).

A receipt explains itself: each finding travels with the catalogue's texts in Vietnamese and English, so that a
document system can show them without a catalogue of its own.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from lxml import etree

from edxml_schemas import schemas
from edxml_schemas.catalogue import explain, severity_of
from edxml_schemas.findings import Finding, FindingCode, Findings, Severity, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.names import RECEIPT_NS
from edxml_schemas.safe_xml import Parsed, line_of, xpath_of
from edxml_schemas.safe_xml import parse as parse_xml
from edxml_schemas.vouched import Vouched, repair_text
from edxml_schemas.writer import ILLEGAL

NAME_CHARS: Final = 300
"""Longest identifier on a receipt; a longer one (of a refused message) is cut."""

PROSE_CHARS: Final = 4000
"""Longest text of a finding on a receipt."""


class ReceiptKind(StrEnum):
    """What happened. The first two answer a submission, the others tell of one leg."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    HANDED_OVER = "handed-over"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not-delivered"


VERDICTS: Final = frozenset({ReceiptKind.ACCEPTED, ReceiptKind.REFUSED})
"""Kinds that answer a submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLeg:
    """One recipient as the sender named it, and the hub's id of the way there.

    `forwarded_to` is the organ that receives in its place, on receipts about one leg.
    """

    recipient: str
    leg_id: str = ""
    forwarded_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The hub's word on a message.

    `digest` is the SHA-256 of the envelope's bytes in lower-case hexadecimal, `size` their number. Times are aware;
    they travel in UTC. Identifiers that a refused message did not reveal are empty. `duplicate` tells that the same
    message was accepted before and this receipt repeats that answer. `vouched` tells who vouched for the sender's
    system, on receipts that accept or refuse. `trace_id` is that of the document (see `traces.py`); empty on
    receipts of an earlier hub.
    """

    receipt_id: str
    kind: ReceiptKind
    message_id: str = ""
    submission_id: str = ""
    message_type: str = ""
    document_id: str = ""
    sender: str = ""
    digest: str
    size: int
    received_at: datetime
    decided_at: datetime
    duplicate: bool = False
    vouched: Vouched | None = None
    legs: tuple[ReceiptLeg, ...] = ()
    findings: Findings = ()
    trace_id: str = ""


_PLAIN: Final = re.compile("[!-%'-;=?-~ \n]*")
"""Printable ASCII without `&`, `<` and `>`: nothing to escape, as most ids, codes and digests are."""
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_IN_ATTRIBUTE: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}
)
RECEIPT_START: Final = b"<Receipt "
RECEIPT_END: Final = b"</Receipt>"


def encode_receipt(receipt: Receipt) -> bytes:
    """The words of a receipt: bytes that are their own canonical form (Exclusive XML Canonicalization 1.0).

    So what is signed is what is written: no XML declaration, no byte after `RECEIPT_END`, only the escapes of C14N, no
    empty-element tags. Control characters in quoted values are written as escapes (`\\x01`).
    """
    vouched = "" if receipt.vouched is None else _vouched(receipt.vouched)
    trace = _leaf("TraceId", receipt.trace_id) if receipt.trace_id else ""
    legs = "".join(map(_leg, receipt.legs))
    findings = "".join(map(_finding, receipt.findings))
    names: tuple[str, ...] = (
        receipt.receipt_id,
        receipt.kind.value,
        receipt.message_id,
        receipt.submission_id,
        receipt.message_type,
        receipt.document_id,
        receipt.sender,
        receipt.digest,
    )
    joined = "\n".join(names)
    if len(joined) > NAME_CHARS or _PLAIN.fullmatch(joined) is None:  # rarely: one look at all of them
        names = tuple(map(_name, names))
    receipt_id, kind, message_id, submission_id, message_type, document_id, sender, digest = names
    text = (
        f'<Receipt xmlns="{RECEIPT_NS}" version="1">\n<ReceiptId>{receipt_id}</ReceiptId>\n<Kind>{kind}</Kind>\n'
        f"<MessageId>{message_id}</MessageId>\n<SubmissionId>{submission_id}</SubmissionId>\n"
        f"<MessageType>{message_type}</MessageType>\n<DocumentId>{document_id}</DocumentId>\n"
        f"<Sender>{sender}</Sender>\n<Digest>{digest}</Digest>\n<Size>{receipt.size}</Size>\n"
        f"<ReceivedAt>{_moment(receipt.received_at)}</ReceivedAt>\n"
        f"<DecidedAt>{_moment(receipt.decided_at)}</DecidedAt>\n<Duplicate>{_flag(receipt.duplicate)}</Duplicate>\n"
        f"{trace}{vouched}<Legs>\n{legs}</Legs>\n<Findings>\n{findings}</Findings>\n</Receipt>"
    )
    return text.encode("utf-8")


def decode_receipt(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Receipt | Findings:
    """The receipt in these bytes, or findings of which at least one is an error. Never raises, whatever the bytes.

    A finding whose code this version does not know comes back as `hub.failure` with that code and its text as value.
    """
    parsed = parse_xml(data, limits)
    return read_receipt(parsed.root) if isinstance(parsed, Parsed) else parsed


def read_receipt(root: etree._Element) -> Receipt | Findings:
    """As `decode_receipt`, from a tree. A Signature in it is not looked at."""
    faults = tuple(each for each in schemas.check_receipt(root) if severity_of(each.code) is Severity.ERROR)
    if faults:
        return faults
    texts = _texts(root)
    missing = tuple(_missing(root, name) for name in _REQUIRED if not texts.get(name, "").strip())
    if missing:
        return missing
    vouched = _read_vouched(root)
    if isinstance(vouched, Finding):
        return (vouched,)
    moments = {name: _aware(texts[name]) for name in ("ReceivedAt", "DecidedAt")}
    received_at, decided_at = moments["ReceivedAt"], moments["DecidedAt"]
    if received_at is None or decided_at is None:
        return tuple(_bad(root, name, texts[name]) for name, moment in moments.items() if moment is None)
    return Receipt(
        receipt_id=texts["ReceiptId"],
        kind=ReceiptKind(texts["Kind"].strip()),
        message_id=texts.get("MessageId", ""),
        submission_id=texts.get("SubmissionId", ""),
        message_type=texts.get("MessageType", ""),
        document_id=texts.get("DocumentId", ""),
        sender=texts.get("Sender", ""),
        digest=texts["Digest"].strip(),
        size=int(texts["Size"]),
        received_at=received_at,
        decided_at=decided_at,
        duplicate=texts.get("Duplicate", "").strip() in {"true", "1"},
        vouched=vouched,
        legs=tuple(_read_leg(each) for each in root.iterfind(f"{_r('Legs')}/{_r('Leg')}")),
        findings=tuple(_read_finding(each) for each in root.iterfind(f"{_r('Findings')}/{_r('Finding')}")),
        trace_id=texts.get("TraceId", "").strip(),
    )


_REQUIRED: Final = ("ReceiptId", "Kind", "Digest", "Size", "ReceivedAt", "DecidedAt")


def _leg(each: ReceiptLeg) -> str:
    elsewhere = _leaf("ForwardedTo", each.forwarded_to) if each.forwarded_to else ""
    return f"<Leg>\n{_leaf('Recipient', each.recipient)}{_leaf('LegId', each.leg_id)}{elsewhere}</Leg>\n"


def _vouched(note: Vouched) -> str:
    told = ((name, *repair_text(name)) for name in note.repairs)
    repairs = "".join(
        f"<Repair>\n{_leaf('Code', name)}{_leaf('TextVi', vi)}{_leaf('TextEn', en)}</Repair>\n" for name, vi, en in told
    )
    return (
        f"<Vouched>\n{_leaf('System', note.system)}{_leaf('OriginalDigest', note.digest)}"
        f"{_leaf('OriginalSize', str(note.size))}{repairs}</Vouched>\n"
    )


def _finding(each: Finding) -> str:
    told = explain(each)
    line = _leaf("Line", str(each.line)) if each.line is not None else ""
    facts = "".join(f'<Fact name="{_attribute(name)}">{_prose(text)}</Fact>\n' for name, text in each.facts)
    return (
        f"<Finding>\n{_leaf('Code', each.code.value)}{_leaf('Severity', told.severity.value)}"
        f"{_leaf('Lgsp', str(told.lgsp))}{_leaf('Retry', _flag(told.retry))}{line}"
        f"<XPath>{_prose(each.xpath)}</XPath>\n<Value>{_prose(each.value)}</Value>\n{facts}"
        f"<MessageVi>{_prose(told.message_vi)}</MessageVi>\n<MessageEn>{_prose(told.message_en)}</MessageEn>\n"
        f"<RemedyVi>{_prose(told.remedy_vi)}</RemedyVi>\n<RemedyEn>{_prose(told.remedy_en)}</RemedyEn>\n</Finding>\n"
    )


def _leaf(name: str, text: str) -> str:
    return f"<{name}>{_name(text)}</{name}>\n"


def _name(text: str) -> str:
    if len(text) <= NAME_CHARS and _PLAIN.fullmatch(text):
        return text
    return _escaped(text)[:NAME_CHARS].translate(_IN_TEXT)


def _prose(text: str) -> str:
    return _escaped(text)[:PROSE_CHARS].translate(_IN_TEXT)


def _attribute(text: str) -> str:
    return _escaped(text)[:NAME_CHARS].translate(_IN_ATTRIBUTE)


def _escaped(text: str) -> str:
    return ILLEGAL.sub(lambda odd: odd[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _r(name: str) -> str:
    return f"{{{RECEIPT_NS}}}{name}"


def _text(element: etree._Element) -> str:
    """All text of a leaf, with its white space: quoted values are kept as they were."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _texts(element: etree._Element) -> dict[str, str]:
    return {
        child.tag.rpartition("}")[2]: _text(child) for child in element.iterchildren() if isinstance(child.tag, str)
    }


def _read_leg(element: etree._Element) -> ReceiptLeg:
    texts = _texts(element)
    return ReceiptLeg(
        recipient=texts.get("Recipient", ""), leg_id=texts.get("LegId", ""), forwarded_to=texts.get("ForwardedTo", "")
    )


def _read_vouched(root: etree._Element) -> Vouched | Finding | None:
    element = root.find(_r("Vouched"))
    if element is None:
        return None
    texts = _texts(element)
    try:
        return Vouched(
            system=texts.get("System", ""),
            digest=texts.get("OriginalDigest", "").strip(),
            size=int(texts.get("OriginalSize", "-1")),
            repairs=tuple(_texts(each).get("Code", "").strip() for each in element.iterfind(_r("Repair"))),
        )
    except ValueError:
        return _bad(root, "Vouched", "")


def _read_finding(element: etree._Element) -> Finding:
    texts = _texts(element)
    line = int(texts["Line"]) if texts.get("Line", "").strip() else None
    facts = tuple((fact.get("name", ""), _text(fact)) for fact in element.iterfind(_r("Fact")))
    code = texts.get("Code", "").strip()
    if code not in set(FindingCode):
        told = f"{code}: {texts.get('MessageEn', '')}"
        return finding(FindingCode.HUB_FAILURE, line=line, xpath=texts.get("XPath", ""), value=told)
    return Finding(FindingCode(code), line, texts.get("XPath", ""), texts.get("Value", ""), facts)


def _aware(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):  # the calendar ends at year 1 and year 9999
        return None


def _missing(root: etree._Element, name: str) -> Finding:
    place = f"{xpath_of(root)}/r:{name}"
    return finding(FindingCode.SCHEMA_MISSING, line=line_of(root), xpath=place, element=name, parent="Receipt")


def _bad(root: etree._Element, name: str, value: str) -> Finding:
    place = root.find(_r(name))
    line = None if place is None else line_of(place)
    return finding(FindingCode.SCHEMA_BAD_VALUE, line=line, xpath=f"{xpath_of(root)}/r:{name}", value=value)
