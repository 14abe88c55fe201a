"""Gathers what a batch of decisions needs to know, in a handful of queries whatever the size of the batch."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.statuses import BussinessDocType
from router.core.ids import leg_id_of
from router.core.lifecycle import said_by_sender
from router.core.records import Leg, MessageRecord
from router.core.registry import Registry
from router.core.routing import present_code
from router.pipeline.facts import CodeKey, Facts
from router.pipeline.passage import Passage
from router.pipeline.references import Reference, document_ids_of, target_of_status, targets_of
from router.ports import Transaction

MOST_NAMED: Final = 20_000
"""A change of so many documents for so many recipients would name more legs than there are: then all are read."""


def look_up(
    tx: Transaction, passages: Sequence[Passage], message_ids: Iterable[str], *, legs_too: Iterable[str] = ()
) -> Facts:
    """The facts for these passages. Legs are read by id, so that a document to thousands costs a status nothing.

    `legs_too` are ids of legs that the transaction moves afterwards: they are locked together with those read here.
    """
    registry = tx.registry()
    contents = {each.signed.content_digest for each in passages if each.signed is not None}
    same_content = tx.messages_with_content(contents) if contents else ()
    envelopes = [each.envelope for each in passages if each.envelope is not None]
    names = {name for each in envelopes for name in document_ids_of(each)}
    documents = tx.documents(names) if names else ()
    by_code = {key: _coded(tx, registry, key) for key in _code_keys(registry, envelopes, documents)}
    legs = _legs(
        tx, registry, envelopes, (*documents, *(each for found in by_code.values() for each in found)), legs_too
    )
    if same_content:
        legs |= {key: list(found) for key, found in tx.legs({each.id for each in same_content}).items()}
    return Facts(
        registry,
        messages=tx.messages(message_ids),
        same_content=same_content,
        documents=documents,
        by_code=by_code,
        legs=legs,
    )


def _code_keys(
    registry: Registry, envelopes: Sequence[Envelope], documents: Sequence[MessageRecord]
) -> Iterator[CodeKey]:
    """What has to be looked for by code, because no document of the right sender has the DocumentId."""
    known = {(each.document_id, present_code(registry, each.sender)) for each in documents}
    asked: set[CodeKey] = set()
    for envelope in envelopes:
        for owner, reference in _references(registry, envelope):
            key = (owner, reference.code, reference.promulgated)
            if owner and reference.code and (reference.document_id, owner) not in known and key not in asked:
                asked.add(key)
                yield key


def _references(registry: Registry, envelope: Envelope) -> Iterator[tuple[str, Reference]]:
    """The documents meant, each with the present code of the body that must have sent it."""
    sender = present_code(registry, envelope.sender.organ_id)
    if isinstance(envelope, Document):
        for reference in targets_of(envelope):
            yield sender, reference
    else:
        addressee = present_code(registry, envelope.response_for.organ_id)
        yield (sender if said_by_sender(envelope.status_code) else addressee), target_of_status(envelope)


def _coded(tx: Transaction, registry: Registry, key: CodeKey) -> Sequence[MessageRecord]:
    owner, code, promulgated = key
    found = {
        each.id: each for name in _codes_of(registry, owner) for each in tx.documents_by_code(name, code, promulgated)
    }
    return tuple(found.values())


def _legs(
    tx: Transaction,
    registry: Registry,
    envelopes: Sequence[Envelope],
    documents: Sequence[MessageRecord],
    legs_too: Iterable[str],
) -> dict[str, list[Leg]]:
    by_id: dict[str, list[MessageRecord]] = {}
    by_code: dict[str, list[MessageRecord]] = {}
    for each in documents:
        by_id.setdefault(each.document_id, []).append(each)
        by_code.setdefault(each.code, []).append(each)
    wanted: list[tuple[str, tuple[str, ...]]] = []
    followed: set[str] = set()
    whole: set[str] = set()
    for envelope in envelopes:
        holders = _holders(registry, envelope)
        if not holders:
            continue
        names = document_ids_of(envelope)
        meant = [each for name in names for each in by_id.get(name, ())]
        meant += [each for _, ref in _references(registry, envelope) if ref.code for each in by_code.get(ref.code, ())]
        messages = {each.id for each in meant} | {each.about for each in meant if each.about}
        if len(messages) * len(holders) > MOST_NAMED:
            whole |= messages
            continue
        wanted += [(message_id, tuple(leg_id_of(message_id, each) for each in holders)) for message_id in messages]
        if isinstance(envelope, Document):
            followed |= messages
    read = {leg_id for _, ids in wanted for leg_id in ids}
    if also := set(legs_too) - read:
        tx.lock_legs(read | also)
    found = dict(tx.legs_by_id(read)) if wanted else {}
    if whole:
        found |= {leg.id: leg for legs in tx.legs(whole).values() for leg in legs}
    # The id of a leg that was forwarded may follow from another organ than the one that is named or holds it.
    followed |= {message_id for message_id, ids in wanted if not any(each in found for each in ids)}
    if followed:
        found |= {leg.id: leg for leg in tx.forwarded_legs(followed)}
    grouped: dict[str, list[Leg]] = {}
    for leg in found.values():
        grouped.setdefault(leg.message_id, []).append(leg)
    return grouped


def _holders(registry: Registry, envelope: Envelope) -> tuple[str, ...]:
    """The organs on whose legs an envelope may have an effect, under their present and former codes."""
    if isinstance(envelope, StatusMessage):
        by_sender = said_by_sender(envelope.status_code)
        holder = envelope.response_for.organ_id if by_sender else envelope.sender.organ_id
        return _codes_of(registry, holder)
    if envelope.bussiness.bussiness_doc_type == BussinessDocType.NEW:
        return ()
    return tuple(code for each in envelope.recipients for code in _codes_of(registry, each.organ_id))


def _codes_of(registry: Registry, code: str) -> tuple[str, ...]:
    organ = registry.organ(code)
    if organ is None:
        return (code,) if code else ()
    return (organ.code, organ.old_code) if organ.old_code else (organ.code,)
