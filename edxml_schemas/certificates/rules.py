"""What a certificate may do: rules of RFC 5280 section 6.1 about one certificate on a path, each fault by name."""

from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from edxml_schemas.certificates.revocation import SOUND_HASHES
from edxml_schemas.dsig.profile import kind_of_key
from edxml_schemas.findings import Finding, FindingCode, finding

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,  # any policy will do, so none needs to be compared
    }
)
_NOT_FOR_DOCUMENTS: Final = frozenset(
    {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    }
)
_RSA_BITS: Final = 2048
_CURVE_BITS: Final = 256


def validity_faults(certificate: x509.Certificate, at: datetime) -> list[Finding]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at > end:
        return [
            about_certificate(
                certificate, FindingCode.TRUST_EXPIRED, value=time_text(end), date=time_text(end), at=time_text(at)
            )
        ]
    if at < start:
        return [
            about_certificate(
                certificate,
                FindingCode.TRUST_NOT_YET_VALID,
                value=time_text(start),
                date=time_text(start),
                at=time_text(at),
            )
        ]
    return []


def leaf_faults(leaf: x509.Certificate) -> list[Finding]:
    """May it sign documents? A missing key usage forbids nothing (RFC 5280 section 4.2.1.3)."""
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        return [
            about_certificate(leaf, FindingCode.TRUST_KEY_USAGE, value="CA", found="CA", expected="digitalSignature")
        ]
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        found = _usages(usage)
        return [
            about_certificate(leaf, FindingCode.TRUST_KEY_USAGE, value=found, found=found, expected="digitalSignature")
        ]
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and set(purposes) <= _NOT_FOR_DOCUMENTS:
        found = ", ".join(each._name for each in purposes)
        return [
            about_certificate(leaf, FindingCode.TRUST_KEY_USAGE, value=found, found=found, expected="digitalSignature")
        ]
    return []


def issuer_faults(issuer: x509.Certificate, *, below: int, path: tuple[x509.Certificate, ...]) -> list[Finding]:
    """May it issue certificates, with `below` intermediates between it and the leaf?"""
    constraints = _extension(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return [_chain_fault(issuer, "basicConstraints", "CA")]
    # Self-issued intermediates (key roll-over) do not count (RFC 5280 section 4.2.1.9).
    length = sum(1 for each in path[1 : below + 1] if each.subject != each.issuer)
    if constraints.path_length is not None and length > constraints.path_length:
        return [_chain_fault(issuer, f"pathLenConstraint {constraints.path_length}", length)]
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return [_chain_fault(issuer, _usages(usage), "keyCertSign")]
    return []


def extension_faults(certificate: x509.Certificate) -> list[Finding]:
    try:
        critical = [
            each.oid.dotted_string for each in certificate.extensions if each.critical and each.oid not in _UNDERSTOOD
        ]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return [_chain_fault(certificate, "extensions", "RFC 5280")]
    return [_chain_fault(certificate, f"critical extension {oid}", "") for oid in critical]


def signature_faults(certificate: x509.Certificate) -> list[Finding]:
    try:
        used = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        used = None
    name = used.name if used else certificate.signature_algorithm_oid.dotted_string
    return [] if name in SOUND_HASHES else [_chain_fault(certificate, name, ", ".join(sorted(SOUND_HASHES)))]


def key_faults(certificate: x509.Certificate) -> list[Finding]:
    try:
        kind = kind_of_key(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return [_chain_fault(certificate, "key", "RSA, ECDSA")]
    enough = _RSA_BITS if kind.kind == "RSA" else _CURVE_BITS
    return [] if kind.bits >= enough else [_chain_fault(certificate, kind, enough)]


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The extension of this kind; None when there is none, or when extensions cannot be read (told elsewhere)."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def _usages(usage: x509.KeyUsage) -> str:
    names = {
        "digitalSignature": usage.digital_signature,
        "nonRepudiation": usage.content_commitment,
        "keyEncipherment": usage.key_encipherment,
        "dataEncipherment": usage.data_encipherment,
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return ", ".join(name for name, granted in names.items() if granted)


def _chain_fault(certificate: x509.Certificate, found: object, expected: object) -> Finding:
    return about_certificate(certificate, FindingCode.TRUST_CHAIN, value=str(found), found=found, expected=expected)


def about_certificate(certificate: x509.Certificate, code: FindingCode, *, value: str = "", **facts: object) -> Finding:
    """A finding about a certificate: its subject and its serial number (hexadecimal) are always told."""
    subject = name_text(certificate.subject)
    return finding(
        code,
        value=value or subject,
        line=None,
        xpath="",
        subject=subject,
        serial=f"{certificate.serial_number:X}",
        **facts,
    )


def name_text(name: x509.Name) -> str:
    return name.rfc4514_string()


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
