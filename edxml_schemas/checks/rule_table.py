"""How often each child stands in its parent: one row per rule, as data. `rules.py` interprets them.

XSD 1.0 cannot say "once" or "at least once" about children in any order, so `xsd/edxml.xsd` leaves it open and the
rows here say it. Every child of every parent has a row; a name that no row of the envelope's kind allows is an
unknown element.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from edxml_schemas.contract import MessageType
from edxml_schemas.limits import Limits
from edxml_schemas.names import ds

MANY: Final = 1_000
"""Bound of repeatable children for which nothing else names one."""


class Source(StrEnum):
    """Where a rule comes from; PROVENANCE.md tells more of each."""

    NORM = "QCVN 102:2016/BTTTT, Amendment 1:2022"
    INCUMBENT = "an incumbent hub refuses without it"
    SAMPLES = "observed in samples and received messages"
    OWN = "our own decision"


Bound = int | Literal["recipients", "attachments"] | None
"""A count, the field of `Limits` that holds it, or no bound (something else counts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: how often the children named `child` (together, when several) stand in `parent`.

    `kind` None means both kinds of envelopes. With `filled`, only children that hold text count towards `at_least`.
    `distinct` names a child of theirs whose text must not repeat. Names are local names of the EDXML namespace, or
    Clark names.
    """

    parent: str
    child: tuple[str, ...]
    at_least: int = 0
    at_most: Bound = 1
    kind: MessageType | None = None
    filled: bool = False
    distinct: str = ""
    source: Source = Source.NORM

    def bound(self, limits: Limits) -> int | None:
        if self.at_most == "recipients":
            return limits.recipients
        return limits.attachments if self.at_most == "attachments" else self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """Longest text, in characters, that an element of mixed content may hold beside its children."""

    parent: str
    at_most: int
    source: Source = Source.OWN


_DOC: Final = MessageType.DOCUMENT
_STATUS: Final = MessageType.STATUS


def _each(parent: str, *children: str, kind: MessageType | None = None) -> tuple[Rule, ...]:
    """Rows of children that may be left out and stand once."""
    return tuple(Rule(parent=parent, child=(child,), kind=kind) for child in children)


def _must(
    parent: str,
    *child: str,
    kind: MessageType | None = None,
    at_most: Bound = 1,
    filled: bool = True,
    distinct: str = "",
    source: Source = Source.NORM,
) -> Rule:
    return Rule(
        parent=parent,
        child=child,
        at_least=1,
        at_most=at_most,
        kind=kind,
        filled=filled,
        distinct=distinct,
        source=source,
    )


def _list(parent: str, child: str, at_most: Bound = MANY, *, kind: MessageType | None = None) -> Rule:
    """A repeatable child; the bound is our own."""
    return Rule(parent=parent, child=(child,), at_most=at_most, kind=kind, source=Source.OWN)


_ORGAN: Final = ("OrganizationInCharge", "OrganName", "OrganAdd", "Email", "Telephone", "Fax", "Website")

TABLE: Final[tuple[Rule, ...]] = (
    # The frame
    _must("edXML", "edXMLEnvelope", filled=False),
    *_each("edXML", "AttachmentEncoded", kind=_DOC),
    _must("edXMLEnvelope", "edXMLHeader", filled=False),
    *_each("edXMLEnvelope", "edXMLBody", kind=_DOC),
    _must("edXMLHeader", "MessageHeader", filled=False),
    *_each("edXMLHeader", "TraceHeaderList"),
    # How many signatures, and whether they sign, says the signature check.
    Rule(parent="edXMLHeader", child=("Signature",), at_most=None, source=Source.SAMPLES),
    Rule(parent="edXMLHeader", child=(ds("Signature"),), at_most=None, source=Source.OWN),
    # Both kinds of envelopes
    _must("MessageHeader", "From", filled=False, source=Source.INCUMBENT),
    _must("From", "OrganId", source=Source.INCUMBENT),
    *_each("From", *_ORGAN),
    # A document
    _must(
        "MessageHeader",
        "To",
        kind=_DOC,
        at_most="recipients",
        filled=False,
        distinct="OrganId",
        source=Source.INCUMBENT,
    ),
    _must("To", "OrganId", source=Source.INCUMBENT),
    *_each("To", *_ORGAN),
    _must("MessageHeader", "DocumentId", kind=_DOC, source=Source.INCUMBENT),
    _must("MessageHeader", "Code", kind=_DOC, source=Source.INCUMBENT),
    *_each("Code", "CodeNumber", "CodeNotation"),
    _must("MessageHeader", "PromulgationInfo", kind=_DOC, source=Source.INCUMBENT),
    *_each("PromulgationInfo", "Place", "PromulgationDate"),
    _must("MessageHeader", "DocumentType", kind=_DOC, source=Source.INCUMBENT),
    *_each("DocumentType", "Type", "TypeDetail", "TypeName"),
    *_each("MessageHeader", "Subject", "Content", kind=_DOC),
    _must("MessageHeader", "Subject", "Content", kind=_DOC, at_most=None, source=Source.INCUMBENT),
    *_each("MessageHeader", "SignerInfo", "DueDate", "ToPlaces", "OtherInfo", kind=_DOC),
    *_each("SignerInfo", "Competence", "Position", "FullName"),
    _list("ToPlaces", "Place", "recipients"),
    *_each("OtherInfo", "Priority", "SphereOfPromulgation", "TyperNotation", "PromulgationAmount", "PageAmount"),
    *_each("OtherInfo", "Direction", "Appendixes", "ReferenceCodes", "ReplyFors"),
    _list("Appendixes", "Appendix"),
    _list("ReferenceCodes", "ReferenceCode"),
    *_each("ReferenceCode", "CodeNumber", "CodeNotation"),
    _list("ReplyFors", "ReplyFor"),
    *_each("ReplyFor", "OrganId", "Code", "PromulgationDate", "DocumentId"),
    _list("MessageHeader", "ResponseFor", kind=_DOC),
    *_each("ResponseFor", "OrganId", "Code", "PromulgationDate", "DocumentId", kind=_DOC),
    *_each("MessageHeader", "ResponseForTask", "SteeringType", "ApplicationType", kind=_DOC),
    _list("ResponseForTask", "TaskCode"),
    # What the document does, and the way it came
    _list("TraceHeaderList", "TraceHeader"),
    *_each("TraceHeader", "OrganId", "Timestamp"),
    Rule(parent="TraceHeaderList", child=("Bussiness", "Business"), source=Source.SAMPLES),
    *(
        rule
        for spelling in ("Bussiness", "Business")
        for rule in (
            *_each(spelling, "DocumentId", "Paper", "StaffInfo", "ReplacementInfoList"),
            _must(spelling, "BussinessDocType", "BusinessDocType", source=Source.OWN),
            Rule(parent=spelling, child=("BussinessDocReason", "BusinessDocReason"), source=Source.SAMPLES),
            Rule(parent=spelling, child=("BussinessDocumentInfo", "BusinessDocumentInfo"), source=Source.SAMPLES),
        )
    ),
    *(
        rule
        for spelling in ("BussinessDocumentInfo", "BusinessDocumentInfo")
        for rule in _each(spelling, "DocumentInfo", "DocumentReceiver", "ReceiverList")
    ),
    _list("ReceiverList", "Receiver", "recipients"),
    _must("Receiver", "OrganId"),
    *_each("Receiver", "ReceiverType"),
    _list("ReplacementInfoList", "ReplacementInfo"),
    _must("ReplacementInfo", "DocumentId"),
    *_each("ReplacementInfo", "OrganIdList"),
    _list("OrganIdList", "OrganId", "recipients"),
    *_each("StaffInfo", "Department", "DepartmentId", "Staff", "StaffId", "Email", "Mobile"),
    # Manifest and attachments
    *_each("edXMLBody", "edXMLManifest", kind=_DOC),
    _list("edXMLManifest", "Reference", "attachments", kind=_DOC),
    _must("Reference", "ContentId", kind=_DOC),
    _must("Reference", "AttachmentName", kind=_DOC),
    *_each("Reference", "ContentType", "Description", kind=_DOC),
    _list("AttachmentEncoded", "Attachment", "attachments", kind=_DOC),
    _must("Attachment", "ContentId", kind=_DOC),
    _must("Attachment", "AttachmentName", kind=_DOC),
    _must("Attachment", "ContentTransferEncoded", kind=_DOC, filled=False),
    *_each("Attachment", "Description", "ContentType", kind=_DOC),
    # A status
    _must("MessageHeader", "ResponseFor", kind=_STATUS, filled=False),
    _must("ResponseFor", "OrganId", kind=_STATUS, source=Source.OWN),
    *_each("ResponseFor", "Code", "PromulgationDate", "DocumentId", kind=_STATUS),
    _must("ResponseFor", "DocumentId", "Code", kind=_STATUS, at_most=None, source=Source.SAMPLES),
    _must("MessageHeader", "StatusCode", kind=_STATUS),
    *_each("MessageHeader", "StaffInfo", "Description", "Timestamp", kind=_STATUS),
)
"""Every row. The order inside a parent is the order of the facts, and has no meaning for an envelope."""

TEXT_TABLE: Final[tuple[TextRule, ...]] = (
    TextRule(parent="Code", at_most=300),
    TextRule(parent="ReferenceCodes", at_most=4_000),
    TextRule(parent="ReferenceCode", at_most=300),
    TextRule(parent="ReplyFors", at_most=4_000),
    TextRule(parent="ReplyFor", at_most=300),
)
