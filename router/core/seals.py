"""Seals over the event log: each covers the events since the one before it, and is signed by the hub."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is stored: what is hashed is exactly this. `at` is microseconds since 1970-01-01 UTC, `facts` the
    stored JSON text."""

    seq: int
    name: str
    at: int
    message_id: str
    leg_id: str
    actor: str
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link of the chain. Digests are lower-case hexadecimal SHA-256.

    `number` counts from 1. `root` is the Merkle root over the events `first_seq` to `last_seq` (`count` of them; a
    sequence may have gaps), `previous` the `digest` of the seal before (64 zeros for the first), `digest` the hash of
    this seal's own words, `signature` the hub's over them, `certificate` its certificate (DER). `timestamp` is an
    RFC 3161 token over `digest`, empty when no authority was asked or none has answered yet.
    """

    number: int
    first_seq: int
    last_seq: int
    count: int
    root: str
    previous: str
    sealed_at: datetime
    digest: str
    signature: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    timestamp: bytes = field(default=b"", repr=False)
