"""Records for tests, with everything filled in that a test does not care about."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from edxml_schemas.contract import MessageType, Urgency
from router.core.dead import DeadKind, DeadLetter
from router.core.records import Event, Leg, LegState, MessageRecord, MessageState, OutboxItem, OutboxKind, StatusRecord
from router.core.seals import Seal

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def message(name: str, **fields: Any) -> MessageRecord:
    """An accepted document called `m-<name>`."""
    filled: dict[str, Any] = {
        "id": f"m-{name}",
        "submission_id": f"s-{name}",
        "agent": "so-y-te",
        "type": MessageType.DOCUMENT,
        "state": MessageState.ACCEPTED,
        "urgency": Urgency.NORMAL,
        "digest": digest_of(name),
        "size": 4096,
        "payload": f"seg:worker-1-1.seg:0:{len(name)}",
        "received_at": NOON,
        "decided_at": NOON,
    }
    return MessageRecord(**{**filled, **fields})


def leg(of: MessageRecord, name: str, **fields: Any) -> Leg:
    """A queued leg called `l-<name>` to the organ 000.00.01.H30."""
    filled: dict[str, Any] = {
        "id": f"l-{name}",
        "message_id": of.id,
        "ordinal": 0,
        "recipient": "000.00.01.H30",
        "agent": "so-xay-dung",
        "state": LegState.QUEUED,
        "urgency": of.urgency,
        "created_at": of.received_at,
    }
    return Leg(**{**filled, **fields})


def status(message_id: str, leg_id: str, code: str = "03", **fields: Any) -> StatusRecord:
    filled: dict[str, Any] = {"sender": "000.00.01.H30", "said_at": None, "accepted_at": NOON}
    return StatusRecord(message_id=message_id, leg_id=leg_id, code=code, **{**filled, **fields})


def event(name: str, message_id: str, **fields: Any) -> Event:
    return Event(name=name, message_id=message_id, **{"at": NOON, **fields})


def outbox_item(name: str, **fields: Any) -> OutboxItem:
    """A delivery called `o-<name>` whose lease has run out at noon."""
    filled: dict[str, Any] = {
        "id": f"o-{name}",
        "kind": OutboxKind.DELIVERY,
        "type": MessageType.DOCUMENT,
        "agent": "so-xay-dung",
        "urgency": Urgency.NORMAL,
        "message_id": f"m-{name}",
        "created_at": NOON,
        "leased_until": NOON,
    }
    return OutboxItem(**{**filled, **fields})


def dead_letter(name: str, **fields: Any) -> DeadLetter:
    """A submission called `dead-<name>` that nobody has decided about."""
    filled: dict[str, Any] = {
        "id": f"dead-{name}",
        "kind": DeadKind.SUBMISSION,
        "queue": "truc.in.normal",
        "reason": "delivery_limit",
        "routing_key": "so-y-te.document",
        "digest": digest_of(name),
        "size": 4096,
        "died_at": NOON,
    }
    return DeadLetter(**{**filled, **fields})


def seal(number: int, first_seq: int, last_seq: int, **fields: Any) -> Seal:
    """A seal over these events; its signature is that of nobody."""
    filled: dict[str, Any] = {
        "number": number,
        "first_seq": first_seq,
        "last_seq": last_seq,
        "count": last_seq - first_seq + 1,
        "root": digest_of(f"root {number}"),
        "previous": digest_of(f"seal {number - 1}"),
        "sealed_at": NOON,
        "digest": digest_of(f"seal {number}"),
        "signature": b"\x00signature",
        "certificate": b"\xffcertificate",
    }
    return Seal(**{**filled, **fields})
