"""Digests of what the hub remembers: the words that an event carries about a record, so that the log proves it.

A digest is the SHA-256 of a JSON array: its version, then the values in the order stated here. Times are texts in
ISO 8601 as UTC, days ISO texts, absent ones null.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

MESSAGE_FIELDS: Final = (
    "id",
    "submission_id",
    "agent",
    "type",
    "state",
    "urgency",
    "digest",
    "size",
    "payload",
    "received_at",
    "decided_at",
    "content_digest",
    "sender",
    "document_id",
    "code",
    "subject",
    "doc_type",
    "priority",
    "promulgation_date",
    "arrived_on",
    "due_date",
    "status_code",
    "about",
    "certificate",
    "duplicate_of",
    "retry_at",
    "attempts",
    "findings",
)
"""A message's values in the order of its digest. A finding is [code, line, xpath, value, [[name, text], …]]."""

VOUCHED_FIELD: Final = "vouched"
"""Comes last, and only when an agent vouched: [system, digest of the original, its size, [names of repairs]]."""

STATUS_FIELDS: Final = (
    "message_id",
    "leg_id",
    "code",
    "sender",
    "said_at",
    "accepted_at",
    "description",
    "staff",
)
"""A status's values in the order of its digest."""

LEG_FIELDS: Final = (
    "id",
    "message_id",
    "ordinal",
    "recipient",
    "agent",
    "state",
    "urgency",
    "created_at",
    "handed_over_at",
    "delivered_at",
    "status",
    "status_at",
    "reason",
    "recall",
    "recall_at",
    "forwarded_from",
)
"""What of a leg follows from the log (see `replay.py`)."""

VERSION: Final = 1


def words_digest(values: tuple[object, ...]) -> str:
    """SHA-256 (lower-case hexadecimal) of a record's values in the stated order, as their own types or as JSON's."""
    return hashlib.sha256(orjson.dumps((VERSION, *values))).hexdigest()


def digest_of(values: Mapping[str, object], fields: Sequence[str]) -> str:
    """The digest of a record that is there as JSON. Raises KeyError when a field is missing."""
    return words_digest(tuple(values[each] for each in fields))


def message_digest_of(values: Mapping[str, object]) -> str:
    """The digest of a message's record that is there as JSON. Raises KeyError when a field is missing."""
    more = (VOUCHED_FIELD,) if VOUCHED_FIELD in values else ()
    return digest_of(values, (*MESSAGE_FIELDS, *more))
