"""What `truc trace` knows of a document."""

import json
from datetime import timedelta
from typing import Any

import pytest

from router.services.tracing import as_dict, trace
from tests.support.envelopes import a_document, a_status
from tests.support.hub_desk import H14, H41, NOW, Desk


@pytest.fixture
def traced() -> dict[str, Any]:
    """The JSON of a document with two recipients, one of which has said 01 and 03."""
    desk = Desk()
    settled = desk.send(a_document())
    desk.confirm(settled.outbox)
    desk.report(desk.leg(settled.message, H41))
    for minutes, code in ((1, "01"), (2, "03")):
        then = NOW + timedelta(minutes=minutes)
        desk.settle(desk.submission(a_status(status_code=code), received_at=then), now=then)
    (found,) = trace(desk.store, settled.message.id)
    back: dict[str, Any] = json.loads(json.dumps(as_dict(found)))
    return back


def test_the_matrix_has_a_row_for_every_recipient(traced: dict[str, Any]) -> None:
    assert [(row["recipient"], row["state"], row["status"]) for row in traced["matrix"]] == [
        (H41, "delivered", "03"),
        (H14, "handed-over", ""),
    ]
    first, second = traced["matrix"]
    assert [each["code"] for each in first["statuses"]] == ["01", "03"]
    assert first["status_text"] == {"vi": "Đã tiếp nhận", "en": "received"}
    assert second["delivered_at"] is None


def test_the_timeline_tells_everything_in_order_and_in_words(traced: dict[str, Any]) -> None:
    names = [each["name"] for each in traced["timeline"]]
    assert names[:3] == ["message.accepted", "leg.queued", "leg.queued"]
    assert names[-3:] == ["leg.delivered", "leg.status", "leg.status"]
    assert all(each["text"]["vi"] and each["text"]["en"] for each in traced["timeline"])
    assert traced["timeline"][1]["recipient"] == H41


def test_statuses_are_related_to_their_document_and_back(traced: dict[str, Any]) -> None:
    assert [each["status_code"] for each in traced["related"]] == ["01", "03"]
    assert traced["original"] is None


def test_a_status_tells_which_document_it_is_about() -> None:
    desk = Desk()
    document = desk.accept(a_document())
    status = desk.accept(a_status())
    (found,) = trace(desk.store, status.id)
    assert found.original == desk.store.message(document.id)


@pytest.mark.parametrize("query", ["7816", "7816/VPCP-TTĐT", a_document().document_id, H14, "lan-gui-1"])
def test_a_document_is_found_by_what_people_know_of_it(query: str) -> None:
    desk = Desk()
    document = desk.accept(a_document())
    assert document.id in [each.message.id for each in trace(desk.store, query)]


def test_a_refusal_is_traced_with_its_findings_in_both_languages() -> None:
    desk = Desk()
    message = desk.send(b"hello").message
    (found,) = trace(desk.store, message.id)
    (finding,) = as_dict(found)["message"]["findings"]  # type: ignore[index]  # JSON is made of objects
    assert finding["message"]["vi"]
    assert finding["message"]["en"]


def test_what_nobody_knows_is_not_found() -> None:
    assert trace(Desk().store, "khong-co") == []


def test_who_asks_for_a_document_gets_the_document_and_not_what_was_said_about_it() -> None:
    desk = Desk()
    settled = desk.send(a_document())
    for code in ("01", "03", "05"):
        desk.send(a_status(status_code=code))
    found = trace(desk.store, settled.message.document_id)
    assert [each.message.id for each in found] == [settled.message.id]
    assert {each.status_code for each in found[0].related} == {"01", "03", "05"}


def test_a_status_is_found_by_its_own_message_id() -> None:
    desk = Desk()
    desk.send(a_document())
    status = desk.send(a_status(status_code="03")).message
    assert [each.message.id for each in trace(desk.store, status.id)] == [status.id]
