"""Is this tree an EDXML envelope? One XSD on two engines, and the table of rules beside it.

    check(root)      the hot path: rules, then libxml2; all faults at once, () when there are none
    explain(data)    the same verdict from bytes, by the slow engine (xmlschema), which says more about a value
    kind_of(root)    document, status, or neither

Both engines stop looking at the siblings behind a child that does not belong there. So the rules, which see every
child, name the strangers, and the engine reads a copy without them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from lxml import etree

from edxml_schemas.checks import rules
from edxml_schemas.checks.engines import Fault, compiled
from edxml_schemas.checks.rule_table import MANY
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.names import RECEIPT_NS, local, q
from edxml_schemas.safe_xml import Parsed, children_of, first_at, line_of, parse, text_of, xpath_of

_ROOT: Final = q("edXML")
_MESSAGE_HEADER: Final = tuple(map(q, ("edXMLEnvelope", "edXMLHeader", "MessageHeader")))
_STATUS_CODE: Final = q("StatusCode")
_DOCUMENT_MARKS: Final = frozenset(
    q(name) for name in ("To", "DocumentId", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content")
)
_STATUS_MARKS: Final = frozenset(
    q(name) for name in ("StatusCode", "ResponseFor", "StaffInfo", "Description", "Timestamp")
)
_STRAY_MARKS: Final = 2
"""Up to so many marks of a document beside a StatusCode are faults of a status; more make it a document."""

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_TYPING: Final = (f"{{{_XSI}}}type", f"{{{_XSI}}}nil")
_OF_INSTANCE: Final = etree.XPath(
    "boolean(/descendant::*/@xsi:*)", namespaces={"xsi": _XSI}, regexp=False, smart_strings=False
)  # the cheapest of several spellings

_ONCE_IN: Final = tuple(f"{{{RECEIPT_NS}}}{name}" for name in ("Receipt", "Leg", "Finding", "Vouched", "Repair"))
"""Elements of a receipt whose children stand once, but for `_REPEATABLE`."""
_REPEATABLE: Final = frozenset({"Fact", "Repair"})

_DATE: Final = "YYYY/MM/DD"
_AMOUNT: Final = "0…999999999"
EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PromulgationDate": _DATE,
        "DueDate": _DATE,
        "Timestamp": "YYYY/MM/DD HH:MM:SS",
        "Type": "1, 2",
        "TypeDetail": _AMOUNT,
        "PromulgationAmount": _AMOUNT,
        "PageAmount": _AMOUNT,
        "SteeringType": "-999999999…999999999",
        "Priority": "0, 1, 2, 3, 4",
        "Direction": "true, false",
        "BussinessDocType": "0, 1, 2, 3",
        "BusinessDocType": "0, 1, 2, 3",
        "Paper": "0, 1",
        "DocumentInfo": "0, 1",
        "DocumentReceiver": "0, 1",
        "ReceiverType": "0, 1",
        "StatusCode": "01, 02, 03, 04, 05, 06, 13, 15, 16",
    }
)
"""What people are told to write instead of a wrong value, by local name of the element."""

Engine = Callable[[etree._Element], Iterable[Fault]]


def kind_of(root: etree._Element) -> MessageType | None:
    """Which kind of envelope this is meant to be, judged by the children of MessageHeader; None when none tells."""
    header = first_at(root, *_MESSAGE_HEADER)
    if header is None:
        return None
    names = {child.tag for child in children_of(header)}
    of_document = len(names & _DOCUMENT_MARKS)
    if _STATUS_CODE in names:
        return MessageType.STATUS if of_document <= _STRAY_MARKS else MessageType.DOCUMENT
    if of_document:
        return MessageType.DOCUMENT
    return MessageType.STATUS if names & _STATUS_MARKS else None


def check(root: etree._Element, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """All faults of an envelope against XSD and rules, in document order; () when it is valid.

    More than `limits.findings` faults are cut, and `schema.more-faults` says so.
    """
    return _judge(root, limits, compiled().faults)


def explain(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """The verdict of `check` on bytes, by the slow engine: some 100 times the time. Bytes that are not safe XML give
    the findings of the parser. Never raises."""
    parsed = parse(data, limits)
    if not isinstance(parsed, Parsed):
        return parsed
    from edxml_schemas.checks.second_engine import xmlschema_faults  # a fifth of a second that few need

    return _judge(parsed.root, limits, xmlschema_faults)


def check_receipt(root: etree._Element, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """All faults of a receipt of the hub; () when it is valid. What must be there, who reads it knows."""
    tag = f"{{{RECEIPT_NS}}}Receipt"
    if root.tag != tag:
        return (_wrong_root(root, tag),)
    if _too_wide(root, limits):
        bound = _width(limits)
        return (finding(FindingCode.SCHEMA_TOO_MANY, xpath=xpath_of(root), element=local(root.tag), limit=bound),)
    return _cut((*_twice(root), *_told(islice(compiled("receipt.xsd").faults(root), limits.findings + 1))), limits)


def _twice(root: etree._Element) -> Findings:
    """Children of a receipt that stand more than once in their parent and may not."""
    found: list[Finding] = []
    for parent in root.iter(*_ONCE_IN):
        counts = Counter(child.tag for child in parent if isinstance(child.tag, str))
        for tag, count in counts.items():
            if count > 1 and local(tag) not in _REPEATABLE:
                again = [child for child in parent if child.tag == tag][1]
                found.append(
                    finding(
                        FindingCode.SCHEMA_REPEATED,
                        line=line_of(again),
                        xpath=xpath_of(again),
                        element=local(tag),
                        parent=local(parent.tag),
                        count=count,
                    )
                )
    return tuple(found)


def _judge(root: etree._Element, limits: Limits, engine: Engine) -> Findings:
    if root.tag != _ROOT:
        return (_wrong_root(root, _ROOT),)
    kind = kind_of(root)
    found = rules.check(root, kind, limits)
    strangers = any(each.code is FindingCode.SCHEMA_UNKNOWN_ELEMENT for each in found)
    if kind is None:  # what is missing cannot be told, only what does not belong
        place = finding(FindingCode.SCHEMA_KIND, line=line_of(root), xpath=xpath_of(root), detail=_kind_detail(root))
        found = (place, *(each for each in found if each.code is FindingCode.SCHEMA_UNKNOWN_ELEMENT))
    if found and _too_wide(root, limits):
        return _cut(found, limits)
    typed = _typed(root) if _OF_INSTANCE(root) else ()
    tree = rules.without_strangers(root, kind) if strangers or typed else root
    if typed:
        etree.strip_attributes(tree, *_TYPING)
    told = _told(islice(engine(tree), limits.findings + 1))
    return _cut((*found, *typed, *told), limits) if found or typed or told else ()


def _typed(root: etree._Element) -> Findings:
    """`xsi:type` and `xsi:nil`: they change how a schema reads an element, and the engines differ about them."""
    return tuple(
        _finding_of(Fault(code=FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE, element=element, attribute=name))
        for element in root.iter(etree.Element)
        for name in _TYPING
        if name in element.attrib
    )


def _too_wide(root: etree._Element, limits: Limits) -> bool:
    """Whether an element has so many children that an engine's time, the square of the wrong siblings, is a weapon."""
    bound = _width(limits)
    return any(len(element) > bound for element in root.iter())


