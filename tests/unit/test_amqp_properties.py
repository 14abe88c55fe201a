"""What the hub reads in a content header is what pamqp reads in it, however it is written, cut or spoilt."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from router.adapters.amqp_properties import FLAGS_AT, HEADER_BYTES, HEADER_LEVELS, Properties, properties_of

TEXT = st.none() | st.text(max_size=40)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
TABLES: Any = st.dictionaries(st.text(max_size=20), st.text(max_size=40) | NUMBERS, max_size=8)
NESTED: Any = st.dictionaries(
    st.text(max_size=20),
    st.recursive(
        st.text(max_size=9) | NUMBERS | st.booleans(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
    ),
    max_size=5,
)
SAID = st.fixed_dictionaries(
    {
        "content_type": TEXT,
        "content_encoding": TEXT,
        "headers": st.none() | TABLES | NESTED,
        "delivery_mode": st.sampled_from([None, 1, 2]),
        "priority": st.none() | st.integers(0, 255),
        "correlation_id": TEXT,
        "reply_to": TEXT,
        "expiration": TEXT,
        "message_id": TEXT,
        "timestamp": st.sampled_from([None, None, datetime(2026, 1, 5, tzinfo=UTC)]),
        "message_type": TEXT,
        "user_id": TEXT,
        "app_id": TEXT,
    }
)


def header(**properties: Any) -> bytes:
    return ContentHeader(0, 5, Basic.Properties(**properties)).marshal()


def by_pamqp(wire: bytes) -> Properties | None:
    content = ContentHeader()
    try:
        content.unmarshal(wire)
    except Exception:  # whatever it raises
        return None
    said = content.properties
    return Properties(said.message_id, said.message_type, said.user_id, said.headers or {})


@given(SAID)
def test_what_is_written_is_read(said: dict[str, Any]) -> None:
    wire = header(**said)
    found = properties_of(wire)
    assert found == by_pamqp(wire)
    assert found is not None
    assert (found.message_id or "", found.user_id or "") == (said["message_id"] or "", said["user_id"] or "")


@given(SAID, st.data())
def test_what_is_spoilt_is_read_as_pamqp_reads_it_or_not_at_all(said: dict[str, Any], data: st.DataObject) -> None:
    wire = bytearray(header(**said))
    for _ in range(data.draw(st.integers(1, 3))):
        wire[data.draw(st.integers(FLAGS_AT, len(wire) - 1))] = data.draw(st.integers(0, 255))
    spoilt = bytes(wire[: data.draw(st.integers(FLAGS_AT, len(wire)))])
    found = properties_of(spoilt)
    assert found is None or repr(found) == repr(by_pamqp(spoilt))
    if found is None:
        expected = by_pamqp(spoilt)
        assert expected is None or levels(expected.headers) > HEADER_LEVELS


def levels(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(levels, inner), default=0) if isinstance(value, dict | list) else 0


@pytest.mark.parametrize("deep", [False, True])
def test_a_death_within_headers_is_read_and_endless_ones_are_not(deep: bool) -> None:
    value: Any = [{"queue": "edxml.ingest.normal", "count": 1}]
    for _ in range(HEADER_LEVELS if deep else 0):
        value = [value]
    found = properties_of(header(headers={"x-death": value}))
    assert (found is None) == deep


def test_a_header_as_large_as_a_letter_is_not_decoded() -> None:
    assert properties_of(header(headers={"v": "x" * HEADER_BYTES})) is None
