"""Legacy envelopes: what is accepted, what is mended, what is refused, and that what came is kept."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.gateway import vouching
from agents.gateway.callers import Caller
from agents.gateway.vouching import SoundEnvelope, voucher
from agents.gateway.vouching.repairs import RULES
from agents.packaging import Package, package, submission
from agents.spool import Spool
from edxml_schemas import catalogue, codec
from edxml_schemas.findings import Finding, FindingCode
from edxml_schemas.names import EDXML_NS
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity, sign
from edxml_schemas.vouched import REPAIR_TEXT, Repair
from tests.support.envelopes import DECORATIVE_SIGNATURE, SENDER, a_document, a_status, envelope_bytes
from tests.support.hub_desk import H41, NOW
from tests.support.vouching import DIRT, SYSTEM, Counter, counter, with_null_hop, with_remarks

PLAIN = envelope_bytes(a_document())
DECORATED = envelope_bytes(a_document(), signature=DECORATIVE_SIGNATURE)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    made = counter(tmp_path_factory.mktemp("agency"), [SENDER, H41])
    yield made
    made.desk.spool.close()


def signed(content: bytes) -> Signed:
    parsed = parse(content)
    assert isinstance(parsed, Parsed), parsed
    found = check_integrity(parsed)
    assert isinstance(found, Signed), found
    return found


def refused(outcome: object) -> list[FindingCode]:
    assert isinstance(outcome, tuple), outcome
    return [each.code for each in outcome if isinstance(each, Finding)]


# ── The signature ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_correct_signature_of_the_systems_own_travels_untouched(office: Counter) -> None:
    own = sign(PLAIN, office.signer)

    outcome = office.vouch(own)

    assert isinstance(outcome, SoundEnvelope)
    assert outcome.package.content == own


@pytest.mark.parametrize(
    ("content", "repair"),
    [
        (PLAIN, Repair.SIGNATURE_ADDED),
        (DECORATED, Repair.SIGNATURE_REPLACED),
        (envelope_bytes(a_status(sender=replace(a_document().sender, organ_id=H41))), Repair.SIGNATURE_ADDED),
    ],
    ids=["unsigned", "decorated", "status"],
)
def test_without_a_real_signature_the_agent_signs_and_says_for_whom(
    office: Counter, content: bytes, repair: Repair
) -> None:
    outcome = office.vouched(content)

    assert signed(outcome.package.content).certificate == office.key.cert
    assert outcome.original == content
    assert outcome.at == NOW
    note = outcome.vouched
    assert (note.system, note.digest, note.size) == (SYSTEM, hashlib.sha256(content).hexdigest(), len(content))
    assert note.repairs == (repair.value,)


def test_only_the_signature_is_added_to_an_envelope_that_is_otherwise_right(office: Counter) -> None:
    content = office.vouched(PLAIN).package.content
    start, end = content.index(b"<Signature "), content.index(b"</Signature>") + len(b"</Signature>")
    assert (content[:start].rstrip() + content[end:]).split() == PLAIN.split()


@pytest.mark.parametrize("dirt", [None, *DIRT], ids=str)
def test_a_real_signature_that_does_not_verify_is_never_signed_over(office: Counter, dirt: Repair | None) -> None:
    forged = sign(PLAIN, office.signer).replace(b">7816<", b">7817<")
    soiled = DIRT[dirt](forged) if dirt is not None else forged
    assert FindingCode.SIGNATURE_DIGEST in refused(office.vouch(soiled))


def test_decoration_beside_a_real_signature_is_refused(office: Counter) -> None:
    assert FindingCode.SIGNATURE_SEVERAL in refused(office.vouch(beside(sign(PLAIN, office.signer))))


def beside(content: bytes) -> bytes:
    return content.replace(b"<edXML:TraceHeaderList>", DECORATIVE_SIGNATURE.encode() + b"<edXML:TraceHeaderList>")


@pytest.mark.parametrize("repair", [Repair.LEADING_BYTES, Repair.TRAILING_BYTES, Repair.REMARKS_REMOVED])
def test_dirt_around_what_the_system_signed_goes_and_its_signature_stays(office: Counter, repair: Repair) -> None:
    own = sign(PLAIN, office.signer)

    outcome = office.vouched(DIRT[repair](own))

    assert outcome.vouched.repairs == (repair.value,)
    assert signed(outcome.package.content).content_digest == signed(own).content_digest
    assert outcome.package.content.count(b"<SignatureValue>") == 1


# ── Dirt ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("repair", DIRT, ids=str)
def test_each_repair_mends_what_is_refused_without_it(office: Counter, repair: Repair) -> None:
    dirty = DIRT[repair](PLAIN)
    assert dirty != PLAIN
    assert not isinstance(package(dirty, keyring=office.desk.keyring, organs=[SENDER]), Package)

    outcome = office.vouched(dirty)

    assert outcome.vouched.repairs == (repair.value, Repair.SIGNATURE_ADDED.value)
    assert outcome.package.envelope == office.vouched(PLAIN).package.envelope
    assert outcome.original == dirty
    assert signed(outcome.package.content)


def test_all_dirt_at_once_is_mended_and_every_repair_is_named(office: Counter) -> None:
    dirty = DECORATED
    for soil in reversed(DIRT.values()):
        dirty = soil(dirty)

    outcome = office.vouched(dirty)

    assert set(outcome.vouched.repairs) == {*DIRT, Repair.SIGNATURE_REPLACED}
    assert outcome.package.envelope == office.vouched(PLAIN).package.envelope
    assert isinstance(office.vouch(outcome.package.content), SoundEnvelope)


def test_attachments_under_a_prefix_that_only_the_envelope_declares_are_read(office: Counter) -> None:
    dirty = PLAIN.replace(b"<AttachmentEncoded>", b"<edXML:AttachmentEncoded>").replace(
        b"</AttachmentEncoded>", b"</edXML:AttachmentEncoded>"
    )
    assert office.vouched(dirty).vouched.repairs == (Repair.PREFIX_DECLARED.value, Repair.SIGNATURE_ADDED.value)


def test_attachments_outside_every_namespace_are_brought_into_it(office: Counter) -> None:
    prefixed = PLAIN.replace(b"<edXML xmlns=", b"<edXML:edXML xmlns:edXML=").replace(b"</edXML>", b"</edXML:edXML>")

    outcome = office.vouched(prefixed)

    assert outcome.vouched.repairs == (Repair.ATTACHMENT_NAMESPACE.value, Repair.SIGNATURE_ADDED.value)
    assert f'<AttachmentEncoded xmlns="{EDXML_NS}">'.encode() in outcome.package.content
    assert outcome.package.envelope == office.vouched(PLAIN).package.envelope


TOLERATED = {
    "a hop of a hub without an organ": with_null_hop(PLAIN).replace(b">null</edXML:Timestamp", b"></edXML:Timestamp"),
    "children in another order": PLAIN.replace(b"<edXML:SteeringType>1</edXML:SteeringType>", b"").replace(
        b"<edXML:From>", b"<edXML:SteeringType>1</edXML:SteeringType><edXML:From>"
    ),
    "a line end behind the root": PLAIN + b"\r\n\r\n",
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "another content type": PLAIN.replace(b"application/pdf", b"text/plain"),
}


@pytest.mark.parametrize("content", TOLERATED.values(), ids=TOLERATED)
def test_habits_that_every_reader_bears_are_not_touched(office: Counter, content: bytes) -> None:
    assert content != PLAIN
    outcome = office.vouched(content)
    assert outcome.vouched.repairs == (Repair.SIGNATURE_ADDED.value,)


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "a prefix that nobody knows": (
        PLAIN.replace(b"<edXML:Reference>", b'<edXML:Reference q:href="1">'),
        FindingCode.XML_UNBOUND_PREFIX,
    ),
    "a NUL inside": (PLAIN.replace(b"7816", b"78\x0016", 1), FindingCode.XML_NUL),
    "more than padding behind the root": (PLAIN + b"1212", FindingCode.XML_NOT_WELL_FORMED),
    "a document type": (PLAIN.replace(b"<edXML ", b"<!DOCTYPE x><edXML ", 1), FindingCode.XML_DTD),
    "another encoding": (PLAIN.decode().encode("utf-16"), FindingCode.XML_ENCODING),
    "no XML": (b"%PDF-1.7 <<>>", FindingCode.XML_NOT_XML),
    "nothing": (b"", FindingCode.XML_EMPTY),
    "an unreadable hop that names its organ": (
        with_null_hop(PLAIN).replace(b"<edXML:OrganId>null<", b"<edXML:OrganId>000.00.00.H41<"),
        FindingCode.SCHEMA_BAD_VALUE,
    ),
    "a recipient twice": (PLAIN.replace(b"000.00.00.H14", b"000.00.00.H41"), FindingCode.RECIPIENT_REPEATED),
    "an element that nobody knows": (
        PLAIN.replace(b"<AttachmentEncoded>", b"<Stranger/><AttachmentEncoded>"),
        FindingCode.SCHEMA_UNKNOWN_ELEMENT,
    ),
    "a secret": (
        PLAIN.replace(b"<edXML:Subject>", b"<edXML:Subject>[M\xe1\xba\xadt] "),
        FindingCode.POLICY_STATE_SECRET,
    ),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_in_the_table_is_refused_with_its_findings(
    office: Counter, content: bytes, code: FindingCode
) -> None:
    assert code in refused(office.vouch(content))


def test_dirt_is_no_excuse_for_a_fault_behind_it_which_keeps_its_line(office: Counter) -> None:
    faulty = PLAIN.replace(b"<edXML:PromulgationDate>2026/09/30", b"<edXML:PromulgationDate>30/09/2026")
    dirty = b"12\n12" + with_remarks(faulty)
    (fault,) = refusal(office.vouch(dirty))
    assert fault.code is FindingCode.SCHEMA_BAD_VALUE
    assert fault.line == line_of(dirty, b"30/09/2026")


def refusal(outcome: object) -> list[Finding]:
    assert isinstance(outcome, tuple), outcome
    return [each for each in outcome if isinstance(each, Finding)]


def line_of(content: bytes, text: bytes) -> int:
    return content.count(b"\n", 0, content.index(text)) + 1


def test_lines_count_what_was_removed_before_them(office: Counter) -> None:
    header = b"<edXML:MessageHeader>"
    dirty = b"12\n12" + PLAIN.replace(header, b"<!-- a\nremark --><?vendor?>" + header)
    own = sign(PLAIN, office.signer)
    start, end = own.index(b"<Signature "), own.index(b"</Signature>") + len(b"</Signature>")
    forged = own[start:end] + b"</edXML:edXMLHeader>"
    dirty = dirty.replace(b"</edXML:edXMLHeader>", forged).replace(b">7816<", b">7817<")

    (fault,) = refusal(office.vouch(dirty))

    assert fault.code is FindingCode.SIGNATURE_DIGEST
    assert fault.line == line_of(dirty, b"<DigestValue>")


def test_a_system_speaks_for_its_own_organs_only_and_the_refusal_names_it(office: Counter) -> None:
    other = replace(office.caller, organs=frozenset({H41}))
    (fault,) = refusal(office.vouch(PLAIN, caller=other))
    assert fault.code is FindingCode.SENDER_AGENT
    told = catalogue.explain(fault).message_vi
    assert SYSTEM in told
    assert SENDER in told


def test_an_organ_of_the_system_that_is_not_the_agents_is_refused(office: Counter) -> None:
    stranger = envelope_bytes(a_document(sender=replace(a_document().sender, organ_id="000.00.00.G17")))
    caller = Caller(
        key_id="k2",
        system_id=SYSTEM,
        organs=frozenset({"000.00.00.G17"}),
        rights=office.caller.rights,
    )
    assert refused(office.vouch(stranger, caller=caller)) == [FindingCode.SENDER_AGENT]


def test_a_copy_that_would_not_say_the_same_is_not_sent(office: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*arguments: object, **named: object) -> object:
        packed = package(*arguments, **named)  # type: ignore[arg-type]  # passed on as they are
        assert isinstance(packed, Package)
        return replace(packed, content=packed.content.replace(b">7816<", b">7817<"))

    monkeypatch.setattr(voucher, "package", careless)
    (fault,) = refusal(office.vouch(PLAIN))
    assert fault.code is FindingCode.VOUCHING_DIFFERS
    assert "CodeNumber" in catalogue.explain(fault).message_vi


# ── Evidence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_original_is_kept_with_the_submission_and_outlives_the_process(office: Counter, tmp_path: Path) -> None:
    dirty = b"1212" + PLAIN
    outcome = office.vouched(dirty)
    new = submission(outcome.package, submission_id="s-1", now=NOW)
    with Spool.open(tmp_path) as spool:
        spool.add_submission(replace(new, original=outcome.original, vouched=outcome.vouched))

    with Spool.open(tmp_path) as spool:
        kept = spool.submission("s-1")
        assert kept is not None
        assert kept.vouched == outcome.vouched
        assert kept.original == outcome.vouched.digest
        assert spool.envelope(kept.original) == dirty
        assert spool.envelope(kept.digest) == outcome.package.content


def test_what_travels_reads_as_a_decoded_envelope(office: Counter) -> None:
    outcome = office.vouched(DECORATED)
    decoded = codec.decode(outcome.package.content)
    assert isinstance(decoded, codec.Decoded)
    assert decoded.envelope == outcome.package.envelope
    assert "<edXML" not in repr(outcome)


def test_the_readme_lists_every_repair_with_its_fault_and_its_words() -> None:
    page = Path(vouching.__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = [each for each in page.splitlines() if each.startswith("| `")]
    faults = {rule.repair: rule.code for rule in RULES} | {
        Repair.SIGNATURE_ADDED: FindingCode.SIGNATURE_MISSING,
        Repair.SIGNATURE_REPLACED: FindingCode.SIGNATURE_DECORATIVE,
    }
    assert set(faults) == set(Repair)
    for repair, code in faults.items():
        (row,) = [each for each in rows if f"| `{repair}` |" in each]
        assert row.startswith(f"| `{code}` |")
        assert all(text in row for text in REPAIR_TEXT[repair])
