"""The XSDs on xmlschema: pure Python, independent of libxml2, and held to the same findings by the tests.

It takes a fifth of a second to import and as long to read the schema, so nothing on the hot path imports this module.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, cast

import xmlschema
from lxml import etree
from xmlschema.validators import XMLSchemaChildrenValidationError, XsdMaxLengthFacet

from edxml_schemas.checks.engines import Fault, children_of, number_in, source_of
from edxml_schemas.findings import FindingCode

_XMLSCHEMA_STRANGER: Final = re.compile(r"^(?:attribute '([^']*)' not allowed|'([^']*)' attribute not allowed)")
_XMLSCHEMA_ATTRIBUTE: Final = re.compile(r"^attribute ([^=:\s']+)[=:]")
_NO_XML_SPACE: Final = re.compile(r"[^\S \t\r\n]")


@cache
def explainer(name: str = "edxml.xsd") -> xmlschema.XMLSchema10:
    """The same XSD on xmlschema, built once (some 200 ms)."""
    return xmlschema.XMLSchema10(source_of(name).decode("utf-8"), allow="none", defuse="always")


def xmlschema_faults(root: etree._Element) -> Iterator[Fault]:
    """What xmlschema says of the tree.

    It takes a comment inside a value for a child and for the end of the value, and Python's idea of white space for
    XML's. So it reads a copy without comments, in which a space that is none to XML is a visible character.
    """
    plain = copy.deepcopy(root)
    etree.strip_tags(plain, etree.Comment, etree.ProcessingInstruction)
    for element in plain.iter():
        element.text = _visible(element.text)
        element.tail = _visible(element.tail)
    original = dict(zip(plain.iter(), root.iter(etree.Element), strict=True))
    for error in explainer().iter_errors(plain, use_location_hints=False):
        yield from _of_error(error, original, root)


def _visible(text: str | None) -> str | None:
    return text and _NO_XML_SPACE.sub("\ufffd", text)


def _of_error(
    error: xmlschema.XMLSchemaValidationError, original: Mapping[etree._Element, etree._Element], root: etree._Element
) -> Iterator[Fault]:
    stranger = error.invalid_child if isinstance(error, XMLSchemaChildrenValidationError) else None
    element = original.get(cast("etree._Element", error.elem if stranger is None else stranger), root)
    reason = str(error.reason or "")
    attribute = _XMLSCHEMA_STRANGER.match(reason) or _XMLSCHEMA_ATTRIBUTE.match(reason)
    code = FindingCode.SCHEMA_BAD_VALUE
    if isinstance(error, XMLSchemaChildrenValidationError):
        code = FindingCode.SCHEMA_UNKNOWN_ELEMENT
    elif "can't have child elements" in reason:
        yield from children_of(element)
        return
    elif _XMLSCHEMA_STRANGER.match(reason):
        code = FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE
    elif "character data" in reason:
        code = FindingCode.SCHEMA_TEXT
    elif isinstance(error.validator, XsdMaxLengthFacet):
        code = FindingCode.SCHEMA_TOO_LONG
    yield Fault(
        code=code,
        element=element,
        attribute=next((name for name in attribute.groups() if name), "") if attribute else "",
        limit=number_in(reason) if code is FindingCode.SCHEMA_TOO_LONG else None,
        detail=reason,
    )
