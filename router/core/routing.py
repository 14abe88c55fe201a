"""Who may send, and where each recipient's copy goes: the registry's answers as values and findings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.reader import VIETNAM_TIME
from edxml_schemas.visible import visible
from router.core.holds import Hold, HoldKind
from router.core.records import Leg, Submission
from router.core.registry import OrganRecord, OrganState, Registry


@dataclass(frozen=True, slots=True)
class Hop:
    """Where one recipient's copy goes. `organ` is the present code of the organ that receives.

    `agent` is empty while it is held: nobody carries for the organ, or its deliveries are kept until `held_until`
    (None: until they are released). `forwarded_from` is the recipient named, when another one receives for it.
    """

    organ: str
    agent: str
    forwarded_from: str = ""
    held_until: datetime | None = None


def speaker_of(submission: Submission) -> str:
    """The agent that really spoke: the broker's word when there is one, else the agent of the routing key.

    A message id follows from the speaker, so that nobody can take the ids of another agent's submissions.
    """
    return submission.user_id if submission.user_id is not None else submission.agent


def identity_faults(registry: Registry, submission: Submission, *, require_user_id: bool) -> Findings:
    """Is the speaker who the routing key says, and an agent that is known and active?"""
    speaker = speaker_of(submission)
    if submission.user_id is None and require_user_id:
        return (finding(FindingCode.TRANSPORT_IDENTITY, value=submission.agent, agent=""),)
    agent = registry.agents.get(speaker)
    if speaker != submission.agent or agent is None or not agent.active:
        return (finding(FindingCode.TRANSPORT_IDENTITY, value=submission.agent, agent=speaker),)
    return ()


def present_code(registry: Registry, code: str) -> str:
    """The present code of an organ, the code itself when the registry does not know it."""
    organ = registry.organ(code)
    return organ.code if organ is not None else code


def sender_faults(registry: Registry, sender: str, *, agent: str, fingerprint: str) -> Findings:
    """What forbids this agent to send for this organ with this certificate. An empty fingerprint is not judged."""
    organ = registry.organ(sender)
    if organ is None:
        return (finding(FindingCode.SENDER_UNKNOWN, value=sender),)
    faults: list[Finding] = []
    if organ.state is OrganState.LOCKED:
        faults.append(finding(FindingCode.SENDER_LOCKED, value=sender, reason=organ.reason))
    if organ.agent != agent:
        faults.append(finding(FindingCode.SENDER_AGENT, value=sender, agent=agent))
    if fingerprint and not registry.may_sign(organ.code, fingerprint):
        faults.append(finding(FindingCode.SENDER_CERTIFICATE, value=sender, fingerprint=fingerprint))
    return tuple(faults)


def route(registry: Registry, recipients: Sequence[str], *, now: datetime) -> tuple[tuple[Hop, ...], Findings]:
    """A hop for every organ that receives, and a finding for every recipient that may not, not yet, or not itself.

    Former codes lead to the present organ. Two codes of one organ are one recipient named twice. Several recipients
    whose copies go to the same organ are one hop: nobody gets a document twice.
    """
    hops: dict[str, Hop] = {}
    named: set[str] = set()
    findings: list[Finding] = []
    for code in recipients:
        organ = registry.organ(code)
        if organ is None:
            findings.append(finding(FindingCode.RECIPIENT_UNKNOWN, value=code))
        elif organ.state is OrganState.LOCKED:
            findings.append(finding(FindingCode.RECIPIENT_LOCKED, value=code, reason=organ.reason))
        elif organ.code in named:
            findings.append(finding(FindingCode.RECIPIENT_REPEATED, value=code, count=2))
        else:
            named.add(organ.code)
            hop = hop_to(registry, organ, now=now) if registry.holds else Hop(organ.code, carrier_of(registry, organ))
            if not hop.agent or hop.forwarded_from:
                findings += _remarks(registry, code, organ, hop, now=now)
            there = hops.get(hop.organ)
            if there is None:
                hops[hop.organ] = hop
            elif not there.forwarded_from:
                hops[hop.organ] = replace(there, forwarded_from=hop.forwarded_from)
    return tuple(hops.values()), tuple(findings)


def hop_to(registry: Registry, organ: OrganRecord, *, now: datetime) -> Hop:
    """Where a copy for an organ goes at this time, as the arrangement for its deliveries says.

    A forward is followed once, so it never goes in a circle. One that leads to an organ which is not there any more or
    is locked holds what it should have carried.
    """
    arranged = arrangement(registry, organ, now=now)
    if arranged is None:
        return Hop(organ.code, carrier_of(registry, organ))
    target = registry.organ(arranged.to) if arranged.kind is HoldKind.FORWARD else None
    if target is None or target.state is not OrganState.ACTIVE or target.code == organ.code:
        return Hop(organ.code, "", held_until=arranged.until)
    onward = arrangement(registry, target, now=now)
    if onward is not None and onward.kind is HoldKind.HOLD:
        return Hop(target.code, "", forwarded_from=organ.code, held_until=onward.until)
    return Hop(target.code, carrier_of(registry, target), forwarded_from=organ.code)


def reach_of(registry: Registry, codes: Iterable[str], *, now: datetime) -> frozenset[str]:
    """The organs that are meant by these codes: each itself (present code), and who receives for it now."""
    meant: set[str] = set()
    for code in codes:
        organ = registry.organ(code)
        meant.add(organ.code if organ is not None else code)
        if organ is not None:
            meant.add(hop_to(registry, organ, now=now).organ)
    return frozenset(meant)


def hop_after(registry: Registry, leg: Leg, *, now: datetime) -> Hop:
    """Where something goes that is for whoever holds a leg that was forwarded; held while that organ is locked."""
    organ = registry.organ(leg.recipient)
    if organ is None or organ.state is not OrganState.ACTIVE:
        return Hop(leg.recipient, "", forwarded_from=leg.forwarded_from)
    return replace(hop_to(registry, organ, now=now), forwarded_from=leg.forwarded_from)


def agent_now(registry: Registry, leg: Leg, *, now: datetime) -> str:
    """The agent that a leg can go to as it stands; empty while it is held, or has to be forwarded first."""
    organ = registry.organ(leg.recipient)
    if organ is None or organ.state is not OrganState.ACTIVE:
        return ""
    hop = hop_to(registry, organ, now=now)
    return "" if hop.forwarded_from else hop.agent


def held_look(hop: Hop, *, now: datetime, every: timedelta) -> datetime:
    """When a held leg is looked at again: as often as all of them are, and at the moment at which its hold ends."""
    look_at = now + every
    return look_at if hop.held_until is None else min(look_at, max(hop.held_until, now))


def arrangement(registry: Registry, organ: OrganRecord, *, now: datetime) -> Hold | None:
    """The arrangement for an organ's deliveries that is in force; None when they go their usual way."""
    hold = hold_of(registry, organ) if registry.holds else None
    return hold if hold is not None and hold.counts(now) else None


