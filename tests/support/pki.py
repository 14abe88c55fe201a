"""A throw-away public-key infrastructure: a root, an issuing authority, credentials and revocation lists.

Times are passed in. EC keys cost nothing; RSA keys are slow to make, so one is kept for each size and reused
unless a fresh one is asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Kind = Literal["ec", "ec384", "ec521", "rsa", "rsa1024"]
Digest = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Extensions = Iterable[tuple[x509.ExtensionType, bool]]

LEAF_LIFE: Final = timedelta(days=365)
AUTHORITY_LIFE: Final = timedelta(days=3650)
CRL_LIFE: Final = timedelta(days=7)
BACKDATED: Final = timedelta(days=1)
"""Certificates and lists begin this long before the infrastructure's own time."""


def usages(*names: str) -> x509.KeyUsage:
    """A key usage extension from names such as `digital_signature` or `key_cert_sign`."""
    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    unknown = set(names) - set(known)
    if unknown:
        raise ValueError(f"no such key usage: {sorted(unknown)}")
    return x509.KeyUsage(**{name: name in names for name in known})


SIGNING: Final = usages("digital_signature", "content_commitment")
CERTIFYING: Final = usages("key_cert_sign", "crl_sign")


@dataclass(frozen=True, slots=True)
class Credential:
    """A private key with its certificate."""

    key: PrivateKey
    cert: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return self.encrypted_key_pem(None)

    @property
    def cert_pem(self) -> bytes:
        return self.cert.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate's DER form, lower-case hexadecimal."""
        return self.cert.fingerprint(hashes.SHA256()).hex()

    def encrypted_key_pem(self, password: bytes | None) -> bytes:
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


@dataclass(slots=True, eq=False)
class Authority:
    """One certification authority. `revoked` fills as certificates are taken back."""

    name: str
    credential: Credential
    now: datetime
    revoked: dict[int, x509.RevokedCertificate] = field(default_factory=dict)

    @property
    def cert(self) -> x509.Certificate:
        return self.credential.cert

    def revoke(
        self, credential: Credential, at: datetime, reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise
    ) -> None:
        serial = credential.cert.serial_number
        self.revoked[serial] = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(at)
            .add_extension(x509.CRLReason(reason), critical=False)
            .build()
        )

    def crl(
        self,
        this_update: datetime | None = None,
        next_update: datetime | None = None,
        *,
        extensions: Extensions = (),
        signed_with: PrivateKey | None = None,
    ) -> x509.CertificateRevocationList:
        """The list of what is revoked now; valid from a day ago for seven days unless told otherwise."""
        start = this_update if this_update is not None else self.now - BACKDATED
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.cert.subject)
            .last_update(start)
            .next_update(next_update if next_update is not None else start + BACKDATED + CRL_LIFE)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        for entry in self.revoked.values():
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(signed_with or self.credential.key, hashes.SHA256())


