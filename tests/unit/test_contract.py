"""The wire contract: names on the broker, and receipts that travel together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.contract import Urgency, agent_of_key, bundled, submit_key, unbundled, urgency_of
from edxml_schemas.statuses import Priority


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_receipts_come_out_of_a_bundle_as_they_went_in(receipts: list[bytes]) -> None:
    assert unbundled(bundled(receipts)) == tuple(receipts)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_a_bundle_that_was_cut_is_no_bundle(receipts: list[bytes], data: st.DataObject) -> None:
    body = bundled(receipts)
    cut = data.draw(st.integers(0, len(body) - 1))
    found = unbundled(body[:cut])
    assert found is None or found == tuple(receipts[: len(found)])  # cut between two receipts


@pytest.mark.parametrize("body", [b"", b"\x00", b"<Receipt/>", b"\x00\x00\x00\x05abc", b"\x00\x00\x00\x01ab"])
def test_what_is_no_bundle_is_told_apart(body: bytes) -> None:
    assert unbundled(body) is None


@pytest.mark.parametrize("urgency", list(Urgency))
def test_the_routing_key_names_the_agent_it_was_made_for(urgency: Urgency) -> None:
    assert agent_of_key(submit_key("so-y-te", urgency)) == "so-y-te"


@pytest.mark.parametrize("key", ["", "urgent", "urgent.", "other.so-y-te", "normal.So-Y-Te", "normal.a.b", "normal.-a"])
def test_a_key_of_another_shape_names_nobody(key: str) -> None:
    assert agent_of_key(key) == ""


def test_urgent_documents_overtake_and_normal_ones_do_not() -> None:
    assert [urgency_of(priority) for priority in Priority] == [Urgency.NORMAL, *[Urgency.URGENT] * 4]
