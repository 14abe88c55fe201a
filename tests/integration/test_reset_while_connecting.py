"""A broker, or what stands before it, that takes a connection and ends it before, or within, the first frame."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aiormq.connection import FrameReceiver, ReceivedFrame

from agents.amqp import AmqpLink
from agents.logs import logger
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.ports import BrokerUnavailable
from tests.support.waiting import until

ENOUGH = 8
"""Connections that each side is let down on: the moment at which it sees the end is not always the same."""
LOOKS = 20  # milliseconds in which the end has come
PATIENCE = 5.0  # seconds that the door waits for a client's first words


class Door:
    """Listens in a thread of its own, and ends every connection after some bytes of a reply."""

    def __init__(self, reply: bytes, *, reset: bool) -> None:
        self._reply = reply
        self._reset = reset
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.seen = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.seen += 1
                with connection, contextlib.suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self._reply:
            connection.settimeout(PATIENCE)  # who was told to stop after it had connected never says a word
            connection.recv(8)
            connection.sendall(self._reply)
        if self._reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@asynccontextmanager
async def standing(door: Door) -> AsyncIterator[Door]:
    serving = threading.Thread(target=door.serve)
    serving.start()
    try:
        yield door
    finally:
        door.close()
        await asyncio.to_thread(serving.join)  # the clients in this loop end their connections meanwhile


@asynccontextmanager
async def ending(task: "asyncio.Task[bool]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(params=[False, True], ids=["at-once", "late"])
def looking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client looks for the first frame at once, or, as on a busy machine, when the end has come already."""
    original = FrameReceiver.get_frame

    async def late(receiver: FrameReceiver) -> ReceivedFrame:
        reader = receiver.reader
        for _ in range(LOOKS):
            if reader.at_eof():
                break
            await asyncio.sleep(0.001)
        return await original(receiver)

    if request.param:
        monkeypatch.setattr(FrameReceiver, "get_frame", late)


DOORS = [(b"", False), (b"", True), (b"\x01", False), (b"\x01\x00\x00\x00\x00\x01", False)]


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize(("reply", "reset"), DOORS)
async def test_the_hub_sees_a_broker_that_is_away(reply: bytes, reset: bool) -> None:
    async with standing(Door(reply, reset=reset)) as door:
        for _ in range(ENOUGH):
            broker = AmqpBroker(f"amqp://hub:hub@127.0.0.1:{door.port}/", clock=SystemClock())
            with pytest.raises(BrokerUnavailable):
                await broker.ping()
            await broker.close()


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize(("reply", "reset"), DOORS)
async def test_an_agent_tries_again(reply: bytes, reset: bool) -> None:
    async with standing(Door(reply, reset=reset)) as door:
        link = AmqpLink(f"amqp://a:a@127.0.0.1:{door.port}/", agent="a", user_id="a", log=logger("a"))
        trying = asyncio.create_task(link.ready())
        async with ending(trying):

            async def several_times() -> bool:
                assert not trying.done(), trying
                return door.seen > 1

            await until(several_times)


async def test_an_agent_that_is_told_to_stop_stops_though_the_library_makes_a_failure_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting = asyncio.Event()

    async def connect(*_arguments: object, **_named: object) -> None:
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aio_pika.exceptions.AMQPConnectionError from None

    monkeypatch.setattr(aio_pika, "connect", connect)
    link = AmqpLink("amqp://a:a@127.0.0.1:1/", agent="a", user_id="a", log=logger("a"))
    trying = asyncio.create_task(link.ready())
    await connecting.wait()
    trying.cancel()
    await asyncio.wait([trying], timeout=PATIENCE)
    assert trying.cancelled()
