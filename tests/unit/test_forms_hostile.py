"""Whoever knows how envelopes of known form are read, and holds a good key, gains nothing by it: the long way is asked
about the same bytes, and what it says is what counts.

`FORMS_HOSTILE_SECONDS` lets the search go on for longer than the usual moment, with other seeds.
"""

import base64
import hashlib
import itertools
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from edxml_schemas import attachments
from edxml_schemas.contract import MessageType
from edxml_schemas.dsig.plain import read_text
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.forms.markup import cut
from edxml_schemas.forms.memory import Forms
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Document, Organ
from edxml_schemas.names import EDXML_NS
from edxml_schemas.signatures import Signer, SigningError, sign
from edxml_schemas.trust import TrustChecker
from router.core.policy import DEFAULT_POLICY
from router.pipeline.examine import Means, examine
from router.pipeline.passage import Passage
from tests.support.envelopes import (
    SENDER,
    a_document,
    a_lean_document,
    an_attachment,
    envelope_bytes,
)
from tests.support.hub_desk import NOW, Desk
from tests.support.mutations import starts
from tests.support.pki import Credential

DESK: Final = Desk()
_DER: Final = serialization.Encoding.DER
GOOD: Final = DESK.keys[SENDER]
RSA: Final = DESK.pki.issue("Khóa RSA", kind="rsa")
STRANGER: Final = DESK.pki.self_signed("Người lạ")
REVOKED: Final = DESK.pki.issue("Bị thu hồi")
DESK.pki.revoke(REVOKED, at=NOW - timedelta(days=1))
TRUST: Final = TrustChecker(DESK.material(DESK.pki.crls()))
SECONDS: Final = float(os.environ.get("FORMS_HOSTILE_SECONDS", "0"))
ROUNDS: Final = 100
"""Mutants of every start in the ordinary run."""

PDF: Final = base64.encodebytes(b"%PDF-1.7\n" + bytes(range(200))).decode()
EXTRAS: Final = (
    "<edXML:ReferenceCodes>1/A; <edXML:ReferenceCode>2/B</edXML:ReferenceCode> và "
    "<edXML:ReferenceCode>x<edXML:CodeNumber>3</edXML:CodeNumber>y</edXML:ReferenceCode></edXML:ReferenceCodes>"
    "<edXML:ReplyFors>theo<edXML:ReplyFor>ab<edXML:OrganId>H41</edXML:OrganId><edXML:Code>7/C</edXML:Code>"
    "<edXML:PromulgationDate>2024/02/29</edXML:PromulgationDate></edXML:ReplyFor></edXML:ReplyFors>"
).encode()


# Envelopes to begin from


def layouts() -> Iterator[bytes]:
    """Unsigned envelopes of many shapes; every one is sound."""
    yield from starts()[:8]
    rich = envelope_bytes(
        a_document(
            attachments=(
                an_attachment(encoded=PDF),
                an_attachment(content_id="2", attachment_name="b.pdf", encoded=PDF.replace("\n", "\r\n")),
                an_attachment(content_id="3", attachment_name="c.pdf"),
            )
        )
    )
    yield rich
    yield rich.replace(b"</edXML:OtherInfo>", EXTRAS + b"</edXML:OtherInfo>")
    plain = envelope_bytes(a_lean_document(), indent=False)
    yield plain.replace(b"Bussiness", b"Business").replace(
        b"<edXML:edXMLHeader>", b"<edXML:edXMLHeader\n\txmlns:u='u:u'>"
    )
    yield re.sub(rb"<edXML:edXMLManifest[^>]*>", b"<edXML:edXMLManifest xml:space='preserve' version=' 1 ' >", plain)
    yield re.sub(rb"\r?\n", b"\r\n", rich)
    yield re.sub(rb"<(edXML:Subject)>([^<]*)</\1>", rb"<Subject\n>\2</Subject >", rich)
    yield plain.replace(b"edXML:", b"e:").replace(b"xmlns:edXML", b"xmlns:e")


@dataclass(frozen=True, slots=True)
class Start:
    """A sound signed envelope, and which key signed it."""

    data: bytes
    kind: MessageType
    key: Credential


def signed_by(key: Credential, data: bytes) -> bytes:
    return sign(data, Signer(key.key, key.cert, () if key is STRANGER else DESK.pki.chain))


