"""The directory follows the hub's registry, and serves on while the hub is away."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import structlog

from agents.errors import UsageFault
from agents.gateway.directory import Directory, DirectorySync, HubListUnavailable, Progress, Switched
from agents.gateway.directory.hub import HubOrgans, hub_address
from router.adapters.http import web_app
from router.adapters.memory_store import MemoryStore
from router.adapters.organ_door import OrganDoor
from router.core.registry import AgentRecord, OrganRecord, OrganState
from router.services.registration import applications
from tests.support.organ_lists import NOW

AGENT = "so-y-te"
TOKEN = "a-token"
PROVINCE = OrganRecord(code="H41", name="UBND tỉnh", old_code="000.00.00.H41", agent="tinh")
HEALTH = OrganRecord(code="H41.08", name="Sở Y tế", parent="H41", agent=AGENT)


class Fixed:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Weather(httpx.AsyncBaseTransport):
    """The way to the hub: open, or answering otherwise. Counts requests and remembers their addresses."""

    def __init__(self, hub: httpx.AsyncBaseTransport) -> None:
        self.hub = hub
        self.instead: Callable[[httpx.Request], httpx.Response] | None = None
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        if self.instead is not None:
            return self.instead(request)
        return await self.hub.handle_async_request(request)


class House:
    """An agent's directory, and the hub's door that it asks."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self._registered(self.store)
        self.weather = Weather(self._hub())
        self.directory = Directory.open(folder)
        self.clock = Fixed()
        self.sync = self.synchroniser()

    def synchroniser(self, **options: float) -> DirectorySync:
        hub = HubOrgans("http://hub", agent=AGENT, token=TOKEN, transport=self.weather)
        log = structlog.get_logger()
        interval = timedelta(minutes=10)
        chance = random.Random(1)  # noqa: S311  no secret
        return DirectorySync(
            self.directory, hub, interval=interval, clock=self.clock, log=log, chance=chance, **options
        )

    @staticmethod
    def _registered(store: MemoryStore) -> None:
        store.put_agents([AgentRecord(name=AGENT, token_hash=hashlib.sha256(TOKEN.encode()).hexdigest())])
        store.put_organs([PROVINCE, HEALTH])

    def _hub(self) -> httpx.AsyncBaseTransport:
        async def ready() -> Mapping[str, str]:
            return {}

        return httpx.ASGITransport(web_app(ready=ready, door=None, organs=OrganDoor(self.store, clock=Fixed())))

    def restored(self) -> None:
        """The hub is one whose registry is at an earlier version again, with other organs."""
        self.store = MemoryStore()
        self._registered(self.store)
        self.store.put_organs([OrganRecord(code="H41.77", name="Sở Khác")])
        self.weather.hub = self._hub()

    def codes(self) -> list[str]:
        return [each.code for each in self.directory.stream()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    made.directory.close()


async def test_the_directory_becomes_the_hubs_list(house: House) -> None:
    assert await house.sync.synchronise() == Switched(put=2)
    assert house.codes() == ["H41", "H41.08"]
    assert house.directory.state().synchronised_at == NOW
    assert [each.name for each in house.directory.folder.iterdir() if "part" in each.name] == []


async def test_when_nothing_changed_nothing_is_sent_and_the_copy_is_confirmed(house: House) -> None:
    await house.sync.synchronise()
    house.clock.at = NOW + timedelta(hours=1)
    assert await house.sync.synchronise() is None
    assert house.directory.state().synchronised_at == house.clock.at


async def test_only_what_changed_is_sent_afterwards(house: House) -> None:
    await house.sync.synchronise()
    house.store.put_organs([replace(HEALTH, name="Sở Y tế tỉnh"), OrganRecord(code="H41.09", name="Sở Mới")])
    house.store.put_organs([replace(PROVINCE, state=OrganState.LOCKED)])
    assert await house.sync.synchronise() == Switched(put=2, removed=1)
    assert house.codes() == ["H41.08", "H41.09"]
    assert house.weather.asked[-1].startswith("GET /-/organs?since=")


async def test_a_hub_that_was_restored_is_followed_by_asking_for_the_whole_list(house: House) -> None:
    await house.sync.synchronise()
    house.restored()
    assert await house.sync.synchronise() == Switched(put=1)
    assert house.codes() == ["H41", "H41.08", "H41.77"]
    house.restored()
    house.store.put_organs([replace(HEALTH, name="Tên khác")])
    house.store.put_organs([replace(HEALTH, name="Sở Y tế")])
    await house.sync.synchronise()
    assert house.codes() == ["H41", "H41.08", "H41.77"]


def page(status: int = 200, content: bytes = b"<html>", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, content=content, headers=headers)


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    "instead",
    [page(), page(content=b""), page(401), page(404), page(429), page(503), page(302, location="http://x"), refuse],
)
async def test_a_hub_that_is_away_or_strange_leaves_the_last_copy_serving(
    house: House, instead: Callable[[httpx.Request], httpx.Response]
) -> None:
    await house.sync.synchronise()
    house.weather.instead = instead
    with pytest.raises(HubListUnavailable) as raised:
        await house.sync.synchronise()
    assert TOKEN not in str(raised.value)
    assert house.codes() == ["H41", "H41.08"]
    assert [each.code for each in house.directory.search("so y te").organs] == ["H41.08"]
    house.weather.instead = None
    house.store.put_organs([OrganRecord(code="H41.09", name="Sở Mới")])
    assert await house.sync.synchronise() == Switched(put=1)


async def test_a_list_without_end_is_not_written_to_the_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.gateway.directory.hub.LIST_BYTES", 10_000)
    house.weather.instead = page(content=b"x" * 20_000)
    with pytest.raises(HubListUnavailable):
        await house.sync.synchronise()
    assert list(house.directory.folder.glob("*.part")) == []


