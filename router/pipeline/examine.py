"""What can be said of an envelope by itself: a tuple of named stages over one frozen value.

Every stage adds findings or evidence and none takes anything away. A stage runs whenever what it needs is there, so
that schema faults, signature faults and attachment faults are named together; only bytes that are no tree stop the
rest. The bytes are parsed once, and the costly work runs on libxml2 and OpenSSL.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edxml_schemas import attachments, codec, schemas
from edxml_schemas.contract import Header, MessageType
from edxml_schemas.findings import Finding, FindingCode, finding
from edxml_schemas.limits import Limits
from edxml_schemas.model import Document, Envelope
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from edxml_schemas.trust import TrustChecker, TrustValue
from router.pipeline.passage import Passage

SUBMISSION_ID_CHARS: Final = 200
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the stages judge with. `trust` remembers good answers; `judged_at` is when this attempt is made."""

    limits: Limits
    trust: TrustChecker
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    run: Callable[[Passage, Means], Passage]


def examine(passage: Passage, means: Means) -> Passage:
    """The passage after all stages. Pure in bytes, material and time; never raises for bad input."""
    for stage in STAGES:
        passage = stage.run(passage, means)
    return passage


def transport(passage: Passage, means: Means) -> Passage:
    """Are the bytes those that the sender spoke of?"""
    submission, body = passage.submission, passage.body
    faults: list[Finding] = []
    if not 0 < len(submission.submission_id) <= SUBMISSION_ID_CHARS:
        faults.append(_header("message_id", submission.submission_id))
    if not DIGEST.fullmatch(submission.digest):
        faults.append(_header(Header.DIGEST.value, submission.digest))
    if body is None:
        faults.append(finding(FindingCode.TRANSPORT_CLAIM, value=submission.digest))
        return replace(passage, findings=(*passage.findings, *faults))
    if len(body) > means.limits.envelope_bytes:
        return passage  # not worth a digest; the parser says what is wrong
    digest = hashlib.sha256(body).hexdigest()
    if digest != submission.digest and not faults:
        faults.append(finding(FindingCode.TRANSPORT_DIGEST, stated=submission.digest, computed=digest))
    if submission.size != len(body):
        faults.append(_header(Header.SIZE.value, str(submission.size)))
    return replace(passage, digest=digest, findings=(*passage.findings, *faults))


def structure(passage: Passage, means: Means) -> Passage:
    """Is it XML within limits, and an EDXML envelope?"""
    if passage.body is None:
        return passage
    parsed = parse(passage.body, means.limits)
    if not isinstance(parsed, Parsed):
        return replace(passage, findings=(*passage.findings, *parsed))
    faults = schemas.check(parsed.root, means.limits)
    if not faults:
        return replace(passage, parsed=parsed, schema_valid=True)
    kind = schemas.kind_of(parsed.root)
    return replace(passage, parsed=parsed, findings=(*passage.findings, *faults, *_kind_faults(passage, kind)))


def signature(passage: Passage, means: Means) -> Passage:  # noqa: ARG001  every stage has the same shape
    """Is what was signed what is here? From here on only the signed tree is read."""
    if passage.parsed is None:
        return passage
    signed = check_integrity(passage.parsed)
    if isinstance(signed, Signed):
        return replace(passage, signed=signed)
    return replace(passage, findings=(*passage.findings, *signed))


def trust(passage: Passage, means: Means) -> Passage:
    """May that key sign? Judged at the time of receipt.

    A later attempt that still cannot say so asks for its own time, too: a revocation list that was issued after the
    receipt says nothing about the moment of receipt, and would leave the question open for ever.
    """
    signed = passage.signed
    if signed is None:
        return passage
    received_at = passage.submission.received_at
    answer = means.trust.check(signed.certificate, at=received_at, chain=signed.chain)
    if answer.value is TrustValue.UNKNOWN and means.judged_at > received_at:
        answer = means.trust.check(signed.certificate, at=means.judged_at, chain=signed.chain)
    if answer.value is TrustValue.UNKNOWN:
        return replace(passage, trust=answer, open_questions=answer.findings)
    if answer.findings:
        return replace(passage, trust=answer, findings=(*passage.findings, *answer.findings))
    return replace(passage, trust=answer)


def reading(passage: Passage, means: Means) -> Passage:
    """What the envelope says, from the signed tree; and whether its attachments are what they say they are."""
    if passage.parsed is None or not passage.schema_valid:
        return passage
    root = passage.signed.root if passage.signed is not None else passage.parsed.root
    envelope = codec.read(root)
    found = codec.read_findings(envelope, root)
    if isinstance(envelope, Document):
        found = (*found, *attachments.check(envelope.attachments, envelope.manifest, means.limits))
    found = (*found, *_kind_faults(passage, _kind(envelope)))
    if found:
        return replace(passage, envelope=envelope, findings=(*passage.findings, *found))
    return replace(passage, envelope=envelope)


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


def _kind_faults(passage: Passage, kind: MessageType | None) -> tuple[Finding, ...]:
    if kind is None or kind is passage.submission.type:
        return ()
    return (_header("type", passage.submission.type.value),)


def _header(name: str, value: str) -> Finding:
    return finding(FindingCode.TRANSPORT_HEADERS, value=value, header=name)
