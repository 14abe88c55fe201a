"""What somebody asks for, and what that means in terms of the index: clauses that must all hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from edxml_schemas.organs import normalise
from edxml_schemas.statuses import StatusCode
from router.core.organ_book import OrganBook
from router.core.people import Scope
from router.core.records import RecallState
from router.core.search_box import Inside, coded, understood, within, worded
from router.core.search_question import TEXT_CHARS, Awaited, Question, Reading
from router.core.search_terms import (
    HIDING,
    NO_STATUS,
    Clause,
    DocumentFacts,
    LegFacts,
    Space,
    beginning,
    between,
    exactly,
    is_found,
    seen_legs,
    seen_terms,
    sees_all,
)
from router.core.search_words import key_of

_LONGEST_PART: Final = 60
_RECALLED: Final[Mapping[StatusCode, RecallState]] = MappingProxyType(
    {
        StatusCode.RECALL_REQUESTED: RecallState.REQUESTED,
        StatusCode.CHANGE_ACCEPTED: RecallState.ACCEPTED,
        StatusCode.CHANGE_REFUSED: RecallState.REFUSED,
    }
)
"""What is said about a recall stands on a track of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question in terms: `whole` holds somewhere in a document, `of_a_leg` all on one leg.

    `readings` are the tokens of the box with how each was understood; `too_many` the organ names that mean more
    organs than are looked at.
    """

    whole: tuple[Clause, ...]
    of_a_leg: tuple[Clause, ...]
    readings: tuple[tuple[str, Reading], ...] = ()
    too_many: tuple[str, ...] = ()

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """What the index is asked for. It knows no legs, so what it finds may be too much."""
        return (*self.whole, *self.of_a_leg)

    def told_by_index(self, scope: Scope) -> bool:
        """Whether what the index finds is right as it is: one leg's clause at most, and nothing that hides."""
        if scope.everything:
            return len(self.of_a_leg) <= 1
        hidden = any(Space(part.first[0]) in HIDING for clause in self.whole for part in clause)
        return not self.of_a_leg and not hidden


@dataclass(slots=True)
class _Draft:
    whole: list[Clause] = field(default_factory=list)
    of_a_leg: list[Clause] = field(default_factory=list)
    readings: list[tuple[str, Reading]] = field(default_factory=list)
    too_many: list[str] = field(default_factory=list)


def wanted_by(question: Question, book: OrganBook, *, inside: Inside) -> Wanted:
    """The question in terms."""
    draft = _Draft()
    for token, reading, clauses in understood(question.text[:TEXT_CHARS], book, inside=inside):
        draft.whole += clauses
        draft.readings.append((token, reading))
    draft.whole += _texts(question, inside)
    draft.whole += _choices(question)
    _add_organs(draft, question, book)
    _add_leg(draft, question)
    return Wanted(
        whole=tuple(each for each in draft.whole if each),
        of_a_leg=tuple(draft.of_a_leg),
        readings=tuple(draft.readings),
        too_many=tuple(draft.too_many),
    )


def sight(scope: Scope, root: str, book: OrganBook) -> tuple[Clause, ...]:
    """What the index is asked for in any case: what a search may find, and what somebody may see."""
    found: Clause = (exactly(Space.ALL, ""),)
    return (found,) if scope.everything else (found, (exactly(Space.SIGHT, book.root_of(root)),))


def answers(facts: DocumentFacts, wanted: Wanted, scope: Scope, book: OrganBook) -> Sequence[LegFacts] | None:
    """The legs that somebody sees of a document that answers their question; None when it does not.

    The index may be behind, and does not know who sees what: this alone decides.
    """
    if not is_found(facts.message):
        return None
    legs = seen_legs(facts, scope)
    if legs is None:
        return None
    if wanted.clauses:
        terms = seen_terms(facts.message, legs, book, told=sees_all(facts.message, scope))
        return legs if terms.answers(wanted.whole, wanted.of_a_leg) else None
    return legs


# ── Filters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _texts(question: Question, inside: Inside) -> Iterator[Clause]:
    if question.number:
        yield from coded(question.number)
    if question.notation:
        notation = key_of(question.notation)[:_LONGEST_PART]
        yield (beginning(Space.NOTATION, notation), *within(notation, inside, (Space.NOTATION,)))
    if question.document_id:
        yield (beginning(Space.DOCUMENT_ID, key_of(question.document_id)),)
    yield from worded(question.subject, inside, spaces=(Space.SUBJECT,))


def _choices(question: Question) -> Iterator[Clause]:
    if question.state is not None:
        yield (exactly(Space.STATE, question.state.value),)
    if question.finding:
        yield (beginning(Space.FINDING, key_of(question.finding)),)
    if question.urgency is not None:
        yield (exactly(Space.URGENCY, str(question.urgency.value)),)
    if question.kind is not None:
        yield (exactly(Space.KIND, str(question.kind.value)),)
    for space, first, last in (
        (Space.RECEIVED, question.received_from, question.received_to),
        (Space.SIGNED, question.signed_from, question.signed_to),
    ):
        if first is not None or last is not None:
            yield (between(space, first.isoformat() if first else "", last.isoformat() if last else ""),)


def _add_organs(draft: _Draft, question: Question, book: OrganBook) -> None:
    if question.below and book.means(question.organ):
        draft.whole.append((exactly(Space.SIGHT, book.root_of(book.codes_of(question.organ)[0])),))
    else:
        _add_organ(draft, draft.whole, question.organ, book, (Space.SENDER, Space.RECIPIENT))
    _add_organ(draft, draft.whole, question.sender, book, (Space.SENDER,))
    _add_organ(draft, draft.of_a_leg, question.recipient, book, (Space.RECIPIENT,))


def _add_organ(draft: _Draft, target: list[Clause], text: str, book: OrganBook, spaces: tuple[Space, ...]) -> None:
    if not text.strip():
        return
    organs = book.matching(text)
    if organs.more:
        draft.too_many.append(text)
    parts = [exactly(space, normalise(code)) for code in organs.codes for space in spaces]
    if not book.means(text):
        parts += [beginning(space, normalise(text)) for space in spaces]
    target.append(tuple(parts))


def _add_leg(draft: _Draft, question: Question) -> None:
    recall = question.recall
    if question.status is Awaited.NONE:
        draft.of_a_leg.append((exactly(Space.STATUS, NO_STATUS),))
    elif question.status is not None and question.status in _RECALLED:
        recall = _RECALLED[question.status]
    elif question.status is not None:
        draft.of_a_leg.append((exactly(Space.STATUS, question.status.value),))
    if question.delivery is not None:
        draft.of_a_leg.append((exactly(Space.DELIVERY, question.delivery.value),))
    if recall is not None:
        draft.of_a_leg.append((exactly(Space.RECALL, recall.value),))
