"""The note of who vouched: how it travels, and what is none."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ports import Outgoing
from agents.wire import submission_headers
from edxml_schemas import schemas
from edxml_schemas.contract import Header, MessageType, Urgency
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt, encode_receipt
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.vouched import REPAIR_TEXT, VOUCHED_CHARS, Repair, Vouched, read_vouched, repair_text

NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
DIGEST = "ab" * 32
NOTE = Vouched(system="vxp.saas.02", digest=DIGEST, size=18_423, repairs=("leading-bytes", "signature-replaced"))
RECEIPT = Receipt(
    receipt_id="r-1",
    kind=ReceiptKind.ACCEPTED,
    message_id="m-1",
    submission_id="s-1",
    message_type="edoc",
    document_id="d-1",
    sender="H41",
    digest="cd" * 32,
    size=7,
    received_at=NOW,
    decided_at=NOW + timedelta(seconds=1),
    vouched=NOTE,
)
WORDS_BEFORE = (
    '<Receipt xmlns="urn:vn:truc-lien-thong:receipt:1" version="1">\n<ReceiptId>r-1</ReceiptId>\n'
    "<Kind>accepted</Kind>\n<MessageId>m-1</MessageId>\n<SubmissionId>s-1</SubmissionId>\n"
    "<MessageType>edoc</MessageType>\n<DocumentId>d-1</DocumentId>\n<Sender>H41</Sender>\n"
    f"<Digest>{'cd' * 32}</Digest>\n<Size>7</Size>\n<ReceivedAt>2026-10-01T02:00:00Z</ReceivedAt>\n"
    "<DecidedAt>2026-10-01T02:00:01Z</DecidedAt>\n<Duplicate>false</Duplicate>\n<Legs>\n</Legs>\n"
    "<Findings>\n</Findings>\n</Receipt>"
)
"""What a receipt said before there were notes."""


def outgoing(note: Vouched | None) -> Outgoing:
    return Outgoing(
        submission_id="s-1",
        type=MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        digest=DIGEST,
        size=1,
        body=b"x",
        vouched=note,
    )


# ── The text ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_note_says_who_what_and_how_in_one_line() -> None:
    assert json.loads(NOTE.encoded()) == {
        "system": "vxp.saas.02",
        "digest": DIGEST,
        "size": 18_423,
        "repairs": ["leading-bytes", "signature-replaced"],
    }
    assert "\n" not in NOTE.encoded()


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120),
    st.integers(-1, 2**41),
    st.lists(st.sampled_from([*(each.value for each in Repair), "a-new-one", "Not One", "", "x" * 41]), max_size=18),
)
def test_a_note_is_read_as_it_was_written_or_cannot_be(system: str, size: int, repairs: list[str]) -> None:
    try:
        note = Vouched(system=system, digest=DIGEST, size=size, repairs=tuple(repairs))
    except ValueError:
        return
    assert read_vouched(note.encoded()) == note
    assert len(note.encoded()) <= VOUCHED_CHARS
    assert decode_receipt(encode_receipt(replace(RECEIPT, vouched=note))) == replace(RECEIPT, vouched=note)


@given(
    st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4).map(json.dumps)
)
def test_whatever_the_text_reading_never_raises(text: str) -> None:
    assert read_vouched(text) is None


BAD = {
    "upper-case digest": NOTE.encoded().replace("abab", "ABAB"),
    "short digest": NOTE.encoded().replace("abab", "ab"),
    "no system": NOTE.encoded().replace("vxp.saas.02", ""),
    "a line break in the system": NOTE.encoded().replace("vxp", "v\\np"),
    "a long system": NOTE.encoded().replace("vxp", "v" * 101),
    "no repairs": NOTE.encoded().replace('"leading-bytes","signature-replaced"', ""),
    "a repair twice": NOTE.encoded().replace("signature-replaced", "leading-bytes"),
    "a repair with markup": NOTE.encoded().replace("leading-bytes", "<b>"),
    "many repairs": NOTE.encoded().replace('"leading-bytes"', ",".join(f'"r{n}"' for n in range(16))),
    "a size that is text": NOTE.encoded().replace("18423", '"18423"'),
    "a size that is true": NOTE.encoded().replace("18423", "true"),
    "a negative size": NOTE.encoded().replace("18423", "-1"),
    "something more": NOTE.encoded().replace("}", ',"more":1}'),
    "white space": NOTE.encoded().replace(",", ", "),
    "another order": json.dumps(dict(reversed(json.loads(NOTE.encoded()).items())), separators=(",", ":")),
    "too long": NOTE.encoded() + " " * VOUCHED_CHARS,
    "a repair that is none": NOTE.encoded().replace('"leading-bytes"', "1"),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_an_agent_would_not_write_is_no_note(text: str) -> None:
    assert text != NOTE.encoded()
    assert read_vouched(text) is None


def test_every_repair_has_words_in_both_languages_and_a_strange_one_its_name() -> None:
    assert set(REPAIR_TEXT) == {each.value for each in Repair}
    assert all(vi and en and vi != en for vi, en in REPAIR_TEXT.values())
    assert repair_text("a-new-one") == ("a-new-one", "a-new-one")


def test_an_agent_states_the_note_in_a_header_and_nothing_without_one() -> None:
    assert submission_headers(outgoing(NOTE))[Header.VOUCHED.value] == NOTE.encoded()
    assert Header.VOUCHED.value not in submission_headers(outgoing(None))


# ── The receipt ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_without_a_note_is_what_it_always_was_byte_for_byte() -> None:
    assert encode_receipt(replace(RECEIPT, vouched=None)) == WORDS_BEFORE.encode()


def test_a_receipt_says_who_vouched_in_words_and_is_valid() -> None:
    words = encode_receipt(RECEIPT)
    parsed = parse(words)
    assert isinstance(parsed, Parsed)
    assert schemas.check_receipt(parsed.root) == ()
    for text in (*REPAIR_TEXT["leading-bytes"], *REPAIR_TEXT["signature-replaced"], "<System>vxp.saas.02</System>"):
        assert text.encode() in words
    assert decode_receipt(words) == RECEIPT


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<OriginalDigest>ab", "<OriginalDigest>AB", FindingCode.SCHEMA_BAD_VALUE),
        ("<OriginalSize>18423", "<OriginalSize>-1", FindingCode.SCHEMA_BAD_VALUE),
        ("<System>vxp.saas.02</System>", "", FindingCode.SCHEMA_BAD_VALUE),
        ("<OriginalSize>18423</OriginalSize>", "", FindingCode.SCHEMA_BAD_VALUE),
        ("<Code>leading-bytes<", "<Code>Leading Bytes<", FindingCode.SCHEMA_BAD_VALUE),
        ("<System>", "<System>x</System><System>", FindingCode.SCHEMA_REPEATED),
        ("<Code>leading-bytes</Code>", "<Code>a</Code><Code>b</Code>", FindingCode.SCHEMA_REPEATED),
        ("<Vouched>", "<Vouched></Vouched><Vouched>", FindingCode.SCHEMA_REPEATED),
        ("<Vouched>", "<Vouched><Stranger/>", FindingCode.SCHEMA_UNKNOWN_ELEMENT),
    ],
)
def test_a_note_on_a_receipt_that_cannot_be_refuses_the_receipt(old: str, new: str, code: FindingCode) -> None:
    text = encode_receipt(RECEIPT).decode()
    assert old in text
    outcome = decode_receipt(text.replace(old, new, 1).encode())
    assert isinstance(outcome, tuple), outcome
    assert code in codes(outcome)
