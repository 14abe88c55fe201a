"""What a sound envelope asks for: where its copies go, and what it makes of the documents it speaks of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from edxml_schemas.contract import Urgency, urgency_of
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.model import Document, StatusMessage
from router.core import lifecycle
from router.core.document_rules import DOCUMENT_RULES
from router.core.records import Leg, MessageRecord, RecallState
from router.core.routing import Hop, hop_after, present_code, reach_of, route
from router.pipeline.facts import Facts
from router.pipeline.references import Reference, own_id, target_of_status, targets_of

Pair = tuple[MessageRecord, Leg]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens if nothing speaks against it. `moves` are legs of earlier documents, in their new state.

    `touched` are the legs that a status speaks of, moved or not, in their new state.
    """

    urgency: Urgency
    hops: tuple[Hop, ...] = ()
    about: str = ""
    moves: tuple[Leg, ...] = ()
    touched: tuple[Leg, ...] = ()
    findings: Findings = ()


def plan_document(document: Document, facts: Facts, *, sender: str, now: datetime) -> Plan:
    """The plan of a document; `sender` is the present code of From/OrganId.

    A change of a document that was forwarded follows it: it goes to whoever has the document, too.
    """
    named = [each.organ_id for each in document.recipients]
    hops, found = route(facts.registry, named, now=now)
    urgency = urgency_of(document.other_info.priority)
    if not DOCUMENT_RULES[document.bussiness.bussiness_doc_type].asks:
        if _sent_by(facts, facts.documents_named(document.document_id), sender):
            found = (*found, finding(FindingCode.DOCUMENT_ID_CONFLICT, value=document.document_id))
        return Plan(urgency=urgency, hops=hops, findings=found)
    originals, faults = _originals(document, facts, sender)
    reached = reach_of(facts.registry, named, now=now)
    moves: dict[str, Leg] = {}
    by_organ = {hop.organ: hop for hop in hops}
    for reference, message in originals:
        meant = (reach_of(facts.registry, reference.receivers, now=now) or reached) & reached
        for leg in facts.legs_of(message.id):
            holders = {present_code(facts.registry, each) for each in (leg.recipient, leg.forwarded_from) if each}
            if meant & holders:
                if leg.forwarded_from:
                    after = hop_after(facts.registry, leg, now=now)
                    by_organ.setdefault(after.organ, after)
                asked = lifecycle.ask_or_answer(leg, RecallState.REQUESTED)
                if asked is not leg:
                    moves[leg.id] = replace(asked, version=facts.next_version(leg))
    return Plan(
        urgency=urgency,
        hops=tuple(by_organ.values()),
        about=originals[0][1].id if originals else "",
        moves=tuple(moves.values()),
        findings=(*found, *faults),
    )


def plan_status(status: StatusMessage, facts: Facts, *, sender: str, now: datetime) -> Plan:
    """The plan of a status; `sender` is the present code of From/OrganId.

    A DocumentId that a document shares with its updates means all of them: the status goes to every such leg on which
    it is legal, and is refused when it is legal on none.
    """
    code, named_organ = status.status_code, status.response_for.organ_id
    by_sender = lifecycle.said_by_sender(code)
    addressee = present_code(facts.registry, named_organ)
    owner, holder = (sender, addressee) if by_sender else (addressee, sender)
    documents, faults = _documents_meant(target_of_status(status), facts, owner=owner, speaker=sender)
    findings = [*lifecycle.message_faults(code, status.description), *faults]
    if not named_organ and documents and not by_sender:
        addressee = named_organ = documents[0].sender
    hops, routed = route(facts.registry, [named_organ], now=now)
    findings += routed
    urgency = max((urgency_of(each.priority) for each in documents), key=_overtakes, default=Urgency.NORMAL)
    if faults or lifecycle.rule_of(code) is None:
        return Plan(urgency=urgency, hops=hops, findings=tuple(findings))
    receives = hops[0].organ if by_sender and hops else ""
    pairs = [(each, leg) for each in documents if (leg := _leg_meant(facts, each.id, holder, receives)) is not None]
    legal, illegal = _judged(pairs, status, speaker=sender)
    if by_sender and legal and legal[0][1].forwarded_from and hops:
        hops = (hop_after(facts.registry, legal[0][1], now=now),)
    if not pairs:
        meant = str(target_of_status(status))
        findings.append(finding(FindingCode.STATUS_NOT_RECIPIENT, value=meant, sender=holder))
    elif not legal:
        findings += illegal
    touched: dict[str, Leg] = {}
    moves: dict[str, Leg] = {}
    for leg in _legs_moved(legal, facts, code, holder):
        folded = lifecycle.fold(leg, code, at=now, reason=status.description)
        touched[leg.id] = folded
        if folded is not leg:
            touched[leg.id] = moves[leg.id] = replace(folded, version=facts.next_version(leg))
    return Plan(
        urgency=urgency,
        hops=hops,
        about=documents[0].id if documents else "",
        moves=tuple(moves.values()),
        touched=tuple(touched.values()),
        findings=tuple(findings),
    )


