"""Agents learn from the hub who may be written to, and apply for changes of it."""

import gzip
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from edxml_schemas.organ_list import (
    GoneOrgan,
    ListedOrgan,
    ListHead,
    line_digest,
    list_digest,
    read_head,
    read_line,
)
from router.adapters.http import web_app
from router.adapters.memory_store import MemoryStore
from router.adapters.organ_door import OrganDoor
from router.core.applications import ApplicationState
from router.core.registry import AgentRecord, OrganRecord, OrganState
from router.services.registration import applications

NOW = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)
AGENT = ("so-y-te", "a-token")
OTHER = ("so-xay-dung", "another-token")
PROVINCE = OrganRecord(code="H41", name="UBND tỉnh", old_code="000.00.00.H41", agent="tinh")
HEALTH = OrganRecord(
    code="H41.08", name="Sở Y tế", parent="H41", agent=AGENT[0], email="a@b.vn", phone="0238", address="Vinh"
)
LONELY = OrganRecord(code="H41.09", name="Chưa kết nối", parent="H41")
LOCKED = OrganRecord(code="H41.10", name="Bị khóa", parent="H41", agent=AGENT[0], state=OrganState.LOCKED)


class Noon:
    def now(self) -> datetime:
        return NOW


class House:
    """The hub's application with its store in reach."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        hashed = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in (AGENT, OTHER)}
        self.store.put_agents([AgentRecord(name=name, token_hash=each) for name, each in hashed.items()])
        self.store.put_organs([LOCKED, LONELY, HEALTH, PROVINCE])
        self.door = OrganDoor(self.store, clock=Noon())
        transport = httpx.ASGITransport(web_app(ready=self.ready, door=None, organs=self.door))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://hub", auth=AGENT)

    @staticmethod
    async def ready() -> Mapping[str, str]:
        return {}

    async def list(self, since: int | None = None, headers: dict[str, str] | None = None) -> httpx.Response:
        parameters = {} if since is None else {"since": str(since)}
        return await self.client.get("/-/organs", params=parameters, headers=headers)

    async def apply(self, auth: tuple[str, str] = AGENT, **wish: Any) -> httpx.Response:
        return await self.client.post("/-/organs/applications", json={**WISH, **wish}, auth=auth)


WISH = {"reference": "ref-00001", "kind": "register", "code": "H41.20", "name": "Sở Mới", "parent": "H41"}


def read(answer: httpx.Response) -> tuple[ListHead, list[ListedOrgan | GoneOrgan], list[bytes]]:
    assert answer.status_code == 200, answer.text
    head, *lines = answer.content.splitlines()
    return read_head(head), [read_line(each) for each in lines], lines


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.client.aclose()


# ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_has_every_active_organ_in_the_order_of_codes(house: House) -> None:
    head, organs, lines = read(await house.list())
    version = house.store.registry().version
    assert organs == [
        ListedOrgan(code="H41", name="UBND tỉnh", old_code="000.00.00.H41", connected=True, version=version),
        ListedOrgan(
            code="H41.08",
            name="Sở Y tế",
            parent="H41",
            email="a@b.vn",
            phone="0238",
            address="Vinh",
            connected=True,
            version=version,
        ),
        ListedOrgan(code="H41.09", name="Chưa kết nối", parent="H41", version=version),
    ]
    digest = list_digest(line_digest(each) for each in lines)
    assert head == ListHead(version=version, digest=digest, since=None, count=3)


async def test_no_name_of_an_agent_leaves_the_hub(house: House) -> None:
    text = (await house.list()).text
    assert all(each.agent not in text for each in (PROVINCE, HEALTH))


async def test_who_has_the_list_gets_nothing_until_an_organ_changes(house: House) -> None:
    etag = (await house.list()).headers["etag"]
    again = await house.list(headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    house.store.put_agents([AgentRecord(name="moi")])
    assert (await house.list(headers={"If-None-Match": etag})).status_code == 304
    house.store.put_organs([replace(LONELY, name="Tên mới")])
    assert (await house.list(headers={"If-None-Match": etag})).status_code == 200


async def test_differences_name_what_changed_and_what_is_gone(house: House) -> None:
    before, _, lines = read(await house.list())
    house.store.put_organs([replace(LONELY, name="Tên mới")])
    house.store.put_organs([replace(HEALTH, state=OrganState.LOCKED), OrganRecord(code="H41.01", name="Mới")])
    head, organs, _ = read(await house.list(since=before.version))
    assert (head.since, head.count) == (before.version, 3)
    assert [(each.code, type(each)) for each in organs] == [
        ("H41.01", ListedOrgan),
        ("H41.08", GoneOrgan),
        ("H41.09", ListedOrgan),
    ]
    whole, _, now_lines = read(await house.list())
    assert head.digest == whole.digest == list_digest(map(line_digest, now_lines))
    assert len(lines) == len(now_lines)


async def test_without_changes_the_differences_are_none(house: House) -> None:
    head, organs, _ = read(await house.list(since=house.store.registry().version))
    assert (head.count, organs) == (0, [])


async def test_who_is_ahead_of_the_hub_gets_the_whole_list(house: House) -> None:
    head, organs, _ = read(await house.list(since=10**6))
    assert (head.since, len(organs)) == (None, 3)


@pytest.mark.parametrize("since", ["", "-1", "x", "1.5", "²", "9" * 30])
async def test_a_version_that_is_none_is_a_bad_request(house: House, since: str) -> None:
    assert (await house.client.get("/-/organs", params={"since": since})).status_code == 400


@pytest.mark.parametrize("auth", [(AGENT[0], "guessed"), (AGENT[0], OTHER[1]), ("nobody", ""), ("", "")])
async def test_nobody_without_a_token_gets_in(house: House, auth: tuple[str, str]) -> None:
    for method, path in (
        ("GET", "/-/organs"),
        ("GET", "/-/organs/applications"),
        ("POST", "/-/organs/applications"),
    ):
        answer = await house.client.request(method, path, auth=auth)
        assert answer.status_code == 401
        assert "basic" in answer.headers["www-authenticate"].lower()


async def test_the_list_is_compressed_for_who_can_read_it(house: House) -> None:
    house.store.put_organs([OrganRecord(code=f"H50.{n:03d}", name="Xã Yên Hòa") for n in range(500)])
    async with house.client.stream("GET", "/-/organs", headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await house.list(headers={"accept-encoding": "identity"})
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 5


async def test_a_long_list_has_every_organ_once(house: House) -> None:
    house.store.put_organs([OrganRecord(code=f"H50.{n:04d}", name="Xã") for n in range(2_500)])
    head, organs, lines = read(await house.list())
    assert head.count == len({each.code for each in organs}) == 2_503
    assert head.digest == list_digest(map(line_digest, lines))


async def test_one_agent_gets_only_so_many_lists_at_once(house: House) -> None:
    header = next(httpx.BasicAuth(*AGENT).auth_flow(httpx.Request("GET", "http://hub"))).headers["authorization"]
    headers = [(b"authorization", header.encode())]
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})
    under_way: list[AsyncGenerator[bytes, None]] = []
    for _ in range(2):
        answer = await house.door.organs(request)
        assert isinstance(answer, StreamingResponse)
        lines = cast("AsyncGenerator[bytes, None]", answer.body_iterator)
        await anext(lines)
        under_way.append(lines)
    assert (await house.list()).status_code == 429
    assert (await house.client.get("/-/organs", auth=OTHER)).status_code == 200
    for lines in under_way:
        await lines.aclose()
    assert (await house.list()).status_code == 200


# ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_application_is_kept_for_the_administrator(house: House) -> None:
    answer = await house.apply(email="a@b.vn", phone=" 0238  1 ", address="Vinh", code="h41.20")
    assert (answer.status_code, answer.json()) == (201, {"reference": "ref-00001", "state": "open", "note": ""})
    (kept,) = house.store.applications()
    assert (kept.agent, kept.code, kept.name, kept.parent) == (AGENT[0], "H41.20", "Sở Mới", "H41")
    assert (kept.email, kept.phone, kept.address, kept.applied_at) == ("a@b.vn", "0238 1", "Vinh", NOW)
    assert "H41.20" not in house.store.registry().organs


async def test_the_same_application_again_is_one_and_tells_what_became_of_it(house: House) -> None:
    await house.apply()
    assert (await house.apply()).json()["state"] == "open"
    assert (await house.apply(reference="ref-00002")).json()["reference"] == "ref-00001"
    (kept,) = house.store.applications()
    house.store.decide_application(kept.id, state=ApplicationState.REJECTED, at=NOW, by="admin:ha", note="trùng")
    again = await house.apply()
    assert (again.status_code, again.json()) == (
        200,
        {"reference": "ref-00001", "state": "rejected", "note": "trùng"},
    )


async def test_what_is_registered_needs_no_application(house: House) -> None:
    for code in ("H41.08", "h41.08", "000.00.00.H41"):
        answer = await house.apply(code=code)
        assert (answer.status_code, answer.json()["state"]) == (200, "already")
    assert house.store.applications() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""},
        {"code": "H" * 101},
        {"name": ""},
        {"name": "x" * 501},
        {"name": "a\x1b[31m"},
        {"email": "khong-phai"},
        {"phone": "1" * 101},
        {"parent": "H41.20"},
        {"kind": "sell"},
        {"reference": ""},
        {"reference": "a b/c.."},
        {"name": 7},
        {"code": LOCKED.code},
    ],
)
async def test_what_can_never_be_is_refused_with_words(house: House, wrong: dict[str, Any]) -> None:
    answer = await house.apply(**wrong)
    assert answer.status_code == 422
    assert answer.json().keys() == {"vi", "en"}
    assert house.store.applications() == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"kind":[]}', b"\xff", b"[" * 5000])
async def test_what_is_no_application_is_refused(house: House, body: bytes) -> None:
    assert (await house.client.post("/-/organs/applications", content=body)).status_code == 422


async def test_a_body_beyond_the_limit_is_not_read(house: House) -> None:
    assert (await house.client.post("/-/organs/applications", content=b" " * 20_000)).status_code == 413


async def test_the_end_of_an_organ_is_applied_for_by_who_carries_for_it(house: House) -> None:
    assert (await house.apply(kind="end", code="h41.08")).status_code == 201
    (kept,) = house.store.applications()
    assert (kept.kind.value, kept.code, kept.name) == ("end", "H41.08", "")
    assert (await house.apply(kind="end", code=LOCKED.code, reference="ref-00003")).json()["state"] == "already"


async def test_the_end_of_what_is_not_there_and_of_another_agents_organ_has_one_answer(house: House) -> None:
    missing = await house.apply(kind="end", code="H99")
    foreign = await house.apply(kind="end", code=PROVINCE.code)
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content) == (404, missing.content)
    assert house.store.applications() == ()


async def test_one_agent_has_only_so_many_open_applications(house: House) -> None:
    for number in range(applications.MOST_OPEN):
        assert (await house.apply(code=f"H41.30.{number:03d}", reference=f"ref-{number:05d}")).status_code == 201
    full = await house.apply(code="H41.31", reference="ref-99999")
    assert full.status_code == 429
    assert "retry-after" in full.headers
    assert (await house.apply(OTHER, code="H41.31", reference="ref-99999")).status_code == 201


async def test_an_agent_sees_its_own_applications_and_nobody_elses(house: House) -> None:
    await house.apply()
    await house.apply(OTHER, code="H41.21")
    told = (await house.client.get("/-/organs/applications")).json()
    assert told == [{"reference": "ref-00001", "state": "open", "note": ""}]
