"""The glance at a usual Signature sees what the walk through its elements sees, and leaves the rest to it."""

import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from edxml_schemas.dsig.plain import read_plain
from edxml_schemas.dsig.profile import canonical
from edxml_schemas.dsig.reader import SignatureReader
from edxml_schemas.names import ds
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, check_integrity, sign
from tests.support.envelopes import envelope_bytes
from tests.support.pki import Kind, Pki

PKI = Pki(datetime.now(UTC))
SIGNATURE = re.compile(rb"<Signature .*?</Signature>", re.DOTALL)


def signed(kind: Kind = "rsa") -> bytes:
    credential = PKI.issue("Văn phòng", kind=kind)
    return sign(envelope_bytes(), Signer(credential.key, credential.cert, chain=PKI.chain))


def prefixed(data: bytes, prefix: bytes) -> bytes:
    """The same document with a namespace prefix on the Signature, which breaks the value and keeps the shape."""
    found = SIGNATURE.search(data)
    assert found is not None
    renamed = re.sub(rb"<(/?)(\w)", rb"<\1" + prefix + rb":\2", found[0]).replace(b" xmlns=", b" xmlns:%s=" % prefix, 1)
    return data.replace(found[0], renamed)


def parts(data: bytes) -> list[etree._Element]:
    parsed = parse(data)
    assert isinstance(parsed, Parsed)
    return list(next(parsed.root.iter(ds("Signature"))).iter())


@pytest.mark.parametrize("kind", ["ec", "ec384", "rsa"])
@pytest.mark.parametrize("prefix", [b"", b"ds"])
def test_both_readers_see_the_same(kind: Kind, prefix: bytes) -> None:
    data = prefixed(signed(kind), prefix) if prefix else signed(kind)
    found = parts(data)
    plain, walked = read_plain(found), SignatureReader().read(found[0])
    assert plain is not None
    assert walked is not None
    for name in ("signed_info", "digest_value", "signature_value", "digest", "value", "algorithm", "signer", "chain"):
        assert getattr(plain, name) == getattr(walked, name), name
    assert plain.signed_bytes == canonical(walked.signed_info)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<SignatureValue>", b"<SignatureValue Id='v'>"),
        (b"<KeyInfo>", b"\n<KeyInfo>"),
        (b"<KeyInfo>", b"<!-- --><KeyInfo>"),
        (b"<KeyInfo>", b"<?a b?><KeyInfo>"),
        (b"</Signature>", b"<Object></Object></Signature>"),
        (b"</DigestValue>", b"=</DigestValue>"),
        (b"</X509Data>", b"<X509SubjectName>CN=x</X509SubjectName></X509Data>"),
        (b"xml-exc-c14n#", b"xml-exc-c14n#WithComments"),
        (b"rsa-sha256", b"rsa-sha1"),
        (b"</SignatureValue>", b"<b></b></SignatureValue>"),
    ],
)
def test_what_differs_from_the_usual_layout_is_left_to_the_walk(old: bytes, new: bytes) -> None:
    data = signed().replace(old, new, 1)
    assert new in data
    assert read_plain(parts(data)) is None


def test_anything_of_a_signature_beside_the_signature_is_left_to_the_walk() -> None:
    found = parts(signed())
    assert read_plain(found) is not None
    assert read_plain([*found, etree.Element(ds("KeyInfo"))]) is None


def test_white_space_between_certificate_parts_is_read_by_the_walk() -> None:
    data = signed().replace(b"<KeyInfo>", b"\n  <KeyInfo>\n")
    parsed = parse(data)
    assert isinstance(parsed, Parsed)
    assert isinstance(check_integrity(parsed), Signed)