def all_starts() -> tuple[Start, ...]:
    found = []
    for number, data in enumerate(layouts()):
        kind = MessageType.STATUS if b"StatusCode" in data else MessageType.DOCUMENT
        key = RSA if number % 4 == 3 else GOOD
        found.append(Start(signed_by(key, data), kind, key))
    lean = found[0].data.partition(b"?>")[2]  # nobody signs the declaration
    for told in (b"version='1.1' encoding='us-ascii' standalone='yes'", b"version='1.0'  standalone = 'no' "):
        found.append(Start(b"<?xml " + told + b"?>" + lean, MessageType.DOCUMENT, found[0].key))
    return tuple(found)


STARTS: Final = all_starts()


def taught() -> Forms:
    """A memory that knows every start."""
    forms = Forms()
    for start in STARTS:
        for _ in range(2):
            forms.learn(start.data, forms.cut(start.data))
        assert forms.read(forms.cut(start.data)) is not None, start.data.decode()
    return forms


# What is said of bytes


def examined(data: bytes, forms: Forms | None, kind: MessageType, limits: Limits = DEFAULT_LIMITS) -> Passage:
    submission = DESK.submission(data, submission_id="x", type=kind)
    means = Means(limits=limits, trust=TRUST, judged_at=NOW, secrecy=DEFAULT_POLICY.secrecy, forms=forms)
    return examine(Passage(submission=submission, body=data), means)


def told(passage: Passage) -> tuple[object, ...]:
    """Everything that a hub goes by, the lines of attachments included, which models do not compare."""
    plain = [
        getattr(passage, each.name) for each in fields(Passage) if each.name not in {"parsed", "signed", "envelope"}
    ]
    envelope, proof = passage.envelope, passage.signed
    held = envelope.attachments if isinstance(envelope, Document) else ()
    return (
        *plain,
        type(envelope),
        envelope,
        [each.line for each in held],
        [attachments.open_attachment(each) for each in held],
        proof and (proof.fingerprint, proof.chain, proof.content_digest, proof.algorithm, proof.certificate_der),
    )


def without_tree(data: bytes, forms: Forms, kind: MessageType) -> bool:
    """Whether these bytes are read by form. Fails when the long way says anything else about them."""
    quick, slow = examined(data, forms, kind), examined(data, None, kind)
    assert told(quick) == told(slow), data.decode("utf-8", "backslashreplace")
    return quick.parsed is None and quick.schema_valid


# Attackers with a good key: they sign what the form would see, whether or not a parser sees it


_VALUE: Final = rb"(<(?:ds:)?%s>)[^<]*(<)"


def signed_as_seen(data: bytes, forms: Forms, key: Credential) -> bytes | None:
    """The bytes with a signature over what their form makes of them, put together anew; None when no form fits."""
    taken = cut(data)
    form = forms._known.get(taken.markup) if taken is not None else None
    if taken is None or form is None or len(taken.texts) != len(form.canonical) + 1:
        return None
    texts = list(taken.texts)
    for number, content in taken.contents:
        texts[number] = bytes(content).decode("latin-1").replace("\r\n", "\n")
    row = [piece for pair in zip(texts, (*form.canonical, ""), strict=True) for piece in pair]
    first, last = 2 * form.signature[0] + 1, 2 * form.signature[1] + 1
    root = (*row[2 * form.root[0] + 1 : first], *row[last + 1 : 2 * form.root[1] + 2])
    digest = base64.b64encode(hashlib.sha256("".join(root).encode()).digest())
    signature = re.sub(_VALUE % b"DigestValue", rb"\g<1>%s\2" % digest, "".join(row[first : last + 1]).encode())
    read = read_text(signature)
    if read is None:
        return None
    value = base64.b64encode(_value(key, read.signed_bytes))
    data = re.sub(_VALUE % b"DigestValue", rb"\g<1>%s\2" % digest, data)
    return re.sub(_VALUE % b"SignatureValue", rb"\g<1>%s\2" % value, data)


def _value(key: Credential, words: bytes) -> bytes:
    if isinstance(key.key, ec.EllipticCurvePrivateKey):
        width = (key.key.key_size + 7) // 8
        digest = hashes.SHA384() if width == 48 else hashes.SHA256()
        pair = decode_dss_signature(key.key.sign(words, ec.ECDSA(digest)))
        return b"".join(each.to_bytes(width) for each in pair)
    return key.key.sign(words, padding.PKCS1v15(), hashes.SHA256())


# Mutations


