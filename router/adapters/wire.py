"""What messages on the broker say, read and written the same way by every broker adapter.

Reading never fails: a submission whose transport headers are wrong becomes one with an empty digest, which the
pipeline refuses by name (`transport.headers`), so that its sender hears of it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edxml_schemas.contract import (
    CLAIM_THRESHOLD,
    RECEIPTS_PER_MESSAGE,
    Header,
    MessageType,
    Urgency,
    agent_of_key,
    bundled,
)
from router.core.records import OutboxItem, OutboxKind, Submission
from router.ports import DeliveredReport

SUBMISSION_ID: Final = re.compile(r"[!-~]{1,128}")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LEG_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as `core/ids.py` makes them
LARGEST_SIZE: Final = 2**40
BUNDLE_BYTES: Final = 256 * 1024
"""Most bytes of receipts in one message; a longer receipt travels alone."""
SUBMITTED: Final = frozenset({MessageType.DOCUMENT.value, MessageType.STATUS.value})

Headers = Mapping[str, object]


def submission_of(
    *,
    routing_key: str,
    submission_id: str | None,
    message_type: str | None,
    user_id: str | None,
    headers: Headers,
    body: bytes,
    redelivered: bool,
    received_at: datetime,
) -> Submission | None:
    """A submission with what can be known of it; None when not even its agent can be told, so that nobody can be
    answered. One without a usable id gets an id from its bytes, so that a redelivery is still the same submission.

    A body above the claim threshold is let go here and taken as a claim check: what a worker's prefetch holds is
    bounded that way, and a sender that did not upload the bytes hears that they are not in the hub's store.
    """
    agent = agent_of_key(routing_key)
    if not agent:
        return None
    digest = _text(headers.get(Header.DIGEST))
    size = _number(headers.get(Header.SIZE))
    claimed = _text(headers.get(Header.CLAIM)) == "1"
    named = submission_id is not None and SUBMISSION_ID.fullmatch(submission_id) is not None
    sound = (
        named and message_type in SUBMITTED and DIGEST.fullmatch(digest) is not None and 0 <= size <= LARGEST_SIZE
    ) and not (claimed and body)
    return Submission(
        submission_id=submission_id if named and submission_id else f"unnamed-{hashlib.sha256(body).hexdigest()}",
        agent=agent,
        user_id=user_id,
        type=MessageType(message_type) if message_type in SUBMITTED else MessageType.DOCUMENT,
        urgency=Urgency(routing_key.partition(".")[0]),
        digest=digest if sound else "",
        size=max(0, min(size, LARGEST_SIZE)) if sound else len(body),
        body=None if (sound and claimed) or len(body) > CLAIM_THRESHOLD else body,
        received_at=received_at,
        redelivered=redelivered,
    )


def report_of(*, routing_key: str, message_type: str | None, headers: Headers, at: datetime) -> DeliveredReport | None:
    """What an agent reports; None when it cannot be read. The agent is whom the broker let write under this key."""
    leg_id = _text(headers.get(Header.LEG))
    digest = _text(headers.get(Header.DIGEST))
    named = LEG_ID.fullmatch(leg_id) and DIGEST.fullmatch(digest)
    if message_type != MessageType.DELIVERED or not named or not routing_key:
        return None
    return DeliveredReport(leg_id=leg_id, agent=routing_key, digest=digest, at=at)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on the broker. `places` are the outbox items in it, by their place in what was to be published."""

    item: OutboxItem
    places: tuple[int, ...]
    body: bytes


def parcels_of(items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Parcel]:
    """A message per delivery, and receipts for the same agent and lane together. `item` stands for its parcel."""
    parcels: list[Parcel] = []
    open_bundles: dict[tuple[str, Urgency], tuple[list[int], int]] = {}
    for place, (item, body) in enumerate(items):
        if item.kind is not OutboxKind.RECEIPT:
            parcels.append(Parcel(item, (place,), body))
            continue
        lane = (item.agent, item.urgency)
        places, size = open_bundles.get(lane, ([], 0))
        if places and (len(places) == RECEIPTS_PER_MESSAGE or size + len(body) > BUNDLE_BYTES):
            parcels.append(_bundle(items, places))
            places, size = [], 0
        open_bundles[lane] = ([*places, place], size + len(body))
    parcels += [_bundle(items, places) for places, _ in open_bundles.values()]
    return parcels


def _bundle(items: Sequence[tuple[OutboxItem, bytes]], places: Sequence[int]) -> Parcel:
    return Parcel(items[places[0]][0], tuple(places), bundled(items[place][1] for place in places))


def headers_of(item: OutboxItem) -> dict[str, str | int]:
    """AMQP headers of a delivery; empty ones are left out. A bundle of receipts has none: each speaks for itself."""
    if item.kind is OutboxKind.RECEIPT:
        return {}
    named: dict[str, str | int] = {
        Header.DIGEST.value: item.digest,
        Header.MESSAGE.value: item.message_id,
        Header.LEG.value: item.leg_id,
        Header.RECIPIENT.value: item.recipient,
        Header.SENDER.value: item.sender,
    }
    found = {name: value for name, value in named.items() if value}
    if item.digest:
        found[Header.SIZE.value] = item.size
    if item.claim:
        found[Header.CLAIM.value] = "1"
    return found


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = _text(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else -1
