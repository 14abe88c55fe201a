"""Checks of what was sent and answered: envelopes with their signatures and certificates, and the hub's receipts."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509

from edxml_schemas.catalogue import explain
from edxml_schemas.certificates.revocation import standing_of
from edxml_schemas.certificates.rules import name_text, time_text
from edxml_schemas.evidence.data import Evidence, ReceiptNote, Row, vouched_in
from edxml_schemas.evidence.merkle import EventWords
from edxml_schemas.evidence.replay import facts_of
from edxml_schemas.evidence.verdict import Check, CheckName, failed, good, note, unless_failed
from edxml_schemas.findings import Findings
from edxml_schemas.model import StatusMessage
from edxml_schemas.reader import read
from edxml_schemas.receipts import VERDICTS, Receipt, read_receipt
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from edxml_schemas.trust import Trust, TrustMaterial, TrustValue, check_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusting:
    """Whose certificates count for senders. `enclosed` says that the roots come from the package itself."""

    material: TrustMaterial
    enclosed: bool
    revocation_required: bool


def check_envelopes(evidence: Evidence, envelopes: Mapping[str, bytes], trusting: Trusting) -> tuple[Check, ...]:
    """Bytes against records, signatures against bytes, certificates against the time of receipt."""
    return tuple(_envelope_checks(evidence, envelopes, trusting))


def _envelope_checks(evidence: Evidence, envelopes: Mapping[str, bytes], trusting: Trusting) -> Iterator[Check]:
    kept = {str(each["id"]): each for each in evidence.messages if each["payload"]}
    for stray in set(envelopes) - set(kept):
        yield failed(CheckName.ENVELOPE, "Gói tin không có bản ghi", "An envelope without a record", about=stray)
    for message_id, row in kept.items():
        data = envelopes.get(message_id)
        if data is None:
            yield failed(CheckName.ENVELOPE, "Thiếu gói tin gốc", "The original envelope is missing", about=message_id)
            continue
        if hashlib.sha256(data).hexdigest() != row["digest"] or len(data) != row["size"]:
            yield failed(
                CheckName.ENVELOPE,
                "Gói tin khác với gói tin trục đã nhận",
                "The envelope is not the one that the hub received",
                about=message_id,
            )
            continue
        yield good(
            CheckName.ENVELOPE,
            f"Gói tin gốc nguyên vẹn từng byte (SHA-256 {row['digest']})",
            f"The original envelope is intact to the byte (SHA-256 {row['digest']})",
            about=message_id,
        )
        if row["state"] == "accepted":
            yield from _signature_checks(row, data, trusting)


def _signature_checks(row: Row, data: bytes, trusting: Trusting) -> Iterator[Check]:
    message_id = str(row["id"])
    parsed = parse(data)
    signed = check_integrity(parsed) if isinstance(parsed, Parsed) else parsed
    if not isinstance(signed, Signed):
        yield failed(CheckName.SIGNATURE, *_told(signed), about=message_id)
        return
    envelope = read(signed.root)
    said = envelope.response_for.document_id if isinstance(envelope, StatusMessage) else envelope.document_id
    stated = (row["content_digest"], row["certificate"], row["document_id"])
    if (signed.content_digest, signed.fingerprint, said) != stated:
        yield failed(
            CheckName.SIGNATURE,
            "Gói tin được ký khác với bản ghi của trục",
            "What was signed is not what the hub recorded",
            about=message_id,
        )
        return
    subject = name_text(signed.certificate.subject)
    yield good(
        CheckName.SIGNATURE,
        f"Chữ ký của bên gửi đúng: {subject}",
        f"The sender's signature holds: {subject}",
        about=message_id,
    )
    at = _moment(row["received_at"])
    if at is None:
        yield failed(CheckName.TRUST, "Không rõ lúc nhận", "The time of receipt is not known", about=message_id)
        return
    yield _trust_check(signed, trusting, at, message_id)


def _trust_check(signed: Signed, trusting: Trusting, at: datetime, message_id: str) -> Check:
    trust, later = trust_at_receipt(signed, trusting.material, at=at)
    vi_roots, en_roots = (
        ("gốc kèm theo hồ sơ", "the enclosed roots") if trusting.enclosed else ("gốc đã cho", "the given roots")
    )
    when = time_text(at)
    if trust.value is TrustValue.GOOD:
        vi_later = f", theo danh sách thu hồi lập lúc {time_text(later)}" if later is not None else ""
        en_later = f", by a revocation list issued later, at {time_text(later)}" if later is not None else ""
        return good(
            CheckName.TRUST,
            f"Chứng thư được tin cậy lúc trục nhận ({when}), theo {vi_roots}{vi_later}",
            f"The certificate was trusted at receipt ({when}), by {en_roots}{en_later}",
            about=message_id,
        )
    vi, en = _told(trust.findings)
    if trust.value is TrustValue.UNKNOWN and not trusting.revocation_required:
        return note(
            CheckName.TRUST,
            f"Chuỗi chứng thư đúng lúc trục nhận ({when}), theo {vi_roots}; chưa rõ thu hồi, trục không đòi hỏi: {vi}",
            f"The chain was good at receipt ({when}), by {en_roots}; revocation is not known and was not asked: {en}",
            about=message_id,
        )
    return failed(
        CheckName.TRUST,
        f"Chứng thư không được tin cậy lúc trục nhận ({when}), theo {vi_roots}: {vi}",
        f"The certificate was not trusted at receipt ({when}), by {en_roots}: {en}",
        about=message_id,
    )


def trust_at_receipt(signed: Signed, material: TrustMaterial, *, at: datetime) -> tuple[Trust, datetime | None]:
    """The judgement for a time in the past; and when the newest list was made, if lists made later had to answer.

    The hub keeps the newest lists, so those of the time of receipt may be gone. A later complete list answers as well:
    it names when a certificate was revoked, and one that it does not name was not revoked before.
    """
    trust = check_trust(signed.certificate, material, at=at, chain=signed.chain)
    if trust.value is not TrustValue.UNKNOWN:
        return trust, None
    newest: datetime | None = None
    for index, (certificate, issuer) in enumerate(pairwise(trust.path)):
        asked = max(
            (each.last_update_utc for each in _lists_of(certificate, material) if each.last_update_utc > at), default=at
        )
        standing = standing_of(
            certificate, (issuer,), material.crls, at=asked, grace=material.crl_grace, authority=index > 0
        )
        if not standing.known:
            return trust, None
        if standing.revoked_at is not None and standing.revoked_at <= at:
            # Asked for the time of that list, the judgement names the revocation and its date.
            return check_trust(signed.certificate, material, at=asked, chain=signed.chain), asked
        newest = max(asked, newest or asked)
    return Trust(value=TrustValue.GOOD, findings=(), path=trust.path, good_until=at), newest


def _lists_of(certificate: x509.Certificate, material: TrustMaterial) -> Iterator[x509.CertificateRevocationList]:
    return (each for each in material.crls if each.issuer == certificate.issuer)


def check_receipts(
    evidence: Evidence, receipts: Mapping[str, bytes], events: tuple[EventWords, ...], *, accepted: frozenset[str]
) -> tuple[Check, ...]:
    """Every receipt is signed by an accepted certificate, was sent as the log says, and says what the records say.

    It is made anew for the package, so the certificate may be younger than what the receipt tells.
    """
    word = good(
        CheckName.RECEIPTS,
        f"{len(evidence.receipts)} biên nhận đúng chữ ký của trục và đúng như nhật ký",
        f"{len(evidence.receipts)} receipts are signed by the hub and agree with the log",
    )
    return unless_failed(_receipt_faults(evidence, receipts, events, accepted), word)


def _receipt_faults(
    evidence: Evidence, receipts: Mapping[str, bytes], events: tuple[EventWords, ...], accepted: frozenset[str]
) -> Iterator[Check]:
    sent = {each[0]: each for each in events if each[1] == "receipt.sent" and "receipt" in facts_of(each)}
    messages = {str(each["id"]): each for each in evidence.messages}
    noted = {each.seq: each for each in evidence.receipts}
    for seq in sorted(set(sent) ^ set(noted)):
        yield _bad_receipt(f"dòng nhật ký {seq} không có biên nhận", f"event {seq} has no receipt", about=str(seq))
    for name in sorted(set(receipts) - {each.id for each in evidence.receipts}):
        yield _bad_receipt("nhật ký không biết", "the log does not know it", about=name)
    for each in evidence.receipts:
        data, event, message = receipts.get(each.id), sent.get(each.seq), messages.get(each.message_id)
        if data is None or event is None or message is None:
            yield _bad_receipt("thiếu", "it is missing", about=each.id)
            continue
        parsed = parse(data)
        signed = check_integrity(parsed) if isinstance(parsed, Parsed) else parsed
        if not isinstance(signed, Signed):
            vi, en = _told(signed)
            yield _bad_receipt(vi, en, about=each.id)
        elif signed.fingerprint not in accepted:
            yield _bad_receipt("không do trục này ký", "it is not signed by this hub", about=each.id)
        elif not _agrees(each, signed, event, message):
            yield _bad_receipt("khác với nhật ký hoặc bản ghi", "it is not what log or record say", about=each.id)


def _agrees(stated: ReceiptNote, signed: Signed, event: EventWords, message: Row) -> bool:
    facts, said = facts_of(event), read_receipt(signed.root)
    if not isinstance(said, Receipt):
        return False
    legs = {each.leg_id for each in said.legs}
    return (
        (facts.get("receipt"), facts.get("kind"), facts.get("digest"), event[3], event[4])
        == (stated.id, stated.kind, stated.digest, stated.message_id, stated.leg_id)
        == (said.receipt_id, said.kind.value, signed.content_digest, said.message_id, stated.leg_id)
        and (not stated.leg_id or legs == {stated.leg_id})
        and (said.size, said.document_id) == (message["size"], message["document_id"])
        and said.digest == (message["digest"] or said.digest)
        and _moment(message["received_at"]) == said.received_at
        and said.vouched == (vouched_in(message) if said.kind in VERDICTS else None)
    )


def _bad_receipt(vi: str, en: str, *, about: str) -> Check:
    return failed(CheckName.RECEIPTS, f"Biên nhận {about}: {vi}", f"Receipt {about}: {en}", about=about)


def _told(findings: Findings) -> tuple[str, str]:
    """The first fault in words."""
    if not findings:
        return "không rõ", "not known"
    told = explain(findings[0])
    return told.message_vi, told.message_en


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
