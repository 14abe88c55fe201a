"""Security events as CEF in syslog: nothing that an attacker writes makes another field or another event."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.adapters.memory_alarms import MemoryAlarmBook, MemoryAlarmFacts
from router.adapters.memory_store import MemoryStore
from router.adapters.security_log import SyslogTarget, cef_of, syslog_line, syslog_severity
from router.core.event_names import EventName
from router.core.records import PutEvent
from router.core.seals import EventRow
from router.services.alarms.security import SEVERITIES, SecurityEvent, SecurityFeed, security_event_of
from tests.support.mail_server import own_certificate
from tests.support.records import NOON, event

EVENT = SecurityEvent(
    seq=7,
    at=NOON,
    name="session.refused",
    title="a sign-in was refused",
    severity=6,
    who="user:ha",
    message_id="",
    facts={"address": "10.0.0.1", "user": "ha", "why": "password"},
)
HOSTILE = 'x|y\\z=1 src=6.6.6.6\r\nCEF:0|evil|x|1|x|x|10|\n<13>1 - - \x00\x1b[31m\u2028"'
BAR = re.compile(r"(?<!\\)(?:\\\\)*\|")
KEY = re.compile(r"(?:^| )([A-Za-z0-9]+)(?<!\\)(?:\\\\)*=")


def test_a_line_is_as_the_norms_want_it() -> None:
    line = syslog_line(EVENT, host="hub 1", hub="trục", version="1.0").decode()
    head, _, text = line.partition("\ufeff")
    assert re.fullmatch(r"<108>1 2026-03-02T12:00:00\.123456Z hub-1 tr-c [0-9]+ session\.refused - ", head)
    assert text.startswith("CEF:0|TrucLienThong|truc|1.0|session.refused|a sign-in was refused|6|rt=1772452800123 ")
    assert "src=10.0.0.1" in text
    assert "duser=ha" in text
    assert "trucWhy=password" in text


@pytest.mark.parametrize(("cef", "syslog"), [(10, 2), (9, 2), (8, 3), (5, 4), (3, 5), (1, 6), (0, 6)])
def test_severities_are_those_of_syslog(cef: int, syslog: int) -> None:
    assert syslog_severity(cef) == syslog


@given(st.one_of(st.text(max_size=300), st.just(HOSTILE)))
def test_no_text_makes_another_field_line_or_event(text: str) -> None:
    facts = {"reason": text, "path": text, "user": text, "address": text, "why": text}
    hostile = replace(EVENT, title=text, who=text, message_id=text, facts=facts)
    line = syslog_line(hostile, host=text, hub=text, version=text).decode()
    assert not set("\r\n\x00\u2028\u2029") & set(line)
    head, _, cef = line.partition("\ufeff")
    assert len(head.split(" ")) == 8
    header = BAR.split(cef)
    extension = cef[[each.end() for each in BAR.finditer(cef)][6] :]
    assert len(header) >= 8
    fields = KEY.findall(extension)
    wanted = ["rt", "externalId", "suser"] + (["cs1Label", "cs1"] if text else [])
    assert fields[: len(wanted)] == wanted
    assert len(fields) == len(wanted) + (5 if text else 0)


def test_a_very_long_text_is_cut() -> None:
    assert len(cef_of(replace(EVENT, facts={"reason": "đ" * 10**6}), version="1")) < 2000


# ── Ways ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Desk:
    address: tuple[str, int]
    got: list[bytes] = field(default_factory=list)


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Desk]:
    server = socket.create_server(("127.0.0.1", 0))
    desk = Desk(server.getsockname()[:2])

    def serve() -> None:
        connection, _ = server.accept()
        with context.wrap_socket(connection, server_side=True) if context is not None else connection as taken:
            taken.settimeout(10)
            while part := taken.recv(65_536):
                desk.got.append(part)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield desk
    finally:
        thread.join(10)
        server.close()


def counted(data: bytes) -> list[bytes]:
    lines = []
    while data:
        size, _, data = data.partition(b" ")
        lines.append(data[: int(size)])
        data = data[int(size) :]
    return lines


def target(transport: str, address: tuple[str, int], ca_file: Path | None = None) -> SyslogTarget:
    return SyslogTarget(transport, address, hub="truc", version="1", ca_file=ca_file)


def test_over_udp_each_event_is_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        way = target("udp", server.getsockname())
        way.send([EVENT, replace(EVENT, seq=8)])
        lines = [server.recv(65_536) for _ in range(2)]
        way.close()
    assert [b"externalId=7" in lines[0], b"externalId=8" in lines[1]] == [True, True]


def test_over_tcp_lines_are_counted() -> None:
    with listening() as desk:
        way = target("tcp", desk.address)
        way.send([EVENT])
        way.send([replace(EVENT, seq=8, facts={"reason": HOSTILE})])
        way.close()
    assert len(counted(b"".join(desk.got))) == 2


def test_over_tls_the_server_is_checked(tmp_path: Path) -> None:
    context, ca_file = own_certificate(tmp_path)
    with listening(context) as desk:
        way = target("tls", desk.address, ca_file)
        way.send([EVENT])
        way.close()
    assert len(counted(b"".join(desk.got))) == 1


def test_a_server_that_closed_is_seen_before_events_are_lost() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    way = target("tcp", server.getsockname()[:2])
    way.send([EVENT])
    connection, _ = server.accept()
    connection.close()
    with pytest.raises(OSError):  # noqa: PT011  whatever the system calls it
        way.send([EVENT])
    way.send([EVENT])
    server.close()
    way.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()[:2]
    with pytest.raises(OSError):  # noqa: PT011
        target("tcp", address).send([EVENT])


# ── The feed ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Noon:
    def now(self) -> object:
        return NOON


class Kept:
    def __init__(self) -> None:
        self.events: list[SecurityEvent] = []
        self.away = False

    def send(self, events: object) -> None:
        if self.away:
            raise ConnectionRefusedError
        self.events += list(events)  # type: ignore[call-overload]  # a sequence of events


def test_every_security_event_has_a_severity_of_cef() -> None:
    assert set(SEVERITIES) <= {each.value for each in EventName}
    assert all(0 <= each <= 10 for each in SEVERITIES.values())


@pytest.mark.parametrize(
    ("name", "facts", "told"),
    [
        ("message.refused", '{"codes": "schema.root"}', False),
        ("message.refused", '{"codes": "signature.value-mismatch"}', True),
        ("message.refused", '{"codes": "transport.identity"}', True),
        ("message.refused", "not json", False),
        ("message.accepted", "", False),
        ("session.refused", "", True),
        ("registry.changed", "", True),
    ],
)
def test_what_concerns_security_is_told(name: str, facts: str, told: bool) -> None:
    row = EventRow(seq=1, name=name, at=0, message_id="", leg_id="", actor="x", facts=facts)
    assert (security_event_of(row) is not None) is told


def test_events_are_handed_over_once_in_order_and_again_after_a_failure() -> None:
    store, book, kept = MemoryStore(), MemoryAlarmBook(), Kept()

    def feed() -> SecurityFeed:
        return SecurityFeed(book, MemoryAlarmFacts(store), kept, clock=Noon(), holder="a")  # type: ignore[arg-type]

    def happen(*names: str) -> None:
        with store.begin() as tx:
            tx.apply([PutEvent(event(name, "", actor="user:ha")) for name in names])

    happen("session.opened")
    one = feed()
    assert [one.run(), one.run()] == [0, 0]
    happen("session.refused", "leg.queued", "user.added")
    kept.away = True
    one.run()
    with pytest.raises(OSError):  # noqa: PT011
        one.run()
    kept.away = False
    assert one.run() == 2
    again = feed()
    assert [again.run(), again.run(), again.run()] == [0, 0, 0]
    assert [each.name for each in kept.events] == ["session.refused", "user.added"]
    other = SecurityFeed(book, MemoryAlarmFacts(store), kept, clock=Noon(), holder="b")  # type: ignore[arg-type]
    assert other.run() is None
