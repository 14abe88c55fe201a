"""Learns a form from an envelope: by the parser, the schema, the rules and the signature check, as for any other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from sys import intern
from typing import Final

from lxml import etree

from edxml_schemas import codec, schemas
from edxml_schemas.checks import rules
from edxml_schemas.dsig.profile import ENVELOPE_HOME, canonical
from edxml_schemas.forms.form import Form
from edxml_schemas.forms.making import Maker
from edxml_schemas.forms.markup import Cut
from edxml_schemas.forms.value_types import ContentType, ValueType, content_of_root
from edxml_schemas.limits import Limits
from edxml_schemas.names import ds, local, q
from edxml_schemas.safe_xml import Parsed, line_of, parse
from edxml_schemas.signatures import Signed, check_integrity

_SIGNATURE: Final = ds("Signature")
_CONTENT: Final = q("ContentTransferEncoded")
_ATTACHMENT: Final = q("Attachment")
_DECLARATION: Final = re.compile(r"\?xml\s[^<>]*\?")
_TAG: Final = re.compile(r"""/?[^\s<>"'/!?]+(?:\s+[^\s<>"'/=]+\s*=\s*(?:"[^"<>&]*"|'[^'<>&]*'))*\s*/?""")


def learn(data: bytes, cut: Cut, limits: Limits) -> Form | None:
    """The form of an envelope, `cut` being the cut of its bytes; None when it is not sound, or not plain enough.

    The envelope itself is the first proof: the form is kept only if it reads this one as the long way does.
    """
    parsed, consumed = parse(data, limits), parse(data, limits)
    if not isinstance(parsed, Parsed) or not isinstance(consumed, Parsed) or parsed.comments:
        return None
    if schemas.check(parsed.root, limits) or not isinstance(signed := check_integrity(consumed), Signed):
        return None
    markup = cut.markup.split("<")
    places = _places(markup, parsed.root)
    if places is None:
        return None
    form = _Study(parsed.root, markup, places).form(cut)
    filled = form.fill(cut) if form is not None else None
    if form is None or filled is None:
        return None
    envelope = codec.read(signed.root)
    same = filled.envelope == envelope and filled.proof.content_digest == signed.content_digest
    lines = [line_of(each) for each in parsed.root.iter(_ATTACHMENT)]
    told = [each.line for each in getattr(filled.envelope, "attachments", ())]
    return form if same and lines == told else None


@dataclass(frozen=True, slots=True)
class _Place:
    """The numbers of an element's first and last tag; the same number twice for `<a/>`."""

    first: int
    last: int

    @property
    def text(self) -> int | None:
        """The number of the text that begins the element."""
        return self.first + 1 if self.last > self.first else None


_Places = dict[etree._Element, _Place]


def _places(markup: list[str], root: etree._Element) -> _Places | None:
    """Where each element has its tags; None when these are not all tags, which a parser read as such."""
    begin = 1 if _DECLARATION.fullmatch(markup[0]) else 0
    if not all(map(_TAG.fullmatch, markup[begin:])):
        return None
    open_tags: list[int] = []
    last_of: dict[int, int] = {}
    for number, tag in enumerate(markup[begin:], begin):
        if tag.startswith("/"):
            if not open_tags:
                return None
            last_of[open_tags.pop()] = number
        elif tag.endswith("/"):
            last_of[number] = number
        else:
            open_tags.append(number)
    elements = list(root.iter())
    if open_tags or len(elements) != len(last_of):
        return None
    return {element: _Place(first, last_of[first]) for element, first in zip(elements, sorted(last_of), strict=True)}


