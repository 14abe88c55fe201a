"""What people do while the stage shakes: documents are put into the agents' spools, and recipients say statuses.

Both work on the spools from this process, as a document system beside `truc-agent run` does.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, Self

from sqlalchemy import func, select

from agents.desk import Desk
from agents.settings import load_settings
from agents.spool import Spool
from agents.spool.records import InboxItem, SubmissionState
from agents.spool.schema import outbox
from edxml_schemas.contract import MessageType
from edxml_schemas.statuses import StatusCode
from tests.soak.country import AGENTS, Country
from tests.soak.ledger import Entry, Fate, Ledger, Said
from tests.soak.load import Drop

LOOK: Final = 0.1  # seconds between two looks at the spools
PORTION: Final = 20  # submissions between two looks
READ: Final = 100  # deliveries that one agent's people look at in one go
BATTERY: Final = (
    (0.78, ()),
    (0.88, (StatusCode.RECEIVED,)),
    (0.92, (StatusCode.RECEIVED, StatusCode.ASSIGNED, StatusCode.FINISHED)),
    (0.95, (StatusCode.FINISHED, StatusCode.RECEIVED)),
    (0.98, (StatusCode.RECEIVED, StatusCode.RECEIVED)),
    (1.00, (StatusCode.RECEPTION_REFUSED,)),
)
"""Which statuses a recipient says, by the draw of a number below one; repeated and overtaken ones among them."""


@dataclass(slots=True)
class Players:
    """`desks` are the agents' desks, by name. `fed` counts the documents that were put into spools."""

    desks: Mapping[str, Desk]
    ledger: Ledger
    seed: int
    fed: int = 0
    statuses: int = 0
    recent: list[Entry] = field(default_factory=list)
    """The last submissions, for whoever wants to repeat one."""

    @classmethod
    def opened(cls, country: Country, ledger: Ledger, *, seed: int, until: ExitStack) -> Self:
        """The spools are closed when `until` is."""
        desks = {}
        for name in AGENTS:
            settings = load_settings(country.settings(name))
            desks[name] = Desk(settings, until.enter_context(Spool.open(settings.spool)))
        return cls(desks, ledger, seed)

    def unanswered(self) -> int:
        """Documents of all agents that the hub's receipt has not come for."""
        open_states = [SubmissionState.WAITING.value, SubmissionState.PUBLISHED.value]
        total = 0
        for desk in self.desks.values():
            with desk.spool._read() as connection:
                question = select(func.count()).where(
                    outbox.c.state.in_(open_states), outbox.c.type == MessageType.DOCUMENT.value
                )
                total += int(connection.scalar(question) or 0)
        return total

    async def feed(self, load: Iterable[Drop], *, window: int, per_second: float | None) -> None:
        """Put everything into the spools; at most `window` documents are without an answer at any time."""
        begun = asyncio.get_running_loop().time()
        drops = iter(load)
        while portion := await asyncio.to_thread(_some, drops):
            while await asyncio.to_thread(self.unanswered) >= window:  # noqa: ASYNC110  agents are other processes
                await asyncio.sleep(LOOK)
            await asyncio.to_thread(self._put, portion)
            if per_second is not None:
                await asyncio.sleep(begun + self.fed / per_second - asyncio.get_running_loop().time())

    def _put(self, portion: list[Drop]) -> None:
        for drop in portion:
            self.ledger.enter(drop.entry)
            self.desks[drop.entry.agent].spool.add_submission(drop.new)
            self.fed += 1
            if drop.entry.fate is not Fate.REFUSED:
                self.recent = [*self.recent[-99:], drop.entry]

    async def read(self) -> None:
        """Take what has arrived and say statuses about some of it, until cancelled."""
        while True:
            if not await asyncio.to_thread(self.read_once):
                await asyncio.sleep(LOOK)

    def read_once(self) -> int:
        """How many deliveries there were."""
        seen = 0
        for name, desk in self.desks.items():
            for item in desk.spool.documents(limit=READ):
                self._say(name, desk, item)
                seen += 1
        return seen

    def _say(self, name: str, desk: Desk, item: InboxItem) -> None:
        # By the leg, not by the order of arrival: the same seed says the same.
        draw = random.Random(f"{self.seed}:{item.document_id}:{item.recipient}").random()  # noqa: S311  no secret
        for turn, code in enumerate(next(codes for limit, codes in BATTERY if draw < limit)):
            reason = "Văn bản không thuộc thẩm quyền" if code is StatusCode.RECEPTION_REFUSED else ""
            told = desk.report(item.leg_id, code, reason=reason, submission_id=f"{item.leg_id}-{turn}-{code.value}")
            if isinstance(told, tuple):
                raise RuntimeError(f"the agent does not take a status: {told}")  # noqa: TRY004  it is no wrong type
            self.ledger.note(Said(submission_id=told, agent=name, leg_id=item.leg_id, code=code.value))
            self.statuses += 1
        desk.spool.mark_taken(item.leg_id, now=desk.clock.now())


def _some(drops: Iterable[Drop]) -> list[Drop]:
    return [drop for _, drop in zip(range(PORTION), drops, strict=False)]