class Pki:
    """A root, an issuing authority below it, and whatever is issued from them."""

    def __init__(self, now: datetime, *, name: str = "Thử nghiệm") -> None:
        """`now` is aware; certificates begin a day before it."""
        self.now = now
        self.name = name
        self.root = self.authority(f"{name} Root CA", issuer=None)
        self.issuing = self.authority(f"{name} Issuing CA", issuer=self.root, path_length=0)

    def authority(
        self,
        common_name: str,
        *,
        issuer: Authority | None,
        kind: Kind = "ec",
        ca: bool = True,
        path_length: int | None = None,
        key_usage: x509.KeyUsage | None = CERTIFYING,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        extensions: Extensions = (),
    ) -> Authority:
        """A new authority; self-signed when `issuer` is None."""
        key = make_key(kind)
        start = not_before if not_before is not None else self.now - BACKDATED
        certificate = build_certificate(
            subject=name_of(common_name),
            key=key,
            issuer=issuer.credential if issuer else None,
            not_before=start,
            not_after=not_after if not_after is not None else start + AUTHORITY_LIFE,
            extensions=[
                (x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), True),
                *([(key_usage, True)] if key_usage else []),
                *extensions,
            ],
        )
        return Authority(common_name, Credential(key, certificate), self.now)

    def issue(
        self,
        common_name: str,
        *,
        kind: Kind = "ec",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key_usage: x509.KeyUsage | None = SIGNING,
        issuer: Authority | None = None,
        key: PrivateKey | None = None,
        digest: Digest | None = None,
        extensions: Extensions = (),
    ) -> Credential:
        """A signing credential; the issuing authority issues it unless another is named."""
        own = key if key is not None else make_key(kind)
        start = not_before if not_before is not None else self.now - BACKDATED
        certificate = build_certificate(
            subject=name_of(common_name),
            key=own,
            issuer=(issuer or self.issuing).credential,
            not_before=start,
            not_after=not_after if not_after is not None else start + LEAF_LIFE,
            digest=digest,
            extensions=[
                (x509.BasicConstraints(ca=False, path_length=None), True),
                *([(key_usage, True)] if key_usage else []),
                *extensions,
            ],
        )
        return Credential(own, certificate)

    def self_signed(self, common_name: str, *, kind: Kind = "ec") -> Credential:
        """A credential that nobody vouches for."""
        key = make_key(kind)
        start = self.now - BACKDATED
        certificate = build_certificate(
            subject=name_of(common_name),
            key=key,
            issuer=None,
            not_before=start,
            not_after=start + LEAF_LIFE,
            extensions=[(x509.BasicConstraints(ca=False, path_length=None), True), (SIGNING, True)],
        )
        return Credential(key, certificate)

    def revoke(
        self,
        credential: Credential,
        at: datetime,
        reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
        *,
        issuer: Authority | None = None,
    ) -> None:
        """Puts a credential on the list of its issuer (the issuing authority unless another is named)."""
        (issuer or self.issuing).revoke(credential, at, reason)

    def crl(
        self, this_update: datetime | None = None, next_update: datetime | None = None
    ) -> x509.CertificateRevocationList:
        """A fresh list of the issuing authority."""
        return self.issuing.crl(this_update, next_update)

    def crls(
        self, this_update: datetime | None = None, next_update: datetime | None = None
    ) -> tuple[x509.CertificateRevocationList, ...]:
        """Fresh lists of both authorities."""
        return self.root.crl(this_update, next_update), self.issuing.crl(this_update, next_update)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """What stands between a credential and the root."""
        return (self.issuing.cert,)

    def write(
        self,
        folder: Path,
        credentials: Mapping[str, Credential] | None = None,
        *,
        next_update: datetime | None = None,
    ) -> None:
        """Writes `anchors/root.pem`, `intermediates/issuing.pem`, `crls/*.crl` (DER) and the named credentials.

        A credential named `bgt` becomes `bgt.key.pem` (PKCS#8, mode 0600) and `bgt.cert.pem`.
        """
        for name, content in {
            "anchors/root.pem": self.root.credential.cert_pem,
            "intermediates/issuing.pem": self.issuing.credential.cert_pem,
        }.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.write_crls(folder, next_update=next_update)
        for name, credential in (credentials or {}).items():
            key_path = folder / f"{name}.key.pem"
            key_path.touch(mode=0o600)
            key_path.write_bytes(credential.key_pem)
            (folder / f"{name}.cert.pem").write_bytes(credential.cert_pem)

    def write_crls(self, folder: Path, *, next_update: datetime | None = None) -> None:
        """Writes fresh `crls/root.crl` and `crls/issuing.crl`, for instance after a revocation."""
        (folder / "crls").mkdir(parents=True, exist_ok=True)
        for name, authority in (("root", self.root), ("issuing", self.issuing)):
            crl = authority.crl(next_update=next_update)
            (folder / "crls" / f"{name}.crl").write_bytes(crl.public_bytes(serialization.Encoding.DER))


def make_key(kind: Kind) -> PrivateKey:
    """A private key: fresh for the curves, one per size and session for RSA."""
    curves: dict[str, ec.EllipticCurve] = {"ec": ec.SECP256R1(), "ec384": ec.SECP384R1(), "ec521": ec.SECP521R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    return shared_rsa_key(1024 if kind == "rsa1024" else 2048)


@lru_cache(maxsize=4)
def shared_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def name_of(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def build_certificate(
    *,
    subject: x509.Name,
    key: PrivateKey,
    issuer: Credential | None,
    not_before: datetime,
    not_after: datetime,
    digest: Digest | None = None,
    extensions: Extensions = (),
) -> x509.Certificate:
    """A certificate over `key`, self-signed when `issuer` is None, with both key identifiers."""
    signing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.cert.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signing_key, digest or hashes.SHA256())
