"""Work lists in this process: the in-memory twin of `sql.work_lists`, held to the same contract tests."""

from collections.abc import Iterable, Sequence

from router.adapters.memory_store import MemoryStore
from router.adapters.memory_tables import Tables
from router.core.dead import DeadKind, DeadLetter, DeadState
from router.core.records import Leg, LegState, MessageRecord, MessageState
from router.core.work_lists import TAKING, Narrow, Place, WorkKind


class MemoryWorkQuestions:
    """`ports.WorkQuestions` on a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def legs(
        self, kind: WorkKind, narrow: Narrow, *, after: Place | None = None, limit: int
    ) -> Sequence[tuple[MessageRecord, Leg]]:
        with self._store.reading() as tables:
            found = [
                (tables.messages[leg.message_id], leg)
                for leg in tables.legs.values()
                if _is_in(leg, kind)
                and _sees_leg(narrow, tables.messages[leg.message_id], leg)
                and narrow.urgency in (None, leg.urgency)
                and narrow.agent in ("", leg.agent)
                and (narrow.rule is None or narrow.rule in leg.raised)
                and (narrow.since is None or leg.created_at >= narrow.since)
                and (after is None or (leg.created_at, leg.id) > (after.at, after.id))
            ]
        return tuple(sorted(found, key=lambda pair: (pair[1].created_at, pair[1].id))[:limit])

    def refused(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[MessageRecord]:
        with self._store.reading() as tables:
            found = [
                each
                for each in tables.messages.values()
                if each.state is MessageState.REFUSED
                and all(each.sender in organs - {""} or each.agent in agents for organs, agents in _asked(narrow))
                and narrow.urgency in (None, each.urgency)
                and narrow.agent in ("", each.agent)
                and (narrow.since is None or each.received_at >= narrow.since)
                and (after is None or (each.received_at, each.id) < (after.at, after.id))
            ]
        return tuple(sorted(found, key=lambda each: (each.received_at, each.id), reverse=True)[:limit])

    def letters(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[DeadLetter]:
        with self._store.reading() as tables:
            found = [
                each
                for each in tables.dead.values()
                if each.state is DeadState.OPEN
                and _sees_letter(narrow, tables, each)
                and narrow.urgency in (None, each.urgency)
                and narrow.agent in ("", each.agent)
                and (narrow.since is None or each.died_at >= narrow.since)
                and (after is None or (each.died_at, each.id) < (after.at, after.id))
            ]
        return tuple(sorted(found, key=lambda each: (each.died_at, each.id), reverse=True)[:limit])

    def letters_called(self, ids: Iterable[str], narrow: Narrow) -> Sequence[DeadLetter]:
        with self._store.reading() as tables:
            found = [tables.dead[each] for each in sorted(set(ids)) if each in tables.dead]
            return tuple(each for each in found if _sees_letter(narrow, tables, each))

    def count(self, kind: WorkKind, narrow: Narrow, *, most: int) -> int:
        if kind is WorkKind.DEAD:
            return len(self.letters(narrow, limit=most))
        if kind is WorkKind.REFUSED:
            return len(self.refused(narrow, limit=most))
        return len(self.legs(kind, narrow, limit=most))


def _is_in(leg: Leg, kind: WorkKind) -> bool:
    if kind is WorkKind.PARKED:
        return leg.state is LegState.PARKED
    if kind is WorkKind.HELD:
        return leg.state is LegState.HELD
    return bool(leg.raised) if kind is WorkKind.OVERDUE else not TAKING.isdisjoint(leg.raised)


def _asked(narrow: Narrow) -> Sequence[tuple[frozenset[str], frozenset[str]]]:
    pairs = ((narrow.scope.organs, narrow.scope_agents), (narrow.organs, narrow.agents))
    return [(organs, agents) for organs, agents in pairs if organs is not None]


def _sees_leg(narrow: Narrow, message: MessageRecord, leg: Leg) -> bool:
    parties = {leg.recipient, leg.forwarded_from, message.sender} - {""}
    return all(not organs.isdisjoint(parties) for organs, _ in _asked(narrow))


def _sees_letter(narrow: Narrow, tables: Tables, letter: DeadLetter) -> bool:
    leg = tables.legs.get(letter.leg_id) if letter.kind is DeadKind.DELIVERY else None
    parties = set() if leg is None else {leg.recipient, leg.forwarded_from, tables.messages[leg.message_id].sender}
    return all(letter.agent in agents or not organs.isdisjoint(parties - {""}) for organs, agents in _asked(narrow))
