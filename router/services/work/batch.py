"""What a worker works on: one batch, its options, and what is told of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from structlog.typing import FilteringBoundLogger

from edxml_schemas.findings import codes
from router.core.event_names import EventName
from router.core.records import OutboxItem, OutboxKind
from router.logs import write_lines
from router.ports import Delivery, ReportDelivery
from router.services.carriage.attempts import Failed
from router.services.carriage.relay import Relay
from router.services.carriage.tracking import Tracking
from router.services.chores import Chore
from router.services.dead.dead_letters import DeadLetters
from router.services.verdicts.ingest import Examined, Ingest, Settled
from router.services.verdicts.upkeep import Upkeep

LEGS_SET_OUT: Final = frozenset({EventName.LEG_QUEUED.value, EventName.LEG_HELD.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How much one worker takes at a time. Sizes are bytes."""

    prefetch: int = 100
    batch_messages: int = 64
    batch_bytes: int = 16 * 2**20
    lease_for: timedelta = timedelta(seconds=60)
    upkeep_every: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a worker sequences."""

    ingest: Ingest
    relay: Relay
    tracking: Tracking
    upkeep: Upkeep
    chores: tuple[Chore, ...] = ()
    dead: DeadLetters | None = None
    """Keeps what the broker gave up on; without it, that stays in the broker's dead-letter queue."""


@dataclass(slots=True)
class Batch:
    """What goes into one transaction, and what must be answered after it."""

    examined: list[tuple[Delivery, Examined]] = field(default_factory=list)
    reports: list[ReportDelivery] = field(default_factory=list)
    confirmed: list[OutboxItem] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.examined or self.reports or self.confirmed or self.failed)

    @property
    def legs(self) -> set[str]:
        """Ids of the legs that confirms and reports will move."""
        confirmed = {each.leg_id for each in self.confirmed if each.kind is OutboxKind.DELIVERY}
        return confirmed | {each.report.leg_id for each in self.reports if each.report is not None}

    def singles(self) -> "list[Batch]":
        """The same work, each part on its own."""
        return [
            *([Batch(confirmed=self.confirmed)] if self.confirmed else []),
            *([Batch(failed=self.failed)] if self.failed else []),
            *(Batch(examined=[each]) for each in self.examined),
            *(Batch(reports=[each]) for each in self.reports),
        ]

    @property
    def alone(self) -> bool:
        return bool(self.confirmed) + bool(self.failed) + len(self.examined) + len(self.reports) == 1


def tell(
    log: FilteringBoundLogger,
    batch: Batch,
    settled: Sequence[Settled],
    *,
    publishing: int,
    examining: float,
    committing: float,
) -> None:
    """One line per message, and one per batch. Durations are seconds; a message's are those of its batch."""
    examine_ms, commit_ms = round(examining * 1000, 1), round(committing * 1000, 1)
    if settled:
        write_lines(log, "message", [_canonical(each, len(settled), examine_ms, commit_ms) for each in settled])
    if batch.examined or batch.reports:
        states = Counter(each.message.state.value for each in settled)
        log.info(
            "batch",
            messages=len(batch.examined),
            reports=len(batch.reports),
            confirms=len(batch.confirmed),
            publishing=publishing,
            examine_ms=examine_ms,
            commit_ms=commit_ms,
            **states,
        )


def _canonical(settled: Settled, batch: int, examine_ms: float, commit_ms: float) -> dict[str, object]:
    """Everything about one message in one line: who, what was decided and why, and how long its batch took.

    `recipients` are the legs that set out; a redelivery has none, its first line told them.
    """
    message = settled.message
    return {
        "trace_id": settled.trace,
        "message_id": message.id,
        "submission": message.submission_id,
        "agent": message.agent,
        "sender": message.sender,
        "type": message.type.value,
        "state": message.state.value,
        "duplicate": bool(message.duplicate_of),
        "recipients": sum(each.name in LEGS_SET_OUT for each in settled.events),
        "findings": [code.value for code in codes(message.findings)],
        "size": message.size,
        "batch": batch,
        "examine_ms": examine_ms,
        "commit_ms": commit_ms,
    }
