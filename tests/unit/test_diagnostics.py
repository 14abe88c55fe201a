"""/-/versions and /-/settings: for the hub's operators, and never a secret."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from router.adapters.diagnostics import DiagnosticsDoor, redacted_settings
from router.adapters.private_paths import PrivatePaths
from router.ports import StoreUnavailable
from router.settings import Settings

TOKEN = "a-token-of-16-characters"
SECRET = "s3cret"


def database() -> Mapping[str, str]:
    return {"kind": "sqlite", "tables": "0007"}


async def ask(path: str, *, address: str = "127.0.0.1", facts: Any = database, **headers: str) -> httpx.Response:
    guard = PrivatePaths([ip_network("127.0.0.0/8"), ip_network("::1/128")], token=TOKEN)
    settings = Settings(amqp_url=f"amqp://hub:{SECRET}@broker/").shown()
    door = DiagnosticsDoor(guard, settings=settings, database=facts)
    transport = httpx.ASGITransport(app=Starlette(routes=[*door.routes()]), client=(address, 5))
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        return await client.get(path, headers=[*sent.items()])


@pytest.mark.parametrize("path", ["/-/versions", "/-/settings"])
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("10.0.0.1", {}, 401),
        ("nowhere", {}, 401),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}, 401),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, 401),
        ("10.0.0.1", {"authorization": f"Bearer {TOKEN}"}, 200),
        ("127.0.0.1", {"x_forwarded_for": "10.0.0.1", "authorization": f"Bearer {TOKEN}"}, 200),
        ("10.0.0.1", {"authorization": "Bearer "}, 401),
        ("10.0.0.1", {"authorization": f"Basic {TOKEN}"}, 401),
    ],
)
async def test_who_may_ask(path: str, address: str, headers: dict[str, str], status: int) -> None:
    assert (await ask(path, address=address, **headers)).status_code == status


async def test_without_a_token_set_no_token_helps() -> None:
    guard = PrivatePaths([], token="")
    app = Starlette(routes=[*DiagnosticsDoor(guard, settings={}, database=database).routes()])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        assert (await client.get("/-/settings", headers={"Authorization": "Bearer "})).status_code == 401


async def test_versions_name_hub_python_database_and_libraries() -> None:
    told = (await ask("/-/versions")).json()
    assert told["hub"]
    assert told["database"]["tables"] == "0007"
    assert {"sqlalchemy", "cryptography", "lxml"} <= set(told["libraries"])


async def test_a_database_that_is_away_leaves_the_other_versions() -> None:
    def gone() -> Mapping[str, str]:
        raise StoreUnavailable("no connection")

    answer = await ask("/-/versions", facts=gone)
    assert answer.status_code == 200
    assert answer.json()["database"] == {"problem": "no connection"}


async def test_settings_are_shown_without_their_secrets() -> None:
    answer = await ask("/-/settings")
    assert SECRET not in answer.text
    assert answer.json()["amqp_url"] == "amqp://hub:…@broker/"
    assert answer.json()["alarms"]["repeat_hours"] == 6.0
    assert answer.headers["cache-control"] == "no-store"


def test_every_kind_of_secret_is_hidden_wherever_it_stands() -> None:
    shown = redacted_settings(
        {
            "password": SECRET,
            "oidc": {"client_secret": SECRET, "issuer": f"https://u:{SECRET}@sso.vn/x?k={SECRET}"},
            "tokens": [SECRET, ""],
            "alarms": {
                "webhook_urls": [f"https://hooks.vn/{SECRET}"],
                "mail_password_from": "env:ALARM_PASSWORD",
                "webhook_secret_from": "file:hook.secret",
            },
            "secrecy": {"refuse": True, "text": ["MẬT"]},
            "workers": 2,
        }
    )
    assert SECRET not in str(shown)
    assert shown["alarms"]["mail_password_from"] == "env:ALARM_PASSWORD"
    assert shown["secrecy"] == {"refuse": True, "text": ["MẬT"]}
    assert shown["workers"] == 2
