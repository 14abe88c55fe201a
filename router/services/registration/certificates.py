"""Binds one certificate to an organ and takes it away again: shown first, and then exactly that."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.catalogue import explain
from edxml_schemas.certificates.rules import name_text
from edxml_schemas.dsig.profile import kind_of_key
from edxml_schemas.findings import Findings
from edxml_schemas.trust import TrustMaterial, check_trust
from router.core.people import Scope
from router.core.registry import CertificateRecord, OrganRecord, Registry
from router.core.registry_change import RegistryChange
from router.ports.registry_desk import RegistryDesk
from router.services.registration.certificate_shelf import ShelfRow, Standing, row_of, standing_of
from router.services.registration.importing import registry_event

CERTIFICATE_BYTES: Final = 64 * 2**10
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_USELESS: Final = (Standing.EXPIRED, Standing.REVOKED)
"""A certificate that can never sign again is not bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Why it cannot be done."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A certificate looked at. `path` are the subjects from it to the anchor; it alone when there is no way."""

    row: ShelfRow
    key: str
    standing: Standing
    findings: Findings
    path: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What binding (or, with `ends`, unbinding) would do, of the registry of version `seen`.

    `holders` are other organs that have this certificate, as far as the asker sees. `bound` is how many the organ has
    without it.
    """

    organ: OrganRecord
    record: CertificateRecord
    looked: Looked
    holders: Sequence[str]
    bound: int
    seen: int
    ends: bool = False

    @property
    def useless(self) -> bool:
        """Whether it could never sign: such a certificate is not bound."""
        return not self.ends and self.looked.standing in _USELESS


def record_of(data: bytes, *, organ: str) -> CertificateRecord | Unfit:
    """The one certificate of a PEM or DER file."""
    if len(data) > CERTIFICATE_BYTES:
        return Unfit(vi="tệp lớn hơn 64 KiB", en="the file has more than 64 KiB")
    if _KEY in data:
        return Unfit(
            vi="tệp có khóa bí mật; chỉ đưa chứng thư, khóa ở lại với cơ quan và nên được thay",
            en="there is a private key in the file; give the certificate alone, keep the key at home, and replace it",
        )
    if data.count(_BEGIN) > 1:
        return Unfit(vi="tệp có nhiều chứng thư, chỉ đưa một", en="there are several certificates, give one")
    try:
        read = x509.load_pem_x509_certificate if _BEGIN in data else x509.load_der_x509_certificate
        certificate = read(data)
        subject, der = certificate.subject.rfc4514_string(), certificate.public_bytes(Encoding.DER)
    except (ValueError, x509.InvalidVersion):
        return Unfit(vi="không phải chứng thư PEM hay DER", en="this is no certificate in PEM or DER")
    pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
    return CertificateRecord(organ=organ, fingerprint=hashlib.sha256(der).hexdigest(), subject=subject, pem=pem)


def looked_at(row: ShelfRow, material: TrustMaterial, *, now: datetime) -> Looked:
    """Pure."""
    standing, findings = standing_of(row, material, now=now)
    path = check_trust(row.certificate, material, at=now).path
    return Looked(
        row=row,
        key=key_text(row.certificate),
        standing=standing,
        findings=findings,
        path=tuple(name_text(each.subject) for each in path),
    )


def key_text(certificate: x509.Certificate) -> str:
    """Kind and length of a key."""
    try:
        kind = kind_of_key(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return "?"
    return str(kind)


def plan_binding(
    data: bytes, organ: OrganRecord, registry: Registry, material: TrustMaterial, *, scope: Scope, now: datetime
) -> Binding | Unfit:
    """What binding the certificate of a file would do. Pure."""
    record = record_of(data, organ=organ.code)
    if isinstance(record, Unfit):
        return record
    row = row_of(record)
    if row is None:
        return Unfit(vi="không đọc được chứng thư", en="the certificate cannot be read")
    bound = registry.certificates.get(organ.code, frozenset())
    if record.fingerprint in bound:
        return Unfit(vi=f"{organ.code} đã có chứng thư này", en=f"it is bound to {organ.code} already")
    return Binding(
        organ=organ,
        record=record,
        looked=looked_at(row, material, now=now),
        holders=_holders(registry, record, scope),
        bound=len(bound),
        seen=registry.version,
    )


def plan_unbinding(
    record: CertificateRecord | None,
    organ: OrganRecord,
    registry: Registry,
    material: TrustMaterial,
    *,
    scope: Scope,
    now: datetime,
) -> Binding | Unfit:
    """What taking a bound certificate (None: there is no such one) from an organ would do. Pure."""
    bound = registry.certificates.get(organ.code, frozenset())
    row = row_of(record) if record is not None else None
    if record is None or record.fingerprint not in bound:
        return Unfit(vi=f"{organ.code} không có chứng thư này", en=f"it is not bound to {organ.code}")
    if row is None:
        return Unfit(vi="không đọc được chứng thư", en="the certificate cannot be read")
    return Binding(
        organ=organ,
        record=record,
        looked=looked_at(row, material, now=now),
        holders=_holders(registry, record, scope),
        bound=len(bound) - 1,
        seen=registry.version,
        ends=True,
    )


def write_binding(desk: RegistryDesk, planned: Binding, *, actor: str, reason: str, now: datetime) -> bool:
    """Write exactly what was shown, with its event; False when the registry is another by now."""
    code, fingerprint = planned.organ.code, planned.record.fingerprint
    what, count = ("certificate-unbound", "ended") if planned.ends else ("certificate-bound", "added")
    event = registry_event(what, code, {count: 1}, digest=fingerprint, actor=actor, reason=reason, now=now)
    change = (
        RegistryChange(unbound=((code, (fingerprint,)),))
        if planned.ends
        else RegistryChange(certificates=(planned.record,))
    )
    return desk.change(change, event=event, seen=planned.seen)


def notes_of(planned: Binding) -> Sequence[tuple[str, str]]:
    """What somebody should know before they agree, in Vietnamese and English."""
    told = [explain(each) for each in planned.looked.findings]
    notes = [(each.message_vi, each.message_en) for each in told]
    if planned.useless:
        notes.append(("Chứng thư này không còn ký được nên không gắn.", "It can sign no more, and is not bound."))
    if planned.holders:
        others = ", ".join(planned.holders)
        notes.append((f"Chứng thư này đang gắn cho: {others}", f"This certificate is bound to: {others}"))
    if planned.ends and not planned.bound:
        notes.append(("Cơ quan sẽ không còn chứng thư nào để ký.", "The organ will have none left to sign with."))
    return notes


def _holders(registry: Registry, record: CertificateRecord, scope: Scope) -> Sequence[str]:
    held = (code for code, bound in registry.certificates.items() if record.fingerprint in bound)
    return tuple(sorted(code for code in held if code != record.organ and scope.sees(code)))
