"""What people did to the hub, as the log tells it: the events that have somebody for an actor, and refused sign-ins."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from router.core.event_names import EventName
from router.core.records import Event

PEOPLE: Final = ("admin:", "user:")
"""How actors begin who are people: of the terminal, and of the console."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One event with its place in the log."""

    seq: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedQuestion:
    """Which deeds are asked for; empty fields ask for all. `subject` is the part of a name before its dot (`user`).

    `actor` is a person's name, at the terminal or at the console.
    """

    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, event: Event) -> bool:
        """Whether a deed is among them."""
        return (
            (not self.actor or event.actor in actors_of(self.actor))
            and (not self.subject or event.name.partition(".")[0] == self.subject)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )


def is_deed(event: Event) -> bool:
    return event.actor.startswith(PEOPLE) or event.name == EventName.SESSION_REFUSED


def actors_of(name: str) -> tuple[str, ...]:
    """A person's name as it may stand in the log."""
    return tuple(f"{kind}{name}" for kind in PEOPLE)
