"""What the console's pages stand on, and what one part of the console contributes to the whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.routing import BaseRoute

from router.console.shell.words import Words
from router.core.people import Person, Right, Scope
from router.core.work_lists import Count
from router.ports import Clock, Store
from router.services.accounts import Accounts
from router.services.alarms.desk import AlarmDesk
from router.services.audit import AuditBook
from router.services.documents.room import DocumentRoom
from router.services.figures.room import FigureRoom
from router.services.registration.bureau import Bureau
from router.services.registration.keyring import ReadOwnKeys
from router.services.search.finding import Search
from router.services.work_lists import WorkDesk
from router.settings import Settings

Counts = Callable[[Person, Scope], Mapping[str, int | Count]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The services that pages ask, put together in `router/app/console.py`. A part that needs one adds a field."""

    store: Store
    settings: Settings
    clock: Clock
    accounts: Accounts
    audit: AuditBook
    figures: FigureRoom
    alarms: AlarmDesk
    work: WorkDesk
    bureau: Bureau
    own_keys: ReadOwnKeys
    search: Search
    documents: DocumentRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    """One entry of the navigation. `path` is below /console, as in `page_route`. Shown to who has the right.

    Entries stand in the order of `place`: 10 overview, 20 search, 30 work, 40 registry, 50 statistics, 60 alarms,
    70 audit, 80 people.
    """

    path: str
    words: Words
    right: Right
    place: int


def _no_counts(_person: Person, _scope: Scope) -> Mapping[str, int | Count]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part of the console contributes. Each has a function `part(rooms: Rooms) -> Part`, named in
    `router/console/house.py`.

    `name` is the prefix of its templates (`<name>/page.html` in the folder `templates`). `styles` is appended to the
    one style sheet. `counts` are the numbers beside navigation entries by their path, zero hides one, and a `Count`
    that says more is shown as 1.000+; it is asked at most every few seconds per scope, in a thread.
    """

    name: str
    routes: Sequence[BaseRoute]
    navigation: Sequence[NavEntry] = ()
    templates: Path | None = None
    styles: Path | None = None
    counts: Counts = field(default=_no_counts)