def _leg_meant(facts: Facts, message_id: str, holder: str, receives: str) -> Leg | None:
    """The leg of who holds a document; what a sender says to an organ may go to the one that receives for it."""
    if not receives:
        return facts.leg_to(message_id, holder)
    return facts.leg_named(message_id, holder) or facts.leg_to(message_id, receives)


def _originals(document: Document, facts: Facts, sender: str) -> tuple[list[tuple[Reference, MessageRecord]], Findings]:
    """The documents that a revocation, update or replacement is about, all sent by this sender."""
    stated = targets_of(document)
    found: list[tuple[Reference, MessageRecord]] = []
    faults: list[Finding] = []
    for reference in stated or (own_id(document),):
        named = facts.documents_named(reference.document_id) or facts.documents_coded(
            sender, reference.code, reference.promulgated
        )
        owned = _sent_by(facts, named, sender)
        found += [(reference, each) for each in owned]
        if owned:
            continue
        if named:
            owner = named[0].sender
            faults.append(finding(FindingCode.DOCUMENT_NOT_OWNER, value=str(reference), sender=sender, owner=owner))
        elif stated:
            faults.append(finding(FindingCode.DOCUMENT_UNKNOWN_ORIGINAL, value=str(reference)))
        else:
            kind = int(document.bussiness.bussiness_doc_type)
            faults.append(finding(FindingCode.DOCUMENT_NAMES_NOTHING, value=document.document_id, kind=kind))
    return found, tuple(faults)


def _documents_meant(
    reference: Reference, facts: Facts, *, owner: str, speaker: str
) -> tuple[Sequence[MessageRecord], Findings]:
    """The documents that a status is about, sent by `owner` (anybody, when the status names no addressee)."""
    named = facts.documents_named(reference.document_id)
    owned = _sent_by(facts, named, owner) if owner else named
    if not owned and reference.code and owner:
        owned = facts.documents_coded(owner, reference.code, reference.promulgated)
    if owned:
        return owned, ()
    if named and owner == speaker:
        return (), (finding(FindingCode.STATUS_NOT_SENDER, value=str(reference), sender=speaker),)
    if _sent_by(facts, named, speaker):
        return (), (finding(FindingCode.STATUS_NOT_RECIPIENT, value=str(reference), sender=speaker),)
    return (), (finding(FindingCode.DOCUMENT_UNKNOWN_ORIGINAL, value=str(reference)),)


def _judged(pairs: Iterable[Pair], status: StatusMessage, *, speaker: str) -> tuple[list[Pair], Findings]:
    """The pairs on which a status is legal, and why it is not on the latest of the others.

    The pairs were chosen by present codes, so a recipient that speaks is the leg's recipient whatever its code was.
    """
    by_sender = lifecycle.said_by_sender(status.status_code)
    legal: list[Pair] = []
    illegal: Findings = ()
    for message, leg in pairs:
        faults = lifecycle.leg_faults(
            leg,
            status.status_code,
            speaker=speaker if by_sender else leg.recipient,
            sender=speaker if by_sender else message.sender,
            document_id=message.document_id,
            asked=DOCUMENT_RULES[message.doc_type].asks,
        )
        if faults:
            illegal = faults
        else:
            legal.append((message, leg))
    return legal, illegal


def _legs_moved(pairs: Iterable[Pair], facts: Facts, code: str, holder: str) -> Iterable[Leg]:
    """The legs of pairs; for an answer to a change, the leg of the changed document, too, if that was asked about."""
    rule = lifecycle.rule_of(code)
    for message, leg in pairs:
        yield leg
        original = facts.leg_to(message.about, holder) if rule is not None and rule.answers else None
        if original is not None and original.recall is not RecallState.NONE:
            yield original


def _sent_by(facts: Facts, messages: Iterable[MessageRecord], sender: str) -> list[MessageRecord]:
    return [each for each in messages if present_code(facts.registry, each.sender) == sender]


def _overtakes(urgency: Urgency) -> int:
    return 1 if urgency is Urgency.URGENT else 0
