"""Trace ids of messages, with what has to be read for them: a status has that of the document which it is about."""

from collections.abc import Iterable, Mapping
from typing import Final

from router.core.records import MessageRecord
from router.core.traces import only_one_meant, speaks_of_another, trace_of
from router.ports import Store, StoreUnavailable, Transaction

MOST_NAMED: Final = 100
"""Messages under one DocumentId that are looked at for a status that was refused."""


def originals_of(tx: Transaction, messages: Iterable[MessageRecord]) -> Mapping[str, MessageRecord]:
    """By message id, the documents that statuses are about. Nothing is asked of the store without statuses."""
    statuses = [each for each in messages if speaks_of_another(each)]
    repeated = {each.duplicate_of for each in statuses if each.duplicate_of}
    firsts = tx.decided_messages(repeated) if repeated else {}
    about = {each.id: firsts.get(each.duplicate_of, each).about for each in statuses}
    wanted = set(about.values()) - {""}
    documents = tx.decided_messages(wanted) if wanted else {}
    return {each: documents[name] for each, name in about.items() if name in documents}


def traces_of(tx: Transaction, messages: Iterable[MessageRecord]) -> Mapping[str, str]:
    """Trace ids by message id."""
    known = tuple(messages)
    originals = originals_of(tx, known)
    return {each.id: trace_of(each, originals.get(each.id)) for each in known}


def original_in(store: Store, message: MessageRecord) -> MessageRecord | None:
    """The document that a message is about, None when there is none. A refused status is about the one document that
    has its DocumentId."""
    first = store.message(message.duplicate_of) if speaks_of_another(message) and message.duplicate_of else None
    about = (first or message).about
    if about:
        return store.message(about)
    if speaks_of_another(message) and message.document_id:
        return only_one_meant(message, store.find(message.document_id, limit=MOST_NAMED))
    return None


def trace_in(store: Store, message: MessageRecord) -> str:
    """The trace id of one message."""
    return trace_of(message, original_in(store, message) if speaks_of_another(message) else None)


def known_traces(store: Store, message_ids: Iterable[str]) -> Mapping[str, str]:
    """Trace ids by message id, as far as they can be had now; for who only has something to say about messages."""
    try:
        found = [message for each in set(message_ids) if (message := store.message(each)) is not None]
        return {each.id: trace_in(store, each) for each in found}
    except StoreUnavailable:
        return {}
