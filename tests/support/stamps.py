"""A time-stamping authority after RFC 3161, made of a key and asn1crypto."""

import hashlib
from datetime import datetime

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from router.ports.signing import StampUnavailable
from tests.support.pki import Credential, Kind, Pki

STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


class LocalAuthority:
    """`ports.signing.StampAuthority` in this process. `refuses` makes it answer with a rejection."""

    def __init__(self, pki: Pki, *, now: datetime, kind: Kind = "ec", may_stamp: bool = True) -> None:
        self.credential: Credential = pki.issue(
            "Đóng dấu thời gian", kind=kind, extensions=[STAMPING] if may_stamp else []
        )
        self.now = now
        self.asked = 0
        self.refuses = False
        self.silent = False

    def ask(self, request: bytes) -> bytes:
        self.asked += 1
        if self.silent:
            raise StampUnavailable("no answer")
        wanted = tsp.TimeStampReq.load(request, strict=True)
        if self.refuses:
            status = tsp.PKIStatusInfo({"status": "rejection"}).dump()
            return bytes([0x30, len(status), *status])
        return self.answer(wanted["message_imprint"], nonce=wanted["nonce"].native)

    def answer(self, imprint: object, *, nonce: int | None) -> bytes:
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4.1",
                "message_imprint": imprint,
                "serial_number": 7,
                "gen_time": self.now,
                "nonce": nonce,
            }
        )
        content = info.dump()
        certificate = asn1_x509.Certificate.load(self.credential.cert.public_bytes(Encoding.DER))
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute(
                    {"type": "message_digest", "values": [core.OctetString(hashlib.sha256(content).digest())]}
                ),
            ]
        )
        rsa_key = isinstance(self.credential.key, rsa.RSAPrivateKey)
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {
                        "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                            {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                        )
                    }
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm(
                    {"algorithm": "sha256_rsa" if rsa_key else "sha256_ecdsa"}
                ),
                "signature": self._sign(attributes.dump()),
            }
        )
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
                "certificates": [certificate],
                "signer_infos": [signer],
            }
        )
        token = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())

    def _sign(self, words: bytes) -> bytes:
        key = self.credential.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(words, padding.PKCS1v15(), hashes.SHA256())
        return key.sign(words, ec.ECDSA(hashes.SHA256()))
