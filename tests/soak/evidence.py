"""What the databases say in the end: the hub's, and every agent's. Read by column name, so that others may be added."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, inspect, text

from agents.errors import SpoolUnavailable
from agents.spool import Spool
from router.adapters.sql.engine import open_engine

LEG_ON_RECEIPT: Final = re.compile(rb"<LegId>([^<]+)</LegId>")
NOTHING_RAISED: Final = frozenset({"", "[]", "{}", None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: str
    submission_id: str
    agent: str
    type: str
    state: str
    digest: str
    sender: str
    document_id: str
    duplicate_of: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    id: str
    message_id: str
    recipient: str
    agent: str
    state: str
    status: str
    alarmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSays:
    """`events` are names by message and leg (empty for the message itself), in the order of writing."""

    messages: Mapping[str, Message]
    legs: Mapping[str, Leg]
    legs_of: Mapping[str, Sequence[Leg]]
    statuses: Mapping[str, Sequence[str]]
    """Codes by leg, in the order in which the hub accepted them."""
    events: Mapping[tuple[str, str], Sequence[str]]
    outbox: int
    """Deliveries and receipts that somebody should publish."""
    dead: Sequence[str]
    """Dead letters that nobody has decided on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    submission_id: str
    type: str
    state: str
    outcome: str
    duplicate: bool
    digest: str
    about_leg: str
    status_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    leg_id: str
    type: str
    recipient: str
    digest: str
    status_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSays:
    """`receipts` are pairs of kind and leg ids, by submission. `damaged` are digests whose bytes are others."""

    outbox: Mapping[str, Outgoing]
    inbox: Mapping[str, Incoming]
    receipts: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]
    damaged: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    hub: HubSays
    agents: Mapping[str, AgentSays]


def gathered(database: str, spools: Mapping[str, Spool]) -> Evidence:
    """Everything, when nothing moves any more."""
    return Evidence(hub=_hub(database), agents={name: _agent(spool) for name, spool in spools.items()})


def _hub(database: str) -> HubSays:
    engine = open_engine(database)
    try:
        with engine.connect() as connection:
            messages = {row["id"]: _message(row) for row in _rows(connection, "messages")}
            legs = {row["id"]: _leg(row) for row in _rows(connection, "legs")}
            legs_of: dict[str, list[Leg]] = {}
            for leg in legs.values():
                legs_of.setdefault(leg.message_id, []).append(leg)
            statuses: dict[str, list[str]] = {}
            for row in _rows(connection, "statuses ORDER BY seq"):
                statuses.setdefault(row["leg_id"], []).append(row["code"])
            events: dict[tuple[str, str], list[str]] = {}
            for row in _rows(connection, "events ORDER BY seq"):
                events.setdefault((row["message_id"], row["leg_id"]), []).append(row["name"])
            owed = connection.scalar(text("SELECT count(*) FROM outbox WHERE agent <> ''"))
            tables = inspect(connection).get_table_names()
            dead = (
                [row["id"] for row in _rows(connection, "dead_letters WHERE state IN ('open', 'returning')")]
                if ("dead_letters" in tables)
                else []
            )
        return HubSays(
            messages=messages,
            legs=legs,
            legs_of=legs_of,
            statuses=statuses,
            events=events,
            outbox=int(owed or 0),
            dead=dead,
        )
    finally:
        engine.dispose()


def _rows(connection: Connection, source: str) -> Iterator[Mapping[str, Any]]:
    for row in connection.execute(text(f"SELECT * FROM {source}")):  # noqa: S608  the sources are named above
        yield dict(row._mapping)


def _message(row: Mapping[str, Any]) -> Message:
    findings = json.loads(row["findings"] or "[]")
    names = (
        "id",
        "submission_id",
        "agent",
        "type",
        "state",
        "digest",
        "sender",
        "document_id",
        "duplicate_of",
    )
    return Message(**{name: row[name] for name in names}, codes=frozenset(_codes(findings)))


def _codes(findings: Any) -> Iterator[str]:
    """Every finding code in the stored JSON, whatever its shape."""
    if isinstance(findings, dict):
        for value in findings.values():
            yield from _codes(value)
    elif isinstance(findings, list):
        for each in findings:
            yield from _codes(each)
    elif isinstance(findings, str) and "." in findings:
        yield findings


def _leg(row: Mapping[str, Any]) -> Leg:
    names = ("id", "message_id", "recipient", "agent", "state", "status")
    return Leg(**{name: row[name] for name in names}, alarmed=row.get("raised", "") not in NOTHING_RAISED)


def _agent(spool: Spool) -> AgentSays:
    outgoing = ("submission_id", "type", "state", "outcome", "duplicate", "digest", "about_leg", "status_code")
    incoming = ("leg_id", "type", "recipient", "digest", "status_code")
    with spool._read() as connection:
        outbox = {row["submission_id"]: _picked(Outgoing, row, outgoing) for row in _rows(connection, "outbox")}
        inbox = {row["leg_id"]: _picked(Incoming, row, incoming) for row in _rows(connection, "inbox")}
        receipts: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for row in _rows(connection, "receipts"):
            named = tuple(leg.decode() for leg in LEG_ON_RECEIPT.findall(row["body"]))
            receipts.setdefault(row["submission_id"], []).append((row["kind"], named))
    kept = {each.digest for each in (*outbox.values(), *inbox.values())}
    return AgentSays(
        outbox=outbox,
        inbox=inbox,
        receipts=receipts,
        damaged=frozenset(digest for digest in kept if not _whole(spool, digest)),
    )


def _picked(kind: Any, row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return kind(**{name: row[name] for name in names})


def _whole(spool: Spool, digest: str) -> bool:
    try:
        return hashlib.sha256(spool.envelope(digest)).hexdigest() == digest
    except SpoolUnavailable:
        return False