async def test_pauses_grow_to_the_interval_and_are_never_the_same(house: House) -> None:
    for failures, wanted in ((0, 600), (1, 5), (2, 10), (5, 80), (9, 600), (10_000, 600)):
        pauses = {house.sync.pause_after(failures) for _ in range(20)}
        assert len(pauses) == 20
        assert all(0.8 * wanted <= each <= 1.2 * wanted for each in pauses)


# ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_application_goes_to_the_hub_and_its_decision_comes_back(house: House) -> None:
    await house.sync.synchronise()
    house.directory.apply_for("H41.20", name="Sở Mới", parent="H41", now=NOW)
    assert await house.sync.tell_wishes() == 1
    (here,), (there,) = house.directory.applications(), house.store.applications()
    assert (here.progress, here.reference, there.code) == (Progress.OPEN, there.reference, "H41.20")
    assert await house.sync.hear_answers() == 0

    applications.approve(house.store, there, agent=None, note="đồng ý", by="admin:ha", now=NOW)
    assert await house.sync.hear_answers() == 1
    await house.sync.synchronise()
    (here,) = house.directory.applications()
    assert (here.progress, here.note) == (Progress.APPROVED, "đồng ý")
    organ = house.directory.get("H41.20")
    assert organ is not None
    assert organ.connected
    assert await house.sync.hear_answers() == 0


async def test_an_application_waits_while_the_hub_is_away_and_is_told_once(house: House) -> None:
    house.directory.apply_for("H41.20", name="Sở Mới", now=NOW)
    for instead in (refuse, page(503), page(200), page(404), page(422, b"{}")):
        house.weather.instead = instead
        with pytest.raises(HubListUnavailable):
            await house.sync.tell_wishes()
        assert [each.progress for each in house.directory.applications()] == [Progress.WAITING]
    house.weather.instead = None
    await house.sync.tell_wishes()
    assert await house.sync.tell_wishes() == 0
    assert len(house.store.applications()) == 1


async def test_an_answer_that_was_lost_makes_no_second_application(house: House) -> None:
    house.directory.apply_for("H41.20", name="Sở Mới", now=NOW)
    (waiting,) = house.directory.applications()
    hub = HubOrgans("http://hub", agent=AGENT, token=TOKEN, transport=house.weather)
    await hub.apply(waiting)
    await house.sync.tell_wishes()
    assert len(house.store.applications()) == 1


async def test_what_the_hub_refuses_for_good_is_not_asked_again(house: House) -> None:
    house.store.put_organs([OrganRecord(code="H41.20", name="Bị khóa", state=OrganState.LOCKED)])
    house.directory.apply_for("H41.20", name="Sở Mới", now=NOW)
    await house.sync.tell_wishes()
    (here,) = house.directory.applications()
    assert here.progress is Progress.REFUSED
    assert "khóa" in here.note
    assert await house.sync.tell_wishes() == 0


async def test_an_end_of_an_organ_that_the_agent_does_not_carry_is_refused_by_the_hub(house: House) -> None:
    await house.sync.synchronise()
    house.directory.apply_for_end("H41", organs={"H41"}, now=NOW)
    await house.sync.tell_wishes()
    assert [each.progress for each in house.directory.applications()] == [Progress.REFUSED]


# ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_loop_fetches_the_list_tells_applications_and_ends(house: House) -> None:
    told = asyncio.Event()
    hub = house.weather.hub

    class Watching(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await hub.handle_async_request(request)
            if request.method == "POST":
                told.set()
            return answer

    house.weather.hub = Watching()
    house.directory.apply_for("H41.20", name="Sở Mới", now=NOW)
    stop = asyncio.Event()
    running = asyncio.create_task(house.synchroniser(look=0.001).run(stop))
    async with asyncio.timeout(30):
        await told.wait()
        stop.set()
        await running
    assert house.codes() == ["H41", "H41.08"]
    assert [each.progress for each in house.directory.applications()] == [Progress.OPEN]


def crash(_: httpx.Request) -> httpx.Response:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("failing", [refuse, crash])
async def test_the_loop_lives_through_whatever_happens_to_a_question(
    house: House, monkeypatch: pytest.MonkeyPatch, failing: Callable[[httpx.Request], httpx.Response]
) -> None:
    monkeypatch.setattr("agents.gateway.directory.syncing.FIRST_PAUSE", 0.001)
    asked = asyncio.Semaphore(0)

    def away(request: httpx.Request) -> httpx.Response:
        asked.release()
        return failing(request)

    house.weather.instead = away
    stop = asyncio.Event()
    running = asyncio.create_task(house.synchroniser(look=0.001).run(stop))
    async with asyncio.timeout(30):
        for _ in range(3):
            await asked.acquire()
        stop.set()
        await running
    assert house.directory.state().synchronised_at is None


# ── Where the hub is ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("blob_url", "hub_url", "address"),
    [
        ("https://truc.example/-/blobs", "", "https://truc.example"),
        ("https://truc.example/tinh/-/blobs/", "", "https://truc.example/tinh"),
        ("https://blobs.example/store", "", ""),
        ("https://blobs.example/store", "https://truc.example/", "https://truc.example"),
        ("", "http://[::1]:8080", "http://[::1]:8080"),
        ("", "", ""),
    ],
)
def test_the_hubs_address_is_set_or_follows_from_the_blob_doors(blob_url: str, hub_url: str, address: str) -> None:
    assert hub_address(blob_url, hub_url) == address


@pytest.mark.parametrize("hub_url", ["truc.example", "ftp://truc.example", "http://", "http://[x"])
def test_an_address_that_is_none_is_told_at_the_start(hub_url: str) -> None:
    with pytest.raises(UsageFault):
        hub_address("", hub_url)
