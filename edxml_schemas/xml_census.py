"""Counts markup in raw bytes, so that limits hold before a parser spends memory on them.

The census trusts nothing: it follows the XML grammar token by token exactly as far as the document is well-formed,
and a parser stops at the first fault, so no element or attribute the parser would build goes uncounted.
"""

import re
from typing import Final

from edxml_schemas.findings import FindingCode, Findings, finding
from edxml_schemas.limits import Limits

_START_TAG: Final = re.compile(rb"""<[^<>"']*+(?:(?:"[^"<]*+"|'[^'<]*+')[^<>"']*+)*+>""")
_VALUE: Final = re.compile(rb"""=\s*+("[^"<]*+"|'[^'<]*+')""")
_SECTIONS: Final = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_SKIP_FROM: Final = 16_384  # bytes of an envelope from which skipping long text runs pays
_LONG_RUN: Final = 2_048  # bytes between two `<` that are worth skipping
_MOST_RUNS: Final = 20_000  # `<` looked at one by one before the rest is taken as it is


def over_limits(data: bytes, limits: Limits) -> Findings:
    """The first limit on elements, depth or attributes that this document breaks; () when certainly within.

    Cheap bounds first (every start tag has a `<`, every attribute a `=`); an exact count only above them. Depth is
    counted here only when the exact count runs; `safe_xml` checks it on the finished tree otherwise.
    """
    markup = data if len(data) < _SKIP_FROM else _without_long_text(data)
    equals = markup.count(b"=")
    if (
        markup.count(b"<") > limits.elements
        or equals > limits.attributes
        or (equals > limits.attributes_per_element and _dense(markup, limits.attributes_per_element))
        or (len(markup) > limits.attribute_chars and _long_value(markup, limits.attribute_chars))
    ):
        return _count(data, limits)
    return ()


def _without_long_text(data: bytes) -> bytes:
    """The document less its long text runs. A complete start tag ends where text begins, and text has no markup."""
    kept: list[bytes] = []
    keep_from = at = max(data.find(b"<"), 0)
    for _ in range(_MOST_RUNS):
        following = data.find(b"<", at + 1)
        if following < 0:
            break
        if following - at > _LONG_RUN and (tag := _START_TAG.match(data, at, following)):
            kept.append(data[keep_from : tag.end()])
            keep_from = following
        at = following
    kept.append(data[keep_from:])
    return b"".join(kept)


def _dense(markup: bytes, most: int) -> bool:
    """Whether more than `most` equals signs stand between two `<` anywhere."""
    return any(piece.count(b"=") > most for piece in markup.split(b"<"))


def _long_value(markup: bytes, most: int) -> bool:
    """Whether a quoted run of more than `most` bytes follows an equals sign anywhere."""
    at = markup.find(b"=")
    while at >= 0:
        value = _VALUE.match(markup, at)
        if value and value.end() - value.start(1) - 2 > most:
            return True
        at = markup.find(b"=", at + 1)
    return False


def _count(data: bytes, limits: Limits) -> Findings:
    elements = attributes = depth = 0
    at = data.find(b"<")
    while at >= 0:
        section = next((end for begin, end in _SECTIONS if data.startswith(begin, at)), None)
        if section is not None:
            at = _next_markup(data, data.find(section, at + 2))
            continue
        if data.startswith(b"</", at):
            depth -= 1
            at = data.find(b"<", at + 2)
            continue
        tag = _START_TAG.match(data, at)
        if tag is None:
            return (
                finding(
                    FindingCode.XML_NOT_WELL_FORMED,
                    line=_line_at(data, at),
                    value=data[at : at + 60].decode("utf-8", "replace"),
                    detail="the start tag has no end",
                    column=at - data.rfind(b"\n", 0, at),
                ),
            )
        elements += 1
        depth += 1
        if elements > limits.elements:
            return _refused(FindingCode.XML_TOO_MANY_ELEMENTS, data, at, elements, limit=limits.elements)
        if depth > limits.depth:
            return _refused(FindingCode.XML_TOO_DEEP, data, at, depth, limit=limits.depth)
        here = 0
        for value in _VALUE.finditer(data, at, tag.end()):
            here += 1
            if here > limits.attributes_per_element or attributes + here > limits.attributes:
                limit = min(limits.attributes_per_element, limits.attributes)
                return _refused(FindingCode.XML_TOO_MANY_ATTRIBUTES, data, at, here, limit=limit)
            size = value.end() - value.start(1) - 2
            if size > limits.attribute_chars and _chars(value[1]) > limits.attribute_chars:
                return _refused(FindingCode.XML_ATTRIBUTE_TOO_LONG, data, at, size, limit=limits.attribute_chars)
        attributes += here
        if data.endswith(b"/>", at, tag.end()):
            depth -= 1
        at = data.find(b"<", tag.end())
    return ()


def _next_markup(data: bytes, after: int) -> int:
    return data.find(b"<", after) if after >= 0 else -1


def _chars(quoted: bytes) -> int:
    return len(quoted.decode("utf-8", "replace")) - 2


def _refused(code: FindingCode, data: bytes, at: int, count: int, *, limit: int) -> Findings:
    shown = data[at : at + 60].decode("utf-8", "replace")
    return (finding(code, line=_line_at(data, at), value=shown, count=count, limit=limit),)


def _line_at(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1
