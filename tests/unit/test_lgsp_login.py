"""Dialect B: user name and password of the installation against a token."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.gateway.access.errors import AccessUnavailable, LoginsBusy
from agents.gateway.lgsp.doors import JSON_BYTES
from tests.support.access import make_cheap
from tests.support.hub_desk import H41
from tests.support.lgsp_client import USERNAME, House, LgspClient, LoginAnswer, a_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_cheap(monkeypatch)
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def nghean(house: House) -> LgspClient:
    return await house.client("nghean", H41)


async def test_a_login_gives_a_token_and_says_whose(house: House, nghean: LgspClient) -> None:
    said = await nghean.login()
    assert (said.code, said.data.username, said.data.name) == (200, USERNAME, "Phần mềm QLVB tỉnh")
    assert said.data.id == house.installation.key_id
    assert said.data.token
    assert nghean.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("username", "password"), [(USERNAME, "wrong"), ("nobody", "wrong"), ("x" * 600, "y" * 9000)])
async def test_a_wrong_login_is_told_in_the_body(nghean: LgspClient, username: str, password: str) -> None:
    nghean.username, nghean.password = username, password
    said = await nghean.login()
    assert (nghean.status, said.code, said.data.token) == (200, 401, None)
    assert "Đề nghị" in said.message


async def test_guessing_ends_in_a_lock_that_looks_the_same(nghean: LgspClient) -> None:
    right, nghean.password = nghean.password, "wrong"
    wrong = [await nghean.login() for _ in range(6)]
    nghean.password = right
    assert await nghean.login() == wrong[0]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{}", b'{"username": 1, "password": "x"}', b"[" * 60_000]
)
async def test_a_login_that_is_none_is_told_how_to_mend_it(nghean: LgspClient, body: bytes) -> None:
    answered = await nghean.http.post("/v1/auth/login", content=body)
    assert answered.status_code == 200
    assert LoginAnswer.model_validate_json(answered.content).code == 400


async def test_a_login_of_megabytes_is_not_kept_in_memory(nghean: LgspClient) -> None:
    body = b'{"username": "' + b"x" * JSON_BYTES * 3 + b'"}'
    said = LoginAnswer.model_validate_json((await nghean.http.post("/v1/auth/login", content=body)).content)
    assert said.code == 400
    assert str(JSON_BYTES) in said.message


@pytest.mark.parametrize("error", [AccessUnavailable("disk"), LoginsBusy()])
async def test_a_store_of_keys_that_is_away_means_try_again(
    nghean: LgspClient, house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def away(*_: object, **__: object) -> None:
        raise error

    headers = nghean.keys()
    monkeypatch.setattr(type(house.gateway.access), "login", away)
    said = await nghean.login()
    assert (nghean.status, said.code) == (503, 503)
    monkeypatch.setattr(type(house.gateway.access), "session", away)
    assert (await nghean.http.get("/v1/getAgenciesList", headers=headers)).status_code == 503
