"""What an agent mends in an envelope that no reader would take: a closed list, each with the fault that calls for it.

Every repair is a few edits of bytes; everything else stays as it came. A repair that has nothing to mend leaves the
fault to whoever judges next, and so does every fault that is not in the table.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agents.gateway.vouching.markup import (
    Edit,
    Element,
    Markup,
    NoMarkup,
    behind_name,
    edited,
    is_declaration,
    markup_of,
    start_tag,
)
from agents.gateway.vouching.trace_headers import TRACE_HEADER, says_nothing, trace_headers_in
from edxml_schemas import safe_xml
from edxml_schemas.findings import FindingCode, Findings, codes
from edxml_schemas.names import EDXML_NS, EDXML_PREFIX, XLINK_NS
from edxml_schemas.vouched import Repair

_BOM: Final = b"\xef\xbb\xbf"
_DECLARATION: Final = b"<?xml"
_LEADING_WINDOW: Final = 4096  # bytes
_PADDING: Final = b"\0 \t\r\n"
_NO_NAMESPACE: Final = re.compile(rb"""(?<=\s)xmlns\s*=\s*(?:""|'')""")
_ATTACHMENTS: Final = ("edXML", "AttachmentEncoded")
_KNOWN_PREFIXES: Final = {"xlink": XLINK_NS, EDXML_PREFIX: EDXML_NS}
"""Prefixes that vendors use without a declaration. What another one should mean, nobody can know."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`find` gives the edits that mend bytes with the fault `code`; none when this repair cannot."""

    repair: Repair
    code: FindingCode
    find: Callable[[bytes], tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Mending:
    """A repair that was made. `gone` are, by line as it is now, the line breaks that went with the bytes removed."""

    repair: Repair
    content: bytes
    gone: tuple[tuple[int, int], ...]

    def line_before(self, line: int) -> int:
        """The line that was this one before the repair."""
        return line + sum(count for at, count in self.gone if line >= at)


def mend(data: bytes, faults: Findings, *, without: frozenset[Repair] = frozenset()) -> Mending | None:
    """The first repair of the table that one of these faults calls for; None when there is none."""
    found = codes(faults)
    for rule in RULES:
        if rule.code not in found or rule.repair in without:
            continue
        try:
            edits = rule.find(data)
        except NoMarkup:
            continue
        if edits:
            return Mending(rule.repair, edited(data, edits), _gone(data, edits))
    return None


def _gone(data: bytes, edits: tuple[Edit, ...]) -> tuple[tuple[int, int], ...]:
    removed, told = 0, []
    for start, end, _ in sorted(edits):
        count = data.count(b"\n", start, end)
        if count:
            told.append((data.count(b"\n", 0, start) + 1 - removed, count))
            removed += count
    return tuple(told)


def _leading_bytes(data: bytes) -> tuple[Edit, ...]:
    start = len(_BOM) if data.startswith(_BOM) else 0
    offset = data.find(_DECLARATION, start, start + _LEADING_WINDOW)
    if offset < 0:
        offset = data.find(b"<", start, start + _LEADING_WINDOW)
    return ((0, offset, b""),) if offset > start else ()


def _trailing_bytes(data: bytes) -> tuple[Edit, ...]:
    end = len(data.rstrip(_PADDING))
    first = data.find(b"\0", end)
    return ((first, len(data), b""),) if first >= 0 and data[:end].endswith(b">") else ()


def _prefix_declared(data: bytes) -> tuple[Edit, ...]:
    markup = markup_of(data)
    missing = {prefix: None for each in markup.elements for prefix in _undeclared(each)}
    if not missing or not missing.keys() <= _KNOWN_PREFIXES.keys():
        return ()
    declared = "".join(f' xmlns:{prefix}="{_KNOWN_PREFIXES[prefix]}"' for prefix in missing)
    at = behind_name(data, markup.elements[0])
    return ((at, at, declared.encode()),)


def _undeclared(element: Element) -> list[str]:
    names = (element.name, *(each for each in element.attributes if not is_declaration(each)))
    used = [each.partition(":")[0] for each in names if ":" in each]
    return [each for each in used if each != "xml" and each not in element.scope]


def _attachment_namespace(data: bytes) -> tuple[Edit, ...]:
    """Attachments in no namespace: because the default one is switched off, or because there is none."""
    markup = markup_of(data)
    edits: list[Edit] = []
    for home in markup.at(*_ATTACHMENTS):
        inside = [each for each in markup.elements if each.path[:2] == _ATTACHMENTS]
        inside = [each for each in inside if home.start <= each.start < home.end]
        edits += [edit for each in inside if (edit := _switched_on(data, each)) is not None]
        plain = any(not each.prefix for each in inside)
        if plain and "xmlns" not in home.attributes and not home.scope.get("", ""):
            at = behind_name(data, home)
            edits.append((at, at, f' xmlns="{EDXML_NS}"'.encode()))
    return tuple(edits)


def _switched_on(data: bytes, element: Element) -> Edit | None:
    found = _NO_NAMESPACE.search(start_tag(data, element)) if element.attributes.get("xmlns") == "" else None
    if found is None:
        return None
    return element.start + found.start(), element.start + found.end(), f'xmlns="{EDXML_NS}"'.encode()


def _trace_header_removed(data: bytes) -> tuple[Edit, ...]:
    """Hops that name neither organ nor time, as hubs append them."""
    parsed = safe_xml.parse(data)
    if not isinstance(parsed, safe_xml.Parsed):
        return ()
    places = markup_of(data).at(*TRACE_HEADER)
    hops = trace_headers_in(parsed.root)
    if len(places) != len(hops):
        return ()
    return tuple((place.start, place.end, b"") for place, hop in zip(places, hops, strict=True) if says_nothing(hop))


def _remarks_removed(data: bytes) -> tuple[Edit, ...]:
    markup: Markup = markup_of(data)
    return tuple((start, end, b"") for start, end in markup.remarks)


RULES: Final[tuple[Rule, ...]] = (
    Rule(Repair.LEADING_BYTES, FindingCode.XML_LEADING_BYTES, _leading_bytes),
    Rule(Repair.TRAILING_BYTES, FindingCode.XML_NUL, _trailing_bytes),
    Rule(Repair.PREFIX_DECLARED, FindingCode.XML_UNBOUND_PREFIX, _prefix_declared),
    Rule(Repair.ATTACHMENT_NAMESPACE, FindingCode.SCHEMA_UNKNOWN_ELEMENT, _attachment_namespace),
    Rule(Repair.TRACE_HEADER_REMOVED, FindingCode.SCHEMA_BAD_VALUE, _trace_header_removed),
    Rule(Repair.REMARKS_REMOVED, FindingCode.SIGNATURE_COMMENT, _remarks_removed),
)
"""In this order: what stands in the way of reading comes first."""
