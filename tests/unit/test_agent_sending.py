"""How messages come and go: small ones are never held up by large ones, nor any of them by a bad one."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.agent import Agent
from agents.connectors.folder import FolderConnector
from agents.memory_link import MemoryLink
from agents.ports import InboxDelivery, Incoming, Outgoing
from agents.pump import DOWNLOADS
from agents.sending import UPLOADS, WINDOW_BYTES
from agents.spool import Spool
from edxml_schemas.contract import CLAIM_THRESHOLD, Claim, MessageType, Urgency
from router.adapters.memory_broker import MemoryBroker
from tests.support.agency import AGENT_NAMES, Fixed, running, settings_of
from tests.support.envelopes import SENDER, a_document, envelope_bytes
from tests.support.hub_desk import H41, Desk
from tests.support.waiting import until

LARGE = CLAIM_THRESHOLD + 1


@dataclass(slots=True)
class Door:
    """A blob door that opens when the test lets it."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    held: dict[str, bytes] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0

    async def put(self, claim: Claim, content: bytes) -> None:
        assert len(content) == claim.size
        self.asked.append(claim.digest)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1

    async def get(self, claim: Claim) -> bytes:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        return self.held[claim.digest]

    async def close(self) -> None: ...


class WatchedLink(MemoryLink):
    """Knows how many bytes were on their way at once, and cannot send what the test calls bad."""

    bad = ""
    bytes_at_once = 0
    most_bytes_at_once = 0
    published: tuple[str, ...] = ()
    bodies: tuple[int, ...] = ()

    async def publish(self, outgoing: Outgoing) -> None:
        size = len(outgoing.body or b"")
        self.bytes_at_once += size
        self.most_bytes_at_once = max(self.most_bytes_at_once, self.bytes_at_once)
        await asyncio.sleep(0)  # lets everybody begin who would
        self.bytes_at_once -= size
        if outgoing.submission_id == self.bad:
            raise ValueError("a header that cannot be")
        await super().publish(outgoing)
        self.published += (outgoing.submission_id,)
        self.bodies += (size,)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    settings = settings_of("vpcp", Desk(), tmp_path, connector=True)
    with Spool.open(settings.spool) as spool:
        yield Agent(settings, spool)


@pytest.fixture
def link() -> WatchedLink:
    return WatchedLink(MemoryBroker(clock=Fixed(), agents=AGENT_NAMES), agent="vpcp", user_id="vpcp")


async def spooled(agent: Agent, name: str, size: int = 100, urgency: Urgency = Urgency.NORMAL) -> str:
    content = name.encode().ljust(size, b".")
    return await agent.send_raw(content, submission_id=name, urgency=urgency)


async def published(link: WatchedLink, *names: str) -> None:
    async def holds() -> bool:
        return set(names) <= set(link.published)

    await until(holds)


async def test_a_blob_door_that_hangs_holds_up_no_small_submission(agent: Agent, link: WatchedLink) -> None:
    door = Door()
    for number in range(70):
        await spooled(agent, f"large-{number}", LARGE, Urgency.URGENT if number % 2 else Urgency.NORMAL)
    async with running(agent.run(link, door)):

        async def hanging() -> bool:
            return door.at_once > 0

        await until(hanging)
        await spooled(agent, "urgent", urgency=Urgency.URGENT)
        await spooled(agent, "normal")
        await published(link, "urgent", "normal")
        assert sorted(link.published) == ["normal", "urgent"]
        assert not door.open.is_set()


async def test_large_envelopes_are_uploaded_a_few_at_a_time_and_urgent_ones_overtake(
    agent: Agent, link: WatchedLink
) -> None:
    door = Door()
    names = [f"large-{number}" for number in range(6)]
    for name in names:
        await spooled(agent, name, LARGE)
    async with running(agent.run(link, door)):

        async def full() -> bool:
            return door.at_once == UPLOADS

        await until(full)
        await spooled(agent, "urgent", LARGE, Urgency.URGENT)

        async def one_more() -> bool:
            return door.at_once == UPLOADS + 1

        await until(one_more)
        kept = agent.spool.submission("urgent")
        assert kept is not None
        assert door.asked[-1] == kept.digest
        door.open.set()
        await published(link, "urgent", *names)
    assert door.most_at_once == UPLOADS + 1
    assert set(link.bodies) == {0}


async def test_small_envelopes_on_their_way_at_once_are_bounded_in_bytes(agent: Agent, link: WatchedLink) -> None:
    names = [f"small-{number}" for number in range(40)]
    for name in names:
        await spooled(agent, name, CLAIM_THRESHOLD)
    async with running(agent.run(link)):
        await published(link, *names)
    assert CLAIM_THRESHOLD < link.most_bytes_at_once <= WINDOW_BYTES


