"""Revocation by CRL (RFC 5280 sections 5 and 6.3), for complete lists that an authority signs itself.

Three answers: a list says revoked, a list says not revoked, or no usable list speaks. Indirect lists, delta lists and
lists for some reasons only are not used: what they leave open stays unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from edxml_schemas.dsig.profile import PublicKey

SOUND_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
"""Hashes that certificates and lists may be signed over. SHA-1 and MD5 are not among them."""

_UNDERSTOOD: Final = frozenset({x509.IssuingDistributionPoint.oid, x509.AuthorityKeyIdentifier.oid})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lists say about one certificate at one time.

    `known` is false when no usable list speaks. `revoked_at` and `reason` (a name of RFC 5280 section 5.3.1, such as
    `keyCompromise`) are set when it is revoked. `until` is when the answer may change by itself.
    """

    known: bool
    revoked_at: datetime | None = None
    reason: str = ""
    until: datetime | None = None


UNKNOWN: Final = Standing(known=False)


def standing_of(
    certificate: x509.Certificate,
    issuers: Iterable[x509.Certificate],
    crls: Iterable[x509.CertificateRevocationList],
    *,
    at: datetime,
    grace: timedelta,
    authority: bool,
) -> Standing:
    """The standing of a certificate at an aware time.

    `issuers` are the certificates whose key may sign its list: its issuer, and others of the same name. `authority`
    tells whether the certificate belongs to a certification authority. `grace` is how long a list is still believed
    after its next update is due. Of several usable lists the newest decides: it knows of suspensions that ended.
    """
    signers = tuple(each for each in issuers if _may_sign_lists(each))
    usable = [
        crl
        for crl in crls
        if crl.issuer == certificate.issuer
        and _usable(crl, certificate, signers, at=at, grace=grace, authority=authority)
    ]
    if not usable:
        return UNKNOWN
    newest = max(usable, key=lambda crl: crl.last_update_utc)
    try:
        return _answer(certificate, newest, at=at, until=_next_update(newest) + grace)
    except (ValueError, x509.DuplicateExtension):  # a list that cannot be read says nothing
        return UNKNOWN


def _usable(
    crl: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    signers: tuple[x509.Certificate, ...],
    *,
    at: datetime,
    grace: timedelta,
    authority: bool,
) -> bool:
    """Whether the list is in force, complete for this certificate, and signed by one of the signers."""
    try:
        return (
            _timely(crl, at, grace)
            and _covers(crl, certificate, authority=authority)
            and any(_signed_by(crl, signer) for signer in signers)
        )
    except (ValueError, x509.DuplicateExtension):  # extensions that cannot be read
        return False


def _answer(
    certificate: x509.Certificate, crl: x509.CertificateRevocationList, *, at: datetime, until: datetime
) -> Standing:
    """What one usable list says. Raises ValueError when the entry cannot be read."""
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return Standing(known=True, until=until)
    reason = _reason(entry)
    if reason == x509.ReasonFlags.remove_from_crl.value:  # has a meaning in delta lists only
        return UNKNOWN
    if entry.revocation_date_utc <= at:
        return Standing(known=True, revoked_at=entry.revocation_date_utc, reason=reason, until=until)
    return Standing(known=True, until=min(until, entry.revocation_date_utc))


def _next_update(crl: x509.CertificateRevocationList) -> datetime:
    """When the next list is due; a list that does not say is due since ever."""
    return crl.next_update_utc or datetime.min.replace(tzinfo=UTC)


def _timely(crl: x509.CertificateRevocationList, at: datetime, grace: timedelta) -> bool:
    return crl.next_update_utc is not None and crl.last_update_utc <= at <= crl.next_update_utc + grace


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate, *, authority: bool) -> bool:
    """Whether the list is complete for this kind of certificate."""
    point: x509.IssuingDistributionPoint | None = None
    for extension in crl.extensions:
        if extension.oid == x509.DeltaCRLIndicator.oid or (extension.critical and extension.oid not in _UNDERSTOOD):
            return False
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            point = extension.value
    if point is None:
        return True
    if point.indirect_crl or point.only_contains_attribute_certs or point.only_some_reasons or point.relative_name:
        return False
    if (point.only_contains_user_certs and authority) or (point.only_contains_ca_certs and not authority):
        return False
    return not point.full_name or _named_in(certificate, point.full_name)


def _named_in(certificate: x509.Certificate, names: Iterable[x509.GeneralName]) -> bool:
    """Whether the certificate points at this part of a list that is cut into parts."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    wanted = set(names)
    return any(name in wanted for point in points for name in point.full_name or ())


def _may_sign_lists(certificate: x509.Certificate) -> bool:
    """RFC 5280 section 6.3.3 (f): a key usage, where there is one, has to name cRLSign."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension):
        return False


def _signed_by(crl: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    try:
        sound = crl.signature_hash_algorithm is not None and crl.signature_hash_algorithm.name in SOUND_HASHES
        key = signer.public_key()
        return sound and isinstance(key, PublicKey) and crl.is_signature_valid(key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return x509.ReasonFlags.unspecified.value
