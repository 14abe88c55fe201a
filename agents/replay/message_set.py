"""A message set as a value, read from `set.toml`. README.md is its reference; a test holds the two together."""

import tomllib
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.errors import UsageFault
from agents.replay.tampering import Tamper
from edxml_schemas.findings import FindingCode
from edxml_schemas.statuses import StatusCode

StepId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]


class Kind(StrEnum):
    """What a step does."""

    SEND = "send"  # a document or status from a draft or an envelope
    STATUS = "status"  # a status about a document of an earlier step, by its recipient
    RECALL = "recall"  # status 13 about a document of an earlier step, by its sender
    RESEND = "resend"  # the same bytes as an earlier step, as a new submission
    RAW = "raw"  # a file byte for byte


class Verdict(StrEnum):
    """What the hub (or, before it, the agent) says of a submission."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


class LegOutcome(StrEnum):
    """What a recipient has of a message."""

    DELIVERED = "delivered"  # once, and its SHA-256 is that of what was sent
    ALTERED = "altered"  # other bytes under the same DocumentId
    TWICE = "twice"
    NONE = "none"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Who(_Strict):
    """A body. Without `agent` it can only be written to."""

    organ_id: str
    agent: str = ""
    name: str = ""


class Expect(_Strict):
    """What must come of a step. What is left out is not compared, except that a refused message reaches nobody."""

    verdict: Verdict = Verdict.ACCEPTED
    codes: tuple[FindingCode, ...] | None = None
    """Exactly these codes of severity error, in any order."""
    legs: dict[str, LegOutcome] | LegOutcome | None = None
    """By alias; one word stands for every recipient."""
    statuses: dict[str, tuple[StatusCode, ...]] | tuple[StatusCode, ...] | None = None
    """By alias, what that recipient says to the sender, in any order; one list stands for every recipient."""


class Step(_Strict):
    """One message."""

    id: StepId
    title: str = ""
    kind: Kind = Kind.SEND
    who: str = Field(alias="as")
    via: str = ""
    """Alias whose agent publishes, when it is not the sender's own."""
    draft: str = ""
    envelope: str = ""
    raw: str = ""
    type: Literal["edoc", "status"] = "edoc"
    to: tuple[str, ...] = ()
    about: str = ""
    status: StatusCode | None = None
    reason: str = ""
    staff: str = ""
    after: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    """Pairs of text in the envelope, changed before signing."""
    sign_as: str = ""
    credential: str = ""
    bypass: bool = False
    """Skips the agent's own checks, so that the hub is the one to judge."""
    tamper: Tamper | None = None
    """What is done to the envelope after signing."""
    expect: Expect = Expect()

    @property
    def through_raw(self) -> bool:
        """Whether the agent is to publish the bytes without looking at them."""
        return bool(
            self.via or self.sign_as or self.credential or self.bypass or self.tamper or self.replace
        ) or self.kind in {Kind.RAW, Kind.RESEND}

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needs = {
            Kind.SEND: bool(self.draft) != bool(self.envelope),
            Kind.STATUS: bool(self.about and self.status),
            Kind.RECALL: bool(self.about) and len(self.to) == 1,
            Kind.RESEND: bool(self.about),
            Kind.RAW: bool(self.raw),
        }
        told = {
            Kind.SEND: "either draft or envelope",
            Kind.STATUS: "about and status",
            Kind.RECALL: "about, and one alias in to",
            Kind.RESEND: "about",
            Kind.RAW: "raw",
        }
        if not needs[self.kind]:
            raise ValueError(f"a step of kind {self.kind.value} needs {told[self.kind]}")
        return self


class MessageSet(_Strict):
    """A whole set. `folder` is where drafts, envelopes and raw files lie."""

    title: str
    about: str = ""
    who: dict[str, Who]
    step: tuple[Step, ...] = Field(min_length=1)
    folder: Path = Path()

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        ids = [step.id for step in self.step]
        if len(ids) != len(set(ids)):
            raise ValueError("a step id is used twice")
        for step in self.step:
            legs, statuses = step.expect.legs, step.expect.statuses
            aliases = {step.who, step.via, step.sign_as, *step.to} - {""}
            for named in (legs, statuses):
                aliases |= set(named) if isinstance(named, dict) else set()
            if unknown := aliases - set(self.who):
                raise ValueError(f"step {step.id}: nobody is called {', '.join(sorted(unknown))}")
            if unknown := {*step.after, *filter(None, (step.about,))} - set(ids):
                raise ValueError(f"step {step.id}: no step is called {', '.join(sorted(unknown))}")
            carrier = self.who[step.via or step.who]
            if not carrier.agent:
                raise ValueError(f"step {step.id}: {step.via or step.who} has no agent to send through")
        try:
            tuple(TopologicalSorter({step.id: {*step.after, step.about} - {""} for step in self.step}).static_order())
        except CycleError as error:
            raise ValueError(f"steps wait for each other: {' → '.join(error.args[1])}") from error
        return self

    def named(self, step_id: str) -> Step:
        return next(step for step in self.step if step.id == step_id)


def read_set(place: Path) -> MessageSet:
    """The set in a folder, or in a `set.toml`. Raises UsageFault that names every fault."""
    path = place / "set.toml" if place.is_dir() else place
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return MessageSet.model_validate({**values, "folder": path.parent})
    except OSError as error:
        reason = error.strerror or "?"
    except ValidationError as error:
        reason = "; ".join(f"{'.'.join(map(str, each['loc'])) or '—'}: {each['msg']}" for each in error.errors())
    except ValueError as error:
        reason = str(error)
    raise UsageFault(f"Bộ thông điệp {path} có lỗi: {reason}", f"The message set {path} has faults: {reason}")
