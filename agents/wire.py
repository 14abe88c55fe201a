"""What messages on the broker say at the agent's end, the same on every link (see `edxml_schemas.contract`)."""

from collections.abc import Mapping
from typing import Final

from agents.ports import DeliveredNote, Incoming, Outgoing
from edxml_schemas.contract import Header, MessageType, Urgency

CLAIMED: Final = "1"


def submission_headers(outgoing: Outgoing) -> dict[str, str | int]:
    headers: dict[str, str | int] = {Header.DIGEST.value: outgoing.digest, Header.SIZE.value: outgoing.size}
    if outgoing.body is None:
        headers[Header.CLAIM.value] = CLAIMED
    if outgoing.vouched is not None:
        headers[Header.VOUCHED.value] = outgoing.vouched.encoded()
    return headers


def report_headers(note: DeliveredNote) -> dict[str, str | int]:
    headers: dict[str, str | int] = {
        Header.LEG.value: note.leg_id,
        Header.MESSAGE.value: note.message_id,
        Header.DIGEST.value: note.digest,
    }
    return headers


def incoming_of(
    message_type: str | None, headers: Mapping[str, object], body: bytes, *, urgency: Urgency, redelivered: bool = False
) -> Incoming | None:
    """None when the message is none of the contract's."""
    try:
        kind = MessageType(message_type or "")
    except ValueError:
        return None
    text = {name: _text(headers.get(name.value)) for name in Header}
    if kind is MessageType.DELIVERED or (kind is not MessageType.RECEIPT and not text[Header.LEG]):
        return None
    size = headers.get(Header.SIZE.value)
    return Incoming(
        type=kind,
        urgency=urgency,
        message_id=text[Header.MESSAGE],
        leg_id=text[Header.LEG],
        recipient=text[Header.RECIPIENT],
        sender=text[Header.SENDER],
        digest=text[Header.DIGEST],
        size=size if isinstance(size, int) else len(body),
        body=None if text[Header.CLAIM] == CLAIMED else body,
        redelivered=redelivered,
    )


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
