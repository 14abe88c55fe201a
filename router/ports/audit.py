"""What people did, out of the log."""

from collections.abc import Sequence
from typing import Protocol

from router.core.audit import Deed, DeedQuestion


class Audit(Protocol):
    """Raises StoreUnavailable."""

    def deeds(self, question: DeedQuestion, *, before: int | None = None, limit: int) -> Sequence[Deed]:
        """The newest first, below `before`."""
        ...
