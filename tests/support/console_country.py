"""A small country with a fortnight of documents in every state, for looking at the console.

past = signed_past(store)    # one document with real bytes: attachments, signature, seals
fill(house)                  # two provinces and two ministries with what is below them, and something in every list
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.model import Bussiness, Code, ResponseFor
from edxml_schemas.statuses import BussinessDocType
from router.adapters.memory_payloads import MemoryPayloads
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity, alarm_id_of
from router.core.applications import Application, ApplicationKind
from router.core.dead import DeadKind
from router.core.holds import Hold, HoldKind
from router.core.records import (
    Change,
    Leg,
    LegState,
    MessageRecord,
    MessageState,
    PutDead,
    PutEvent,
    PutLeg,
    PutMessage,
    PutStatus,
)
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord
from router.ports import Store
from router.services.figures.counting import Counting
from router.services.search.indexing import Indexing
from tests.support.console import ConsoleHouse
from tests.support.envelopes import a_document, an_organ
from tests.support.hub_desk import G17
from tests.support.pki import Pki
from tests.support.provable import ProvableHub
from tests.support.records import dead_letter, event, leg, message, status

AFTERNOON: Final = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
"""What the clock of the country says: three in the afternoon of a Monday, some days after `ProvableHub`'s past."""
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
NGHE_AN, CAO_BANG, HEALTH, TRANSPORT = "000.00.00.H41", "000.00.00.H14", "000.00.00.G18", "000.00.00.G10"
AGENTS: Final = (
    AgentRecord(name="tinh-nghe-an", title="Trục tỉnh Nghệ An"),
    AgentRecord(name="tinh-cao-bang", title="Trục tỉnh Cao Bằng"),
    AgentRecord(name="bo-y-te", title="Quản lý văn bản Bộ Y tế"),
    AgentRecord(name="bo-xay-dung", title="Quản lý văn bản Bộ Xây dựng"),
)
_PLACES: Final = (
    (NGHE_AN, "Ủy ban nhân dân tỉnh Nghệ An", "", "tinh-nghe-an"),
    ("000.00.08.H41", "Sở Y tế tỉnh Nghệ An", NGHE_AN, "tinh-nghe-an"),
    ("000.01.08.H41", "Chi cục Dân số", "000.00.08.H41", "tinh-nghe-an"),
    ("000.00.05.H41", "Sở Nội vụ tỉnh Nghệ An", NGHE_AN, "tinh-nghe-an"),
    ("000.00.21.H41", "Ủy ban nhân dân phường Trường Vinh", NGHE_AN, "tinh-nghe-an"),
    ("000.00.22.H41", "Ủy ban nhân dân xã Kim Liên", NGHE_AN, ""),
    (CAO_BANG, "Ủy ban nhân dân tỉnh Cao Bằng", "", "tinh-cao-bang"),
    ("000.00.08.H14", "Sở Y tế tỉnh Cao Bằng", CAO_BANG, "tinh-cao-bang"),
    ("000.00.11.H14", "Sở Xây dựng tỉnh Cao Bằng", CAO_BANG, "tinh-cao-bang"),
    (HEALTH, "Bộ Y tế", "", "bo-y-te"),
    ("000.00.12.G18", "Cục Quản lý Dược", HEALTH, "bo-y-te"),
    (TRANSPORT, "Bộ Xây dựng", "", "bo-xay-dung"),
    ("000.00.07.G10", "Cục Đường bộ Việt Nam", TRANSPORT, "bo-xay-dung"),
)
ORGANS: Final = tuple(
    OrganRecord(
        code=code,
        name=name,
        parent=parent,
        agent=agent,
        email=f"vanthu@{agent or 'xa'}.example.vn",
        phone="0238 384 4528",
        address="Số 3 đường Trường Thi",
    )
    for code, name, parent, agent in _PLACES
)
AGENT_OF: Final = {each.code: each.agent for each in ORGANS}
SUBJECTS: Final = (
    "V/v báo cáo kết quả thực hiện chuyển đổi số quý III năm 2026",
    "Kế hoạch phòng chống thiên tai và tìm kiếm cứu nạn",
    "Hướng dẫn phân loại, lập hồ sơ và nộp lưu tài liệu điện tử vào lưu trữ cơ quan",
    "Giấy mời họp bàn về an toàn giao thông",
    "Thông báo kết luận cuộc họp về y tế cơ sở",
    "Quyết định phê duyệt danh mục thuốc đấu thầu tập trung",
)
NOTATIONS: Final = ("UBND-VP", "SYT-KHTC", "BYT-K2ĐT", "BXD-KCHT")
CALM: Final = ("delivered", "finished", "finished", "handed-over", "delivered", "finished", "queued", "finished")
"""States of ordinary legs, in turn."""
_FURTHEST: Final = {"delivered": "03", "finished": "06"}
"""The last status that an organ says of a leg with this fate."""
WANTED_CODE, WANTED_SUBJECT = "1234/UBND-ĐĐ", "Về việc giải quyết đất đai tại xã Kim Liên"
"""A document that tests look for: it went to three organs, and one of its legs is parked."""
UPDATE_ID: Final = "000.00.00.G22,2026/09/30,7820/VPCP-TTĐT"


