"""Health, readiness, and the blob door."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from router.adapters.http import BlobDoor, web_app
from router.adapters.memory_store import MemoryStore
from router.adapters.payloads import FilePayloads
from router.core.records import PutLeg, PutMessage
from router.core.registry import AgentRecord
from tests.support import records

ENVELOPE = b"<edXML>" + b"x" * 3_000 + b"</edXML>"
DIGEST = hashlib.sha256(ENVELOPE).hexdigest()
LIMIT = 5_000
SENDER = ("so-y-te", "sender-token")
RECIPIENT = ("so-xay-dung", "recipient-token")
STRANGER = ("so-tu-phap", "stranger-token")


def agent(name: str, token: str, *, active: bool = True) -> AgentRecord:
    return AgentRecord(name=name, token_hash=hashlib.sha256(token.encode()).hexdigest(), active=active)


class House:
    """The application with its parts in reach."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.store.put_agents([agent(*SENDER), agent(*RECIPIENT), agent(*STRANGER)])
        self.store.put_agents([AgentRecord(name="khong-ma"), agent("nghi", "idle-token", active=False)])
        self.payloads = FilePayloads(folder)
        self.folder = folder
        self.checks: dict[str, str] = {"broker": "", "database": ""}
        door = BlobDoor(self.store, self.payloads, limit=LIMIT)
        transport = httpx.ASGITransport(web_app(ready=self.ready, door=door))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://hub")

    async def ready(self) -> Mapping[str, str]:
        return self.checks

    def accept(self) -> None:
        """The envelope is a document that the hub accepted, from the sender to the recipient."""
        message = records.message("1", digest=DIGEST, agent=SENDER[0], payload=f"blob:{DIGEST}")
        with self.store.begin() as tx:
            tx.apply([PutMessage(message), PutLeg(records.leg(message, "1", agent=RECIPIENT[0]))])

    async def put(self, body: bytes = ENVELOPE, digest: str = DIGEST, auth: tuple[str, str] = SENDER) -> httpx.Response:
        return await self.client.put(f"/-/blobs/{digest}", content=body, auth=auth)

    async def get(self, auth: tuple[str, str]) -> httpx.Response:
        return await self.client.get(f"/-/blobs/{DIGEST}", auth=auth)

    def leftovers(self) -> list[Path]:
        return list((self.folder / "partial").iterdir())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    found = House(tmp_path / "payloads")
    yield found
    await found.client.aclose()


async def test_health_is_good_while_the_process_runs(house: House) -> None:
    house.checks["broker"] = "away"
    assert (await house.client.get("/-/health")).status_code == 200


async def test_readiness_names_what_is_missing(house: House) -> None:
    assert (await house.client.get("/-/ready")).json()["status"] == "ready"
    house.checks["broker"] = "connection refused"
    answer = await house.client.get("/-/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"broker": "connection refused", "database": "ok"}


async def test_an_uploaded_envelope_is_kept(house: House) -> None:
    answer = await house.put()
    assert (answer.status_code, answer.json()) == (201, {"digest": DIGEST, "size": len(ENVELOPE)})
    assert house.payloads.claim(DIGEST, len(ENVELOPE)) == f"blob:{DIGEST}"
    assert (await house.put()).status_code == 201
    assert house.leftovers() == []


async def test_sender_and_recipient_fetch_what_was_accepted(house: House) -> None:
    await house.put()
    house.accept()
    for party in (SENDER, RECIPIENT):
        answer = await house.get(party)
        assert (answer.status_code, answer.content) == (200, ENVELOPE)


async def test_a_stranger_learns_not_even_that_it_is_there(house: House) -> None:
    missing = await house.get(STRANGER)
    await house.put()
    house.accept()
    answer = await house.get(STRANGER)
    assert (answer.status_code, answer.content) == (missing.status_code, missing.content) == (404, missing.content)


@pytest.mark.parametrize(
    "auth",
    [
        (SENDER[0], "guessed"),
        (SENDER[0], ""),
        (SENDER[0], RECIPIENT[1]),
        ("nobody", SENDER[1]),
        ("", ""),
        ("khong-ma", ""),
        ("nghi", "idle-token"),
    ],
)
async def test_nobody_else_gets_in(house: House, auth: tuple[str, str]) -> None:
    assert (await house.put(auth=auth)).status_code == 401
    assert (await house.get(auth)).status_code == 401
    assert house.payloads.blob_path(DIGEST) is None


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 2_000, "Basic /////w=="])
async def test_a_malformed_authorization_is_no_authorization(house: House, header: str) -> None:
    answer = await house.client.get(f"/-/blobs/{DIGEST}", headers={"Authorization": header})
    assert answer.status_code == 401


async def test_other_bytes_than_the_digest_says_are_refused(house: House) -> None:
    assert (await house.put(ENVELOPE + b"!")).status_code == 422
    assert house.payloads.blob_path(DIGEST) is None
    assert house.leftovers() == []


@pytest.mark.parametrize("digest", ["abc", DIGEST.upper(), "%2e%2e%2fetc"])
async def test_what_is_no_digest_is_refused(house: House, digest: str) -> None:
    assert (await house.put(digest=digest)).status_code in {404, 422}
    assert house.leftovers() == []


async def test_too_large_is_refused_before_and_while_it_is_read(house: House) -> None:
    large = b"x" * (LIMIT + 1)
    digest = hashlib.sha256(large).hexdigest()
    assert (await house.put(large, digest)).status_code == 413

    async def unannounced() -> AsyncIterator[bytes]:
        yield large

    answer = await house.client.put(f"/-/blobs/{digest}", content=unannounced(), auth=SENDER)
    assert answer.status_code == 413
    assert house.leftovers() == []
