"""The agent's word for a document system that cannot sign."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from agents.desk import Desk
from agents.gateway.callers import Caller
from agents.gateway.vouching.equality import difference
from agents.gateway.vouching.markup import markup_of
from agents.gateway.vouching.repairs import Mending, mend
from agents.gateway.vouching.trace_headers import HEADER
from agents.packaging import Package, Refusal, package
from edxml_schemas.findings import Finding, FindingCode, finding
from edxml_schemas.secrecy import DEFAULT_SECRECY
from edxml_schemas.vouched import Repair, Vouched


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEnvelope:
    """An envelope that its own system has signed, and that travels as it came, byte for byte."""

    package: Package


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedEnvelope:
    """An envelope of which the agent has signed or mended a copy that says the same.

    `package` is what travels, `original` what came, `vouched` what the hub is told. All three are kept together.
    """

    package: Package
    original: bytes = field(repr=False)
    vouched: Vouched
    at: datetime


def vouch(content: bytes, *, caller: Caller, desk: Desk, now: datetime) -> VouchedEnvelope | SoundEnvelope | Refusal:
    """What may be sent of what an authenticated document system offers, for an organ that it may speak for.

    A sound signature of the system's own travels untouched. Without one, or with decoration in its place, the agent
    signs for the organ; what no reader would take is mended first (`repairs.RULES`, nothing else). A real signature
    that does not verify is refused, never signed over. Whatever was done, the result is proved to say what came. Lines
    of findings are those of `content`. No effects besides the key; raises UsageFault for a key file that cannot be
    used.
    """
    mendings: list[Mending] = []
    while True:
        mended = mendings[-1].content if mendings else content
        packed = _packed(mended, caller=caller, desk=desk)
        if isinstance(packed, Package):
            break
        faults = tuple(each for each in packed if isinstance(each, Finding))
        mending = mend(mended, faults, without=frozenset(each.repair for each in mendings))
        if mending is None:
            return tuple(_as_offered(each, mendings) if isinstance(each, Finding) else each for each in packed)
        mendings.append(mending)
    repairs = [each.repair for each in mendings]
    if packed.content != mended:
        repairs.append(Repair.SIGNATURE_REPLACED if _has_signature(mended) else Repair.SIGNATURE_ADDED)
    if not repairs:
        return SoundEnvelope(package=packed)
    place = difference(content, packed.content, repairs=repairs)
    if place:
        return (finding(FindingCode.VOUCHING_DIFFERS, place=place),)
    note = Vouched(
        system=caller.system_id,
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        repairs=tuple(each.value for each in repairs),
    )
    return VouchedEnvelope(package=packed, original=content, vouched=note, at=now)


_AGENT: Final = "agent"
_SIGNATURE: Final = (*HEADER, "Signature")


def _packed(content: bytes, *, caller: Caller, desk: Desk) -> Package | Refusal:
    organs = [each.organ_id for each in desk.settings.organs if caller.speaks_for(each.organ_id)]
    secrecy = DEFAULT_SECRECY if desk.settings.refuse_secrets else None
    packed = package(content, keyring=desk.keyring, organs=organs, secrecy=secrecy)
    if isinstance(packed, Package):
        return packed
    return tuple(_named(each, caller) if isinstance(each, Finding) else each for each in packed)


def _has_signature(content: bytes) -> bool:
    """Of any kind, where it belongs. `content` is well-formed."""
    return bool(markup_of(content).at(*_SIGNATURE))


def _named(fault: Finding, caller: Caller) -> Finding:
    """With the name of the document system, where the fault is whom it speaks for."""
    if fault.code is not FindingCode.SENDER_AGENT:
        return fault
    return replace(fault, facts=(*fault.facts, (_AGENT, caller.system_id)))


def _as_offered(fault: Finding, mendings: list[Mending]) -> Finding:
    """With the line that the place has in what was offered."""
    if fault.line is None:
        return fault
    line = fault.line
    for each in reversed(mendings):
        line = each.line_before(line)
    return replace(fault, line=line)