async def test_a_submission_that_cannot_be_sent_is_told_of_and_the_others_go_on(
    agent: Agent, link: WatchedLink
) -> None:
    link.bad = "bad"
    await spooled(agent, "bad", urgency=Urgency.URGENT)
    async with running(agent.run(link)):

        async def tried() -> bool:
            kept = agent.spool.submission("bad")
            return kept is not None and kept.attempts > 0

        await until(tried)
        await spooled(agent, "good")
        await published(link, "good")
        kept = agent.spool.submission("bad")
        assert kept is not None
        assert "Lỗi bất ngờ" in kept.problem
        assert "Unexpected error (ValueError)" in kept.problem
        link.bad = ""
        await published(link, "bad")


async def test_a_large_envelope_without_a_door_waits_with_a_problem_that_names_the_settings(
    agent: Agent, link: WatchedLink
) -> None:
    await spooled(agent, "large", LARGE)
    async with running(agent.run(link)):

        async def told() -> bool:
            kept = agent.spool.submission("large")
            return kept is not None and bool(kept.problem)

        await until(told)
        await spooled(agent, "small")
        await published(link, "small")
    kept = agent.spool.submission("large")
    assert kept is not None
    assert (kept.outcome, link.published) == ("", ("small",))
    for words in ("blob_url", "blob_token", "đề nghị", "start the agent again"):
        assert words in kept.problem
    door = Door()
    door.open.set()
    agent.spool.retry_now(now=agent.desk.clock.now())
    async with running(agent.run(link, door)):
        await published(link, "large")


def test_a_lasting_problem_stands_in_the_result_file_once(agent: Agent) -> None:
    connector = FolderConnector(agent.desk)
    connector.prepare()
    sent = agent.desk.send(a_document(), origin="outbox/goi.edxml")
    assert isinstance(sent, str)
    connector.show()
    kept = agent.spool.submission(sent)
    assert kept is not None
    assert agent.settings.folder is not None
    agent.spool.mark_failed(sent, "Chưa có blob_url / no blob_url", retry_at=agent.desk.clock.now(), tell=True)
    agent.spool.mark_failed(sent, "Chưa có blob_url / no blob_url", retry_at=agent.desk.clock.now(), tell=True)
    connector.show()
    shown = json.loads((agent.settings.folder / "outbox" / "goi.edxml.result.json").read_text("utf-8"))
    assert (shown["state"], shown["problem"]) == ("spooled", "Chưa có blob_url / no blob_url")
    after = agent.spool.submission(sent)
    assert after is not None
    assert after.version == kept.version + 1


async def test_uploads_on_their_way_are_given_up_at_the_end_and_done_again(agent: Agent, link: WatchedLink) -> None:
    door = Door()
    await spooled(agent, "large", LARGE)
    async with running(agent.run(link, door)):

        async def hanging() -> bool:
            return door.at_once > 0

        await until(hanging)
    assert not link.published
    again = Door()
    again.open.set()
    async with running(agent.run(link, again)):
        await published(link, "large")


@dataclass(slots=True)
class Handed:
    """A delivery in the agent's hands."""

    message: Incoming
    acked: bool = False

    async def ack(self) -> None:
        self.acked = True

    async def requeue(self) -> None:
        raise AssertionError(self.message.leg_id)


class FullLink(WatchedLink):
    """Hands out what the test put there, all at once."""

    handed: tuple[Handed, ...] = ()

    async def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        assert prefetch
        for each in self.handed:
            yield each
        await asyncio.Event().wait()


def handed(number: int, content: bytes, *, claimed: bool) -> Handed:
    return Handed(
        Incoming(
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            message_id=f"m-{number}",
            leg_id=f"leg-{number}",
            recipient=H41,
            sender=SENDER,
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            body=None if claimed else content,
        )
    )


async def test_large_envelopes_are_fetched_a_few_at_a_time_and_hold_up_no_small_one(agent: Agent) -> None:
    contents = [envelope_bytes(a_document(subject=f"Bản {number}")) for number in range(9)]
    door = Door(held={hashlib.sha256(each).hexdigest(): each for each in contents})
    link = FullLink(MemoryBroker(clock=Fixed(), agents=AGENT_NAMES), agent="vpcp", user_id="vpcp")
    link.handed = tuple(handed(number, each, claimed=number < 8) for number, each in enumerate(contents))
    *large, small = link.handed
    async with running(agent.run(link, door)):

        async def small_is_kept() -> bool:
            return small.acked and door.at_once > 0

        await until(small_is_kept)
        assert not any(each.acked for each in large)
        door.open.set()

        async def all_are_kept() -> bool:
            return all(each.acked for each in large)

        await until(all_are_kept)
    assert door.most_at_once == DOWNLOADS
