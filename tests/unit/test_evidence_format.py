"""The parts of evidence: Merkle trees, seals, the container."""

import contextlib
import hashlib
import io
import random
import struct
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.dsig.profile import read_certificate
from edxml_schemas.evidence.container import ContainerFault, pack, unpack
from edxml_schemas.evidence.log_checks import chain_fault
from edxml_schemas.evidence.merkle import EventWords, Tree, leaf_hash, root_by_proof, root_of
from edxml_schemas.evidence.seals import FIRST, SealWords, sign_words, signature_holds
from edxml_schemas.evidence.words import EVENT_WORDS
from edxml_schemas.signatures import Signer
from router.core.events import EVENTS
from tests.support.pki import Kind, Pki

EVENT: EventWords = (7, "leg.delivered", 1_790_820_000_000_000, "m", "l", "nghean", '{"a":"b"}')
LEAVES = [leaf_hash((seq, *EVENT[1:])) for seq in range(1, 24)]
MEMBERS = [("manifest.json", b"{}"), ("trust/a.der", b""), ("envelopes/b.edxml", b"<x/>" * 100)]


# ── Merkle ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", range(1, 24))
def test_every_leaf_leads_to_the_root_from_its_own_place_only(count: int) -> None:
    tree = Tree(LEAVES[:count])
    assert tree.root == root_of(LEAVES[:count])
    for index in range(count):
        path = tree.proof(index)
        assert root_by_proof(LEAVES[index], path, index=index, count=count) == tree.root
        for other in range(count):
            if other != index:
                assert root_by_proof(LEAVES[index], path, index=other, count=count) != tree.root


def test_a_proof_with_a_step_more_or_less_leads_nowhere() -> None:
    tree = Tree(LEAVES)
    path = tree.proof(3)
    assert root_by_proof(LEAVES[3], path[:-1], index=3, count=len(LEAVES)) is None
    assert root_by_proof(LEAVES[3], (*path, LEAVES[0]), index=3, count=len(LEAVES)) is None
    assert root_by_proof(LEAVES[3], path, index=len(LEAVES), count=len(LEAVES)) is None
    assert root_by_proof(LEAVES[3], path, index=-1, count=len(LEAVES)) is None


def test_a_node_is_never_taken_for_a_leaf() -> None:
    inner = hashlib.sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()
    assert root_of(LEAVES[:2]) == inner != hashlib.sha256(b"\x00" + LEAVES[0] + LEAVES[1]).digest()
    assert root_of([inner, LEAVES[2]]) == root_of(LEAVES[:3])  # the same tree, and no third leaf can be claimed in it


@pytest.mark.parametrize("place", range(7))
def test_every_part_of_an_event_is_in_its_hash(place: int) -> None:
    value = EVENT[place]
    changed = list(EVENT)
    changed[place] = value + 1 if isinstance(value, int) else f"{value}x"
    assert leaf_hash(tuple(changed)) != leaf_hash(EVENT)  # type: ignore[arg-type]  # of the same types


def test_there_is_no_tree_without_leaves() -> None:
    with pytest.raises(ValueError, match="at least one"):
        root_of([])
    with pytest.raises(ValueError, match="at least one"):
        Tree([])


