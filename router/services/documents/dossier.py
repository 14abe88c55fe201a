"""Everything about one document, as far as somebody sees it.

Who sees the sender sees all of it. Who sees it only as a recipient sees the document itself and the way of their own
copies: no other recipient, nothing that names one, and nothing of what the hub and the sender have between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Final

from edxml_schemas.contract import MessageType
from edxml_schemas.model import Document
from edxml_schemas.statuses import BussinessDocType
from router.core.deadlines import Clocks, Overdue, owed
from router.core.event_names import EventName
from router.core.organ_book import OrganBook
from router.core.people import Scope
from router.core.records import Attempt, Event, Leg, MessageRecord, MessageState
from router.ports import Store
from router.services.documents.envelopes import EnvelopeFacts, Envelopes
from router.services.documents.trust_words import Standing, standing_of
from router.services.search.books import Books
from router.services.tracing import LegTrace, Trace, trace_of

MOST_RELATED: Final = 200
_TOLD_TO_ALL: Final = frozenset({EventName.MESSAGE_ACCEPTED, EventName.MESSAGE_DEFERRED})
"""Events about no leg that a recipient may know of."""
_AUDITED: Final = frozenset({EventName.CONTENT_OPENED, EventName.EVIDENCE_EXPORTED})
"""Events about administrators, for who may read the audit."""


class Relation(StrEnum):
    """What another message is to a document."""

    ABOUT = "about"  # the document speaks of it
    ANSWERED = "answered"  # the document answers it
    ANSWERS = "answers"  # it answers the document
    REVOKES = "revokes"
    UPDATES = "updates"
    REPLACES = "replaces"
    STATUS = "status"
    REPETITION = "repetition"  # the same content, sent once more
    FIRST = "first"  # the document repeats it
    SAME_ID = "same-id"  # another message under the same DocumentId


_CHANGES: Final = {
    BussinessDocType.REVOKE: Relation.REVOKES,
    BussinessDocType.UPDATE: Relation.UPDATES,
    BussinessDocType.REPLACE: Relation.REPLACES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A recipient: the leg with its statuses, what is still owed to it, and failed attempts to publish it."""

    trace: LegTrace
    owed: tuple[Overdue, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    relation: Relation
    message: MessageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """`whole`: the asker sees all of it. `attempts` are those about no leg, to tell the sender for example."""

    message: MessageRecord
    whole: bool
    rows: tuple[Row, ...]
    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    related: tuple[Related, ...]
    envelope: EnvelopeFacts
    standing: Standing
    trace_id: str


class Dossiers:
    """Safe for several threads."""

    def __init__(self, store: Store, envelopes: Envelopes, clocks: Clocks) -> None:
        self._store = store
        self._envelopes = envelopes
        self._clocks = clocks
        self._books = Books(store)

    def book(self) -> OrganBook:
        """The present registry, as dossiers are told with it."""
        return self._books.now()

    def seen(self, message_id: str, scope: Scope) -> MessageRecord | None:
        """A message, when somebody sees it; None when they do not, and when there is none."""
        message = self._store.message(message_id) if message_id else None
        return message if message is not None and _seen(message, self._store.legs_of(message_id), scope) else None

    def of(self, message_id: str, scope: Scope, *, audits: bool = False) -> Dossier | None:
        """A dossier, when somebody sees the message. `audits`: they may know which administrators opened what."""
        message = self._store.message(message_id) if message_id else None
        if message is None:
            return None
        traced = trace_of(self._store, message)
        if not _seen(message, [each.leg for each in traced.legs], scope):
            return None
        whole = scope.everything or scope.sees(message.sender)
        legs = [each for each in traced.legs if whole or _is_theirs(each.leg, scope)]
        attempts = self._store.attempts_of(message_id)
        envelope = self._envelopes.facts_of(message)
        return Dossier(
            message=message,
            whole=whole,
            rows=tuple(
                Row(
                    trace=each,
                    owed=owed(each.leg, message, self._clocks),
                    attempts=tuple(attempt for attempt in attempts if attempt.leg_id == each.leg.id),
                )
                for each in legs
            ),
            events=tuple(_shown(traced.events, {each.leg.id for each in legs}, whole=whole, audits=audits)),
            attempts=tuple(each for each in attempts if whole and not each.leg_id),
            related=tuple(self._related(traced, envelope, scope)),
            envelope=envelope if whole else _without_others(envelope, scope),
            standing=standing_of(message),
            trace_id=traced.trace_id,
        )

    def _related(self, traced: Trace, envelope: EnvelopeFacts, scope: Scope) -> Iterator[Related]:
        met = {traced.message.id}
        for relation, message in islice(self._relations(traced, envelope), MOST_RELATED):
            if message.id in met:
                continue
            met.add(message.id)
            if scope.everything or _seen(message, self._store.legs_of(message.id), scope):
                yield Related(relation=relation, message=message)

    def _relations(self, traced: Trace, envelope: EnvelopeFacts) -> Iterator[tuple[Relation, MessageRecord]]:
        message = traced.message
        first = self._store.message(message.duplicate_of) if message.duplicate_of else None
        if first is not None:
            yield Relation.FIRST, first
        if traced.original is not None:
            yield Relation.ABOUT, traced.original
        yield from ((_relation_of(each), each) for each in traced.related if each.type is MessageType.DOCUMENT)
        named = self._store.find(message.document_id, limit=MOST_RELATED) if message.document_id else ()
        for each in named:
            if each.document_id == message.document_id and each.type is message.type:
                yield Relation.REPETITION if each.duplicate_of == message.id else Relation.SAME_ID, each
        yield from ((Relation.ANSWERS, each) for each in self._answers_to(message))
        if isinstance(envelope.header, Document):
            for reference in envelope.header.response_for:
                for each in self._answered(reference.document_id, reference.code, reference.organ_id):
                    yield Relation.ANSWERED, each
        yield from ((Relation.STATUS, each) for each in traced.related if each.type is MessageType.STATUS)

    def _answers_to(self, message: MessageRecord) -> Iterator[MessageRecord]:
        """The accepted documents that name this one: by DocumentId, or by code and sender where they name no id."""
        if message.type is not MessageType.DOCUMENT or message.state is not MessageState.ACCEPTED:
            return
        for each, said in self._store.answers_naming(
            document_id=message.document_id, code=message.code, limit=MOST_RELATED
        ):
            by_id = bool(said.document_id) and said.document_id == message.document_id
            by_code = not said.document_id and self.book().root_of(said.organ) == message.sender
            if by_id or by_code:
                yield each

    def _answered(self, document_id: str, code: str, organ: str) -> Sequence[MessageRecord]:
        """The accepted documents that a reference names, by DocumentId, else by code and sender."""
        for name in (document_id, code):
            found = [
                each
                for each in (self._store.find(name, limit=20) if name else ())
                if name in (each.document_id, each.code)
                and each.type is MessageType.DOCUMENT
                and each.state is MessageState.ACCEPTED
                and not each.duplicate_of
                and (name == document_id or not organ or each.sender == self.book().root_of(organ))
            ]
            if found:
                return found
        return ()


def _seen(message: MessageRecord, legs: Sequence[Leg], scope: Scope) -> bool:
    if scope.everything or scope.sees(message.sender):
        return True
    return any(_is_theirs(each, scope) for each in legs)


def _is_theirs(leg: Leg, scope: Scope) -> bool:
    return scope.sees(leg.recipient, leg.forwarded_from)


def _relation_of(message: MessageRecord) -> Relation:
    return next((relation for kind, relation in _CHANGES.items() if kind == message.doc_type), Relation.ANSWERS)


def _shown(events: Sequence[Event], legs: set[str], *, whole: bool, audits: bool) -> Iterator[Event]:
    """The events that somebody may know of; for a recipient without what counts or names the others."""
    for each in events:
        if each.name in _AUDITED and not audits:
            continue
        if whole or (each.leg_id in legs and not each.name.startswith("receipt.")):
            yield each
        elif not each.leg_id and each.name in _TOLD_TO_ALL:
            yield replace(each, facts={name: value for name, value in each.facts.items() if name != "recipients"})


def _without_others(envelope: EnvelopeFacts, scope: Scope) -> EnvelopeFacts:
    """The header as a recipient may see it: without the other recipients."""
    if not isinstance(envelope.header, Document):
        return envelope
    header = envelope.header
    mine = tuple(each for each in header.recipients if scope.sees(each.organ_id))
    changes = replace(header.bussiness, bussiness_document_info=None, replacement_info_list=())
    return replace(envelope, header=replace(header, recipients=mine, to_places=(), bussiness=changes))
