"""Reads the log of events as it grows, once: decisions are counted, and security events found.

An event is drawn a `seq` before its transaction ends, so a lower one may still appear after a higher one. Therefore
only what was there at the look before is read: what took longer than the time between two looks is missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from edxml_schemas.findings import FindingCode
from router.core.alarm_rules import AlarmKind
from router.core.alarm_signals import Verdicts
from router.core.event_names import EventName
from router.core.seals import EventRow
from router.ports.alarms import AlarmFacts

PORTION: Final = 50_000
"""Events counted at one look."""
MOST_ROWS: Final = 5000
"""Refusals and security events read at one look; a flood beyond that is counted by the next looks."""
MOST_SLICES: Final = 500
MOST_WHO: Final = 500

DECIDED: Final = frozenset({EventName.MESSAGE_ACCEPTED, EventName.MESSAGE_REFUSED, EventName.MESSAGE_DUPLICATE})
FORGED_CODES: Final = frozenset(
    {
        FindingCode.SIGNATURE_DIGEST,
        FindingCode.SIGNATURE_VALUE,
        FindingCode.SIGNATURE_DECORATIVE,
        FindingCode.SENDER_CERTIFICATE,
        FindingCode.TRUST_UNKNOWN_ISSUER,
        FindingCode.TRUST_CHAIN,
        FindingCode.TRUST_REVOKED,
        FindingCode.VOUCHING_DIFFERS,
    }
)
"""Of a refusal: somebody signed what they may not, or changed what was signed."""
FOREIGN_CODES: Final = frozenset({FindingCode.TRANSPORT_IDENTITY, FindingCode.SENDER_AGENT})
"""Of a refusal: somebody spoke for an organ or an agent that is not theirs."""
READ: Final = frozenset(
    {
        EventName.MESSAGE_REFUSED,
        EventName.REPORT_FOREIGN,
        EventName.REPORT_DIGEST,
        EventName.SESSION_REFUSED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What happened lately. `slices` are moments with decisions and refusals; `who` are moments by kind and name."""

    seq: int = -1
    ready: int = -1
    """What was there at the last look."""
    slices: tuple[tuple[float, int, int], ...] = ()
    who: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    def encoded(self) -> str:
        who = [[kind, name, list(moments)] for (kind, name), moments in self.who.items()]
        return orjson.dumps({"seq": self.seq, "ready": self.ready, "slices": self.slices, "who": who}).decode()


def window_of(text: str) -> Window:
    """What `encoded` wrote; an empty one for anything else."""
    try:
        read: Mapping[str, Any] = orjson.loads(text)
        return Window(
            seq=int(read["seq"]),
            ready=int(read["ready"]),
            slices=tuple((float(at), int(decided), int(refused)) for at, decided, refused in read["slices"]),
            who={(str(kind), str(name)): tuple(map(float, moments)) for kind, name, moments in read["who"]},
        )
    except (ValueError, KeyError, TypeError):
        return Window()


def read_on(facts: AlarmFacts, before: Window, *, now: datetime, span: timedelta) -> Window:
    """The window after one more look. The first look only notes where the log ends: what is older is no news."""
    newest = facts.newest_event()
    if before.seq < 0:
        return Window(seq=newest, ready=newest)
    up_to = min(before.ready, before.seq + PORTION)
    since = (now - span).timestamp()
    slices = [each for each in before.slices if since <= each[0] <= now.timestamp()]
    who = {key: [at for at in moments if since <= at] for key, moments in before.who.items()}
    if up_to > before.seq:
        counts = facts.tally(before.seq, up_to)
        decided = sum(counts.get(each.value, 0) for each in DECIDED)
        refused = counts.get(EventName.MESSAGE_REFUSED.value, 0)
        if decided:
            slices.append((now.timestamp(), decided, refused))
        names = {each.value for each in READ if counts.get(each.value)}
        rows = facts.events_named(names, after=before.seq, up_to=up_to, limit=MOST_ROWS) if names else ()
        for kind, name in _named(rows):
            who.setdefault((kind.value, name), []).append(now.timestamp())
    kept = {key: tuple(moments) for key, moments in sorted(who.items(), key=_weight)[:MOST_WHO] if moments}
    return replace(
        before,
        seq=max(before.seq, up_to),
        ready=max(newest, before.ready),
        slices=tuple(slices[-MOST_SLICES:]),
        who=kept,
    )


def verdicts_in(window: Window, span: timedelta) -> Verdicts:
    decided = sum(count for _, count, _ in window.slices)
    refused = sum(count for _, _, count in window.slices)
    return Verdicts(decided=decided, refused=refused, window=span)


def counts_in(window: Window) -> Mapping[tuple[AlarmKind, str], int]:
    return {(AlarmKind(kind), name): len(moments) for (kind, name), moments in window.who.items()}


def _weight(item: tuple[tuple[str, str], list[float]]) -> tuple[int, str]:
    return -len(item[1]), item[0][1]


def _named(rows: Sequence[EventRow]) -> list[tuple[AlarmKind, str]]:
    found = []
    for row in rows:
        kind = kind_of(row)
        if kind is not None:
            found.append((kind, who_of(row)))
    return found


def kind_of(row: EventRow) -> AlarmKind | None:
    """Of which burst an event is a part; None for all others."""
    if row.name == EventName.SESSION_REFUSED:
        return AlarmKind.SIGN_INS
    if row.name in (EventName.REPORT_FOREIGN, EventName.REPORT_DIGEST):
        return AlarmKind.FOREIGN
    if row.name != EventName.MESSAGE_REFUSED:
        return None
    codes = frozenset(facts_in(row).get("codes", "").replace(",", " ").split())
    if codes & FOREIGN_CODES:
        return AlarmKind.FOREIGN
    return AlarmKind.FORGED if codes & FORGED_CODES else None


def who_of(row: EventRow) -> str:
    """Who did it: the agent, or for a sign-in the address it came from."""
    facts = facts_in(row)
    if row.name == EventName.SESSION_REFUSED:
        return facts.get("address", "") or facts.get("user", "") or "?"
    return facts.get("agent", "") or row.actor.removeprefix("agent:") or "?"


def facts_in(row: EventRow) -> Mapping[str, str]:
    try:
        read = orjson.loads(row.facts) if row.facts else {}
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}
