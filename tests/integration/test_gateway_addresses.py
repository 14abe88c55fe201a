"""One address cannot take all connections, and a trusted proxy, which stands for many, is not one address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.gateway import Serving, gateway_desk, serving

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
