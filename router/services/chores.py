"""What a worker does beside its work: named chores, each one transaction, one after the other at every look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from router.core.records import OutboxItem
from router.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a portion came to: `publish` are outbox items leased to the caller, `more` whether to come again at once."""

    publish: Sequence[OutboxItem] = ()
    more: bool = False


NOTHING_DONE: Final = Done()


class Chore(Protocol):
    """One kind of upkeep. All workers do all chores: what two of them must not do at once, the transaction keeps apart.

    Runs again and again until it says that nothing is left, so `run` takes a bounded portion.
    """

    @property
    def name(self) -> str:
        """For the log."""
        ...

    def run(self, tx: Transaction, *, now: datetime) -> Done:
        """One portion. Raises nothing but what the store raises; the transaction is the caller's."""
        ...
