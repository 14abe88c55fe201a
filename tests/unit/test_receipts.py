"""Receipts: written with all texts, read back as values, and anything else refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas import schemas
from edxml_schemas.catalogue import errors
from edxml_schemas.findings import Finding, FindingCode, codes, finding
from edxml_schemas.receipts import (
    Receipt,
    ReceiptKind,
    ReceiptLeg,
    decode_receipt,
    encode_receipt,
)
from edxml_schemas.safe_xml import Parsed, parse

RECEIVED = datetime(2026, 11, 21, 4, 48, 24, 123456, tzinfo=UTC)
FINDINGS = (
    finding(
        FindingCode.SCHEMA_BAD_VALUE,
        line=12,
        xpath="/edXML:edXML/edXML:edXMLEnvelope",
        value="  31/02/2026 <&>\n\tđ  ",
        expected="YYYY/MM/DD",
    ),
    finding(FindingCode.RECIPIENT_UNKNOWN, value="000.00.00.H99"),
)
RECEIPT = Receipt(
    receipt_id="r-1",
    kind=ReceiptKind.REFUSED,
    message_id="m-1",
    submission_id="s-1",
    message_type="edoc",
    document_id="000.00.00.G22,2026/09/30,7816/VPCP-TTĐT",
    sender="000.00.00.G22",
    digest="ab" * 32,
    size=4_096,
    received_at=RECEIVED,
    decided_at=RECEIVED + timedelta(milliseconds=3),
    legs=(ReceiptLeg(recipient="000.00.00.H41", leg_id="l-1"), ReceiptLeg(recipient="vxp.saas.03")),
    findings=FINDINGS,
)

LEGAL = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


def read_back(receipt: Receipt) -> Receipt:
    outcome = decode_receipt(encode_receipt(receipt))
    assert isinstance(outcome, Receipt), outcome
    return outcome


def changed(old: str, new: str) -> bytes:
    text = encode_receipt(RECEIPT).decode()
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize("kind", ReceiptKind)
def test_a_receipt_is_read_as_it_was_written_and_is_valid(kind: ReceiptKind) -> None:
    receipt = replace(RECEIPT, kind=kind, duplicate=kind is ReceiptKind.ACCEPTED)
    parsed = parse(encode_receipt(receipt))
    assert isinstance(parsed, Parsed)
    assert schemas.check_receipt(parsed.root) == ()
    assert read_back(receipt) == receipt


def test_a_receipt_without_legs_findings_and_identifiers_is_read_as_it_was_written() -> None:
    bare = Receipt(
        receipt_id="r", kind=ReceiptKind.REFUSED, digest="0" * 64, size=0, received_at=RECEIVED, decided_at=RECEIVED
    )
    assert read_back(bare) == bare


def test_findings_travel_with_their_words_in_both_languages() -> None:
    text = encode_receipt(RECEIPT).decode()
    for part in ("<MessageVi>", "<MessageEn>", "<RemedyVi>", "<RemedyEn>", "<Lgsp>18</Lgsp>", "<Severity>error<"):
        assert part in text
    assert "000.00.00.H99" in text


def test_times_travel_in_utc() -> None:
    vietnam = RECEIVED.astimezone(timezone(timedelta(hours=7)))
    data = encode_receipt(replace(RECEIPT, received_at=vietnam))
    assert b"<ReceivedAt>2026-11-21T04:48:24.123456Z</ReceivedAt>" in data


def test_control_characters_in_a_quoted_value_become_escapes() -> None:
    odd = replace(RECEIPT, findings=(Finding(FindingCode.XML_LEADING_BYTES, 1, "", "a\x00\x1b\ufffeb"),))
    assert read_back(odd).findings[0].value == r"a\x00\x1b\ufffeb"


def test_identifiers_of_a_refused_message_are_cut_to_what_a_receipt_holds() -> None:
    assert read_back(replace(RECEIPT, document_id="x" * 5_000)).document_id == "x" * 300


def test_a_finding_of_a_later_version_is_told_in_its_own_words() -> None:
    outcome = decode_receipt(changed("<Code>recipient.unknown<", "<Code>recipient.asleep<"))
    assert isinstance(outcome, Receipt)
    assert outcome.findings[1].code is FindingCode.HUB_FAILURE
    assert outcome.findings[1].value.startswith("recipient.asleep: ")


@pytest.mark.parametrize("name", ["ReceiptId", "Kind", "Digest", "Size", "ReceivedAt", "DecidedAt"])
def test_a_receipt_without_what_makes_it_one_is_refused(name: str) -> None:
    text = encode_receipt(RECEIPT).decode()
    head, _, rest = text.partition(f"<{name}>")
    outcome = decode_receipt((head + rest.partition(f"</{name}>")[2]).encode())
    assert isinstance(outcome, tuple)
    assert codes(outcome) == (FindingCode.SCHEMA_MISSING,)
    assert outcome[0].xpath == f"/r:Receipt/r:{name}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Kind>refused<", "<Kind>forgiven<"),
        ("<Digest>abab", "<Digest>ABAB"),
        ("<Size>4096<", "<Size>-1<"),
        ("<ReceivedAt>2026-11-21T", "<ReceivedAt>2026-02-31T"),
        ("<DecidedAt>2026-11-21T", "<DecidedAt>0001-01-01T"),
        ("<Legs>", "<Legs><Stranger/>"),
        ("<ReceivedAt>2026-11-21T04:48:24.123456Z", "<ReceivedAt>0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_receipt_with_a_bad_value_is_refused_or_read_but_never_raises(old: str, new: str) -> None:
    outcome = decode_receipt(changed(old, new))
    assert isinstance(outcome, Receipt) or errors(outcome)


def test_an_envelope_is_no_receipt() -> None:
    outcome = decode_receipt(b"<edXML/>")
    assert isinstance(outcome, tuple)
    assert errors(outcome)


def test_a_receipt_with_a_document_type_declaration_is_refused() -> None:
    outcome = decode_receipt(changed("<Receipt ", "<!DOCTYPE Receipt><Receipt "))
    assert isinstance(outcome, tuple)
    assert codes(outcome) == (FindingCode.XML_DTD,)


@given(
    st.lists(
        st.builds(
            Finding,
            st.sampled_from(FindingCode),
            st.none() | st.integers(1, 999_999),
            LEGAL,
            LEGAL,
            st.lists(st.tuples(st.sampled_from(["limit", "detail", "expected"]), LEGAL), max_size=2).map(tuple),
        ),
        max_size=3,
    )
)
def test_any_findings_are_read_as_they_were_written(findings: list[Finding]) -> None:
    assert read_back(replace(RECEIPT, findings=tuple(findings))).findings == tuple(findings)


@given(st.integers(0, 3_000), st.integers(0, 30), st.binary(max_size=10))
def test_a_damaged_receipt_is_read_or_refused_and_never_raises(at: int, length: int, instead: bytes) -> None:
    data = encode_receipt(RECEIPT)
    outcome = decode_receipt(data[:at] + instead + data[at + length :])
    assert isinstance(outcome, Receipt) or errors(outcome)
