"""What a package of evidence proves, and which word of it is doubted when something in it is not so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.evidence import package
from edxml_schemas.evidence.container import unpack
from edxml_schemas.evidence.verdict import CheckName, Outcome, Verdict
from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.signatures import Signer
from edxml_schemas.signed_receipts import ReceiptPen
from router.adapters.memory_store import MemoryStore
from router.services.proof.evidence import EvidenceCollector, EvidenceProblem, Unsealed
from router.services.proof.sealing import Sealing
from router.services.proof.stamping import Stamping
from tests.support.envelopes import SENDER, a_document
from tests.support.hub_desk import NOW
from tests.support.pki import Pki
from tests.support.provable import ProvableHub
from tests.support.stamps import LocalAuthority
from tests.unit.test_sealing import Hand


@pytest.fixture(scope="module")
def hub() -> ProvableHub:
    return ProvableHub()


@pytest.fixture(scope="module")
def whole(hub: ProvableHub) -> bytes:
    return hub.package()


def known(hub: ProvableHub) -> Known:
    return Known(hub_certificates=(hub.desk.hub_key.cert,), anchors=(hub.desk.pki.root.cert,))


def failed(verdict: Verdict) -> set[CheckName]:
    return {each.name for each in verdict.failed}


Change = Callable[[dict[str, bytes]], object]


def resealed(hub: ProvableHub, data: bytes, change: Change) -> bytes:
    """The package with members changed, and signed anew with the hub's own key."""
    members = {name: each for name, each in unpack(data).items() if name not in (package.MANIFEST, package.SIGNATURE)}
    change(members)
    return package.seal_members([*members.items()], signer=hub.desk.pen.signer)


def edited(member: str, change: Callable[[Any], object]) -> Change:
    """A change of a JSON member."""

    def edit(members: dict[str, bytes]) -> None:
        content = orjson.loads(members[member])
        change(content)
        members[member] = orjson.dumps(content)

    return edit


def test_evidence_holds_all_that_was_said_about_a_document(hub: ProvableHub, whole: bytes) -> None:
    verdict = verify(whole, known(hub))
    assert verdict.failed == ()
    assert {each.outcome for each in verdict.checks} == {Outcome.GOOD}
    assert {each.name for each in verdict.checks} == set(CheckName) - {CheckName.CONTENTS, CheckName.TIMESTAMP}
    members = unpack(whole)
    assert members[f"{package.ENVELOPES}{hub.document.id}.edxml"] == hub.desk.payloads.read(hub.document.payload)
    evidence = orjson.loads(members[package.EVIDENCE])
    assert {each["kind"] for each in evidence["receipts"]} >= {"accepted", "handed-over", "delivered", "not-delivered"}
    assert sorted(each["code"] for each in evidence["statuses"]) == ["01", "01", "02", "03", "13", "15"]
    assert evidence["organs"][SENDER] == "Văn phòng Chính phủ"


def test_the_summary_is_a_page_of_its_own_in_vietnamese(whole: bytes) -> None:
    page = unpack(whole)[package.SUMMARY].decode()
    assert "HỒ SƠ CHỨNG CỨ" in page
    assert "Văn phòng Chính phủ" in page
    assert "Biên nhận" in page
    for outside in ("<script", "<img", "<link", "<iframe", "src=", "href=", "url(", "@import"):
        assert outside not in page


def test_what_a_document_says_is_no_markup_in_the_summary() -> None:
    hub = ProvableHub(quiet=True)
    hub.desk.accept(document := a_document(subject="<script>alert(1)</script>"))
    hub.seal()
    (found,) = [each for each in hub.store.find(document.document_id) if not each.duplicate_of]
    page = unpack(hub.package(found))[package.SUMMARY].decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_a_refused_message_has_evidence_too() -> None:
    hub = ProvableHub(quiet=True)
    settled = hub.desk.send(b"<edXML/>")
    hub.desk.confirm(settled.outbox)
    hub.seal()
    verdict = verify(hub.package(settled.message), known(hub))
    assert verdict.good, verdict.failed


def test_without_the_hubs_certificate_the_reader_is_told_what_to_compare(hub: ProvableHub, whole: bytes) -> None:
    verdict = verify(whole)
    notes = [each for each in verdict.checks if each.outcome is Outcome.NOTE]
    assert verdict.good
    assert [each.name for each in notes] == [CheckName.HUB_CERTIFICATE]
    assert hub.desk.hub_key.fingerprint in notes[0].vi
    assert verdict.hub == hub.desk.hub_key.fingerprint


