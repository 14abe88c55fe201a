"""The XSDs on libxml2, and what it says, as values: it compiles in a millisecond and validates in some 10 µs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from threading import Lock
from types import MappingProxyType
from typing import Final, cast

from lxml import etree

from edxml_schemas.findings import FindingCode
from edxml_schemas.names import local

FAULTS: Final[Mapping[int, FindingCode]] = MappingProxyType(
    {
        etree.ErrorTypes.SCHEMAV_ELEMENT_CONTENT: FindingCode.SCHEMA_UNKNOWN_ELEMENT,
        etree.ErrorTypes.SCHEMAV_CVC_ELT_1: FindingCode.SCHEMA_ROOT,
        etree.ErrorTypes.SCHEMAV_CVC_TYPE_3_1_1: FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,
        etree.ErrorTypes.SCHEMAV_CVC_TYPE_3_1_2: FindingCode.SCHEMA_UNKNOWN_ELEMENT,  # of its children
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_2_1: FindingCode.SCHEMA_UNKNOWN_ELEMENT,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_2_2: FindingCode.SCHEMA_UNKNOWN_ELEMENT,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_2_3: FindingCode.SCHEMA_TEXT,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_3_2_1: FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_3_2_2: FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,
        etree.ErrorTypes.SCHEMAV_CVC_MAXLENGTH_VALID: FindingCode.SCHEMA_TOO_LONG,
    }
)
"""What an error of libxml2 is called here. Every other type is about a value: `SCHEMA_BAD_VALUE`."""

_LIBXML2_ATTRIBUTE: Final = re.compile(r"^Element '[^']*', attribute '([^']*)'")
_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")
_STEP: Final = re.compile(r"(?:([^:\[]+):)?([^\[]+)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What either engine said, before it is put into words. `limit` is the facet's, in characters."""

    code: FindingCode
    element: etree._Element
    attribute: str = ""
    limit: int | None = None
    detail: str = ""


def children_of(element: etree._Element) -> Iterator[Fault]:
    """A leaf that has children: each of them is where nothing may be."""
    for child in element:
        if isinstance(child.tag, str):
            yield Fault(code=FindingCode.SCHEMA_UNKNOWN_ELEMENT, element=child)


_OF_CHILDREN: Final = frozenset(
    {
        etree.ErrorTypes.SCHEMAV_CVC_TYPE_3_1_2,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_2_1,
        etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_2_2,
    }
)


class Compiled:
    """An XSD on libxml2. Safe to use from several threads.

    The verdict of a validation belongs to its call, but lxml keeps the errors on the schema object, where threads
    would mix them. So errors are read from a second object, under a lock, and only when there are any.
    """

    def __init__(self, name: str) -> None:
        self._fast = etree.XMLSchema(etree.fromstring(source_of(name)))
        self._telling = etree.XMLSchema(etree.fromstring(source_of(name)))
        self._lock = Lock()

    def valid(self, root: etree._Element) -> bool:
        return bool(self._fast.validate(root))

    def faults(self, root: etree._Element) -> Iterator[Fault]:
        if self._fast.validate(root):
            return
        with self._lock:
            self._telling.validate(root)
            entries = tuple(cast("Iterable[etree._LogEntry]", self._telling.error_log))
        for entry in entries:
            yield from _of_libxml2(entry, root)


def _of_libxml2(entry: etree._LogEntry, root: etree._Element) -> Iterator[Fault]:
    element = _at(root, entry.path or "")
    message = str(entry.message)
    attribute = _LIBXML2_ATTRIBUTE.match(message)
    code = FAULTS.get(entry.type, FindingCode.SCHEMA_BAD_VALUE)
    if entry.type in _OF_CHILDREN:
        yield from children_of(element)
        return
    yield Fault(
        code=code,
        element=element,
        attribute=attribute[1] if attribute else "",
        limit=number_in(message) if code is FindingCode.SCHEMA_TOO_LONG else None,
        detail=message.partition(": ")[2],
    )


def _at(root: etree._Element, path: str) -> etree._Element:
    """The element of a path as libxml2 writes it: `/*/p:name[2]/*[3]`, where `*` counts all siblings."""
    element = root
    for step in path.split("/")[2:]:
        match = _STEP.fullmatch(step)
        if match is None:
            break
        prefix, name, position = match[1], match[2], int(match[3] or 1)
        for child in element:
            fits = isinstance(child.tag, str) and (name == "*" or (local(child.tag) == name and child.prefix == prefix))
            position -= fits
            if fits and position == 0:
                element = child
                break
    return element


def number_in(message: str) -> int | None:
    found = _LAST_NUMBER.search(message)
    return int(found[1]) if found else None


_COMPILING: Final = Lock()
"""libxml2 makes its table of built-in types when the first schema is compiled, and takes no care of other threads: who
compiles beside it finds half a table, or never comes back."""


def compiled(name: str = "edxml.xsd") -> Compiled:
    """The XSD of this name on libxml2, compiled once, whoever asks first."""
    with _COMPILING:
        return _compiled(name)


@cache
def _compiled(name: str) -> Compiled:
    return Compiled(name)


def source_of(name: str) -> bytes:
    return resources.files("edxml_schemas").joinpath("xsd", name).read_bytes()