@dataclass(slots=True)
class _Study:
    """One envelope, looked at for what every envelope of the same markup has."""

    root: etree._Element
    markup: list[str]
    places: _Places

    def form(self, cut: Cut) -> Form | None:
        root, places = self.root, self.places
        signature = next(root.iter(_SIGNATURE))
        home = tuple(each.tag for each in signature.iterancestors())[::-1]
        if home != ENVELOPE_HOME or sum(1 for each in root.iter() if local(each.tag) == "Signature") > 1:
            return None
        canonical_markup = self._canonical()
        contents = [places[each].text for each in root.iter(_CONTENT)]
        if canonical_markup is None or None in contents:
            return None
        gaps, values = self._gaps_and_values()
        demands = rules.demands(root, schemas.kind_of(root))
        attachments = [each for each in root.iter(_ATTACHMENT) if "\n" not in self.markup[places[each].first]]
        markup = tuple([intern(f"<{tag}>") for tag in self.markup])  # forms have most tags in common
        line_at = {each: len(cut.texts) + number for number, each in enumerate(attachments)}
        if len(attachments) != len(list(root.iter(_ATTACHMENT))):
            return None
        return Form(
            markup=markup,
            canonical=markup if canonical_markup == markup else canonical_markup,
            root=(places[root].first, places[root].last),
            signature=(places[signature].first, places[signature].last),
            contents=tuple([number for number in contents if number is not None]),
            attachments=tuple([self._line_of_tag(places[each].first) for each in attachments]),
            gaps=gaps,
            lengths=tuple([(text, kind.at_most) for text, kind in values if kind.at_most is not None]),
            patterns=tuple([(text, kind.matches) for text, kind in values if kind.matches is not None]),
            filled=tuple([self._inside(group) for group in demands.filled]),
            distinct=tuple([self._leaves(group) for group in demands.distinct if len(group) > 1]),
            measured=tuple([(self._own(element), most) for element, most in demands.measured]),
            make=Maker(lambda leaf: places[leaf].text, line_at).envelope(root),
            remarkable=not codec.is_usual_markup(root),
        )

    def _canonical(self) -> tuple[str, ...] | None:
        """The canonical form of each tag. A declaration has none, and `<a/>` becomes `<a></a>`."""
        pieces = canonical(self.root).decode().replace(">", "<").split("<")
        tags = iter(pieces[1::2])
        first, last = self.places[self.root].first, self.places[self.root].last
        found = [""] * len(self.markup)
        for number in range(first, last + 1):
            tag = next(tags, None)
            if tag is None:
                return None
            close = f"<{next(tags, '')}>" if self.markup[number].endswith("/") else ""
            found[number] = intern(f"<{tag}>{close}")
        return tuple(found) if next(tags, None) is None else None

    def _line_of_tag(self, number: int) -> tuple[int, int]:
        """A tag, and how many ends of lines stand in the tags before it."""
        return number, "".join(self.markup[:number]).count("\n")

    def _own(self, element: etree._Element) -> tuple[int, ...]:
        """The texts of an element beside its children, its own first."""
        place = self.places[element]
        if place.text is None:
            return ()
        return (place.text, *(self.places[child].last + 1 for child in element))

    def _inside(self, elements: tuple[etree._Element, ...]) -> tuple[int, ...]:
        """All texts inside elements, those of their descendants included."""
        return tuple(
            [number for each in elements for number in range(self.places[each].first + 1, self.places[each].last + 1)]
        )

    def _leaves(self, elements: tuple[etree._Element, ...]) -> tuple[int, ...]:
        return tuple([text for each in elements if (text := self.places[each].text) is not None])

    def _gaps_and_values(self) -> tuple[tuple[int, ...], tuple[tuple[int, ValueType], ...]]:
        """The texts that must be blank, and those that have a type."""
        top = self.places[self.root]
        gaps = [*range(top.first + 1), *range(top.last + 1, len(self.markup) + 1)]
        values: list[tuple[int, ValueType]] = []
        for element, kind in self._typed(self.root, content_of_root()):
            if isinstance(kind, ContentType):
                gaps += () if kind.mixed else self._own(element)
            elif (text := self.places[element].text) is not None:
                values.append((text, kind))
        return tuple(gaps), tuple(values)

    def _typed(
        self, element: etree._Element, kind: ContentType
    ) -> Iterator[tuple[etree._Element, ContentType | ValueType]]:
        """The elements with their types, signatures aside."""
        yield element, kind
        for child in element:
            if child.tag == _SIGNATURE:
                continue
            inner = kind.children[local(child.tag)]
            if isinstance(inner, ContentType):
                yield from self._typed(child, inner)
            else:
                yield child, inner
