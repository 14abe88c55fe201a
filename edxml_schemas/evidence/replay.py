"""From a message's events to the state of its legs: what the log says that the table of legs must say.

The rules repeat, from the events alone, what the hub did when it wrote them. A leg that differs was changed by somebody
else than the hub, or an event was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import orjson

from edxml_schemas.evidence.merkle import EventWords
from edxml_schemas.evidence.records import LEG_FIELDS
from edxml_schemas.statuses import REASON_REQUIRED

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

WORK_MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "look_at": "when a leg is looked at next: too early is harmless, and it follows from the clocks of the policy",
        "raised": "a memory of which alarms were told; what is overdue is computed anew when it is asked for",
        "version": "counts writes, so that two writers notice each other; nothing is decided by it",
    }
)
"""Columns of a leg that are no statement about a document, and why. Nothing else is left out."""

_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "leg.queued": "queued",
        "leg.held": "held",
        "leg.released": "queued",
        "leg.handed-over": "handed-over",
        "leg.delivered": "delivered",
        "leg.parked": "parked",
    }
)
_CREATED: Final = frozenset({"leg.queued", "leg.held", "leg.forwarded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of a leg that is not what the log says. `field` is empty when the whole leg is missing or unknown."""

    leg_id: str
    field: str
    found: str
    logged: str


def moment_text(at: int) -> str:
    """Microseconds since 1970 as ISO 8601."""
    return (EPOCH + timedelta(microseconds=at)).isoformat()


def facts_of(event: EventWords) -> Mapping[str, str]:
    """The facts of a stored event; none for a text that is no JSON object."""
    try:
        read = orjson.loads(event[6]) if event[6] else {}
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def replayed(
    events: Iterable[EventWords], *, urgency: str, descriptions: Mapping[tuple[str, str], str]
) -> Mapping[str, Mapping[str, object]]:
    """The legs that the events of one message (in order of seq) make, by id, with the values of `LEG_FIELDS`.

    `urgency` is the message's; `descriptions` are those of the statuses, by status message and leg.
    """
    legs: dict[str, dict[str, object]] = {}
    for event in events:
        _, name, at, message_id, leg_id, _, _ = event
        if not leg_id or not name.startswith("leg."):
            continue
        facts = facts_of(event)
        leg = legs.get(leg_id)
        if leg is None:
            if name not in _CREATED:
                continue
            leg = legs[leg_id] = _created(leg_id, message_id, ordinal=len(legs), at=at, urgency=urgency)
        _step(leg, name, at, facts, descriptions)
    return legs


def differences(
    logged: Mapping[str, Mapping[str, object]], found: Mapping[str, Mapping[str, object]]
) -> tuple[Difference, ...]:
    """What differs between the legs of the log and those of the table, both by id with the values of `LEG_FIELDS`."""
    told: list[Difference] = []
    for leg_id in dict.fromkeys((*logged, *found)):
        said, there = logged.get(leg_id), found.get(leg_id)
        if said is None or there is None:
            absent, present = ("", "leg") if said is None else ("leg", "")
            told.append(Difference(leg_id=leg_id, field="", found=present, logged=absent))
            continue
        told += [
            Difference(leg_id=leg_id, field=each, found=_shown(there[each]), logged=_shown(said[each]))
            for each in LEG_FIELDS
            if there[each] != said[each]
        ]
    return tuple(told)


def _created(leg_id: str, message_id: str, *, ordinal: int, at: int, urgency: str) -> dict[str, object]:
    return {
        "id": leg_id,
        "message_id": message_id,
        "ordinal": ordinal,
        "recipient": "",
        "agent": "",
        "state": "queued",
        "urgency": urgency,
        "created_at": moment_text(at),
        "handed_over_at": None,
        "delivered_at": None,
        "status": "",
        "status_at": None,
        "reason": "",
        "recall": "none",
        "recall_at": None,
        "forwarded_from": "",
    }


def _step(
    leg: dict[str, object],
    name: str,
    at: int,
    facts: Mapping[str, str],
    descriptions: Mapping[tuple[str, str], str],
) -> None:
    """What one event makes of a leg."""
    if name in _STATES:
        leg["state"] = "delivered" if name == "leg.handed-over" and leg["state"] == "delivered" else _STATES[name]
        leg["recipient"] = facts.get("recipient", leg["recipient"])
    match name:
        case "leg.queued" | "leg.held":
            leg["agent"] = facts.get("agent", leg["agent"])
            leg["handed_over_at"] = None
        case "leg.released":
            leg["agent"] = facts.get("agent", leg["agent"])
        case "leg.forwarded":
            leg["recipient"] = facts.get("recipient", leg["recipient"])
            leg["forwarded_from"] = facts.get("forwarded_from", leg["forwarded_from"])
        case "leg.handed-over":
            leg["handed_over_at"] = leg["handed_over_at"] or moment_text(at)
        case "leg.delivered":
            leg["delivered_at"] = moment_text(at)
        case "leg.status":
            _status(leg, at, facts, descriptions)
        case "leg.recall":
            if leg["recall"] == "none" and facts.get("state", "none") != "none":
                leg["recall_at"] = moment_text(at)
            leg["recall"] = facts.get("state", leg["recall"])
        case _:
            pass


def _status(
    leg: dict[str, object], at: int, facts: Mapping[str, str], descriptions: Mapping[tuple[str, str], str]
) -> None:
    stands = facts.get("stands", "")
    if stands == leg["status"]:
        return
    reason = descriptions.get((facts.get("by", ""), str(leg["id"])), "") if stands in REASON_REQUIRED else ""
    leg.update(status=stands, status_at=moment_text(at), reason=reason)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