# ── Seals ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def words(number: int = 1, **changes: object) -> SealWords:
    base = SealWords(
        number=number,
        first_seq=number * 10,
        last_seq=number * 10 + 9,
        count=10,
        root="a" * 64,
        previous=FIRST,
        sealed_at=5,
        certificate="c" * 64,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the test names the fields


@pytest.mark.parametrize("kind", ["ec", "ec384", "rsa"])
def test_a_seal_is_signed_by_every_kind_of_key_of_the_profile(kind: Kind) -> None:
    pki = Pki(datetime(2026, 1, 1, tzinfo=UTC))
    credential, other = pki.issue("hub", kind=kind), pki.issue("other", kind=kind)
    said = words().encoded()
    signature = sign_words(said, Signer(credential.key, credential.cert))
    assert signature_holds(said, signature, credential.cert)
    assert not signature_holds(said + b" ", signature, credential.cert)
    assert not signature_holds(said, signature[:-1], credential.cert)
    assert not signature_holds(said, signature + b"\0", credential.cert)
    assert not signature_holds(said, b"", credential.cert)
    if kind != "rsa":  # the desk has one RSA key
        assert not signature_holds(said, signature, other.cert)


def test_every_word_of_a_seal_is_in_its_digest() -> None:
    for name in ("number", "first_seq", "last_seq", "count", "sealed_at"):
        assert words(**{name: 99}).digest != words().digest
    for name in ("root", "previous", "certificate"):
        assert words(**{name: "f" * 64}).digest != words().digest  # type: ignore[arg-type]  # by name


def test_a_chain_goes_on_without_a_gap_an_overlap_or_a_foreign_link() -> None:
    first = words()
    second = words(2, previous=first.digest)
    assert chain_fault(None, first) == chain_fault(first, second) == ""
    assert chain_fault(first, replace(second, number=3))
    assert chain_fault(first, replace(second, previous="b" * 64))
    assert chain_fault(first, replace(second, first_seq=first.last_seq))
    assert chain_fault(first, replace(second, count=11))
    assert chain_fault(first, replace(second, count=0))
    assert chain_fault(None, replace(first, previous="b" * 64))
    assert chain_fault(None, replace(second, previous=FIRST))


# ── The container ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_container_opens_with_the_usual_tools() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(MEMBERS))) as opened:
        assert opened.testzip() is None
        assert [(each, opened.read(each)) for each in opened.namelist()] == MEMBERS


def test_the_same_members_give_the_same_bytes() -> None:
    assert pack(MEMBERS) == pack(MEMBERS)
    assert [*unpack(pack(MEMBERS)).items()] == MEMBERS


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a//b", "a/b/c/d", "A", "a\\b", ".x", "a/.x", "", "a" * 101, "a:b", "ố"]
)
def test_names_that_could_lead_elsewhere_are_neither_written_nor_read(name: str) -> None:
    with pytest.raises(ValueError, match="names"):
        pack([(name, b"")])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(zipfile.ZipInfo(name or "x"), b"")
    with pytest.raises(ContainerFault):
        unpack(stream.getvalue())


def test_a_member_is_there_once() -> None:
    with pytest.raises(ValueError, match="unique"):
        pack([("a", b"1"), ("a", b"2")])
    one, two = pack([("a", b"1"), ("b", b"2")]), b"a"
    renamed = one.replace(b"b2", two + b"2").replace(b"\0b", b"\0a")
    with pytest.raises(ContainerFault):
        unpack(renamed)


def zipped(**options: object) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in MEMBERS:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            made.writestr(info, data, **options)  # type: ignore[arg-type]  # by name
    return stream.getvalue()


def test_other_writers_files_are_refused_however_sound() -> None:
    """Deflated members (a bomb is one), other attributes, other versions: there is one way to write evidence."""
    bomb = zipped(compress_type=zipfile.ZIP_DEFLATED)
    for odd in (zipped(), bomb):
        with pytest.raises(ContainerFault):
            unpack(odd)


@pytest.mark.parametrize("junk", [b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"\0" * 100, b"<?xml?>" * 50])
def test_what_is_no_container_is_told_so_or_has_no_members(junk: bytes) -> None:
    with contextlib.suppress(ContainerFault):
        assert not unpack(junk)


def test_bytes_around_and_comments_are_refused() -> None:
    good = pack(MEMBERS)
    commented = good[:-2] + struct.pack("<H", 3) + b"abc"
    for odd in (b"x" + good, good + b"x", good + good, commented, good[:-1]):
        with pytest.raises(ContainerFault):
            unpack(odd)


def test_a_header_that_lies_about_a_size_is_refused() -> None:
    good, dice = pack(MEMBERS), random.Random(3)  # noqa: S311  no secret
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ dice.randrange(1, 256)]) + good[at + 1 :]
        with pytest.raises(ContainerFault):
            unpack(changed)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_has_words_for_every_event_of_a_document() -> None:
    spoken = ("message.", "leg.", "receipt.", "report.", "submission.")
    assert {name for name in EVENTS if name.startswith(spoken)} <= set(EVENT_WORDS)
    assert set(EVENT_WORDS) <= set(EVENTS)


def test_a_certificate_of_an_unknown_version_is_no_certificate() -> None:
    der = Pki(datetime(2026, 1, 1, tzinfo=UTC)).issue("x").cert.public_bytes(Encoding.DER)
    version = der.index(b"\xa0\x03\x02\x01\x02") + 4
    assert read_certificate(der) is not None
    assert read_certificate(der[:version] + b"\x22" + der[version + 1 :]) is None
