"""Clients that mean harm, or are broken: each gets a clear answer, and nobody else notices. On real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from agents.gateway.app import HEALTH
from agents.gateway.bodies import receive_body
from agents.gateway.guarding import Guard, leave_exceptions_to_guard
from agents.gateway.problems import plain_answer
from agents.gateway.server import http_server
from agents.gateway.settings import GatewaySettings
from agents.gateway.uploads import Uploads
from tests.support.gateway import GatewayDesk, gateway_desk, serving

PATIENCE = 20.0
MEGABYTE = 2**20
CHUNKED = b"POST /keep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(slots=True)
class Wire:
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the next answer."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = await self.reader.readexactly(length)
        status = int(head.split(b" ")[1])
        return status, json.loads(body) if b"json" in head.lower() else {"text": body.decode()}

    async def closed(self) -> bool:
        """Whether the other side ends the connection, without another word."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read() == b""
            return True


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@dataclass(slots=True)
class Bare:
    """A server with an application of the test's own, under the gateway's limits."""

    port: int
    incoming: Path


@asynccontextmanager
async def bare(folder: Path, **settings: Any) -> AsyncIterator[Bare]:
    table = GatewaySettings(**settings)
    room = Uploads(folder, most=table.incoming_bytes, free=table.free_bytes)
    log = structlog.get_logger()

    async def keep(request: Request) -> Response:
        idle = table.idle_timeout.total_seconds()
        async with receive_body(request.stream(), room=room, limit=table.body_limit, idle=idle) as kept:
            return PlainTextResponse(f"{kept.size} {kept.digest}")

    async def much(_: Request) -> Response:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * MEGABYTE
                await asyncio.sleep(0)

        return StreamingResponse(endless())

    app = Starlette(routes=[Route("/keep", keep, methods=["POST"]), Route("/much", much)])
    leave_exceptions_to_guard(app)
    guarded = Guard(app, settings=table, answer=lambda told, _: plain_answer(told), log=log)
    from socket import socket

    listening = socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = http_server(guarded, settings=table, log=log)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110  it has no event
        await asyncio.sleep(0.01)
    try:
        yield Bare(port, folder)
    finally:
        server.should_exit = server.force_exit = True
        await running


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path, header_timeout=0.3, idle_timeout=0.3, keep_alive=0.3, header_limit=8192) as made:
        yield made


# ── Heads ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_half_a_request_is_answered_and_ended(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as slow:
        await slow.send(b"POST /sendEdoc HTTP/1.1\r\nHost: x\r\nX-Half")
        status, told = await slow.answer()
        assert (status, told["kind"]) == (408, "body-too-slow")
        assert await slow.closed()


