"""What a document is found by: terms, which are texts like `s:quyet` (a word of its subject) or `v:parked`.

`entry_of` gives all terms of a document, which the index keeps. `seen_terms` gives those that somebody may know of,
from which alone an answer follows: nobody finds a document by a recipient that they do not see.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from edxml_schemas.contract import MessageType
from edxml_schemas.organs import normalise
from router.core.organ_book import OrganBook
from router.core.people import Scope
from router.core.records import MessageRecord, MessageState
from router.core.search_words import code_split, key_of, notation_ends, words_of
from router.core.traces import trace_of

VIETNAM: Final = timedelta(hours=7)
NO_STATUS: Final = "-"
LAST_CHARACTER: Final = "\U0010ffff"
"""Text that begins with `x` is at least `x` and at most `x` with this behind it."""


class Space(StrEnum):
    """The first letter of a term: what it says about a document."""

    ALL = "*"  # it is one of those that a search may find
    TYPE = "a"
    KIND = "b"  # what it does: 0 new, 1 revokes, …
    NUMBER = "c"
    FINDING = "e"
    SENDER = "f"
    DOCUMENT_ID = "i"
    NOTATION = "k"  # also from each of its parts on
    STATUS = "l"  # of a leg, `-` for none
    STATE = "m"
    NAME = "n"  # a word of the name of its sender or of a recipient
    SIGNED = "p"  # date of promulgation
    RECEIVED = "r"  # day in Vietnam
    SUBJECT = "s"  # a word
    RECIPIENT = "t"
    SIGHT = "u"  # an organ at or above its sender or one of its recipients
    DELIVERY = "v"  # state of a leg
    RECALL = "w"
    TRACE = "x"
    URGENCY = "y"  # EDXML priority


WORDED: Final = (Space.SUBJECT, Space.NAME, Space.NOTATION)
"""Spaces in which a part of a word is looked for."""
HIDING: Final = frozenset(
    {Space.RECIPIENT, Space.NAME, Space.SIGHT, Space.DELIVERY, Space.STATUS, Space.RECALL, Space.FINDING}
)
"""Spaces of what not everybody sees who sees the document: other recipients, and what the sender was told."""


class LegFacts(NamedTuple):
    """What a search needs to know of a leg."""

    recipient: str
    forwarded_from: str
    state: str
    status: str
    recall: str
    raised: str = ""
    """Names of deadlines that have passed, with commas between them."""
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    status_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """A message and its legs, in the order of recipients."""

    message: MessageRecord
    legs: Sequence[LegFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the index keeps of a document. `fixed` terms are only ever added to, `marks` change with its way."""

    message_id: str
    fixed: frozenset[str]
    marks: frozenset[str]
    legs: int


class Part(NamedTuple):
    """The terms from `first` to `last`, inclusive; one term when both are the same."""

    first: str
    last: str

    def has(self, terms: Iterable[str]) -> bool:
        return any(self.first <= each <= self.last for each in terms)


Clause = tuple[Part, ...]
"""Any of these. A search is several clauses, all of which must hold."""


def exactly(space: Space, value: str) -> Part:
    term = f"{space.value}:{value}"
    return Part(term, term)


def beginning(space: Space, value: str) -> Part:
    term = f"{space.value}:{value}"
    return Part(term, term + LAST_CHARACTER)


def between(space: Space, first: str, last: str) -> Part:
    """From `first` to `last`; an empty end is open."""
    return Part(f"{space.value}:{first}", f"{space.value}:{last or LAST_CHARACTER}")


def is_found(message: MessageRecord) -> bool:
    """Whether a search may find a message: documents, and whatever was not accepted.

    Accepted statuses stand in the matrix of their document, repetitions in its history.
    """
    if message.state is not MessageState.ACCEPTED:
        return True
    return message.type is MessageType.DOCUMENT and not message.duplicate_of


def entry_of(facts: DocumentFacts, book: OrganBook) -> Entry:
    """Everything that the index keeps of a document. Without marks when no search may find it."""
    message, legs = facts.message, facts.legs
    if not is_found(message):
        return Entry(message_id=message.id, fixed=frozenset(), marks=frozenset(), legs=len(legs))
    fixed = set(_head(message))
    fixed.update(_speaking(message.sender, Space.SENDER, book))
    marks = {f"{Space.ALL.value}:", *_verdict(message)}
    for leg in legs:
        fixed.update(_speaking(leg.recipient, Space.RECIPIENT, book))
        if leg.forwarded_from:
            fixed.update(_speaking(leg.forwarded_from, Space.RECIPIENT, book))
        marks.update(_standing(leg))
    return Entry(message_id=message.id, fixed=frozenset(fixed), marks=frozenset(marks), legs=len(legs))


