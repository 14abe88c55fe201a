"""The daily digest of a body: what its subtree has not taken, what is overdue, and what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from edxml_schemas.findings import codes
from edxml_schemas.visible import visible
from router.core.deadlines import DEADLINE_TEXT, Clocks
from router.core.notices import Notice, NoticeKind
from router.core.people import Person, Role, Scope
from router.core.records import MessageRecord
from router.core.registry import Registry
from router.ports import Store
from router.ports.alarms import AlarmBook, AlarmFacts
from router.services.accounts.scopes import scope_of
from router.services.alarms.looking import NOT_TAKEN
from router.services.alarms.watch import Speaking
from router.services.alarms.wording import VIETNAM
from router.services.carriage.deadlines import MOST_RAISED, alarms
from router.services.carriage.deadlines import Alarm as LateLeg

MOST_LINES: Final = 50
"""Of one section; the rest is counted."""
MOST_REFUSED: Final = 1000
SUBJECT_CHARS: Final = 80
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a body is told on one day. `refused` are its own documents of the last 24 hours, up to MOST_REFUSED."""

    organ: str
    name: str
    at: datetime
    not_taken: Sequence[LateLeg]
    overdue: Sequence[LateLeg]
    refused: Sequence[MessageRecord]

    @property
    def empty(self) -> bool:
        return not (self.not_taken or self.overdue or self.refused)


class Digests:
    """Writes digests. Sending one twice on a day is sending it once."""

    def __init__(
        self, store: Store, book: AlarmBook, facts: AlarmFacts, *, clocks: Clocks, speaking: Speaking, channel: str
    ) -> None:
        self._store = store
        self._book = book
        self._facts = facts
        self._clocks = clocks
        self._speaking = speaking
        self._channel = channel

    def of(self, organ: str, *, now: datetime) -> Digest | None:
        """None for an organ that the registry does not know."""
        registry = self._store.registry()
        return self._digest(registry, organ, self._late(now), now=now)

    def send_due(self, to: Mapping[str, Sequence[str]], *, hour: int, empty: bool, now: datetime) -> int:
        """Put today's digests into the outbox, once the hour has come in Vietnam; how many are new."""
        today = now.astimezone(VIETNAM)
        mark = f"digests {today:%Y-%m-%d}"
        if not to or today.hour < hour or self._book.mark("alarms.digests") == mark:
            return 0
        registry, late = self._store.registry(), self._late(now)
        notices = []
        for organ, addresses in sorted(to.items()):
            digest = self._digest(registry, organ, late, now=now)
            if digest is not None and addresses and (empty or not digest.empty):
                notices.append(self.notice(digest, addresses))
        # The ids hold the day: if the hub falls between the two, the next look changes nothing.
        new = self._book.add_notices(notices)
        self._book.put_mark("alarms.digests", mark)
        return new

    def notice(self, digest: Digest, addresses: Sequence[str]) -> Notice:
        day = digest.at.astimezone(VIETNAM)
        hub, name = self._speaking.hub, visible(digest.name)
        return Notice(
            id=f"digest-{day:%Y-%m-%d}-{digest.organ}",
            channel=self._channel,
            kind=NoticeKind.DIGEST,
            title=f"[{hub}] {name}: tình hình văn bản {day:%d/%m/%Y} / daily digest",
            text=digest_text(digest, hub=hub, console=self._speaking.console),
            data={"organ": digest.organ, "day": f"{day:%Y-%m-%d}", **_counts(digest)},
            to=tuple(addresses),
            created_at=digest.at,
            due_at=digest.at,
        )

    def _late(self, now: datetime) -> Sequence[LateLeg]:
        return alarms(self._store, self._clocks, now=now, limit=MOST_RAISED)

    def _digest(self, registry: Registry, code: str, late: Sequence[LateLeg], *, now: datetime) -> Digest | None:
        organ = registry.organ(code)
        if organ is None:
            return None
        scope = scope_of(registry, Person(name="", display="", role=Role.VIEWER, root=organ.code))
        mine = [each for each in late if _concerns(scope, each)]
        return Digest(
            organ=organ.code,
            name=organ.name,
            at=now,
            not_taken=[each for each in mine if each.overdue.deadline in NOT_TAKEN],
            overdue=[each for each in mine if each.overdue.deadline not in NOT_TAKEN],
            refused=self._facts.refused(scope.organs or (), since=now - DAY, limit=MOST_REFUSED),
        )