def _width(limits: Limits) -> int:
    return max(limits.recipients, limits.attachments, MANY) + MANY


def _cut(found: Findings, limits: Limits) -> Findings:
    """Each fault of each place once, in the order of lines, and no more than the limit."""
    once: dict[tuple[FindingCode, str], Finding] = {}
    for each in found:
        once.setdefault((each.code, each.xpath), each)
    ordered = sorted(once.values(), key=lambda each: each.line or 0)
    if len(ordered) <= limits.findings:
        return tuple(ordered)
    return (*ordered[: limits.findings], finding(FindingCode.SCHEMA_MORE, limit=limits.findings))


def _wrong_root(root: etree._Element, expected: str) -> Finding:
    return finding(
        FindingCode.SCHEMA_ROOT,
        line=line_of(root),
        xpath=xpath_of(root),
        value=root.tag,
        element=local(root.tag),
        expected=expected,
    )


def _kind_detail(root: etree._Element) -> str:
    header = next(root.iter(_MESSAGE_HEADER[-1]), None)
    return "there is no MessageHeader in edXMLHeader" if header is None else "MessageHeader names neither"


# What engines say, in the words of the house


def _told(faults: Iterable[Fault]) -> Findings:
    return tuple(_finding_of(fault) for fault in faults)


def _finding_of(fault: Fault) -> Finding:
    element, name = fault.element, local(fault.element.tag)
    parent = element.getparent()
    facts: dict[str, object] = {"element": name}
    xpath, value = xpath_of(element), text_of(element)
    if fault.attribute:
        value = str(element.attrib.get(fault.attribute, ""))
        xpath = f"{xpath}/@{_bare(fault.attribute)}"
        facts["attribute"] = _bare(fault.attribute)
    match fault.code:
        case FindingCode.SCHEMA_UNKNOWN_ELEMENT:
            value = ""
            if parent is not None:
                facts["parent"] = local(parent.tag)
        case FindingCode.SCHEMA_TEXT:
            texts = (element.text, *(child.tail for child in element))
            value = next((text.strip() for text in texts if text and not text.isspace()), "")
        case FindingCode.SCHEMA_TOO_LONG:
            facts["length"] = len(" ".join(value.split()))
            facts["limit"] = fault.limit
        case FindingCode.SCHEMA_BAD_VALUE if name in EXPECTED and not fault.attribute:
            facts["expected"] = EXPECTED[name]
        case FindingCode.SCHEMA_BAD_VALUE:
            facts["detail"] = fault.detail
    return finding(fault.code, line=line_of(element), xpath=xpath, value=value, **facts)


def _bare(name: str) -> str:
    """The local name of an attribute, whose Clark name has a namespace or none."""
    return name.rpartition("}")[2]
