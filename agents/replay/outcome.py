"""What came of a replay, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.replay.message_set import LegOutcome, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen of a step. `verdict` is empty when no answer came; `local` tells that the agent refused itself.

    `legs` are those the set asks for, by alias; `statuses` what each of them said, sorted.
    """

    submission_id: str = ""
    document_id: str = ""
    digest: str = ""
    verdict: str = ""
    local: bool = False
    codes: tuple[str, ...] = ()
    legs: Mapping[str, LegOutcome] = field(default_factory=dict)
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    """Aliases that hold a message which was refused."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the set says. `what` is `verdict`, `codes`, `leg ALIAS`, `statuses ALIAS`, …"""

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """A step, what came of it, and how that differs from what must come."""

    step: Step
    outcome: Outcome
    differences: tuple[Difference, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayReport:
    """A whole replay, in the order of the set."""

    title: str
    run: str
    steps: tuple[StepReport, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every outcome is as the set says."""
        return all(step.ok for step in self.steps)


def differences(step: Step, outcome: Outcome) -> tuple[Difference, ...]:
    """Everything about the outcome that is not as the step expects."""
    expect = step.expect
    found = []
    if outcome.verdict != expect.verdict.value:
        found.append(Difference("verdict", expect.verdict.value, outcome.verdict or "—"))
    if expect.codes is not None and sorted(set(outcome.codes)) != sorted({code.value for code in expect.codes}):
        expected = ", ".join(code.value for code in expect.codes)
        found.append(Difference("codes", expected or "—", ", ".join(outcome.codes) or "—"))
    for alias, leg in outcome.legs.items():
        wanted = expect.legs.get(alias) if isinstance(expect.legs, dict) else expect.legs
        if wanted is not None and leg is not wanted:
            found.append(Difference(f"leg {alias}", wanted.value, leg.value))
    for alias, said in outcome.statuses.items():
        codes = expect.statuses.get(alias) if isinstance(expect.statuses, dict) else expect.statuses
        if codes is not None and sorted(code.value for code in codes) != sorted(said):
            wanted_codes = " ".join(sorted(code.value for code in codes))
            found.append(Difference(f"statuses {alias}", wanted_codes or "—", " ".join(sorted(said)) or "—"))
    found += [Difference(f"leg {alias}", LegOutcome.NONE.value, "delivered") for alias in outcome.strays]
    return tuple(found)
