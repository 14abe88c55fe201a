"""A process that ends when the one that started it does, however that one ended."""

import os
import select
import threading
from collections.abc import Callable
from typing import Final

STOP_GRACE: Final = 30.0
"""Seconds that a worker has to finish what is in its hands."""


def end_with_parent(descriptor: int, stop: Callable[[], None], *, grace: float = STOP_GRACE) -> None:
    """Call `stop` when `descriptor`, a pipe whose other end the parent holds, ends; end at once `grace` seconds later.

    A thread of its own, because the event loop may be busy or stuck; and a deadline, because the parent that would
    have enforced one is gone. What is not finished then is done again by others: broker and outbox have it.
    """

    def watch() -> None:
        try:
            while select.select([descriptor], [], []) and os.read(descriptor, 4096):
                continue
        except OSError:
            pass  # a broken pipe is an end, too
        stop()
        threading.Event().wait(grace)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
