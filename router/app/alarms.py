"""What alarms stand on, put together: their memory, the ways to people, and the tasks of a hub process."""

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, text

from edxml_schemas.contract import Urgency, inbox_queue
from router.adapters.clock import SystemClock
from router.adapters.diagnostics import PACKAGE, DiagnosticsDoor, versions
from router.adapters.notify import MAIL, channels_of
from router.adapters.security_log import SyslogTarget
from router.adapters.sql.alarm_facts import SqlAlarmFacts
from router.adapters.sql.alarms import SqlAlarmBook
from router.adapters.sql.engine import told_as_ports
from router.adapters.sql.migrate import revision_of
from router.app.certificates import accepted_certificates, own_certificates
from router.app.log_lag import lags_of
from router.app.parts import policy_of, private_paths
from router.ports import Clock, Store
from router.ports.alarms import AlarmBook, AlarmFacts, Channel
from router.services.alarms.delivering import EVERY, Delivery
from router.services.alarms.desk import AlarmDesk
from router.services.alarms.digest import Digests
from router.services.alarms.direct import Direct
from router.services.alarms.guard import Guard, GuardParts, InboxDepths, Probe
from router.services.alarms.log_watch import LogWatch
from router.services.alarms.looking import Looking, LookRules
from router.services.alarms.security import SecurityFeed
from router.services.alarms.watch import Speaking, Watch
from router.services.figures.readings import Depths
from router.settings import Settings

LEASED_LOOKS: Final = 3
"""The lease lasts for so many looks: another process takes over when one of them has hung for so long."""
SHORTEST_LEASE: Final = timedelta(minutes=2)


def open_alarm_book(engine: Engine) -> SqlAlarmBook:
    return SqlAlarmBook(engine)


def alarm_desk(book: AlarmBook, store: Store, *, clock: Clock) -> AlarmDesk:
    return AlarmDesk(book, store, clock=clock)


def channels(settings: Settings, *, clock: Clock) -> Sequence[Channel]:
    return channels_of(settings.alarms, folder=settings.folder, clock=clock)


def speaking_of(settings: Settings) -> Speaking:
    names = tuple(each.name for each in channels(settings, clock=SystemClock()))
    if not settings.alarms.mail_to:
        names = tuple(each for each in names if each != MAIL)  # the server is there for digests alone
    return Speaking(hub=settings.hub, console=console_address(settings), channels=names)


def console_address(settings: Settings) -> str:
    """Where people reach the console; its path on the hub when nobody said so (`console.public_url`)."""
    return f"{settings.console.public_url}/console"


def digests_of(settings: Settings, store: Store, book: AlarmBook, facts: AlarmFacts) -> Digests:
    clocks = policy_of(settings).clocks
    return Digests(store, book, facts, clocks=clocks, speaking=speaking_of(settings), channel=MAIL)


def inbox_depths(ask: Depths, store: Store) -> InboxDepths:
    """The messages in the inboxes of each agent, out of the depths of all queues."""

    async def by_agent() -> Mapping[str, int]:
        registry = await asyncio.to_thread(store.registry)
        owners = {inbox_queue(name, urgency): name for name in registry.agents for urgency in Urgency}
        depths: Counter[str] = Counter()
        for each in await ask():
            if each.queue in owners:
                depths[owners[each.queue]] += each.messages
        return depths

    return by_agent


def guard_of(settings: Settings, store: Store, engine: Engine, *, probe: Probe, depths: InboxDepths) -> Guard:
    """The tasks of one hub process. Raises HubProblem for settings that cannot work."""
    named, clock = settings.alarms, SystemClock()
    book, facts = SqlAlarmBook(engine), SqlAlarmFacts(engine)
    holder = f"{socket.gethostname()}-{os.getpid()}"
    every = timedelta(seconds=named.look_seconds)
    patience, speaking, ways = named.as_patience(), speaking_of(settings), channels(settings, clock=clock)
    rules = LookRules(
        thresholds=named.as_thresholds(),
        clocks=policy_of(settings).clocks,
        window=named.window,
        trouble_after=timedelta(seconds=named.trouble_seconds),
        off=frozenset(named.off),
    )
    own, lags = (lambda: own_certificates(settings)), lags_of(store, engine)
    looking = Looking(store, book, facts, rules=rules, own=own, lags=lags)
    lease_for = max(LEASED_LOOKS * every, SHORTEST_LEASE)
    ended = threading.Event()
    digests = digests_of(settings, store, book, facts)

    def send_digests(now: datetime) -> int:
        return digests.send_due(named.digest_to, hour=named.digest_hour, empty=named.digest_empty, now=now)

    log_watch = LogWatch(
        store,
        book,
        clock=clock,
        holder=holder,
        every=timedelta(hours=named.log_check_hours),
        share=named.log_check_share,
        accepted=lambda: accepted_certificates(settings),
        sleep=ended.wait,
    )
    give_up_after = timedelta(hours=named.give_up_hours)
    parts = GuardParts(
        watch=Watch(book, looking, holder=holder, speaking=speaking, patience=patience, lease_for=lease_for),
        direct=Direct(
            [each for each in ways if each.name in speaking.channels],
            speaking=speaking,
            patience=patience,
            trouble_after=rules.trouble_after,
        ),
        deliveries=[
            Delivery(book, each, clock=clock, give_up_after=give_up_after, every=min(EVERY, named.look_seconds))
            for each in ways
        ],
        digests=send_digests if named.digest_to else None,
        log_watch=log_watch if named.log_check_hours else None,
        security=_security(settings, book, facts, clock=clock, holder=holder),
        stop_log_watch=ended,
    )
    keep = timedelta(days=named.keep_days)
    return Guard(parts, probe=probe, depths=depths, clock=clock, every=every, keep=keep)


def _security(
    settings: Settings, book: AlarmBook, facts: AlarmFacts, *, clock: Clock, holder: str
) -> SecurityFeed | None:
    named = settings.alarms
    if named.syslog_target is None:
        return None
    transport, host, port = named.syslog_target
    ca_file = settings.folder / named.syslog_ca_file if named.syslog_ca_file else None
    target = SyslogTarget(
        transport, (host, port), hub=settings.hub, version=str(versions()["hub"]) or PACKAGE, ca_file=ca_file
    )
    return SecurityFeed(book, facts, target, clock=clock, holder=holder)


def diagnostics_door(settings: Settings, engine: Engine) -> DiagnosticsDoor:
    """`/-/versions` and `/-/settings`, for who may read `/-/metrics`."""

    def database() -> Mapping[str, str]:
        question = "SELECT sqlite_version()" if engine.dialect.name == "sqlite" else "SHOW server_version"
        with told_as_ports(), engine.connect() as connection:
            version = str(connection.scalar(text(question)))
            return {"kind": engine.dialect.name, "version": version, "tables": revision_of(connection) or ""}

    return DiagnosticsDoor(private_paths(settings), settings=settings.shown(), database=database)
