"""The native interface: who is let in, how fast, with what; and what is said when something goes wrong."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from agents.errors import SpoolUnavailable, UsageFault
from agents.gateway.callers import Right
from agents.gateway.problems import ProblemKind, problem
from agents.gateway.rest import answer
from agents.gateway.rest.doors import JSON_BYTES
from agents.gateway.rest.problems import PROBLEMS, ProblemCode
from tests.support.access import make_cheap
from tests.support.envelopes import a_document
from tests.support.hub_desk import H41, RENAMED
from tests.support.rest_house import API, PROBLEM, RestHouse, metadata, problem_of, rest_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path) as made:
        yield made


async def bare(house: RestHouse, **headers: str) -> httpx.Response:
    return await house.client.get(f"{API}/whoami", headers=headers)


# ── Who ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_opens_in_either_header(house: RestHouse) -> None:
    token = house.key().token
    for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"bearer  {token}"}, {"x-api-key": token}):
        answered = await bare(house, **headers)
        assert answered.status_code == 200
        assert answered.json()["system_id"] == "qlvb"


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer tlk_0_0", "Basic cWx2Yjp4", "tlk_x", "Bearer " + "a" * 5000])
async def test_nobody_else_gets_in_and_is_told_how_to(house: RestHouse, shown: str) -> None:
    told = problem_of(await bare(house, **({"authorization": shown} if shown else {})), 401, "unauthenticated")
    assert "tlk_" in told["detail"]


async def test_a_missing_key_is_asked_for_by_name(house: RestHouse) -> None:
    assert (await bare(house)).headers["www-authenticate"].startswith("Bearer")


async def test_two_different_keys_at_once_open_nothing(house: RestHouse) -> None:
    one, other = house.key("one").token, house.key("other").token
    problem_of(await bare(house, **{"authorization": f"Bearer {one}", "x-api-key": other}), 401, "unauthenticated")
    assert (await bare(house, **{"authorization": f"Bearer {one}", "x-api-key": one})).status_code == 200


async def test_a_revoked_key_opens_nothing(house: RestHouse) -> None:
    key = house.key()
    house.gateway.access.revoke(key.key_id, now=house.at.clock.now())
    problem_of(await house.get("/inbox"), 401, "unauthenticated")


async def test_a_client_certificate_opens_without_a_key_and_never_mends_a_bad_one(tmp_path: Path) -> None:
    fingerprint = "ab" * 32
    settings: dict[str, Any] = {"trusted_proxies": ["127.0.0.1"], "client_certificate_header": "X-Client-Cert"}
    async with rest_house(tmp_path, **settings) as house:
        house.key("cert", certificate=fingerprint)
        answered = await bare(house, **{"x-client-cert": fingerprint})
        assert answered.json()["system_id"] == "cert"
        problem_of(await bare(house, **{"x-client-cert": "cd" * 32}), 401, "unauthenticated")
        page = {"x-client-cert": fingerprint, "origin": "https://evil.example"}
        problem_of(await bare(house, **page), 401, "unauthenticated")  # a browser, sent by somebody else's page
        for site, status in (("cross-site", 401), ("Same-Site", 401), ("none", 200), ("same-origin", 200)):
            assert (await bare(house, **{"x-client-cert": fingerprint, "sec-fetch-site": site})).status_code == status
        assert (await house.call("GET", "/whoami", headers={"sec-fetch-site": "cross-site"})).status_code == 200
        both = {"x-client-cert": fingerprint, "x-api-key": "tlk_0_0"}
        problem_of(await bare(house, **both), 401, "unauthenticated")


async def test_a_certificate_in_a_header_of_nobody_we_trust_is_no_certificate(house: RestHouse) -> None:
    house.key("cert", certificate="ab" * 32)
    problem_of(await bare(house, **{"x-client-cert": "ab" * 32}), 401, "unauthenticated")


# ── How fast ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_calls_too_often_is_told_when_to_come_back(house: RestHouse) -> None:
    slow, other = house.key("slow", per_minute=3), house.key()
    for _ in range(3):
        assert (await house.call("GET", "/whoami", key=slow)).status_code == 200
    limited = await house.call("GET", "/whoami", key=slow)
    problem_of(limited, 429, "rate-limited")
    assert 1 <= int(limited.headers["retry-after"]) <= 20
    assert (await house.call("GET", "/whoami", key=other)).status_code == 200


# ── With what ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rights", "method", "path"),
    [
        ((Right.READ,), "POST", "/documents"),
        ((Right.READ,), "POST", "/inbox/leg/ack"),
        ((Right.READ,), "POST", "/inbox/leg/lease"),
        ((Right.READ,), "GET", "/inbox/leg/envelope"),
        ((Right.READ,), "GET", "/inbox/leg/files"),
        ((Right.READ,), "POST", "/selftest"),
        ((Right.SEND,), "GET", "/inbox/leg/files/1"),
        ((Right.SEND,), "POST", "/inbox/leg/ack"),
    ],
)
async def test_a_key_without_the_right_is_told_which_one_is_missing(
    house: RestHouse, rights: tuple[Right, ...], method: str, path: str
) -> None:
    key = house.key("few", rights=rights)
    told = problem_of(await house.call(method, path, key=key), 403, "forbidden")
    assert "truc-agent keys" in told["detail"]


async def test_an_organ_of_others_and_an_organ_of_nobody_get_one_answer(house: RestHouse) -> None:
    key = house.key("one", organs=[H41])
    answers = [
        problem_of(await house.call("GET", f"{path}?organ={organ}", key=key), 403, "forbidden")
        for path in ("/inbox", "/documents")
        for organ in (RENAMED, "nobody")
    ]
    for each in answers:
        each.pop("instance")
    assert answers[0] == answers[1] == answers[2] == answers[3]


async def test_what_is_not_there_and_what_is_not_yours_get_one_answer(house: RestHouse) -> None:
    leg = house.at.deliver(a_document(), recipient=H41)
    sent = (await house.post("/documents", json={"metadata": metadata()})).json()["submission_id"]
    key = house.key("other", organs=[RENAMED])
    for method, path in [
        ("GET", "/inbox/{}"),
        ("GET", "/inbox/{}/envelope"),
        ("GET", "/inbox/{}/files/1"),
        ("POST", "/inbox/{}/ack"),
        ("GET", "/documents/{}"),
        ("GET", "/documents/{}/receipts/x"),
    ]:
        real = leg if "inbox" in path else sent
        theirs = problem_of(await house.call(method, path.format(real), key=key), 404, "not-found")
        nobodys = problem_of(await house.call(method, path.format("nothing"), key=key), 404, "not-found")
        assert theirs | {"instance": ""} == nobodys | {"instance": ""}


async def test_no_answer_is_kept_on_the_way_or_taken_for_something_else(house: RestHouse) -> None:
    leg = house.at.deliver(a_document())
    for path in ("/whoami", "/inbox", f"/inbox/{leg}/envelope", f"/inbox/{leg}/files/1", "/inbox/nothing"):
        answered = await house.get(path)
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["x-content-type-options"] == "nosniff"


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_path_is_a_problem_and_names_nothing_of_the_machine(house: RestHouse) -> None:
    for path in (f"{API}/nothing", f"{API}/inbox/", f"{API}", f"{API}//inbox"):
        answered = await house.client.get(path)
        problem_of(answered, 404, "not-found")
        assert "/work" not in answered.text
        assert "Traceback" not in answered.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/webhooks", {"GET", "POST"}),
        ("DELETE", "/documents", {"GET", "POST"}),
        ("GET", "/inbox/x/ack", {"POST"}),
        ("HEAD", "/inbox", {"GET"}),
    ],
)
async def test_a_wrong_method_is_told_every_right_one(
    house: RestHouse, method: str, path: str, allowed: set[str]
) -> None:
    answered = await house.call(method, path)
    assert answered.status_code == 405
    assert answered.headers["content-type"] == PROBLEM
    assert set(answered.headers["allow"].split(", ")) == allowed


async def test_a_body_that_is_no_json_is_malformed(house: RestHouse) -> None:
    kind = {"content-type": "application/json"}
    problem_of(await house.post("/webhooks", content=b"{", headers=kind), 400, "malformed")
    problem_of(await house.post("/documents", content=b"{", headers=kind), 400, "malformed")
    deep = b"[" * 100_000
    problem_of(await house.post("/documents", content=deep, headers=kind), 400, "malformed")


async def test_a_body_of_another_type_is_told_which_types_are_taken(house: RestHouse) -> None:
    for path in ("/webhooks", "/documents", "/validate"):
        answered = await house.post(path, content=b"a=b", headers={"content-type": "text/plain"})
        problem_of(answered, 415, "media-type")
        assert "application/json" in answered.headers["accept"]


async def test_a_small_body_that_is_not_small_is_too_large(house: RestHouse) -> None:
    large = json.dumps({"reason": "a" * JSON_BYTES})
    kind = {"content-type": "application/json"}
    problem_of(await house.post("/inbox/x/fail", content=large, headers=kind), 413, "too-large")


async def test_every_wrong_value_is_named_with_its_place_and_without_its_content(house: RestHouse) -> None:
    answered = await house.post("/inbox/x/statuses", json={"status_code": "secret-77", "extra": 1})
    told = problem_of(answered, 422, "invalid")
    assert {each["where"] for each in told["findings"]} == {"body.status_code", "body.extra"}
    assert all(each["message"]["vi"] and each["message"]["en"] and each["remedy"]["vi"] for each in told["findings"])
    assert "secret-77" not in answered.text


async def test_nobody_is_asked_for_a_body_before_the_key_is_good(house: RestHouse) -> None:
    answered = await house.client.post(
        f"{API}/documents", content=b"{", headers={"content-type": "application/json", "x-api-key": "tlk_0_0"}
    )
    problem_of(answered, 401, "unauthenticated")


async def test_a_spool_that_is_away_means_later_and_the_log_knows_the_incident(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise SpoolUnavailable("disk I/O error")

    monkeypatch.setattr(type(house.gateway.office), "received", away)
    with capture_logs() as logs:
        answered = await house.get("/inbox")
    told = problem_of(answered, 503, "unavailable")
    assert int(answered.headers["retry-after"]) >= 1
    assert "disk I/O" not in answered.text
    assert [each["incident"] for each in logs if each["event"] == "rest.unavailable"] == [told["instance"]]


@pytest.mark.parametrize("fault", [KeyError("Nội dung mật"), UsageFault("Nội dung mật", "secret words")])
async def test_what_nobody_expected_tells_neither_client_nor_log_what_the_letter_says(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(type(house.gateway.office), "received", broken)
    with capture_logs() as logs:
        answered = await house.get("/inbox")
    told = problem_of(answered, 500, "internal")
    assert "mật" not in answered.text
    failed = [each for each in logs if each["event"] in {"rest.failed", "rest.fault"}]
    assert [each["incident"] for each in failed] == [told["instance"]]
    if isinstance(fault, KeyError):
        assert "Nội dung" not in repr(failed)


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_what_goes_wrong_outside_is_said_in_the_same_words(kind: ProblemKind) -> None:
    outside = problem(kind, incident="abc", headers={"allow": "GET"})
    request = Request({"type": "http", "path": API, "headers": [], "method": "GET"})
    answered = answer(outside, request)
    told: dict[str, Any] = json.loads(bytes(answered.body))
    assert answered.status_code == told["status"] == outside.status
    assert answered.media_type == PROBLEM
    assert told["instance"].endswith("abc")
    assert answered.headers["allow"] == "GET"
    assert ("retry-after" in answered.headers) == (outside.retry_after is not None)


@pytest.mark.parametrize("code", list(ProblemCode))
def test_every_problem_has_a_row_in_both_languages(code: ProblemCode) -> None:
    row = PROBLEMS[code]
    assert 400 <= row.status < 600
    assert all((*row.title, *row.detail))
    assert row.title[0] != row.title[1]
