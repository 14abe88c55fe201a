"""Whatever was mended: content, attachments, DocumentId, order of recipients, codes, dates and business are equal."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pybase64
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agents.gateway.vouching.equality import difference
from agents.spool import Spool
from edxml_schemas import codec
from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from edxml_schemas.vouched import Repair
from tests.support.envelopes import SENDER, a_document, a_status, envelope_bytes
from tests.support.generated import STATUSES, documents
from tests.support.hub_desk import NOW
from tests.support.pki import Pki
from tests.support.vouching import DIRT, Counter, counter

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
OWN_SAMPLES = Path(__file__).parents[2] / "edxml_schemas" / "samples"
PLAIN = envelope_bytes(a_document())
SIGNED_ANEW = (Repair.SIGNATURE_ADDED,)


class Counters:
    """A counter for whichever organ sends, all with one key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = Pki(NOW).issue("Cơ quan")
        self._made: dict[str, Counter] = {}
        self._spool = Spool.open(folder / "spool")

    def of(self, envelope: Envelope) -> Counter:
        organ = envelope.sender.organ_id
        if organ not in self._made:
            self._made[organ] = counter(self._folder, [organ], key=self._key, spool=self._spool)
        return self._made[organ]

    def close(self) -> None:
        self._spool.close()


@pytest.fixture(scope="module")
def counters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counters]:
    made = Counters(tmp_path_factory.mktemp("agencies"))
    yield made
    made.close()


def says_the_same(before: Envelope, content: bytes) -> None:
    """What travels, read anew, is what came; its signature covers it."""
    parsed = parse(content)
    assert isinstance(parsed, Parsed)
    signed = check_integrity(parsed)
    assert isinstance(signed, Signed)
    after = codec.read(signed.root)
    assert after == before
    if not isinstance(before, Document):
        return
    assert isinstance(after, Document)
    assert after.document_id == before.document_id
    assert [each.organ_id for each in after.recipients] == [each.organ_id for each in before.recipients]
    assert (after.code, after.promulgation_info, after.due_date) == (
        before.code,
        before.promulgation_info,
        before.due_date,
    )
    assert (after.subject, after.content, after.bussiness) == (before.subject, before.content, before.bussiness)
    assert files(after) == files(before)


def files(document: Document) -> list[tuple[str, str]]:
    """Names and SHA-256 of the attachments' bytes."""
    return [
        (each.attachment_name, hashlib.sha256(pybase64.b64decode(each.encoded)).hexdigest())
        for each in document.attachments
    ]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(envelope=documents() | STATUSES, dirt=st.sets(st.sampled_from(list(DIRT))), indent=st.booleans())
def test_whatever_an_envelope_says_and_however_dirty_it_is_the_same_travels(
    counters: Counters, envelope: Document | StatusMessage, dirt: set[Repair], indent: bool
) -> None:
    clean = envelope_bytes(envelope, indent=indent)
    meant = codec.decode(clean)
    assume(isinstance(meant, codec.Decoded))
    assert isinstance(meant, codec.Decoded)
    if isinstance(envelope, StatusMessage):
        assume(envelope.description or envelope.status_code not in {"02", "13"})
    content = clean
    for each in reversed(DIRT):
        content = DIRT[each](content) if each in dirt else content

    outcome = counters.of(meant.envelope).vouched(content)

    says_the_same(meant.envelope, outcome.package.content)
    assert outcome.original == content


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor samples do not lie beside the repository")
@pytest.mark.parametrize("name", sorted(each.name for each in SAMPLES.glob("*.edxml")))
def test_a_vendor_sample_is_vouched_for_and_says_what_it_said(counters: Counters, name: str) -> None:
    content = (SAMPLES / name).read_bytes()
    meant = codec.decode(content.removeprefix(b"1212"))
    assert isinstance(meant, codec.Decoded)

    outcome = counters.of(meant.envelope).vouched(content)

    signed = Repair.SIGNATURE_REPLACED if name.startswith("edoc") else Repair.SIGNATURE_ADDED
    stray = (Repair.LEADING_BYTES.value,) if name == "edoc_new.edxml" else ()
    assert outcome.vouched.repairs == (*stray, signed.value)
    says_the_same(meant.envelope, outcome.package.content)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor samples do not lie beside the repository")
