"""The offline verification of an evidence package: everything is checked, from the last byte of the container to the
words of the summary. Needs no network, no clock, and nothing of the hub but its certificate.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.certificates.rules import name_text, time_text
from edxml_schemas.dsig.profile import read_certificate
from edxml_schemas.evidence import package
from edxml_schemas.evidence.container import MOST_BYTES, ContainerFault, unpack
from edxml_schemas.evidence.data import DataFault, Evidence, ProvenEvent, read_events, read_seals
from edxml_schemas.evidence.document_checks import Trusting, check_envelopes, check_receipts
from edxml_schemas.evidence.log_checks import check_events, check_legs, check_records, check_seals, check_statuses
from edxml_schemas.evidence.seals import SealProof, fingerprint_of, signature_holds
from edxml_schemas.evidence.summary import summary_of
from edxml_schemas.evidence.timestamps import StampFault, check_token
from edxml_schemas.evidence.verdict import Check, CheckName, Verdict, failed, good, note
from edxml_schemas.trust import TrustMaterial

MOST_HUB_CERTIFICATES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the reader knows beforehand. All may be empty: the package's own certificates are believed then, aloud.

    `hub_certificates` are those of the hub that the reader trusts; `anchors` the roots for the senders' certificates,
    `stamp_certificates` those of time-stamping authorities or of who issued theirs.
    """

    hub_certificates: tuple[x509.Certificate, ...] = ()
    anchors: tuple[x509.Certificate, ...] = ()
    stamp_certificates: tuple[x509.Certificate, ...] = ()


NOTHING_KNOWN: Final = Known()


@dataclass(frozen=True, slots=True)
class _Opened:
    members: Mapping[str, bytes]
    hub: tuple[x509.Certificate, ...]


def verify(what: Path | bytes, known: Known = NOTHING_KNOWN) -> Verdict:
    """All checks, in order. Never raises for bad evidence; OSError for a file that cannot be read.

    What fails before the hub's signature over the manifest was right ends it: nothing behind it can be believed.
    """
    data = what if isinstance(what, bytes) else _read(what)
    checks: list[Check] = []
    try:
        opened = _open(data, known, checks)
    except ContainerFault as fault:
        checks.append(failed(CheckName.CONTAINER, fault.vi, fault.en))
        return Verdict(checks=tuple(checks))
    hub = fingerprint_of(_der(opened.hub[0])) if opened.hub else ""
    if Verdict(checks=tuple(checks)).failed:
        return Verdict(checks=tuple(checks), hub=hub)
    try:
        evidence = Evidence.read(opened.members[package.EVIDENCE])
        events = read_events(opened.members[package.EVENTS])
        seals, certificates = read_seals(opened.members[package.SEALS])
        trusting = _trusting(opened.members, evidence, known)
    except (DataFault, ValueError) as fault:
        checks.append(failed(CheckName.CONTENTS, f"Không đọc được: {fault}", f"Cannot be read: {fault}"))
        return Verdict(checks=tuple(checks), hub=hub)
    checks += check_seals(seals, certificates, accepted=_accepted_by(opened))
    checks += _stamps(seals, known)
    checks += _said(opened, evidence, events, seals, trusting)
    checks.append(_summary(opened.members[package.SUMMARY], evidence, events, seals))
    return Verdict(checks=tuple(checks), hub=hub, document=evidence.document)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _open(data: bytes, known: Known, checks: list[Check]) -> _Opened:
    """The members, after container, manifest and the hub's signature were checked. Raises ContainerFault."""
    members = unpack(data)
    if tuple(members)[: len(package.ALWAYS)] != package.ALWAYS or any(
        not name.startswith(package.FOLDERS) for name in tuple(members)[len(package.ALWAYS) :]
    ):
        raise ContainerFault(vi="Không phải hồ sơ chứng cứ", en="This is no evidence package")
    checks.append(
        good(
            CheckName.CONTAINER,
            f"Tệp ZIP đúng dạng, không thừa byte nào ({len(members)} thành phần)",
            f"The ZIP file is well-formed without a byte to spare ({len(members)} members)",
        )
    )
    checks += _manifest_faults(members)
    hub = _hub_certificates(members[package.HUB])
    if not hub or not signature_holds(members[package.MANIFEST], members[package.SIGNATURE], hub[0]):
        checks.append(failed(CheckName.MANIFEST, "Chữ ký trên danh mục sai", "The manifest's signature is wrong"))
        return _Opened(members, hub)
    checks.append(
        good(
            CheckName.MANIFEST,
            "Danh mục đúng với mọi thành phần và có chữ ký của trục",
            "The manifest is true of every member and signed by the hub",
        )
    )
    checks.append(_hub_check(hub, known))
    return _Opened(members, _accepted(hub, known))


def _manifest_faults(members: Mapping[str, bytes]) -> Iterator[Check]:
    listed = [(name, data) for name, data in members.items() if name not in (package.MANIFEST, package.SIGNATURE)]
    if package.manifest_of(listed) == members[package.MANIFEST]:
        return
    try:
        rows = orjson.loads(members[package.MANIFEST])["members"]
        stated = {each["name"]: each["sha256"] for each in rows}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        stated = {}
    altered = [name for name, data in listed if stated.get(name) != hashlib.sha256(data).hexdigest()]
    for name in altered[:10] or [package.MANIFEST]:
        yield failed(
            CheckName.MANIFEST,
            "Thành phần không như danh mục ghi",
            "A member is not what the manifest says",
            about=name,
        )


def _hub_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))[:MOST_HUB_CERTIFICATES]
    except (ValueError, x509.InvalidVersion):
        return ()
    return found if all(read_certificate(_der(each)) is not None for each in found) else ()


