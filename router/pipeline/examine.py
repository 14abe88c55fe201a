"""What can be said of an envelope by itself: a tuple of named stages over the evidence of one examination.

Every stage adds findings or evidence and none takes anything away; the frozen `Passage` is made of it at the end. A
stage runs whenever what it needs is there, so that schema faults, signature faults and attachment faults are named
together; only bytes that are no tree stop the rest. The bytes are parsed once, and the costly work runs on libxml2
and OpenSSL.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from edxml_schemas import attachments, codec, schemas
from edxml_schemas.contract import Header, MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.limits import Limits
from edxml_schemas.model import Document, Envelope
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from edxml_schemas.trust import Trust, TrustChecker, TrustValue
from router.core.records import Submission
from router.pipeline.passage import Passage

SUBMISSION_ID_CHARS: Final = 200
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the stages judge with. `trust` remembers good answers; `judged_at` is when this attempt is made."""

    limits: Limits
    trust: TrustChecker
    judged_at: datetime


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What is known so far; lives for one examination. The fields are those of `Passage`."""

    submission: Submission
    body: bytes | None
    digest: str = ""
    parsed: Parsed | None = None
    schema_valid: bool = False
    signed: Signed | None = None
    trust: Trust | None = None
    envelope: Envelope | None = None
    findings: list[Finding] = field(default_factory=list)
    open_questions: Findings = ()


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    run: Callable[[Evidence, Means], None]


def examine(passage: Passage, means: Means) -> Passage:
    """The passage after all stages. Pure in bytes, material and time; never raises for bad input."""
    evidence = Evidence(submission=passage.submission, body=passage.body)
    for stage in STAGES:
        stage.run(evidence, means)
    return Passage(
        submission=passage.submission,
        body=passage.body,
        digest=evidence.digest,
        payload=passage.payload,
        parsed=evidence.parsed,
        schema_valid=evidence.schema_valid,
        signed=evidence.signed,
        trust=evidence.trust,
        envelope=evidence.envelope,
        findings=(*passage.findings, *evidence.findings),
        open_questions=evidence.open_questions,
    )


def transport(evidence: Evidence, means: Means) -> None:
    """Are the bytes those that the sender spoke of?"""
    submission, body = evidence.submission, evidence.body
    if body is not None and len(body) > means.limits.envelope_bytes:
        return  # not worth a digest; the parser says what is wrong
    faults = evidence.findings
    if not 0 < len(submission.submission_id) <= SUBMISSION_ID_CHARS:
        faults.append(_header("message_id", submission.submission_id))
    if not DIGEST.fullmatch(submission.digest):
        faults.append(_header(Header.DIGEST.value, submission.digest))
    if body is None:
        faults.append(finding(FindingCode.TRANSPORT_CLAIM, value=submission.digest))
        return
    evidence.digest = hashlib.sha256(body).hexdigest()
    if evidence.digest != submission.digest and not faults:
        faults.append(finding(FindingCode.TRANSPORT_DIGEST, stated=submission.digest, computed=evidence.digest))
    if submission.size != len(body):
        faults.append(_header(Header.SIZE.value, str(submission.size)))


def structure(evidence: Evidence, means: Means) -> None:
    """Is it XML within limits, and an EDXML envelope?"""
    if evidence.body is None:
        return
    parsed = parse(evidence.body, means.limits)
    if not isinstance(parsed, Parsed):
        evidence.findings += parsed
        return
    evidence.parsed = parsed
    faults = schemas.check(parsed.root, means.limits)
    evidence.schema_valid = not faults
    if faults:
        evidence.findings += (*faults, *_kind_faults(evidence, schemas.kind_of(parsed.root)))


def signature(evidence: Evidence, means: Means) -> None:  # noqa: ARG001  every stage has the same shape
    """Is what was signed what is here? From here on only the signed tree is read."""
    if evidence.parsed is None:
        return
    signed = check_integrity(evidence.parsed)
    if isinstance(signed, Signed):
        evidence.signed = signed
    else:
        evidence.findings += signed


def trust(evidence: Evidence, means: Means) -> None:
    """May that key sign? Judged at the time of receipt.

    A later attempt that still cannot say so asks for its own time, too: a revocation list that was issued after the
    receipt says nothing about the moment of receipt, and would leave the question open for ever.
    """
    signed = evidence.signed
    if signed is None:
        return
    received_at = evidence.submission.received_at
    answer = means.trust.check(signed.certificate, at=received_at, chain=signed.chain)
    if answer.value is TrustValue.UNKNOWN and means.judged_at > received_at:
        answer = means.trust.check(signed.certificate, at=means.judged_at, chain=signed.chain)
    evidence.trust = answer
    if answer.value is TrustValue.UNKNOWN:
        evidence.open_questions = answer.findings
    else:
        evidence.findings += answer.findings


def reading(evidence: Evidence, means: Means) -> None:
    """What the envelope says, from the signed tree; and whether its attachments are what they say they are."""
    if evidence.parsed is None or not evidence.schema_valid:
        return
    root = evidence.signed.root if evidence.signed is not None else evidence.parsed.root
    envelope = evidence.envelope = codec.read(root)
    evidence.findings += codec.read_findings(envelope, root)
    if isinstance(envelope, Document):
        evidence.findings += attachments.check(envelope.attachments, envelope.manifest, means.limits)
    evidence.findings += _kind_faults(evidence, _kind(envelope))


STAGES: Final = (
    Stage("transport", transport),
    Stage("structure", structure),
    Stage("signature", signature),
    Stage("trust", trust),
    Stage("reading", reading),
)
"""In this order. Addressing, policy and lifecycle need the hub's memory and follow in `decide.py`."""


def _kind(envelope: Envelope) -> MessageType:
    return MessageType.DOCUMENT if isinstance(envelope, Document) else MessageType.STATUS


def _kind_faults(evidence: Evidence, kind: MessageType | None) -> Findings:
    if kind is None or kind is evidence.submission.type:
        return ()
    return (_header("type", evidence.submission.type.value),)


def _header(name: str, value: str) -> Finding:
    return finding(FindingCode.TRANSPORT_HEADERS, value=value, header=name)
