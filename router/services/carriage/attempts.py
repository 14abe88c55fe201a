"""Failed attempts to publish: written down as rows, and the item put off for as long as the policy says."""

from collections.abc import Sequence
from datetime import datetime

from router.core.records import Change, OutboxItem
from router.core.retry import DEFAULT_RETRY, RetryPolicy, after_failure
from router.ports import Transaction

Failed = tuple[OutboxItem, str]
"""What could not be published, and why."""


def note_failures(
    tx: Transaction, failed: Sequence[Failed], *, now: datetime, policy: RetryPolicy = DEFAULT_RETRY
) -> None:
    """Write one row per failure and put the items off. An item that failed twice here counts once, with its last
    reason; one that has left the outbox meanwhile keeps its row and is put off no more.
    """
    last = {item.id: (item, reason) for item, reason in failed}
    changes: list[Change] = []
    for item, reason in last.values():
        changes += after_failure(item, reason, now=now, policy=policy)
    if changes:
        tx.apply(changes)
