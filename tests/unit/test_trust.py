"""A key may sign when a path leads to an anchor, every certificate on it is valid at that time, and lists say so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.trust import MAX_INTERMEDIATES, Trust, TrustChecker, TrustMaterial, TrustValue, check_trust
from tests.support.pki import CERTIFYING, CRL_LIFE, Authority, Credential, Pki, build_certificate, name_of, usages

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture
def pki() -> Pki:
    return Pki(NOW)


def material_of(pki: Pki, **changes: object) -> TrustMaterial:
    fields: dict[str, object] = {"anchors": (pki.root.cert,), "intermediates": pki.chain, "crls": pki.crls()}
    return TrustMaterial(**(fields | changes))  # type: ignore[arg-type]  # the caller names fields of the right type


def judged(pki: Pki, credential: Credential, *, at: datetime = NOW, **changes: object) -> Trust:
    return check_trust(credential.cert, material_of(pki, **changes), at=at)


def assert_bad(trust: Trust, code: FindingCode) -> None:
    assert trust.value is TrustValue.BAD
    assert code in codes(trust.findings), codes(trust.findings)
    assert trust.good_until <= NOW + 1000 * DAY
    assert all(dict(each.facts)["subject"] for each in trust.findings)


# Paths


@pytest.mark.parametrize("kind", ["ec", "ec384", "rsa"])
def test_a_certificate_of_the_house_is_good(pki: Pki, kind: str) -> None:
    leaf = pki.issue("Bộ", kind=kind)  # type: ignore[arg-type]  # parametrised
    trust = judged(pki, leaf)
    assert trust.value is TrustValue.GOOD
    assert trust.findings == ()
    assert trust.path == (leaf.cert, pki.issuing.cert, pki.root.cert)


def test_intermediates_may_come_with_the_signature(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    material = material_of(pki, intermediates=())
    assert_bad(check_trust(leaf.cert, material, at=NOW), FindingCode.TRUST_UNKNOWN_ISSUER)
    assert check_trust(leaf.cert, material, at=NOW, chain=pki.chain).value is TrustValue.GOOD


def test_an_anchor_that_comes_with_the_signature_is_no_anchor(pki: Pki) -> None:
    other = Pki(NOW, name="Khác")
    leaf = other.issue("Bộ")
    trust = check_trust(leaf.cert, material_of(pki), at=NOW, chain=(*other.chain, other.root.cert))
    assert_bad(trust, FindingCode.TRUST_UNKNOWN_ISSUER)
    assert trust.path == (leaf.cert,)


def test_a_self_signed_certificate_is_of_an_unknown_issuer(pki: Pki) -> None:
    assert_bad(judged(pki, pki.self_signed("Tự ký")), FindingCode.TRUST_UNKNOWN_ISSUER)


def test_an_authority_of_the_same_name_with_another_key_is_found_out(pki: Pki) -> None:
    twin = Pki(NOW)  # the same names, other keys
    assert_bad(judged(pki, twin.issue("Bộ")), FindingCode.TRUST_CHAIN)
    trust = check_trust(twin.issue("Bộ").cert, material_of(pki), at=NOW, chain=twin.chain)
    assert_bad(trust, FindingCode.TRUST_CHAIN)


def test_a_pinned_certificate_is_its_own_anchor(pki: Pki) -> None:
    leaf = pki.self_signed("Ghim")
    trust = judged(pki, leaf, anchors=(leaf.cert,), crls=())
    assert trust.value is TrustValue.GOOD
    assert trust.path == (leaf.cert,)


def test_a_leaf_that_poses_as_an_authority_gives_no_trust(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    posing = Authority("Bộ", leaf, NOW)
    forged = pki.issue("Giả", issuer=posing)
    trust = check_trust(forged.cert, material_of(pki), at=NOW, chain=(leaf.cert,))
    assert_bad(trust, FindingCode.TRUST_CHAIN)


def test_a_path_length_is_kept(pki: Pki) -> None:
    below = pki.authority("Dưới", issuer=pki.issuing)  # the issuing authority has path length 0
    leaf = pki.issue("Bộ", issuer=below)
    crls = (*pki.crls(), below.crl())
    trust = check_trust(leaf.cert, material_of(pki, crls=crls), at=NOW, chain=(below.cert,))
    assert_bad(trust, FindingCode.TRUST_CHAIN)
    assert "pathLenConstraint 0" in dict(trust.findings[0].facts)["found"]


def tower(pki: Pki, height: int) -> tuple[list[Authority], Credential]:
    """Authorities one above the other, and a leaf of the lowest."""
    above = pki.root
    authorities = []
    for level in range(height):
        above = pki.authority(f"Tầng {level}", issuer=above)
        authorities.append(above)
    return authorities, pki.issue("Bộ", issuer=above)


@pytest.mark.parametrize(("height", "value"), [(MAX_INTERMEDIATES, "good"), (MAX_INTERMEDIATES + 1, "bad")])
def test_depth_is_bounded(pki: Pki, height: int, value: str) -> None:
    authorities, leaf = tower(pki, height)
    crls = (pki.root.crl(), *(each.crl() for each in authorities))
    material = material_of(pki, intermediates=tuple(each.cert for each in authorities), crls=crls)
    assert check_trust(leaf.cert, material, at=NOW).value == value


def test_authorities_that_certify_each_other_do_not_loop(pki: Pki) -> None:
    one = pki.authority("Một", issuer=None)
    two = pki.authority("Hai", issuer=one)
    back = Authority("Một", one.credential, NOW)
    again = build_certificate(
        subject=name_of("Một"),
        key=one.credential.key,
        issuer=two.credential,
        not_before=NOW - DAY,
        not_after=NOW + DAY,
        extensions=[(x509.BasicConstraints(ca=True, path_length=None), True), (CERTIFYING, True)],
    )
    leaf = pki.issue("Bộ", issuer=back)
    trust = check_trust(leaf.cert, material_of(pki), at=NOW, chain=(again, two.cert, one.cert))
    assert_bad(trust, FindingCode.TRUST_UNKNOWN_ISSUER)


def test_many_namesakes_cost_little(pki: Pki) -> None:
    namesakes = tuple(Pki(NOW).issuing.cert for _ in range(40))
    leaf = pki.issue("Bộ")
    trust = check_trust(leaf.cert, material_of(pki, intermediates=(*namesakes, *pki.chain)), at=NOW, chain=namesakes)
    assert trust.value is TrustValue.GOOD


def test_of_two_paths_the_good_one_wins(pki: Pki) -> None:
    """The issuing authority was certified twice, and the first certificate has expired."""
    expired = build_certificate(
        subject=pki.issuing.cert.subject,
        key=pki.issuing.credential.key,
        issuer=pki.root.credential,
        not_before=NOW - 9 * DAY,
        not_after=NOW - 2 * DAY,
        extensions=[(x509.BasicConstraints(ca=True, path_length=0), True), (CERTIFYING, True)],
    )
    leaf = pki.issue("Bộ")
    for intermediates in ((expired, pki.issuing.cert), (pki.issuing.cert, expired)):
        assert judged(pki, leaf, intermediates=intermediates).value is TrustValue.GOOD
    assert_bad(judged(pki, leaf, intermediates=(expired,)), FindingCode.TRUST_EXPIRED)


# Time


@pytest.mark.parametrize(
    ("at", "code"),
    [(NOW + 400 * DAY, FindingCode.TRUST_EXPIRED), (NOW - 2 * DAY, FindingCode.TRUST_NOT_YET_VALID)],
)
def test_a_certificate_outside_its_time_is_bad(pki: Pki, at: datetime, code: FindingCode) -> None:
    trust = judged(pki, pki.issue("Bộ"), at=at)
    assert_bad(trust, code)
    assert dict(trust.findings[0].facts)["date"]


def test_validity_is_judged_at_the_time_of_receipt_and_not_later(pki: Pki) -> None:
    leaf = pki.issue("Bộ", not_before=NOW - DAY, not_after=NOW + DAY)
    assert judged(pki, leaf, at=NOW).value is TrustValue.GOOD
    assert judged(pki, leaf, at=NOW + DAY).value is TrustValue.GOOD
    assert_bad(judged(pki, leaf, at=NOW + DAY + timedelta(seconds=1)), FindingCode.TRUST_EXPIRED)


def test_an_expired_intermediate_spoils_the_path(pki: Pki) -> None:
    old = pki.authority("Cũ", issuer=pki.root, not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    leaf = pki.issue("Bộ", issuer=old)
    trust = judged(pki, leaf, intermediates=(old.cert,), crls=(*pki.crls(), old.crl()))
    assert_bad(trust, FindingCode.TRUST_EXPIRED)
    assert "Cũ" in dict(trust.findings[0].facts)["subject"]


def test_an_expired_anchor_spoils_the_path(pki: Pki) -> None:
    root = pki.authority("Gốc cũ", issuer=None, not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    leaf = pki.issue("Bộ", issuer=root)
    assert_bad(judged(pki, leaf, anchors=(root.cert,), crls=(root.crl(),)), FindingCode.TRUST_EXPIRED)


# What certificates may do


@pytest.mark.parametrize("name", ["digital_signature", "content_commitment"])
def test_either_signing_usage_is_enough(pki: Pki, name: str) -> None:
    assert judged(pki, pki.issue("Bộ", key_usage=usages(name))).value is TrustValue.GOOD


def test_a_leaf_without_key_usage_is_not_limited(pki: Pki) -> None:
    assert judged(pki, pki.issue("Bộ", key_usage=None)).value is TrustValue.GOOD


def test_a_certificate_for_encryption_only_does_not_sign(pki: Pki) -> None:
    trust = judged(pki, pki.issue("Bộ", key_usage=usages("key_encipherment")))
    assert_bad(trust, FindingCode.TRUST_KEY_USAGE)
    assert dict(trust.findings[0].facts)["found"] == "keyEncipherment"


def test_an_authority_does_not_sign_documents(pki: Pki) -> None:
    assert_bad(judged(pki, pki.issuing.credential), FindingCode.TRUST_KEY_USAGE)


@pytest.mark.parametrize(
    ("purposes", "value"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH], "bad"),
        ([ExtendedKeyUsageOID.TIME_STAMPING], "bad"),
        ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING], "bad"),
        ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], "good"),
        ([ExtendedKeyUsageOID.EMAIL_PROTECTION], "good"),
        ([ObjectIdentifier("1.3.6.1.5.5.7.3.36")], "good"),
    ],
    ids=["server", "time stamps", "server and code", "server and client", "mail", "documents"],
)
def test_purposes_of_machines_do_not_sign_documents(pki: Pki, purposes: list[ObjectIdentifier], value: str) -> None:
    leaf = pki.issue("Bộ", extensions=[(x509.ExtendedKeyUsage(purposes), False)])
    assert judged(pki, leaf).value == value


def test_an_intermediate_without_the_right_to_certify_spoils_the_path(pki: Pki) -> None:
    weak = pki.authority("Yếu", issuer=pki.root, key_usage=usages("digital_signature", "crl_sign"))
    leaf = pki.issue("Bộ", issuer=weak)
    trust = judged(pki, leaf, intermediates=(weak.cert,), crls=(*pki.crls(), weak.crl()))
    assert_bad(trust, FindingCode.TRUST_CHAIN)


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_extension_matters_when_it_is_critical(pki: Pki, critical: bool) -> None:
    odd = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    trust = judged(pki, pki.issue("Bộ", extensions=[(odd, critical)]))
    assert (trust.value is TrustValue.BAD) is critical
    if critical:
        assert_bad(trust, FindingCode.TRUST_CHAIN)


def test_name_constraints_are_not_ignored(pki: Pki) -> None:
    constraints = x509.NameConstraints(permitted_subtrees=[x509.DNSName("gov.vn")], excluded_subtrees=None)
    narrow = pki.authority("Hẹp", issuer=pki.root, extensions=[(constraints, True)])
    leaf = pki.issue("Bộ", issuer=narrow)
    trust = judged(pki, leaf, intermediates=(narrow.cert,), crls=(*pki.crls(), narrow.crl()))
    assert_bad(trust, FindingCode.TRUST_CHAIN)


def test_an_authority_with_a_weak_key_spoils_the_path(pki: Pki) -> None:
    weak = pki.authority("Yếu", issuer=pki.root, kind="rsa1024")
    leaf = pki.issue("Bộ", issuer=weak)
    trust = judged(pki, leaf, intermediates=(weak.cert,), crls=(*pki.crls(), weak.crl()))
    assert_bad(trust, FindingCode.TRUST_CHAIN)


def over_sha1(certificate: x509.Certificate, issuer: Authority) -> x509.Certificate:
    """The same certificate, signed over SHA-1 by its RSA issuer. The library does not make such, so bytes are moved."""
    key = issuer.credential.key
    assert isinstance(key, rsa.RSAPrivateKey)
    arc = bytes.fromhex("06092a864886f70d0101")  # 1.2.840.113549.1.1: then 0b is SHA-256 with RSA, 05 SHA-1
    content = certificate.tbs_certificate_bytes
    weak = content.replace(arc + b"\x0b", arc + b"\x05")
    signature = key.sign(weak, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  what has to be refused
    der = certificate.public_bytes(serialization.Encoding.DER).replace(content, weak)
    return x509.load_der_x509_certificate(
        der.replace(arc + b"\x0b", arc + b"\x05").replace(certificate.signature, signature)
    )


def test_a_certificate_signed_over_sha1_spoils_the_path(pki: Pki) -> None:
    authority = pki.authority("RSA", issuer=pki.root, kind="rsa")
    sound = pki.issue("Bộ", issuer=authority).cert
    weak = over_sha1(sound, authority)
    assert weak.signature_hash_algorithm is not None
    assert weak.signature_hash_algorithm.name == "sha1"
    material = material_of(pki, intermediates=(authority.cert,), crls=(*pki.crls(), authority.crl()))
    assert check_trust(sound, material, at=NOW).value is TrustValue.GOOD
    assert_bad(check_trust(weak, material, at=NOW), FindingCode.TRUST_CHAIN)


def test_a_certificate_signed_over_a_hash_that_is_not_listed_spoils_the_path(pki: Pki) -> None:
    trust = judged(pki, pki.issue("Bộ", digest=hashes.SHA224()))
    assert_bad(trust, FindingCode.TRUST_CHAIN)
    assert dict(trust.findings[0].facts)["found"] == "sha224"


def test_a_right_to_certify_without_being_an_authority_is_none(pki: Pki) -> None:
    posing = pki.authority("Giả", issuer=pki.root, ca=False)
    leaf = pki.issue("Bộ", issuer=posing)
    trust = judged(pki, leaf, intermediates=(posing.cert,), crls=(*pki.crls(), posing.crl()))
    assert_bad(trust, FindingCode.TRUST_CHAIN)


# Revocation


def test_a_revoked_certificate_is_bad_with_date_and_reason(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(leaf, NOW - timedelta(hours=1), x509.ReasonFlags.key_compromise)
    trust = judged(pki, leaf)
    assert_bad(trust, FindingCode.TRUST_REVOKED)
    facts = dict(trust.findings[0].facts)
    assert facts["reason"] == "keyCompromise"
    assert facts["date"] == (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert facts["serial"] == f"{leaf.cert.serial_number:X}"


def test_what_was_received_before_the_revocation_stays_good(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(leaf, NOW + timedelta(hours=1))
    trust = judged(pki, leaf, at=NOW)
    assert trust.value is TrustValue.GOOD
    assert trust.good_until == NOW + timedelta(hours=1)
    assert_bad(judged(pki, leaf, at=NOW + timedelta(hours=1)), FindingCode.TRUST_REVOKED)


def test_a_revoked_intermediate_revokes_what_it_issued(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(pki.issuing.credential, NOW - DAY, issuer=pki.root)
    assert_bad(judged(pki, leaf), FindingCode.TRUST_REVOKED)


def test_a_suspended_certificate_is_bad_until_a_newer_list_frees_it(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(leaf, NOW - DAY, x509.ReasonFlags.certificate_hold)
    held = pki.issuing.crl(NOW - timedelta(hours=5))
    pki.issuing.revoked.clear()
    free = pki.issuing.crl(NOW - timedelta(hours=1))
    root = pki.root.crl()
    assert_bad(judged(pki, leaf, crls=(root, held)), FindingCode.TRUST_REVOKED)
    assert judged(pki, leaf, crls=(root, held, free)).value is TrustValue.GOOD
    assert judged(pki, leaf, crls=(free, held, root)).value is TrustValue.GOOD


def test_an_entry_that_belongs_into_a_delta_list_leaves_the_question_open(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(leaf, NOW - DAY, x509.ReasonFlags.remove_from_crl)
    assert judged(pki, leaf).value is TrustValue.UNKNOWN


def test_without_any_list_the_answer_is_unknown_and_never_revoked(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    trust = judged(pki, leaf, crls=())
    assert trust.value is TrustValue.UNKNOWN
    assert codes(trust.findings) == (FindingCode.TRUST_REVOCATION_UNKNOWN,)
    assert len(trust.findings) == 2  # the leaf's and the intermediate's
    assert trust.good_until == NOW


@pytest.mark.parametrize("which", [0, 1])
def test_one_missing_list_is_enough_for_unknown(pki: Pki, which: int) -> None:
    trust = judged(pki, pki.issue("Bộ"), crls=(pki.crls()[which],))
    assert trust.value is TrustValue.UNKNOWN


def test_lists_are_not_asked_for_when_the_house_says_so(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    assert judged(pki, leaf, crls=(), require_revocation=False).value is TrustValue.GOOD
    pki.revoke(leaf, NOW - DAY)
    assert_bad(judged(pki, leaf, require_revocation=False), FindingCode.TRUST_REVOKED)


def test_a_bad_certificate_is_bad_even_when_lists_are_missing(pki: Pki) -> None:
    leaf = pki.issue("Bộ", key_usage=usages("key_agreement"))
    trust = judged(pki, leaf, crls=())
    assert codes(trust.findings) == (FindingCode.TRUST_KEY_USAGE,)


def test_an_outdated_list_is_believed_for_the_grace_only(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    crls = (pki.root.crl(next_update=NOW + 99 * DAY), pki.issuing.crl(NOW - 2 * DAY, NOW - timedelta(hours=2)))
    assert judged(pki, leaf, crls=crls).value is TrustValue.UNKNOWN
    trust = judged(pki, leaf, crls=crls, crl_grace=timedelta(hours=3))
    assert trust.value is TrustValue.GOOD
    assert trust.good_until == NOW + timedelta(hours=1)


def test_a_list_of_the_future_is_not_used(pki: Pki) -> None:
    crls = (pki.root.crl(), pki.issuing.crl(NOW + timedelta(minutes=1)))
    assert judged(pki, pki.issue("Bộ"), crls=crls).value is TrustValue.UNKNOWN


def test_a_list_signed_by_somebody_else_is_not_used(pki: Pki) -> None:
    forged = pki.issuing.crl(signed_with=ec.generate_private_key(ec.SECP256R1()))
    assert judged(pki, pki.issue("Bộ"), crls=(pki.root.crl(), forged)).value is TrustValue.UNKNOWN


def test_a_forged_list_revokes_nobody(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    honest = pki.crls()
    pki.revoke(leaf, NOW - DAY)
    forged = pki.issuing.crl(signed_with=ec.generate_private_key(ec.SECP256R1()))
    assert judged(pki, leaf, crls=(*honest, forged)).value is TrustValue.GOOD


def test_a_list_of_an_authority_that_may_not_sign_lists_is_not_used(pki: Pki) -> None:
    mute = pki.authority("Không CRL", issuer=pki.root, key_usage=usages("key_cert_sign"))
    leaf = pki.issue("Bộ", issuer=mute)
    trust = judged(pki, leaf, intermediates=(mute.cert,), crls=(*pki.crls(), mute.crl()))
    assert trust.value is TrustValue.UNKNOWN


def scope(**changes: object) -> x509.IssuingDistributionPoint:
    fields: dict[str, object] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(fields | changes))  # type: ignore[arg-type]  # the fields' own types


PART = x509.UniformResourceIdentifier("http://example.org/part1.crl")


@pytest.mark.parametrize(
    ("extension", "value"),
    [
        (scope(indirect_crl=True), "unknown"),
        (scope(only_contains_attribute_certs=True), "unknown"),
        (scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), "unknown"),
        (scope(only_contains_ca_certs=True), "unknown"),
        (scope(only_contains_user_certs=True), "good"),
        (scope(full_name=[PART]), "unknown"),
        (x509.DeltaCRLIndicator(1), "unknown"),
        (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), "unknown"),
    ],
    ids=["indirect", "attributes", "some reasons", "authorities", "users", "a part", "delta", "unknown critical"],
)
def test_lists_that_do_not_cover_the_certificate_are_not_used(
    pki: Pki, extension: x509.ExtensionType, value: str
) -> None:
    crls = (pki.root.crl(), pki.issuing.crl(extensions=[(extension, True)]))
    assert judged(pki, pki.issue("Bộ"), crls=crls).value == value


def test_a_list_for_users_says_nothing_about_authorities(pki: Pki) -> None:
    crls = (pki.root.crl(extensions=[(scope(only_contains_user_certs=True), True)]), pki.issuing.crl())
    trust = judged(pki, pki.issue("Bộ"), crls=crls)
    assert trust.value is TrustValue.UNKNOWN
    assert [dict(each.facts)["subject"] for each in trust.findings] == [pki.issuing.cert.subject.rfc4514_string()]


def test_a_part_of_a_list_covers_the_certificates_that_point_at_it(pki: Pki) -> None:
    points = x509.CRLDistributionPoints([x509.DistributionPoint([PART], None, None, None)])
    leaf = pki.issue("Bộ", extensions=[(points, False)])
    crls = (pki.root.crl(), pki.issuing.crl(extensions=[(scope(full_name=[PART]), True)]))
    assert judged(pki, leaf, crls=crls).value is TrustValue.GOOD


# How long an answer holds


def test_an_answer_holds_until_the_first_thing_on_it_ends(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    assert judged(pki, leaf).good_until == NOW + CRL_LIFE
    short = pki.issue("Bộ", not_after=NOW + DAY)
    assert judged(pki, short).good_until == NOW + DAY


def test_a_checker_remembers_good_answers_while_they_hold(pki: Pki) -> None:
    leaf = pki.issue("Bộ")
    checker = TrustChecker(material_of(pki))
    first = checker.check(leaf.cert, at=NOW)
    assert checker.check(leaf.cert, at=NOW + DAY) is first
    assert checker.check(leaf.cert, at=NOW - timedelta(hours=1)) is not first
    later = checker.check(leaf.cert, at=NOW + CRL_LIFE + DAY)
    assert later.value is TrustValue.UNKNOWN


def test_a_checker_forgets_nothing_bad_and_keeps_few(pki: Pki) -> None:
    checker = TrustChecker(material_of(pki), remembered=2)
    leaves = [pki.issue(f"Bộ {index}") for index in range(4)]
    first = [checker.check(each.cert, at=NOW) for each in leaves]
    assert all(each.value is TrustValue.GOOD for each in first)
    assert checker.check(leaves[3].cert, at=NOW) is first[3]
    assert checker.check(leaves[0].cert, at=NOW) is not first[0]
    stranger = pki.self_signed("Lạ")
    assert checker.check(stranger.cert, at=NOW) is not checker.check(stranger.cert, at=NOW)


# The infrastructure itself


def test_the_infrastructure_writes_what_programs_read(pki: Pki, tmp_path: Path) -> None:
    leaf = pki.issue("Bộ")
    pki.revoke(leaf, NOW)
    pki.write(tmp_path, {"bgt": leaf})
    anchors = x509.load_pem_x509_certificates((tmp_path / "anchors/root.pem").read_bytes())
    between = x509.load_pem_x509_certificates((tmp_path / "intermediates/issuing.pem").read_bytes())
    crls = tuple(x509.load_der_x509_crl(path.read_bytes()) for path in sorted((tmp_path / "crls").glob("*.crl")))
    cert = x509.load_pem_x509_certificate((tmp_path / "bgt.cert.pem").read_bytes())
    material = TrustMaterial(anchors=tuple(anchors), intermediates=tuple(between), crls=crls)
    assert_bad(check_trust(cert, material, at=NOW), FindingCode.TRUST_REVOKED)
    key_path = tmp_path / "bgt.key.pem"
    assert key_path.stat().st_mode & 0o077 == 0
    assert serialization.load_pem_private_key(key_path.read_bytes(), None)
