"""What is found, by whom, and in what order: the same in memory, on SQLite and on PostgreSQL."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.statuses import BussinessDocType, Priority, StatusCode
from router.adapters.memory_search import MemorySearch
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.engine import open_engine
from router.adapters.sql.search import SqlSearch
from router.adapters.sql.store import SqlStore
from router.core.organ_book import OrganBook
from router.core.people import EVERYTHING, Person, Role, Scope
from router.core.records import (
    Leg,
    LegState,
    MessageRecord,
    MessageState,
    MoveLeg,
    PutEvent,
    PutLeg,
    PutMessage,
    RecallState,
)
from router.core.registry import AgentRecord, OrganRecord
from router.core.search import answers, wanted_by
from router.core.search_bits import SIZE
from router.core.search_mark import NOTHING_READ
from router.core.search_question import Awaited, Question, Reading
from router.core.search_terms import Entry, Space, beginning, exactly
from router.ports import Store
from router.ports.search import Direction, SearchIndex
from router.services.accounts import scope_of
from router.services.search import finding as finding_service
from router.services.search.finding import Answer, Asker, Search
from router.services.search.indexing import Indexing
from tests.contract.conftest import STORES, database_url
from tests.support.records import MINUTE, NOON, event, leg, message

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
class _At:
    now_is: datetime

    def now(self) -> datetime:
        return self.now_is


@dataclass(slots=True)
class House:
    store: Store
    index: SearchIndex
    search: Search
    indexing: Indexing
    clock: _At

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

    def viewer(self, root: str) -> Asker:
        """Somebody who sees the subtree of an organ."""
        person = Person(name="v", display="V", role=Role.VIEWER, root=root)
        return Asker(scope_of(self.store.registry(), person), root)


@pytest.fixture(params=STORES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    clock = _At(NOON)
    if request.param == "memory":
        store: Store = MemoryStore()
        index: SearchIndex = MemorySearch(store)
    else:
        url = database_url(request.param, request, tmp_path)
        store, index = SqlStore(url), SqlSearch(open_engine(url))
    store.put_organs(ORGANS)
    store.put_agents([AgentRecord(name="so-y-te")])
    yield House(store, index, Search(index, store, clock=clock), Indexing(index, store, clock=clock, portion=50), clock)
    store.close()
    index.close()


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


# ── What finds a document ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "question",
    [
        Question(text="7816"),
        Question(text="78"),
        Question(text="7816/VPCP-TTĐT"),
        Question(text="7816/vpcp"),
        Question(text="TTĐT"),
        Question(text="ttdt"),
        Question(text="pcp-tt"),
        Question(text="nghi quyet"),
        Question(text="Nghị QUYẾT thường"),
        Question(text="uyet"),
        Question(text="van phong chinh phu"),
        Question(text="so y te"),
        Question(text="G22"),
        Question(text="000.00.00.g22"),
        Question(text="H41.08"),
        Question(text="000.00.08"),
        Question(text="01/03/2026"),
        Question(text="2026-03-02 7816"),
        Question(text="3/2026"),
        Question(text="000.00.00.G22,2026/03/01,7816/VPCP-TTĐT-1"),
        Question(text="000.00.00.G22,2026/03/01"),
        Question(number="781"),
        Question(number="7816/VPCP"),
        Question(notation="TTDT"),
        Question(notation="CP-TT"),
        Question(document_id="000.00.00.G22,2026/03/01,78"),
        Question(subject="phien hop"),
        Question(organ="000.00.00.H41", below=True),
        Question(organ="văn phòng chính"),
        Question(sender="000.00.00.G22"),
        Question(recipient="000.00.08.H41"),
        Question(recipient="so y"),
        Question(recipient="08.H41"),
        Question(status=StatusCode.RECEIVED, recipient="H41.08"),
        Question(delivery=LegState.DELIVERED),
        Question(state=MessageState.ACCEPTED),
        Question(urgency=Priority.URGENT),
        Question(kind=BussinessDocType.NEW),
        Question(received_from=date(2026, 3, 2), received_to=date(2026, 3, 2)),
        Question(signed_to=date(2026, 3, 1)),
        Question(signed_from=date(2026, 3, 1), signed_to=date(2026, 3, 31)),
    ],
    ids=lambda each: " ".join(str(value) for value in astuple(each) if value),
)
def test_a_document_is_found_by(house: House, question: Question) -> None:
    other = document("2", sender=CAO_BANG, code="12/UBND", subject="Giấy mời", document_id="khác", priority=0)
    other = replace(other, promulgation_date=date(2026, 4, 1), arrived_on=date(2026, 4, 1), doc_type=1)
    house.keep(other, *to(other, "H14.02"))
    record = document("1")
    house.keep(record, *to(record, HEALTH, state=LegState.DELIVERED, status="03", status_at=NOON))

    found = house.ids(question)

    assert "m-1" in found
    if question.state is None:
        assert found == ["m-1"]


@pytest.mark.parametrize(
    "question",
    [
        Question(text="816"),
        Question(text="7817"),
        Question(text="7816/UBND"),
        Question(text="nghi quyet khac"),
        Question(text="02/03/2025"),
        Question(text="H14"),
        Question(organ="000.00.00.H41"),
        Question(sender="H41.08"),
        Question(recipient="G22"),
        Question(status=Awaited.NONE),
        Question(status=StatusCode.FINISHED),
        Question(delivery=LegState.PARKED),
        Question(state=MessageState.REFUSED),
        Question(finding="signature"),
        Question(urgency=Priority.FLASH),
        Question(received_from=date(2026, 3, 3)),
        Question(received_to=date(2026, 3, 1)),
    ],
    ids=lambda each: " ".join(str(value) for value in astuple(each) if value),
)
def test_a_document_is_not_found_by(house: House, question: Question) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, state=LegState.DELIVERED, status="03", status_at=NOON))

    assert house.ids(question) == []


def test_a_refusal_is_found_by_its_number_and_by_what_was_wrong(house: House) -> None:
    faults = (finding(FindingCode.SIGNATURE_MISSING), finding(FindingCode.RECIPIENT_REPEATED))
    house.keep(document("1", state=MessageState.REFUSED, findings=faults))
    house.keep(document("2", code="9/X"))

    assert house.ids(Question(text="7816/VPCP-TTĐT")) == ["m-1"]
    assert house.ids(Question(state=MessageState.REFUSED)) == ["m-1"]
    assert house.ids(Question(finding="signature")) == ["m-1"]
    assert house.ids(Question(text="recipient.repeated")) == ["m-1"]
    assert house.find(Question(text="signature.missing 7816")).readings == (
        ("signature.missing", Reading.FINDING),
        ("7816", Reading.NUMBER),
    )


def test_a_refused_status_is_found_and_an_accepted_one_is_not(house: House) -> None:
    house.keep(document("1", type=MessageType.STATUS, status_code="03", about="m-0"))
    house.keep(document("2", type=MessageType.STATUS, status_code="03", state=MessageState.REFUSED))

    assert house.ids(Question()) == ["m-2"]


def test_a_repetition_is_not_found_beside_its_first(house: House) -> None:
    first = house.keep(document("1"))
    house.keep(document("2", duplicate_of=first.id))

    assert house.ids(Question(text="7816")) == ["m-1"]


def test_what_was_put_off_is_found_as_it_stands(house: House) -> None:
    later = NOON + MINUTE
    open_one = house.keep(document("1", state=MessageState.DEFERRED, retry_at=later))
    assert house.ids(Question(state=MessageState.DEFERRED)) == ["m-1"]

    house.keep(replace(open_one, state=MessageState.ACCEPTED, retry_at=None), *to(open_one, HEALTH))

    assert house.ids(Question(state=MessageState.DEFERRED)) == []
    assert house.ids(Question(state=MessageState.ACCEPTED, recipient=HEALTH)) == ["m-1"]


def test_a_leg_is_found_as_it_is_now(house: House) -> None:
    record = document("1")
    (first,) = to(record, HEALTH)
    house.keep(record, first)
    assert house.ids(Question(delivery=LegState.QUEUED)) == ["m-1"]

    house.move(replace(first, state=LegState.PARKED))

    assert house.ids(Question(delivery=LegState.QUEUED)) == []
    assert house.ids(Question(delivery=LegState.PARKED)) == ["m-1"]
    assert house.index.count([(exactly(Space.DELIVERY, "queued"),)], most=10) == 0


def test_filters_of_a_recipient_mean_one_and_the_same_leg(house: House) -> None:
    record = document("1")
    done, open_one = to(record, HEALTH, CAO_BANG)
    house.keep(record, replace(done, state=LegState.DELIVERED, status="06"), open_one)

    assert house.ids(Question(recipient=HEALTH, status=StatusCode.FINISHED)) == ["m-1"]
    assert house.ids(Question(recipient=CAO_BANG, status=StatusCode.FINISHED)) == []
    assert house.ids(Question(delivery=LegState.QUEUED, status=StatusCode.FINISHED)) == []
    assert house.find(Question(recipient=CAO_BANG, status=StatusCode.FINISHED)).count.number == 0


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        (StatusCode.RECALL_REQUESTED, RecallState.REQUESTED),
        (StatusCode.CHANGE_ACCEPTED, RecallState.ACCEPTED),
        (StatusCode.CHANGE_REFUSED, RecallState.REFUSED),
    ],
)
def test_a_recall_is_found_by_what_was_said_last(house: House, said: StatusCode, stands: RecallState) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, recall=stands, recall_at=NOON))

    assert house.ids(Question(status=said)) == ["m-1"]


def test_a_forwarded_document_is_found_by_who_was_named_and_by_who_received(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH, forwarded_from=CAO_BANG))

    assert house.ids(Question(recipient=HEALTH)) == ["m-1"]
    assert house.ids(Question(recipient="cao bang")) == ["m-1"]


def test_hostile_texts_are_kept_and_found(house: House) -> None:
    subject = "\u202egnud \u200bHọp\u0007 <script>alert(1)</script> %_'\" " + "a" * 5000 + " đuôi"
    house.keep(document("1", subject=subject, code="1\u00a0\u202e2/<b>&\\x", document_id="\u202e," * 400))

    for text in ("<script>alert(1)</script>", "hop", "duoi", "%_'\"", "aaaa", "12/<b>", "\u202e,\u202e,", "a" * 200):
        assert house.ids(Question(text=text)) == ["m-1"], text
    for text in ("' OR 1=1 --", "%", "\x00", "zzz*", '"', "\ud800"):
        house.find(Question(text=text))


# ── Who finds what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_finds_what_their_subtree_sent_or_received(house: House) -> None:
    sent, received, elsewhere = document("1", sender=WARD), document("2"), document("3")
    house.keep(sent, *to(sent, CAO_BANG))
    house.keep(received, *to(received, CAO_BANG, HEALTH))
    house.keep(elsewhere, *to(elsewhere, CAO_BANG))

    assert house.ids(Question(), house.viewer(NGHE_AN)) == ["m-2", "m-1"]
    assert house.ids(Question(), house.viewer("000.00.00.H41")) == ["m-2", "m-1"]
    assert house.ids(Question(), house.viewer(WARD)) == ["m-1"]
    assert house.ids(Question(text="7816"), house.viewer("H14.02")) == []
    assert house.find(Question(), house.viewer(NGHE_AN)).count == finding_service.Count(2, more=False)


def test_a_recipient_sees_no_other_recipient_and_finds_nothing_by_them(house: House) -> None:
    record = document("1")
    mine, other = to(record, HEALTH, CAO_BANG)
    house.keep(record, replace(mine, state=LegState.DELIVERED, status="03"), replace(other, state=LegState.PARKED))
    asker = house.viewer(NGHE_AN)

    (found,) = house.find(Question(), asker).found
    assert [each.recipient for each in found.legs] == [HEALTH]
    assert not found.all_legs
    for question in (
        Question(text="cao bang"),
        Question(text="H14"),
        Question(organ=CAO_BANG),
        Question(recipient="cao bang"),
        Question(delivery=LegState.PARKED),
        Question(status=Awaited.NONE),
        Question(organ=CAO_BANG, below=True),
    ):
        answer = house.find(question, asker)
        assert (answer.found, answer.count.number) == ((), 0), question
        assert house.ids(question) == ["m-1"]


def test_who_sees_the_sender_sees_every_recipient(house: House) -> None:
    record = document("1", sender=HEALTH)
    house.keep(record, *to(record, CAO_BANG, OFFICE))

    (found,) = house.find(Question(text="cao bang"), house.viewer(NGHE_AN)).found

    assert [each.recipient for each in found.legs] == [CAO_BANG, OFFICE]
    assert found.all_legs


def test_who_sees_nothing_finds_nothing(house: House) -> None:
    house.keep(document("1", sender=""))

    assert house.ids(Question()) == ["m-1"]
    assert house.ids(Question(), Asker(Scope(frozenset()), "nobody")) == []
    assert house.ids(Question(text="7816/VPCP-TTĐT"), house.viewer("nowhere")) == []


# ── The registry changes ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_name_finds_what_came_before_it(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH))

    house.store.put_organs([replace(ORGANS[2], name="Sở Sức khỏe cộng đồng")])
    house.indexing.catch_up()

    assert house.ids(Question(text="suc khoe")) == ["m-1"]
    assert house.ids(Question(recipient="suc khoe")) == ["m-1"]


def test_a_body_that_moves_takes_its_documents_along(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, WARD))
    assert house.ids(Question(), house.viewer(NGHE_AN)) == ["m-1"]

    house.store.put_organs([replace(ORGANS[2], parent=CAO_BANG)])
    house.indexing.catch_up()

    assert house.ids(Question(), house.viewer(NGHE_AN)) == []
    assert house.ids(Question(), house.viewer(CAO_BANG)) == ["m-1"]


# ── Pages and counts ────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_go_there_and_back_and_nothing_stands_on_two(house: House) -> None:
    for number in range(23):
        house.log(document(f"{number:02d}"))
    house.indexing.catch_up()
    pages, answer = [], house.find(Question(text="7816"), limit=5)
    while True:
        pages.append([each.message.id for each in answer.found])
        if answer.older is None:
            break
        answer = house.find(Question(text="7816"), start=answer.older, limit=5)
        house.keep(document(f"new-{len(pages)}"))  # what comes meanwhile moves no page

    assert [each for page in pages for each in page] == [f"m-{number:02d}" for number in reversed(range(23))]
    assert [len(each) for each in pages] == [5, 5, 5, 5, 3]
    back = house.find(Question(text="7816"), start=answer.newer, direction=Direction.NEWER, limit=5)
    assert [each.message.id for each in back.found] == pages[-2]
    assert back.newer is not None
    assert back.older is not None


def test_the_newest_page_is_full_however_it_is_reached(house: House) -> None:
    for number in range(7):
        house.log(document(f"{number}"))
    house.indexing.catch_up()
    second = house.find(Question(), start=house.find(Question(), limit=5).older, limit=5)

    newest = house.find(Question(), start=second.newer, direction=Direction.NEWER, limit=5)

    assert [each.message.id for each in newest.found] == ["m-6", "m-5", "m-4", "m-3", "m-2"]
    assert newest.newer is None


def test_a_search_among_what_is_hidden_breaks_off_and_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_service, "LOOKED_AT", 8)
    monkeypatch.setattr(finding_service, "COUNTED_ONE_BY_ONE", 2)
    oldest = document("old")
    house.log(oldest, *to(oldest, HEALTH, state=LegState.PARKED))
    for number in range(20):  # parked for others: the index cannot know that this asker does not see it
        record = document(f"{number}")
        mine, other = to(record, HEALTH, CAO_BANG)
        house.log(record, mine, replace(other, state=LegState.PARKED))
    house.indexing.catch_up()
    question, asker = Question(delivery=LegState.PARKED), house.viewer(NGHE_AN)

    answer, found, pages = house.find(question, asker, limit=2), [], 1
    assert answer.broken_off
    assert answer.count == finding_service.Count(0, more=True)
    while True:
        found += [each.message.id for each in answer.found]
        if answer.older is None:
            break
        answer, pages = house.find(question, asker, start=answer.older, limit=2), pages + 1

    assert found == ["m-old"]
    assert pages > 1


def test_a_count_says_when_it_is_a_lower_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_service, "COUNTED", 4)
    for number in range(6):
        house.log(document(f"{number}", code=f"{number % 2}/X"))
    house.indexing.catch_up()

    assert house.find(Question()).count == finding_service.Count(4, more=True)
    assert house.find(Question(number="1")).count == finding_service.Count(3, more=False)


def test_documents_in_several_blocks_come_in_order_from_either_side(house: House) -> None:
    total = 2 * SIZE + 100
    every_third = frozenset({"*:", "s:ba"})
    entries = [
        Entry(
            message_id=f"m-{n}",
            fixed=every_third if n % 3 == 0 else frozenset({"*:"}),
            marks=frozenset({"v:parked" if n in (5, SIZE, total - 1) else "v:delivered"}),
            legs=1,
        )
        for n in range(total)
    ]
    assert house.index.put(entries, was=NOTHING_READ, mark=NOTHING_READ)

    parked, third = [(exactly(Space.DELIVERY, "parked"),)], [(beginning(Space.SUBJECT, "b"),)]

    def numbers(clauses: Any, start: int | None, direction: Direction, limit: int = 10) -> list[int]:
        return [each.number for each in house.index.candidates(clauses, start=start, direction=direction, limit=limit)]

    assert numbers(parked, None, Direction.OLDER) == [total - 1, SIZE, 5]
    assert numbers(parked, None, Direction.NEWER) == [5, SIZE, total - 1]
    assert numbers(parked, SIZE, Direction.OLDER) == [5]
    assert numbers(parked, SIZE, Direction.NEWER) == [total - 1]
    assert numbers([*parked, *third], None, Direction.OLDER) == [n for n in (total - 1, SIZE, 5) if n % 3 == 0]
    assert numbers(third, SIZE + 2, Direction.OLDER, 4) == [n for n in range(SIZE + 1, 0, -1) if n % 3 == 0][:4]
    assert numbers(third, total + 7, Direction.NEWER) == []
    assert house.index.count(third, most=10**6) == (total + 2) // 3
    assert house.index.count(third, most=7) == 7


# ── The index and the log ───────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_that_keep_the_index_one_gives_up(house: House) -> None:
    was = house.index.mark()
    house.keep(document("1"))
    late = Entry(message_id="m-9", fixed=frozenset({"s:muon"}), marks=frozenset({"*:"}), legs=0)

    assert not house.index.put([late], was=was, mark=replace(was, seq=99))
    assert not house.index.relate({OFFICE: ["n:muon"]}, was=was, mark=replace(was, seq=99))

    assert house.index.mark().seq == house.index.newest_event()
    assert house.index.count([(beginning(Space.SUBJECT, "muon"),)], most=9) == 0


def test_reading_the_log_again_changes_nothing(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH))
    before = house.find(Question())

    again = house.index.mark()
    house.index.put((), was=again, mark=replace(NOTHING_READ, registry=again.registry))
    house.indexing.catch_up()

    assert house.find(Question()) == before
    assert house.index.count([(exactly(Space.ALL, ""),)], most=9) == 1


def test_what_the_index_has_not_read_yet_is_told_and_found_by_its_name(house: House) -> None:
    house.keep(document("1"))
    house.log(document("2", code="55/X"))
    house.clock.now_is = NOON + 3 * MINUTE

    answer = house.find(Question(text="khong-co"))
    assert (answer.found, answer.lag.events, answer.lag.age) == ((), 1, 3 * MINUTE)
    assert house.ids(Question(text="55")) == ["m-2"]
    assert house.ids(Question(text="m-2")) == ["m-2"]
    assert house.ids(Question(text="55"), house.viewer(CAO_BANG)) == []

    house.indexing.catch_up()
    assert house.find(Question()).lag.events == 0


def test_a_submission_id_finds_the_document(house: House) -> None:
    first = house.keep(document("1"))
    house.keep(document("2", duplicate_of=first.id))
    house.keep(document("3", type=MessageType.STATUS, status_code="03", about=first.id))

    for text in ("m-1", "m-2", "m-3"):
        assert house.ids(Question(text=text)) == ["m-1"], text


@pytest.mark.postgres
def test_an_event_that_is_committed_late_is_read_late(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = database_url("postgres", request, tmp_path)
    slow, fast, engine = SqlStore(url), SqlStore(url), open_engine(url)
    index, clock = SqlSearch(engine), _At(NOON)
    search, indexing = Search(index, fast, clock=clock), Indexing(index, fast, clock=clock)
    with slow.begin() as tx:
        tx.apply([PutMessage(document("1")), PutEvent(event("message.accepted", "m-1"))])
        with fast.begin() as other:
            other.apply([PutMessage(document("2")), PutEvent(event("message.accepted", "m-2"))])
        indexing.catch_up()
        assert [each.message.id for each in search.find(Question(), WHOLE).found] == ["m-2"]
        assert len(index.mark().gaps) == 1

    indexing.catch_up()

    assert {each.message.id for each in search.find(Question(), WHOLE).found} == {"m-1", "m-2"}
    assert index.mark().gaps == ()
    for each in (slow, fast):
        each.close()
    engine.dispose()


# ── Everything at once ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_index_finds_exactly_what_a_look_at_every_document_finds(house: House) -> None:
    chance = random.Random(7)  # noqa: S311  an order of play
    codes = [each.code for each in ORGANS]
    words = ["họp", "kế hoạch", "Nghị quyết", "y tế", "xây dựng", "2026"]
    facts: list[str] = []
    for number in range(60):
        record = document(
            f"{number}",
            sender=chance.choice(codes),
            code=f"{chance.randint(1, 30)}/{chance.choice(('UBND', 'SYT-VP'))}",
            subject=" ".join(chance.sample(words, 3)),
            priority=chance.choice((0, 1)),
            arrived_on=date(2026, 3, chance.randint(1, 4)),
        )
        legs = [
            replace(each, state=chance.choice(list(LegState)), status=chance.choice(("", "01", "03")))
            for each in to(record, *chance.sample(codes, chance.randint(1, 3)))
        ]
        house.log(record, *legs)
        facts.append(record.id)
    house.indexing.catch_up()
    book = OrganBook(house.store.registry())
    known = house.index.facts(facts)
    for question in _questions(chance, codes):
        for asker in (WHOLE, house.viewer(NGHE_AN), house.viewer(CAO_BANG)):
            wanted = wanted_by(question, book, inside=lambda part: house.index.inside(part, limit=99))
            expected = [each for each in reversed(facts) if answers(known[each], wanted, asker.scope, book) is not None]
            answer = house.find(question, asker, limit=100)
            assert [each.message.id for each in answer.found] == expected, (question, asker.root)
            assert answer.count.number == len(expected)


def _questions(chance: random.Random, codes: Sequence[str]) -> Iterator[Question]:
    kinds: Sequence[Callable[[], dict[str, Any]]] = (
        lambda: {"text": chance.choice(("hop", "ke", "12", "1", "SYT", "y te", "nghi quyet ubnd", "03/2026", "H41"))},
        lambda: {"recipient": chance.choice((*codes, "so", "ubnd"))},
        lambda: {"organ": chance.choice((*codes, "tinh", "y te"))},
        lambda: {"delivery": chance.choice(list(LegState))},
        lambda: {"status": chance.choice((Awaited.NONE, StatusCode.ARRIVED, StatusCode.RECEIVED))},
        lambda: {"received_from": date(2026, 3, chance.randint(1, 4))},
        lambda: {"urgency": chance.choice((Priority.NORMAL, Priority.URGENT))},
    )
    for _ in range(60):
        fields: dict[str, Any] = {}
        for make in chance.sample(kinds, chance.randint(1, 3)):
            fields |= make()
        yield Question(**fields)


def test_an_hour_is_an_hour_in_vietnam(house: House) -> None:
    late = datetime.fromisoformat("2026-03-02T17:30:00+00:00")  # half past midnight in Hà Nội
    house.keep(document("1", received_at=late, arrived_on=None, promulgation_date=None))

    assert house.ids(Question(received_from=(late + timedelta(days=1)).date())) == ["m-1"]
    assert house.ids(Question(received_to=late.date())) == []
