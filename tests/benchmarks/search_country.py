"""A country's documents for the search benchmark: generated, and written straight into the tables."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy.engine import Engine

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, finding
from router.adapters.sql.engine import WRITES, is_sqlite
from router.adapters.sql.raw import Raw
from router.adapters.sql.rows import Row, event_row, leg_row, message_row
from router.adapters.sql.tables import EVENTS, LEGS, MESSAGES
from router.core.ids import leg_id_of
from router.core.records import Event, Leg, LegState, MessageRecord, MessageState
from router.core.registry import AgentRecord, OrganRecord

PROVINCES: Final = 34
WARDS: Final = 95  # per province
DEPARTMENTS: Final = 20
MINISTRIES: Final = 22
WIDE: Final = 0.004
"""Share of documents that go to every ministry and province."""
PORTION: Final = 2000  # documents per transaction
BEGAN: Final = datetime(2025, 1, 6, 1, 0, tzinfo=UTC)
PLACES: Final = (
    *("An", "Bình", "Cao", "Bằng", "Đức", "Giang", "Hà", "Hải", "Hòa", "Hưng", "Khánh", "Lâm", "Lạng", "Long", "Minh"),
    *("Mỹ", "Nam", "Nghệ", "Ninh", "Phú", "Phước", "Quảng", "Sơn", "Tân", "Tây", "Thái", "Thanh", "Thạnh", "Tiên"),
    *("Trà", "Trung", "Tuyên", "Vĩnh", "Xuân", "Yên", "Đông", "Bắc", "Đắk", "Kon", "Châu", "Lộc", "Thọ", "Phong"),
)
OPENINGS: Final = (
    *(
        "V/v báo cáo kết quả thực hiện",
        "Về việc triển khai",
        "Quyết định ban hành kế hoạch",
        "Công văn đề nghị góp ý dự thảo",
    ),
    *(
        "Thông báo kết luận cuộc họp về",
        "Giấy mời họp bàn về",
        "Tờ trình phê duyệt",
        "Hướng dẫn thực hiện",
        "Kế hoạch công tác",
    ),
)
MATTERS: Final = (
    *(
        "chuyển đổi số",
        "cải cách hành chính",
        "phòng chống thiên tai",
        "đầu tư công",
        "giáo dục phổ thông",
        "an toàn giao thông",
    ),
    *(
        "y tế cơ sở",
        "bảo vệ môi trường",
        "xây dựng nông thôn mới",
        "quản lý đất đai",
        "giải quyết khiếu nại",
        "phòng cháy chữa cháy",
    ),
    *(
        "tinh giản biên chế",
        "an ninh mạng",
        "chứng thư số",
        "dịch vụ công trực tuyến",
        "ngân sách nhà nước",
        "lao động việc làm",
    ),
)
NOTATIONS: Final = (
    "UBND-VP",
    "SYT-KHTC",
    "SNV-TCBC",
    "VPCP-TTĐT",
    "BNV-CCHC",
    "STTTT-CNTT",
    "QĐ-UBND",
    "KH-UBND",
    "BC-STC",
)
SYLLABLES: Final = 2500
"""Rarer words of subjects: names, projects."""
STATES: Final = (
    (LegState.DELIVERED, 94),
    (LegState.HANDED_OVER, 3),
    (LegState.QUEUED, 1),
    (LegState.HELD, 1),
    (LegState.PARKED, 1),
)
SAID: Final = (("06", 55), ("03", 20), ("01", 12), ("05", 6), ("04", 4), ("02", 1), ("", 2))
FAULTS: Final = (FindingCode.SIGNATURE_MISSING, FindingCode.RECIPIENT_REPEATED, FindingCode.SCHEMA_MISSING)


@dataclass(frozen=True, slots=True)
class Country:
    organs: tuple[OrganRecord, ...]
    agents: tuple[AgentRecord, ...]
    ministries: tuple[str, ...]
    provinces: tuple[str, ...]
    rest: tuple[str, ...]


def country(chance: random.Random) -> Country:
    """Ministries and provinces, their departments, and wards."""

    def place() -> str:
        return " ".join(chance.sample(PLACES, 2))

    ministries = [OrganRecord(code=f"G{n:02d}", name=f"Bộ {place()}", agent="bo") for n in range(1, MINISTRIES + 1)]
    provinces, rest = [], []
    for n in range(1, PROVINCES + 1):
        code, name = f"H{n:02d}", place()
        provinces.append(OrganRecord(code=code, old_code=f"000.00.00.{code}", name=f"UBND tỉnh {name}", agent="tinh"))
        for d in range(1, DEPARTMENTS + 1):
            kind = ("Sở Y tế", "Sở Nội vụ", "Sở Tài chính", "Sở Xây dựng", "Thanh tra")[d % 5]
            rest.append(OrganRecord(code=f"{code}.{d:02d}", name=f"{kind} tỉnh {name}", parent=code, agent="tinh"))
        for w in range(1, WARDS + 1):
            unit = f"{code}.{40 + w // 10:02d}.{w:03d}"
            rest.append(OrganRecord(code=unit, name=f"UBND xã {place()}, tỉnh {name}", parent=code, agent="tinh"))
    agents = tuple(AgentRecord(name=each) for each in ("bo", "tinh"))
    organs = (*ministries, *provinces, *rest)
    codes = tuple(tuple(each.code for each in group) for group in (ministries, provinces, rest))
    return Country(organs, agents, *codes)


def documents(land: Country, legs: int, chance: random.Random) -> Iterator[tuple[MessageRecord, Sequence[Leg]]]:
    """Documents until there are so many legs, the oldest first, a few hundred a day."""
    made, number, at = 0, 0, BEGAN
    rare = ["".join(chance.choices("bcdghklmnpqrstvxaeiouy", k=chance.randint(3, 7))) for _ in range(SYLLABLES)]
    while made < legs:
        number += 1
        at += timedelta(seconds=chance.uniform(1, 400))
        message = _message(land, number, at, rare, chance)
        refused = message.state is MessageState.REFUSED
        copies = () if refused else tuple(_legs(land, message, chance))
        made += len(copies)
        yield message, copies


def _message(land: Country, number: int, at: datetime, rare: Sequence[str], chance: random.Random) -> MessageRecord:
    sender = chance.choice((*land.ministries, *land.provinces)) if chance.random() < 0.4 else chance.choice(land.rest)
    code = f"{chance.randint(1, 9999)}/{chance.choice(NOTATIONS)}"
    signed: date = (at + timedelta(hours=7)).date()
    refused = chance.random() < 0.01
    matter = " ".join(
        (chance.choice(OPENINGS), chance.choice(MATTERS), " ".join(chance.choices(rare, k=4)), str(signed.year))
    )
    return MessageRecord(
        id=leg_id_of("bench", str(number)),
        submission_id=f"s-{number}",
        agent="bo",
        type=MessageType.DOCUMENT,
        state=MessageState.REFUSED if refused else MessageState.ACCEPTED,
        urgency=Urgency.NORMAL,
        digest=f"{number:064x}",
        size=20_000,
        payload="",
        received_at=at,
        decided_at=at,
        sender=sender,
        document_id=f"{sender},{signed:%Y/%m/%d},{code}",
        code=code,
        subject=matter,
        priority=chance.choices((0, 1, 2, 3), (90, 7, 2, 1))[0],
        promulgation_date=signed,
        arrived_on=signed,
        findings=(finding(chance.choice(FAULTS)),) if refused else (),
    )


def _legs(land: Country, message: MessageRecord, chance: random.Random) -> Iterator[Leg]:
    if chance.random() < WIDE:
        organs: Sequence[str] = (*land.ministries, *land.provinces)
    else:
        weights = (30, 20, 15, 10, 8, 6, 5, 3, 2, 1)
        among = (*land.ministries, *land.provinces) if chance.random() < 0.4 else land.rest
        organs = list(dict.fromkeys(chance.choices(among, k=chance.choices(range(1, 11), weights)[0])))
    for place, organ in enumerate(organs):
        state = chance.choices([each for each, _ in STATES], [each for _, each in STATES])[0]
        said = chance.choices([each for each, _ in SAID], [each for _, each in SAID])[0]
        done = state is LegState.DELIVERED
        yield Leg(
            id=leg_id_of(message.id, organ),
            message_id=message.id,
            ordinal=place,
            recipient=organ,
            agent="tinh",
            state=state,
            urgency=message.urgency,
            created_at=message.received_at,
            handed_over_at=message.received_at,
            delivered_at=message.received_at if done else None,
            status=said if done else "",
            status_at=message.received_at if done and said else None,
        )


def fill(engine: Engine, made: Iterator[tuple[MessageRecord, Sequence[Leg]]]) -> tuple[int, int]:
    """Write everything, each document with the event that the index reads; how many documents and legs."""
    counts = [0, 0]
    while portion := list(islice(made, PORTION)):
        messages = [message_row(message) for message, _ in portion]
        legs = [leg_row(leg) for _, copies in portion for leg in copies]
        events = [event_row(_event(message)) for message, _ in portion]
        with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            raw = Raw(connection)
            for table, rows in ((MESSAGES, messages), (LEGS, legs), (EVENTS, events)):
                _write(raw, table, rows, lite=is_sqlite(engine))
        counts[0] += len(messages)
        counts[1] += len(legs)
    return counts[0], counts[1]


def _event(message: MessageRecord) -> Event:
    return Event(name="message.accepted", at=message.decided_at, message_id=message.id, actor=message.agent)


def _write(raw: Raw, table: Any, rows: Sequence[Row], *, lite: bool) -> None:
    names = [each.name for each in table.c if each.name != "seq"]
    if lite:
        raw.write(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})", rows)  # noqa: S608  our names
    else:
        raw.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