def test_another_hubs_evidence_is_not_this_hubs(hub: ProvableHub, whole: bytes) -> None:
    other = hub.desk.pki.self_signed("Trục khác")
    assert failed(verify(whole, Known(hub_certificates=(other.cert,)))) == {CheckName.HUB_CERTIFICATE}


def test_roots_that_the_reader_does_not_know_prove_nothing(hub: ProvableHub, whole: bytes) -> None:
    stranger = Pki(NOW, name="Khác")
    verdict = verify(whole, Known(hub_certificates=(hub.desk.hub_key.cert,), anchors=(stranger.root.cert,)))
    assert failed(verdict) == {CheckName.TRUST}


def test_the_verdict_says_whose_roots_were_believed(hub: ProvableHub, whole: bytes) -> None:
    (enclosed, *_) = [each for each in verify(whole).checks if each.name is CheckName.TRUST]
    (given, *_) = [each for each in verify(whole, known(hub)).checks if each.name is CheckName.TRUST]
    assert "kèm theo" in enclosed.vi
    assert "đã cho" in given.vi


@pytest.mark.parametrize(
    ("change", "doubted"),
    [
        (edited("evidence.json", lambda e: e["messages"][0].update(subject="Khác")), CheckName.RECORDS),
        (edited("evidence.json", lambda e: e["legs"][0].update(state="queued")), CheckName.LEGS),
        (edited("evidence.json", lambda e: e["legs"].pop()), CheckName.LEGS),
        (edited("evidence.json", lambda e: e["statuses"][0].update(code="06")), CheckName.STATUSES),
        (edited("evidence.json", lambda e: e["statuses"].pop()), CheckName.STATUSES),
        (edited("evidence.json", lambda e: e["receipts"].pop()), CheckName.RECEIPTS),
        (edited("evidence.json", lambda e: e["organs"].update({SENDER: "Ai đó"})), CheckName.SUMMARY),
        (edited("evidence.json", lambda e: e.update(format="truc-evidence/2")), CheckName.CONTENTS),
        (edited("events.json", lambda e: e[0]["event"].__setitem__(5, "khác")), CheckName.EVENTS),
        (edited("events.json", lambda e: e[0].update(index=1)), CheckName.EVENTS),
        (edited("events.json", lambda e: e.append(e[0])), CheckName.EVENTS),
        (edited("seals.json", lambda s: s["seals"].pop(1)), CheckName.SEALS),
        (edited("seals.json", lambda s: s["seals"][0]["words"].update(root="0" * 64)), CheckName.SEALS),
        (edited("seals.json", lambda s: s["seals"][-1].update(signature="")), CheckName.SEALS),
        (edited("seals.json", lambda s: s["seals"].clear()), CheckName.SEALS),
        (
            lambda m: m.update({"tom-tat.html": m["tom-tat.html"].replace("Biên".encode(), b"Bien")}),
            CheckName.SUMMARY,
        ),
        (lambda m: m.pop(next(each for each in m if each.startswith(package.RECEIPTS))), CheckName.RECEIPTS),
        (lambda m: m.pop(next(each for each in m if each.startswith(package.ENVELOPES))), CheckName.ENVELOPE),
        (lambda m: m.pop(next(each for each in m if each.startswith(package.REVOCATIONS))), CheckName.TRUST),
        (lambda m: m.pop(next(each for each in m if each.startswith(package.SIGNERS))), CheckName.SIGNATURE),
        (lambda m: m.update({"envelopes/khac.edxml": b"<x/>"}), CheckName.ENVELOPE),
        (lambda m: m.update({"seals.json": b"[" * 5000}), CheckName.CONTENTS),
    ],
)
def test_a_lie_under_the_hubs_own_signature_is_still_seen(
    hub: ProvableHub, whole: bytes, change: Change, doubted: CheckName
) -> None:
    verdict = verify(resealed(hub, whole, change), Known(hub_certificates=(hub.desk.hub_key.cert,)))
    assert doubted in failed(verdict), verdict.failed


