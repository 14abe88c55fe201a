"""Bytes and model, both ways: `decode` refuses with findings, `read` is tolerant, `encode` is strict.

`read` and `encode` stand in `reader.py` and `writer.py`; this module adds the checks around them.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Final

from lxml import etree

from edxml_schemas import attachments, schemas
from edxml_schemas.catalogue import severity_of
from edxml_schemas.findings import Finding, FindingCode, Findings, Severity, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Document, Envelope
from edxml_schemas.names import q
from edxml_schemas.organs import OrganForm, parse
from edxml_schemas.reader import VIETNAM_TIME, read
from edxml_schemas.safe_xml import Parsed, first_at, line_of, text_of, xpath_of
from edxml_schemas.safe_xml import parse as parse_xml
from edxml_schemas.writer import encode

__all__ = ["VIETNAM_TIME", "Decoded", "decode", "encode", "is_unremarkable", "is_usual_markup", "read", "read_findings"]

_MESSAGE_HEADER: Final = f"{q('edXMLEnvelope')}/{q('edXMLHeader')}/{q('MessageHeader')}"
_TRACE: Final = tuple(map(q, ("edXMLEnvelope", "edXMLHeader", "TraceHeaderList")))
_BUSSINESS: Final = q("Bussiness")
_TOLD_PER_CODE: Final = 20  # remarks of one code before the rest is left out
_ORGAN_CHARS: Final = 100  # of a code worth remembering; white space inside makes it as long as one likes
_UUID: Final = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_NORM_ID: Final = re.compile(r"([^,]+),\s*[0-9]{4}/[0-9]{2}/[0-9]{2},\s*\S.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Decoded:
    """An envelope that may pass. `findings` are warnings and notes only; `root` is the whole tree, as parsed."""

    envelope: Envelope
    root: etree._Element
    findings: Findings


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Decoded | Findings:
    """The envelope in these bytes, or findings of which at least one is an error. Never raises, whatever the bytes.

    Signatures are left to `signatures.py`: this says only whether the bytes are an envelope and what it says.
    """
    parsed = parse_xml(data, limits)
    if not isinstance(parsed, Parsed):
        return parsed
    faults = schemas.check(parsed.root, limits)
    if _refuses(faults):
        return faults
    envelope = read(parsed.root)
    found = faults + read_findings(envelope, parsed.root)
    if isinstance(envelope, Document):
        found += attachments.check(envelope.attachments, envelope.manifest, limits)
    return found if _refuses(found) else Decoded(envelope, parsed.root, found)


def read_findings(envelope: Envelope, root: etree._Element) -> Findings:
    """Remarks about an envelope that was read: codes and ids of unusual form, and tolerated habits."""
    found: list[Finding] = []
    if isinstance(envelope, Document):
        _judge_organs(envelope, root, found)
        _judge_document_id(envelope, root, found)
        _judge_habits(envelope, root, found)
    elif _is_odd(envelope.sender.organ_id):
        found.append(_at(FindingCode.ORGAN_CODE_FORM, root, f"{_MESSAGE_HEADER}/{q('From')}/{q('OrganId')}"))
    return tuple(found)


def is_unremarkable(envelope: Envelope) -> bool:
    """Whether `read_findings` has nothing to say about this envelope's values.

    What it says about an envelope's markup, `is_usual_markup` tells.
    """
    if _is_odd(envelope.sender.organ_id):
        return False
    if not isinstance(envelope, Document):
        return True
    return (
        _document_id_fault(envelope) is None
        and not any(_is_odd(each.organ_id) for each in envelope.recipients)
        and all(hop.organ_id for hop in envelope.trace_headers)
        and not any(each.empty for each in envelope.response_for)
    )


def is_usual_markup(root: etree._Element) -> bool:
    """Whether `read_findings` has nothing to say about the markup of an envelope, whatever its values are."""
    return not isinstance(read(root), Document) or first_at(root, *_TRACE, _BUSSINESS) is not None


def _judge_organs(document: Document, root: etree._Element, found: list[Finding]) -> None:
    if _is_odd(document.sender.organ_id):
        found.append(_at(FindingCode.ORGAN_CODE_FORM, root, f"{_MESSAGE_HEADER}/{q('From')}/{q('OrganId')}"))
    odd = [number for number, to in enumerate(document.recipients) if _is_odd(to.organ_id)]
    if odd:
        places = root.findall(f"{_MESSAGE_HEADER}/{q('To')}")
        for number in odd[:_TOLD_PER_CODE]:
            place = places[number].find(q("OrganId"))
            found.append(_told(FindingCode.ORGAN_CODE_FORM, places[number] if place is None else place))


def _is_odd(organ_id: str) -> bool:
    """Whether the code has none of the two forms. Remembered: the same few thousand codes come again and again."""
    return _remembered(organ_id) if len(organ_id) <= _ORGAN_CHARS else _is_other(organ_id)


def _is_other(organ_id: str) -> bool:
    return parse(organ_id).form is OrganForm.OTHER


_remembered: Final = lru_cache(maxsize=4096)(_is_other)


def _judge_document_id(document: Document, root: etree._Element, found: list[Finding]) -> None:
    fault = _document_id_fault(document)
    if fault is FindingCode.DOCUMENT_ID_FORM:
        found.append(_at(fault, root, f"{_MESSAGE_HEADER}/{q('DocumentId')}"))
    elif fault is not None:
        place = root.find(f"{_MESSAGE_HEADER}/{q('DocumentId')}")
        if place is not None:
            found.append(_told(fault, place, sender=document.sender.organ_id))


def _document_id_fault(document: Document) -> FindingCode | None:
    norm = _NORM_ID.fullmatch(document.document_id)
    if norm is None:
        return None if _UUID.fullmatch(document.document_id) else FindingCode.DOCUMENT_ID_FORM
    sender = document.sender.organ_id
    if norm[1].strip() == sender or parse(norm[1]).same_as(parse(sender)):
        return None
    return FindingCode.DOCUMENT_ID_FOREIGN


def _judge_habits(document: Document, root: etree._Element, found: list[Finding]) -> None:
    trace = first_at(root, *_TRACE)
    if trace is None:
        header = root.find(f"{q('edXMLEnvelope')}/{q('edXMLHeader')}")
        found.append(_told(FindingCode.COMPAT_BUSSINESS_MISSING, root if header is None else header, ""))
    else:
        if first_at(trace, _BUSSINESS) is None:
            business = trace.find(q("Business"))
            if business is None:
                found.append(_told(FindingCode.COMPAT_BUSSINESS_MISSING, trace, ""))
            else:
                found.append(_told(FindingCode.COMPAT_BUSINESS_SPELLING, business, "Business"))
        if not all(hop.organ_id for hop in document.trace_headers):
            places = zip(document.trace_headers, trace.iterchildren(q("TraceHeader")), strict=False)
            for place in islice((place for hop, place in places if not hop.organ_id), _TOLD_PER_CODE):
                organ = place.find(q("OrganId"))
                found.append(_told(FindingCode.COMPAT_TRACE_ORGAN, place if organ is None else organ))
    if any(each.empty for each in document.response_for):
        found.append(_at(FindingCode.COMPAT_EMPTY_RESPONSE_FOR, root, f"{_MESSAGE_HEADER}/{q('ResponseFor')}"))


def _at(code: FindingCode, root: etree._Element, path: str) -> Finding:
    place = root.find(path)
    return finding(code) if place is None else _told(code, place)


def _told(code: FindingCode, place: etree._Element, value: str | None = None, *, sender: str = "") -> Finding:
    text = text_of(place) if value is None else value
    facts = {"sender": sender} if sender else {}
    return replace(finding(code, line=line_of(place), xpath=xpath_of(place), value=text), facts=tuple(facts.items()))


def _refuses(found: Findings) -> bool:
    return any(severity_of(each.code) is Severity.ERROR for each in found)
