"""Makes a model of texts by their numbers, as the tables of `reader.py` say it: worked out once for one markup.

What comes out equals what the reader reads from the same envelope's tree; there is one set of tables and two ways
through it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from lxml import etree

from edxml_schemas import reader
from edxml_schemas.model import (
    Bussiness,
    Code,
    DocumentType,
    Envelope,
    Organ,
    OtherInfo,
    PromulgationInfo,
    Receiver,
    SignerInfo,
    StaffInfo,
)
from edxml_schemas.reader import Block, CodeBlock, Leaf, Plan, Several, Texts
from edxml_schemas.safe_xml import text_of

Values = Sequence[Any]
"""The stripped texts of an envelope; behind them the lines of its attachments."""
_Function = Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class _Converted:
    """A value that one text stands for."""

    number: int
    value: Callable[[str], object]


_Make = int | _Converted | _Function
"""The number of a text that is the value, what one text becomes, or what makes the value."""

_RECURRING: Final = frozenset(
    {Bussiness, DocumentType, Organ, OtherInfo, PromulgationInfo, Receiver, SignerInfo, StaffInfo}
)
"""Values that one house says again and again. Equal ones may be one object, since nobody can change it."""


class Maker:
    """Turns the elements of one envelope into a function of its texts.

    `text_at` gives the number of a leaf's text, None of one that is written `<a/>`. `line_at` gives the place among
    the values where an attachment's line stands.
    """

    def __init__(self, text_at: Callable[[etree._Element], int | None], line_at: Mapping[etree._Element, int]) -> None:
        self._text_at = text_at
        self._line_at = line_at

    def envelope(self, root: etree._Element) -> Callable[[Values], Envelope]:
        """The model of the envelope under `root`, whose markup breaks no rule."""
        fields: dict[str, _Make] = {}
        for part in root:
            if part.tag == reader.ATTACHMENT_ENCODED:
                fields["attachments"] = self._make(part, reader.ATTACHMENTS)
                continue
            for block in part:
                for inner in block:
                    if block.tag == reader.HEADER and inner.tag in reader.HEADER_BLOCKS:
                        fields |= self._fields(inner, *reader.HEADER_BLOCKS[inner.tag])
                    elif block.tag == reader.BODY and inner.tag == reader.MANIFEST:
                        fields["manifest"] = self._make(inner, reader.REFERENCES)
        return _Fields(fields).then(reader.envelope_of)

    def _fields(self, element: etree._Element, plan: Plan, many: Plan = reader.NOTHING) -> dict[str, _Make]:
        found: dict[str, _Make] = {}
        several: dict[str, list[_Make]] = {}
        for child in element:
            if child.tag in plan:
                name, read = plan[child.tag]
                found[name] = self._make(child, read)
            elif child.tag in many:
                name, read = many[child.tag]
                several.setdefault(name, []).append(self._make(child, read))
        return found | {name: _all(makes) for name, makes in several.items()}

    def _make(self, element: etree._Element, read: reader.Read) -> _Make:
        if read is text_of:
            return self._leaf(element)
        if isinstance(read, Leaf):
            return _converted(self._leaf(element), read.value)
        if isinstance(read, Block):
            return self._block(element, read)
        if isinstance(read, CodeBlock):
            return self._code(element, read)
        if isinstance(read, Texts):
            return _texts([self._leaf(each) for each in element if each.tag == read.tag])
        if isinstance(read, Several):
            each_of = reader.ATTACHMENT if read is reader.ATTACHMENTS else read.each
            return _all([self._make(each, each_of) for each in element if each.tag == read.tag])
        raise TypeError(f"no maker for {read!r}")

    def _leaf(self, element: etree._Element) -> _Make:
        at = self._text_at(element)
        return _empty if at is None else at

    def _block(self, element: etree._Element, block: Block) -> _Function:
        fields = self._fields(element, block.plan)
        if block is reader.ATTACHMENT:
            fields["line"] = self._line_at[element]
        if block.must:
            fields.setdefault(block.must, _empty)
        recipe = _recipe_of(block.kind, fields) if block.kind in _RECURRING else None
        if recipe is not None:
            take = _taker([number for make in fields.values() if (number := _number(make)) is not None])
            return lambda values: _made(recipe, take(values))
        return _Fields(fields).into(block.kind)

    def _code(self, element: etree._Element, read: CodeBlock) -> _Make:
        fields = self._fields(element, reader.CODE)
        if not fields:
            return _converted(self._leaf(element), read.of_text)
        make = _Fields(fields).into(Code)
        return (lambda values: str(make(values))) if read.as_text else make


class _Fields:
    """Fields by name, told apart into texts, which are taken all at once, and others."""

    def __init__(self, fields: Mapping[str, _Make]) -> None:
        self._names = tuple(name for name, make in fields.items() if isinstance(make, int))
        self._take = _taker([make for make in fields.values() if isinstance(make, int)])
        self._rest = tuple((name, _as_function(make)) for name, make in fields.items() if not isinstance(make, int))

    def into(self, kind: Callable[..., object]) -> _Function:
        names, take, rest = self._names, self._take, self._rest
        if not rest:
            return lambda values: kind(**dict(zip(names, take(values), strict=True)))

        def make(values: Values) -> object:
            found = dict(zip(names, take(values), strict=True))
            for name, each in rest:
                found[name] = each(values)
            return kind(**found)

        return make

    def then(self, finish: Callable[[dict[str, Any]], Envelope]) -> Callable[[Values], Envelope]:
        make = self.into(dict)
        return lambda values: finish(make(values))


def _taker(numbers: Sequence[int]) -> Callable[[Values], tuple[Any, ...]]:
    """Takes the values with these numbers, as a tuple however many there are."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    return _one(numbers[0]) if numbers else _none


