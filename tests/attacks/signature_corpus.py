"""Attacks on a signed envelope: each takes a genuine one and hands back a forged one.

The eight classic shapes of signature wrapping (McIntosh and Austel 2005; Somorovsky and others 2012) move the signed
element elsewhere and put a forged one where the application looks. They live on references by Id. Here the reference
is `URI=""`, so every shape shrinks to one of: the signature is elsewhere, there are two, its reference points
elsewhere, or the digest no longer fits. Each is written down all the same.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from edxml_schemas.findings import FindingCode
from edxml_schemas.names import DSIG_NS, EDXML_NS
from edxml_schemas.signatures import Signer, sign
from tests.support.envelopes import envelope_bytes
from tests.support.pki import Credential, Pki

C = FindingCode
DSIG11: Final = "http://www.w3.org/2009/xmldsig11#"


@dataclass(frozen=True, slots=True)
class Setting:
    """What an attacker has: a genuine envelope, a credential of the same authority, and one of nobody."""

    pki: Pki
    victim: Credential
    attacker: Credential
    stranger: Credential
    genuine: bytes
    unsigned: bytes


@dataclass(frozen=True, slots=True)
class Attack:
    name: str
    forge: Callable[[Setting], bytes]
    expected: frozenset[FindingCode]
    """At least one of these is among the findings, and the envelope is refused."""


def setting(pki: Pki, *, kind: str = "ec") -> Setting:
    victim = pki.issue("Văn phòng", kind="rsa" if kind == "rsa" else "ec")
    unsigned = envelope_bytes()
    return Setting(
        pki=pki,
        victim=victim,
        attacker=pki.issue("Kẻ tấn công"),
        stranger=pki.self_signed("Người lạ"),
        genuine=sign(unsigned, Signer(victim.key, victim.cert, pki.chain)),
        unsigned=unsigned,
    )


# Tools of an attacker


def swap(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """Replaces text that has to be there."""
    raw = old.encode()
    if raw not in data:
        raise ValueError(f"not there: {old}")
    return data.replace(raw, new.encode(), count)


def element(data: bytes, name: str) -> str:
    """The first element of this qualified name, as text."""
    match = re.search(rf"<{name}[\s>].*?</{name}>".encode(), data, re.DOTALL)
    if match is None:
        raise ValueError(f"not there: {name}")
    return match.group().decode()


def signature(data: bytes) -> str:
    return element(data, "Signature")


def without_signature(data: bytes) -> bytes:
    return swap(data, signature(data), "")


def in_leaf(name: str, change: Callable[[bytes], bytes]) -> Callable[[Setting], bytes]:
    """Changes the bytes behind the base64 of a leaf."""

    def forge(at: Setting) -> bytes:
        text = re.sub(r"<[^>]*>", "", element(at.genuine, name))
        return swap(at.genuine, f">{text}<", f">{base64.b64encode(change(base64.b64decode(text))).decode()}<")

    return forge


def replaced(old: str, new: str) -> Callable[[Setting], bytes]:
    return lambda at: swap(at.genuine, old, new)


def resigned_info(old: str, new: str) -> Callable[[Setting], bytes]:
    """Changes SignedInfo and signs it anew with the victim's own key: the mathematics is right, the profile is not."""

    def forge(at: Setting) -> bytes:
        changed = swap(at.genuine, old, new)
        info = element(changed, "SignedInfo").replace("<SignedInfo>", f'<SignedInfo xmlns="{DSIG_NS}">')
        signer = Signer(at.victim.key, at.victim.cert)
        value = base64.b64encode(signer.signature_of(info.encode())).decode()
        return swap(changed, element(changed, "SignatureValue"), f"<SignatureValue>{value}</SignatureValue>")

    return forge


def beside_certificates(at: Setting, text: str) -> bytes:
    return swap(at.genuine, "</X509Data>", f"</X509Data>{text}")


def certificate_text(credential: Credential) -> str:
    return base64.b64encode(credential.cert.public_bytes(serialization.Encoding.DER)).decode()


def victim_certificate(at: Setting) -> str:
    return f"<X509Certificate>{certificate_text(at.victim)}</X509Certificate>"


def attacker_certificate(at: Setting) -> str:
    return f"<X509Certificate>{certificate_text(at.attacker)}</X509Certificate>"


