"""Envelopes of known form are read without a parser, and to the same end as with one, whatever their texts are."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Final

import pytest

from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.forms.form import Filled
from edxml_schemas.forms.markup import cut
from edxml_schemas.forms.memory import Forms
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Code, Document, Envelope
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, SigningError, check_integrity, sign
from edxml_schemas.trust import TrustChecker
from router.core.policy import DEFAULT_POLICY
from router.pipeline.examine import Means, examine
from router.pipeline.passage import Passage
from tests.attacks.signature_corpus import ATTACKS, Attack, element, setting
from tests.support.envelopes import (
    RECIPIENTS,
    SENDER,
    a_document,
    a_lean_document,
    a_status,
    an_attachment,
    an_organ,
    envelope_bytes,
    of_size,
)
from tests.support.hub_desk import NOW, Desk
from tests.support.mutations import mutated

DESK: Final = Desk()
KEY: Final = DESK.keys[SENDER]
TRUST: Final = TrustChecker(DESK.trust.material())
SIGNER: Final = Signer(KEY.key, KEY.cert, DESK.pki.chain)
WRAPPED: Final = base64.encodebytes(b"%PDF-1.7\n" + bytes(range(256)) * 2).decode()
TWO: Final = (
    an_attachment(encoded=WRAPPED),
    an_attachment(content_id="2", attachment_name="Phụ lục.pdf", encoded=WRAPPED.replace("\n", "\r\n")),
)
ENVELOPES: Final[dict[str, tuple[Envelope, bool]]] = {
    "document": (a_document(), True),
    "document on one line": (a_document(), False),
    "lean document": (a_lean_document(), False),
    "two attachments": (a_document(attachments=TWO), True),
    "no attachment": (a_document(attachments=()), True),
    "status": (a_status(), True),
}
ODD: Final = (
    *("", " ", "  x ", "\n\t x", "x", "0", "1", "9", "-1", "01", "13", "true", "yes", "null", "NULL", "cid:", "CID: 7"),
    *("2026/02/28", "2026/02/30", "2026/9/1", " 2026/02/28", "2026/02/28 10:00:00", "2026/02/28 24:00:00", "٢"),
    *("000.00.00.H41", "000.00.00.h41", "h41", "000.00.00.G22,2026/09/30,1/A", "7/B", "a\u00a0b", "\u00a0", "\u2003"),
    *("\u00ad", "\u200b", "\u17b5", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0001f600", "e\u0301", "\x7f", "\x85"),
    *("x" * 101, "x" * 301, "x" * 501, "x" * 1001, "x" * 4001, " " * 4001, "ơ" * 301),
    *(
        "&amp;",
        " &lt; ",
        "&gt;&amp;gt;",
        "&amp;lt;",
        "&quot;",
        "&apos;",
        "&nbsp;",
        "&",
        "&amp",
        "&AMP;",
        "&#13;",
        "&#x41;",
        "&lt;b/&gt;",
        "a>b",
        "]]>",
        "<b/>",
        "<!-- -->",
        "<?a b?>",
        "<![CDATA[x]]>",
    ),
    *("\x00", "\x01", "\x0b", "\r", "\r\n", "a\r\nb", '"', "'", "="),
)
EVERY: Final = 11
"""Every text meets one in so many of the odd values; each value still meets many texts."""
LEAF: Final = re.compile(rb"(?<=>)[^<]*(?=</)")


@dataclass(frozen=True, slots=True)
class Both:
    """What is said of the same bytes with a memory of forms and without one."""

    known: Passage
    unknown: Passage

    @property
    def without_tree(self) -> bool:
        return self.known.parsed is None and self.known.schema_valid

    def agree(self) -> bool:
        for name in (each.name for each in fields(Passage) if each.name not in {"parsed", "signed", "envelope"}):
            if getattr(self.known, name) != getattr(self.unknown, name):
                return False
        return proof_in(self.known) == proof_in(self.unknown) and said_in(self.known) == said_in(self.unknown)


def proof_in(passage: Passage) -> tuple[object, ...]:
    signed = passage.signed
    if signed is None:
        return ()
    return signed.fingerprint, signed.chain, signed.content_digest, signed.algorithm, signed.certificate_der


def said_in(passage: Passage) -> tuple[object, ...]:
    """The model, and the lines that it does not compare."""
    envelope = passage.envelope
    lines = tuple(each.line for each in envelope.attachments) if isinstance(envelope, Document) else ()
    return envelope, type(envelope), lines


def examined(data: bytes, forms: Forms | None, kind: MessageType = MessageType.DOCUMENT) -> Passage:
    submission = DESK.submission(data, submission_id="x", type=kind)
    means = Means(limits=DEFAULT_LIMITS, trust=TRUST, judged_at=NOW, secrecy=DEFAULT_POLICY.secrecy, forms=forms)
    return examine(Passage(submission=submission, body=data), means)


def both(data: bytes, forms: Forms, kind: MessageType = MessageType.DOCUMENT) -> Both:
    return Both(examined(data, forms, kind), examined(data, None, kind))


def kind_of(envelope: Envelope) -> MessageType:
    return MessageType.DOCUMENT if isinstance(envelope, Document) else MessageType.STATUS


def taught(*envelopes: bytes) -> Forms:
    """A memory that met each of these signed envelopes twice."""
    forms = Forms()
    learn(forms, *envelopes)
    assert all(read(forms, data) is not None for data in envelopes)
    return forms


def read(forms: Forms, data: bytes) -> Filled | None:
    return forms.read(forms.cut(data))


def learn(forms: Forms, *envelopes: bytes) -> None:
    """Each of these is met twice."""
    for data in (each for each in envelopes for _ in range(2)):
        forms.learn(data, forms.cut(data))


def signed(data: bytes) -> bytes:
    """Signed when that can be done; else with a signature that belongs to something else."""
    try:
        return sign(data, SIGNER)
    except SigningError:
        signature = element(sign(envelope_bytes(a_lean_document()), SIGNER), "Signature").encode()
        return data.replace(b"</edXML:edXMLHeader>", signature + b"</edXML:edXMLHeader>")


def variants(data: bytes) -> Iterator[bytes]:
    """The same envelope in layouts of other writers."""
    yield data
    yield re.sub(rb"\r?\n", b"\r\n", data)
    yield data.replace(b'<?xml version="1.0" encoding="UTF-8"?>\n', b"")
    yield data.replace(b"<edXML:edXMLHeader>", b'<edXML:edXMLHeader xmlns:unused="urn:x" >')
    yield re.sub(rb"<edXML:(Website|StaffId|Position|Mobile)>[^<]*</edXML:\1>", rb"<edXML:\1 />", data)
    yield data.replace(b"edXML:", b"").replace(b"xmlns:edXML", b"xmlns:unused")


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_of_known_form_is_read_as_by_a_parser_in_every_layout(name: str) -> None:
    envelope, indent = ENVELOPES[name]
    met = 0
    for layout in variants(envelope_bytes(envelope, indent=indent)):
        data = signed(layout)
        if not isinstance(parse(data), Parsed):
            continue
        met += 1
        result = both(data, taught(data), kind_of(envelope))
        assert result.without_tree
        assert result.agree()
        assert result.known.findings == ()
    assert met >= 5


@pytest.mark.parametrize("name", ENVELOPES)
def test_whatever_a_text_is_the_findings_and_the_model_are_the_same(name: str) -> None:
    envelope, indent = ENVELOPES[name]
    plain = envelope_bytes(envelope, indent=indent)
    forms = taught(signed(plain))
    kind = kind_of(envelope)
    without_tree = refused = 0
    for number, leaf in enumerate(LEAF.finditer(plain)):
        for odd in ODD[number % EVERY :: EVERY]:
            changed = plain[: leaf.start()] + odd.encode() + plain[leaf.end() :]
            result = both(signed(changed), forms, kind)
            assert result.agree(), (leaf[0][:40], odd)
            without_tree += result.without_tree
            refused += not result.unknown.schema_valid
    assert min(without_tree, refused) > 30


def test_markup_of_every_kind_is_judged_the_same_when_it_comes_again() -> None:
    without_tree = 0
    forms = Forms()
    for data in mutated(400, seed=20_261_121):
        again = signed(data)
        learn(forms, again)
        for kind in MessageType:
            result = both(again, forms, kind)
            assert result.agree(), data.decode()
            without_tree += result.without_tree
    assert without_tree > 40


def test_texts_between_elements_are_judged_as_by_the_schema() -> None:
    plain = envelope_bytes(a_document())
    forms = taught(signed(plain))
    odds = (b"", b" ", b"\r\n", b"\xc2\xa0", b"x", b"&#10;", b"\x0c")
    for number, gap in enumerate(re.finditer(rb"(?<=>)\n *(?=<)", plain)):
        for odd in (odds[number % 7], odds[(number + 3) % 7]):
            changed = plain[: gap.start()] + odd + plain[gap.end() :]
            assert both(signed(changed), forms).agree()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_forgery_passes_for_an_envelope_of_known_form(attack: Attack) -> None:
    scene = setting(DESK.pki)
    forms = taught(scene.genuine)
    assert read(forms, attack.forge(scene)) is None


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a flip in the certificate does that
def test_a_flip_of_any_byte_is_never_read_as_something_else() -> None:
    data = signed(envelope_bytes(a_lean_document(), indent=False))
    forms = taught(data)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x20 if place % 2 else 0x01
        if read(forms, bytes(flipped)) is not None:
            parsed = parse(bytes(flipped))
            assert isinstance(parsed, Parsed)
            assert isinstance(check_integrity(parsed), Signed), place


def test_a_bracket_in_another_direction_is_not_the_same_markup() -> None:
    data = signed(envelope_bytes(a_lean_document(), indent=False))
    forms = taught(data)
    turned = {ord("<"): ord(">"), ord(">"): ord("<")}
    for place in (place for place, byte in enumerate(data) if byte in turned):
        other = bytearray(data)
        other[place] = turned[other[place]]
        taken = cut(bytes(other))
        assert taken is None or read(forms, bytes(other)) is None


def test_the_name_of_a_content_in_a_text_leads_nobody_astray() -> None:
    data = envelope_bytes(a_document())
    forms = taught(signed(data))
    for lie in ("ContentTransferEncoded", "ContentTransferEncoded>QUJD", "ContentTransferEncoded QUJD"):
        for leaf in list(LEAF.finditer(data))[::3]:
            changed = data[: leaf.start()] + lie.encode() + data[leaf.end() :]
            assert both(signed(changed), forms).agree()


@pytest.mark.parametrize(
    "content",
    [
        *("", " ", "QUJD", "QUJD\n", "\n QUJD \n", "QU\nJD", "QU\r\nJD", "QU\rJD", "QU&#13;JD", "QUJ", "QUJD=", "QUI="),
        *("QUJD>", "QU<!-- -->JD", "<![CDATA[QUJD]]>", "QU-_", "QUJDé", "QU\u00a0JD", "UEsDBA==", "QU\x0bJD", "QR=="),
    ],
)
def test_the_content_of_an_attachment_is_what_a_parser_makes_of_it(content: str) -> None:
    data = envelope_bytes(a_document(attachments=(an_attachment(), replace(TWO[0], content_id="2"))))
    forms = taught(signed(data))
    for which in (0, 1):
        leaf = list(re.finditer(rb"<edXML:ContentTransferEncoded[^>]*>([^<]*)", data))[which]
        changed = data[: leaf.start(1)] + content.encode() + data[leaf.end(1) :]
        assert both(signed(changed), forms).agree()


def test_the_same_recipient_twice_is_named_although_the_form_is_known() -> None:
    forms = taught(signed(envelope_bytes(a_document())))
    same = a_document(recipients=(an_organ(RECIPIENTS[0]), an_organ(RECIPIENTS[0].lower())))
    result = both(signed(envelope_bytes(same)), forms)
    assert FindingCode.RECIPIENT_REPEATED in codes(result.known.findings)
    assert result.agree()


def test_large_envelopes_of_a_form_that_a_small_one_has_are_read_without_a_tree() -> None:
    forms = taught(signed(of_size(4096)))
    for size in (100_000, 1_000_000):
        result = both(signed(of_size(size)), forms)
        assert result.without_tree
        assert result.agree()


def test_a_form_is_learnt_at_the_second_sight_and_serves_other_texts() -> None:
    forms = Forms()
    passages = [
        examined(signed(envelope_bytes(a_document(code=Code(code_number=str(number))))), forms) for number in range(3)
    ]
    assert [each.parsed is None for each in passages] == [False, False, True]
    envelope = passages[2].envelope
    assert isinstance(envelope, Document)
    assert envelope.code == Code(code_number="2")


def test_nothing_is_learnt_from_strangers_nor_from_what_is_refused() -> None:
    forms = Forms()
    stranger = DESK.pki.self_signed("Người lạ")
    foreign = sign(envelope_bytes(a_document()), Signer(stranger.key, stranger.cert))
    faulty = signed(envelope_bytes(a_document()).replace(b"Priority>0<", b"Priority>9<"))
    for data in (foreign, faulty, envelope_bytes(a_document())) * 5:
        assert examined(data, forms).parsed is not None
    assert read(forms, signed(envelope_bytes(a_document()))) is None


def test_a_revoked_or_expired_certificate_is_asked_about_each_time() -> None:
    data = signed(envelope_bytes(a_document()))
    forms = taught(data)
    submission = replace(DESK.submission(data), received_at=NOW + timedelta(days=9000))
    means = Means(limits=DEFAULT_LIMITS, trust=TrustChecker(DESK.trust.material()), judged_at=NOW, forms=forms)
    passage = examine(Passage(submission=submission, body=data), means)
    assert passage.parsed is None
    assert FindingCode.TRUST_EXPIRED in codes(passage.findings)


def test_the_oldest_form_is_forgotten_when_there_are_too_many() -> None:
    documents = [signed(envelope_bytes(a_document(to_places=("Nơi nhận",) * many))) for many in range(1, 5)]
    forms = Forms(remembered=3)
    learn(forms, *documents)
    assert [read(forms, data) is not None for data in documents] == [False, True, True, True]


def test_limits_hold_for_envelopes_of_known_form() -> None:
    small, large = signed(of_size(4096)), signed(of_size(9000))
    forms = Forms(limits=replace(DEFAULT_LIMITS, envelope_bytes=8000))
    learn(forms, small)
    assert read(forms, small) is not None
    assert read(forms, large) is None


def test_an_attachment_above_the_limit_is_named_in_an_envelope_of_known_form() -> None:
    limits = replace(DEFAULT_LIMITS, attachment_bytes=3000)
    forms = Forms(limits=limits)
    learn(forms, signed(of_size(4096)))
    body = signed(of_size(9000))
    found = []
    for memory in (forms, None):
        means = Means(limits=limits, trust=TrustChecker(DESK.trust.material()), judged_at=NOW, forms=memory)
        found.append(examine(Passage(submission=DESK.submission(body, submission_id="x"), body=body), means))
    assert found[0].parsed is None
    assert codes(found[0].findings) == (FindingCode.ATTACHMENT_TOO_LARGE,)
    assert found[0].findings == found[1].findings


def test_a_flood_of_brackets_is_not_cut() -> None:
    assert cut(b"<" * 1_000_000) is None
    assert cut(b"<a>" * 5_000) is None
    assert cut(b"<a>ContentTransferEncoded>" + b"<" * 100) is None
