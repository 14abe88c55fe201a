"""The native interface: who am I, who can be written to, is this right, does the link work."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import edxml_schemas
from agents.gateway.callers import Right
from agents.gateway.rest import around
from agents.selftest import SelfTestBusy
from agents.selftest_report import Hop, HopFault, SelfTestReport
from edxml_schemas.cli import app as edxml
from tests.support.access import NOW, make_cheap
from tests.support.envelopes import A_PDF, SENDER, a_document, an_organ
from tests.support.hub_desk import H41, RENAMED
from tests.support.organ_lists import HEALTH, SMALL, STATION, refill
from tests.support.rest_house import RestHouse, metadata, one_file, problem_of, rest_house

SAMPLES = {
    each: each.read_bytes() for each in sorted((Path(edxml_schemas.__file__).parent / "samples").glob("*.edxml"))
}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path) as made:
        yield made


async def test_a_key_is_told_who_it_is_and_what_it_may_do(house: RestHouse) -> None:
    key = house.key("doc", organs=[H41], rights=[Right.RECEIVE], per_minute=120)
    told = (await house.call("GET", "/whoami", key=key)).json()
    assert told == {
        "key_id": key.key_id,
        "system_id": "doc",
        "organs": [{"organ_id": H41, "name": f"Cơ quan {H41}"}],
        "rights": ["receive", "read"],
        "per_minute": 120,
        "agent": "nghean",
        "time": "2026-10-01T02:00:00Z",
    }


# ── Recipients ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_recipients_are_found_without_diacritics_page_by_page(house: RestHouse) -> None:
    refill(house.gateway.directory, SMALL, version=1)
    found = (await house.get("/recipients", params={"q": "so y te"})).json()
    assert [(each["organ_id"], each["name"]) for each in found["items"]] == [(HEALTH.code, HEALTH.name)]
    seen: list[str] = []
    params: dict[str, Any] = {"q": "y te", "limit": 1}
    while True:
        page = (await house.get("/recipients", params=params)).json()
        seen += [each["organ_id"] for each in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert seen == [HEALTH.code, STATION.code]


async def test_a_cursor_that_no_search_gave_is_a_problem(house: RestHouse) -> None:
    problem_of(await house.get("/recipients", params={"q": "a", "cursor": "abc"}), 400, "cursor")


# ── The dry run ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sample", list(SAMPLES), ids=lambda each: each.name)
async def test_a_dry_run_says_exactly_what_edxml_check_says(house: RestHouse, sample: Path) -> None:
    (checked,) = json.loads(CliRunner().invoke(edxml, ["check", str(sample), "--json"]).output)
    answered = await house.post("/validate", files=[("envelope", (str(sample), SAMPLES[sample]))])
    assert answered.status_code == 200
    assert answered.json() == checked
    bare = await house.post("/validate", content=SAMPLES[sample], headers={"content-type": "application/xml"})
    assert bare.json() == checked | {"file": "envelope"}


async def test_a_dry_run_of_a_draft_judges_what_would_be_packaged_and_sends_nothing(house: RestHouse) -> None:
    told = (await house.post("/validate", json=one_file())).json()
    assert told["verdict"] == "accepted-if-signed"
    assert told["document"]["to"] == [SENDER]
    problem_of(await house.post("/validate", json={"metadata": {"to": []}}), 422, "refused")
    assert house.at.outgoing() == []


async def test_a_dry_run_of_nothing_is_a_verdict_too(house: RestHouse) -> None:
    told = (await house.post("/validate", content=b"", headers={"content-type": "application/xml"})).json()
    assert (told["verdict"], told["schema"][0]["code"]) == ("refused", "xml.empty")


async def test_a_large_dry_run_waits_for_its_turn(house: RestHouse) -> None:
    files = [("files", ("a.pdf", A_PDF + bytes(2**20)))]
    answered = await house.post("/validate", data={"metadata": json.dumps(metadata())}, files=files)
    assert answered.json()["verdict"] == "accepted-if-signed"
    envelope = house.at.hub.signed(a_document(sender=an_organ(H41), content="a" * 2**21))
    answered = await house.post("/validate", content=envelope, headers={"content-type": "text/xml"})
    assert answered.json()["verdict"] == "refused"


# ── The self-test ───────────────────────────────────────────────────────────────────────────────────────────────────


def report(**asked: Any) -> SelfTestReport:
    fault = HopFault(hop=Hop.PUBLISHED, vi="Tác nhân chưa chạy.", en="The agent does not run.")
    return SelfTestReport(
        submission_id="kiemtra-1",
        document_id="x",
        sender=asked["sender"],
        to=asked["to"],
        started_at=NOW,
        took=1.5,
        hops=(),
        fault=fault,
    )


async def test_a_selftest_goes_out_for_an_organ_of_the_key_and_tells_every_hop(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    async def run(_: object, **what: Any) -> SelfTestReport:
        asked.append(what)
        return report(**what)

    monkeypatch.setattr(around, "run_selftest", run)
    key = house.key("one", organs=[RENAMED])
    told = (await house.call("POST", "/selftest", key=key, json={"to": "robot", "timeout": 5})).json()
    assert asked == [{"to": "robot", "sender": RENAMED, "timeout": 5.0}]
    assert (told["ok"], told["from"], told["fault"]["hop"]) == (False, RENAMED, "published")
    assert len(told["hops"]) == len(Hop)
    problem_of(await house.call("POST", "/selftest", key=key, json={"sender": H41}), 403, "forbidden")


async def test_a_selftest_on_the_heels_of_another_is_told_when_to_come_back(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object, **__: object) -> SelfTestReport:
        raise SelfTestBusy(4.2)

    monkeypatch.setattr(around, "run_selftest", busy)
    answered = await house.post("/selftest")
    problem_of(answered, 429, "rate-limited")
    assert answered.headers["retry-after"] == "5"


async def test_a_selftest_to_nobody_is_told_what_to_set(house: RestHouse) -> None:
    told = problem_of(await house.post("/selftest"), 422, "invalid")
    assert "selftest_organ" in told["findings"][0]["message"]["vi"]


@pytest.mark.parametrize("body", [{"timeout": 0}, {"timeout": 121}, {"timeout": 1e400}, {"to": ""}, {"other": 1}])
async def test_a_selftest_asked_for_wrongly_is_invalid(house: RestHouse, body: dict[str, Any]) -> None:
    text = json.dumps(body).replace("Infinity", "1e400")
    answered = await house.post("/selftest", content=text, headers={"content-type": "application/json"})
    problem_of(answered, 422, "invalid")
