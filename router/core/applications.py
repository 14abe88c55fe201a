"""What agents apply for: a new organ, or the end of one that they carry. An administrator decides."""

from dataclasses import dataclass
from datetime import datetime

from edxml_schemas.organ_list import ApplicationKind, ApplicationState

__all__ = ["Application", "ApplicationKind", "ApplicationState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application. `reference` is the agent's own name for it, `id` the hub's; for an end only `code` counts."""

    id: str
    agent: str
    reference: str
    kind: ApplicationKind
    code: str
    name: str = ""
    parent: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    state: ApplicationState = ApplicationState.OPEN
    applied_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    note: str = ""

    @property
    def is_open(self) -> bool:
        return self.state is ApplicationState.OPEN

    def is_same(self, other: "Application") -> bool:
        """Whether both want the same."""
        return (self.kind, self.code) == (other.kind, other.code)