def _concerns(scope: Scope, late: LateLeg) -> bool:
    return scope.sees(late.leg.recipient, late.leg.forwarded_from, late.message.sender)


def digest_text(digest: Digest, *, hub: str, console: str) -> str:
    """What people read: Vietnamese, then the numbers in English."""
    counts = _counts(digest)
    lines = [
        f"{visible(digest.name)} ({digest.organ}), trục {hub}, {digest.at.astimezone(VIETNAM):%d/%m/%Y %H:%M}",
        "",
        f"Chưa lấy: {counts['not_taken']} · Quá hạn: {counts['overdue']} · "
        f"Bị từ chối trong 24 giờ: {counts['refused']}",
    ]
    lines += _section("CHƯA LẤY", [_leg_line(each) for each in digest.not_taken])
    lines += _section("QUÁ HẠN", [_leg_line(each) for each in digest.overdue])
    lines += _section("BỊ TỪ CHỐI", [_refused_line(each) for each in digest.refused])
    lines += [
        "",
        "— English —",
        f"Not taken: {counts['not_taken']} · Overdue: {counts['overdue']} · "
        f"Refused within 24 hours: {counts['refused']}",
    ]
    organ = quote(digest.organ, safe="")
    lines += [
        "",
        f"truc work overdue --organ {digest.organ} · {console}/work/overdue?organ={organ}",
        f"truc work refused --organ {digest.organ} · {console}/work/refused?organ={organ}",
    ]
    return "\n".join(lines) + "\n"


def digest_data(digest: Digest) -> dict[str, Any]:
    """A digest as `truc alarms digest --json` prints it."""
    return {
        "organ": digest.organ,
        "name": digest.name,
        "at": digest.at.isoformat(),
        "counts": _counts(digest),
        "not_taken": [_leg_data(each) for each in digest.not_taken],
        "overdue": [_leg_data(each) for each in digest.overdue],
        "refused": [
            {
                "message_id": each.id,
                "sender": each.sender,
                "code": each.code,
                "subject": each.subject,
                "received_at": each.received_at.isoformat(),
                "codes": [code.value for code in codes(each.findings)],
            }
            for each in digest.refused
        ],
    }


def _counts(digest: Digest) -> dict[str, int]:
    return {
        "not_taken": len(digest.not_taken),
        "overdue": len(digest.overdue),
        "refused": len(digest.refused),
    }


def _leg_data(late: LateLeg) -> dict[str, Any]:
    return {
        "message_id": late.message.id,
        "leg_id": late.leg.id,
        "sender": late.message.sender,
        "recipient": late.leg.recipient,
        "code": late.message.code,
        "subject": late.message.subject,
        "deadline": late.overdue.deadline.value,
        "since": late.overdue.since.isoformat(),
    }


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = len(lines) - MOST_LINES
    return ["", f"{title} ({len(lines)})", *lines[:MOST_LINES], *([f"… và {more} nữa"] if more > 0 else [])]


def _leg_line(late: LateLeg) -> str:
    message, leg = late.message, late.leg
    what = DEADLINE_TEXT[late.overdue.deadline][0]
    since = f"{late.overdue.since.astimezone(VIETNAM):%d/%m %H:%M}"
    return f"• {_number(message)} {message.sender} → {leg.recipient}: {what}, từ {since}. {_shown(message.subject)}"


def _refused_line(message: MessageRecord) -> str:
    named = ", ".join(code.value for code in codes(message.findings))
    at = f"{message.received_at.astimezone(VIETNAM):%d/%m %H:%M}"
    return f"• {_number(message)} {message.sender}, {at}: {named}. {_shown(message.subject)}"


def _number(message: MessageRecord) -> str:
    return visible(message.code or message.status_code or message.document_id or message.id[:8])


def _shown(subject: str) -> str:
    text = visible(" ".join(subject.split()))
    return text if len(text) <= SUBJECT_CHARS else f"{text[: SUBJECT_CHARS - 1]}…"