@pytest.mark.parametrize("repair", DIRT, ids=str)
@pytest.mark.parametrize("name", sorted(each.name for each in SAMPLES.glob("edoc_*.edxml")))
def test_a_vendor_sample_with_more_dirt_says_what_it_said(counters: Counters, name: str, repair: Repair) -> None:
    content = (SAMPLES / name).read_bytes().removeprefix(b"1212")
    meant = codec.decode(content)
    assert isinstance(meant, codec.Decoded)

    outcome = counters.of(meant.envelope).vouched(DIRT[repair](content))

    assert repair.value in outcome.vouched.repairs
    says_the_same(meant.envelope, outcome.package.content)


@pytest.mark.parametrize(
    "name", ["document-decorative", "document-stray-bytes", "document-unsigned", "status-unsigned"]
)
def test_the_projects_own_samples_are_vouched_for(counters: Counters, name: str) -> None:
    content = (OWN_SAMPLES / f"{name}.edxml").read_bytes()
    meant = codec.decode(content[content.index(b"<?xml") :])
    assert isinstance(meant, codec.Decoded)
    says_the_same(meant.envelope, counters.of(meant.envelope).vouched(content).package.content)


# ── The proof itself notices ────────────────────────────────────────────────────────────────────────────────────────

CHANGES = {
    "DocumentId": (b",7816/VPCP", b",7817/VPCP"),
    "CodeNumber": (b"<edXML:CodeNumber>7816<", b"<edXML:CodeNumber>7817<"),
    "a text by one space": (b"<edXML:Place>H\xc3\xa0 N\xe1\xbb\x99i<", b"<edXML:Place> H\xc3\xa0 N\xe1\xbb\x99i<"),
    "the order of recipients": (b"000.00.00.H41", b"000.00.00.H15"),
    "a date": (b"2026/10/15", b"2026/10/16"),
    "business": (b"<edXML:Paper>0<", b"<edXML:Paper>1<"),
    "an attachment": (b"JVBERi", b"JVBERj"),
    "a name": (b"7816.pdf", b"7817.pdf"),
    "an attribute": (b'version="1.0">', b'version="1.1">'),
    "a hop": (b"</edXML:TraceHeader>", b"</edXML:TraceHeader><edXML:TraceHeader/>"),
    "an element less": (b"<edXML:SteeringType>1</edXML:SteeringType>", b""),
    "text between elements": (b"<edXML:Code>", b"x<edXML:Code>"),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_anything_is_a_difference(old: bytes, new: bytes) -> None:
    assert old in PLAIN
    assert difference(PLAIN, PLAIN, repairs=SIGNED_ANEW) == ""
    assert difference(PLAIN, PLAIN.replace(old, new, 1), repairs=SIGNED_ANEW)
    assert difference(PLAIN.replace(old, new, 1), PLAIN, repairs=SIGNED_ANEW)


def test_recipients_in_another_order_are_a_difference() -> None:
    one, other = a_document().recipients
    swapped = envelope_bytes(a_document(recipients=(other, one)))
    assert difference(PLAIN, swapped, repairs=SIGNED_ANEW)


def test_a_hop_that_says_nothing_may_only_go_when_the_repair_says_so() -> None:
    dirty = DIRT[Repair.TRACE_HEADER_REMOVED](PLAIN)
    assert difference(dirty, PLAIN, repairs=SIGNED_ANEW)
    assert not difference(dirty, PLAIN, repairs=(*SIGNED_ANEW, Repair.TRACE_HEADER_REMOVED))


def test_a_signature_may_only_differ_when_the_agent_signed() -> None:
    with_one = PLAIN.replace(b"</edXML:edXMLHeader>", b"<Signature>x</Signature></edXML:edXMLHeader>")
    assert not difference(with_one, PLAIN, repairs=(Repair.SIGNATURE_REPLACED,))
    assert difference(with_one, PLAIN, repairs=(Repair.LEADING_BYTES,))


@pytest.mark.parametrize("hopeless", [b"", b"<", b"<edXML", b"<!DOCTYPE x><edXML/>", b"<a>" * 100, b"\xff<a/>"])
def test_what_cannot_be_read_a_second_time_is_no_proof(hopeless: bytes) -> None:
    assert difference(hopeless, PLAIN, repairs=SIGNED_ANEW)
    assert difference(PLAIN, hopeless, repairs=SIGNED_ANEW)


def test_a_status_is_compared_as_well() -> None:
    status = envelope_bytes(a_status())
    assert difference(status, status, repairs=SIGNED_ANEW) == ""
    assert difference(status, status.replace(b">03<", b">05<"), repairs=SIGNED_ANEW)
    assert SENDER.encode() in status