def test_receipts_that_changed_places_are_seen(hub: ProvableHub, whole: bytes) -> None:
    def swap(members: dict[str, bytes]) -> None:
        first, second = [each for each in members if each.startswith(package.RECEIPTS)][:2]
        members[first], members[second] = members[second], members[first]

    assert failed(verify(resealed(hub, whole, swap), known(hub))) == {CheckName.RECEIPTS}


def test_a_file_of_another_kind_has_no_place_in_evidence(hub: ProvableHub, whole: bytes) -> None:
    data = resealed(hub, whole, lambda members: members.update({"virus.exe": b"MZ"}))
    assert failed(verify(data, known(hub))) == {CheckName.CONTAINER}


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04", b"not a zip", b"\0" * 100])
def test_what_is_no_evidence_is_told_so(junk: bytes) -> None:
    assert failed(verify(junk)) == {CheckName.CONTAINER}


def test_events_that_no_seal_covers_are_no_evidence_yet() -> None:
    fresh = ProvableHub(quiet=True)
    sent = fresh.desk.accept(a_document())
    with pytest.raises(Unsealed):
        fresh.package(sent)


def test_a_log_that_was_changed_gives_no_evidence() -> None:
    hub = ProvableHub()
    assert isinstance(hub.store, MemoryStore)
    log = hub.store._tables.log
    log[0] = replace(log[0], actor="khác")
    with pytest.raises(EvidenceProblem):
        hub.package()


# ── Revocation and time ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_certificate_that_was_revoked_after_the_receipt_was_good_then() -> None:
    hub = ProvableHub()
    hub.desk.pki.issuing.revoke(hub.desk.keys[SENDER], NOW + timedelta(days=1))
    hub.desk.trust.now_trusted = hub.desk.material(later_lists(hub, days=2))
    verdict = verify(hub.package(), known(hub))
    assert verdict.good, verdict.failed
    assert any("lập lúc" in each.vi for each in verdict.checks if each.name is CheckName.TRUST)


def test_a_certificate_that_had_been_revoked_before_the_receipt_is_not_believed() -> None:
    hub = ProvableHub()
    hub.desk.pki.issuing.revoke(hub.desk.keys[SENDER], NOW - timedelta(hours=1))
    hub.desk.trust.now_trusted = hub.desk.material(later_lists(hub, days=2))
    assert failed(verify(hub.package(), known(hub))) == {CheckName.TRUST}


def later_lists(hub: ProvableHub, *, days: int) -> list[x509.CertificateRevocationList]:
    at = NOW + timedelta(days=days)
    pki = hub.desk.pki
    return [each.crl(at, at + timedelta(days=7)) for each in (pki.root, pki.issuing)]


def test_a_time_stamp_on_a_seal_is_told_and_asked_about() -> None:
    hub = ProvableHub()
    authority = LocalAuthority(hub.desk.pki, now=NOW)
    Stamping(hub.store, authority, clock=Hand(), every=timedelta(hours=1)).run()
    data = hub.package()
    outcomes = []
    for certificates in ((), (authority.credential.cert,), (hub.desk.pki.issuing.cert,), (hub.desk.hub_key.cert,)):
        checks = verify(data, Known(stamp_certificates=certificates)).checks
        outcomes.append([each.outcome for each in checks if each.name is CheckName.TIMESTAMP])
    assert outcomes == [[Outcome.NOTE], [Outcome.GOOD], [Outcome.GOOD], [Outcome.FAILED]]


def test_the_hub_may_change_its_key_and_old_evidence_is_made_by_the_new_one() -> None:
    hub = ProvableHub()
    old = hub.desk.hub_key
    new = hub.desk.pki.self_signed("Trục thử nghiệm")
    signer = Signer(new.key, new.cert)
    hub.sealing = Sealing(signer, every=timedelta(0))
    hub.desk.send(b"<edXML/>")
    hub.seal()
    collector = EvidenceCollector(hub.store, hub.desk.payloads, hub.desk.trust.material(), signer=ReceiptPen(signer))
    contents = collector.collect(hub.document, hub="truc", now=NOW)
    pem = b"".join(each.cert.public_bytes(Encoding.PEM) for each in (new, old))
    data = package.make_package(contents, signer=signer, hub_pem=pem)
    assert verify(data, Known(hub_certificates=(new.cert,))).good
    assert not verify(data, Known(hub_certificates=(old.cert,))).good
