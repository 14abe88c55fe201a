"""Trust: may this key sign? Builds the path from a certificate to an anchor and judges it at one point in time.

Path validation after RFC 5280 section 6.1, without policies and names: critical extensions that ask for either make
a path bad. Every certificate on the path has to be valid at the time of receipt, the anchor included. Extended key
usage is not required; a certificate made only for servers, code, time stamps or OCSP does not sign documents.

Three answers. `UNKNOWN` means that nothing speaks against the certificate and no usable revocation list speaks for
it: wait and ask again. A source that cannot be reached never makes a certificate revoked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from edxml_schemas.certificates.revocation import standing_of
from edxml_schemas.certificates.rules import (
    about_certificate,
    extension_faults,
    issuer_faults,
    key_faults,
    leaf_faults,
    name_text,
    signature_faults,
    time_text,
    validity_faults,
)
from edxml_schemas.findings import Finding, FindingCode, Findings

MAX_INTERMEDIATES: Final = 5
_MAX_PATHS: Final = 8
_MAX_STEPS: Final = 64  # issuers tried for one certificate, however many namesakes a chain brings along


class TrustValue(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """What a house trusts. `crl_grace` is how long a list is believed after its next update is due."""

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    require_revocation: bool = True
    crl_grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The judgement. `path` runs from the certificate to the anchor; only the certificate when there is no path.

    `good_until`: a good answer holds for every time from the one asked about up to this one, exclusively. It is the
    time asked about when the answer is not good.
    """

    value: TrustValue
    findings: Findings
    path: tuple[x509.Certificate, ...]
    good_until: datetime


Path = tuple[x509.Certificate, ...]


def check_trust(
    certificate: x509.Certificate,
    material: TrustMaterial,
    *,
    at: datetime,
    chain: tuple[x509.Certificate, ...] = (),
) -> Trust:
    """Judges a signer's certificate at an aware time, usually that of receipt.

    `chain` holds certificates that came with the signature, of which the first five may serve as intermediates. When
    several paths lead to an anchor, a good one wins, then one that is known to hold a revoked certificate. Pure.
    """
    paths = list(_paths(certificate, material, chain))
    if not paths:
        return Trust(
            value=TrustValue.BAD,
            findings=(_no_path(certificate, material, chain),),
            path=(certificate,),
            good_until=at,
        )
    return min((_judge(path, material, at) for path in paths), key=_preference)


def _preference(trust: Trust) -> int:
    if trust.value is TrustValue.GOOD:
        return 0
    if any(each.code is FindingCode.TRUST_REVOKED for each in trust.findings):
        return 1
    return 2 if trust.value is TrustValue.UNKNOWN else 3


@dataclass(slots=True)
class TrustChecker:
    """`check_trust` with a memory: good answers are kept while they hold, at most `remembered` of them.

    A new material is a new checker.
    """

    material: TrustMaterial
    remembered: int = 4096
    _good: dict[str, tuple[datetime, Trust]] = field(default_factory=dict, init=False, repr=False)

    def check(
        self,
        certificate: x509.Certificate,
        *,
        at: datetime,
        chain: tuple[x509.Certificate, ...] = (),
        fingerprint: str = "",
    ) -> Trust:
        """As `check_trust`. A remembered answer serves times from the one it was given for until it ends.

        `fingerprint` is the certificate's SHA-256 in lower-case hexadecimal, worked out when left out.
        """
        key = fingerprint or certificate.fingerprint(hashes.SHA256()).hex()
        since, known = self._good.get(key, (at, None))
        if known is not None and since <= at < known.good_until:
            return known
        trust = check_trust(certificate, self.material, at=at, chain=chain)
        if trust.value is TrustValue.GOOD:
            self._good.pop(key, None)
            if len(self._good) >= self.remembered:
                self._good.pop(next(iter(self._good)))  # the oldest
            self._good[key] = (at, trust)
        return trust