def authority_certificate(at: Setting) -> str:
    return f"<X509Certificate>{certificate_text(at.pki.issuing.credential)}</X509Certificate>"


FORGED_TO: Final = "<edXML:To><edXML:OrganId>000.00.00.H99</edXML:OrganId></edXML:To>"


def forged(data: bytes) -> bytes:
    """Another sender, so that a successful forgery would show."""
    return swap(data, "000.00.00.G22", "000.00.00.G66", -1)


def with_signature(data: bytes, text: str) -> bytes:
    return swap(data, "</edXML:edXMLHeader>", f"{text}</edXML:edXMLHeader>")


# The eight classic shapes


def _original_in_object(at: Setting) -> bytes:
    """1. The genuine document inside ds:Object of the signature, a forged one around it."""
    inner = without_signature(at.genuine).split(b"\n", 1)[1].decode()
    text = signature(at.genuine).replace("</Signature>", f"<Object>{inner}</Object></Signature>")
    return with_signature(forged(at.unsigned), text)


def _signature_inside_original(at: Setting) -> bytes:
    """2. The genuine signed document as a whole inside a forged one."""
    inner = at.genuine.split(b"\n", 1)[1].decode()
    return swap(
        forged(at.unsigned), "</edXML:edXMLHeader>", f"<edXML:Wrapper>{inner}</edXML:Wrapper></edXML:edXMLHeader>"
    )


def _original_beside_signature(at: Setting) -> bytes:
    """3. The genuine header as a sibling of the forged one, the signature in the genuine one."""
    header = element(at.unsigned, "edXML:edXMLHeader")
    fake = element(forged(at.unsigned), "edXML:edXMLHeader")
    return swap(
        at.genuine,
        element(at.genuine, "edXML:edXMLHeader"),
        fake + with_signature(header.encode(), signature(at.genuine)).decode(),
    )


def _original_under_wrapper(at: Setting) -> bytes:
    """4. The genuine header under a wrapper, a forged header with the signature in its place."""
    header = element(at.unsigned, "edXML:edXMLHeader")
    fake = with_signature(element(forged(at.unsigned), "edXML:edXMLHeader").encode(), signature(at.genuine)).decode()
    return swap(at.unsigned, header, f"{fake}<edXML:Wrapper>{header}</edXML:Wrapper>")


def _root_wrapped(at: Setting) -> bytes:
    """5. A new root around the genuine one, and a forged envelope beside it."""
    inner = at.genuine.split(b"\n", 1)[1].decode()
    fake = element(forged(at.unsigned), "edXML:edXMLEnvelope")
    return f'<edXML xmlns="{EDXML_NS}">{fake}{inner}</edXML>'.encode()


def _reference_by_id(at: Setting) -> bytes:
    """6. The reference turned to an Id, which the wrapped original carries."""
    changed = resigned_info('<Reference URI="">', '<Reference URI="#original">')(at)
    return swap(changed, "<edXML:MessageHeader>", '<edXML:MessageHeader Id="original">')


def _two_ids(at: Setting) -> bytes:
    """7. Two elements with the same Id, so that verifier and reader each find their own."""
    header = element(at.unsigned, "edXML:MessageHeader").replace(
        "<edXML:MessageHeader", '<edXML:MessageHeader xml:id="a"', 1
    )
    fake = forged(header.encode()).decode()
    changed = resigned_info('<Reference URI="">', '<Reference URI="#a">')(at)
    return swap(changed, element(changed, "edXML:MessageHeader"), fake + header)


def _xpointer_reference(at: Setting) -> bytes:
    """8. A reference by XPointer, which some readers take for the whole document."""
    return resigned_info('<Reference URI="">', "<Reference URI=\"#xpointer(id('a'))\">")(at)


# Keys and values


def _hmac_with_public_key(at: Setting) -> bytes:
    """The victim's public key, which everybody has, as secret of an HMAC."""
    method = "http://www.w3.org/2000/09/xmldsig#hmac-sha256"
    changed = re.sub(
        rb'(<SignatureMethod Algorithm=")[^"]*', lambda found: found.group(1) + method.encode(), at.genuine
    )
    secret = at.victim.cert.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(element(changed, "SignedInfo").replace("<SignedInfo>", f'<SignedInfo xmlns="{DSIG_NS}">').encode())
    value = base64.b64encode(mac.finalize()).decode()
    return swap(changed, element(changed, "SignatureValue"), f"<SignatureValue>{value}</SignatureValue>")


