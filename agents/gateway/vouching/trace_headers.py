"""Trace headers: the hops that hubs write into envelopes on their way.

This hub keeps its trace beside the envelope and never writes into it. A document system that looks for the hub's hop
in the envelope gets it in the copy that it is handed (`with_trace`).
"""

from datetime import datetime
from html import escape
from typing import Final

from lxml import etree

from agents.gateway.vouching.markup import Element, NoMarkup, edited, markup_of, start_tag
from edxml_schemas.codec import VIETNAM_TIME
from edxml_schemas.names import q
from edxml_schemas.safe_xml import text_of

HEADER: Final = ("edXML", "edXMLEnvelope", "edXMLHeader")
MESSAGE_HEADER: Final = (*HEADER, "MessageHeader")
TRACE_LIST: Final = (*HEADER, "TraceHeaderList")
TRACE_HEADER: Final = (*TRACE_LIST, "TraceHeader")

_STAMP: Final = "%Y/%m/%d %H:%M:%S"  # no zone: Vietnam time
_SPACE: Final = b" \t\r\n"
_NO_ORGAN: Final = frozenset({"", "null"})


def with_trace(envelope: bytes, *, hub_organ: str, at: datetime) -> bytes:
    """A copy with one more TraceHeader, the last, that names the hub: for document systems that look for it.

    Every other byte is that of the envelope. The signature no longer covers the copy: the signed original has to be
    kept. An envelope without MessageHeader, or that is not well-formed, comes back as it is.
    """
    try:
        markup = markup_of(envelope)
    except NoMarkup:
        return envelope
    hops, lists, headers = markup.at(*TRACE_HEADER), markup.at(*TRACE_LIST), markup.at(*MESSAGE_HEADER)
    if hops:
        new = _hop(hops[-1].prefix, hub_organ, at)
        return _behind(envelope, hops[-1], new)
    if lists:
        return _within(envelope, lists[0], _hop(lists[0].prefix, hub_organ, at))
    if headers:
        prefix = _with_colon(headers[0].prefix)
        inside = _hop(headers[0].prefix, hub_organ, at)
        return _behind(envelope, headers[0], f"<{prefix}TraceHeaderList>{inside}</{prefix}TraceHeaderList>")
    return envelope


def says_nothing(hop: etree._Element) -> bool:
    """Whether a TraceHeader names no organ, and a time that cannot be read: as some hubs append them."""
    organs = [text_of(each) for each in hop.iterchildren(q("OrganId"))]
    stamps = [text_of(each) for each in hop.iterchildren(q("Timestamp"))]
    return all(each.lower() in _NO_ORGAN for each in organs) and any(each and not _is_stamp(each) for each in stamps)


def _is_stamp(text: str) -> bool:
    try:
        datetime.strptime(text, _STAMP).replace(tzinfo=VIETNAM_TIME)
    except ValueError:
        return False
    return True


def trace_headers_in(root: etree._Element) -> list[etree._Element]:
    """The hops of a tree, in their order."""
    return root.findall("/".join(map(q, TRACE_HEADER[1:])))


def _hop(prefix: str, organ: str, at: datetime) -> str:
    p, stamp = _with_colon(prefix), at.astimezone(VIETNAM_TIME).strftime(_STAMP)
    return (
        f"<{p}TraceHeader><{p}OrganId>{escape(organ, quote=False)}</{p}OrganId>"
        f"<{p}Timestamp>{stamp}</{p}Timestamp></{p}TraceHeader>"
    )


def _with_colon(prefix: str) -> str:
    return f"{prefix}:" if prefix else ""


def _behind(data: bytes, element: Element, new: str) -> bytes:
    """The new element follows `element`, after the same white space as stands before that."""
    before = data[: element.start]
    blanks = before[len(before.rstrip(_SPACE)) :]
    return edited(data, [(element.end, element.end, blanks + new.encode())])


def _within(data: bytes, element: Element, new: str) -> bytes:
    """The new element is the first inside `element`."""
    opening = start_tag(data, element)
    end = element.start + len(opening)
    if not opening.endswith(b"/>"):
        return edited(data, [(end, end, new.encode())])
    return edited(data, [(end - 2, end, f">{new}</{element.name}>".encode())])
