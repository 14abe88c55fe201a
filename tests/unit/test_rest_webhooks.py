"""The native interface: webhooks are signed hints, told at least once, in order, and only to whom they concern."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from agents.gateway.access.secrets import Vault
from agents.gateway.callers import Right
from agents.gateway.rest import calling
from agents.gateway.rest.calling import JITTER, RETRY_AFTER, WebhookCaller, retry_after
from agents.gateway.rest.memory import RestMemory, Webhook
from agents.gateway.rest.secrets import WebhookSecrets, is_signed
from agents.gateway.rest.targets import Target
from agents.spool.news import NewsKind
from tests.support.access import make_cheap
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import RENAMED
from tests.support.rest_house import RestHouse, one_file, problem_of, rest_house

URL = "https://hook.example/nhan"


class Receiver:
    """Answers what it is told to, and remembers what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Target, bytes, dict[str, str]]] = []
        self.answers: list[int | Exception] = []
        self.address = "93.184.215.14"

    async def __call__(self, target: Target, body: bytes, headers: dict[str, str]) -> int:
        self.calls.append((target, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002  the port's signature
        return [self.address]

    @property
    def legs(self) -> list[str]:
        return [each["leg_id"] for _, body, _ in self.calls for each in json.loads(body)["events"]]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path, rest={"webhooks_per_key": 2}) as made:
        yield made


def document(number: int, **changes: Any) -> Any:
    return a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", **changes)


async def subscribe(house: RestHouse, **changes: Any) -> dict[str, Any]:
    answered = await house.post("/webhooks", json={"url": URL} | changes)
    assert answered.status_code == 201, answered.text
    told: dict[str, Any] = answered.json()
    return told


def due(house: RestHouse) -> list[Webhook]:
    return list(RestMemory.open(house.gateway.folder).due(now=house.at.clock.now()))


async def call(house: RestHouse, receiver: Receiver) -> int:
    """One round: every webhook whose time has come is called; how many."""
    secrets = WebhookSecrets(Vault.load(house.gateway.folder, may_make=False))
    memory = RestMemory.open(house.gateway.folder)
    caller = WebhookCaller(house.gateway, memory, secrets, resolve=receiver.resolve)
    found = due(house)
    for each in found:
        await caller.call(each, receiver)
    return len(found)


# ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_secret_is_shown_once_and_kept_sealed(house: RestHouse) -> None:
    new = await subscribe(house)
    assert new["secret"].startswith("whsec_")
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert shown == {name: value for name, value in new.items() if name != "secret"}
    stored = b"".join(path.read_bytes() for path in house.gateway.folder.glob("rest.db*"))
    assert new["secret"].removeprefix("whsec_").encode() not in stored


async def test_a_key_sees_and_removes_its_own_webhooks_alone(house: RestHouse) -> None:
    new, other = await subscribe(house), house.key("other")
    place = f"/webhooks/{new['webhook_id']}"
    assert (await house.call("GET", "/webhooks", key=other)).json() == {"webhooks": []}
    problem_of(await house.call("DELETE", place, key=other), 404, "not-found")
    assert (await house.call("DELETE", place)).status_code == 204
    problem_of(await house.call("DELETE", place), 404, "not-found")


async def test_a_key_has_so_many_webhooks(house: RestHouse) -> None:
    for _ in range(2):
        await subscribe(house)
    problem_of(await house.post("/webhooks", json={"url": URL}), 422, "too-many-webhooks")


@pytest.mark.parametrize("url", ["http://hook.example/", "https://a:b@hook.example/", "https://hook.example/#x"])
async def test_an_address_of_the_wrong_form_is_refused_at_once(house: RestHouse, url: str) -> None:
    problem_of(await house.post("/webhooks", json={"url": url}), 422, "webhook-target")


@pytest.mark.parametrize(
    "body", [{}, {"url": 1}, {"url": "ftp://hook.example/x"}, {"url": URL, "kinds": []}, {"url": URL, "kinds": ["x"]}]
)
async def test_a_wrong_subscription_is_invalid(house: RestHouse, body: dict[str, Any]) -> None:
    problem_of(await house.post("/webhooks", json=body), 422, "invalid")


# ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_is_signed_and_says_only_where_to_look(house: RestHouse) -> None:
    new, receiver = await subscribe(house), Receiver()
    leg = house.at.deliver(document(1))
    await call(house, receiver)
    ((target, body, headers),) = receiver.calls
    assert (target.host, headers["Host"]) == ("hook.example", "hook.example")
    signed: dict[str, Any] = {
        "message_id": headers["webhook-id"],
        "timestamp": int(headers["webhook-timestamp"]),
        "body": body,
    }
    assert is_signed(new["secret"], headers["webhook-signature"], **signed)
    assert not is_signed(new["secret"], headers["webhook-signature"], **signed | {"body": body + b" "})
    assert not is_signed(new["secret"], headers["webhook-signature"], **signed | {"timestamp": 0})
    assert int(headers["webhook-timestamp"]) == int(house.at.clock.now().timestamp())
    told = json.loads(body)
    assert (told["webhook_id"], [each["leg_id"] for each in told["events"]]) == (new["webhook_id"], [leg])
    assert set(told["events"][0]) == {"id", "kind", "organ", "leg_id", "submission_id", "at"}


async def test_it_hears_of_what_is_new_since_it_subscribed_and_once(house: RestHouse) -> None:
    house.at.deliver(document(1))
    await subscribe(house)
    receiver, leg = Receiver(), house.at.deliver(document(2))
    for _ in range(3):
        await call(house, receiver)
    assert receiver.legs == [leg]
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert shown["delivered_at"]


async def test_it_hears_of_the_kinds_that_it_wants_and_the_organs_of_its_key(house: RestHouse) -> None:
    key = house.key("one", organs=[RENAMED])
    await house.call("POST", "/webhooks", key=key, json={"url": URL, "kinds": ["inbox"]})
    await subscribe(house, kinds=["receipt"])
    receiver = Receiver()
    house.at.deliver(document(1))
    leg = house.at.deliver(document(2, recipients=(an_organ(RENAMED),)), recipient=RENAMED)
    sent = (await house.post("/documents", json=one_file())).json()["submission_id"]
    house.at.answer(sent)
    await call(house, receiver)
    told = [each for _, body, _ in receiver.calls for each in json.loads(body)["events"]]
    assert sorted((each["kind"], each["leg_id"] or each["submission_id"]) for each in told) == [
        ("inbox", leg),
        ("receipt", sent),
    ]


@pytest.mark.parametrize(
    "answer",
    [500, 404, 301, 302, 100, httpx.ConnectError("x"), httpx.ReadTimeout("x"), TimeoutError(), httpx.InvalidURL("x")],
)
async def test_what_is_not_taken_is_told_again_under_the_same_id_later(
    house: RestHouse, answer: int | Exception
) -> None:
    await subscribe(house)
    receiver, leg = Receiver(), house.at.deliver(document(1))
    receiver.answers = [answer]
    await call(house, receiver)
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert (shown["attempts"], shown["delivered_at"]) == (1, None)
    assert shown["problem"]
    assert await call(house, receiver) == 0
    house.at.clock.move(timedelta(seconds=10))
    assert await call(house, receiver) == 1
    assert receiver.legs == [leg, leg]
    assert receiver.calls[0][2]["webhook-id"] == receiver.calls[1][2]["webhook-id"]
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert (shown["attempts"], shown["problem"]) == (0, "")


async def test_what_nobody_expected_is_a_failed_try_and_the_log_gets_its_kind_alone(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("Nội dung mật")

    await subscribe(house)
    house.at.deliver(document(1))
    monkeypatch.setattr(calling, "news_since", broken)
    with capture_logs() as logs:
        await call(house, Receiver())
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert (shown["attempts"], shown["problem"]) == (1, "KeyError")
    assert [each["problem"] for each in logs if each["event"] == "webhook.not-taken"] == ["KeyError"]
    assert "mật" not in repr(logs)


async def test_a_receiver_that_was_away_long_hears_everything_in_order(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "BATCH", 2)
    await subscribe(house)
    receiver = Receiver()
    receiver.answers = [204, 500]
    legs = [house.at.deliver(document(number)) for number in range(5)]
    await call(house, receiver)
    house.at.clock.move(timedelta(hours=2))
    await call(house, receiver)
    assert receiver.legs == [*legs[:2], *legs[2:4], *legs[2:4], legs[4]]


async def test_a_receiver_that_is_gone_for_good_is_called_no_more(house: RestHouse) -> None:
    await subscribe(house)
    receiver = Receiver()
    receiver.answers = [410]
    house.at.deliver(document(1))
    await call(house, receiver)
    assert (await house.get("/webhooks")).json() == {"webhooks": []}


async def test_a_webhook_ends_with_its_key(house: RestHouse) -> None:
    key = house.key("gone", rights=[Right.READ])
    await house.call("POST", "/webhooks", key=key, json={"url": URL})
    house.gateway.access.revoke(key.key_id, now=house.at.clock.now())
    receiver = Receiver()
    house.at.deliver(document(1))
    await call(house, receiver)
    assert receiver.calls == []
    assert due(house) == []


async def test_a_host_that_moves_to_this_machine_is_not_called(house: RestHouse) -> None:
    await subscribe(house)
    receiver = Receiver()
    receiver.address = "127.0.0.1"
    house.at.deliver(document(1))
    await call(house, receiver)
    assert receiver.calls == []
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    assert "loopback" in shown["problem"]


@pytest.mark.parametrize("attempts", range(1, 12))
def test_waits_grow_to_an_hour_and_differ_by_chance(attempts: int) -> None:
    usual = RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
    assert retry_after(attempts, chance=0.5) == usual
    assert retry_after(attempts, chance=0) == usual * (1 - JITTER)
    assert retry_after(attempts, chance=1) == usual * (1 + JITTER)
    assert retry_after(attempts + 1, chance=0.5) >= usual


def test_a_secret_signs_as_standard_webhooks_says() -> None:
    """The example of the specification's libraries."""
    signed: dict[str, Any] = {
        "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "timestamp": 1614265330,
        "body": b'{"test": 2432232314}',
    }
    header = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert is_signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", f"v1,eA== {header}", **signed)
    assert set(NewsKind) == {"inbox", "status", "receipt"}
