"""What messages on the broker say, read and written the same way by every broker adapter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edxml_schemas.contract import (
    RECEIPTS_PER_MESSAGE,
    Header,
    MessageType,
    Urgency,
    bundled,
)
from router.core.records import OutboxItem, OutboxKind
from router.core.submissions import DIGEST, Headers, submission_of, text_of
from router.ports import DeliveredReport

LEG_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as `core/ids.py` makes them
__all__ = ["BUNDLE_BYTES", "LEG_ID", "Parcel", "headers_of", "parcels_of", "report_of", "submission_of"]

BUNDLE_BYTES: Final = 256 * 1024
"""Most bytes of receipts in one message; a longer receipt travels alone."""


def report_of(*, routing_key: str, message_type: str | None, headers: Headers, at: datetime) -> DeliveredReport | None:
    """What an agent reports; None when it cannot be read. The agent is whom the broker let write under this key."""
    leg_id = text_of(headers.get(Header.LEG.value))
    digest = text_of(headers.get(Header.DIGEST.value))
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


_DIGEST: Final = Header.DIGEST.value
_SIZE: Final = Header.SIZE.value
_CLAIM: Final = Header.CLAIM.value
_MESSAGE: Final = Header.MESSAGE.value
_LEG: Final = Header.LEG.value
_RECIPIENT: Final = Header.RECIPIENT.value
_FORWARDED: Final = Header.FORWARDED.value
_SENDER: Final = Header.SENDER.value


def headers_of(item: OutboxItem) -> dict[str, str | int]:
    """AMQP headers of a delivery; empty ones are left out. A bundle of receipts has none: each speaks for itself."""
    if item.kind is OutboxKind.RECEIPT:
        return {}
    named: dict[str, str | int] = {
        _DIGEST: item.digest,
        _MESSAGE: item.message_id,
        _LEG: item.leg_id,
        _RECIPIENT: item.recipient,
        _SENDER: item.sender,
        _FORWARDED: item.forwarded_from,
    }
    found = {name: value for name, value in named.items() if value}
    if item.digest:
        found[_SIZE] = item.size
    if item.claim:
        found[_CLAIM] = "1"
    return found
