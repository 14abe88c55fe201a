"""What the hub says to a submission."""

from enum import StrEnum

from edxml_schemas.catalogue import severity_of
from edxml_schemas.findings import Findings, Severity


class Verdict(StrEnum):
    """Exactly one of these for every submission that reaches the hub."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DEFER = "defer"  # no fault, but trust is unknown: neither accepted silently nor called revoked
    DUPLICATE = "duplicate"  # accepted once before; the sender is told so, nobody gets it twice


def refuses(findings: Findings) -> bool:
    """Whether one of the findings is an error."""
    return any(severity_of(each.code) is Severity.ERROR for each in findings)


def verdict_of(findings: Findings, *, open_questions: Findings, duplicate: bool) -> Verdict:
    """The verdict from all findings.

    A fault refuses even when something else is still open: waiting would not mend it. `open_questions` are findings
    of what could not be asked (a revocation list out of reach); they weigh nothing here but the time they take. A
    duplicate does not wait for them: they were answered for this very content when it was accepted.
    """
    if findings and refuses(findings):
        return Verdict.REFUSE
    if duplicate:
        return Verdict.DUPLICATE
    return Verdict.DEFER if open_questions else Verdict.ACCEPT