POINTS: Final = (
    *range(0x20, 0x30),
    *(0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1F, 0x00, 0x7F, 0x80, 0x85, 0x9F, 0xA0, 0xAD, 0x200B, 0x2003, 0x2028),
    *(0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0xD7FF, 0xE000, 0xFDD0, 0x1FFFE, 0x10FFFF, 0x1F600, 0x130, 0x131, 0xDF, 0x1E9E),
    *(0x300, 0x660, 0xFF10, 0x180E, 0x3000, 0x600, 0x61C, 0x200E, 0x2060, 0xE0001, 0xFB00, 0x212A, 0x17F, 0x345),
)
TEXTS: Final = (
    *(
        "",
        " ",
        "\n",
        "\t",
        "0",
        "1",
        "00",
        "03",
        " 3",
        "true",
        "True",
        "null",
        "NULL ",
        "cid:1",
        "CID: 2",
        "/",
        "1/",
    ),
    *(
        "2024/02/29",
        "2023/02/29",
        "1900/02/29",
        "2000/02/29 23:59:59",
        "2024/02/29 24:00:00",
        "2199/12/31",
        "1/2/3",
    ),
    *("000.00.00.H41", "h41", " H41 ", "H41", "000.00.00.h41", "000.00.00.G22,2026/09/30,1/A", "MẬT", "mat.pdf"),
    *(
        "&amp;",
        "&lt;",
        "&gt;",
        "&amp;lt;",
        "&amp;amp;",
        "&quot;",
        "&apos;",
        "&#38;",
        "&#x26;#60;",
        "&#0;",
        "&#xFFFE;",
    ),
    *("&#13;", "&#10;", "&#9;", "&#32;", "&amp", "&", "&;", "&amp;;", "& amp;", "&lt", "&LT;", "&xxe;", "&#xD800;"),
    *("]]>", "]]&gt;", "<![CDATA[x]]>", "<![CDATA[", "<!-- x -->", "<!---->", "<?x y?>", "<?xml version='1.0'?>"),
    *("<!DOCTYPE a>", "<b/>", "<b></b>", ">", "<", "><", "<>", "</", "/>", "\r", "\r\n", "\n\r", "\r\r\n"),
    *("ContentTransferEncoded", "<ContentTransferEncoded>", "ContentTransferEncoded>QUJD<", "Signature", "xmlns"),
    *("QUJD", "QUI=", "QR==", "Q Q=\n=", "QUJ", "QU-_", "UEsDBA==", "JVBERi0=", "====", "QUJD\x0b", "QUJD\u00a0"),
    *(
        "x" * 100,
        "x" * 101,
        "ữ" * 300,
        "ữ" * 301,
        "x" * 1001,
        " " * 101 + "1",
        "&amp;" * 300,
        "😀" * 301,
        "x" * 4001,
    ),
    *("../x", "con.pdf", "a\u0301.pdf", "x" * 70_000, "&lt;" * 21_000, "\n" * 70_000, "=" * 25_000, "a='" * 50),
)
NO_TEXTS: Final = (
    b"\xc0\xbc",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe0\x80\xbc",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\xf8\x88\x80",
)
WORDS: Final = (*(each.encode() for each in TEXTS), *NO_TEXTS)
TEXT: Final = re.compile(rb"(?<=>)[^<>]*(?=<)")
TAG: Final = re.compile(rb"<[^<>]*>")
Mutation = Callable[[random.Random, bytes], bytes]


def word(rng: random.Random) -> bytes:
    pick = rng.random()
    if pick < 0.6:
        return rng.choice(WORDS)
    if pick < 0.8:
        return chr(rng.choice(POINTS)).encode()
    return b"".join(word(rng) for _ in range(2))


def any_text(rng: random.Random, data: bytes) -> tuple[int, int]:
    spans = [each.span() for each in TEXT.finditer(data)]
    leaves = [span for span in spans if data[slice(*span)].strip()]
    return rng.choice(leaves if rng.random() < 0.7 and leaves else spans)


def other_text(rng: random.Random, data: bytes) -> bytes:
    begin, end = any_text(rng, data)
    return data[:begin] + word(rng) + data[end:]


def around_text(rng: random.Random, data: bytes) -> bytes:
    begin, end = any_text(rng, data)
    at = rng.choice((begin, end, rng.randint(begin, end)))
    return data[:at] + word(rng) + data[at:]


