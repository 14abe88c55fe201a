"""RFC 3161 time stamps over the digest of a seal: the request, the answer, and what a token proves."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from edxml_schemas.dsig.profile import read_certificate

TOKEN_BYTES: Final = 64 * 2**10
"""Most bytes of an answer. A token with its certificates has 2 to 8 KiB."""

_GRANTED: Final = frozenset({"granted", "granted_with_mods"})
_HASHES: Final[dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_SET_OF: Final = b"\x31"
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What the ASN.1 reader raises for bytes that are no token."""


class _Response(core.Sequence):  # type: ignore[misc]  # the library has no types
    """TimeStampResp; the library's own does not know that a refusal has no token."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]  # noqa: RUF012  its way


class StampFault(Exception):
    """An answer or token that proves nothing; `vi` and `en` say why."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A token whose imprint and signature are right. `signer` made it; whether to trust that key is not said here."""

    made_at: datetime
    serial: int
    policy: str
    signer: x509.Certificate


def request_of(digest: str, *, nonce: int) -> bytes:
    """A TimeStampReq (DER) for a SHA-256 digest in hexadecimal, asking for the authority's certificate."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes.fromhex(digest)}
    request = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "nonce": nonce, "cert_req": True})
    return bytes(request.dump())


def token_of(answer: bytes, digest: str, *, nonce: int) -> bytes:
    """The token (DER) in a TimeStampResp. Raises StampFault for a refusal, another digest or nonce, a bad signature."""
    if len(answer) > TOKEN_BYTES:
        raise StampFault("Trả lời quá dài", "The answer is too long")
    try:
        response = _Response.load(answer, strict=True)
        status = response["status"]["status"].native
        if status not in _GRANTED:
            raise StampFault(f"Bị từ chối: {status}", f"Refused: {status}")
        token = bytes(response["time_stamp_token"].dump())
        said = _info(_signed_data(token))["nonce"].native
    except _UNREADABLE as problem:
        raise _unreadable(problem) from problem
    if said != nonce:
        raise StampFault("Nonce không khớp", "The nonce is another one")
    check_token(token, digest)
    return token


def check_token(token: bytes, digest: str) -> Stamp:
    """What a token says about a SHA-256 digest in hexadecimal. Raises StampFault when it does not prove it."""
    if len(token) > TOKEN_BYTES:
        raise StampFault("Dấu thời gian quá dài", "The token is too long")
    try:
        signed = _signed_data(token)
        info = _info(signed)
        imprint = info["message_imprint"]
        right = imprint["hash_algorithm"]["algorithm"].native == "sha256" and imprint[
            "hashed_message"
        ].native == bytes.fromhex(digest)
        if not right:
            raise StampFault("Dấu thời gian của dữ liệu khác", "The time stamp is for other data")
        signer = _check_signature(signed)
        stamp = Stamp(
            made_at=info["gen_time"].native,
            serial=info["serial_number"].native,
            policy=info["policy"].native,
            signer=signer,
        )
    except _UNREADABLE as problem:
        raise _unreadable(problem) from problem
    if not signer.not_valid_before_utc <= stamp.made_at <= signer.not_valid_after_utc:
        raise StampFault("Chứng thư đóng dấu không còn hạn lúc đó", "The stamping certificate was not valid then")
    return stamp


def _unreadable(problem: Exception) -> StampFault:
    return StampFault(f"Không đọc được dấu thời gian: {problem}", f"The time stamp cannot be read: {problem}")


def _signed_data(token: bytes) -> Any:
    content = cms.ContentInfo.load(token, strict=True)
    if content["content_type"].native != "signed_data":
        raise ValueError("not signed data")
    return content["content"]


def _info(signed: Any) -> Any:
    if signed["encap_content_info"]["content_type"].native != "tst_info":
        raise ValueError("not a TSTInfo")
    return signed["encap_content_info"]["content"].parsed


def _check_signature(signed: Any) -> x509.Certificate:
    """The certificate of the one signer, after everything it signed was compared."""
    if len(signed["signer_infos"]) != 1:
        raise StampFault("Phải có đúng một chữ ký", "There must be one signature")
    signer = signed["signer_infos"][0]
    certificate = _certificate_of(signed, signer)
    attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
    content = bytes(signed["encap_content_info"]["content"])
    digest = signer["digest_algorithm"]["algorithm"].native
    if attributes["content_type"][0].native != "tst_info":
        raise StampFault("Nội dung được ký không phải dấu thời gian", "What was signed is no time stamp")
    if attributes["message_digest"][0].native != hashlib.new(_sound(digest), content).digest():
        raise StampFault("Dấu thời gian bị thay đổi", "The time stamp is altered")
    words = _SET_OF + bytes(signer["signed_attrs"].dump())[1:]  # RFC 5652 section 5.4: signed under its own tag
    _verify(certificate, bytes(signer["signature"].native), words, digest)
    return certificate


def _sound(name: str) -> str:
    if name not in _HASHES:
        raise StampFault(f"Thuật toán {name} không dùng được", f"{name} is not accepted")
    return name


def _certificate_of(signed: Any, signer: Any) -> x509.Certificate:
    wanted = signer["sid"].chosen
    for choice in signed["certificates"]:
        found = choice.chosen
        if isinstance(wanted, cms.IssuerAndSerialNumber):
            same = found.issuer == wanted["issuer"] and found.serial_number == wanted["serial_number"].native
        else:
            same = found.key_identifier == wanted.native
        if same:
            read = read_certificate(found.dump())
            if read is not None and _may_stamp(read.certificate):
                return read.certificate
            break
    raise StampFault("Không có chứng thư được phép đóng dấu", "No certificate that may stamp is enclosed")


def _may_stamp(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage


def _verify(certificate: x509.Certificate, signature: bytes, words: bytes, digest: str) -> None:
    key, algorithm = certificate.public_key(), _HASHES[_sound(digest)]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, words, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, words, ec.ECDSA(algorithm))
        else:
            raise StampFault("Loại khóa không dùng được", "This kind of key is not accepted")
    except (InvalidSignature, UnsupportedAlgorithm) as problem:
        raise StampFault("Chữ ký dấu thời gian sai", "The time stamp's signature is wrong") from problem