def hold_of(registry: Registry, organ: OrganRecord) -> Hold | None:
    """What was arranged for an organ, in force or not. It may have been arranged before the organ got its code."""
    return registry.holds.get(organ.code) or (registry.holds.get(organ.old_code) if organ.old_code else None)


def carrier_of(registry: Registry, organ: OrganRecord) -> str:
    """The active agent that carries for an organ; empty when there is none."""
    agent = registry.agents.get(organ.agent)
    return agent.name if agent is not None and agent.active else ""


def _remarks(registry: Registry, code: str, organ: OrganRecord, hop: Hop, *, now: datetime) -> list[Finding]:
    """What a sender is told of a recipient that does not simply receive."""
    told: list[Finding] = []
    arranged = arrangement(registry, organ, now=now)
    if hop.forwarded_from and arranged is not None:
        told.append(_remark(FindingCode.RECIPIENT_FORWARDED, code, arranged, (("to", hop.organ),)))
        code, target = hop.organ, registry.organ(hop.organ)
        onward = arrangement(registry, target, now=now) if target is not None else None
        arranged = onward if onward is not None and onward.kind is HoldKind.HOLD else None
    if not hop.agent and arranged is not None:
        told.append(_remark(FindingCode.RECIPIENT_HELD, code, arranged))
    elif not hop.agent:
        told.append(finding(FindingCode.RECIPIENT_NO_AGENT, value=code))
    return told


def _remark(code: FindingCode, value: str, hold: Hold, facts: tuple[tuple[str, str], ...] = ()) -> Finding:
    """A finding with what an arrangement says, in Vietnam time; what it does not say is left out."""
    until = hold.until.astimezone(VIETNAM_TIME).isoformat(timespec="minutes") if hold.until is not None else ""
    stated = (*facts, ("until", until), ("reason", visible(hold.reason)))
    return replace(finding(code, value=value), facts=tuple(each for each in stated if each[1]))