def swapped_texts(rng: random.Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((any_text(rng, data), any_text(rng, data)))
    return data if c < b else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def text_of_markup(rng: random.Random, data: bytes) -> bytes:
    """A text that holds exactly the markup that follows or precedes it, or what looks like it."""
    begin, end = any_text(rng, data)
    tags = [each.span() for each in TAG.finditer(data)]
    a, b = rng.choice([span for span in tags if abs(span[0] - end) < 200] or tags)
    piece = data[a : rng.choice([other for _, other in tags if b <= other < b + 300] or [b])]
    piece = rng.choice((piece, piece[1:], piece[:-1], piece[1:-1], piece.replace(b"<", b"&lt;").replace(b">", b"&gt;")))
    return data[:end] + piece + data[end:] if rng.random() < 0.5 else data[:begin] + piece + data[end:]


def moved_bracket(rng: random.Random, data: bytes) -> bytes:
    places = [place for place, byte in enumerate(data) if byte in b"<>"]
    at = rng.choice(places)
    to = max(0, min(len(data), at + rng.randint(-6, 6)))
    rest = data[:at] + data[at + 1 :]
    return rest[:to] + data[at : at + 1] + rest[to:]


def cut_short(rng: random.Random, data: bytes) -> bytes:
    places = [place for place, byte in enumerate(data) if byte in b"<>"]
    at = rng.choice((places[-1], places[-1], places[-2], rng.choice(places))) + rng.randint(-1, 1)
    return data[:at] if rng.random() < 0.7 else data[max(at, 0) :]


def other_bytes(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    new = rng.choice((b"", b"", rng.randbytes(1), word(rng)[:8], data[at : at + rng.randint(1, 40)] * 2))
    return data[:at] + new + data[at + rng.choice((0, 1, 1, 2, 30)) :]


def other_layout(rng: random.Random, data: bytes) -> bytes:
    """What writers do differently: quotes, white space in tags, ends of lines, declarations, empty elements."""
    tag = rng.choice(list(TAG.finditer(data)))
    text = tag[0]
    changed = rng.choice(
        (
            text.replace(b'"', b"'"),
            text[:-1] + b" >",
            text[:-1] + b"\t\r\n>",
            text[:-1] + b" xml:space='preserve'>",
            text[:-1] + b" a='" + word(rng)[:60] + b"'>",
            text.replace(b" ", b"\n"),
            text.replace(b"=", b" = "),
            text[:-1] + b"/>",
            text.replace(b"edXML:", b""),
            text.replace(b"<", b"< "),
            text[:-1] + b" xmlns=''>",
            text[:-1] + b' xmlns="' + EDXML_NS.encode() + b'">',
        )
    )
    return data[: tag.start()] + changed + data[tag.end() :]


def other_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    ends = rng.choice(((b"\r\n",), (b"\r",), (b"\n", b"\r\n"), (b"\n\n",), (b"\n", b"\n", b"\n", b"\n\r"), (b" ",)))
    return b"".join(line + rng.choice(ends) for line in lines[:-1]) + lines[-1]


def other_start(rng: random.Random, data: bytes) -> bytes:
    bare = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data)
    version, encoding = rng.choice(("1.0", "1.1", "1.2", "2.0")), rng.choice(("UTF-8", "utf-16", "latin1", "ascii", ""))
    told_encoding = f" encoding='{encoding}'" if encoding else ""
    return rng.choice(
        (
            bare,
            b"\xef\xbb\xbf" + data,
            b"\n" + data,
            f"<?xml version='{version}'{told_encoding}?>".encode() + bare,
            data + word(rng),
            data + rng.choice((b"<!-- -->", b"\0", b"<?a?>", b"\n" * 9, b"<", b">", b"\x1a", b"<edXML/>")),
            data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-7", "utf-8-sig"))),
        )
    )


def other_content(rng: random.Random, data: bytes) -> bytes:
    leaves = [each.span(1) for each in re.finditer(rb"ContentTransferEncoded[^>/]*>([^<]*)</", data)]
    if not leaves:
        return other_text(rng, data)
    begin, end = rng.choice(leaves)
    raw = data[begin:end]
    at = rng.randint(0, len(raw))
    blank = rng.choice(
        (b"\n", b" ", b"\t", b"\r\n", b"\r", b"\x0b", b"\xc2\xa0", b"=", b"-", b">", b"&#10;", b"\0", b"A")
    )
    zipped = b"PK\x03\x04" + rng.randbytes(30)
    whole = rng.choice((base64.b64encode(zipped), base64.b64encode(b"%PDF"), b"", b"QR==", word(rng)))
    return data[:begin] + rng.choice((raw[:at] + blank + raw[at:], raw[:at], whole, whole)) + data[end:]


def other_signature(rng: random.Random, data: bytes) -> bytes:
    """White space, padding, other letters in the values of the Signature; another certificate under its markup."""
    name = rng.choice((b"DigestValue", b"SignatureValue", b"X509Certificate"))
    leaves = [each.span(1) for each in re.finditer(rb"<(?:ds:)?%s>([^<]*)<" % name, data)]
    if not leaves:
        return data
    begin, end = rng.choice(leaves)
    raw = data[begin:end]
    at = rng.randint(0, len(raw))
    other = base64.b64encode(rng.choice((GOOD, RSA, STRANGER, REVOKED)).cert.public_bytes(_DER))
    changed = rng.choice(
        (raw[:at] + rng.choice((b" ", b"\n", b"=", b"A", b"&#10;", b"")) + raw[at + 1 :], raw + b"=", other)
    )
    return data[:begin] + changed + data[end:]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(other_text, other_text, other_text, around_text, around_text, swapped_texts, text_of_markup, moved_bracket),
    *(cut_short, other_bytes, other_layout, other_lines, other_start, other_content, other_signature),
)


