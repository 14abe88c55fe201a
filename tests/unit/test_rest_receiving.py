"""The native interface: the inbox, leases, the bytes and the files, and what is said about them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.gateway.callers import Right
from agents.gateway.rest.content import disposition
from edxml_schemas.attachments import pack_attachment
from edxml_schemas.model import Reference
from tests.support.access import make_cheap
from tests.support.envelopes import A_PDF, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import H41, RENAMED
from tests.support.rest_house import RestHouse, problem_of, rest_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path) as made:
        yield made


def document(number: int, **changes: Any) -> Any:
    return a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", **changes)


def with_files(*files: tuple[str, bytes], **changes: Any) -> Any:
    packed = [
        pack_attachment(name, content, content_id=f"tep-{index}", description=name, **changes)
        for index, (name, content) in enumerate(files)
    ]
    listed = [
        Reference(content_id=each.content_id, content_type=each.content_type, attachment_name=each.attachment_name)
        for each in packed
    ]
    return document(1, attachments=tuple(packed), manifest=tuple(listed))


async def listed(house: RestHouse, **params: Any) -> list[str]:
    page = (await house.get("/inbox", params=params)).json()
    return [each["leg_id"] for each in page["items"]]


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_inbox_tells_what_came_and_for_whom(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    (item,) = (await house.get("/inbox")).json()["items"]
    assert (item["leg_id"], item["from"], item["to"], item["kind"], item["state"]) == (
        leg,
        SENDER,
        H41,
        "document",
        "new",
    )
    assert item["document_id"] == f"{SENDER},2026/09/30,1/VPCP"


async def test_filters_choose_by_organ_kind_taking_and_time(house: RestHouse) -> None:
    one = house.at.deliver(document(1))
    house.at.clock.move(timedelta(hours=1))
    since = house.at.clock.now().isoformat()
    other = house.at.deliver(document(2, recipients=(an_organ(RENAMED),)), recipient=RENAMED)
    status = house.at.deliver(a_status(sender=an_organ(SENDER)))
    await house.post(f"/inbox/{one}/ack")
    assert await listed(house) == [other, status]
    assert await listed(house, organ=RENAMED) == [other]
    assert await listed(house, kind="status") == [status]
    assert await listed(house, taken="true") == [one]
    assert await listed(house, taken="any") == [one, other, status]
    assert await listed(house, taken="any", since=since) == [other, status]
    assert await listed(house, taken="any", until=since) == [one]
    assert await listed(house, state="done") == [one]
    await house.post(f"/inbox/{other}/lease")
    assert await listed(house, state="processing") == [other]
    assert await listed(house, state="new") == [status]


async def test_pages_show_everything_once_while_more_comes_and_goes(house: RestHouse) -> None:
    legs = [house.at.deliver(document(number)) for number in range(5)]
    page = (await house.get("/inbox?limit=2")).json()
    seen = [each["leg_id"] for each in page["items"]]
    legs.append(house.at.deliver(document(9)))
    await house.post(f"/inbox/{seen[0]}/ack")
    while page["next"] is not None:
        page = (await house.get("/inbox", params={"limit": 2, "cursor": page["next"]})).json()
        seen += [each["leg_id"] for each in page["items"]]
    assert seen == legs


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 501}, {"kind": "x"}, {"taken": "x"}, {"state": "x"}, {"since": "2026-10-01T00:00:00"}],
)
async def test_a_wrong_filter_is_named(house: RestHouse, params: dict[str, Any]) -> None:
    told = problem_of(await house.get("/inbox", params=params), 422, "invalid")
    assert told["findings"][0]["where"] == f"query.{next(iter(params))}"


# ── Leases ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lease_keeps_other_keys_away_until_it_ends(house: RestHouse) -> None:
    leg, other = house.at.deliver(document(1)), house.key("other")
    lease = await house.post(f"/inbox/{leg}/lease", json={"seconds": 60})
    assert lease.json()["item"]["state"] == "processing"
    assert lease.json()["lease_until"]
    for method, path in [("POST", "lease"), ("POST", "ack"), ("GET", "envelope"), ("GET", "files/1")]:
        told = problem_of(await house.call(method, f"/inbox/{leg}/{path}", key=other), 409, "leased")
        assert "2026-10-01T02:01:00" in told["detail"]
    assert (await house.post(f"/inbox/{leg}/lease")).status_code == 200
    house.at.clock.move(timedelta(days=1))
    assert (await house.call("POST", f"/inbox/{leg}/ack", key=other)).status_code == 200


async def test_a_lease_on_what_was_taken_says_so(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    await house.post(f"/inbox/{leg}/ack")
    told = (await house.post(f"/inbox/{leg}/lease")).json()
    assert (told["item"]["state"], told["lease_until"]) == ("done", None)


# ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_envelope_is_what_its_sender_signed(house: RestHouse) -> None:
    content = house.at.hub.signed(document(1))
    leg = house.at.deliver(content)
    answered = await house.get(f"/inbox/{leg}/envelope")
    assert answered.content == content
    assert answered.headers["content-type"] == "application/xml"
    item = (await house.get(f"/inbox/{leg}")).json()["item"]
    assert answered.headers["etag"] == f'"{item["digest"]}"'
    assert item["state"] == "processing"


async def test_files_are_told_of_and_handed_out_unzipped_under_safe_names(house: RestHouse) -> None:
    files = (("Công văn.pdf", A_PDF), ("../công văn.PDF", A_PDF + b"2"), ('a"b\r\nX: y.html', b"<script>"))
    leg = house.at.deliver(with_files(*files, zipped=True))
    told = (await house.get(f"/inbox/{leg}/files")).json()["files"]
    assert [each["name"] for each in told] == ["Công văn.pdf", "công văn (2).PDF", "a_bX_ y.html"]
    assert all(each["zipped"] for each in told)
    for each, (_, content) in zip(told, files, strict=True):
        answered = await house.get(f"/inbox/{leg}/files/{each['number']}")
        assert answered.content == content
        assert each["size"] == len(content)
        assert answered.headers["content-disposition"].startswith("attachment; ")
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "x" not in answered.headers
    for number in ("4", "100000"):
        problem_of(await house.get(f"/inbox/{leg}/files/{number}"), 404, "not-found")
    problem_of(await house.get(f"/inbox/{leg}/files/0"), 422, "invalid")


async def test_a_status_and_what_nobody_can_read_have_no_files(house: RestHouse) -> None:
    for leg in (house.at.deliver(a_status(sender=an_organ(SENDER))), house.at.deliver(b"<edXML/>")):
        assert (await house.get(f"/inbox/{leg}/files")).json() == {"files": []}
        problem_of(await house.get(f"/inbox/{leg}/files/1"), 404, "not-found")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("Đề án.pdf", "attachment; filename=\"De an.pdf\"; filename*=UTF-8''%C4%90%E1%BB%81%20%C3%A1n.pdf"),
        ('a"\\;%\r\n.x', "attachment; filename=\"a______.x\"; filename*=UTF-8''a%22%5C%3B%25%0D%0A.x"),
    ],
)
def test_a_file_name_travels_as_rfc_6266_says(name: str, header: str) -> None:
    assert disposition(name) == header


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_acknowledgement_tells_the_sender_once_that_it_arrived(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    first, again = [(await house.post(f"/inbox/{leg}/ack")).json() for _ in range(2)]
    assert first == {"leg_id": leg, "state": "done", "repeated": False}
    assert again == {"leg_id": leg, "state": "done", "repeated": True}
    assert house.at.codes_said(leg) == ["01"]
    assert await listed(house) == []


async def test_a_failure_tells_the_sender_why(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    problem_of(await house.post(f"/inbox/{leg}/fail", json={"reason": " "}), 422, "invalid")
    assert (await house.post(f"/inbox/{leg}/fail", json={"reason": "Gửi nhầm"})).json()["state"] == "fail"
    assert house.at.codes_said(leg) == ["02"]


async def test_statuses_are_sent_once_each_and_shown_in_the_history(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    staff = {"department": "Văn phòng", "staff": "Nguyễn Văn A"}
    for code in ("03", "05", "05", "06"):
        answered = await house.post(f"/inbox/{leg}/statuses", json={"status_code": code, "staff": staff})
        assert answered.status_code == 202
    told = (await house.get(f"/inbox/{leg}")).json()
    assert [each["status_code"] for each in told["said"]] == ["01", "03", "05", "06"]
    assert b"Nguy\xe1\xbb\x85n V\xc4\x83n A" in house.at.spool.envelope(house.at.outgoing()[-1].digest)


async def test_what_the_sender_says_later_is_heard(house: RestHouse) -> None:
    original = document(1)
    leg = house.at.deliver(original)
    recall = a_status(
        sender=an_organ(SENDER),
        status_code="13",
        response_for=a_status().response_for.__class__(organ_id=H41, document_id=original.document_id),
    )
    house.at.deliver(recall)
    told = (await house.get(f"/inbox/{leg}")).json()
    assert [each["status_code"] for each in told["heard"]] == ["13"]
    answered = await house.post(f"/inbox/{leg}/statuses", json={"status_code": "15"})
    assert answered.status_code == 202


async def test_a_status_that_needs_a_reason_or_is_the_senders_is_refused(house: RestHouse) -> None:
    leg = house.at.deliver(document(1))
    for code, finding in (("02", "status.reason-required"), ("13", "status.not-sender")):
        told = problem_of(await house.post(f"/inbox/{leg}/statuses", json={"status_code": code}), 422, "refused")
        assert told["findings"][0]["code"] == finding


async def test_who_may_only_read_sees_the_list_and_the_history_and_no_bytes(house: RestHouse) -> None:
    leg, reader = house.at.deliver(document(1)), house.key("reader", rights=[Right.READ])
    for path in ("/inbox", f"/inbox/{leg}", "/documents", "/whoami", "/recipients"):
        assert (await house.call("GET", path, key=reader)).status_code == 200
    for method, path in (("GET", "envelope"), ("GET", "files"), ("POST", "ack"), ("POST", "lease")):
        problem_of(await house.call(method, f"/inbox/{leg}/{path}", key=reader), 403, "forbidden")
    answered = await house.call("POST", f"/inbox/{leg}/statuses", key=reader, json={"status_code": "03"})
    problem_of(answered, 403, "forbidden")
    assert house.at.codes_said(leg) == []
