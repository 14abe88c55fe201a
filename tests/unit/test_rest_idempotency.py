"""The native interface: the same answer under the same Idempotency-Key, whatever happens meanwhile."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.errors import SpoolUnavailable
from agents.gateway.rest.memory import Answered, Open, OtherContent, RestMemory
from edxml_schemas.receipts import ReceiptKind
from tests.support.access import NOW, make_cheap
from tests.support.envelopes import A_PDF
from tests.support.gateway import BOTH
from tests.support.hub_desk import RENAMED
from tests.support.rest_house import RestHouse, as_json, metadata, one_file, problem_of, rest_house

KEEP = timedelta(days=1)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path, rest={"idempotency_keep": KEEP}) as made:
        yield made


async def send(house: RestHouse, body: Any, key: str = "lan-1") -> httpx.Response:
    return await house.post("/documents", json=body, headers={"idempotency-key": key})


async def test_the_same_again_is_one_submission_and_the_same_answer_though_time_has_passed(house: RestHouse) -> None:
    first = await send(house, one_file())
    house.at.clock.move(timedelta(hours=1))
    again = await send(house, one_file())
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert len(house.at.outgoing()) == 1


async def test_the_same_in_another_form_and_order_is_the_same(house: RestHouse) -> None:
    first = await send(house, one_file())
    body = one_file()
    body["metadata"] = dict(reversed(body["metadata"].items()))
    assert (await send(house, body)).content == first.content


@pytest.mark.parametrize(
    "other", [one_file(number="13"), as_json(metadata(), congvan_pdf=A_PDF + b" "), as_json(metadata(), khac_pdf=A_PDF)]
)
async def test_other_content_under_the_key_is_refused_and_sends_nothing(house: RestHouse, other: Any) -> None:
    await send(house, one_file())
    problem_of(await send(house, other), 422, "idempotency-key-reused")
    assert len(house.at.outgoing()) == 1


async def test_twenty_at_once_are_one_submission_with_one_answer(house: RestHouse) -> None:
    answers = await asyncio.gather(*(send(house, one_file()) for _ in range(20)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.content for each in answers}) == 1
    assert len(house.at.outgoing()) == 1


async def test_two_contents_at_once_under_one_key_are_one_submission(house: RestHouse) -> None:
    answers = await asyncio.gather(*(send(house, one_file(number=str(number % 2))) for number in range(10)))
    taken = {each.content for each in answers if each.status_code == 202}
    assert len(taken) == 1
    assert {each.status_code for each in answers} == {202, 422}
    assert len(house.at.outgoing()) == 1


async def test_a_refused_document_may_be_mended_under_its_key(house: RestHouse) -> None:
    problem_of(await send(house, {"metadata": metadata(subject="")}), 422, "refused")
    assert (await send(house, one_file())).status_code == 202


async def test_keys_of_two_systems_have_nothing_to_do_with_each_other(house: RestHouse) -> None:
    await send(house, one_file())
    other = house.key("other")
    answered = await house.call(
        "POST", "/documents", key=other, json=one_file(number="13"), headers={"idempotency-key": "lan-1"}
    )
    assert answered.status_code == 202


@pytest.mark.parametrize("settled", [True, False])
async def test_a_key_for_other_organs_of_the_system_gets_no_answer_that_was_meant_for_the_first(
    house: RestHouse, settled: bool
) -> None:
    first = await send(house, one_file())
    if not settled:  # it died before the answer was kept
        with sqlite3.connect(house.gateway.folder / "rest.db") as connection:
            connection.execute("UPDATE answers SET body = NULL")
    house.gateway.access.revoke(house.key().key_id, now=house.at.clock.now())
    other = house.gateway.access.add(
        name="other", system_id="qlvb", organs=[RENAMED], rights=BOTH, now=house.at.clock.now()
    )
    answered = await house.call("POST", "/documents", key=other, json=one_file(), headers={"idempotency-key": "lan-1"})
    problem_of(answered, 422, "idempotency-key-reused")
    assert first.json()["submission_id"] not in answered.text
    assert len(house.at.outgoing()) == 1


async def test_a_key_is_forgotten_after_its_time(house: RestHouse) -> None:
    await send(house, one_file())
    house.at.clock.move(KEEP + timedelta(seconds=1))
    assert (await send(house, one_file(number="13"))).status_code == 202


async def test_without_a_key_the_same_envelope_is_still_one_submission(house: RestHouse) -> None:
    first = (await house.post("/documents", json=one_file())).json()
    again = (await house.post("/documents", json=one_file())).json()
    assert (first["submission_id"], again["repeated"]) == (again["submission_id"], True)


async def test_after_a_refusal_of_the_hub_a_new_key_sends_anew(house: RestHouse) -> None:
    first = (await send(house, one_file())).json()["submission_id"]
    house.at.answer(first, ReceiptKind.REFUSED)
    assert (await send(house, one_file())).json()["submission_id"] == first
    assert (await send(house, one_file(), key="lan-2")).json()["submission_id"] != first


async def test_a_disk_that_fails_half_way_leaves_the_key_to_the_same_content(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = type(house.gateway.office)
    whole = office.submit

    def lost(self: Any, *arguments: Any, **named: Any) -> None:
        whole(self, *arguments, **named)
        raise SpoolUnavailable("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(office, "submit", lost)
        problem_of(await send(house, one_file()), 503, "unavailable")
    house.at.clock.move(timedelta(minutes=5))
    problem_of(await send(house, one_file(number="13")), 422, "idempotency-key-reused")
    assert (await send(house, one_file())).json()["repeated"] is True
    assert len(house.at.outgoing()) == 1


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_a_key_of_another_form_is_invalid(house: RestHouse, key: str) -> None:
    answered = await house.post("/documents", json=one_file(), headers=[("idempotency-key", key.encode())])
    problem_of(answered, 422, "invalid")


# ── The memory itself ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_is_open_until_it_is_settled_and_keeps_its_first_time(tmp_path: Path) -> None:
    memory = RestMemory.open(tmp_path)
    assert memory.claim("s", "k", "d", now=NOW, keep=KEEP) == Open(NOW)
    assert memory.claim("s", "k", "d", now=NOW + timedelta(hours=1), keep=KEEP) == Open(NOW)
    assert memory.claim("s", "k", "e", now=NOW, keep=KEEP) == OtherContent()
    assert memory.settle("s", "k", "d", b"1") == b"1"
    assert memory.settle("s", "k", "d", b"2") == b"1"
    memory.release("s", "k", "d")
    assert RestMemory.open(tmp_path).claim("s", "k", "d", now=NOW, keep=KEEP) == Answered(b"1")


def test_the_memory_is_nobody_elses_to_read_and_refuses_a_later_version(tmp_path: Path) -> None:
    RestMemory.open(tmp_path)
    path = tmp_path / "rest.db"
    assert path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SpoolUnavailable):
        RestMemory.open(tmp_path)
