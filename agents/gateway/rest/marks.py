"""Outcomes of the office as answers, or as the problems that they are."""

from typing import TypeVar

from agents.gateway.outcomes import Accepted, Fetched, LeasedByOther, Marked, NotYours
from agents.gateway.rest.problems import Problem, ProblemCode, Said, refused
from agents.gateway.rest.shapes import MarkedShape, RepairsShape, SubmittedShape
from agents.packaging import Refusal

_Done = TypeVar("_Done", Accepted, Marked, Fetched)


def submitted(outcome: Accepted | Refusal | NotYours | LeasedByOther) -> SubmittedShape:
    """What was accepted. Raises Problem for anything else."""
    accepted = accomplished(outcome)
    note = accepted.vouched.vouched if accepted.vouched is not None else None
    return SubmittedShape(
        submission_id=accepted.submission_id,
        repeated=accepted.repeated,
        vouched=None if note is None else RepairsShape(repairs=list(note.repairs), original_digest=note.digest),
    )


def marked(leg_id: str, outcome: Marked | Refusal | NotYours | LeasedByOther) -> MarkedShape:
    """What was marked. Raises Problem for anything else."""
    done = accomplished(outcome)
    return MarkedShape(leg_id=leg_id, state=done.state, repeated=done.repeated)


def accomplished(outcome: _Done | Refusal | NotYours | LeasedByOther) -> _Done:
    """The outcome, when it is the good one. Raises Problem."""
    if isinstance(outcome, NotYours):
        raise Problem(ProblemCode.NOT_FOUND)
    if isinstance(outcome, LeasedByOther):
        until = outcome.until.isoformat(timespec="seconds")
        raise Problem(
            ProblemCode.LEASED,
            Said(
                vi=f"Văn bản đang được khóa khác giữ đến {until}. Đề nghị thử lại sau đó.",
                en=f"Another key holds a lease on this document until {until}. Try again after that.",
            ),
        )
    if isinstance(outcome, tuple):
        raise refused(outcome)
    return outcome
