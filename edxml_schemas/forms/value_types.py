"""When a text is plainly valid, read from the XSD itself: its facets as lengths and Python patterns.

Plainly means: without the white space that a token collapses, and with no character about which tables of Unicode
could differ. A text that is not plainly valid may still be valid; libxml2 decides.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from lxml import etree

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_SAME_IN_BOTH: Final = re.compile(r"[\[\]()|0-9 /:?{},-]*")
"""Patterns of these characters mean the same to XSD and to Python."""
_NO_CONTROLS: Final = r"[^\p{Cc}\p{Cf}]*"
_LETTERS: Final = "[ -~\u00a1-\u00ac\u00ae-\u024f\u1e00-\u1eff]*"
"""Texts of Latin letters, which are none of these in any version of Unicode."""


Pattern = Callable[[str], object]
"""Gives None for a text that is not of the pattern."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """A simple type: the longest text in characters, and what the whole text matches; None bounds nothing."""

    at_most: int | None = None
    matches: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ContentType:
    """A complex type: the types of its children by local name. `mixed` content may hold text beside them."""

    children: Mapping[str, "ValueType | ContentType"]
    mixed: bool


@cache
def content_of_root() -> ContentType:
    """The type of `edXML`. Raises ValueError when the XSD says something this module does not know."""
    source = resources.files("edxml_schemas").joinpath("xsd", "edxml.xsd").read_bytes()
    schema = etree.fromstring(source)
    named = {each.get("name"): each for each in schema if each.tag != f"{_XS}element"}
    root = schema.find(f"{_XS}element/{_XS}complexType")
    if root is None:
        raise ValueError("the XSD declares no root")
    return _content(root, named, {})


def _content(
    declared: etree._Element,
    named: Mapping[str | None, etree._Element],
    known: dict[etree._Element, ContentType | ValueType],
) -> ContentType:
    children: dict[str, ValueType | ContentType] = {}
    for each in declared.iterfind(f"{_XS}choice/{_XS}element"):
        name, kind = each.get("name", ""), each.get("type", "")
        if kind == "xs:string":
            children[name] = ValueType()
            continue
        type_of = named[kind]
        if type_of not in known:
            simple = type_of.tag == f"{_XS}simpleType"
            known[type_of] = _value(type_of) if simple else _content(type_of, named, known)
        children[name] = known[type_of]
    return ContentType(MappingProxyType(children), declared.get("mixed") == "true")


def _value(declared: etree._Element) -> ValueType:
    restriction = declared[0]
    if restriction.get("base") != "xs:token":
        raise ValueError(f"{declared.get('name')} restricts {restriction.get('base')}")
    if len({facet.tag for facet in restriction.iterchildren(f"{_XS}enumeration", f"{_XS}pattern")}) > 1:
        raise ValueError(f"{declared.get('name')} asks for a value and a pattern at once")
    at_most, choices = None, []
    for facet in restriction.iterchildren(etree.Element):
        value = facet.get("value", "")
        match facet.tag.removeprefix(_XS):
            case "maxLength":
                at_most = int(value)
            case "enumeration":
                choices.append(re.escape(value))
            case "pattern" if value == _NO_CONTROLS:
                choices.append(_LETTERS)
            case "pattern" if _SAME_IN_BOTH.fullmatch(value):
                choices.append(f"(?:{value})")
            case name:
                raise ValueError(f"{declared.get('name')} has the facet {name} {value!r}")
    return ValueType(at_most, re.compile("|".join(choices)).fullmatch if choices else None)