def _paths(certificate: x509.Certificate, material: TrustMaterial, chain: Path) -> Iterator[Path]:
    """Paths to an anchor along which every signature is right; at most eight, of at most five intermediates."""
    if certificate in material.anchors:
        yield (certificate,)
        return
    between = tuple(dict.fromkeys((*material.intermediates, *chain[:MAX_INTERMEDIATES])))
    steps = found = 0
    open_paths: list[Path] = [(certificate,)]
    while open_paths:
        path = open_paths.pop()
        for anchor in material.anchors:
            if anchor.subject == path[-1].issuer and is_issued_by(path[-1], anchor):
                yield (*path, anchor)
                found += 1
        if found >= _MAX_PATHS:
            return
        if len(path) > MAX_INTERMEDIATES:
            continue
        for issuer in between:
            if issuer.subject != path[-1].issuer or issuer in path or issuer in material.anchors:
                continue
            steps += 1
            if steps > _MAX_STEPS:
                return
            if is_issued_by(path[-1], issuer):
                open_paths.append((*path, issuer))


@lru_cache(maxsize=4096)
def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether names and signature say so. Remembered, because it is the costly part and never changes."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _no_path(certificate: x509.Certificate, material: TrustMaterial, chain: Path) -> Finding:
    """Where the way to an anchor ends: at an issuer nobody knows, or at a signature that is not its own."""
    known = (*material.anchors, *material.intermediates, *chain[:MAX_INTERMEDIATES])
    last, seen = certificate, {certificate}
    while True:
        namesakes = [each for each in known if each.subject == last.issuer]
        following = next((each for each in namesakes if each not in seen and is_issued_by(last, each)), None)
        if following is None:
            break
        seen.add(following)
        last = following
    forged = bool(namesakes) and not any(is_issued_by(last, each) for each in namesakes)
    code = FindingCode.TRUST_CHAIN if forged else FindingCode.TRUST_UNKNOWN_ISSUER
    return about_certificate(
        last, code, value=name_text(last.issuer), issuer=name_text(last.issuer), found="signature" if forged else ""
    )


def _judge(path: Path, material: TrustMaterial, at: datetime) -> Trust:
    """All faults of one path; good, when there are none."""
    bad = [fault for each in path for fault in validity_faults(each, at)]
    bad += leaf_faults(path[0])
    for index, each in enumerate(path):
        bad += extension_faults(each)
        if index > 0:
            bad += issuer_faults(each, below=index - 1, path=path)
        if index < len(path) - 1:
            bad += signature_faults(each)
        bad += key_faults(each)
    revoked, unknown, until = _revocation(path, material, at)
    bad += revoked
    if bad:
        return Trust(value=TrustValue.BAD, findings=tuple(bad), path=path, good_until=at)
    if unknown and material.require_revocation:
        return Trust(value=TrustValue.UNKNOWN, findings=tuple(unknown), path=path, good_until=at)
    return Trust(value=TrustValue.GOOD, findings=(), path=path, good_until=until)


def _revocation(path: Path, material: TrustMaterial, at: datetime) -> tuple[list[Finding], list[Finding], datetime]:
    """Who is revoked, of whom it is not known, and until when that holds. The anchor is not asked about."""
    revoked, unknown = [], []
    until = min(each.not_valid_after_utc for each in path)
    for index, (certificate, issuer) in enumerate(pairwise(path)):
        namesakes = (each for each in material.anchors if each.subject == issuer.subject and each != issuer)
        standing = standing_of(
            certificate,
            (issuer, *namesakes),
            material.crls,
            at=at,
            grace=material.crl_grace,
            authority=index > 0,
        )
        if not standing.known:
            unknown.append(
                about_certificate(
                    certificate, FindingCode.TRUST_REVOCATION_UNKNOWN, issuer=name_text(certificate.issuer)
                )
            )
        elif standing.revoked_at is not None:
            date, reason = standing.revoked_at, standing.reason
            revoked.append(
                about_certificate(
                    certificate, FindingCode.TRUST_REVOKED, value=time_text(date), date=time_text(date), reason=reason
                )
            )
        if standing.until is not None:
            until = min(until, standing.until)
    return revoked, unknown, until
