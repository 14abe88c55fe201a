"""How far a leg is: what may happen to it, and where that leads. One table; the SQL of a hand-over repeats one row.

The bodies' own words (01–06, 13, 15, 16) are another matter: see `lifecycle.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from router.core.records import LegState


class Step(StrEnum):
    """What happens to a leg."""

    CONFIRM = "confirm"  # the broker has it in the inbox of the recipient's agent
    REPORT = "report"  # the recipient's agent says that it is durable there
    HOLD = "hold"  # nobody can take it now
    RELEASE = "release"  # somebody can again
    PARK = "park"  # its time is over
    RESEND = "resend"  # an administrator, or the sender by sending once more, lets it set out again


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row: in `before`, `step` leads to `after`."""

    before: LegState
    step: Step
    after: LegState
    vi: str
    en: str


_S: Final = LegState
ROWS: Final[tuple[StepRow, ...]] = (
    StepRow(_S.QUEUED, Step.CONFIRM, _S.HANDED_OVER, "đã vào hộp thư nơi nhận", "in the recipient's inbox"),
    StepRow(_S.QUEUED, Step.REPORT, _S.DELIVERED, "báo nhận đến trước xác nhận", "reported before the confirm came"),
    StepRow(_S.QUEUED, Step.HOLD, _S.HELD, "nơi nhận tạm ngừng nhận", "the recipient cannot take it now"),
    StepRow(_S.QUEUED, Step.PARK, _S.PARKED, "quá hạn chuyển", "not handed over in time"),
    StepRow(_S.HELD, Step.RELEASE, _S.QUEUED, "nơi nhận nhận lại", "the recipient takes again"),
    StepRow(_S.HELD, Step.REPORT, _S.DELIVERED, "báo nhận của lần chuyển trước", "a report of an earlier hand-over"),
    StepRow(_S.HELD, Step.PARK, _S.PARKED, "giữ quá hạn", "held for too long"),
    StepRow(_S.HANDED_OVER, Step.REPORT, _S.DELIVERED, "phần mềm nơi nhận đã lưu", "durable at the recipient's agent"),
    StepRow(_S.HANDED_OVER, Step.PARK, _S.PARKED, "không ai lấy trong thời hạn", "nobody took it in time"),
    StepRow(_S.PARKED, Step.REPORT, _S.DELIVERED, "báo nhận đến muộn", "reported after all"),
    StepRow(_S.PARKED, Step.RESEND, _S.QUEUED, "chuyển lại", "sets out again"),
    StepRow(_S.DELIVERED, Step.CONFIRM, _S.DELIVERED, "xác nhận đến sau báo nhận", "the confirm came after the report"),
)

_AFTER: Final[Mapping[tuple[LegState, Step], LegState]] = MappingProxyType(
    {(row.before, row.step): row.after for row in ROWS}
)


def after(state: LegState, step: Step) -> LegState | None:
    """Where a step leads; None when it means nothing in this state and the leg stays as it is."""
    return _AFTER.get((state, step))


def stepped(state: LegState, *steps: Step) -> LegState:
    """Where these steps lead, one after the other. Raises ValueError for one that means nothing there: a bug."""
    for step in steps:
        reached = _AFTER.get((state, step))
        if reached is None:
            raise ValueError(f"{step.value} means nothing to a leg that is {state.value}")
        state = reached
    return state


def steps_table() -> str:
    """The rows as a Markdown table, as it stands in the README."""
    head = "| a leg that is | and | becomes | Vietnamese | English |\n|---|---|---|---|---|"
    rows = (f"| `{row.before.value}` | {row.step.value} | `{row.after.value}` | {row.vi} | {row.en} |" for row in ROWS)
    return "\n".join((head, *rows))


def diagram() -> str:
    """The rows as a diagram of states (Mermaid), as it stands in the README."""
    lines = ["stateDiagram-v2", "    [*] --> queued: accept", "    [*] --> held: accept, nobody can take it"]
    lines += [
        f"    {_name(row.before)} --> {_name(row.after)}: {row.step.value}" for row in ROWS if row.before != row.after
    ]
    lines.append("    delivered --> [*]")
    return "\n".join(lines)


def _name(state: LegState) -> str:
    return state.value.replace("-", "_")
