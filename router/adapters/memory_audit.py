"""What people did, out of the log in this process: the in-memory twin of `sql.audit`."""

from collections.abc import Sequence

from router.adapters.memory_store import MemoryStore
from router.core.audit import Deed, DeedQuestion, is_deed


class MemoryAudit:
    """`ports.audit.Audit` on a memory store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def deeds(self, question: DeedQuestion, *, before: int | None = None, limit: int) -> Sequence[Deed]:
        with self._store.begin():  # nobody writes meanwhile
            tables = self._store._tables  # another door to the same rooms
            rows = [Deed(row.seq, event) for row, event in zip(tables.log, tables.events, strict=True)]
        wanted = [each for each in reversed(rows) if is_deed(each.event) and question.fits(each.event)]
        return tuple(each for each in wanted if before is None or each.seq < before)[:limit]
