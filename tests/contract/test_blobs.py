"""Agent and blob door over real HTTP: what is put comes back byte for byte, and every refusal is told as what it is."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import uvicorn

from agents.blobs import HttpBlobs
from agents.errors import BlobsUnavailable
from edxml_schemas.contract import Claim
from router.adapters.blob_room import BlobLimits, BlobRoom
from router.adapters.http import BlobDoor, web_app
from router.adapters.memory_store import MemoryStore
from router.adapters.payloads import FilePayloads
from router.core.records import PutLeg, PutMessage
from router.core.registry import AgentRecord
from tests.support import records
from tests.support.broker import free_port

LIMIT = 24 * 2**20
ROOM: Final = BlobLimits(free_bytes=0, unclaimed_bytes=44 * 2**20, unclaimed_for=timedelta(days=1))
SENDER, RECIPIENT, STRANGER = "so-y-te", "so-xay-dung", "so-tu-phap"
SIZES = [0, 1, 3 * 2**20, 20 * 2**20]


def token_of(name: str) -> str:
    return f"mã của {name}"


def claim_of(content: bytes) -> Claim:
    return Claim(hashlib.sha256(content).hexdigest(), len(content))


def content_of(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@dataclass(slots=True)
class Door:
    """The hub's own door, served by uvicorn in a thread."""

    store: MemoryStore
    payloads: FilePayloads
    folder: Path
    url: str

    def blobs(self, name: str = SENDER, *, token: str | None = None, url: str = "") -> HttpBlobs:
        return HttpBlobs(url or self.url, agent=name, token=token_of(name) if token is None else token)

    def accept(self, claim: Claim) -> None:
        """The envelope is a document from the sender to the recipient."""
        message = records.message(claim.digest[:8], digest=claim.digest, agent=SENDER, payload=f"blob:{claim.digest}")
        with self.store.begin() as tx:
            tx.apply([PutMessage(message), PutLeg(records.leg(message, "1", agent=RECIPIENT))])


async def all_ready() -> Mapping[str, str]:
    return {}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    store = MemoryStore()
    store.put_agents(
        [
            AgentRecord(name=each, token_hash=hashlib.sha256(token_of(each).encode()).hexdigest())
            for each in (SENDER, RECIPIENT, STRANGER)
        ]
    )
    payloads = FilePayloads(tmp_path)
    app = web_app(ready=all_ready, door=BlobDoor(store, payloads, room=BlobRoom(payloads, store, ROOM), limit=LIMIT))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server has ended"
        yield Door(store, payloads, tmp_path, f"http://127.0.0.1:{port}/-/blobs")
    finally:
        server.should_exit = True
        thread.join(20)


@asynccontextmanager
async def raw_server(answer: bytes, *, read: int = 2**30) -> AsyncIterator[str]:
    """A server that reads at most so many bytes, says `answer`, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = read
        with contextlib.suppress(TimeoutError, ConnectionError):
            while left > 0 and (data := await asyncio.wait_for(reader.read(min(left, 65536)), 0.2)):
                left -= len(data)
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def refused(blobs: HttpBlobs, content: bytes, *, get: bool = False, claim: Claim | None = None) -> str:
    """What people are told, in both languages."""
    wanted = claim or claim_of(content)
    asked = blobs.get(wanted) if get else blobs.put(wanted, content)
    with pytest.raises(BlobsUnavailable) as fault:
        await asked
    await blobs.close()
    assert "mã của" not in str(fault.value)
    return str(fault.value)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_put_comes_back_byte_for_byte_to_the_parties(door: Door, size: int) -> None:
    content = content_of(size)
    claim = claim_of(content)
    sender, recipient = door.blobs(), door.blobs(RECIPIENT)
    await sender.put(claim, content)
    await sender.put(claim, content)
    door.accept(claim)
    assert await recipient.get(claim) == content
    assert await sender.get(claim) == content
    await sender.close()
    await recipient.close()


async def test_bytes_with_another_digest_are_refused_and_not_kept(door: Door) -> None:
    content = content_of(3 * 2**20)
    wrong = Claim(hashlib.sha256(b"other").hexdigest(), len(content))
    assert "HTTP 422" in await refused(door.blobs(), content, claim=wrong)
    assert door.payloads.blob_path(wrong.digest) is None
    assert not list((door.folder / "partial").iterdir())


async def test_who_is_no_party_gets_nothing(door: Door) -> None:
    content = content_of(2**20)
    sender = door.blobs()
    await sender.put(claim_of(content), content)
    await sender.close()
    assert "HTTP 404" in await refused(door.blobs(RECIPIENT), content, get=True)
    door.accept(claim_of(content))
    assert "HTTP 404" in await refused(door.blobs(STRANGER), content, get=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("token", ["", "sai", "mã của so-xay-dung"])
async def test_a_wrong_token_is_told_as_a_wrong_token(door: Door, size: int, token: str) -> None:
    blobs = door.blobs(token=token)
    with pytest.raises(BlobsUnavailable) as fault:
        await blobs.put(claim_of(content_of(size)), content_of(size))
    await blobs.close()
    assert "HTTP 401" in str(fault.value)
    assert "blob_token" in fault.value.vi
    assert "blob_token" in fault.value.en
    assert "127.0.0.1" in str(fault.value)


async def test_an_envelope_above_the_hubs_limit_is_told_so(door: Door) -> None:
    assert "HTTP 413" in await refused(door.blobs(), content_of(LIMIT + 1))


async def test_a_hub_without_room_is_told_as_such_and_takes_it_when_there_is_room(door: Door) -> None:
    held, waiting = content_of(LIMIT), content_of(LIMIT - 1)
    blobs = door.blobs()
    await blobs.put(claim_of(held), held)
    assert "HTTP 507" in await refused(door.blobs(), waiting)
    door.accept(claim_of(held))
    await blobs.put(claim_of(waiting), waiting)
    await blobs.close()


async def test_a_wrong_path_is_told_with_the_setting_to_look_at(door: Door) -> None:
    told = await refused(door.blobs(url=door.url.replace("blobs", "blob")), b"x")
    assert "HTTP 404" in told
    assert "blob_url" in told


async def test_a_door_that_is_shut_is_told_with_its_address(door: Door) -> None:
    port = free_port()
    assert f"127.0.0.1:{port}" in await refused(door.blobs(url=f"http://127.0.0.1:{port}"), b"x")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", b"SSH-2.0-x\r\n"])
@pytest.mark.parametrize("get", [True, False])
async def test_a_connection_that_breaks_is_a_door_that_is_away(door: Door, answer: bytes, get: bool) -> None:
    async with raw_server(answer, read=2**20) as url:
        await refused(door.blobs(url=url), content_of(3 * 2**20), get=get)


@pytest.mark.parametrize("body", [b"x" * 10, b"short", b"x" * 1000])
async def test_other_bytes_than_were_claimed_are_never_handed_out(door: Door, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body
    async with raw_server(answer) as url:
        await refused(door.blobs(url=url), b"y" * 10, get=True)


async def test_a_redirect_is_not_followed(door: Door) -> None:
    answer = f"HTTP/1.1 307 x\r\nlocation: {door.url}/x\r\ncontent-length: 0\r\n\r\n".encode()
    async with raw_server(answer) as url:
        assert "HTTP 307" in await refused(door.blobs(url=url), b"x")
