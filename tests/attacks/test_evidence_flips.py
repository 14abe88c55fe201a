"""Not one byte of evidence is free: every flipped byte is seen, of the file as it is, and of every member of it.

Three attackers: one who changes bytes; one who knows the format and writes a flawless file around the changed member;
one who has taken the hub's key and signs the changed member anew.
"""

import random
from dataclasses import dataclass
from typing import Final

import pytest

from edxml_schemas.evidence import package
from edxml_schemas.evidence.container import pack, unpack
from edxml_schemas.evidence.verdict import CheckName
from edxml_schemas.evidence.verify import Known, verify
from tests.support.envelopes import a_lean_document, an_organ
from tests.support.hub_desk import H41
from tests.support.provable import ProvableHub

SMALL: Final = 4096
"""Bytes up to which every single position of a member is tried."""
SAMPLE: Final = 2500
SEED: Final = 20261001


@dataclass(frozen=True)
class Case:
    data: bytes
    known: Known
    hub: ProvableHub


@pytest.fixture(scope="module")
def large() -> Case:
    """The document of a hub with a past, with everything that was said about it."""
    hub = ProvableHub()
    return Case(hub.package(), Known(hub_certificates=(hub.desk.hub_key.cert,)), hub)


@pytest.fixture(scope="module")
def small() -> Case:
    """The smallest evidence: one document to one organ, accepted a moment ago."""
    hub = ProvableHub(quiet=True)
    sent = hub.desk.accept(a_lean_document(recipients=(an_organ(H41),)))
    hub.seal()
    return Case(hub.package(sent), Known(hub_certificates=(hub.desk.hub_key.cert,)), hub)


def flipped(data: bytes, place: int, dice: random.Random) -> bytes:
    return data[:place] + bytes([data[place] ^ dice.randrange(1, 256)]) + data[place + 1 :]


def test_what_nobody_touched_is_good(small: Case, large: Case) -> None:
    assert verify(small.data, small.known).good
    assert verify(large.data, large.known).good


def test_every_byte_of_a_small_package_counts(small: Case) -> None:
    dice = random.Random(SEED)  # noqa: S311  no secret
    unseen = [at for at in range(len(small.data)) if verify(flipped(small.data, at, dice), small.known).good]
    assert unseen == []


def test_a_sample_of_the_bytes_of_a_large_package_counts(large: Case) -> None:
    """Chosen by chance, and all of the last ones, where the ZIP's directory ends."""
    dice = random.Random(SEED)  # noqa: S311
    places = {*dice.sample(range(len(large.data)), SAMPLE), *range(len(large.data) - 200, len(large.data))}
    assert [at for at in sorted(places) if verify(flipped(large.data, at, dice), large.known).good] == []


def test_a_byte_more_or_less_anywhere_counts(small: Case) -> None:
    dice = random.Random(SEED)  # noqa: S311
    data = small.data
    for at in (0, 1, 30, len(data) - 22, len(data) - 1, len(data), *dice.sample(range(len(data)), 300)):
        assert not verify(data[:at] + b"\0" + data[at:], small.known).good, at
        assert not verify(data[:at] + data[at + 1 :], small.known).good or at == len(data), at
        assert not verify(data[:at], small.known).good or at == len(data), at


def test_every_byte_of_the_small_members_counts_in_a_flawless_container(small: Case) -> None:
    dice = random.Random(SEED)  # noqa: S311
    members = dict(unpack(small.data))
    tried = 0
    for name, content in members.items():
        few = len(content) <= SMALL
        for at in range(len(content)) if few else dice.sample(range(len(content)), 200):
            tried += 1
            forged = pack([*{**members, name: flipped(content, at, dice)}.items()])
            verdict = verify(forged, small.known)
            assert not verdict.good, (name, at)
            assert verdict.failed[0].name in {CheckName.MANIFEST, CheckName.HUB_CERTIFICATE}, (name, at)
    assert tried > 5000


PROVEN_BY_MORE: Final = (
    package.ENVELOPES,
    package.RECEIPTS,
    package.ANCHORS,
    package.REVOCATIONS,
    package.SIGNERS,
    package.SUMMARY,
    package.EVENTS,
)
"""Members that something else proves than the hub's signature over the package."""


def test_even_the_hubs_own_key_cannot_put_another_byte_in(small: Case) -> None:
    """The manifest is made and signed anew by the hub's key; sender's signature, log and records still tell."""
    dice = random.Random(SEED)  # noqa: S311
    members = {
        name: data for name, data in unpack(small.data).items() if name not in (package.MANIFEST, package.SIGNATURE)
    }
    signer = small.hub.desk.pen.signer
    assert verify(package.seal_members([*members.items()], signer=signer), small.known).good
    for name, content in members.items():
        if not name.startswith(PROVEN_BY_MORE):
            continue
        places = dice.sample(range(len(content)), min(len(content), 40))
        for at in places:
            changed = flipped(content, at, dice)
            if name == package.EVENTS and changed.split() == content.split():
                continue
            forged = package.seal_members([*{**members, name: changed}.items()], signer=signer)
            assert not verify(forged, small.known).good, (name, at)