def keyed(rng: random.Random, start: Start, data: bytes) -> tuple[bytes, Credential]:
    """The bytes with the certificate of another signer, or as they are."""
    key = rng.choice((STRANGER, REVOKED, GOOD)) if start.key is not RSA and rng.random() < 0.1 else start.key
    if key is start.key:
        return data, key
    certificate = base64.b64encode(key.cert.public_bytes(_DER))
    return re.sub(_VALUE % b"X509Certificate", rb"\g<1>%s\2" % certificate, data, count=1), key


def mutants(start: Start, forms: Forms, *, seed: int, count: int) -> Iterator[bytes]:
    """Changed envelopes: as changed, signed anew in good faith, and signed as their form would see them."""
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    for number in range(count):
        data = start.data
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if len(TAG.findall(data)) > 5:  # else there is little left to change
                data = rng.choice(MUTATIONS)(rng, data)
        data, key = keyed(rng, start, data)
        seen = signed_as_seen(data, forms, key)
        yield data if seen is None else seen
        if number % 3 == 0:
            try:
                yield signed_by(key, data)
            except (SigningError, LookupError):  # the latter for encodings that nobody knows
                continue


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a change in a certificate does that
@pytest.mark.parametrize("number", range(len(STARTS)))
def test_nothing_that_an_enemy_with_a_key_signs_is_read_in_another_way(number: int) -> None:
    forms, start = taught(), STARTS[number]
    until = time.monotonic() + SECONDS / len(STARTS)
    read_by_form = 0
    for turn in itertools.count():
        known = forms if turn % 2 == 0 else taught()  # what the mutants before taught stays known, or not
        for data in mutants(start, known, seed=1_000 * turn + number, count=ROUNDS):
            read_by_form += without_tree(data, known, start.kind)
        if time.monotonic() >= until:
            break
    assert read_by_form > 10


def test_an_envelope_that_ends_too_early_is_left_to_the_parser() -> None:
    forms, start = taught(), STARTS[0]
    tail = start.data.rstrip()
    for length in (*range(len(tail) - 40, len(tail)), *range(0, len(tail), 37)):
        assert not without_tree(tail[:length], forms, start.kind)
    quick = examined(tail[:-1], forms, start.kind)
    assert FindingCode.XML_NOT_WELL_FORMED in codes(quick.findings)


