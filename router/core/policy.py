"""What the operator decides, as one frozen value."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.secrecy import DEFAULT_SECRECY, SecrecyRules
from router.core.deadlines import DEFAULT_CLOCKS, Clocks
from router.core.retry import DEFAULT_RETRY, RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The hub's rules. Durations are `timedelta`, sizes bytes."""

    limits: Limits = DEFAULT_LIMITS
    require_user_id: bool = True
    """Whether a submission must carry the broker's word for who published it."""
    keep_refused_bytes: int = 2**20
    """Refused envelopes up to this size are kept as evidence; 0 keeps none."""
    lease_for: timedelta = timedelta(seconds=60)
    """How long a worker has the outbox items of its own decisions to itself."""
    defer_first: timedelta = timedelta(minutes=1)
    defer_longest: timedelta = timedelta(minutes=30)
    """A deferred verdict is tried again after the first of these, then after twice as long, up to the second."""
    defer_for: timedelta = timedelta(days=3)
    """A verdict that is still open after this time becomes a refusal, so that the sender hears of it."""
    held_check: timedelta = timedelta(minutes=5)
    """How often a leg whose recipient has no agent is looked at again."""
    clocks: Clocks = DEFAULT_CLOCKS
    """By when what has to be done, for each level of urgency; also when a leg is parked, and the sender told."""
    secrecy: SecrecyRules | None = DEFAULT_SECRECY
    """What marks a state secret, which is refused and not kept; None when the operator takes that upon himself."""
    handover_receipts: bool = True
    """Whether a sender gets a receipt when a document is in the inbox of a recipient's agent."""
    delivery_receipts: bool = True
    """Whether a sender gets a receipt when a document is durable at a recipient's agent."""

    @property
    def deliver_within(self) -> timedelta:
        """The time to live of an ordinary document on its way, and of a receipt."""
        return self.clocks.normal.deliver_within

    retry: RetryPolicy = DEFAULT_RETRY
    """The pauses after attempts to publish that failed."""

    @property
    def longest_pause(self) -> timedelta:
        """Nothing in the outbox waits for longer at a time."""
        return max(self.lease_for, self.held_check, self.retry.longest)

    def retry_after(self, attempts: int) -> timedelta:
        """The wait after so many attempts (1 is the first)."""
        doublings = min(max(attempts - 1, 0), 16)
        return min(self.defer_first * (1 << doublings), self.defer_longest)


DEFAULT_POLICY: Final = Policy()
