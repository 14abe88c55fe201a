"""Health, readiness, and the blob door."""

import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from router.adapters.blob_room import STALE, BlobLimits, BlobRoom, Swept
from router.adapters.http import BlobDoor, web_app
from router.adapters.memory_store import MemoryStore
from router.adapters.payloads import FilePayloads
from router.core.records import PutLeg, PutMessage
from router.core.registry import AgentRecord
from tests.support import records

ENVELOPE = b"<edXML>" + b"x" * 3_000 + b"</edXML>"
DIGEST = hashlib.sha256(ENVELOPE).hexdigest()
LIMIT = 5_000
ROOMY = BlobLimits(free_bytes=0, unclaimed_bytes=2**40, unclaimed_for=timedelta(days=1))
SENDER = ("so-y-te", "sender-token")
RECIPIENT = ("so-xay-dung", "recipient-token")
STRANGER = ("so-tu-phap", "stranger-token")


def agent(name: str, token: str, *, active: bool = True) -> AgentRecord:
    return AgentRecord(name=name, token_hash=hashlib.sha256(token.encode()).hexdigest(), active=active)


class House:
    """The application with its parts in reach."""

    def __init__(self, folder: Path, limits: BlobLimits | None = None) -> None:
        self.store = MemoryStore()
        self.store.put_agents([agent(*SENDER), agent(*RECIPIENT), agent(*STRANGER)])
        self.store.put_agents([AgentRecord(name="khong-ma"), agent("nghi", "idle-token", active=False)])
        self.payloads = FilePayloads(folder)
        self.folder = folder
        self.checks: dict[str, str] = {"broker": "", "database": ""}
        self.room = BlobRoom(self.payloads, self.store, limits or ROOMY)
        door = BlobDoor(self.store, self.payloads, room=self.room, limit=LIMIT)
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


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 2_000, "Basic /////w==", "Basic ÿþ"]
)
async def test_a_malformed_authorization_is_no_authorization(house: House, header: str) -> None:
    answer = await house.client.get(f"/-/blobs/{DIGEST}", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("stated", ["9" * 5_000, "-1", "many", "²"])
async def test_a_size_that_is_none_is_a_bad_request(house: House, stated: str) -> None:
    headers = {b"Content-Length": stated.encode("latin-1")}
    answer = await house.client.put(f"/-/blobs/{DIGEST}", content=ENVELOPE, auth=SENDER, headers=headers)
    assert answer.status_code == 400
    assert house.leftovers() == []


async def test_what_is_no_digest_is_asked_of_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*, agent: str, digest: str) -> bool:
        raise AssertionError((agent, digest))

    monkeypatch.setattr(house.store, "may_read", asked)
    for digest in ("%00", DIGEST + "%00", DIGEST + "%0a", DIGEST.upper(), "abc"):
        assert (await house.client.get(f"/-/blobs/{digest}", auth=SENDER)).status_code == 404


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


async def test_what_goes_in_and_out_is_logged_with_agent_digest_and_size(house: House) -> None:
    house.accept()
    with capture_logs() as lines:
        await house.put()
        await house.get(RECIPIENT)
    told = [(each["event"], each["agent"], each["digest"], each["size"]) for each in lines]
    assert told == [
        ("blob-kept", SENDER[0], DIGEST, len(ENVELOPE)),
        ("blob-given", RECIPIENT[0], DIGEST, len(ENVELOPE)),
    ]


async def test_others_on_the_machine_cannot_read_envelopes(house: House) -> None:
    await house.put()
    house.payloads.append([ENVELOPE])
    files = [each for each in house.folder.rglob("*") if each.is_file()]
    assert {each.stat().st_mode & 0o007 for each in house.folder.rglob("*")} == {0}
    assert {each.stat().st_mode & 0o002 for each in files} == {0}


# ── Room ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def other(number: int) -> bytes:
    return ENVELOPE + str(number).encode()


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def now() -> datetime:
    """The time of the files' stamps."""
    return datetime.now(UTC)


async def test_an_upload_that_would_fill_the_disk_is_put_off(tmp_path: Path) -> None:
    house = House(tmp_path / "payloads", replace(ROOMY, free_bytes=2**62))
    answer = await house.put()
    assert answer.status_code == 507
    assert set(answer.json()) == {"vi", "en"}
    assert "retry-after" in answer.headers
    assert house.leftovers() == []


async def test_who_uploads_and_never_submits_fills_only_its_own_share(tmp_path: Path) -> None:
    house = House(tmp_path / "payloads", replace(ROOMY, unclaimed_bytes=2 * len(ENVELOPE) + 100))
    answers = [(await house.put(other(n), digest_of(other(n)))).status_code for n in range(3)]
    assert answers == [201, 201, 507]
    assert (await house.put(auth=RECIPIENT)).status_code == 201


async def test_what_was_submitted_makes_room_for_more(tmp_path: Path) -> None:
    house = House(tmp_path / "payloads", replace(ROOMY, unclaimed_bytes=len(ENVELOPE) + 100))
    assert (await house.put()).status_code == 201
    assert (await house.put(other(1), digest_of(other(1)))).status_code == 507
    house.accept()
    assert (await house.put(other(1), digest_of(other(1)))).status_code == 201


async def test_uploads_under_way_count_and_count_no_more_when_they_fail(tmp_path: Path) -> None:
    house = House(tmp_path / "payloads", replace(ROOMY, unclaimed_bytes=LIMIT))
    second: list[int] = []

    async def unannounced() -> AsyncIterator[bytes]:
        yield b"half of it"
        second.append((await house.put(other(1), digest_of(other(1)))).status_code)

    answer = await house.client.put(f"/-/blobs/{DIGEST}", content=unannounced(), auth=SENDER)
    assert (answer.status_code, second) == (422, [507])
    assert (await house.put()).status_code == 201


async def test_what_nobody_submitted_in_time_is_removed_and_what_was_accepted_stays(
    house: House, now: datetime
) -> None:
    await house.put()
    await house.put(other(1), digest_of(other(1)))
    house.accept()
    assert house.room.sweep(now=now + timedelta(hours=23)) == Swept()
    assert house.room.sweep(now=now + timedelta(hours=25)) == Swept(unclaimed=1)
    assert house.payloads.blob_path(digest_of(other(1))) is None
    assert (await house.get(RECIPIENT)).content == ENVELOPE
    assert house.room.sweep(now=now + timedelta(days=9)) == Swept()


async def test_what_was_claimed_a_moment_ago_is_not_removed(house: House, now: datetime) -> None:
    await house.put()
    path = house.payloads.blob_path(DIGEST)
    assert path is not None
    long_ago = (now - timedelta(days=3)).timestamp()
    os.utime(path, (long_ago, long_ago))
    assert house.payloads.claim(DIGEST, len(ENVELOPE))
    assert house.room.sweep(now=now) == Swept()
    assert house.payloads.read(f"blob:{DIGEST}") == ENVELOPE


async def test_leftovers_of_a_crash_are_removed_and_uploads_under_way_are_not(house: House, now: datetime) -> None:
    crashed = house.payloads.blob_writer(DIGEST, limit=LIMIT)
    crashed.write(b"half of it")
    assert house.room.sweep(now=now) == Swept()
    assert house.room.sweep(now=now + STALE + timedelta(minutes=1)) == Swept(partial=1)
    assert house.leftovers() == []
