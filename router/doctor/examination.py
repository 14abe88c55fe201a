"""The walk through all rooms."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from router.adapters.trust_files import certificates_of
from router.app.parts import open_broker, open_hub_key, open_payloads, open_store, open_trust
from router.core.records import MessageRecord
from router.core.seals import Seal
from router.doctor import broker, certificates, clocks, database, files
from router.doctor.diagnosis import Diagnosis, bad, good
from router.errors import HubProblem
from router.ports import Store, StoreUnavailable
from router.settings import Settings

PAYLOADS: Final = 50  # latest messages whose bytes are read
EVENTS: Final = 500  # latest events among which they are found


async def examine(settings: Settings, *, now: datetime, repair: bool) -> list[Diagnosis]:
    """Every diagnosis, in the order in which they are best mended. Changes nothing unless `repair`.

    Sequential on purpose: it runs beside a hub at work and should not be felt.
    """
    found = [good("settings", f"Cấu hình đọc được ({settings.hub})", f"The configuration is sound ({settings.hub})")]
    found += files.look(settings, repair=repair)
    found += database.look(settings, repair=repair)
    reachable = not any(each.part == database.PART and each.health == "bad" for each in found)
    if reachable:
        found += _behind_the_store(settings, now=now)
    found += certificates.told(_certificates(settings, now=now, with_organs=reachable))
    agents = _agents(settings) if reachable else ()
    link = open_broker(settings, name=f"{settings.hub}-doctor")
    try:
        found += await broker.look(settings, link, agents, repair=repair)
    finally:
        await link.close()
    return found


def _behind_the_store(settings: Settings, *, now: datetime) -> list[Diagnosis]:
    store = open_store(settings)
    payloads = open_payloads(settings, writer="doctor")
    try:
        found = database.look_at_backlog(store, now=now)
        with store.begin() as tx:
            newest = tx.last_seal()
        found += files.look_at_payloads(payloads, _latest(store, newest))
        found += clocks.look(settings, now=now, newest_seal=newest)
    except StoreUnavailable as problem:
        return [bad(database.PART, f"Không đọc được cơ sở dữ liệu: {problem}", f"Cannot read the database: {problem}")]
    finally:
        payloads.close()
        store.close()
    return found


def _latest(store: Store, newest: Seal | None) -> list[MessageRecord]:
    """Some of the latest messages: those that the newest events speak of."""
    start = max(0, newest.last_seq - EVENTS) if newest is not None else 0
    ids = dict.fromkeys(each.message_id for each in store.events_after(start, limit=2 * EVENTS) if each.message_id)
    return [message for each in list(ids)[-PAYLOADS:] if (message := store.message(each)) is not None]


def _certificates(settings: Settings, *, now: datetime, with_organs: bool) -> list[Diagnosis]:
    found = certificates.look_at_trust(open_trust(settings).material(), now=now)
    try:
        open_hub_key(settings)  # whether it can be used
        own = certificates_of((settings.folder / settings.hub_key.certificate).read_bytes())
        found += certificates.look_at_own(own[0], now=now)
    except HubProblem as problem:
        found.append(
            bad(
                certificates.PART,
                problem.vi,
                problem.en,
                remedy_vi=problem.remedy_vi,
                remedy_en=problem.remedy_en,
            )
        )
    if with_organs:
        store = open_store(settings)
        try:
            organs = sorted(store.registry().certificates)
            records = [record for organ in organs for record in store.certificates_of(organ)]
        finally:
            store.close()
        found += certificates.look_at_organs(records, now=now)
    return found


def _agents(settings: Settings) -> Iterable[str]:
    store = open_store(settings)
    try:
        return [name for name, agent in store.registry().agents.items() if agent.active]
    finally:
        store.close()
