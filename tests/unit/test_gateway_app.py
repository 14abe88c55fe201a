"""The application around the dialects: every answer in the dialect of its path, nothing inside shown to anybody."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from agents.errors import SpoolUnavailable
from agents.gateway.app import HEALTH, READY, build_app
from agents.gateway.guarding import Guard, leave_exceptions_to_guard
from agents.gateway.problems import plain_answer
from agents.gateway.proxies import STATE, behind_proxies, client_certificate, fingerprint_in
from agents.gateway.rooms import Gateway
from agents.gateway.server import opened
from agents.gateway.settings import GatewaySettings
from tests.support.gateway import gateway_desk
from tests.support.hub_desk import NOW
from tests.support.pki import Pki

SECRET = "mat-khau-trong-loi"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with gateway_desk(tmp_path) as at, opened(at.desk) as made:
        yield made


@asynccontextmanager
async def asking(app: ASGIApp, *, client: tuple[str, int] = ("127.0.0.1", 1)) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as one:
        yield one


# ── The dialects under their paths ──────────────────────────────────────────────────────────────────────────────────


async def test_it_says_that_it_lives_and_that_it_can_keep_what_comes(gateway: Gateway) -> None:
    async with asking(build_app(gateway)) as client:
        assert (await client.get(HEALTH)).status_code == 200
        assert (await client.get(READY)).json() == {"status": "ready"}
        gateway.stopping.set()
        assert (await client.get(READY)).status_code == 503


async def test_an_address_that_ends_in_a_slash_is_the_same_address(gateway: Gateway) -> None:
    async with asking(build_app(gateway)) as client:
        for path in ("/sendEdoc", "//sendEdoc", "///sendEdoc"):
            answered = await client.post(f"http://gateway{path}")
            assert (answered.status_code, answered.json()["ErrorCode"]) == (200, "15"), path


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/sendEdoc", "/v1/auth/login", "/api/v1/nothing", "/nothing"])
async def test_a_fault_under_such_an_address_is_told_in_the_dialect_of_the_path(gateway: Gateway, path: str) -> None:
    async with asking(build_app(gateway)) as client:
        plain, doubled = [await client.put(f"http://gateway{slash}{path}") for slash in ("", "/")]
    assert (doubled.status_code, doubled.content) == (plain.status_code, plain.content)


async def test_an_operation_s_name_somewhere_else_is_no_operation(gateway: Gateway) -> None:
    async with asking(build_app(gateway)) as client:
        for name in ("updateStatus", "sendEdoc", "downloadEdoc"):
            answered = await client.post(f"/etc/{name}")
            assert (answered.status_code, answered.json()["status"]) == (404, "FAIL")


async def test_it_is_not_ready_without_its_spool(gateway: Gateway) -> None:
    gateway.desk.spool.close()
    async with asking(build_app(gateway)) as client:
        assert (await client.get(READY)).status_code == 503
        assert (await client.get(HEALTH)).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/api/v1/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_not_there_is_answered_in_json_with_a_text_in_vietnamese(
    gateway: Gateway, path: str, method: str
) -> None:
    async with asking(build_app(gateway)) as client:
        answer = await client.request(method, path)
    assert "json" in answer.headers["content-type"]
    assert "ị" in json.dumps(answer.json(), ensure_ascii=False)
    assert "DocId" not in answer.json() or answer.json()["status"] == "FAIL"


@pytest.mark.parametrize(
    "path", ["/../agent.toml", "/v1/..%2f..%2fagent.toml", "/api/v1/%2e%2e/spool.db", "//etc/passwd", "/v1//sendEdoc"]
)
async def test_tricks_with_paths_lead_nowhere(gateway: Gateway, path: str) -> None:
    async with asking(build_app(gateway)) as client:
        answer = await client.get(httpx.URL("http://gateway", raw_path=path.encode()))
    assert answer.status_code not in {301, 302, 307, 308}
    assert answer.status_code >= 400 or answer.json()["status"] == "FAIL"


async def test_a_slash_at_the_end_sends_nobody_elsewhere(gateway: Gateway) -> None:
    async with asking(build_app(gateway)) as client:
        for path in ("/sendEdoc/", "/v1/sendEdoc/", f"{HEALTH}/"):
            assert "location" not in (await client.post(path, headers={"host": "evil.example"})).headers


async def test_a_dialect_that_is_switched_off_is_not_there(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, lgsp={"enabled": False}) as at, opened(at.desk) as gateway:
        async with asking(build_app(gateway)) as client:
            answer = await client.post("/v1/auth/login", json={})
    assert "token" not in answer.text


# ── Exceptions and limits ───────────────────────────────────────────────────────────────────────────────────────────


def guarded(endpoint: Any, **settings: Any) -> ASGIApp:
    log = Log()
    app = Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])
    leave_exceptions_to_guard(app)
    made = Guard(
        app,
        settings=GatewaySettings(**settings),
        answer=lambda told, _: plain_answer(told),
        log=log,
    )
    made.lines = log.lines  # type: ignore[attr-defined]  # for the test to look at
    return made


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **values: self.lines.append({"event": event, "level": level, **values})


async def drain(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def test_an_exception_is_logged_under_an_id_and_its_words_are_shown_to_nobody() -> None:
    async def crash(_: Request) -> Response:
        raise RuntimeError(SECRET)

    app = guarded(crash)
    async with asking(app) as client:
        answer = await client.get("/")
    (line,) = app.lines  # type: ignore[attr-defined]  # see guarded
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert answer.json()["incident"] == line["incident"]
    assert (line["error"], "crash" in line["trace"]) == ("RuntimeError", True)
    assert SECRET not in str(line)


async def test_a_spool_that_is_away_is_told_of_as_something_that_passes() -> None:
    async def away(_: Request) -> Response:
        raise SpoolUnavailable(SECRET)

    async with asking(guarded(away)) as client:
        answer = await client.get("/")
    assert (answer.status_code, SECRET in answer.text) == (503, False)
    assert int(answer.headers["retry-after"]) > 0


async def test_a_body_that_says_that_it_is_too_large_is_not_even_read() -> None:
    async def never(_: Request) -> Response:
        raise AssertionError("read")

    async with asking(guarded(never, body_limit=10)) as client:
        answer = await client.post("/", content=b"x" * 11)
    assert (answer.status_code, answer.json()["ErrorCode"]) == (413, "10")


async def test_a_body_without_a_length_is_cut_at_the_limit() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 3

    async with asking(guarded(drain, body_limit=15)) as client:
        assert (await client.post("/", content=chunks())).text == "15"
    async with asking(guarded(drain, body_limit=14)) as client:
        assert (await client.post("/", content=chunks())).status_code == 413


async def test_a_body_that_stops_or_trickles_is_given_up() -> None:
    async def stops() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async def trickles() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.002)

    for body in (stops, trickles):
        async with asking(guarded(drain, idle_timeout=0.05, slowest=10**6)) as client:
            assert (await client.post("/", content=body())).status_code == 408


async def test_a_busy_gateway_does_not_blame_the_client_for_its_own_slowness() -> None:
    async def busy(request: Request) -> Response:
        await asyncio.sleep(0.1)
        return await drain(request)

    async with asking(guarded(busy, idle_timeout=0.05)) as client:
        assert (await client.post("/", content=b"xyz")).text == "3"


async def test_too_many_headers_are_refused_before_anything_is_done() -> None:
    async with asking(guarded(drain, header_count=20)) as client:
        assert (await client.get("/", headers={f"x-{number}": "1" for number in range(30)})).status_code == 431
        assert (await client.get("/")).status_code == 200


# ── Proxies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def who(request: Request) -> Response:
    assert request.client is not None
    return PlainTextResponse(f"{request.url.scheme} {request.client.host} {client_certificate(request)}")


FORWARDED = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-client-cert": "AB" * 32}


def proxied(**settings: Any) -> ASGIApp:
    return behind_proxies(Starlette(routes=[Route("/", who)]), GatewaySettings(**settings))


@pytest.mark.parametrize("trusted", [(), ("192.0.2.0/24",)])
async def test_nobody_else_is_believed_about_who_the_client_is(trusted: tuple[str, ...]) -> None:
    app = proxied(trusted_proxies=trusted, client_certificate_header="X-Client-Cert" if trusted else "")
    async with asking(app, client=("198.51.100.1", 9)) as client:
        assert (await client.get("/", headers=FORWARDED)).text == "http 198.51.100.1 "


async def test_a_trusted_proxy_is_believed_about_address_scheme_and_certificate() -> None:
    app = proxied(trusted_proxies=("192.0.2.0/24",), client_certificate_header="X-Client-Cert")
    async with asking(app, client=("192.0.2.7", 9)) as client:
        assert (await client.get("/", headers=FORWARDED)).text == f"https 203.0.113.9 {'ab' * 32}"
        twice = [*FORWARDED.items(), ("x-client-cert", "CD" * 32)]
        assert (await client.get("/", headers=twice)).text == "https 203.0.113.9 "


def test_a_passed_certificate_is_read_as_pem_or_as_its_fingerprint() -> None:
    from urllib.parse import quote

    issued = Pki(NOW).issue("Phần mềm")
    wanted = fingerprint_in(quote(issued.cert_pem.decode()).encode())
    assert len(wanted) == 64
    assert fingerprint_in(":".join(wanted[place : place + 2] for place in range(0, 64, 2)).upper().encode()) == wanted
    assert {fingerprint_in(each) for each in (b"", b"x", b"\xff" * 64, b"%00", b"A" * 40_000)} == {""}
    assert STATE
