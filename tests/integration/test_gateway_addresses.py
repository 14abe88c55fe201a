"""One address cannot take all connections, and a trusted proxy, which stands for many, is not one address."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Serving, gateway_desk, serving
from tests.support.pki import Pki
from tests.support.waiting import until

PATIENCE = 20.0
ASK = b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n"
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening(folder: Path, **settings: Any) -> AsyncIterator[Serving]:
    with gateway_desk(folder, **settings) as at:
        async with serving(at) as gateway:
            yield gateway


@asynccontextmanager
async def wire(gateway: Serving, source: str) -> AsyncIterator[Wire]:
    """A connection from one of this machine's own addresses."""
    port = gateway.server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def status(one: Wire) -> int:
    reader, writer = one
    async with asyncio.timeout(PATIENCE):
        writer.write(ASK)
        line = await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
    return int(line.split()[1])


async def test_beyond_its_bound_an_address_is_turned_away_and_others_are_not(tmp_path: Path) -> None:
    async with listening(tmp_path, connections=20, connections_per_address=2) as gateway, AsyncExitStack() as stack:
        greedy = [await stack.enter_async_context(wire(gateway, "127.0.0.2")) for _ in range(8)]
        assert sorted([await status(each) for each in greedy]) == [200] * 2 + [503] * 6
        other = await stack.enter_async_context(wire(gateway, "127.0.0.3"))
        assert await status(other) == 200


async def test_what_an_address_has_ended_it_may_have_again(tmp_path: Path) -> None:
    async with listening(tmp_path, connections_per_address=1) as gateway:
        for _ in range(3):
            async with wire(gateway, "127.0.0.2") as one:
                assert await status(one) == 200
                one[1].write(ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                async with asyncio.timeout(PATIENCE):
                    await one[0].read()


async def test_those_that_were_turned_away_take_no_place(tmp_path: Path) -> None:
    async with listening(tmp_path, connections=3, connections_per_address=1) as gateway, AsyncExitStack() as stack:
        greedy = [await stack.enter_async_context(wire(gateway, "127.0.0.2")) for _ in range(10)]
        assert sorted([await status(each) for each in greedy])[:2] == [200, 503]
        others = [await stack.enter_async_context(wire(gateway, f"127.0.0.{last}")) for last in (3, 4)]
        assert [await status(each) for each in others] == [200, 200]


async def test_a_trusted_proxy_is_bound_by_the_whole_alone(tmp_path: Path) -> None:
    settings = {"connections": 5, "connections_per_address": 1, "trusted_proxies": ["127.0.0.2"]}
    async with listening(tmp_path, **settings) as gateway, AsyncExitStack() as stack:
        proxied = [await stack.enter_async_context(wire(gateway, "127.0.0.2")) for _ in range(6)]
        assert sorted([await status(each) for each in proxied]) == [200] * 5 + [503]


# ── Before TLS is there ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    made = Pki(datetime.now(UTC)).issue("gateway")
    certificate, key = tmp_path / "tls.cert.pem", tmp_path / "tls.key.pem"
    certificate.write_bytes(made.cert_pem)
    key.write_bytes(made.key_pem)
    return {"tls_certificate": certificate, "tls_key": key}


async def secured(gateway: Serving, source: str) -> Wire:
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection("127.0.0.1", gateway.server.port, local_addr=(source, 0), ssl=anything)


async def test_who_begins_no_handshake_holds_a_place_of_its_address_and_of_all(
    tmp_path: Path, tls: dict[str, Any]
) -> None:
    settings = tls | {"connections": 5, "connections_per_address": 3, "header_timeout": 60}
    async with listening(tmp_path, **settings) as gateway, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(wire(gateway, "127.0.0.2")) for _ in range(8)]
        ended = [asyncio.create_task(each.read()) for each, _ in silent]

        async def cut_off() -> bool:
            return sum(each.done() for each in ended) == 5

        await until(cut_off)
        with pytest.raises(ConnectionError):
            await secured(gateway, "127.0.0.2")
        other = await secured(gateway, "127.0.0.3")
        assert await status(other) == 200
        assert await cut_off()
        for each in ended:
            each.cancel()
        other[1].close()


async def test_a_handshake_that_is_not_finished_in_time_gives_its_place_back(
    tmp_path: Path, tls: dict[str, Any]
) -> None:
    settings = tls | {"connections_per_address": 1, "header_timeout": 0.2}
    async with listening(tmp_path, **settings) as gateway:
        for first in (b"", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n"):
            async with wire(gateway, "127.0.0.2") as (reader, writer), asyncio.timeout(PATIENCE):
                writer.write(first)
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            good = await secured(gateway, "127.0.0.2")
            assert await status(good) == 200
            good[1].close()
            await good[1].wait_closed()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_request_that_follows_the_handshake_at_once_is_answered_and_the_end_is_not_held_up(
    tmp_path: Path, tls: dict[str, Any], loop: str
) -> None:
    async def many() -> list[int]:
        async with listening(tmp_path, **tls) as gateway, AsyncExitStack() as stack:
            await stack.enter_async_context(wire(gateway, "127.0.0.4"))  # says nothing to the end
            asked = [asyncio.create_task(_one(gateway)) for _ in range(40)]
            return [await each for each in asked]

    async def _one(gateway: Serving) -> int:
        one = await secured(gateway, "127.0.0.2")
        try:
            return await status(one)
        finally:
            one[1].close()

    runner = asyncio.run if loop == "asyncio" else pytest.importorskip("uvloop").run
    assert runner(many()) == [200] * 40
