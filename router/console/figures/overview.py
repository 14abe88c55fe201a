"""The overview: the hub at a glance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from edxml_schemas.catalogue import explain
from edxml_schemas.findings import FindingCode, finding
from router.console.shell.page import Page
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.deadlines import DEADLINE_TEXT, Deadline
from router.core.people import Person, Scope
from router.services.figures.room import Glance
from router.services.figures.statistics import Point

OVERVIEW: Final = "/overview"
OVERVIEW_TITLE: Final = Words("Tổng quan", "Overview")
MOST_AGENTS: Final = 12
MOST_QUEUES: Final = 12


class OverviewPage:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def show(self, _request: Request, _person: Person, scope: Scope) -> Page:
        room, now = self._rooms.figures, self._rooms.clock.now()
        reading = await room.readings.read()
        glance = await run_in_threadpool(room.glance, scope, reading, now=now)
        data = glance_as_dict(glance, now=now, everything=scope.everything)
        return Page(template="figures/overview.html", title=OVERVIEW_TITLE, data=data)


def glance_as_dict(glance: Glance, *, now: datetime, everything: bool) -> dict[str, Any]:
    """What the page and its twin show. What belongs to no organ is there only for who sees everything."""
    seen, standing = glance.overview, glance.overview.standing
    return {
        "at": glance.at,
        "slowest_at": glance.slowest_at,
        "minutes": _flow(seen.minutes),
        "hours": _flow(seen.hours),
        "days": _flow(seen.days),
        "last_minute": _last(seen.minutes[:-1]),
        "last_hour": sum(each.sent for each in seen.minutes),
        "today": _last(seen.days),
        "waiting": {
            "queued": standing.queued,
            "held": standing.held,
            "parked": standing.parked,
            "deferred": standing.deferred,
            "receipts": standing.receipts if everything else None,
            "dead": standing.dead if everything else None,
            "oldest_at": standing.oldest,
            "oldest_seconds": _seconds(standing.oldest, now),
        },
        "overdue": [
            {"deadline": each.value, "text": Words(*DEADLINE_TEXT[each]), "count": standing.overdue.get(each.value, 0)}
            for each in Deadline
        ],
        "overdue_oldest_at": standing.oldest_overdue,
        "agents": [
            {
                "agent": each.agent,
                "outbox": each.outbox,
                "overdue": each.overdue,
                "oldest_seconds": _seconds(each.oldest, now),
            }
            for each in standing.agents[:MOST_AGENTS]
        ],
        "queues": _queues(glance) if everything else [],
        "refusals": [{"code": code, "text": _text(code), "count": count} for code, count in seen.refusals],
        "slowest": [
            {
                "organ": each.organ,
                "name": each.name,
                "median_seconds": each.median.total_seconds(),
                "answered": each.answered,
                "late": each.late,
            }
            for each in seen.slowest
        ],
        "parts": [{"part": part, "works": not problem, "problem": problem} for part, problem in glance.parts.items()],
        "workers": glance.reading.workers if everything else None,
        "sees_processes": glance.reading.sees_processes,
        "certificates": {
            "days_left": dict(glance.endings.days_left) if everything else {},
            "organs": [{"within_days": days, "count": count} for days, count in glance.endings.organs.items()],
            "soonest": [{"organ": organ, "ends_at": end} for organ, end in glance.endings.soonest],
        },
    }


def _flow(points: Sequence[Point]) -> list[dict[str, Any]]:
    return [
        {"period": each.period, "sent": each.sent, "received": each.received, "refused": each.refused}
        for each in points
    ]


def _last(points: Sequence[Point]) -> int:
    return points[-1].sent if points else 0


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max((now - since).total_seconds(), 0.0)


def _queues(glance: Glance) -> list[dict[str, Any]]:
    """The longest."""
    found = sorted(glance.reading.depths or (), key=lambda each: (-each.messages, each.queue))
    return [
        {"queue": each.queue, "messages": each.messages, "consumers": each.consumers} for each in found[:MOST_QUEUES]
    ]


def _text(code: str) -> Words:
    """What a code says, without the facts of a single case."""
    known = next((each for each in FindingCode if each.value == code), None)
    if known is None:
        return Words(code, code)
    told = explain(finding(known))
    return Words(told.message_vi, told.message_en)
