"""The native interface: event streams that miss nothing, tell nothing of others, and end when they should."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from agents.errors import SpoolUnavailable
from agents.gateway.access import NewKey
from agents.gateway.callers import Caller
from agents.gateway.rest import events
from agents.gateway.rest.app import room_of
from agents.gateway.rest.events import told_events
from agents.gateway.rest.tide import Tide
from agents.spool import Spool
from agents.spool.news import News, NewsKind, Place, latest, news_since
from tests.support.access import make_cheap
from tests.support.envelopes import SENDER, a_document, a_status, an_organ
from tests.support.gateway import Serving, gateway_desk, serving
from tests.support.hub_desk import H41, NOW, RENAMED
from tests.support.rest_house import API, RestHouse, one_file, problem_of, rest_house
from tests.support.waiting import until

PATIENCE = 20.0  # seconds


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path, rest={"heartbeat": 0.05}) as made:
        yield made


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    make_cheap(monkeypatch)
    rest = {"heartbeat": 0.2, "streams_per_key": 2}
    with gateway_desk(tmp_path, rest=rest, shutdown_grace=2) as at:
        async with serving(at) as gateway:
            yield gateway


class Listener:
    """A client that reads events one by one."""

    def __init__(self, answered: httpx.Response) -> None:
        self._lines = answered.aiter_lines()
        self.ids: list[str] = []

    async def next(self) -> dict[str, Any]:
        """The data of the next event; signs of life are heard and passed over."""
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line.startswith("id: "):
                    self.ids.append(line[4:])
                if line.startswith("data: "):
                    told: dict[str, Any] = orjson.loads(line[6:])
                    return told
        raise EOFError

    async def rest(self) -> list[str]:
        async with asyncio.timeout(PATIENCE):
            return [line async for line in self._lines]


def listening(served: Serving, key: NewKey, **request: Any) -> Any:
    headers = {"X-API-Key": key.token} | request.pop("headers", {})
    return served.client.stream("GET", f"{API}/events", headers=headers, **request)


def document(number: int, **changes: Any) -> Any:
    return a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", **changes)


# ── Over the wire ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_listener_hears_at_once_what_comes_and_what_the_hub_says(served: Serving) -> None:
    key, at = served.add_key(), served.at
    at.deliver(document(1))
    async with listening(served, key) as answered:
        assert answered.headers["content-type"].startswith("text/event-stream")
        listener = Listener(answered)
        leg = at.deliver(document(2))
        first = await listener.next()
        assert (first["kind"], first["leg_id"], first["organ"]) == ("inbox", leg, H41)
        headers = {"X-API-Key": key.token}
        sent = (await served.client.post(f"{API}/documents", json=one_file(), headers=headers)).json()["submission_id"]
        at.answer(sent)
        second = await listener.next()
        assert (second["kind"], second["submission_id"]) == ("receipt", sent)
        assert set(second) == {"id", "kind", "organ", "leg_id", "submission_id", "at"}


async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(served: Serving) -> None:
    key, at = served.add_key(), served.at
    async with listening(served, key) as answered:
        listener = Listener(answered)
        one = at.deliver(document(1))
        assert (await listener.next())["leg_id"] == one
        place = listener.ids[-1]
    missed = [at.deliver(document(number)) for number in (2, 3)]
    for resumed in ({"headers": {"Last-Event-ID": place}}, {"params": {"after": place}}):
        async with listening(served, key, **resumed) as answered:
            listener = Listener(answered)
            assert [(await listener.next())["leg_id"] for _ in missed] == missed


async def test_a_key_has_so_many_streams_and_gets_them_back_when_they_end(served: Serving) -> None:
    key, other = served.add_key(), served.add_key("other")
    async with listening(served, key), listening(served, key):
        async with listening(served, key) as third:
            await third.aread()
            problem_of(third, 429, "too-many-listeners")
            assert int(third.headers["retry-after"]) > 0
        async with listening(served, other) as another:
            assert another.status_code == 200

    async def free() -> bool:
        async with listening(served, key) as again:
            return int(again.status_code) == 200

    await until(free)


async def test_a_stream_ends_when_its_key_is_revoked(served: Serving) -> None:
    key = served.add_key()
    async with listening(served, key) as answered:
        served.gateway.access.revoke(key.key_id, now=served.at.clock.now())
        lines = await Listener(answered).rest()
        assert not [line for line in lines if line.startswith("data:")]


async def test_streams_end_at_once_when_the_gateway_does(served: Serving) -> None:
    key = served.add_key()
    async with listening(served, key) as answered:
        served.gateway.stopping.set()
        assert (await Listener(answered).rest())[0].startswith("retry:")


# ── The stream itself ───────────────────────────────────────────────────────────────────────────────────────────────


async def heard(house: RestHouse, caller: Caller, count: int, **asked: Any) -> list[bytes]:
    """The first pieces that are events, from the beginning of the spool."""
    room = room_of(house.gateway)

    async def still() -> Caller | None:
        return caller

    wanted: dict[str, Any] = {"kinds": tuple(NewsKind), "still": still} | asked
    pieces = []
    async with asyncio.timeout(PATIENCE):
        async for piece in told_events(room, caller, Place(), **wanted):
            if b"data:" in piece:
                pieces.append(piece)
            if len(pieces) == count:
                break
    return pieces


async def test_nobody_hears_of_other_organs_or_of_kinds_not_asked_for(house: RestHouse) -> None:
    at = house.at
    at.deliver(document(1))
    other = at.deliver(document(2, recipients=(an_organ(RENAMED),)), recipient=RENAMED)
    status = at.deliver(a_status(sender=an_organ(SENDER)))
    one = at.caller(organs=[RENAMED])
    assert other.encode() in (await heard(house, one, 1))[0]
    pieces = await heard(house, at.caller(), 1, kinds=(NewsKind.STATUS,))
    assert status.encode() in pieces[0]
    assert b"event: status" in pieces[0]
    assert other.encode() in (await heard(house, at.caller(), 1, organ=RENAMED))[0]


async def test_a_long_absence_is_told_in_order_without_holding_it_all(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 2)
    legs = [house.at.deliver(document(number)) for number in range(5)]
    pieces = await heard(house, house.at.caller(), 5)
    assert [leg.encode() in piece for leg, piece in zip(legs, pieces, strict=True)] == [True] * 5


async def test_a_caller_who_loses_an_organ_hears_no_more_of_it(house: RestHouse) -> None:
    caller = house.at.caller()
    room = room_of(house.gateway)

    async def less() -> Caller | None:
        return replace(caller, organs=frozenset({RENAMED}))

    async with asyncio.timeout(PATIENCE):
        stream = told_events(room, caller, Place(), kinds=tuple(NewsKind), still=less)
        assert (await anext(stream)).startswith(b"retry:")
        assert (await anext(stream)).startswith(b":")
        house.at.deliver(document(1))
        other = house.at.deliver(document(2, recipients=(an_organ(RENAMED),)), recipient=RENAMED)
        async for piece in stream:
            if b"data:" in piece:
                assert other.encode() in piece
                break


@pytest.mark.parametrize("batch", [1, 100])
async def test_a_busy_spool_keeps_no_stream_open_for_a_key_that_is_no_more(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Something new comes with every look, so that there is never a quiet heartbeat."""
    monkeypatch.setattr(events, "BATCH", batch)
    caller, room = house.at.caller(), room_of(house.gateway)
    asked = 0

    def busy(spool: Spool, place: Place, **_: object) -> tuple[list[News], Place]:  # noqa: ARG001  as `news_since`
        here = Place(inbox=place.inbox + 1)
        return [News(kind=NewsKind.INBOX, place=here, organ=H41, at=NOW, leg_id="leg")], here

    async def still() -> Caller | None:
        nonlocal asked
        asked += 1
        return caller if asked == 1 else None

    monkeypatch.setattr(events, "news_since", busy)
    turned = asyncio.Event()
    turned.set()
    monkeypatch.setattr(Tide, "turn", lambda _: turned)
    stream = told_events(room, caller, Place(), kinds=tuple(NewsKind), still=still)
    async with asyncio.timeout(PATIENCE):
        pieces = [piece async for piece in stream]
    assert asked == 2
    assert sum(piece.startswith(b":") for piece in pieces) == 1
    assert any(b"data:" in piece for piece in pieces)