def test_an_attribute_that_is_too_long_with_other_ends_of_lines_is_refused_all_the_same() -> None:
    value = b"x\n" * (DEFAULT_LIMITS.attribute_chars // 3 + 1)
    start = b"<edXML xmlns:u='urn:u' u:a='" + value + b"' "
    data = signed_by(GOOD, envelope_bytes(a_lean_document()).replace(b"<edXML ", start))
    forms = Forms()
    for _ in range(2):
        forms.learn(data, forms.cut(data))
    assert without_tree(data, forms, MessageType.DOCUMENT)
    longer = data.replace(value, value.replace(b"\n", b"\r\n"))
    assert not without_tree(longer, forms, MessageType.DOCUMENT)
    assert FindingCode.XML_ATTRIBUTE_TOO_LONG in codes(examined(longer, forms, MessageType.DOCUMENT).findings)


def test_what_a_teacher_writes_between_its_tags_is_nothing_to_those_that_come_after() -> None:
    plain = envelope_bytes(
        a_document(attachments=(an_attachment(), an_attachment(content_id="2", attachment_name="b.pdf")))
    )
    odd = re.sub(rb">\s+<", b">\n\t\n\r\n \n<", plain)
    odd = re.sub(rb"<edXML:(Website|OrganName|Subject|DueDate|Direction|Place)>[^<]*<", rb"<edXML:\1> &amp;lt; <", odd)
    odd = odd.replace(b"DueDate> &amp;lt; <", b"DueDate><").replace(b"Direction> &amp;lt; <", b"Direction><")
    forms = Forms()
    for _ in range(2):
        data = signed_by(GOOD, odd)
        assert examined(data, forms, MessageType.DOCUMENT).parsed is not None
    assert without_tree(signed_by(GOOD, plain), forms, MessageType.DOCUMENT)


def test_one_who_teaches_odd_values_first_only_costs_time() -> None:
    plain = envelope_bytes(a_document())
    odd = signed_by(GOOD, plain.replace(b"Priority>0<", b"Priority> 0 <"))
    forms = Forms()
    for _ in range(6):
        examined(odd, forms, MessageType.DOCUMENT)
    for _ in range(3):
        assert not without_tree(signed_by(GOOD, plain), forms, MessageType.DOCUMENT)


@pytest.mark.parametrize("key", [STRANGER, REVOKED], ids=["stranger", "revoked"])
def test_a_form_lends_its_trust_to_nobody(key: Credential) -> None:
    forms = Forms()
    plain = envelope_bytes(a_document())
    for _ in range(2):
        examined(sign(plain, Signer(GOOD.key, GOOD.cert)), forms, MessageType.DOCUMENT)
    foreign = sign(plain, Signer(key.key, key.cert))
    assert without_tree(foreign, forms, MessageType.DOCUMENT)
    told_codes = set(codes(examined(foreign, forms, MessageType.DOCUMENT).findings))
    assert told_codes & {FindingCode.TRUST_REVOKED, FindingCode.TRUST_UNKNOWN_ISSUER}


def test_limits_of_contents_are_the_same_to_the_byte() -> None:
    encoded = [base64.b64encode(bytes(size)).decode() for size in range(300, 312)]
    encoded += [f"{each[:76]}\n{each[76:]}" for each in encoded]
    for limits in (Limits(attachment_bytes=305), Limits(unzipped_bytes=607), Limits(findings=1)):
        forms = Forms(limits=limits)
        for each in ("QUJD", "QUJD", *encoded):
            both = (an_attachment(encoded=each), an_attachment(content_id="2", attachment_name="b.pdf", encoded=each))
            data = signed_by(GOOD, envelope_bytes(a_document(attachments=both)))
            quick, slow = (examined(data, known, MessageType.DOCUMENT, limits) for known in (forms, None))
            assert told(quick) == told(slow)
        assert quick.parsed is None


def test_forms_take_no_more_room_than_they_are_given() -> None:
    many = [signed_by(GOOD, envelope_bytes(a_document(to_places=("Nơi nhận",) * count))) for count in range(50, 60)]
    chars = [len(taken.markup) for each in many if (taken := cut(each)) is not None]
    forms = Forms(markup_chars=sum(chars[-3:]))
    for data in (each for each in many for _ in range(2)):
        forms.learn(data, forms.cut(data))
    assert [forms.read(forms.cut(each)) is not None for each in many] == [False] * 7 + [True] * 3


def test_forms_are_learnt_and_forgotten_by_several_threads_at_once() -> None:
    many = [signed_by(GOOD, envelope_bytes(a_lean_document(recipients=(*_organs(count),)))) for count in range(1, 4)]
    forms = Forms(remembered=1)
    wrong: list[BaseException] = []
    ready = threading.Barrier(4)

    def work(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311  repeatable, no secret
        ready.wait(timeout=30)
        try:
            for _ in range(30):
                data = rng.choice(many)
                taken = forms.cut(data)
                found = forms.read(taken)
                assert found is None or found.envelope == examined(data, None, MessageType.DOCUMENT).envelope
                forms.learn(data, taken)
        except BaseException as error:  # a thread tells nobody else
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


def _organs(count: int) -> Iterator[Organ]:
    return (Organ(organ_id=f"000.00.{number:02}.H41", organ_name="Nơi nhận") for number in range(count))
