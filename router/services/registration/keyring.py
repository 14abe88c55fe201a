"""What the hub signs with and whom it trusts, as a list to be read: certificates and revocation lists. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from edxml_schemas.certificates.rules import name_text
from edxml_schemas.trust import TrustMaterial
from router.services.registration.certificate_shelf import SOON
from router.services.registration.certificates import key_text


class Use(StrEnum):
    """What a certificate or list is for."""

    HUB = "hub"  # signs receipts and seals
    FORMER = "former"  # signed older ones
    ANCHOR = "anchor"
    INTERMEDIATE = "intermediate"
    CRL = "crl"


class Term(StrEnum):
    """Where now stands in its time. Of a list, the end is the next update."""

    GOOD = "good"
    SOON = "soon"
    OVER = "over"
    EARLY = "early"


USE_TEXT: Final[dict[Use, tuple[str, str]]] = {
    Use.HUB: ("Khóa ký của trục", "the hub's signing key"),
    Use.FORMER: ("Khóa trước đây", "former key"),
    Use.ANCHOR: ("Chứng thư gốc", "trust anchor"),
    Use.INTERMEDIATE: ("Chứng thư trung gian", "intermediate"),
    Use.CRL: ("Danh sách thu hồi", "revocation list"),
}
TERM_TEXT: Final[dict[Term, tuple[str, str]]] = {
    Term.GOOD: ("còn hạn", "in force"),
    Term.SOON: ("sắp hết hạn", "ends soon"),
    Term.OVER: ("hết hạn", "ended"),
    Term.EARLY: ("chưa đến hạn", "not yet valid"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys:
    """The certificates of the hub's own keys. `problem`, in Vietnamese and English: why the present one is not there.

    The private key is never among them.
    """

    hub: x509.Certificate | None
    former: Sequence[x509.Certificate] = ()
    problem: tuple[str, str] | None = None


ReadOwnKeys = Callable[[], OwnKeys]


@dataclass(frozen=True, slots=True, kw_only=True)
class RingEntry:
    """One certificate or list. Of a list, `serial` is its number, `entries` how many it names, `until` may be None."""

    use: Use
    subject: str
    issuer: str
    serial: str
    fingerprint: str
    key: str
    since: datetime
    until: datetime | None
    term: Term
    entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    entries: Sequence[RingEntry]
    problem: tuple[str, str] | None
    requires_revocation: bool
    """Whether a verdict waits while no list in force speaks."""


def keyring_of(own: OwnKeys, material: TrustMaterial, *, now: datetime) -> Keyring:
    """In the order of `Use`, within it the first to end first."""
    last = datetime.max.replace(tzinfo=now.tzinfo)
    order = list(Use)
    found = sorted(
        _entries(own, material, now), key=lambda each: (order.index(each.use), each.until or last, each.subject)
    )
    return Keyring(entries=tuple(found), problem=own.problem, requires_revocation=material.require_revocation)


def ring_as_dict(ring: Keyring, *, now: datetime) -> dict[str, object]:
    """What the page, its twin and `truc keys --json` tell. Texts are {vi, en}."""
    return {
        "problem": None if ring.problem is None else _words(ring.problem),
        "requires_revocation": ring.requires_revocation,
        "entries": [
            {
                "use": each.use.value,
                "use_text": _words(USE_TEXT[each.use]),
                "subject": each.subject,
                "issuer": each.issuer,
                "serial": each.serial,
                "fingerprint": each.fingerprint,
                "key": each.key,
                "since": each.since,
                "until": each.until,
                "days_left": None if each.until is None else (each.until - now).days,
                "term": each.term.value,
                "term_text": _words(TERM_TEXT[each.term]),
                "entries": each.entries if each.use is Use.CRL else None,
            }
            for each in ring.entries
        ],
    }


def _words(text: tuple[str, str]) -> dict[str, str]:
    return {"vi": text[0], "en": text[1]}


def _entries(own: OwnKeys, material: TrustMaterial, now: datetime) -> Iterator[RingEntry]:
    named = (
        (Use.HUB, () if own.hub is None else (own.hub,)),
        (Use.FORMER, own.former),
        (Use.ANCHOR, material.anchors),
        (Use.INTERMEDIATE, material.intermediates),
    )
    for use, certificates in named:
        for each in certificates:
            yield RingEntry(
                use=use,
                subject=name_text(each.subject),
                issuer=name_text(each.issuer),
                serial=f"{each.serial_number:x}",
                fingerprint=each.fingerprint(hashes.SHA256()).hex(),
                key=key_text(each),
                since=each.not_valid_before_utc,
                until=each.not_valid_after_utc,
                term=_term(each.not_valid_before_utc, each.not_valid_after_utc, soon=True, now=now),
            )
    for crl in material.crls:
        yield RingEntry(
            use=Use.CRL,
            subject="",
            issuer=name_text(crl.issuer),
            serial=_number(crl),
            fingerprint=crl.fingerprint(hashes.SHA256()).hex(),
            key="",
            since=crl.last_update_utc,
            until=crl.next_update_utc,
            term=_term(crl.last_update_utc, crl.next_update_utc, soon=False, now=now),
            entries=len(crl),
        )


def _term(since: datetime, until: datetime | None, *, soon: bool, now: datetime) -> Term:
    """Lists live for days: only a certificate ends soon."""
    if now < since:
        return Term.EARLY
    if until is None:
        return Term.GOOD
    if until <= now:
        return Term.OVER
    return Term.SOON if soon and until <= now + SOON else Term.GOOD


def _number(crl: x509.CertificateRevocationList) -> str:
    try:
        return f"{crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number:x}"
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        return ""