async def test_a_head_that_trickles_has_no_more_time_than_one_that_stands_still(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as slow:
        await slow.send(b"GET /-/health HTTP/1.1\r\nHost: x\r\n")

        async def trickle() -> None:
            while True:
                slow.writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        status, _ = await slow.answer()
        trickling.cancel()
        assert status == 408


async def test_a_connection_that_says_nothing_is_ended(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as silent:
        assert await silent.closed()


async def test_an_unused_connection_is_kept_for_a_while_and_then_ended(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as kept:
        for _ in range(2):
            await kept.send(b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await kept.answer())[0] == 200
        assert await kept.closed()


@pytest.mark.parametrize("flood", [b"X-A: " + b"a" * 9000, b"\r\n".join(b"X-%d: a" % number for number in range(2000))])
async def test_a_flood_of_headers_is_refused(at: GatewayDesk, flood: bytes) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as loud:
        await loud.send(b"GET /-/health HTTP/1.1\r\nHost: x\r\n" + flood + b"\r\n\r\n")
        assert (await loud.answer())[0] == 431
        assert (await gateway.client.get(HEALTH)).status_code == 200


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"HELO\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x"]
)
async def test_what_is_no_http_is_told_so_in_words(at: GatewayDesk, noise: bytes) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as strange:
        await strange.send(noise + b"\r\n\r\n")
        status, told = await strange.answer()
        assert status == 400
        assert "HTTP" in told["ErrorDesc"]


async def test_two_lengths_are_no_way_past_the_limits(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as sly:
        await sly.send(
            b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n0\r\n\r\nGET /"
        )
        assert (await sly.answer())[0] == 400


async def test_a_length_beside_chunks_is_refused(tmp_path: Path) -> None:
    async with bare(tmp_path) as server, wire(server.port) as sly:
        head = CHUNKED.removesuffix(b"\r\n") + b"Content-Length: 3\r\n\r\n"
        await sly.send(head + b"0\r\n\r\n")
        assert (await sly.answer())[0] == 400


async def test_a_second_request_behind_a_first_is_answered_after_it(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as hasty:
        await hasty.send(b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(await hasty.answer())[1]["status"] for _ in range(2)] == ["ok", "ready"]


@pytest.mark.parametrize("together", [True, False])
async def test_an_empty_line_between_two_requests_is_no_request(tmp_path: Path, together: bool) -> None:
    letter = b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nletter\r\n"  # whose end is not counted
    async with bare(tmp_path) as server, wire(server.port) as client:
        if together:
            await client.send(b"\r\n" + letter * 3)
        for _ in range(3):
            if not together:
                await client.send(letter)
            assert (await client.answer())[0] == 200


async def test_an_address_in_place_of_a_path_is_its_path(at: GatewayDesk) -> None:
    async with serving(at) as gateway, wire(gateway.server.port) as client:
        await client.send(b"GET http://gateway.test:8090/-/health HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
        assert (await client.answer())[1] == {"status": "ok"}


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_that_stops_is_answered_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with bare(tmp_path, idle_timeout=0.2) as server, wire(server.port) as slow:
        await slow.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert (await slow.answer())[0] == 408
        assert list(server.incoming.iterdir()) == []


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    async with bare(tmp_path) as server:
        async with wire(server.port) as gone:
            await gone.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        async with wire(server.port) as other:
            await other.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert (await other.answer())[0] == 200
        async with asyncio.timeout(PATIENCE):
            while list(server.incoming.iterdir()):  # noqa: ASYNC110  a folder has no event
                await asyncio.sleep(0.01)


async def test_who_asks_first_is_told_before_the_body_is_sent(tmp_path: Path) -> None:
    ask = b"POST /keep HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    async with bare(tmp_path, body_limit=5) as server:
        async with wire(server.port) as polite:
            await polite.send(ask % 5)
            assert await polite.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await polite.send(b"12345")
            assert (await polite.answer())[1]["text"].startswith("5 ")
        async with wire(server.port) as polite:
            await polite.send(ask % 6)
            assert (await polite.answer())[0] == 413


async def test_an_oversize_body_is_refused_while_it_is_still_coming_and_the_answer_is_heard(tmp_path: Path) -> None:
    async with bare(tmp_path, body_limit=MEGABYTE) as server, wire(server.port) as large:
        await large.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (20 * MEGABYTE))
        await large.send(*[b"x" * MEGABYTE] * 20)
        status, told = await large.answer()
        assert (status, told["ErrorCode"]) == (413, "10")
        await large.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        assert (await large.answer())[0] == 200


async def test_nonsense_between_chunks_ends_the_connection_alone(tmp_path: Path) -> None:
    async with bare(tmp_path) as server:
        async with wire(server.port) as strange:
            await strange.send(
                b"POST /keep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nXYZ\r\n"
            )
            assert await strange.closed()
        async with wire(server.port) as other:
            await other.send(CHUNKED + b"1\r\nx\r\n0\r\n\r\n")
            assert (await other.answer())[1]["text"].startswith("1 ")


# ── Answers and connections ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_nobody_reads_is_given_up(tmp_path: Path) -> None:
    async with bare(tmp_path, idle_timeout=0.3) as server, wire(server.port) as deaf:
        await deaf.send(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]  # a client that does not read
        await asyncio.sleep(1)
        deaf.reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await deaf.reader.read(MEGABYTE):
                    pass


async def test_one_connection_too_many_is_told_to_come_again_and_the_others_go_on(tmp_path: Path) -> None:
    async with bare(tmp_path, connections=2) as server:
        async with wire(server.port) as one, wire(server.port) as two:
            for each in (one, two):
                await each.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
                assert (await each.answer())[0] == 200
            async with wire(server.port) as many:
                assert (await many.answer())[0] == 503
            await one.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert (await one.answer())[0] == 200
        async with wire(server.port) as again:
            await again.send(b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert (await again.answer())[0] == 200
