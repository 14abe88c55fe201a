"""Certificates and revocation lists: what ends soon, what ended, what is missing."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from edxml_schemas.trust import TrustMaterial
from router.core.registry import CertificateRecord
from router.doctor.diagnosis import Diagnosis, bad, good, warning

PART: Final = "certificates"
SOON: Final = timedelta(days=60)
MOST: Final = 10  # named one by one; the rest is counted


def look_at_trust(material: TrustMaterial, *, now: datetime) -> list[Diagnosis]:
    """Anchors, intermediates and lists of the trust folders."""
    found: list[Diagnosis] = []
    if not material.anchors:
        found.append(
            bad(
                PART,
                "Chưa có chứng thư gốc nào: mọi chữ ký đều bị từ chối",
                "There is no root certificate: every signature is refused",
                remedy_vi="đặt chứng thư gốc (PEM hoặc DER) vào thư mục trust/anchors",
                remedy_en="put root certificates (PEM or DER) into trust/anchors",
            )
        )
    for kind, certificates in (("gốc / root", material.anchors), ("trung gian / intermediate", material.intermediates)):
        found += _ending(certificates, kind, now=now)
    if material.require_revocation and not material.crls:
        found.append(
            bad(
                PART,
                "Chưa có danh sách thu hồi nào: mọi văn bản phải chờ",
                "There is no revocation list: every document waits",
                remedy_vi="đặt danh sách thu hồi vào trust/crls hoặc ghi crl_urls",
                remedy_en="put revocation lists into trust/crls, or set crl_urls",
            )
        )
    for crl in material.crls:
        until = crl.next_update_utc
        if until is not None and until < now:
            found.append(
                warning(
                    PART,
                    f"Danh sách thu hồi của {_name(crl.issuer)} hết hạn từ {until:%d/%m/%Y %H:%M} UTC",
                    f"The revocation list of {_name(crl.issuer)} expired at {until:%Y-%m-%d %H:%M} UTC",
                    remedy_vi="tải danh sách mới; kiểm tra crl_urls và đường mạng tới nơi phát hành",
                    remedy_en="fetch a new one; check crl_urls and the way to the authority",
                )
            )
    return found


def look_at_own(certificate: x509.Certificate, *, now: datetime) -> list[Diagnosis]:
    """The hub's own."""
    return list(_ending([certificate], "của trục / the hub's", now=now))


def look_at_organs(records: Iterable[CertificateRecord], *, now: datetime) -> list[Diagnosis]:
    """Those of the organs. One that ended matters only where it was the last."""
    ends: dict[str, datetime] = {}
    for record in records:
        try:
            until = x509.load_pem_x509_certificate(record.pem.encode()).not_valid_after_utc
        except ValueError:
            continue  # refused when it was registered; nothing to say of its end
        ends[record.organ] = max(until, ends.get(record.organ, until))
    late = sorted((until, organ) for organ, until in ends.items() if until < now + SOON)
    found = [_organ(organ, until, now=now) for until, organ in late[:MOST]]
    if len(late) > MOST:
        more = len(late) - MOST
        found.append(warning(PART, f"… và {more} cơ quan khác", f"… and {more} other organs"))
    return found


def told(found: list[Diagnosis]) -> list[Diagnosis]:
    """One good word when there is nothing else to say."""
    return found or [good(PART, "Chứng thư và danh sách thu hồi còn hạn", "Certificates and lists are in force")]


def _organ(organ: str, until: datetime, *, now: datetime) -> Diagnosis:
    remedy_vi = "đăng ký chứng thư mới: truc registry certificate"
    remedy_en = "register a new certificate: truc registry certificate"
    if until < now:
        vi = f"Chứng thư cuối cùng của {organ} hết hạn từ {until:%d/%m/%Y}: cơ quan này không gửi được"
        en = f"The last certificate of {organ} expired on {until:%Y-%m-%d}: it cannot send"
        return bad(PART, vi, en, remedy_vi=remedy_vi, remedy_en=remedy_en)
    vi = f"Chứng thư của {organ} hết hạn {until:%d/%m/%Y} (còn {(until - now).days} ngày)"
    en = f"The certificate of {organ} expires on {until:%Y-%m-%d} (in {(until - now).days} days)"
    return warning(PART, vi, en, remedy_vi=remedy_vi, remedy_en=remedy_en)


def _ending(certificates: Iterable[x509.Certificate], kind: str, *, now: datetime) -> Iterator[Diagnosis]:
    for each in certificates:
        until = each.not_valid_after_utc
        if until < now:
            vi, en = f"hết hạn từ {until:%d/%m/%Y}", f"expired on {until:%Y-%m-%d}"
            yield bad(PART, f"Chứng thư {kind} {_name(each.subject)} {vi}", f"{_name(each.subject)} {en}")
        elif until < now + SOON:
            days = (until - now).days
            yield warning(
                PART,
                f"Chứng thư {kind} {_name(each.subject)} còn {days} ngày (đến {until:%d/%m/%Y})",
                f"{_name(each.subject)} expires in {days} days ({until:%Y-%m-%d})",
                remedy_vi="chuẩn bị chứng thư thay thế",
                remedy_en="prepare its successor",
            )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()