def signed_past(store: Store) -> ProvableHub:
    """A document that was really signed, carried, answered, asked back and sealed, and an update of it."""
    hub = ProvableHub(store, MemoryPayloads())
    update = a_document(
        document_id=UPDATE_ID,
        code=Code(code_number="7820", code_notation="VPCP-TTĐT"),
        subject="V/v cập nhật thời hạn kết nối, liên thông phần mềm quản lý văn bản",
        bussiness=Bussiness(bussiness_doc_type=BussinessDocType.UPDATE, document_id=hub.document.document_id),
        response_for=(ResponseFor(organ_id=hub.document.sender, document_id=hub.document.document_id),),
        recipients=(an_organ(NGHE_AN),),
    )
    hub.desk.accept(update, now=hub.document.received_at + timedelta(hours=5))
    hub.seal()
    store.put_organs([OrganRecord(code=G17, name="Bộ Nông nghiệp và Môi trường")])
    return hub


def fill(house: ConsoleHouse) -> None:
    """Everything but `signed_past`. The clock of the house is AFTERNOON then."""
    house.clock.at = AFTERNOON
    house.store.put_agents(AGENTS)
    house.store.put_organs(ORGANS)
    changes = [*_ordinary(), *_wanted(), *_troubled()]
    told = sorted((each for each in changes if isinstance(each, PutEvent)), key=lambda each: each.event.at)
    with house.store.begin() as tx:
        tx.apply([each for each in changes if not isinstance(each, PutEvent)])
        tx.apply(told)
    house.store.put_hold(
        Hold(
            organ="000.00.11.H14",
            kind=HoldKind.HOLD,
            since=AFTERNOON - 5 * HOUR,
            until=AFTERNOON + DAY,
            reason="nâng cấp phần mềm quản lý văn bản",
            by="admin:lan",
        )
    )
    _certify(house)
    _apply(house)
    house.memories.alarms.keep(list(_alarms()))
    Indexing(house.memories.search, house.store, clock=house.clock).catch_up()
    Counting(house.memories.figures).catch_up(now=AFTERNOON + HOUR)


def _document(name: str, code: str, subject: str, sender: str, at: datetime, **fields: Any) -> MessageRecord:
    filled: dict[str, Any] = {
        "sender": sender,
        "agent": AGENT_OF[sender],
        "code": code,
        "subject": subject,
        "document_id": f"{sender},{at:%Y/%m/%d},{code}",
        "promulgation_date": at.date(),
        "arrived_on": at.date(),
        "received_at": at,
        "decided_at": at + timedelta(seconds=1),
        "size": 184_320,
        "certificate": "ab" * 32,
    }
    return message(name, **filled | fields)


