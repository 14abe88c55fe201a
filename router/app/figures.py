"""What figures stand on, put together: readings, the door of metrics, and the task that counts the log."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from sqlalchemy import Engine

from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.adapters.metrics import MetricsDoor
from router.adapters.sql.figures import SqlFigures
from router.app.parts import open_hub_key, open_trust
from router.errors import HubProblem
from router.logs import logger
from router.ports import QueueDepth, Store, StoreUnavailable
from router.ports.figures import Figures
from router.services.figures.counting import Counting
from router.services.figures.readings import Depths, Probe, Readings, no_probe
from router.services.work.intake import wait_for
from router.settings import Settings

COUNT_EVERY: Final = 15.0  # seconds between two looks at the log
TIDY_EVERY: Final = 240  # looks between two prunings


def open_figures(engine: Engine) -> SqlFigures:
    return SqlFigures(engine)


def readings_of(
    settings: Settings, figures: Figures, *, probe: Probe = no_probe, depths: Depths | None = None
) -> Readings:
    return Readings(figures, clock=SystemClock(), probe=probe, depths=depths, own=lambda: own_certificates(settings))


def depths_of(broker: AmqpBroker, store: Store) -> Depths:
    """The queues of the hub and of all agents."""

    async def ask() -> Sequence[QueueDepth]:
        registry = await asyncio.to_thread(store.registry)
        return await broker.depths(sorted(registry.agents))

    return ask


def metrics_door(settings: Settings, readings: Readings) -> MetricsDoor:
    named = settings.metrics
    return MetricsDoor(readings, networks=named.admitted, token=named.token.get_secret_value(), agents=named.agents)


def own_certificates(settings: Settings) -> Sequence[tuple[str, datetime]]:
    """When the hub's certificate, the trusted ones and the revocation lists end; what cannot be read is left out."""
    ends: list[tuple[str, datetime]] = []
    try:
        pen = open_hub_key(settings)
        ends.append(("hub", _ends(pen.signer.certificate)))
    except HubProblem:
        pass  # readiness and `truc doctor` tell of it
    material = open_trust(settings).material()
    ends += [("anchor", _ends(each)) for each in material.anchors]
    ends += [("intermediate", _ends(each)) for each in material.intermediates]
    ends += [("crl", each.next_update_utc) for each in material.crls if each.next_update_utc is not None]
    return ends


async def count_figures(figures: Figures, stopping: asyncio.Event) -> None:
    """Counts the log until `stopping` is set. Any number may run at once."""
    counting, clock, log = Counting(figures), SystemClock(), logger("figures")
    look = 0
    while not stopping.is_set():
        try:
            more = await asyncio.to_thread(counting.run, now=clock.now())
            if look % TIDY_EVERY == 0 and not more:
                await asyncio.to_thread(counting.tidy, now=clock.now())
        except StoreUnavailable as problem:
            log.warning("figures-not-counted", reason=str(problem))
            more = False
        if not more:
            look += 1
            await wait_for(stopping, COUNT_EVERY)


def _ends(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc
