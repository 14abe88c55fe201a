"""A store with its search index, of any kind: what is put in is found, or not, by whom it may be."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from edxml_schemas.statuses import Priority
from router.adapters.memory_search import MemorySearch
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.engine import open_engine
from router.adapters.sql.search import SqlSearch
from router.adapters.sql.store import SqlStore
from router.core.people import EVERYTHING, Person, Role
from router.core.records import Leg, MessageRecord, MoveLeg, PutEvent, PutLeg, PutMessage
from router.core.registry import AgentRecord, OrganRecord
from router.core.search_question import Question
from router.ports import Store
from router.ports.search import SearchIndex
from router.services.accounts import scope_of
from router.services.search.finding import Answer, Asker, Search
from router.services.search.indexing import Indexing
from tests.support.records import NOON, event, leg, message

OFFICE = "G22"  # 000.00.00.G22, Văn phòng Chính phủ
NGHE_AN, CAO_BANG = "H41", "H14"
HEALTH = "H41.08"  # below Nghệ An
WARD = "H41.08.13"
ORGANS = (
    OrganRecord(code=OFFICE, old_code="000.00.00.G22", name="Văn phòng Chính phủ"),
    OrganRecord(code=NGHE_AN, old_code="000.00.00.H41", name="UBND tỉnh Nghệ An"),
    OrganRecord(code=HEALTH, old_code="000.00.08.H41", name="Sở Y tế", parent="000.00.00.H41"),
    OrganRecord(code=WARD, name="Trạm Y tế xã Yên Hòa", parent=HEALTH),
    OrganRecord(code=CAO_BANG, name="Ủy ban nhân dân tỉnh Cao Bằng"),
    OrganRecord(code="H14.02", name="Sở Xây dựng", parent=CAO_BANG),
)
WHOLE = Asker(EVERYTHING)


@dataclass(slots=True)
class At:
    now_is: datetime

    def now(self) -> datetime:
        return self.now_is


@dataclass(slots=True)
class House:
    store: Store
    index: SearchIndex
    search: Search
    indexing: Indexing
    clock: At

    def keep(self, record: MessageRecord, *legs: Leg) -> MessageRecord:
        """A message with its legs, in the log and in the index."""
        self.log(record, *legs)
        self.indexing.catch_up()
        return record

    def log(self, record: MessageRecord, *legs: Leg) -> None:
        """The same without the index."""
        with self.store.begin() as tx:
            tx.apply([PutMessage(record), *map(PutLeg, legs), PutEvent(event("message.accepted", record.id))])

    def move(self, moved: Leg) -> None:
        with self.store.begin() as tx:
            tx.apply([MoveLeg(replace(moved, version=moved.version + 1))])
            tx.apply([PutEvent(event("leg.parked", moved.message_id, leg_id=moved.id))])
        self.indexing.catch_up()

    def find(self, question: Question, asker: Asker = WHOLE, **page: Any) -> Answer:
        return self.search.find(question, asker, **page)

    def ids(self, question: Question, asker: Asker = WHOLE) -> list[str]:
        return [each.message.id for each in self.find(question, asker).found]

    def close(self) -> None:
        self.store.close()
        self.index.close()

    def viewer(self, root: str) -> Asker:
        """Somebody who sees the subtree of an organ."""
        person = Person(name="v", display="V", role=Role.VIEWER, root=root)
        return Asker(scope_of(self.store.registry(), person), root)


def open_house(url: str) -> House:
    """On the database at a URL, in memory without one."""
    clock = At(NOON)
    memory = MemoryStore()
    store: Store = SqlStore(url) if url else memory
    index: SearchIndex = SqlSearch(open_engine(url)) if url else MemorySearch(memory)
    store.put_organs(ORGANS)
    store.put_agents([AgentRecord(name="so-y-te")])
    return House(
        store, index, Search(index, store, clock=clock), Indexing(index, store, clock=clock, portion=50), clock
    )


def document(name: str, **fields: Any) -> MessageRecord:
    filled: dict[str, Any] = {
        "sender": OFFICE,
        "document_id": f"000.00.00.G22,2026/03/01,7816/VPCP-TTĐT-{name}",
        "code": "7816/VPCP-TTĐT",
        "subject": "V/v ban hành Nghị quyết phiên họp thường kỳ",
        "promulgation_date": date(2026, 3, 1),
        "arrived_on": date(2026, 3, 2),
        "priority": Priority.URGENT,
    }
    return message(name, **{**filled, **fields})


def to(record: MessageRecord, *organs: str, **fields: Any) -> list[Leg]:
    return [
        leg(record, f"{record.id}-{place}", recipient=organ, ordinal=place, **fields)
        for place, organ in enumerate(organs)
    ]
