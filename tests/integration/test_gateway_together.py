"""Gateways of two agencies and the hub between them: letters travel, and each system sees its own alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.gateway.access import NewKey
from agents.gateway.callers import Right
from agents.memory_link import MemoryLink
from edxml_schemas.model import Document
from router.adapters.memory_broker import MemoryBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running
from tests.support.envelopes import SENDER, a_document, an_organ, envelope_bytes
from tests.support.gateway import GatewayDesk, Serving, gateway_desk, serving
from tests.support.hub_desk import H41, RENAMED
from tests.support.waiting import until

LETTER = a_document(recipients=(an_organ(H41),))
XML = {"content-type": "application/xml"}


def bearer(key: NewKey) -> dict[str, str]:
    return {"authorization": f"Bearer {key.token}"}


async def lgsp_of(gateway: Serving, key: NewKey) -> dict[str, str]:
    """What a client of dialect B sends with every call, after it has logged in under its system id."""
    who = {"username": key.system_id, "password": key.password, "applicationCode": "QLVB", "otp": None}
    answer = await gateway.client.post("/v1/auth/login?allow_anonymous=true", json=who)
    token = answer.json()["data"]["token"]
    return {"authorization": f"Bearer {token}", "x-systemid": key.system_id, "x-secretkey": key.secret}


@dataclass(slots=True)
class Country:
    """A hub, and two agencies whose document systems speak HTTP."""

    sender: Serving
    recipient: Serving
    small: SmallHub


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[tuple[GatewayDesk, GatewayDesk]]:
    hub = hub_desk.Desk()
    with gateway_desk(tmp_path, agent="vpcp", hub=hub) as one, gateway_desk(tmp_path, agent="nghean", hub=hub) as two:
        yield one, two


@asynccontextmanager
async def country(desks: tuple[GatewayDesk, GatewayDesk]) -> AsyncIterator[Country]:
    one, two = desks
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    small = SmallHub(one.hub, broker)

    def link(name: str) -> MemoryLink:
        return MemoryLink(broker, agent=name, user_id=name)

    async with (
        running(small.run()),
        serving(one, link=link("vpcp")) as sender,
        serving(two, link=link("nghean")) as recipient,
    ):
        yield Country(sender, recipient, small)


async def came(gateway: Serving, key: NewKey) -> list[dict[str, Any]]:
    answer = await gateway.client.get("/api/v1/inbox", headers=bearer(key))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_letter_travels_from_one_document_system_to_another_and_its_arrival_back(
    desks: tuple[GatewayDesk, GatewayDesk],
) -> None:
    async with country(desks) as at:
        sending, receiving = at.sender.add_key(), at.recipient.add_key()
        content = envelope_bytes(LETTER)
        offered = await at.sender.client.post("/api/v1/documents", content=content, headers=bearer(sending) | XML)
        assert offered.status_code == 202, offered.text
        submission = next(iter(desks[0].outgoing())).submission_id

        async def arrived() -> bool:
            return bool(await came(at.recipient, receiving))

        await until(arrived)
        (item,) = await came(at.recipient, receiving)
        leg = item["leg_id"]
        envelope = await at.recipient.client.get(f"/api/v1/inbox/{leg}/envelope", headers=bearer(receiving))
        kept = desks[0].spool.submission(submission)
        assert kept is not None
        assert envelope.content == desks[0].spool.envelope(kept.digest)
        assert desks[0].spool.statuses_about(submission_id=submission) == []
        await at.recipient.client.post(f"/api/v1/inbox/{leg}/ack", headers=bearer(receiving))

        async def told() -> bool:
            said = desks[0].spool.statuses_about(submission_id=submission)
            return [each.status_code for each in said] == ["01"]

        await until(told)
        assert await came(at.recipient, receiving) == []


async def test_of_two_systems_in_two_dialects_one_gets_the_letter_and_the_other_is_told(
    desks: tuple[GatewayDesk, GatewayDesk],
) -> None:
    at = desks[1]
    leg = at.deliver(LETTER)
    async with serving(at) as gateway:
        one, other = gateway.add_key("qlvb"), gateway.add_key("kho-luu-tru", username="kho-luu-tru")
        first = await gateway.client.get(f"/api/v1/inbox/{leg}/envelope", headers=bearer(one))
        assert first.status_code == 200
        second = await gateway.client.get("/v1/getEdoc", params={"docId": leg}, headers=await lgsp_of(gateway, other))
        assert second.json()["success"] is False
        assert not (second.json().get("data") or {}).get("edxml")
        await gateway.client.post(f"/api/v1/inbox/{leg}/ack", headers=bearer(one))
        third = await gateway.client.get("/v1/getEdoc", params={"docId": leg}, headers=await lgsp_of(gateway, other))
        assert third.json()["success"] is True


async def test_many_systems_that_ask_at_once_get_it_once(desks: tuple[GatewayDesk, GatewayDesk]) -> None:
    at = desks[1]
    leg = at.deliver(LETTER)
    async with serving(at) as gateway:
        keys = [gateway.add_key(f"system-{number}") for number in range(6)]

        async def ask(key: NewKey) -> httpx.Response:
            return await gateway.client.get(f"/api/v1/inbox/{leg}/envelope", headers=bearer(key))

        answers = await asyncio.gather(*map(ask, keys))
    assert sorted(each.status_code for each in answers) == [200] + [409] * 5
    assert sum(each.content.startswith(b"<?xml") for each in answers) == 1


@pytest.mark.parametrize("call", ["inbox/{leg}", "inbox/{leg}/envelope", "inbox/{leg}/files", "documents/{sent}"])
async def test_a_key_of_another_organ_learns_nothing_not_even_that_something_is_there(
    desks: tuple[GatewayDesk, GatewayDesk], call: str
) -> None:
    at = desks[1]
    leg = at.deliver(LETTER)
    own: Document = replace(LETTER, sender=an_organ(H41), recipients=(an_organ(SENDER),), document_id="")
    async with serving(at) as gateway:
        key = gateway.add_key("qlvb")
        stranger = gateway.add_key("other", organs=[RENAMED])
        answer = await gateway.client.post(
            "/api/v1/documents",
            content=envelope_bytes(replace(own, document_id=f"{H41},2026/09/30,7816/VPCP-TTĐT")),
            headers=bearer(key) | XML,
        )
        assert answer.status_code == 202, answer.text
        sent = answer.json()["submission_id"]
        there = await gateway.client.get("/api/v1/" + call.format(leg=leg, sent=sent), headers=bearer(stranger))
        nowhere = await gateway.client.get("/api/v1/" + call.format(leg="no", sent="no"), headers=bearer(stranger))
        assert there.status_code == nowhere.status_code == 404
        shape = {"instance": None}
        assert there.json() | shape == nowhere.json() | shape
        assert await came(gateway, stranger) == []
        assert (await gateway.client.get("/api/v1/documents", headers=bearer(stranger))).json()["items"] == []


async def test_nobody_sends_in_the_name_of_an_organ_that_the_key_does_not_name(
    desks: tuple[GatewayDesk, GatewayDesk],
) -> None:
    at = desks[0]
    async with serving(at) as gateway:
        foreign = gateway.add_key(rights=[Right.SEND])
        content = envelope_bytes(replace(LETTER, sender=an_organ(H41)))
        answer = await gateway.client.post("/api/v1/documents", content=content, headers=bearer(foreign) | XML)
        lgsp = gateway.add_key("qlvb-2", username="qlvb-2")
        form = {"edocFile": ("van-ban.edxml", content, "application/xml")}
        second = await gateway.client.post("/v1/sendEdoc", files=form, headers=await lgsp_of(gateway, lgsp))
    assert answer.status_code == 422
    assert second.json()["success"] is False
    assert at.outgoing() == []