def _one(number: int) -> Callable[[Values], tuple[Any, ...]]:
    return lambda values: (values[number],)


def _none(values: Values) -> tuple[Any, ...]:  # noqa: ARG001  every taker has the same shape
    return ()


def _empty(values: Values) -> str:  # noqa: ARG001  every maker has the same shape
    return ""


def _as_function(make: _Make) -> _Function:
    if isinstance(make, int):
        return itemgetter(make)
    if isinstance(make, _Converted):
        number, value = make.number, make.value
        return lambda values: value(values[number])
    return make


def _converted(make: _Make, value: Callable[[str], object]) -> _Make:
    if isinstance(make, int):
        return _Converted(make, value)
    function = _as_function(make)
    return lambda values: value(function(values))


def _number(make: _Make) -> int | None:
    if isinstance(make, _Converted):
        return make.number
    return make if isinstance(make, int) else None


def _all(makes: Sequence[_Make]) -> _Function:
    functions = tuple(map(_as_function, makes))
    if len(functions) == 1:
        only = functions[0]
        return lambda values: (only(values),)
    return lambda values: tuple([make(values) for make in functions])


def _texts(makes: Sequence[_Make]) -> _Function:
    functions = tuple(map(_as_function, makes))
    return lambda values: tuple([text for make in functions if (text := make(values))])


@dataclass(frozen=True, slots=True, eq=False)
class _Recipe:
    """How texts become a value: names of fields, and what their texts become, None when they stay."""

    kind: Callable[..., object]
    rows: tuple[tuple[str, Callable[[str], object] | None], ...]


def _recipe_of(kind: Callable[..., object], fields: Mapping[str, _Make]) -> _Recipe | None:
    """None when a field is made of more than one text, or of none."""
    if not fields or any(_number(make) is None for make in fields.values()):
        return None
    rows = ((name, make.value if isinstance(make, _Converted) else None) for name, make in fields.items())
    return _recipe(kind, tuple(rows))


@lru_cache(maxsize=256)
def _recipe(kind: Callable[..., object], rows: tuple[tuple[str, Callable[[str], object] | None], ...]) -> _Recipe:
    """One recipe for all forms, so that they share what was made."""
    return _Recipe(kind, rows)


@lru_cache(maxsize=1024)
def _made(recipe: _Recipe, texts: tuple[str, ...]) -> object:
    rows = zip(recipe.rows, texts, strict=True)
    return recipe.kind(**{name: text if value is None else value(text) for (name, value), text in rows})
