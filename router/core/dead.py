"""Dead letters: what the broker gave up on, kept with its bytes until somebody decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from edxml_schemas.contract import Urgency


class DeadKind(StrEnum):
    """What it was on its way to be."""

    SUBMISSION = "submission"  # from an agent, to the hub
    REPORT = "report"  # an agent's acknowledgement of a leg
    DELIVERY = "delivery"  # from the hub, in an agent's inbox
    UNREADABLE = "unreadable"  # not even that can be told


class DeadState(StrEnum):
    OPEN = "open"  # waits for somebody's decision
    RETURNING = "returning"  # sent back by an administrator; takes its way again at `return_at`
    RETURNED = "returned"  # took its way again
    DISCARDED = "discarded"  # by an administrator, with a reason; the bytes stay as evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message that died.

    `id` follows from where it died and what it was, so that a second death is the same letter.

    `queue` is where it died and `reason` the broker's word for why (`delivery_limit`, `rejected`, `expired`,
    `maxlen`). `deaths` is how often it died, `attempts` how often the last time it was handed out. `properties` are
    the AMQP properties and headers as texts, bounded. `payload` says where the bytes are (see `ports.Payloads`).
    """

    id: str
    kind: DeadKind
    state: DeadState = DeadState.OPEN
    queue: str
    reason: str
    routing_key: str
    agent: str = ""
    user_id: str | None = None
    submission_id: str = ""
    leg_id: str = ""
    type: str = ""
    urgency: Urgency = Urgency.NORMAL
    digest: str
    size: int
    payload: str = ""
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    attempts: int = 0
    deaths: int = 1
    died_at: datetime
    return_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str = ""
    note: str = ""
