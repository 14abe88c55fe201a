"""The hub's hop stands in the copy that a document system is handed, and never in the signed original."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from agents.gateway.vouching import with_trace
from agents.spool import Spool
from agents.spool.records import NewDelivery
from edxml_schemas import codec
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.model import Document, TraceHeader
from edxml_schemas.names import EDXML_NS
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity, sign
from tests.support.envelopes import VIETNAM, a_document, a_status, envelope_bytes
from tests.support.generated import documents
from tests.support.hub_desk import NOW
from tests.support.vouching import counter

HUB = "000.00.00.G99"
AT = datetime(2026, 10, 1, 2, 3, 4, 567890, tzinfo=UTC)
HOP = TraceHeader(organ_id=HUB, timestamp=datetime(2026, 10, 1, 9, 3, 4, tzinfo=VIETNAM))
PLAIN = envelope_bytes(a_document())


def read(content: bytes) -> Document:
    decoded = codec.decode(content)
    assert isinstance(decoded, codec.Decoded), decoded
    assert isinstance(decoded.envelope, Document)
    return decoded.envelope


def inserted(before: bytes, after: bytes) -> bytes:
    """The one stretch of bytes by which `after` is longer than `before`."""
    start = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))
    length = len(after) - len(before)
    assert after[:start] + after[start + length :] == before
    return after[start : start + length]


def test_the_hop_comes_last_in_vietnam_time_and_everything_else_stays_byte_for_byte() -> None:
    copy = with_trace(PLAIN, hub_organ=HUB, at=AT)
    assert read(copy).trace_headers == (*read(PLAIN).trace_headers, HOP)
    assert b"<edXML:Timestamp>2026/10/01 09:03:04</edXML:Timestamp>" in inserted(PLAIN, copy)


@pytest.mark.parametrize(
    "content",
    [
        envelope_bytes(a_document(trace_headers=())),
        PLAIN.replace(b"edXML:", b"").replace(b":edXML", b""),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN + b"\r\n",
        envelope_bytes(a_document(), indent=False),
    ],
    ids=["no hop", "no prefix", "mark", "line end", "one line"],
)
def test_the_hop_takes_the_form_of_the_envelope(content: bytes) -> None:
    copy = with_trace(content, hub_organ=HUB, at=AT)
    assert read(copy).trace_headers == (*read(content).trace_headers, HOP)
    assert inserted(content, copy)


@pytest.mark.parametrize(
    "trace", [b"<edXML:TraceHeaderList/>", b"<edXML:TraceHeaderList></edXML:TraceHeaderList>", b""]
)
def test_a_status_gets_a_list_when_it_has_none(trace: bytes) -> None:
    end = b"</edXML:MessageHeader>"
    content = envelope_bytes(a_status()).replace(end, end + trace)

    copy = with_trace(content, hub_organ=HUB, at=AT)

    decoded = codec.decode(copy)
    assert isinstance(decoded, codec.Decoded)
    hops = decoded.root.findall(f".//{{{EDXML_NS}}}TraceHeader/{{{EDXML_NS}}}OrganId")
    assert [each.text for each in hops] == [HUB]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_whatever_an_envelope_says_the_copy_says_it_too(document: Document) -> None:
    content = codec.encode(document)
    copy = with_trace(content, hub_organ=HUB, at=AT)
    assert inserted(content, copy)
    assert read(copy).trace_headers == (*read(content).trace_headers, HOP)
    assert with_trace(copy, hub_organ=HUB, at=AT) != copy


@pytest.mark.parametrize("content", [b"", b"<edXML", b"<other/>", b"<!DOCTYPE x><edXML/>", b"\xff"])
def test_what_is_no_envelope_comes_back_as_it_is(content: bytes) -> None:
    assert with_trace(content, hub_organ=HUB, at=AT) == content


def test_a_name_with_markup_in_it_stays_a_name() -> None:
    copy = with_trace(PLAIN, hub_organ="<&>", at=AT)
    assert read(copy).trace_headers[-1].organ_id == "<&>"


def test_the_stored_original_is_unchanged_and_still_verifies(tmp_path: Path) -> None:
    office = counter(tmp_path, ["000.00.00.G22"])
    original = sign(PLAIN, office.signer)
    digest = hashlib.sha256(original).hexdigest()
    spool: Spool = office.desk.spool
    spool.add_delivery(
        NewDelivery(
            leg_id="l-1",
            message_id="m-1",
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            recipient="000.00.00.H41",
            sender="000.00.00.G22",
            envelope=original,
            digest=digest,
            received_at=NOW,
        )
    )

    handed = with_trace(office.desk.take("l-1").envelope, hub_organ=HUB, at=AT)

    assert read(handed).trace_headers[-1] == HOP
    kept = office.desk.look("l-1").envelope
    assert kept == original == spool.envelope(digest)
    assert [is_signed(each) for each in (kept, handed)] == [True, False]
    spool.close()


def is_signed(content: bytes) -> bool:
    parsed = parse(content)
    assert isinstance(parsed, Parsed)
    return isinstance(check_integrity(parsed), Signed)
