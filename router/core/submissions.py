"""A submission, read from what AMQP says of a message. Reading never fails.

One whose transport headers are wrong has an empty digest, which the pipeline refuses by name (`transport.headers`), so
that its sender hears of it.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from edxml_schemas.contract import CLAIM_THRESHOLD, Header, MessageType, Urgency, agent_of_key
from edxml_schemas.vouched import VOUCHED_CHARS
from router.core.records import Submission

SUBMISSION_ID: Final = re.compile(r"[!-~]{1,128}")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LARGEST_SIZE: Final = 2**40
SUBMITTED: Final[Mapping[str, MessageType]] = {each.value: each for each in (MessageType.DOCUMENT, MessageType.STATUS)}
_URGENCIES: Final[Mapping[str, Urgency]] = {each.value: each for each in Urgency}
_DIGEST_HEADER: Final = Header.DIGEST.value
_SIZE_HEADER: Final = Header.SIZE.value
_CLAIM_HEADER: Final = Header.CLAIM.value
_VOUCHED_HEADER: Final = Header.VOUCHED.value
_NO_TEXT: Final = "?"
"""Stands for a note that is no text: one that is there and cannot be read is refused, never overlooked."""

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
    digest = text_of(headers.get(_DIGEST_HEADER))
    size = number_of(headers.get(_SIZE_HEADER))
    claimed = text_of(headers.get(_CLAIM_HEADER)) == "1"
    named = submission_id is not None and SUBMISSION_ID.fullmatch(submission_id) is not None
    sound = (
        named and message_type in SUBMITTED and DIGEST.fullmatch(digest) is not None and 0 <= size <= LARGEST_SIZE
    ) and not (claimed and body)
    return Submission(
        submission_id=submission_id if named and submission_id else f"unnamed-{hashlib.sha256(body).hexdigest()}",
        agent=agent,
        user_id=user_id,
        type=SUBMITTED.get(message_type or "", MessageType.DOCUMENT),
        urgency=_URGENCIES[routing_key.partition(".")[0]],
        digest=digest if sound else "",
        size=max(0, min(size, LARGEST_SIZE)) if sound else len(body),
        body=None if (sound and claimed) or len(body) > CLAIM_THRESHOLD else body,
        received_at=received_at,
        redelivered=redelivered,
        vouched=_note_in(headers),
    )


def _note_in(headers: Headers) -> str:
    value = headers.get(_VOUCHED_HEADER)
    return "" if value is None else text_of(value)[: VOUCHED_CHARS + 1] or _NO_TEXT


def text_of(value: object) -> str:
    """A header's text; empty for anything that is none."""
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def number_of(value: object) -> int:
    """A header's number, -1 for anything that is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = text_of(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else -1