def _as_der(raw: bytes) -> bytes:
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def _fitting_digest(at: Setting) -> bytes:
    """Forged content with the digest that fits it: only the signature value is wrong now."""
    done = sign(forged(at.unsigned), Signer(at.attacker.key, at.attacker.cert))
    right = element(done, "DigestValue")
    text = signature(at.genuine)
    kept = text.replace(element(text.encode(), "DigestValue"), right)
    return swap(done, signature(done), kept)


def _loose_bits(at: Setting) -> bytes:
    """Another spelling of the same bytes: 64 bytes leave four bits of the last digit unused."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = re.sub(r"<[^>]*>", "", element(at.genuine, "SignatureValue"))
    last = digits[digits.index(text[-3]) + 1]
    return swap(at.genuine, f">{text}<", f">{text[:-3]}{last}==<")


def _weak_rsa(at: Setting) -> bytes:
    weak = at.pki.issue("Yếu", kind="rsa1024")
    changed = swap(at.genuine, certificate_text(at.victim), certificate_text(weak))
    return swap(changed, "ecdsa-sha256", "rsa-sha256")


def _curve_with_other_hash(at: Setting) -> bytes:
    """P-384 with SHA-256: not a pair of the profile, although the mathematics is right."""
    big = at.pki.issue("P-384", kind="ec384")
    done = sign(at.unsigned, Signer(big.key, big.cert))
    return swap(done, "ecdsa-sha384", "ecdsa-sha256")


def _odd_curve(at: Setting) -> bytes:
    odd = at.pki.issue("P-521", kind="ec521")
    return swap(at.genuine, certificate_text(at.victim), certificate_text(odd))


def _doubled(name: str) -> Callable[[Setting], bytes]:
    return lambda at: swap(at.genuine, element(at.genuine, name), 2 * element(at.genuine, name))


def _dropped(name: str) -> Callable[[Setting], bytes]:
    return lambda at: swap(at.genuine, element(at.genuine, name), "")


def _key_value_only(at: Setting) -> bytes:
    numbers = at.victim.cert.public_key()
    if not isinstance(numbers, ec.EllipticCurvePublicKey):
        raise TypeError("the setting has an EC key")
    point = numbers.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    value = (
        f'<KeyValue><ECKeyValue xmlns="{DSIG11}"><NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        f"<PublicKey>{base64.b64encode(point).decode()}</PublicKey></ECKeyValue></KeyValue>"
    )
    return swap(at.genuine, element(at.genuine, "X509Data"), value)


EXC_STEP: Final = '<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></Transform>'
ENV_STEP: Final = '<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></Transform>'


def step(uri: str, inner: str = "") -> str:
    return f'<Transform Algorithm="{uri}">{inner}</Transform>'


def _transform(name: str, text: str) -> Attack:
    """The two steps replaced, and SignedInfo signed anew by the victim."""
    forge = resigned_info(ENV_STEP + EXC_STEP, text)
    return Attack(f"transform: {name}", forge, frozenset({C.SIGNATURE_TRANSFORM}))


def _attack(name: str, forge: Callable[[Setting], bytes], *expected: FindingCode) -> Attack:
    return Attack(name, forge, frozenset(expected))


XSLT: Final = step(
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>',
)
XPATH: Final = step("http://www.w3.org/TR/1999/REC-xpath-19991116", "<XPath>false()</XPath>")
XPATH_FILTER: Final = step(
    "http://www.w3.org/2002/06/xmldsig-filter2",
    '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//To</f:XPath>',
)

ATTACKS: Final = (
    _attack("wrapping 1: original in ds:Object", _original_in_object, C.SIGNATURE_MALFORMED),
    _attack("wrapping 2: signed original inside a forged one", _signature_inside_original, C.SIGNATURE_MISPLACED),
    _attack("wrapping 3: original beside the forged header", _original_beside_signature, C.SIGNATURE_DIGEST),
    _attack("wrapping 4: original under a wrapper", _original_under_wrapper, C.SIGNATURE_DIGEST),
    _attack("wrapping 5: new root around everything", _root_wrapped, C.SIGNATURE_MISPLACED),
    _attack("wrapping 6: reference by Id", _reference_by_id, C.SIGNATURE_REFERENCE),
    _attack("wrapping 7: the same Id twice", _two_ids, C.SIGNATURE_REFERENCE),
    _attack("wrapping 8: reference by XPointer", _xpointer_reference, C.SIGNATURE_REFERENCE),
    # Content
    _attack("sender changed", lambda at: forged(at.genuine), C.SIGNATURE_DIGEST),
    _attack("recipient added", replaced("<edXML:DocumentId>", f"{FORGED_TO}<edXML:DocumentId>"), C.SIGNATURE_DIGEST),
    _attack("recipient repeated", _doubled("edXML:To"), C.SIGNATURE_DIGEST),
    _attack("recipient removed", _dropped("edXML:To"), C.SIGNATURE_DIGEST),
    _attack(
        "recipients swapped",
        lambda at: swap(
            swap(swap(at.genuine, "000.00.00.H41", "x"), "000.00.00.H14", "000.00.00.H41"), ">x<", ">000.00.00.H14<"
        ),
        C.SIGNATURE_DIGEST,
    ),
    _attack("comment inside OrganId", replaced("000.00.00.G22", "000.00.00.G2<!-- -->2"), C.SIGNATURE_COMMENT),
    _attack(
        "recipient commented out",
        lambda at: swap(at.genuine, element(at.genuine, "edXML:To"), f"<!--{element(at.genuine, 'edXML:To')}-->"),
        C.SIGNATURE_COMMENT,
    ),
    _attack("processing instruction inside", replaced("<edXML:From>", "<?x y?><edXML:From>"), C.SIGNATURE_COMMENT),
    _attack("comment inside the signature", replaced("<DigestValue>", "<DigestValue><!---->"), C.SIGNATURE_COMMENT),
    _attack("comment after the root", lambda at: at.genuine + b"<!-- -->", C.SIGNATURE_COMMENT),
    _attack(
        "stylesheet before the root",
        replaced("?>\n<edXML", '?>\n<?xml-stylesheet href="x"?><edXML'),
        C.SIGNATURE_COMMENT,
    ),
    _attack("white space added between elements", replaced("<edXML:From>", "<edXML:From> "), C.SIGNATURE_DIGEST),
    _attack("carriage return by reference", replaced("</edXML:Subject>", "&#13;</edXML:Subject>"), C.SIGNATURE_DIGEST),
    _attack("attribute added", replaced("<edXML:From>", '<edXML:From a="b">'), C.SIGNATURE_DIGEST),
    _attack(
        "prefix rebound to another namespace",
        replaced("<edXML:From>", '<edXML:From xmlns:edXML="urn:other">'),
        C.SIGNATURE_DIGEST,
    ),
    _attack(
        "same element under another prefix",
        lambda at: swap(
            swap(at.genuine, "<edXML:Subject>", f'<p:Subject xmlns:p="{EDXML_NS}">'), "</edXML:Subject>", "</p:Subject>"
        ),
        C.SIGNATURE_DIGEST,
    ),
    _attack(
        "namespace without canonical form",
        replaced("<edXML:From>", '<edXML:From xmlns:r="relative/uri" r:a="">'),
        C.SIGNATURE_MALFORMED,
        C.SIGNATURE_DIGEST,
    ),
    _attack("xml:id added", replaced("<edXML:From>", '<edXML:From xml:id="a">'), C.SIGNATURE_DIGEST),
    _attack("text beside the signature", replaced("</Signature>", "</Signature>x"), C.SIGNATURE_DIGEST),
    # The signature elsewhere, missing, or not alone
    _attack("signature removed", lambda at: without_signature(at.genuine), C.SIGNATURE_MISSING),
    _attack(
        "signature of another document",
        lambda at: with_signature(forged(at.unsigned), signature(at.genuine)),
        C.SIGNATURE_DIGEST,
    ),
    _attack("signature twice", _doubled("Signature"), C.SIGNATURE_SEVERAL),
    _attack(
        "attacker's signature first",
        lambda at: swap(
            at.genuine,
            "<Signature ",
            signature(sign(at.unsigned, Signer(at.attacker.key, at.attacker.cert))) + "<Signature ",
        ),
        C.SIGNATURE_SEVERAL,
    ),
    _attack(
        "second signature without namespace",
        replaced("<edXML:From>", '<edXML:From><Signature xmlns=""/>'),
        C.SIGNATURE_SEVERAL,
    ),
    _attack(
        "signature in MessageHeader",
        lambda at: swap(
            without_signature(at.genuine), "</edXML:MessageHeader>", signature(at.genuine) + "</edXML:MessageHeader>"
        ),
        C.SIGNATURE_MISPLACED,
    ),
    _attack(
        "signature under the root",
        lambda at: swap(without_signature(at.genuine), "</edXML>", signature(at.genuine) + "</edXML>"),
        C.SIGNATURE_MISPLACED,
    ),
    _attack(
        "signature in an attachment",
        lambda at: swap(without_signature(at.genuine), "</Attachment>", signature(at.genuine) + "</Attachment>"),
        C.SIGNATURE_MISPLACED,
    ),
    _attack(
        "manifest outside the signature",
        replaced("<edXML:From>", f'<edXML:From><Manifest xmlns="{DSIG_NS}"/>'),
        C.SIGNATURE_MISPLACED,
    ),
    _attack("object inside the signature", replaced("</Signature>", "<Object/></Signature>"), C.SIGNATURE_MALFORMED),
    _attack("signed info twice", _doubled("SignedInfo"), C.SIGNATURE_MALFORMED),
    _attack("signed info missing", _dropped("SignedInfo"), C.SIGNATURE_MALFORMED),
    _attack("signature value twice", _doubled("SignatureValue"), C.SIGNATURE_MALFORMED),
    _attack("unknown element", replaced("<KeyInfo>", "<Extra/><KeyInfo>"), C.SIGNATURE_MALFORMED),
    _attack("element of another namespace", replaced("<KeyInfo>", '<KeyInfo xmlns="urn:x">'), C.SIGNATURE_MALFORMED),
    _attack("attribute on the signature", replaced("<Signature ", '<Signature Id="a" '), C.SIGNATURE_MALFORMED),
    _attack("text inside the signature", replaced("<KeyInfo>", "text<KeyInfo>"), C.SIGNATURE_MALFORMED),
    _attack("much white space", replaced("<KeyInfo>", " " * 100_000 + "<KeyInfo>"), C.SIGNATURE_MALFORMED),
    # Transforms and canonicalisation, each with a signature value that is mathematically right
    _transform("none", ""),
    _transform("enveloped missing", EXC_STEP),
    _transform("canonicalisation missing", ENV_STEP),
    _transform("other order", EXC_STEP + ENV_STEP),
    _transform("enveloped twice", ENV_STEP + ENV_STEP + EXC_STEP),
    _transform("XSLT", ENV_STEP + XSLT + EXC_STEP),
    _transform("XPath", ENV_STEP + XPATH + EXC_STEP),
    _transform("XPath filter 2.0", ENV_STEP + XPATH_FILTER + EXC_STEP),
    _transform("base64", ENV_STEP + step("http://www.w3.org/2000/09/xmldsig#base64") + EXC_STEP),
    _transform("with comments", ENV_STEP + step("http://www.w3.org/2001/10/xml-exc-c14n#WithComments")),
    _transform("inclusive C14N", ENV_STEP + step("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")),
    _transform("C14N 1.1", ENV_STEP + step("http://www.w3.org/2006/12/xml-c14n11")),
    _transform(
        "prefix list",
        ENV_STEP
        + step(
            "http://www.w3.org/2001/10/xml-exc-c14n#",
            '<InclusiveNamespaces xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="edXML"/>',
        ),
    ),
    _transform("another element among them", ENV_STEP + EXC_STEP + "<XPath/>"),
    _attack(
        "SignedInfo canonicalised inclusively",
        resigned_info(
            '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">',
            '<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315">',
        ),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack(
        "SignedInfo canonicalised with comments",
        resigned_info(
            '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">',
            '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#WithComments">',
        ),
        C.SIGNATURE_ALGORITHM,
    ),
    # References
    _attack("reference without URI", resigned_info('<Reference URI="">', "<Reference>"), C.SIGNATURE_REFERENCE),
    _attack("reference to elsewhere", resigned_info('URI=""', 'URI="http://example.org/x"'), C.SIGNATURE_REFERENCE),
    _attack("reference to a file", resigned_info('URI=""', 'URI="file:///etc/passwd"'), C.SIGNATURE_REFERENCE),
    _attack(
        "reference with a type", resigned_info('URI=""', f'URI="" Type="{DSIG_NS}Manifest"'), C.SIGNATURE_REFERENCE
    ),
    _attack("second reference", _doubled("Reference"), C.SIGNATURE_REFERENCE),
    _attack("no reference", _dropped("Reference"), C.SIGNATURE_REFERENCE),
    # Algorithms
    _attack(
        "digest SHA-1",
        resigned_info("http://www.w3.org/2001/04/xmlenc#sha256", f"{DSIG_NS}sha1"),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack(
        "digest unknown", resigned_info("http://www.w3.org/2001/04/xmlenc#sha256", "urn:none"), C.SIGNATURE_ALGORITHM
    ),
    _attack("signature ecdsa-sha1", resigned_info("#ecdsa-sha256", "#ecdsa-sha1"), C.SIGNATURE_ALGORITHM),
    _attack(
        "signature rsa-sha1",
        resigned_info("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", f"{DSIG_NS}rsa-sha1"),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack(
        "signature RSA-PSS",
        resigned_info(
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        ),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack(
        "signature none",
        resigned_info("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", ""),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack("HMAC with the public key", _hmac_with_public_key, C.SIGNATURE_ALGORITHM),
    _attack(
        "HMAC output length",
        replaced('#ecdsa-sha256">', '#ecdsa-sha256"><HMACOutputLength>0</HMACOutputLength>'),
        C.SIGNATURE_ALGORITHM,
    ),
    _attack("RSA method over an EC key", resigned_info("#ecdsa-sha256", "#rsa-sha256"), C.SIGNATURE_ALGORITHM),
    _attack("P-256 with SHA-384", resigned_info("#ecdsa-sha256", "#ecdsa-sha384"), C.SIGNATURE_ALGORITHM),
    _attack("P-384 with SHA-256", _curve_with_other_hash, C.SIGNATURE_ALGORITHM),
    # KeyInfo
    _attack(
        "attacker's certificate",
        lambda at: swap(at.genuine, certificate_text(at.victim), certificate_text(at.attacker)),
        C.SIGNATURE_VALUE,
    ),
    _attack(
        "stranger's certificate",
        lambda at: swap(at.genuine, certificate_text(at.victim), certificate_text(at.stranger)),
        C.SIGNATURE_VALUE,
    ),
    _attack(
        "attacker's certificate first",
        lambda at: swap(at.genuine, victim_certificate(at), attacker_certificate(at) + victim_certificate(at)),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack(
        "two signers' certificates",
        lambda at: swap(at.genuine, victim_certificate(at), victim_certificate(at) + attacker_certificate(at)),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack(
        "authority's certificate first", lambda at: swap(at.genuine, victim_certificate(at), ""), C.SIGNATURE_VALUE
    ),
    _attack(
        "seven certificates",
        lambda at: swap(at.genuine, victim_certificate(at), 7 * victim_certificate(at)),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack(
        "seven certificates of authorities",
        lambda at: swap(at.genuine, "</X509Data>", 6 * authority_certificate(at) + "</X509Data>"),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack("key value only", _key_value_only, C.SIGNATURE_KEY_INFO),
    _attack("key value beside", lambda at: beside_certificates(at, "<KeyValue/>"), C.SIGNATURE_KEY_INFO),
    _attack("key name beside", lambda at: beside_certificates(at, "<KeyName>x</KeyName>"), C.SIGNATURE_KEY_INFO),
    _attack(
        "retrieval method",
        lambda at: beside_certificates(at, '<RetrievalMethod URI="http://example.org/"/>'),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack(
        "encrypted key",
        lambda at: beside_certificates(at, '<e:EncryptedKey xmlns:e="http://www.w3.org/2001/04/xmlenc#"/>'),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack("second X509Data", _doubled("X509Data"), C.SIGNATURE_KEY_INFO),
    _attack(
        "revocation list inside", replaced("</X509Data>", "<X509CRL>AAAA</X509CRL></X509Data>"), C.SIGNATURE_KEY_INFO
    ),
    _attack(
        "long subject name",
        replaced("</X509Data>", f"<X509SubjectName>{'x' * 10_000}</X509SubjectName></X509Data>"),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack("no KeyInfo", _dropped("KeyInfo"), C.SIGNATURE_MALFORMED),
    _attack(
        "no certificate",
        lambda at: swap(
            swap(at.genuine, victim_certificate(at), ""),
            f"<X509Certificate>{certificate_text(at.pki.issuing.credential)}</X509Certificate>",
            "",
        ),
        C.SIGNATURE_KEY_INFO,
    ),
    _attack("certificate of 1024 bits", _weak_rsa, C.SIGNATURE_WEAK_KEY),
    _attack("certificate on another curve", _odd_curve, C.SIGNATURE_WEAK_KEY),
    _attack("certificate truncated", in_leaf("X509Certificate", lambda der: der[:-20]), C.SIGNATURE_CERTIFICATE),
    _attack(
        "certificate with bytes behind it", in_leaf("X509Certificate", lambda der: der + b"\0"), C.SIGNATURE_CERTIFICATE
    ),
    _attack(
        "certificate that is noise", in_leaf("X509Certificate", lambda der: bytes(len(der))), C.SIGNATURE_CERTIFICATE
    ),
    _attack(
        "certificate without end",
        lambda at: swap(at.genuine, certificate_text(at.victim), "A" * 1_000_000),
        C.SIGNATURE_CERTIFICATE,
    ),
    _attack("certificate empty", lambda at: swap(at.genuine, certificate_text(at.victim), ""), C.SIGNATURE_CERTIFICATE),
    _attack(
        "placeholder certificate",
        lambda at: swap(at.genuine, certificate_text(at.victim), "MIIFqTCCBJG"),
        C.SIGNATURE_DECORATIVE,
    ),
    # The value
    _attack(
        "value empty",
        lambda at: swap(at.genuine, element(at.genuine, "SignatureValue"), "<SignatureValue/>"),
        C.SIGNATURE_MALFORMED,
    ),
    _attack("value not base64", replaced("<SignatureValue>", "<SignatureValue>!"), C.SIGNATURE_MALFORMED),
    _attack("value with padding inside", replaced("<SignatureValue>", "<SignatureValue>AA=="), C.SIGNATURE_MALFORMED),
    _attack(
        "value with an element inside", replaced("<SignatureValue>", "<SignatureValue><a/>"), C.SIGNATURE_MALFORMED
    ),
    _attack("value with an attribute", replaced("<SignatureValue>", '<SignatureValue Id="v">'), C.SIGNATURE_MALFORMED),
    _attack(
        "value without end", replaced("<SignatureValue>", "<SignatureValue>" + "A" * 100_000), C.SIGNATURE_MALFORMED
    ),
    _attack("value with bytes behind it", in_leaf("SignatureValue", lambda raw: raw + b"\0"), C.SIGNATURE_VALUE),
    _attack("value with loose bits in its base64", _loose_bits, C.SIGNATURE_MALFORMED),
    _attack("value too short", in_leaf("SignatureValue", lambda raw: raw[:-1]), C.SIGNATURE_VALUE),
    _attack("value in DER", in_leaf("SignatureValue", _as_der), C.SIGNATURE_VALUE),
    _attack("value with r = 0", in_leaf("SignatureValue", lambda raw: bytes(32) + raw[32:]), C.SIGNATURE_VALUE),
    _attack("value with s = 0", in_leaf("SignatureValue", lambda raw: raw[:32] + bytes(32)), C.SIGNATURE_VALUE),
    _attack("value all zero", in_leaf("SignatureValue", lambda raw: bytes(len(raw))), C.SIGNATURE_VALUE),
    _attack("value all ones", in_leaf("SignatureValue", lambda raw: b"\xff" * len(raw)), C.SIGNATURE_VALUE),
    _attack(
        "value with one bit changed",
        in_leaf("SignatureValue", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
        C.SIGNATURE_VALUE,
    ),
    _attack(
        "digest with one bit changed",
        in_leaf("DigestValue", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
        C.SIGNATURE_DIGEST,
    ),
    _attack(
        "digest empty",
        lambda at: swap(at.genuine, element(at.genuine, "DigestValue"), "<DigestValue/>"),
        C.SIGNATURE_MALFORMED,
    ),
    _attack("digest truncated", in_leaf("DigestValue", lambda raw: raw[:16]), C.SIGNATURE_DIGEST),
    _attack("digest of the forged content, value kept", _fitting_digest, C.SIGNATURE_VALUE),
)