async def test_a_spool_that_is_away_ends_the_stream_for_the_client_to_come_back(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise SpoolUnavailable("disk I/O error")

    monkeypatch.setattr(events, "news_since", away)
    assert await heard(house, house.at.caller(), 1) == []


@pytest.mark.parametrize("place", ["x", "1", "-1-1", "1-1-1", "1-1 ", "9" * 19 + "-0", "١-٢"])
async def test_a_place_that_no_stream_gave_is_a_problem(house: RestHouse, place: str) -> None:
    problem_of(await house.get("/events", params={"after": place}), 400, "cursor")


async def test_an_organ_of_others_cannot_be_listened_to(house: RestHouse) -> None:
    problem_of(await house.get("/events", params={"organ": "nobody"}), 403, "forbidden")


# ── News ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_news_are_in_the_order_of_places_and_the_place_passes_what_concerns_others(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as at:
        spool = at.spool
        assert news_since(spool, Place(), organs={H41}) == ([], Place())
        legs = [at.deliver(document(number)) for number in range(3)]
        first, place = news_since(spool, Place(), organs={H41}, limit=2)
        assert [each.leg_id for each in first] == legs[:2]
        rest, place = news_since(spool, place, organs={H41}, limit=2)
        assert [each.leg_id for each in rest] == legs[2:]
        assert place == latest(spool)
        assert news_since(spool, Place(), organs={"nobody"}) == ([], latest(spool))
        assert news_since(spool, Place(inbox=99, receipts=99), organs={H41}) == ([], latest(spool))
        assert Place.parse(str(place)) == place


async def test_the_tide_looks_only_while_somebody_waits() -> None:
    looks = 0

    def changes() -> int:
        nonlocal looks
        looks += 1
        return looks

    tide = Tide(changes, interval=0)
    turn = tide.turn()
    async with asyncio.timeout(PATIENCE), tide.watched(), tide.watched():
        await turn.wait()
        await tide.turn().wait()

    async def alone() -> bool:
        return not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    await until(alone)
