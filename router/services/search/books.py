"""The registry as searches read it, made once per version."""

import threading

from router.core.organ_book import OrganBook
from router.ports import Store


class Books:
    """Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._book: OrganBook | None = None

    def now(self) -> OrganBook:
        """The present registry."""
        registry = self._store.registry()
        with self._lock:
            if self._book is None or self._book.version != registry.version:
                self._book = OrganBook(registry)
            return self._book
