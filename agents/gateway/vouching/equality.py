"""The proof that what is sent says what came: the original is read a second time, by other means, and compared.

The original is read by expat, which knows no namespaces and never saw a repair; the envelope to be sent is read as the
hub and every recipient will read it. Compared are all elements in their order, all attributes and all texts to the
character, then what both say as values, then the bytes of every attachment. Left out are the Signature, which an agent
that vouches replaces, remarks, which no reader reads, white space between elements, and hops of the trace that say
nothing, where the repair that removes them was made.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final
from xml.parsers import expat

import pybase64
from lxml import etree

from agents.gateway.vouching.markup import MOST_LEVELS, is_declaration
from agents.gateway.vouching.trace_headers import HEADER, says_nothing, trace_headers_in
from edxml_schemas import codec, safe_xml
from edxml_schemas.model import Document
from edxml_schemas.names import local, q
from edxml_schemas.vouched import Repair

_SIGNATURE: Final = "Signature"


class _Unreadable(Exception):
    """Not even the second way reads it."""


def difference(original: bytes, sent: bytes, *, repairs: Sequence[Repair]) -> str:
    """The first place (element names) where they do not say the same; empty when they do. Never raises."""
    parsed = safe_xml.parse(sent)
    if not isinstance(parsed, safe_xml.Parsed):
        return "edXML"
    try:
        before, after = _tolerantly_read(original), parsed.root
    except _Unreadable:
        return "edXML"
    signed_anew = {Repair.SIGNATURE_ADDED, Repair.SIGNATURE_REPLACED} & set(repairs)
    for root in (before, after):
        if Repair.TRACE_HEADER_REMOVED in repairs:
            _drop([each for each in trace_headers_in(root) if says_nothing(each)])
        if signed_anew:
            _drop(_signatures(root))
    place = _differing(before, after)
    if place:
        return place
    said, says = codec.read(before), codec.read(after)
    if said != says:
        return "edXMLEnvelope"
    if isinstance(said, Document) and isinstance(says, Document):
        digests = [_digests(each) for each in (said, says)]
        return "" if digests[0] == digests[1] else "AttachmentEncoded"
    return ""


def _tolerantly_read(data: bytes) -> etree._Element:
    """The tree from the first `<` to the last `>`, every element in the EDXML namespace, whatever it was written in.

    Attributes keep their prefix as namespace. Raises _Unreadable.
    """
    start, end = data.find(b"<"), data.rfind(b">") + 1
    builder = _Builder()
    try:
        builder.parser.Parse(data[max(start, 0) : end], True)
    except (expat.ExpatError, ValueError) as problem:
        raise _Unreadable from problem
    if builder.root is None:
        raise _Unreadable
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.root: etree._Element | None = None
        self._inside: list[etree._Element] = []
        self._texts: list[str] = []

    def _refuse(self, *_: object) -> None:
        raise _Unreadable

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        if len(self._inside) >= MOST_LEVELS:
            raise _Unreadable
        tag = q(name.rpartition(":")[2])
        element = etree.SubElement(self._inside[-1], tag) if self._inside else etree.Element(tag)
        for each, value in attributes.items():
            if not is_declaration(each):
                prefix, _, bare = each.rpartition(":")
                element.set(f"{{{prefix}}}{bare}" if prefix else bare, value)
        if self.root is None:
            self.root = element
        self._inside.append(element)

    def _close(self, _name: str) -> None:
        self._flush()
        self._inside.pop()

    def _text(self, text: str) -> None:
        self._texts.append(text)

    def _flush(self) -> None:
        """Texts go to where lxml keeps them: in the element, or behind its last child."""
        text = "".join(self._texts)
        self._texts.clear()
        if not text or not self._inside:
            return
        element = self._inside[-1]
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text


def _signatures(root: etree._Element) -> list[etree._Element]:
    header = root.find("/".join(map(q, HEADER[1:])))
    return [] if header is None else [each for each in header if local(each.tag) == _SIGNATURE]


def _drop(elements: Sequence[etree._Element]) -> None:
    """Takes elements out; the text behind them stays."""
    for element in elements:
        parent, tail = element.getparent(), element.tail
        if parent is None:
            continue
        if tail:
            previous = element.getprevious()
            if previous is None:
                parent.text = (parent.text or "") + tail
            else:
                previous.tail = (previous.tail or "") + tail
        parent.remove(element)


def _differing(before: etree._Element, after: etree._Element) -> str:
    """The path of the first element that differs; empty when none does."""
    waiting = [(before, after)]
    while waiting:
        one, other = waiting.pop()
        children = list(one), list(other)
        same = (
            local(one.tag) == local(other.tag)
            and sorted(_attributes(one)) == sorted(_attributes(other))
            and len(children[0]) == len(children[1])
            and _said(one) == _said(other)
        )
        if not same:
            return "/".join(local(each.tag) for each in (*reversed(list(one.iterancestors())), one))
        waiting += zip(*children, strict=True)
    return ""


def _attributes(element: etree._Element) -> Iterator[tuple[str, str]]:
    return ((str(name).rpartition("}")[2], str(value)) for name, value in element.attrib.items())


def _said(element: etree._Element) -> str:
    """The text of a leaf to the character; around elements white space says nothing."""
    if not len(element):
        return element.text or ""
    return "".join((element.text or "", *(each.tail or "" for each in element))).strip()


def _digests(document: Document) -> list[str]:
    """SHA-256 of the attachments' bytes, in their order."""
    contents = (pybase64.b64decode("".join(each.encoded.split())) for each in document.attachments)
    return [hashlib.sha256(each).hexdigest() for each in contents]
