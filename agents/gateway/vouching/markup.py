"""Where things stand in an envelope's bytes: tags and remarks with their offsets.

Knows prefixes and no namespaces, so that a prefix that nobody declared is no obstacle. Nothing outside the bytes is
ever read: a document type declaration ends it, and no entity is declared without one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

Edit = tuple[int, int, bytes]
"""Bytes from the first offset up to the second are replaced."""

MOST_LEVELS: Final = 64
_TAG: Final = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_NAME: Final = re.compile(rb"<[^\s/>]+")
_DECLARES: Final = "xmlns"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class NoMarkup(Exception):
    """The bytes are not well-formed, even when namespaces are left aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """`path` are the local names from the root down to it; `scope` the namespaces by prefix that hold inside it, the
    default one under the empty prefix. It begins at the offset `start` and ends before `end`; `close` is where its end
    tag begins, or `end` when it has none."""

    name: str
    path: tuple[str, ...]
    attributes: Mapping[str, str]
    scope: Mapping[str, str]
    start: int
    close: int
    end: int

    @property
    def prefix(self) -> str:
        return self.name.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Markup:
    """Elements in the order in which they begin; remarks are comments and processing instructions."""

    elements: tuple[Element, ...]
    remarks: tuple[tuple[int, int], ...]

    def at(self, *path: str) -> tuple[Element, ...]:
        return tuple(each for each in self.elements if each.path == path)


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def is_declaration(attribute: str) -> bool:
    return attribute == _DECLARES or attribute.startswith(f"{_DECLARES}:")


def markup_of(data: bytes) -> Markup:
    """Raises NoMarkup."""
    finder = _Finder(data)
    finder.run()
    return Markup(tuple(filter(None, finder.elements)), tuple(finder.remarks))


def start_tag(data: bytes, element: Element) -> bytes:
    """The whole start tag, with its angle brackets."""
    return _tag(data, element.start)


def behind_name(data: bytes, element: Element) -> int:
    """The offset behind the element's name in its start tag, where another attribute may stand."""
    name = _NAME.match(data, element.start)
    return element.start if name is None else name.end()


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes after edits that do not overlap."""
    parts, at = [], 0
    for start, end, instead in sorted(edits):
        parts += [data[at:start], instead]
        at = end
    return b"".join((*parts, data[at:]))


class _Finder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CommentHandler = self._comment
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._inside: list[tuple[int, str, tuple[str, ...], Mapping[str, str], Mapping[str, str], int]] = []
        self.elements: list[Element | None] = []
        self.remarks: list[tuple[int, int]] = []

    def run(self) -> None:
        try:
            self._parser.Parse(self._data, True)
        except (expat.ExpatError, ValueError) as problem:
            raise NoMarkup(str(problem)) from problem

    def _refuse(self, *_: object) -> None:
        raise NoMarkup("a document type declaration")

    def _open(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._inside) >= MOST_LEVELS:
            raise NoMarkup("too many levels")
        _, _, path, _, scope, _ = self._inside[-1] if self._inside else (0, "", (), _NOTHING, _NOTHING, 0)
        declared = {each.partition(":")[2]: uri for each, uri in attributes.items() if is_declaration(each)}
        if declared:
            scope = {**scope, **declared}
        place = len(self.elements)
        self.elements.append(None)
        start = self._parser.CurrentByteIndex
        self._inside.append((place, name, (*path, local(name)), dict(attributes), scope, start))

    def _close(self, _name: str) -> None:
        place, name, path, attributes, scope, start = self._inside.pop()
        opening = _tag(self._data, start)
        at = self._parser.CurrentByteIndex
        # Expat reports no tag of its own for the end of a self-closing element.
        alone = opening.endswith(b"/>")
        end = start + len(opening) if alone else at + len(_tag(self._data, at))
        self.elements[place] = Element(
            name=name,
            path=path,
            attributes=attributes,
            scope=scope,
            start=start,
            close=end if alone else at,
            end=end,
        )

    def _comment(self, _text: str) -> None:
        self._remark(b"-->")

    def _instruction(self, _target: str, _text: str) -> None:
        self._remark(b"?>")

    def _remark(self, ending: bytes) -> None:
        start = self._parser.CurrentByteIndex
        self.remarks.append((start, self._data.index(ending, start) + len(ending)))


def _tag(data: bytes, start: int) -> bytes:
    """The whole tag that begins there; quoted attribute values may hold `>`."""
    match = _TAG.match(data, start)
    return match.group() if match else b""
