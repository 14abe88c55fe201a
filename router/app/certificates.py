"""When the certificates that the hub itself stands on end: one gathering for alarms, metrics and the overview."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from edxml_schemas.trust import TrustMaterial
from router.adapters.hub_certificates import former_certificates
from router.app.parts import open_hub_key, open_trust
from router.core.alarm_signals import CertificateEnd
from router.errors import HubProblem
from router.settings import Settings


def own_certificates(settings: Settings) -> Sequence[CertificateEnd]:
    """The hub's certificate and the trusted ones; what cannot be read is left out: readiness and the doctor tell."""
    return _certificates(settings, open_trust(settings).material())


def own_endings(settings: Settings) -> Sequence[tuple[str, datetime]]:
    """The same by kind (`hub`, `anchor`, `intermediate`), and when revocation lists (`crl`) want to be renewed."""
    material = open_trust(settings).material()
    ends = [(each.subject.partition(":")[0], each.until) for each in _certificates(settings, material)]
    return [*ends, *(("crl", each.next_update_utc) for each in material.crls if each.next_update_utc is not None)]


def accepted_certificates(settings: Settings) -> frozenset[str]:
    """Fingerprints of the hub's certificates, present and former. Raises HubProblem."""
    certificates = [open_hub_key(settings).signer.certificate]
    certificates += former_certificates(settings.folder / settings.seals.former_certificates)
    return frozenset(each.fingerprint(hashes.SHA256()).hex() for each in certificates)


def _certificates(settings: Settings, material: TrustMaterial) -> list[CertificateEnd]:
    try:
        hub = open_hub_key(settings).signer.certificate
    except HubProblem:
        ends = []
    else:
        ends = [CertificateEnd(subject="hub", name=f"trục {settings.hub}", until=hub.not_valid_after_utc)]
    for kind, certificates in (("anchor", material.anchors), ("intermediate", material.intermediates)):
        ends += [_end(kind, each) for each in certificates]
    return ends


def _end(kind: str, certificate: x509.Certificate) -> CertificateEnd:
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    name = certificate.subject.rfc4514_string()
    return CertificateEnd(subject=f"{kind}:{fingerprint[:16]}", name=name, until=certificate.not_valid_after_utc)
