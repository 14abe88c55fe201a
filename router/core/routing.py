"""Who may send, and where each recipient's copy goes: the registry's answers as values and findings."""

from collections.abc import Sequence
from dataclasses import dataclass

from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from router.core.records import Submission
from router.core.registry import OrganRecord, OrganState, Registry


@dataclass(frozen=True, slots=True)
class Hop:
    """Where one recipient's copy goes. `organ` is the present code; `agent` is empty while nobody carries for it."""

    organ: str
    agent: str


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


def route(registry: Registry, recipients: Sequence[str]) -> tuple[tuple[Hop, ...], Findings]:
    """A hop for every recipient that may receive, and a finding for every one that may not or not yet.

    Former codes lead to the present organ. Two codes of one organ are one recipient named twice.
    """
    hops: dict[str, Hop] = {}
    findings: list[Finding] = []
    for code in recipients:
        organ = registry.organ(code)
        if organ is None:
            findings.append(finding(FindingCode.RECIPIENT_UNKNOWN, value=code))
        elif organ.state is OrganState.LOCKED:
            findings.append(finding(FindingCode.RECIPIENT_LOCKED, value=code, reason=organ.reason))
        elif organ.code in hops:
            findings.append(finding(FindingCode.RECIPIENT_REPEATED, value=code, count=2))
        else:
            agent = carrier_of(registry, organ)
            if not agent:
                findings.append(finding(FindingCode.RECIPIENT_NO_AGENT, value=code))
            hops[organ.code] = Hop(organ.code, agent)
    return tuple(hops.values()), tuple(findings)


def carrier_of(registry: Registry, organ: OrganRecord) -> str:
    """The active agent that carries for an organ; empty when there is none."""
    agent = registry.agents.get(organ.agent)
    return agent.name if agent is not None and agent.active else ""
