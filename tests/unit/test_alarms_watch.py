"""Looks, the feed of the log, digests and the database that is away: what people are told in the end."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from router.adapters.memory_alarms import MemoryAlarmBook, MemoryAlarmFacts
from router.adapters.memory_store import MemoryStore
from router.core.alarm_rules import AlarmKind
from router.core.alarm_signals import CertificateEnd
from router.core.alarms import AlarmState, Patience
from router.core.deadlines import Clocks
from router.core.log_lag import Lag, LogReader
from router.core.notices import Notice, NoticeKind
from router.core.records import LegState, MessageState, PutDead, PutEvent, PutLeg, PutMessage
from router.core.registry import CertificateRecord, OrganRecord, OrganState
from router.ports import StoreUnavailable
from router.ports.alarms import NotTaken
from router.services.alarms import guard as guard_module
from router.services.alarms.desk import AlarmDesk, Trouble
from router.services.alarms.digest import Digests, digest_text
from router.services.alarms.direct import Direct
from router.services.alarms.feed import Window, counts_in, read_on, verdicts_in, window_of
from router.services.alarms.guard import Guard, GuardParts
from router.services.alarms.log_watch import LogWatch
from router.services.alarms.looking import LOG_MARK, Looking, LookRules, Outside, log_mark_of
from router.services.alarms.watch import Speaking, Watch
from tests.support.pki import Pki
from tests.support.records import MINUTE, NOON, dead_letter, event, leg, message

HOUR = 60 * MINUTE
DAY = 24 * HOUR
SPEAKING = Speaking(hub="truc", console="https://truc.vn/console", channels=("mail", "webhook"))


class Hands:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


class House:
    """A hub in memory with everything that looks after its alarms."""

    def __init__(self, **rules: Any) -> None:
        self.clock = Hands()
        self.store, self.book = MemoryStore(), MemoryAlarmBook()
        self.facts = MemoryAlarmFacts(self.store)
        self.own: list[CertificateEnd] = []
        self.lags: Mapping[LogReader, Lag] = {}
        self.rules = LookRules(**rules)

    def watch(self, holder: str = "a") -> Watch:
        looking = Looking(
            self.store,
            self.book,
            self.facts,
            rules=self.rules,
            own=lambda: list(self.own),
            lags=lambda _now: self.lags,
        )
        return Watch(
            self.book,
            looking,
            holder=holder,
            speaking=SPEAKING,
            patience=Patience(),
            lease_for=5 * MINUTE,
        )

    def put(self, *changes: Any) -> None:
        with self.store.begin() as tx:
            tx.apply(changes)

    def refuse(self, codes: str, *, times: int = 1, actor: str = "so-y-te", name: str = "message.refused") -> None:
        self.put(*(PutEvent(event(name, "", actor=actor, facts={"codes": codes})) for _ in range(times)))


@pytest.fixture
def house() -> House:
    return House()


def kinds(house: House) -> list[str]:
    return sorted(each.kind.value for each in house.book.standing())


def test_a_dead_letter_is_told_to_every_channel_once_and_its_end_too(house: House) -> None:
    watch = house.watch()
    house.put(PutDead(dead_letter("x")))
    watch.look(Outside(), now=NOON)
    watch.look(Outside(), now=NOON + MINUTE)
    first = house.book.notices()
    assert sorted(each.channel for each in first) == ["mail", "webhook"]
    assert first[0].title.startswith("[truc] Cảnh báo: Có thông điệp không xử lý được")
    vietnamese, _, english = first[0].text.partition("— English —")
    assert "truc dead list" in vietnamese
    for half in (vietnamese, english):
        assert "truc dead list · https://truc.vn/console/work/dead" in half
    assert "https://truc.vn/console/alarms" in first[0].text
    assert first[0].data["alarms"][0]["command"] == "truc dead list"
    assert first[0].data["alarms"][0]["page"] == "https://truc.vn/console/work/dead"
    assert "truc alarms quiet" in vietnamese

    house.book.keep([])  # nothing to write is no fault
    house.store = MemoryStore()  # the letters are gone
    house.facts = MemoryAlarmFacts(house.store)
    house.watch().look(Outside(), now=NOON + HOUR)
    told = [each for each in house.book.notices() if each not in first]
    assert len(told) == 2
    assert all("Đã hết" in each.title for each in told)
    assert house.book.standing() == ()


def test_of_two_processes_one_looks_and_the_other_takes_over(house: House) -> None:
    one, other = house.watch("a"), house.watch("b")
    house.put(PutDead(dead_letter("x")))
    assert one.look(Outside(), now=NOON)
    assert other.look(Outside(), now=NOON + MINUTE) is None
    one.give_back()
    assert other.look(Outside(), now=NOON + 2 * MINUTE) == []
    assert len(house.book.notices()) == 2


def test_many_alarms_of_one_look_are_one_notice_per_channel(house: House) -> None:
    house.own = [CertificateEnd(subject=f"H{n}", name=f"H{n}", until=NOON + DAY) for n in range(50)]
    house.watch().look(Outside(), now=NOON)
    assert len(house.book.standing()) == 50
    (letter, _) = house.book.notices()
    assert "… và 30 cảnh báo khác" in letter.text
    assert letter.data["more"] == 30


def test_depths_that_nobody_could_ask_for_end_no_alarm(house: House) -> None:
    watch = house.watch()
    watch.look(Outside(depths={"so-y-te": 5000}), now=NOON)
    watch.look(Outside(depths=None), now=NOON + HOUR)
    assert kinds(house) == ["backlog"]
    watch.look(Outside(depths={"so-y-te": 3}), now=NOON + 2 * HOUR)
    assert kinds(house) == []


def test_overdue_legs_and_old_documents_in_an_inbox_are_seen() -> None:
    house = House()
    old = message("a", priority=3, received_at=NOON - DAY, decided_at=NOON - DAY)
    stuck = leg(
        old,
        "a",
        state=LegState.HANDED_OVER,
        handed_over_at=NOON - 20 * HOUR,
        raised=("not-acknowledged",),
        look_at=NOON + DAY,
    )
    house.put(PutMessage(old), PutLeg(stuck))
    house.watch().look(Outside(), now=NOON)
    found = {(each.kind.value, each.subject): each.severity.value for each in house.book.standing()}
    assert found[("overdue", "not-acknowledged")] == "critical"
    assert found[("waiting", "so-xay-dung")] == "warning"


def test_the_certificate_of_an_organ_that_is_locked_is_nobodys_business(house: House) -> None:
    pki = Pki(NOON)
    for code, state in (("H41", OrganState.ACTIVE), ("H42", OrganState.LOCKED)):
        ends = pki.issue(code, not_after=NOON + 20 * DAY)
        house.store.put_organs([OrganRecord(code=code, name=code, state=state)])
        pem = ends.cert_pem.decode("ascii")
        house.store.put_certificates(
            [CertificateRecord(organ=code, fingerprint=ends.fingerprint, subject=code, pem=pem)]
        )
    house.watch().look(Outside(), now=NOON)
    assert [(each.kind.value, each.subject) for each in house.book.standing()] == [("certificate", "H41")]


def test_a_kind_that_was_turned_off_is_not_raised_and_ends() -> None:
    loud = House()
    loud.put(PutDead(dead_letter("x")))
    loud.watch().look(Outside(), now=NOON)
    assert kinds(loud) == ["dead"]
    loud.rules = LookRules(off=frozenset({AlarmKind.DEAD}))
    loud.watch().look(Outside(), now=NOON + HOUR)
    assert kinds(loud) == []


# ── The feed of the log ─────────────────────────────────────────────────────────────────────────────────────────────


def read(house: House, window: Window, *, after: timedelta) -> Window:
    return read_on(house.facts, window, now=NOON + after, span=HOUR)


def test_what_is_older_than_the_first_look_is_no_news(house: House) -> None:
    house.refuse("signature.value-mismatch", times=50)
    window = Window()
    for minutes in range(4):
        window = read(house, window, after=minutes * MINUTE)
    assert counts_in(window) == {}
    assert verdicts_in(window, HOUR).decided == 0


def test_events_are_read_once_and_one_look_late(house: House) -> None:
    window = read(house, Window(), after=timedelta(0))
    house.refuse("signature.value-mismatch, schema.root", times=3)
    house.refuse("transport.identity", actor="ke-la")
    house.refuse("schema.root", times=2)
    house.put(PutEvent(event("session.refused", "", actor="user:x", facts={"address": "10.0.0.9"})))
    house.put(*(PutEvent(event("message.accepted", "")) for _ in range(4)))
    window = read(house, window, after=MINUTE)
    assert verdicts_in(window, HOUR).decided == 0
    for minutes in range(2, 5):
        window = window_of(read(house, window, after=minutes * MINUTE).encoded())
    assert counts_in(window) == {
        (AlarmKind.FORGED, "so-y-te"): 3,
        (AlarmKind.FOREIGN, "ke-la"): 1,
        (AlarmKind.SIGN_INS, "10.0.0.9"): 1,
    }
    assert (verdicts_in(window, HOUR).decided, verdicts_in(window, HOUR).refused) == (10, 6)
    window = read(house, window, after=3 * HOUR)
    assert counts_in(window) == {}
    assert verdicts_in(window, HOUR).decided == 0


@pytest.mark.parametrize("text", ["", "x", "{}", '{"seq": "x"}', "[]", '{"seq":1,"ready":2,"slices":[[1]],"who":[]}'])
def test_a_mark_that_cannot_be_read_begins_anew(text: str) -> None:
    assert window_of(text) == Window()


def test_a_burst_of_forged_signatures_becomes_an_alarm(house: House) -> None:
    watch = house.watch()
    watch.look(Outside(), now=NOON)
    house.refuse("signature.value-mismatch", times=6)
    watch.look(Outside(), now=NOON + MINUTE)
    watch.look(Outside(), now=NOON + 2 * MINUTE)
    assert kinds(house) == ["forged"]


# ── Quieting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_quieting_keeps_people_in_peace_and_is_written_down(house: House) -> None:
    watch = house.watch()
    desk = AlarmDesk(house.book, house.store, clock=house.clock)
    house.put(PutDead(dead_letter("x")))
    watch.look(Outside(), now=NOON)
    (alarm,) = house.book.standing()
    assert not isinstance(desk.quiet(alarm.id, until=NOON + DAY, by="admin:ha", reason="đang xử lý"), Trouble)
    for hours in range(1, 23, 3):
        watch.look(Outside(), now=NOON + hours * HOUR)
    assert len(house.book.notices()) == 2
    watch.look(Outside(), now=NOON + DAY)
    assert len(house.book.notices()) == 4
    (written,) = [each for each in house.store.events_after(0, limit=99) if each.name == "alarm.quieted"]
    assert (written.actor, "đang xử lý" in written.facts) == ("admin:ha", True)


# ── While the database is away ──────────────────────────────────────────────────────────────────────────────────────


class Way:
    def __init__(self, name: str, *, broken: bool = False) -> None:
        self.name, self.broken = name, broken
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        if self.broken:
            raise NotTaken("no answer")
        self.sent.append(notice)


async def test_people_are_told_directly_that_the_database_is_away_and_that_it_is_back() -> None:
    mail, hook = Way("mail"), Way("webhook", broken=True)
    direct = Direct([mail, hook], speaking=SPEAKING, patience=Patience(), trouble_after=MINUTE)
    await direct.away("no connection", now=NOON)
    assert mail.sent == []
    for seconds in (60, 90, 120):
        await direct.away("no connection", now=NOON + timedelta(seconds=seconds))
    assert [each.kind for each in mail.sent] == [NoticeKind.ALARMS]
    assert "database" in mail.sent[0].text
    hook.broken = False
    await direct.away("no connection", now=NOON + timedelta(seconds=150))
    assert len(hook.sent) == 1
    over = await direct.back(now=NOON + HOUR)
    assert over is not None
    assert (over.state, over.ended_at) == (AlarmState.RECOVERED, NOON + HOUR)
    assert "Đã hết" in mail.sent[-1].title
    assert await direct.back(now=NOON + HOUR) is None
    assert len(mail.sent) == len(hook.sent) == 2


async def test_a_short_absence_of_the_database_is_told_to_nobody() -> None:
    mail = Way("mail")
    direct = Direct([mail], speaking=SPEAKING, patience=Patience(), trouble_after=MINUTE)
    await direct.away("locked", now=NOON)
    assert await direct.back(now=NOON + timedelta(seconds=30)) is None
    await direct.away("locked", now=NOON + HOUR)
    assert mail.sent == []


# ── The tasks of a process ──────────────────────────────────────────────────────────────────────────────────────────


def guard_of(house: House, watch: Any, mail: Way, problems: dict[str, str], **parts: Any) -> Guard:
    async def probe() -> Mapping[str, str]:
        return problems

    async def depths() -> Mapping[str, int]:
        return {}

    direct = Direct([mail], speaking=SPEAKING, patience=Patience(), trouble_after=MINUTE)
    made = GuardParts(watch=watch, direct=direct, **parts)
    return Guard(made, probe=probe, depths=depths, clock=house.clock, every=timedelta(seconds=30), keep=90 * DAY)


async def test_a_broker_that_is_away_for_long_is_an_alarm_and_recovers(house: House) -> None:
    problems = {"broker": "refused", "database": "", "worker-1": ""}
    guard = guard_of(house, house.watch(), Way("mail"), problems)
    await guard.look()
    assert kinds(house) == []
    house.clock.at += 2 * MINUTE
    await guard.look()
    assert [(each.kind.value, each.subject) for each in house.book.standing()] == [("trouble", "broker")]
    problems["broker"] = ""
    house.clock.at += 10 * MINUTE
    await guard.look()
    assert kinds(house) == []
    assert len(house.book.notices()) == 4


async def test_a_database_that_was_away_is_told_directly_and_remembered_afterwards(house: House) -> None:
    watch, mail = house.watch(), Way("mail")

    class Gone:
        def look(self, *_: Any, **__: Any) -> None:
            raise StoreUnavailable("no connection")

    guard = guard_of(house, Gone(), mail, {"database": "no connection"})
    for _ in range(3):
        await guard.look()
        house.clock.at += MINUTE
    assert len(mail.sent) == 1
    back = guard_of(house, watch, mail, {})
    back._parts = GuardParts(watch=watch, direct=guard._parts.direct)  # the same process, its database is back
    await back.look()
    assert [each.title.count("Đã hết") for each in mail.sent] == [0, 1]
    (over,) = house.book.past()
    assert (over.subject, over.state) == ("database", AlarmState.RECOVERED)


async def test_a_look_that_hangs_is_told_as_a_database_that_is_away_and_is_not_begun_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "LOOK_PATIENCE", 0.01)
    mail, goes_on, begun = Way("mail"), threading.Event(), []

    class Hanging:
        def look(self, *_: Any, **__: Any) -> None:
            begun.append(house.clock.at)
            goes_on.wait()

    guard = guard_of(house, Hanging(), mail, {})
    for _ in range(3):
        await guard.look()
        house.clock.at += MINUTE
    goes_on.set()
    assert (len(begun), len(mail.sent)) == (1, 1)
    monkeypatch.setattr(guard_module, "LOOK_PATIENCE", 60.0)
    guard._parts = replace(guard._parts, watch=house.watch())
    await guard.look()
    assert len(mail.sent) == 2


async def test_readers_that_stay_behind_the_log_are_an_alarm_until_they_have_caught_up(house: House) -> None:
    house.lags = {LogReader.FIGURES: Lag(events=9, age=HOUR)}
    watch = house.watch()
    watch.look(Outside(), now=NOON)
    assert kinds(house) == []
    watch.look(Outside(), now=NOON + 2 * MINUTE)
    assert kinds(house) == ["behind"]
    house.lags = {LogReader.FIGURES: Lag()}
    watch.look(Outside(), now=NOON + 10 * MINUTE)
    assert kinds(house) == []


async def test_the_tasks_end_when_the_hub_does(house: House) -> None:
    stopping = asyncio.Event()
    ended = threading.Event()
    looked = asyncio.Event()

    def digests(_: datetime) -> int:
        loop.call_soon_threadsafe(looked.set)
        raise StoreUnavailable("not now")

    loop = asyncio.get_running_loop()
    guard = guard_of(house, house.watch(), Way("mail"), {}, digests=digests, stop_log_watch=ended)
    task = asyncio.create_task(guard.run(stopping))
    async with asyncio.timeout(10):
        await looked.wait()
        stopping.set()
        await task
    assert ended.is_set()
    assert house.watch("another").look(Outside(), now=NOON) is not None


# ── The check of the log ────────────────────────────────────────────────────────────────────────────────────────────


def log_watch(house: House, sleep: Callable[[float], bool] = lambda _: False) -> LogWatch:
    return LogWatch(
        house.store,
        house.book,
        clock=house.clock,
        holder="a",
        every=DAY,
        share=0.5,
        accepted=frozenset,
        sleep=sleep,
    )


def test_a_log_that_does_not_hold_becomes_an_alarm_and_is_checked_once_a_day(house: House) -> None:
    house.put(PutMessage(message("a")))  # no event knows it
    checked = log_watch(house).run()
    assert checked is not None
    assert checked.faults == 1
    assert log_watch(house).run() is None
    house.watch().look(Outside(), now=NOON)
    (alarm,) = house.book.standing()
    assert (alarm.kind, alarm.severity.value) == (AlarmKind.LOG, "critical")
    assert "m-a" in alarm.vi
    house.clock.at += DAY
    assert log_watch(house).run() is not None


def test_a_check_that_is_interrupted_says_nothing_and_begins_anew(house: House) -> None:
    slept: list[float] = []

    def ends(seconds: float) -> bool:
        slept.append(seconds)
        return True

    assert log_watch(house, ends).run() is None
    assert len(slept) == 1
    assert log_mark_of(house.book.mark(LOG_MARK)) is None
    assert log_watch(house).run() is not None


# ── Digests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def province(house: House) -> House:
    house.store.put_organs(
        [
            OrganRecord(code="H41", name="Nghệ An"),
            OrganRecord(code="H41.01", name="Sở Y tế", parent="H41"),
            OrganRecord(code="H14", name="Hà Giang"),
        ]
    )
    old = NOON - DAY
    for name, sender, recipient, raised, state in (
        ("in", "H14", "H41.01", "not-acknowledged", LegState.HANDED_OVER),
        ("out", "H41.01", "H14", "not-arrived", LegState.DELIVERED),
        ("other", "H14", "H14", "not-acknowledged", LegState.HANDED_OVER),
    ):
        one = message(name, sender=sender, received_at=old, decided_at=old, code=f"{name}/UBND", subject=f"Về {name}")
        late = leg(
            one,
            name,
            recipient=recipient,
            state=state,
            handed_over_at=old,
            delivered_at=old if state is LegState.DELIVERED else None,
            raised=(raised,),
            look_at=NOON + DAY,
        )
        house.put(PutMessage(one), PutLeg(late))
    house.put(
        PutMessage(message("bad", sender="H41", state=MessageState.REFUSED, received_at=NOON - HOUR)),
        PutMessage(message("old", sender="H41", state=MessageState.REFUSED, received_at=NOON - 2 * DAY)),
        PutMessage(message("foreign", sender="H14", state=MessageState.REFUSED, received_at=NOON - HOUR)),
    )
    return house


def digests_of(house: House) -> Digests:
    return Digests(house.store, house.book, house.facts, clocks=Clocks(), speaking=SPEAKING, channel="mail")


def test_a_digest_tells_of_the_subtree_and_of_nobody_else(province: House) -> None:
    digest = digests_of(province).of("H41", now=NOON)
    assert digest is not None
    assert [each.message.id for each in digest.not_taken] == ["m-in"]
    assert [each.message.id for each in digest.overdue] == ["m-out"]
    assert [each.id for each in digest.refused] == ["m-bad"]
    text = digest_text(digest, hub="truc", console="")
    assert "in/UBND" in text
    assert "other/UBND" not in text
    assert "Not taken: 1 · Overdue: 1 · Refused within 24 hours: 1" in text
    assert digests_of(province).of("nobody", now=NOON) is None


def test_digests_go_out_once_a_day_at_their_hour_whatever_restarts(province: House) -> None:
    to = {"H41": ("vanthu@h41.vn",), "H41.01": ("yte@h41.vn",), "nobody": ("x@y.vn",)}
    before = datetime.fromisoformat("2026-03-02T06:59:59+07:00")
    after = before + timedelta(seconds=1)

    def send(now: datetime) -> int:
        return digests_of(province).send_due(to, hour=7, empty=False, now=now)

    assert send(before) == 0
    assert send(after) == 2
    assert send(after + MINUTE) == 0
    province.book.put_mark("alarms.digests", "")  # it fell between the two writes
    assert send(after + 2 * MINUTE) == 0
    assert send(after + DAY) == 2
    assert sorted(each.to for each in province.book.notices() if "2026-03-02" in each.id) == [
        ("vanthu@h41.vn",),
        ("yte@h41.vn",),
    ]


def test_an_empty_digest_goes_out_only_when_wanted(house: House) -> None:
    house.store.put_organs([OrganRecord(code="H41", name="Nghệ An")])
    to = {"H41": ("a@b.vn",)}
    assert digests_of(house).send_due(to, hour=0, empty=False, now=NOON) == 0
    assert digests_of(house).send_due(to, hour=0, empty=True, now=NOON + DAY) == 1
