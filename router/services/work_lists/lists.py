"""The lists, page by page, and how long they are."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edxml_schemas.contract import Urgency
from router.core.dead import DeadLetter
from router.core.deadlines import Clocks, Deadline, Overdue, overdue
from router.core.people import Person, Role, Scope
from router.core.records import Leg, MessageRecord
from router.core.registry import Registry
from router.core.work_lists import TAKING, Count, Narrow, Place, WorkKind
from router.ports import Store
from router.ports.work_lists import WorkQuestions
from router.services.accounts.scopes import Scopes

COUNTED: Final = 1000
"""Who has more needs no figure."""
REMEMBERED: Final = 256  # sets of agents of one version of the registry


@dataclass(frozen=True, slots=True, kw_only=True)
class LegWork:
    """One leg that waits, with the deadlines that have passed and still stand."""

    message: MessageRecord
    leg: Leg
    overdue: tuple[Overdue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPage:
    """One page; `following` is where the next one begins, None when there is none."""

    rows: tuple[LegWork, ...]
    following: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPage:
    rows: tuple[DeadLetter, ...]
    following: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    rows: tuple[MessageRecord, ...]
    following: Place | None


class WorkLists:
    """The lists of one hub. Safe for several threads."""

    def __init__(self, store: Store, questions: WorkQuestions, clocks: Clocks) -> None:
        self._store = store
        self._questions = questions
        self._clocks = clocks
        self._scopes = Scopes()
        self._agents = _OwnAgents()

    def narrowed(
        self,
        scope: Scope,
        *,
        organ: str = "",
        urgency: Urgency | None = None,
        since: datetime | None = None,
        agent: str = "",
        rule: Deadline | None = None,
    ) -> Narrow:
        """What somebody sees of a list. `organ` (present or former code) stands for itself and all below it."""
        registry = self._store.registry()
        asked = Scope(None)
        if organ:
            asked = self._scopes.of(registry, Person(name="", display="", role=Role.VIEWER, root=organ))
        return Narrow(
            scope=scope,
            scope_agents=self._agents.of(registry, scope),
            organs=asked.organs,
            agents=self._agents.of(registry, asked),
            urgency=urgency,
            since=since,
            agent=agent,
            rule=rule,
        )

    def legs(self, kind: WorkKind, narrow: Narrow, *, after: Place | None, limit: int, now: datetime) -> LegPage:
        """A list of legs, the oldest first. What has been done since the hub looked last is left out, so that a page
        may be shorter than `limit`."""
        found = self._questions.legs(kind, narrow, after=after, limit=limit + 1)
        rows = tuple(
            LegWork(message=message, leg=leg, overdue=overdue(leg, message, self._clocks, now=now))
            for message, leg in found[:limit]
        )
        last = rows[-1].leg if len(found) > limit else None
        shown = tuple(each for each in rows if _still(kind, each, narrow.rule))
        return LegPage(rows=shown, following=Place(last.created_at, last.id) if last is not None else None)

    def refused(self, narrow: Narrow, *, after: Place | None, limit: int) -> RefusedPage:
        """Submissions that the hub refused, the newest first."""
        found = self._questions.refused(narrow, after=after, limit=limit + 1)
        rows = tuple(found[:limit])
        following = Place(rows[-1].received_at, rows[-1].id) if len(found) > limit else None
        return RefusedPage(rows=rows, following=following)

    def letters(self, narrow: Narrow, *, after: Place | None, limit: int) -> LetterPage:
        """Dead letters nobody has decided about, the newest first."""
        found = self._questions.letters(narrow, after=after, limit=limit + 1)
        rows = tuple(found[:limit])
        following = Place(rows[-1].died_at, rows[-1].id) if len(found) > limit else None
        return LetterPage(rows=rows, following=following)

    def letters_called(self, ids: Sequence[str], narrow: Narrow) -> Sequence[DeadLetter]:
        """Of these letters those that are seen, whatever became of them; by id."""
        return self._questions.letters_called(ids, narrow)

    def counts(self, narrow: Narrow) -> Mapping[WorkKind, Count]:
        """How long each list is, up to `COUNTED`."""
        return {kind: self._count(kind, narrow) for kind in WorkKind}

    def _count(self, kind: WorkKind, narrow: Narrow) -> Count:
        number = self._questions.count(kind, narrow, most=COUNTED + 1)
        return Count(min(number, COUNTED), more=number > COUNTED)


def sees_leg(scope: Scope, message: MessageRecord, leg: Leg) -> bool:
    """Whether somebody sees a leg: its sender, its recipient, or the recipient that the sender named."""
    return scope.sees(*({message.sender, leg.recipient, leg.forwarded_from} - {""}))


def _still(kind: WorkKind, work: LegWork, rule: Deadline | None) -> bool:
    if rule is not None and all(each.deadline is not rule for each in work.overdue):
        return False
    if kind is WorkKind.NOT_TAKEN:
        return any(each.deadline in TAKING for each in work.overdue)
    return kind is not WorkKind.OVERDUE or bool(work.overdue)


def own_agents(registry: Registry, organs: frozenset[str]) -> frozenset[str]:
    """The agents that carry for some of these organs and for no other. Pure."""
    inside: set[str] = set()
    outside: set[str] = set()
    for organ in registry.organs.values():
        if organ.agent:
            (inside if organ.code in organs else outside).add(organ.agent)
    return frozenset(inside - outside)


class _OwnAgents:
    """`own_agents`, remembered for the registry's present version."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: int | None = None
        self._known: dict[frozenset[str], frozenset[str]] = {}

    def of(self, registry: Registry, scope: Scope) -> frozenset[str]:
        if scope.organs is None:
            return frozenset()
        with self._lock:
            if self._version != registry.version or len(self._known) >= REMEMBERED:
                self._version = registry.version
                self._known.clear()
            if scope.organs not in self._known:
                self._known[scope.organs] = own_agents(registry, scope.organs)
            return self._known[scope.organs]
