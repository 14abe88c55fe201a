"""The verdict on one submission, and everything that follows from it, as changes to be written in one transaction.

All or nothing: one recipient that cannot be addressed refuses the whole document, and the sender learns of every
fault at once, mends them together and sends again. Half a delivery would leave it guessing who has the document.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from edxml_schemas.findings import Findings, codes
from edxml_schemas.model import Document, StatusMessage
from router.core.deadlines import first_look, moved_on
from router.core.events import EventName
from router.core.ids import leg_id_of
from router.core.lifecycle import Track, rule_of
from router.core.policy import Policy
from router.core.proof import message_digest, status_digest
from router.core.records import (
    Answer,
    Event,
    Leg,
    LegState,
    MessageRecord,
    MoveLeg,
    OutboxItem,
    PutLeg,
    RecallState,
    StatusRecord,
)
from router.core.routing import (
    agent_now,
    held_look,
    identity_faults,
    present_code,
    sender_faults,
    speaker_of,
)
from router.core.traces import trace_of
from router.core.verdict import Verdict, verdict_of
from router.pipeline.facts import Facts
from router.pipeline.outbox import delivery_of, once_more, receipt_of, unparked
from router.pipeline.outcome import Outcome, duplicate_note, record_of
from router.pipeline.passage import Passage
from router.pipeline.plan import Plan, plan_document, plan_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to write. `legs` are new legs and moved ones; `held` are outbox items that nobody publishes yet."""

    message: MessageRecord
    legs: tuple[PutLeg | MoveLeg, ...] = ()
    statuses: tuple[StatusRecord, ...] = ()
    events: tuple[Event, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()
    held: tuple[OutboxItem, ...] = ()
    answers: tuple[Answer, ...] = ()
    trace: str = ""
    """The trace id of the message."""


def decide(
    passage: Passage,
    facts: Facts,
    policy: Policy,
    *,
    message_id: str,
    now: datetime,
    payload: str = "",
    attempt: int = 1,
) -> Decision:
    """The decision on an examined passage. Pure; `payload` says where its bytes are, `attempt` counts from 1."""
    registry, submission = facts.registry, passage.submission
    speaker = speaker_of(submission)
    identity = identity_faults(registry, submission, require_user_id=policy.require_user_id)
    findings: Findings = (*identity, *passage.findings)
    sender, plan, first = "", None, None
    envelope, signed = passage.envelope, passage.signed
    if envelope is not None:
        fingerprint = signed.fingerprint if signed is not None else ""
        said_by = envelope.sender.organ_id
        sender = present_code(registry, said_by)
        findings += sender_faults(registry, said_by, agent=speaker, fingerprint=fingerprint)
        first = first_of(passage, facts)
        if first is not None:
            findings += duplicate_note(first)
        elif isinstance(envelope, StatusMessage):
            plan = plan_status(envelope, facts, sender=sender, now=now)
            findings += plan.findings
        else:
            plan = plan_document(envelope, facts, sender=sender, now=now)
            findings += plan.findings
    # Content that was accepted once asks nothing anew: see `verdict_of`.
    open_questions = passage.open_questions if first is None else ()
    if open_questions and now - submission.received_at >= policy.defer_for:
        findings, open_questions = findings + open_questions, ()
    verdict = verdict_of(findings, open_questions=open_questions, duplicate=first is not None)
    if envelope is None and verdict is not Verdict.REFUSE:
        raise AssertionError("an envelope that cannot be read has a finding that says why")
    outcome = Outcome(
        id=message_id,
        verdict=verdict,
        agent=speaker,
        sender=sender,
        findings=(findings + open_questions)[: policy.limits.findings],
        payload=payload,
        attempt=attempt,
        duplicate_of=first.id if first is not None and verdict is Verdict.DUPLICATE else "",
        retry_at=now + policy.retry_after(attempt) if verdict is Verdict.DEFER else None,
        about=plan.about if plan is not None and verdict is Verdict.ACCEPT else "",
        urgency=plan.urgency if plan is not None else submission.urgency,
    )
    message = record_of(passage, outcome, now=now)
    about = plan.about if plan is not None else first.about if first is not None else ""
    trace = trace_of(message, facts.message(about))
    if verdict is Verdict.ACCEPT and plan is not None:
        return _accepted(message, passage, plan, facts, policy, now=now, trace=trace)
    if verdict is Verdict.DEFER:
        facts_of = {"retry_at": message.retry_at.isoformat() if message.retry_at else "", "attempt": str(attempt)}
        return Decision(message=message, events=(_event(EventName.MESSAGE_DEFERRED, message, **facts_of),), trace=trace)
    # Nobody whom the hub does not know has an inbox.
    known = speaker in registry.agents
    if first is not None and verdict is Verdict.DUPLICATE:
        return _repeated(message, first, facts, policy, now=now, trace=trace)
    outbox = (receipt_of(message, (), now=now, lease_for=policy.lease_for, trace=trace),) if known else ()
    return Decision(message=message, events=(_event(EventName.MESSAGE_REFUSED, message),), outbox=outbox, trace=trace)


def first_of(passage: Passage, facts: Facts) -> MessageRecord | None:
    """The accepted message whose signed content this sender sends once more; None when it is new."""
    if passage.envelope is None or passage.signed is None:
        return None
    sender = present_code(facts.registry, passage.envelope.sender.organ_id)
    return facts.first_with_content(passage.signed.content_digest, sender)


def _repeated(
    message: MessageRecord, first: MessageRecord, facts: Facts, policy: Policy, *, now: datetime, trace: str
) -> Decision:
    """Nobody gets a document twice, but a resend after a failed delivery is wanted: parked legs set out once more."""
    legs = facts.legs_of(first.id)
    parked = [
        replace(leg, agent=agent_now(facts.registry, leg, now=now)) for leg in legs if leg.state is LegState.PARKED
    ]
    moved = [unparked(leg, version=facts.next_version(leg), now=now) for leg in parked]
    events = [_event(EventName.MESSAGE_DUPLICATE, message, first=first.id)]
    outbox: list[OutboxItem] = []
    held: list[OutboxItem] = []
    for leg in moved:
        name = EventName.LEG_QUEUED if leg.agent else EventName.LEG_HELD
        events.append(_leg_event(name, message, leg, recipient=leg.recipient, agent=leg.agent))
        wait = policy.lease_for if leg.agent else policy.held_check
        (outbox if leg.agent else held).append(once_more(first, leg, now=now, leased_until=now + wait))
    outbox.append(receipt_of(message, legs, now=now, lease_for=policy.lease_for, trace=trace))
    return Decision(
        message=message,
        legs=tuple(map(MoveLeg, moved)),
        events=tuple(events),
        outbox=tuple(outbox),
        held=tuple(held),
        trace=trace,
    )


def _accepted(
    message: MessageRecord, passage: Passage, plan: Plan, facts: Facts, policy: Policy, *, now: datetime, trace: str
) -> Decision:
    legs: list[Leg] = []
    outbox: list[OutboxItem] = []
    held: list[OutboxItem] = []
    events = [_event(EventName.MESSAGE_ACCEPTED, message, recipients=str(len(plan.hops)), **_paper_of(passage))]
    claim = passage.submission.body is None
    look_at = first_look(message, policy.clocks, now=now) if plan.hops else None
    for ordinal, hop in enumerate(plan.hops):
        leg = Leg(
            id=leg_id_of(message.id, hop.organ),
            message_id=message.id,
            ordinal=ordinal,
            recipient=hop.organ,
            agent=hop.agent,
            state=LegState.QUEUED if hop.agent else LegState.HELD,
            urgency=message.urgency,
            created_at=now,
            forwarded_from=hop.forwarded_from,
            look_at=look_at,
        )
        legs.append(leg)
        if hop.forwarded_from:
            forwarded = {"recipient": hop.organ, "forwarded_from": hop.forwarded_from}
            events.append(_leg_event(EventName.LEG_FORWARDED, message, leg, **forwarded))
        name = EventName.LEG_QUEUED if hop.agent else EventName.LEG_HELD
        events.append(_leg_event(name, message, leg, recipient=hop.organ, agent=hop.agent))
        until = now + policy.lease_for if hop.agent else held_look(hop, now=now, every=policy.held_check)
        item = delivery_of(message, leg, claim=claim, now=now, leased_until=until)
        (outbox if hop.agent else held).append(item)
    outbox.append(receipt_of(message, legs, now=now, lease_for=policy.lease_for, trace=trace))
    statuses = tuple(_statuses(message, plan, passage, now=now))
    events.extend(_told(message, plan, passage, statuses))
    return Decision(
        message=message,
        legs=(*map(PutLeg, legs), *(MoveLeg(_watched(each, facts, policy, now=now)) for each in plan.moves)),
        statuses=statuses,
        events=tuple(events),
        outbox=tuple(outbox),
        held=tuple(held),
        answers=tuple(_answers(message, passage)),
        trace=trace,
    )


def _answers(message: MessageRecord, passage: Passage) -> Iterator[Answer]:
    """What a new document answers; what a change is about stands in its record."""
    if not isinstance(passage.envelope, Document) or message.about:
        return
    for place, each in enumerate(passage.envelope.response_for):
        if each.document_id or each.code:
            yield Answer(
                message_id=message.id, place=place, document_id=each.document_id, code=each.code, organ=each.organ_id
            )


def _paper_of(passage: Passage) -> Mapping[str, str]:
    """Whether a paper copy follows a document: it does not unless stated (Decision 28/2018/QĐ-TTg)."""
    if not isinstance(passage.envelope, Document):
        return {}
    return {"paper": "1" if passage.envelope.bussiness.paper == 1 else "0"}


def _watched(leg: Leg, facts: Facts, policy: Policy, *, now: datetime) -> Leg:
    """A moved leg with its next look. One whose document this batch has not read is looked at by the chore, soon."""
    document = facts.message(leg.message_id)
    if leg.recall is not RecallState.NONE and leg.recall_at is None:
        leg = replace(leg, recall_at=now)  # at the time of the event, whoever looks at the leg later
    return replace(leg, look_at=now) if document is None else moved_on(leg, document, policy.clocks, now=now)


def _statuses(message: MessageRecord, plan: Plan, passage: Passage, *, now: datetime) -> Iterator[StatusRecord]:
    status = passage.envelope
    if not isinstance(status, StatusMessage):
        return
    staff = status.staff_info.staff if status.staff_info is not None else ""
    for leg in plan.touched:
        yield StatusRecord(
            message_id=message.id,
            leg_id=leg.id,
            code=status.status_code,
            sender=message.sender,
            said_at=status.timestamp,
            accepted_at=now,
            description=status.description,
            staff=staff,
        )


def _told(message: MessageRecord, plan: Plan, passage: Passage, statuses: tuple[StatusRecord, ...]) -> Iterator[Event]:
    """What an accepted message means for the history of the documents it speaks of."""
    records = {each.leg_id: status_digest(each) for each in statuses}
    told = plan.moves if isinstance(passage.envelope, Document) else plan.touched
    rule = rule_of(message.status_code)
    for leg in told:
        facts = {"sender": message.sender, "by": message.id}
        if rule is not None and rule.track is Track.HANDLING:
            name, facts = EventName.LEG_STATUS, {**facts, "code": message.status_code, "stands": leg.status}
        else:
            name, facts = EventName.LEG_RECALL, {**facts, "code": message.status_code, "state": leg.recall.value}
        if leg.id in records:
            facts["record"] = records[leg.id]
        yield Event(
            name=name.value,
            at=message.decided_at,
            message_id=leg.message_id,
            leg_id=leg.id,
            actor=message.agent,
            facts=facts,
        )


def _event(name: EventName, message: MessageRecord, **facts: str) -> Event:
    facts["digest"] = message.digest
    facts["record"] = message_digest(message)
    if message.findings:
        facts["codes"] = ", ".join(code.value for code in codes(message.findings))
    return Event(name=name.value, at=message.decided_at, message_id=message.id, actor=message.agent, facts=facts)


def _leg_event(name: EventName, message: MessageRecord, leg: Leg, **facts: str) -> Event:
    return Event(
        name=name.value,
        at=message.decided_at,
        message_id=leg.message_id,
        leg_id=leg.id,
        actor=message.agent,
        facts=facts,
    )
