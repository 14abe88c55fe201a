"""Who did what, when and why: the deeds of people out of the log, as far as somebody may know of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from router.core.audit import PEOPLE, Deed, DeedQuestion
from router.core.events import EVENTS
from router.core.people import EVERYTHING, Scope
from router.core.records import Event
from router.ports import Store
from router.ports.audit import Audit
from router.ports.people import People

LOOKED_AT: Final = 500
"""Deeds that one page looks at to find those within a scope; the next page goes on from there."""

OWN_COLUMNS: Final = ("reason",)
ORGAN_FACTS: Final = ("organ", "recipient", "root", "sender", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedPage:
    """Deeds, the newest first. `after` is where the next page begins; None at the end of the log."""

    deeds: Sequence[Deed]
    after: int | None


def subjects() -> Sequence[str]:
    """What deeds may be about: the parts of events' names before the dot, in the order of the catalogue."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in EVENTS))


class AuditBook:
    """Reads the log on behalf of somebody."""

    def __init__(self, audit: Audit, store: Store, people: People) -> None:
        self._audit = audit
        self._store = store
        self._people = people

    def page(
        self, question: DeedQuestion, *, scope: Scope = EVERYTHING, before: int | None = None, limit: int = 50
    ) -> DeedPage:
        """Within a scope are deeds of and about its accounts, and those about its organs and documents."""
        if scope.everything:
            found = self._audit.deeds(question, before=before, limit=limit + 1)
            return _cut(found, limit)
        knows = _Knowing(self._store, self._people, scope)
        looked = self._audit.deeds(question, before=before, limit=LOOKED_AT + 1)
        seen = [each for each in looked[:LOOKED_AT] if knows.of(each.event)]
        if len(seen) > limit:
            return _cut(seen, limit)
        return DeedPage(deeds=seen, after=looked[LOOKED_AT - 1].seq if len(looked) > LOOKED_AT else None)


class _Knowing:
    """Whether an event is within a scope; asks for each account and each document once."""

    def __init__(self, store: Store, people: People, scope: Scope) -> None:
        self._store = store
        self._scope = scope
        self._accounts = _once(lambda name: self._has_account(people, name))
        self._documents = _once(self._has_document)

    def of(self, event: Event) -> bool:
        names = [event.facts.get("user", "")]
        names += [event.actor.removeprefix(kind) for kind in PEOPLE if event.actor.startswith(kind)][:1]
        return (
            self._scope.sees(*(event.facts.get(name, "") for name in ORGAN_FACTS))
            or any(self._accounts(name) for name in names if name)
            or (bool(event.message_id) and self._documents(event.message_id))
        )

    def _has_account(self, people: People, name: str) -> bool:
        user = people.user(name)
        return user is not None and bool(user.root) and self._scope.sees(user.root)

    def _has_document(self, message_id: str) -> bool:
        message = self._store.message(message_id)
        return message is not None and self._scope.sees(message.sender)


def _once(ask: Callable[[str], bool]) -> Callable[[str], bool]:
    known: dict[str, bool] = {}

    def remembered(key: str) -> bool:
        if key not in known:
            known[key] = ask(key)
        return known[key]

    return remembered


def _cut(found: Sequence[Deed], limit: int) -> DeedPage:
    return DeedPage(deeds=found[:limit], after=found[limit - 1].seq if len(found) > limit else None)


def deed_as_dict(deed: Deed) -> Mapping[str, Any]:
    """{seq, at, name, text: {vi, en}, by, at_terminal, message_id, leg_id, reason, facts: the others}."""
    event = deed.event
    row = EVENTS.get(event.name)
    kind, _, name = event.actor.partition(":")
    return {
        "seq": deed.seq,
        "at": event.at,
        "name": event.name,
        "text": {"vi": row.vi if row is not None else event.name, "en": row.en if row is not None else event.name},
        "by": name or event.actor,
        "at_terminal": kind == "admin",
        "message_id": event.message_id,
        "leg_id": event.leg_id,
        "reason": event.facts.get("reason", ""),
        "facts": {key: value for key, value in event.facts.items() if key not in OWN_COLUMNS and value},
    }
