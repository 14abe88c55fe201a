"""What can be said of an envelope by itself: a tuple of named stages over the evidence of one examination.

Every stage adds findings or evidence and none takes anything away; the frozen `Passage` is made of it at the end. A
stage runs whenever what it needs is there, so that schema faults, signature faults and attachment faults are named
together; only bytes that are no tree stop the rest. The bytes are parsed once, and the costly work runs on libxml2
and OpenSSL. An envelope whose markup is known and whose texts plainly pass is not even parsed (`edxml_schemas.forms`);
the findings are the same either way, and whatever does not plainly pass goes the long way.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from edxml_schemas import attachments, codec, schemas
from edxml_schemas.contract import Header, MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.forms.form import Filled
from edxml_schemas.forms.markup import Cut
from edxml_schemas.forms.memory import Forms
from edxml_schemas.limits import Limits
from edxml_schemas.model import Document, Envelope
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.secrecy import SecrecyRules
from edxml_schemas.signatures import Proof, Signed, check_integrity
from edxml_schemas.telemetry import Step
from edxml_schemas.trust import Trust, TrustChecker, TrustValue
from edxml_schemas.vouched import Vouched, read_vouched
from router.core.records import Submission
from router.pipeline.passage import Passage
from router.pipeline.unread import marked_leaves

SUBMISSION_ID_CHARS: Final = 200
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the stages judge with. `trust` remembers good answers; `judged_at` is when this attempt is made.

    `secrecy` says what marks a state secret; None when nobody asks. `forms` remembers what sound envelopes look like;
    without it every envelope goes the long way. `tick` tells nanoseconds since 1970, when stages are to be timed.
    """

    limits: Limits
    trust: TrustChecker
    judged_at: datetime
    secrecy: SecrecyRules | None = None
    forms: Forms | None = None
    tick: Callable[[], int] | None = None


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What is known so far; lives for one examination. The fields are those of `Passage`.

    `cut` is the body taken apart into markup and texts. `filled` is an envelope of known form, which then has no
    `parsed` tree; its signature was checked with its texts.
    """

    submission: Submission
    body: bytes | None
    digest: str = ""
    parsed: Parsed | None = None
    cut: Cut | None = None
    filled: Filled | None = None
    schema_valid: bool = False
    signed: Proof | None = None
    trust: Trust | None = None
    envelope: Envelope | None = None
    findings: list[Finding] = field(default_factory=list)
    open_questions: Findings = ()
    vouched: Vouched | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    run: Callable[[Evidence, Means], None]


def examine(passage: Passage, means: Means) -> Passage:
    """The passage after all stages. Pure in bytes, material and time; never raises for bad input."""
    evidence = Evidence(submission=passage.submission, body=passage.body)
    steps = _run(evidence, means)
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
        vouched=evidence.vouched,
        stages=steps,
    )


def _run(evidence: Evidence, means: Means) -> tuple[Step, ...]:
    """All stages; when each ran, if somebody wants to know."""
    tick = means.tick
    if tick is None:
        for stage in STAGES:
            stage.run(evidence, means)
        return ()
    steps = []
    for stage in STAGES:
        began = tick()
        stage.run(evidence, means)
        steps.append(Step(stage.name, began, tick()))
    return tuple(steps)


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


def vouching(evidence: Evidence, means: Means) -> None:  # noqa: ARG001  every stage has the same shape
    """Does the agent vouch for the sender's system, in words that can be kept?"""
    note = evidence.submission.vouched
    if note:
        evidence.vouched = read_vouched(note)
        if evidence.vouched is None:
            evidence.findings.append(_header(Header.VOUCHED.value, note))


