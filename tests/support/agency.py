"""Agents for tests: settings with real keys, and a small hub, made of the hub's own services, around any broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agents.settings import OrganSettings, Settings
from edxml_schemas.contract import Urgency
from router.core.records import OutboxItem
from router.ports import Broker, BrokerUnavailable
from tests.support.hub_desk import AGENTS, NOW, RENAMED, Desk

AGENT_NAMES: Final = tuple(dict.fromkeys(AGENTS.values()))


@dataclass(frozen=True, slots=True)
class Fixed:
    """A clock that stands still."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def settings_of(
    name: str,
    hub: Desk,
    folder: Path,
    *,
    amqp_url: str = "amqp://nowhere/",
    resend_after: timedelta = timedelta(minutes=10),
    connector: bool = False,
    organs: Iterable[str] | None = None,
) -> Settings:
    """Settings of one of the hub's agents, with the keys of its organs on disk below `folder`."""
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "hub.cert.pem").write_bytes(hub.hub_key.cert_pem)
    own = organs if organs is not None else [organ for organ, agent in AGENTS.items() if agent == name]
    return Settings(
        name=name,
        amqp_url=amqp_url,
        hub_certificate=home / "hub.cert.pem",
        spool=home / "spool",
        folder=home / "folder" if connector else None,
        resend_after=resend_after,
        settle=timedelta(milliseconds=50),
        organs=tuple(_organ(organ, hub, home) for organ in own),
    )


def _organ(organ: str, hub: Desk, home: Path) -> OrganSettings:
    credential = hub.keys[organ]
    key, cert = home / f"{organ}.key.pem", home / f"{organ}.cert.pem"
    key.touch(mode=0o600)
    key.write_bytes(credential.key_pem)
    cert.write_bytes(credential.cert_pem)
    return OrganSettings(organ_id=organ, name=f"Cơ quan {organ}", key=key, cert=cert)


class SmallHub:
    """One message at a time, in memory, but with the hub's real decisions."""

    def __init__(self, desk: Desk, broker: Broker) -> None:
        self.desk = desk
        self.broker = broker
        self.seen: list[str] = []
        """Submission ids in the order in which they came."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for urgency in Urgency:
                tasks.create_task(self._again(self._ingest, urgency))
            tasks.create_task(self._again(self._track))

    async def _again(self, loop: Callable[..., Awaitable[None]], *arguments: Urgency) -> None:
        while True:
            with suppress(BrokerUnavailable):
                await loop(*arguments)
            await asyncio.sleep(0.02)

    async def _ingest(self, urgency: Urgency) -> None:
        async for delivery in self.broker.submissions(urgency, prefetch=10):
            self.seen.append(delivery.submission.submission_id)
            (settled,) = self.desk.settle(delivery.submission)
            await delivery.ack()
            await self._publish(settled.outbox)

    async def _track(self) -> None:
        async for delivery in self.broker.reports(prefetch=10):
            items: Iterable[OutboxItem] = ()
            if delivery.report is not None:
                with self.desk.store.begin() as tx:
                    items = self.desk.tracking.record(tx, [delivery.report], now=NOW)
            await delivery.ack()
            await self._publish(items)

    async def _publish(self, items: Iterable[OutboxItem]) -> None:
        waiting = list(items)
        while waiting:
            item = waiting.pop(0)
            await self.broker.publish([(item, self.desk.relay.load(item))])
            waiting += self.desk.confirm([item])


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs coroutines beside the test and cancels them at its end; a failure of theirs ends the test at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


__all__ = ["AGENT_NAMES", "RENAMED", "Fixed", "SmallHub", "running", "settings_of"]
