"""The agent's durable memory: what waits to be sent, what came, what the hub and the recipients said.

`Spool.open(folder)` opens one; `records` holds the values that go in and come out.
"""

from agents.spool.inbox import Spool
from agents.spool.store import RunLock, is_running

__all__ = ["RunLock", "Spool", "is_running"]
