"""The box that takes anything: dates, codes of organs, numbers and notations, DocumentIds, codes of findings, words."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from edxml_schemas.findings import FindingCode
from edxml_schemas.organs import normalise
from edxml_schemas.traces import is_trace_id
from router.core.organ_book import OrganBook
from router.core.search_question import Reading
from router.core.search_terms import WORDED, Clause, Part, Space, beginning, exactly
from router.core.search_words import code_split, key_of, words_of

SHORTEST_INSIDE: Final = 3
"""Letters that a part has at least which is looked for inside of words."""
MOST_TOKENS: Final = 16
"""What stands behind so many is not looked at."""

_DAYS: Final = (
    (re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})"), (3, 2, 1)),
    (re.compile(r"([0-9]{4})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})"), (1, 2, 3)),
)
_MONTHS: Final = ((re.compile(r"([0-9]{1,2})/([0-9]{4})"), (2, 1)), (re.compile(r"([0-9]{4})-([0-9]{1,2})"), (1, 2)))
_CODED: Final = re.compile(r"(?:^|\.)[a-z][0-9]{2}(?:\.|$)|^[0-9]{3}\.[0-9]{1,3}(?:\.|$)")
"""What looks like a part of a numbered code (`h41.08`, `000.00.17`, `08.h41`) and not like words (`tp.hcm`, `19.8`)."""
_NUMBER: Final = re.compile(r"|[a-z.\-]{0,10}[0-9][\w.\-]{0,20}")
"""The number of a code, which may be missing in a part of one."""
_FINDINGS: Final = frozenset(each.value for each in FindingCode)

Inside = Callable[[str], Sequence[str]]
"""Terms of the index that hold a part in the middle, when none begins with it."""

Understood = tuple[str, Reading, list[Clause]]


def understood(text: str, book: OrganBook, *, inside: Inside) -> Iterator[Understood]:
    """Every token of the box, how it was understood, and the clauses that must hold for it."""
    for token in text.split()[:MOST_TOKENS]:
        reading, clauses = _token(token, book, inside)
        yield token, reading, clauses


def _token(  # noqa: PLR0911  one line per shape
    token: str, book: OrganBook, inside: Inside
) -> tuple[Reading, list[Clause]]:
    day, month = _day_in(token), _month_in(token)
    if day:
        return Reading.DAY, [(exactly(Space.RECEIVED, day), exactly(Space.SIGNED, day))]
    if month:
        either = (beginning(Space.RECEIVED, month), beginning(Space.SIGNED, month))
        return Reading.MONTH, [(*either, *clause) for clause in coded(token)]
    if token.lower() in _FINDINGS:
        return Reading.FINDING, [(exactly(Space.FINDING, token.lower()),)]
    if is_trace_id(token.lower()):
        return Reading.TRACE, [(exactly(Space.TRACE, token.lower()),)]
    if "," in token:
        return Reading.DOCUMENT_ID, [(beginning(Space.DOCUMENT_ID, key_of(token)),)]
    if "/" in token.rstrip("/") and _NUMBER.fullmatch(key_of(token.partition("/")[0])):
        return Reading.CODE, coded(token)
    if book.means(token) or _CODED.search(key_of(token)):
        return Reading.ORGAN, [(*_codes(token, book), *_anything(token))]
    if token.isascii() and token.strip("/").isdigit():
        return Reading.NUMBER, [(beginning(Space.NUMBER, token.strip("/")), *_anything(token))]
    return Reading.WORD, worded(token, inside, spaces=WORDED, also=_anything(token))


def coded(token: str) -> list[Clause]:
    """A number and the beginning of a notation; of a number without one, the beginning."""
    number, notation = code_split(token)
    if not notation:
        return [(beginning(Space.NUMBER, number),)]
    said = (beginning(Space.NOTATION, notation),)
    return [(exactly(Space.NUMBER, number),), said] if number else [said]


def _codes(token: str, book: OrganBook) -> Iterator[Part]:
    """The organs with a code that begins or ends so, and codes that nobody knows."""
    for code in map(normalise, book.matching(token).codes):
        yield from (exactly(Space.SENDER, code), exactly(Space.RECIPIENT, code))
    yield from (beginning(Space.SENDER, normalise(token)), beginning(Space.RECIPIENT, normalise(token)))


def _anything(token: str) -> tuple[Part, ...]:
    """A token as the beginning of whatever has such shapes."""
    key = key_of(token)
    if not key:
        return ()
    found = [beginning(Space.NOTATION, key), beginning(Space.DOCUMENT_ID, key)]
    words = words_of(token)
    if len(words) == 1:
        found.append(beginning(Space.SUBJECT, words[0]))
    if not key.isalpha():
        found += [beginning(Space.SENDER, normalise(token)), beginning(Space.RECIPIENT, normalise(token))]
    return tuple(found)


def worded(text: str, inside: Inside, *, spaces: Iterable[Space], also: tuple[Part, ...] = ()) -> list[Clause]:
    """A clause for each word: words that begin with it, else words that have it inside."""
    spaces = tuple(spaces)
    return [
        (*(beginning(each, word) for each in spaces), *within(word, inside, spaces), *also) for word in words_of(text)
    ]


def within(word: str, inside: Inside, spaces: tuple[Space, ...]) -> Iterator[Part]:
    """The terms that have a part inside, when none begins with it."""
    if len(word) < SHORTEST_INSIDE:
        return
    for term in inside(word):
        if Space(term[0]) in spaces:
            yield Part(term, term)


def _day_in(token: str) -> str:
    for shape, order in _DAYS:
        found = shape.fullmatch(token)
        if found is not None:
            try:
                return date(*(int(found[place]) for place in order)).isoformat()
            except ValueError:
                return ""
    return ""


def _month_in(token: str) -> str:
    for shape, (year, month) in _MONTHS:
        found = shape.fullmatch(token)
        if found is not None and 1 <= int(found[month]) <= 12 and 1990 <= int(found[year]) <= 2100:
            return f"{found[year]}-{int(found[month]):02d}"
    return ""