def structure(evidence: Evidence, means: Means) -> None:
    """Is it XML within limits, and an EDXML envelope?"""
    if evidence.body is None:
        return
    if means.forms is not None:
        evidence.cut = means.forms.cut(evidence.body)
        evidence.filled = means.forms.read(evidence.cut)
    filled = evidence.filled
    if filled is not None:
        evidence.schema_valid, evidence.signed, evidence.envelope = True, filled.proof, filled.envelope
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
    answer = means.trust.check(signed.certificate, at=received_at, chain=signed.chain, fingerprint=signed.fingerprint)
    if answer.value is TrustValue.UNKNOWN and means.judged_at > received_at:
        answer = means.trust.check(
            signed.certificate, at=means.judged_at, chain=signed.chain, fingerprint=signed.fingerprint
        )
    evidence.trust = answer
    if answer.value is TrustValue.UNKNOWN:
        evidence.open_questions = answer.findings
    else:
        evidence.findings += answer.findings


def reading(evidence: Evidence, means: Means) -> None:
    """What the envelope says, from the signed tree; and whether its attachments are what they say they are."""
    if not evidence.schema_valid:
        return
    contents: tuple[bytes, ...] | None = None
    if evidence.filled is not None:
        envelope, contents = evidence.filled.envelope, evidence.filled.contents
        evidence.findings += _remarks(evidence.filled, evidence.body or b"", means.limits)
    elif evidence.parsed is not None:
        root = evidence.signed.root if isinstance(evidence.signed, Signed) else evidence.parsed.root
        envelope = evidence.envelope = codec.read(root)
        evidence.findings += codec.read_findings(envelope, root)
    else:
        return
    if isinstance(envelope, Document):
        evidence.findings += attachments.check(envelope.attachments, envelope.manifest, means.limits, contents=contents)
    evidence.findings += _kind_faults(evidence, _kind(envelope))
    known = evidence.trust is not None and evidence.trust.value is TrustValue.GOOD
    if means.forms is not None and known and evidence.filled is None and evidence.body is not None:
        means.forms.learn(evidence.body, evidence.cut)  # from strangers nothing is learnt


def secrecy(evidence: Evidence, means: Means) -> None:
    """Is it marked as a state secret? Then nothing of it is quoted, whatever else is wrong.

    A document with faults is one, too: its sender meant to send it, and what is refused may be kept as evidence.
    """
    if means.secrecy is None:
        return
    marks: Findings = ()
    if isinstance(evidence.envelope, Document):
        marks = means.secrecy.marks_in(evidence.envelope)
    elif evidence.envelope is None and evidence.body is not None and len(evidence.body) <= means.limits.envelope_bytes:
        marks = means.secrecy.marks_in_leaves(marked_leaves(evidence.body, evidence.parsed))
    if marks:
        evidence.findings[:] = [*marks, *(replace(each, value="", facts=()) for each in evidence.findings)]


STAGES: Final = (
    Stage("transport", transport),
    Stage("vouching", vouching),
    Stage("structure", structure),
    Stage("signature", signature),
    Stage("trust", trust),
    Stage("reading", reading),
    Stage("secrecy", secrecy),
)
"""In this order. Addressing, policy and lifecycle need the hub's memory and follow in `decide.py`."""


def _remarks(filled: Filled, body: bytes, limits: Limits) -> Findings:
    """What `codec.read_findings` says. Places are places in a tree, so one is built when there is something to say."""
    if not filled.remarkable and codec.is_unremarkable(filled.envelope):
        return ()
    parsed = parse(body, limits)
    return codec.read_findings(filled.envelope, parsed.root) if isinstance(parsed, Parsed) else parsed


def _kind(envelope: Envelope) -> MessageType:
    return MessageType.DOCUMENT if isinstance(envelope, Document) else MessageType.STATUS


def _kind_faults(evidence: Evidence, kind: MessageType | None) -> Findings:
    if kind is None or kind is evidence.submission.type:
        return ()
    return (_header("type", evidence.submission.type.value),)


def _header(name: str, value: str) -> Finding:
    return finding(FindingCode.TRANSPORT_HEADERS, value=value, header=name)
