"""What the pages about work stand on."""

from dataclasses import dataclass

from router.core.deadlines import Clocks
from router.ports import Store
from router.ports.work_lists import WorkQuestions
from router.services.carriage.relay import Relay
from router.services.work_lists.lists import WorkLists


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDesk:
    """The lists, and what sends a leg once more."""

    lists: WorkLists
    relay: Relay


def work_desk_of(store: Store, questions: WorkQuestions, relay: Relay, clocks: Clocks) -> WorkDesk:
    """The services around their memory."""
    return WorkDesk(lists=WorkLists(store, questions, clocks), relay=relay)
