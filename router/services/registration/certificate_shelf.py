"""The certificates of organs in the order in which they end, with what is known of their revocation."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509

from edxml_schemas.certificates.rules import name_text
from edxml_schemas.findings import FindingCode, Findings
from edxml_schemas.trust import TrustMaterial, TrustValue, check_trust
from router.core.people import Scope
from router.core.registry import CertificateRecord
from router.ports.registry_desk import RegistryDesk

SOON: Final = timedelta(days=60)


class Standing(StrEnum):
    """What a certificate is good for now."""

    GOOD = "good"
    SOON = "soon"  # ends within `SOON`
    EXPIRED = "expired"
    REVOKED = "revoked"
    BAD = "bad"  # no path to an anchor, not yet valid, not made for this
    UNKNOWN = "unknown"  # nothing speaks against it, and no revocation list for it


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfRow:
    """One certificate of one organ. Times are aware."""

    organ: str
    fingerprint: str
    subject: str
    issuer: str
    serial: str
    since: datetime
    until: datetime
    certificate: x509.Certificate

    @property
    def place(self) -> str:
        """Where it stands, for the next page."""
        return f"{self.until:%Y%m%d%H%M%S}.{self.organ}.{self.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfPage:
    rows: tuple[ShelfRow, ...]
    following: str


def row_of(record: CertificateRecord) -> ShelfRow | None:
    """What is known of a certificate; None for one that cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(record.pem.encode())
        return ShelfRow(
            organ=record.organ,
            fingerprint=record.fingerprint,
            subject=record.subject,
            issuer=name_text(certificate.issuer),
            serial=f"{certificate.serial_number:x}",
            since=certificate.not_valid_before_utc,
            until=certificate.not_valid_after_utc,
            certificate=certificate,
        )
    except ValueError:
        return None


def standing_of(row: ShelfRow, material: TrustMaterial, *, now: datetime) -> tuple[Standing, Findings]:
    """What a certificate is good for, and what speaks against it. Pure."""
    if row.until <= now:
        return Standing.EXPIRED, ()
    trust = check_trust(row.certificate, material, at=now)
    if trust.value is TrustValue.UNKNOWN:
        return Standing.UNKNOWN, trust.findings
    if trust.value is TrustValue.BAD:
        revoked = any(each.code is FindingCode.TRUST_REVOKED for each in trust.findings)
        return Standing.REVOKED if revoked else Standing.BAD, trust.findings
    return (Standing.SOON if row.until <= now + SOON else Standing.GOOD), ()


class CertificateShelf:
    """All certificates, put in order once per version of the registry. Safe for several threads."""

    def __init__(self, desk: RegistryDesk, version: Callable[[], int]) -> None:
        self._desk = desk
        self._version = version
        self._lock = threading.Lock()
        self._sorted: tuple[int, tuple[ShelfRow, ...], tuple[str, ...]] | None = None

    def page(
        self, scope: Scope, *, after: str = "", until: datetime | None = None, organ: str = "", limit: int
    ) -> ShelfPage:
        """Those that somebody sees, the first to end first; up to the end `until`, and of one organ, when given."""
        rows, places = self._in_order()
        found: list[ShelfRow] = []
        for row in rows[bisect_right(places, after) if after else 0 :]:
            if until is not None and row.until > until:
                break
            if scope.sees(row.organ) and organ in ("", row.organ):
                found.append(row)
                if len(found) > limit:
                    break
        return ShelfPage(rows=tuple(found[:limit]), following=found[limit - 1].place if len(found) > limit else "")

    def _in_order(self) -> tuple[Sequence[ShelfRow], Sequence[str]]:
        with self._lock:
            version = self._version()
            if self._sorted is None or self._sorted[0] != version:
                rows = [row for row in map(row_of, self._desk.certificates()) if row is not None]
                ordered = tuple(sorted(rows, key=lambda each: each.place))
                self._sorted = (version, ordered, tuple(each.place for each in ordered))
            return self._sorted[1], self._sorted[2]