def spoken_of(code: str, book: OrganBook) -> frozenset[str]:
    """The terms that a document gets for every organ that it speaks of."""
    names = (f"{Space.NAME.value}:{each}" for each in book.words_of(code))
    return frozenset((*names, *(f"{Space.SIGHT.value}:{each}" for each in book.above(code))))


def sees_all(message: MessageRecord, scope: Scope) -> bool:
    """Whether somebody sees all recipients of a message, and what its sender was told."""
    return scope.everything or scope.sees(message.sender)


def seen_legs(facts: DocumentFacts, scope: Scope) -> Sequence[LegFacts] | None:
    """The legs that somebody sees; None when they do not see the document.

    Who sees the sender sees all of them, everybody else those to their own organs.
    """
    if sees_all(facts.message, scope):
        return facts.legs
    seen = [leg for leg in facts.legs if scope.sees(leg.recipient, leg.forwarded_from)]
    return seen or None


@dataclass(frozen=True, slots=True)
class SeenTerms:
    """The terms of what somebody sees of a document: of the whole, and of each leg."""

    whole: frozenset[str]
    legs: tuple[frozenset[str], ...]

    def answers(self, whole: Iterable[Clause], of_a_leg: Sequence[Clause]) -> bool:
        """Whether all clauses hold: `whole` somewhere in the document, `of_a_leg` all on one leg."""
        if not all(any(part.has(self.whole) for part in clause) for clause in whole):
            return False
        if not of_a_leg:
            return True
        return any(all(any(part.has(leg) for part in clause) for clause in of_a_leg) for leg in self.legs)


def seen_terms(message: MessageRecord, legs: Sequence[LegFacts], book: OrganBook, *, told: bool) -> SeenTerms:
    """The terms of a message and of those of its legs that somebody sees. `told`: also what the sender was told."""
    whole = {f"{Space.ALL.value}:", *_head(message), *_verdict(message, told=told)}
    whole.update(_speaking(message.sender, Space.SENDER, book))
    each_leg = []
    for leg in legs:
        terms = {*_speaking(leg.recipient, Space.RECIPIENT, book), *_standing(leg)}
        if leg.forwarded_from:
            terms.update(_speaking(leg.forwarded_from, Space.RECIPIENT, book))
        whole |= terms
        each_leg.append(frozenset(terms))
    return SeenTerms(frozenset(whole), tuple(each_leg))


def _head(message: MessageRecord) -> Iterator[str]:
    """What never changes about a message."""
    number, notation = code_split(message.code)
    single: Mapping[Space, str] = {
        Space.TYPE: message.type.value,
        Space.KIND: str(message.doc_type) if message.type is MessageType.DOCUMENT else "",
        Space.URGENCY: str(message.priority),
        Space.NUMBER: number,
        Space.DOCUMENT_ID: key_of(message.document_id),
        Space.TRACE: trace_of(message),
        Space.SIGNED: _day(message.promulgation_date),
        Space.RECEIVED: _day(message.arrived_on or (message.received_at + VIETNAM).date()),
    }
    yield from (f"{space.value}:{value}" for space, value in single.items() if value)
    yield from (f"{Space.NOTATION.value}:{each}" for each in notation_ends(notation))
    yield from (f"{Space.SUBJECT.value}:{each}" for each in words_of(message.subject))


def _verdict(message: MessageRecord, *, told: bool = True) -> Iterator[str]:
    yield f"{Space.STATE.value}:{message.state.value}"
    if told:
        yield from {f"{Space.FINDING.value}:{each.code.value}" for each in message.findings}


def _speaking(code: str, space: Space, book: OrganBook) -> Iterator[str]:
    if code:
        yield f"{space.value}:{normalise(code)}"
        yield from spoken_of(code, book)


def _standing(leg: LegFacts) -> tuple[str, str, str]:
    return (
        f"{Space.DELIVERY.value}:{leg.state}",
        f"{Space.STATUS.value}:{leg.status or NO_STATUS}",
        f"{Space.RECALL.value}:{leg.recall}",
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day is not None else ""
