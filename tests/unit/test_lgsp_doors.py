"""Dialect B: who is let in, and what everybody else hears."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.requests import Request

from agents.gateway import lgsp
from agents.gateway.lgsp import answer
from agents.gateway.lgsp.answers import Number, Operation, failure, operation_of
from agents.gateway.lgsp.listing import STATUS
from agents.gateway.lgsp.marking import Mark
from agents.gateway.problems import ProblemKind, problem
from edxml_schemas.statuses import StatusCode
from tests.support.access import make_cheap
from tests.support.envelopes import a_document, envelope_bytes
from tests.support.hub_desk import H14, H41
from tests.support.lgsp_client import (
    AgenciesAnswer,
    DocumentAnswer,
    House,
    LgspClient,
    ListAnswer,
    LoginAnswer,
    MarkAnswer,
    NoAgenciesAnswer,
    NotSentAnswer,
    a_house,
)
from tests.support.organ_lists import SMALL, refill

CALLS = (
    ("POST", "sendEdoc"),
    ("GET", "syncReceivedEdocList?messageType=edoc"),
    ("GET", "getEdoc?docId=leg-1"),
    ("POST", "updateStatus"),
    ("GET", "getAgenciesList"),
)
SHAPES: dict[Operation, type[BaseModel]] = {
    Operation.LOGIN: LoginAnswer,
    Operation.SEND: NotSentAnswer,
    Operation.LIST: ListAnswer,
    Operation.FETCH: DocumentAnswer,
    Operation.MARK: MarkAnswer,
    Operation.AGENCIES: NoAgenciesAnswer,
}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_cheap(monkeypatch)
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def nghean(house: House) -> LgspClient:
    return await house.client("nghean", H41)


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers with whatever bytes, which the client's library would not send as text."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def call(client: LgspClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    """A call that must fail, in the shape of its operation."""
    answered = await client.http.request(method, f"/v1/{path}", headers=headers)
    operation = operation_of(answered.request.url.path)
    assert operation is not None
    SHAPES[operation].model_validate_json(answered.content)
    return answered


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic cWx2Yjpx",
        "Bearer x",
        "Bearer tls_00_x",
        "Bearer " + "x" * 5000,
        "Bearer \xe9\xff",
    ],
)
async def test_without_a_good_token_every_call_asks_for_a_login(
    nghean: LgspClient, method: str, path: str, authorization: str
) -> None:
    headers = nghean.keys() | {"Authorization": authorization}
    answered = await nghean.http.request(method, f"/v1/{path}", headers=raw(headers))
    assert answered.status_code == 401
    assert answered.headers["www-authenticate"] == "Bearer"
    assert "auth/login" in answered.text


async def test_a_401_never_carries_an_error_code(nghean: LgspClient) -> None:
    nghean.token = "over"
    said = await nghean.send(envelope_bytes())
    assert isinstance(said, NotSentAnswer)
    assert (nghean.status, said.data.errorCode, said.data.docId) == (401, None, None)


async def test_a_token_lives_thirty_minutes(house: House, nghean: LgspClient) -> None:
    house.clock.move(timedelta(minutes=29, seconds=59))
    assert (await nghean.received()).success
    house.clock.move(timedelta(seconds=1))
    assert not (await nghean.received()).success
    assert nghean.status == 401
    assert (await nghean.login()).code == 200
    assert (await nghean.received()).success


async def test_a_token_of_another_agent_is_no_token_here(nghean: LgspClient, tmp_path: Path) -> None:
    async with a_house(tmp_path / "other") as other:
        stranger = await other.client("nghean", H41)
        nghean.token = stranger.token
    assert not (await nghean.received()).success
    assert nghean.status == 401


@pytest.mark.parametrize("name", ["token", "secret"])
async def test_a_key_of_the_native_interface_is_no_token(house: House, nghean: LgspClient, name: str) -> None:
    nghean.token = getattr(house.installation, name)
    assert (await call(nghean, "GET", "getAgenciesList", nghean.keys())).status_code == 401


async def test_a_revoked_login_ends_its_tokens(house: House, nghean: LgspClient) -> None:
    house.gateway.access.revoke(house.installation.key_id, now=house.clock.now())
    assert (await call(nghean, "GET", "getAgenciesList", nghean.keys())).status_code == 401


async def test_a_token_in_the_address_counts_nothing(nghean: LgspClient) -> None:
    answered = await call(nghean, "GET", f"getAgenciesList?token={nghean.token}&access_token={nghean.token}", {})
    assert answered.status_code == 401


# ── Pairs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "path"), CALLS[:-1])
@pytest.mark.parametrize(
    "pair",
    [
        {"X-SystemId": "", "X-SecretKey": ""},
        {"X-SystemId": "nghean", "X-SecretKey": ""},
        {"X-SystemId": "nghean", "X-SecretKey": "wrong"},
        {"X-SystemId": "nobody", "X-SecretKey": "wrong"},
        {"X-SystemId": "nghean' OR '1'='1", "X-SecretKey": "' OR '1'='1"},
        {"X-SystemId": "n" * 5000, "X-SecretKey": "s" * 5000},
        {"X-SystemId": "ngh\xe9an", "X-SecretKey": "\xff"},
    ],
)
async def test_a_wrong_pair_is_error_15_for_good(
    nghean: LgspClient, method: str, path: str, pair: dict[str, str]
) -> None:
    answered = await nghean.http.request(method, f"/v1/{path}", headers=raw(nghean.keys() | pair))
    assert answered.status_code == 200
    assert "SystemId" in answered.text
    assert "15" in answered.text


async def test_a_secret_in_the_place_of_the_system_id_is_not_logged(
    nghean: LgspClient, capsys: pytest.CaptureFixture[str]
) -> None:
    for swapped in (nghean.secret, f"x:{nghean.secret}", "khong-ai"):
        headers = nghean.keys() | {"X-SystemId": swapped, "X-SecretKey": "nghean"}
        await nghean.http.get("/v1/syncReceivedEdocList", headers=headers)
    log = capsys.readouterr().out
    assert log.count("pair.refused") == 3
    assert nghean.secret not in log
    assert "system=khong-ai" in log


async def test_half_of_one_pair_and_half_of_another_is_no_pair(house: House, nghean: LgspClient) -> None:
    caobang = await house.client("caobang", H14)
    nghean.secret = caobang.secret
    assert "mã lỗi 15" in (await nghean.received()).message


async def test_two_pairs_in_one_call_are_none(house: House, nghean: LgspClient) -> None:
    caobang = await house.client("caobang", H14)
    headers = [*nghean.keys().items(), ("X-SystemId", "caobang"), ("X-SecretKey", caobang.secret)]
    answered = await nghean.http.get("/v1/syncReceivedEdocList", headers=headers)
    assert "mã lỗi 15" in ListAnswer.model_validate_json(answered.content).message


async def test_a_revoked_pair_opens_nothing_any_more(house: House, nghean: LgspClient) -> None:
    caobang, key = await house.client("caobang", H14), house.add_key("caobang-2", H14)
    caobang.system_id, caobang.secret = key.system_id, key.secret
    assert (await caobang.received()).success
    house.gateway.access.revoke(key.key_id, now=house.clock.now())
    assert "mã lỗi 15" in (await caobang.received()).message
    assert (await nghean.received()).success


async def test_the_organs_are_the_pair_s_and_not_the_login_s(house: House, nghean: LgspClient) -> None:
    house.deliver(a_document(), H14)
    assert (await nghean.received()).count == 0


async def test_organs_share_a_login_and_not_its_pace(house: House) -> None:
    clients = [await house.client(f"xa-{number}", H41, per_minute=3) for number in range(4)]
    assert [(await each.received()).success for each in clients for _ in range(3)] == [True] * 12
    assert [(await each.received()).success for each in clients] == [False] * 4


async def test_wrong_pairs_count_against_the_login(house: House) -> None:
    key = house.add_key("cham", H41, username="cham", per_minute=2)
    guesser = LgspClient(house.http, "cham", key.password, "cham", "wrong")
    await guesser.login()
    statuses = []
    for _ in range(3):
        assert not (await guesser.received()).success
        statuses.append(guesser.status)
    assert statuses == [200, 200, 503]


async def test_a_pair_that_calls_too_fast_is_told_to_wait(house: House) -> None:
    slow = await house.client("cham", H41, per_minute=2)
    answers = [await slow.received() for _ in range(4)]
    assert [each.success for each in answers][:2] == [True, True]
    assert (slow.status, answers[-1].success) == (503, False)
    assert int(slow.headers["retry-after"]) >= 1


# ── Agencies ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_before_the_first_list_there_is_none_rather_than_an_empty_one(nghean: LgspClient) -> None:
    assert isinstance(await nghean.agencies(), NoAgenciesAnswer)
    assert nghean.status == 503


async def test_every_agency_is_listed_for_whoever_is_logged_in(house: House, nghean: LgspClient) -> None:
    refill(house.gateway.directory, SMALL, version=1)
    said = await nghean.agencies()
    assert isinstance(said, AgenciesAnswer)
    assert {each.orgCode: each.orgName for each in said.data} == {each.code: each.name for each in SMALL}
    assert {each.orgCode: each.parentCode for each in said.data} == {each.code: each.parent for each in SMALL}


# ── Everything else ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "sendEdoc", 405), ("POST", "getEdoc", 405), ("GET", "sendEdoc/", 404)],
)
async def test_what_is_no_call_keeps_its_status(nghean: LgspClient, method: str, path: str, status: int) -> None:
    answered = await nghean.http.request(method, f"/v1/{path}", headers=nghean.keys())
    assert answered.status_code == status
    assert answered.json()["success"] is False


@pytest.mark.parametrize("operation", [*Operation, None])
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_problem_has_the_shape_of_its_call(kind: ProblemKind, operation: Operation | None) -> None:
    path = f"/v1/{operation or 'nothing'}"
    request = Request({"type": "http", "path": path, "headers": []})
    said = answer(problem(kind, incident="abc123"), request)
    shape = MarkAnswer if operation is None else SHAPES[operation]
    shape.model_validate_json(bytes(said.body))
    passing = {ProblemKind.TOO_SLOW, ProblemKind.THROTTLED, ProblemKind.UNAVAILABLE, ProblemKind.UNEXPECTED}
    again = kind in passing | {ProblemKind.NO_ROOM, ProblemKind.DISK_FULL}
    assert (said.status_code >= 500) == again
    assert ("retry-after" in said.headers) == again
    if operation is Operation.SEND:
        assert (orjson.loads(bytes(said.body))["data"]["errorCode"] is None) == again


@given(text=st.text(), number=st.integers(0, 30) | st.none(), operation=st.sampled_from(Operation))
def test_failures_are_whole_whatever_they_say(text: str, number: int | None, operation: Operation) -> None:
    text = text.encode("utf-8", "replace").decode()
    SHAPES[operation].model_validate_json(orjson.dumps(failure(operation, text, number=number)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(body=st.binary(max_size=200), kind=st.sampled_from(["", "multipart/form-data; boundary=x", "application/json"]))
async def test_no_body_makes_a_call_answer_otherwise(nghean: LgspClient, body: bytes, kind: str) -> None:
    headers = nghean.keys() | {"content-type": kind}
    for path, shape in (("sendEdoc", NotSentAnswer), ("updateStatus", MarkAnswer)):
        answered = await nghean.http.post(f"/v1/{path}", content=body, headers=headers)
        assert shape.model_validate_json(answered.content).success is False
        assert answered.status_code in {200, 503}


def test_the_readme_names_every_call_status_and_number() -> None:
    text = (Path(lgsp.__file__).parent / "README.md").read_text("utf-8")
    numbers = [str(value) for name, value in vars(Number).items() if not name.startswith("_")]
    told = [*Operation, *Mark, *StatusCode, *(word for word, _ in STATUS.values()), *numbers]
    assert [each for each in told if each not in text] == []
