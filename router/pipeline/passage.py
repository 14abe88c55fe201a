"""One envelope on its way through the stages, as a frozen value."""

from dataclasses import dataclass, field

from edxml_schemas.findings import FindingCode, Findings
from edxml_schemas.model import Envelope
from edxml_schemas.safe_xml import Parsed
from edxml_schemas.signatures import Proof
from edxml_schemas.telemetry import Step
from edxml_schemas.trust import Trust
from edxml_schemas.vouched import Vouched
from router.core.records import Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the stages have found out. Findings and evidence only ever grow.

    `body` is the envelope's bytes, None when a claim check names bytes that are not there. `digest` is the SHA-256 of
    `body`. `payload` refers to bytes that the payload store has already. `parsed` is consumed by the signature stage,
    and None when the envelope is of a known form and needed no tree.
    `envelope` is read from the signed tree when `signed` is there, and is then believed; without it, it is what an
    unproven envelope claims: good for naming further faults and for finding the refusal again, and for nothing else.
    `vouched` is the submitting agent's word for a system that cannot sign.
    `open_questions` are findings of what could not be asked, for example whether the certificate is revoked.
    """

    submission: Submission
    body: bytes | None = field(repr=False)
    digest: str = ""
    payload: str = ""
    parsed: Parsed | None = field(default=None, repr=False)
    schema_valid: bool = False
    signed: Proof | None = field(default=None, repr=False)
    trust: Trust | None = field(default=None, repr=False)
    envelope: Envelope | None = field(default=None, repr=False)
    findings: Findings = ()
    open_questions: Findings = ()
    vouched: Vouched | None = None
    stages: tuple[Step, ...] = ()
    """When each stage ran, when somebody wants to know."""

    @property
    def secret(self) -> bool:
        """Whether the document is marked as a state secret: refused, and its content not kept."""
        return any(each.code is FindingCode.POLICY_STATE_SECRET for each in self.findings)

    @property
    def size(self) -> int:
        """Bytes of the envelope, as counted, or as stated while they are not here."""
        return len(self.body) if self.body is not None else self.submission.size