def _hub_check(hub: Sequence[x509.Certificate], known: Known) -> Check:
    fingerprint, subject = fingerprint_of(_der(hub[0])), name_text(hub[0].subject)
    if not known.hub_certificates:
        return note(
            CheckName.HUB_CERTIFICATE,
            f"Chứng thư của trục là chứng thư kèm theo hồ sơ ({subject}); hãy so SHA-256 {fingerprint} với chứng thư "
            "nhận được từ trục, hoặc dùng --hub-cert",
            f"The hub's certificate is the one enclosed ({subject}); compare its SHA-256 {fingerprint} with the one "
            "you have from the hub, or use --hub-cert",
            about=fingerprint,
        )
    if hub[0] in known.hub_certificates:
        return good(
            CheckName.HUB_CERTIFICATE,
            f"Chứng thư của trục đúng là chứng thư đã cho: {subject}",
            f"The hub's certificate is the given one: {subject}",
            about=fingerprint,
        )
    return failed(
        CheckName.HUB_CERTIFICATE,
        f"Hồ sơ do chứng thư khác ký: {subject}, SHA-256 {fingerprint}",
        f"The package is signed by another certificate: {subject}, SHA-256 {fingerprint}",
        about=fingerprint,
    )


def _accepted(hub: tuple[x509.Certificate, ...], known: Known) -> tuple[x509.Certificate, ...]:
    """The hub's certificates that count. The first enclosed one was recognised, and has signed which were before it."""
    return tuple(dict.fromkeys((*hub, *known.hub_certificates)))


def _accepted_by(opened: _Opened) -> frozenset[str]:
    return frozenset(fingerprint_of(_der(each)) for each in opened.hub)


def _trusting(members: Mapping[str, bytes], evidence: Evidence, known: Known) -> Trusting:
    """Raises ValueError for a file in `trust/` that is none, or not the one that its name says."""
    for folder in package.BY_DIGEST:
        for name, data in package.within(members, folder).items():
            if name != fingerprint_of(data):
                raise ValueError(f"{folder}{name}")
    enclosed = _certificates(members, package.ANCHORS)
    material = TrustMaterial(
        anchors=known.anchors or enclosed,
        intermediates=_certificates(members, package.INTERMEDIATES),
        crls=tuple(x509.load_der_x509_crl(each) for each in package.within(members, package.REVOCATIONS).values()),
    )
    return Trusting(material=material, enclosed=not known.anchors, revocation_required=evidence.require_revocation)


def _certificates(members: Mapping[str, bytes], folder: str) -> tuple[x509.Certificate, ...]:
    found = [read_certificate(each) for each in package.within(members, folder).values()]
    if None in found:
        raise ValueError(folder)
    return tuple(each.certificate for each in found if each is not None)


def _said(
    opened: _Opened,
    evidence: Evidence,
    events: tuple[ProvenEvent, ...],
    seals: Sequence[SealProof],
    trusting: Trusting,
) -> Iterator[Check]:
    words = tuple(each.words for each in events)
    members = opened.members
    yield from check_events(events, seals)
    yield from check_records(evidence.messages, words)
    yield from check_statuses(evidence.statuses, words)
    yield from check_legs(evidence, words)
    yield from check_envelopes(evidence, package.within(members, package.ENVELOPES), trusting)
    stated = {str(each["certificate"]) for each in evidence.messages if each["payload"] and each["state"] == "accepted"}
    if set(package.within(members, package.SIGNERS)) != stated:
        yield failed(
            CheckName.SIGNATURE,
            "Chứng thư bên gửi kèm theo không phải chứng thư đã ký",
            "The enclosed certificates of senders are not those that signed",
        )
    yield from check_receipts(evidence, package.within(members, package.RECEIPTS), words, accepted=_accepted_by(opened))


def _stamps(seals: Sequence[SealProof], known: Known) -> Iterator[Check]:
    for each in seals:
        if not each.timestamp:
            continue
        number = str(each.words.number)
        try:
            stamp = check_token(each.timestamp, each.words.digest)
        except StampFault as fault:
            yield failed(CheckName.TIMESTAMP, fault.vi, fault.en, about=number)
            continue
        who, when = name_text(stamp.signer.subject), time_text(stamp.made_at)
        if not known.stamp_certificates:
            yield note(
                CheckName.TIMESTAMP,
                f"Dấu số {number} có dấu thời gian {when} của {who}; chưa xét có tin nơi đóng dấu hay không",
                f"Seal {number} was stamped at {when} by {who}; whether to trust that authority was not asked",
                about=number,
            )
        elif _vouched(stamp.signer, known.stamp_certificates):
            yield good(
                CheckName.TIMESTAMP,
                f"Dấu số {number} có dấu thời gian {when} của {who}",
                f"Seal {number} was stamped at {when} by {who}",
                about=number,
            )
        else:
            yield failed(
                CheckName.TIMESTAMP,
                f"Dấu thời gian do nơi khác đóng: {who}",
                f"The time stamp is another authority's: {who}",
                about=number,
            )


def _vouched(signer: x509.Certificate, trusted: Sequence[x509.Certificate]) -> bool:
    for each in trusted:
        if each == signer:
            return True
        try:
            signer.verify_directly_issued_by(each)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return True
    return False


def _summary(page: bytes, evidence: Evidence, events: Sequence[ProvenEvent], seals: Sequence[SealProof]) -> Check:
    if page == summary_of(evidence, events, seals).encode():
        return good(CheckName.SUMMARY, "Bản tóm tắt đúng với dữ liệu", "The summary says what the data say")
    return failed(CheckName.SUMMARY, "Bản tóm tắt khác với dữ liệu", "The summary does not say what the data say")


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