def _ordinary() -> Iterator[Change]:
    """A fortnight of them, most of them finished."""
    codes = [each.code for each in ORGANS if each.agent]
    for number in range(140):
        at = AFTERNOON - timedelta(minutes=20 * number + number * number // 2 + 7)
        sender = codes[number * 5 % len(codes)]
        document = _document(
            f"{number:03}",
            f"{101 + number}/{NOTATIONS[number % len(NOTATIONS)]}",
            SUBJECTS[number % len(SUBJECTS)],
            sender,
            at,
            urgency=Urgency.URGENT if number % 9 == 0 else Urgency.NORMAL,
            priority=1 if number % 9 == 0 else 0,
            promulgation_date=(at - DAY * (number % 4 == 0)).date(),
        )
        yield PutMessage(document)
        yield PutEvent(
            _event("message.accepted", document, facts={"recipients": "2", "paper": str(int(number % 6 == 0))})
        )
        recipients = (codes[(number * 7 + 3) % len(codes)], codes[(number + 2) % len(codes)])
        for ordinal, recipient in enumerate(dict.fromkeys(each for each in recipients if each != sender)):
            yield from _carried(document, ordinal, recipient, CALM[(number + ordinal) % len(CALM)])


def _carried(document: MessageRecord, ordinal: int, recipient: str, fate: str, **fields: Any) -> Iterator[Change]:
    """One leg and what is told of it, as far as its fate goes."""
    at = document.decided_at
    name = f"{document.id}-{ordinal}"
    delivered = fate in _FURTHEST
    state = LegState.DELIVERED if delivered else LegState(fate)
    steps = {"01": HOUR / 6, "03": HOUR, "06": 2 * HOUR}
    said_at = {code: at + after + ordinal * HOUR for code, after in steps.items() if code <= _FURTHEST.get(fate, "")}
    said_at = {code: moment for code, moment in said_at.items() if moment <= AFTERNOON}
    said = max(said_at, default="")
    filled: dict[str, Any] = {
        "ordinal": ordinal,
        "recipient": recipient,
        "agent": AGENT_OF[recipient],
        "state": state,
        "created_at": at,
        "handed_over_at": at + timedelta(seconds=2) if delivered or state is LegState.HANDED_OVER else None,
        "delivered_at": at + timedelta(seconds=5) if delivered else None,
        "status": said,
        "status_at": said_at.get(said),
    }
    carried: Leg = leg(document, name, **filled | fields)
    yield PutLeg(carried)
    yield PutEvent(_event("leg.held" if state is LegState.HELD else "leg.queued", document, leg_id=carried.id))
    if carried.handed_over_at is not None:
        yield PutEvent(_event("leg.handed-over", document, leg_id=carried.id, at=carried.handed_over_at))
    if carried.delivered_at is not None:
        yield PutEvent(_event("leg.delivered", document, leg_id=carried.id, at=carried.delivered_at))
    for code, moment in said_at.items():
        if code <= carried.status:
            yield from _said(document, carried, code, moment)
    if state is LegState.PARKED:
        yield PutEvent(
            _event("leg.parked", document, leg_id=carried.id, at=at + 8 * HOUR, facts={"reason": "time to live"})
        )
    for deadline in carried.raised:
        facts = {"deadline": deadline}
        yield PutEvent(_event("leg.overdue", document, leg_id=carried.id, at=at + 9 * HOUR, facts=facts))


def _said(document: MessageRecord, carried: Leg, code: str, at: datetime) -> Iterator[Change]:
    """The recipient's word about a leg, and that it was taken."""
    word = message(
        f"{carried.id}-{code}",
        type=MessageType.STATUS,
        sender=carried.recipient,
        agent=carried.agent,
        status_code=code,
        about=document.id,
        received_at=at,
        decided_at=at,
    )
    yield PutMessage(word)
    yield PutStatus(status(word.id, carried.id, code, sender=carried.recipient, said_at=at, accepted_at=at))
    facts = {"code": code, "by": word.id}
    yield PutEvent(_event("leg.status", document, leg_id=carried.id, at=at, facts=facts))


def _wanted() -> Iterator[Change]:
    document = _document("wanted", WANTED_CODE, WANTED_SUBJECT, NGHE_AN, AFTERNOON - 8 * DAY)
    yield PutMessage(document)
    yield PutEvent(_event("message.accepted", document, facts={"recipients": "3"}))
    yield from _carried(document, 0, "000.00.08.H41", "finished")
    yield from _carried(document, 1, "000.00.11.H14", "delivered", status="01", raised=("not-received",))
    yield from _carried(document, 2, HEALTH, "parked", raised=("not-delivered",), reason="quá hạn chuyển")


def _troubled() -> Iterator[Change]:
    """What waits for somebody: late, parked, held, dead, refused, deferred."""
    for number in range(4):
        late = _document(f"late-{number}", f"{41 + number}/BYT-DP", SUBJECTS[4], HEALTH, AFTERNOON - (4 + number) * DAY)
        yield PutMessage(late)
        yield PutEvent(_event("message.accepted", late, facts={"recipients": "2", "paper": "0"}))
        raised = ("not-arrived", "not-received")
        yield from _carried(late, 0, "000.00.08.H14", "delivered", status="", status_at=None, raised=raised)
        yield from _carried(late, 1, "000.00.05.H41", "parked", raised=("not-delivered",), reason="quá hạn chuyển")
    for number in range(3):
        held = _document(
            f"held-{number}", f"{77 + number}/UBND-XD", SUBJECTS[1], CAO_BANG, AFTERNOON - (number + 1) * HOUR
        )
        yield PutMessage(held)
        yield PutEvent(_event("message.accepted", held, facts={"recipients": "1", "paper": "0"}))
        yield from _carried(held, 0, "000.00.11.H14", "held", reason="nâng cấp phần mềm quản lý văn bản")
    for number, code in enumerate(
        (FindingCode.SIGNATURE_MISSING, FindingCode.SCHEMA_MISSING, FindingCode.RECIPIENT_REPEATED)
    ):
        refused = _document(
            f"refused-{number}",
            f"{9 + number}/BXD-VP",
            SUBJECTS[3],
            TRANSPORT,
            AFTERNOON - (20 * number + 3) * HOUR,
            state=MessageState.REFUSED,
            findings=(finding(code, line=12),),
        )
        yield PutMessage(refused)
        yield PutEvent(_event("message.refused", refused, facts={"codes": code.value}))
    waits = _document("waits", "31/SXD-QH", SUBJECTS[5], "000.00.11.H14", AFTERNOON - HOUR, state=MessageState.DEFERRED)
    yield PutMessage(waits)
    yield PutEvent(_event("message.deferred", waits))
    yield PutDead(dead_letter("gui", agent="bo-y-te", died_at=AFTERNOON - 3 * HOUR, attempts=5))
    inbox = {"kind": DeadKind.DELIVERY, "queue": "truc.agent.tinh-cao-bang.normal", "reason": "expired"}
    yield PutDead(dead_letter("nhan", agent="tinh-cao-bang", died_at=AFTERNOON - 30 * HOUR, **inbox))


def _certify(house: ConsoleHouse) -> None:
    pki = Pki(AFTERNOON)
    for organ, days in ((NGHE_AN, 300), (CAO_BANG, 12), (HEALTH, 45), (TRANSPORT, 200)):
        name = next(each.name for each in ORGANS if each.code == organ)
        key = pki.issue(name, not_after=AFTERNOON + days * DAY)
        record = CertificateRecord(
            organ=organ, fingerprint=key.fingerprint, subject=f"CN={name}", pem=key.cert_pem.decode()
        )
        house.store.put_certificates([record])


def _apply(house: ConsoleHouse) -> None:
    applied = Application(
        id="00000001-app",
        agent="tinh-nghe-an",
        reference="1",
        kind=ApplicationKind.REGISTER,
        code="000.00.23.H41",
        name="Ủy ban nhân dân xã Vạn An",
        parent=NGHE_AN,
        applied_at=AFTERNOON - 4 * HOUR,
    )
    house.store.put_application(applied, most_open=100)


def _alarms() -> Iterator[Alarm]:
    said = (
        (AlarmKind.DEAD, "hub", Severity.CRITICAL, "2 thông điệp chết chưa xử lý", "2 dead letters wait"),
        (
            AlarmKind.CERTIFICATE,
            CAO_BANG,
            Severity.WARNING,
            "Chứng thư của Ủy ban nhân dân tỉnh Cao Bằng còn 12 ngày",
            "the certificate of Cao Bằng ends in 12 days",
        ),
        (AlarmKind.OVERDUE, "hub", Severity.WARNING, "9 văn bản quá hạn", "9 documents are overdue"),
        (AlarmKind.BACKLOG, "tinh-cao-bang", Severity.NOTICE, "Hộp thư có 120 văn bản", "120 documents in the inbox"),
    )
    for number, (kind, subject, severity, vi, en) in enumerate(said):
        at = AFTERNOON - (3 * number + 1) * HOUR
        yield Alarm(
            id=alarm_id_of(kind, subject, at),
            kind=kind,
            subject=subject,
            severity=severity,
            state=AlarmState.RAISED if number < 3 else AlarmState.RECOVERED,
            vi=vi,
            en=en,
            raised_at=at,
            seen_at=AFTERNOON,
            told_at=at,
            told=1,
            ended_at=None if number < 3 else AFTERNOON - HOUR,
        )


def _event(name: str, document: MessageRecord, **fields: Any) -> Any:
    filled: dict[str, Any] = {"at": document.decided_at, "actor": document.agent}
    return event(name, document.id, **filled | fields)
