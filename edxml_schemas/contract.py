"""The wire contract between agents and hub: names on the broker, message properties, claim checks.

Both sides import it and nothing else of each other. Names are stable; a change is a new version of the contract.

    agent ──submit exchange (topic)──► ingest.urgent / ingest.normal ──► hub
    hub ──deliver exchange (direct)──► inbox.<agent>.urgent / .normal ──► agent
    agent ──report exchange (topic)──► reports ──► hub
    rejected or crashing messages ──dead exchange (fanout)──► dead
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edxml_schemas.statuses import overtakes

SUBMIT_EXCHANGE: Final = "edxml.submit"
DELIVER_EXCHANGE: Final = "edxml.deliver"
REPORT_EXCHANGE: Final = "edxml.report"
DEAD_EXCHANGE: Final = "edxml.dead"

DEAD_QUEUE: Final = "edxml.dead"
REPORT_QUEUE: Final = "edxml.reports"

DELIVERY_LIMIT: Final = 5
"""Times the broker hands a message to code that crashes on it before the message is a dead letter."""

CLAIM_THRESHOLD: Final = 2**20
"""Envelopes of more bytes travel as a claim check: the queue carries digest and size, the blob store the bytes."""

AGENT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
"""An agent's name is its broker user, too, and part of routing keys: lower case, digits and hyphens, no dot."""


RECEIPTS_PER_MESSAGE: Final = 64
"""Receipts for one agent travel together, up to so many: a message of their own each would cost the broker more than
the documents do."""

_LENGTH_BYTES: Final = 4


class Urgency(StrEnum):
    """Which of the two lanes a message takes. Khẩn and above overtake."""

    URGENT = "urgent"
    NORMAL = "normal"


class MessageType(StrEnum):
    """The AMQP property `type`."""

    DOCUMENT = "edoc"
    STATUS = "status"
    RECEIPT = "receipt"
    DELIVERED = "delivered"  # an agent's acknowledgement of a leg, on the report exchange


class Header(StrEnum):
    """AMQP headers of submissions and deliveries. Values are text unless said otherwise."""

    DIGEST = "x-edxml-digest"  # SHA-256 of the envelope's bytes, lower-case hexadecimal
    SIZE = "x-edxml-size"  # bytes of the envelope, integer
    CLAIM = "x-edxml-claim"  # "1" when the body is empty and the envelope waits in the blob store
    MESSAGE = "x-edxml-message"  # the hub's id of the message
    LEG = "x-edxml-leg"  # the hub's id of the leg
    RECIPIENT = "x-edxml-recipient"  # organ code of the recipient
    FORWARDED = "x-edxml-forwarded-from"  # organ code that the sender named, when another one receives for it
    SENDER = "x-edxml-sender"  # organ code of the sender
    VOUCHED = "x-edxml-vouched"  # of a submission: the note of `vouched.py`, when the agent vouches for its system


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim check: which bytes, and how many."""

    digest: str
    size: int


def bundled(receipts: Iterable[bytes]) -> bytes:
    """The body of a message of type `receipt`: every receipt after its length in bytes (4 bytes, big-endian)."""
    return b"".join(part for each in receipts for part in (len(each).to_bytes(_LENGTH_BYTES), each))


def unbundled(body: bytes) -> tuple[bytes, ...] | None:
    """The receipts of a message; None when the lengths do not add up, or there is none."""
    found: list[bytes] = []
    start = 0
    while start + _LENGTH_BYTES <= len(body):
        end = start + _LENGTH_BYTES + int.from_bytes(body[start : start + _LENGTH_BYTES])
        found.append(body[start + _LENGTH_BYTES : end])
        start = end
    return tuple(found) if found and start == len(body) else None


def urgency_of(priority: int) -> Urgency:
    """The lane of a document of this priority; statuses and receipts of an urgent document take its lane."""
    return Urgency.URGENT if overtakes(priority) else Urgency.NORMAL


def ingest_queue(urgency: Urgency) -> str:
    return f"edxml.ingest.{urgency.value}"


def inbox_queue(agent: str, urgency: Urgency) -> str:
    return f"edxml.inbox.{agent}.{urgency.value}"


def submit_key(agent: str, urgency: Urgency) -> str:
    """Routing key on the submit exchange: the broker's topic permissions hold an agent to its own."""
    return f"{urgency.value}.{agent}"


def agent_of_key(routing_key: str) -> str:
    """The agent named by a submit key; empty when the key has another shape."""
    urgency, _, agent = routing_key.partition(".")
    return agent if urgency in {"urgent", "normal"} and AGENT_NAME.fullmatch(agent) else ""


def deliver_key(agent: str, urgency: Urgency) -> str:
    return f"{agent}.{urgency.value}"


def report_key(agent: str) -> str:
    return agent


QUORUM_ARGUMENTS: Final[dict[str, object]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD_EXCHANGE,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
"""Of ingest, report and inbox queues. Dead-lettering is at-least-once only with the last two."""

DEAD_ARGUMENTS: Final[dict[str, object]] = {"x-queue-type": "quorum"}
"""A dead letter stays until someone handles it: no limit, no second dead-letter exchange."""
