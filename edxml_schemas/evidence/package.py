"""The evidence package: which members it has, in which order, and the signed list of them.

manifest.json          every other member with size and SHA-256, but for its own signature
manifest.sig           the hub's signature over manifest.json (raw; ECDSA as r and s side by side)
hub.pem                the hub's certificate, and former ones
tom-tat.html           for people: follows from the members below, and is compared with them
evidence.json          records of the document and of all that speaks of it
events.json            what the log says about them, each with its inclusion proof
seals.json             the chain of seals from the first that covers one of them to the newest
envelopes/<id>.edxml   the bytes that were sent
receipts/<id>.xml      the hub's signed receipts
trust/…                roots, intermediates, revocation lists, signers' certificates
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import orjson

from edxml_schemas.dsig.signing import Signer
from edxml_schemas.evidence.container import pack
from edxml_schemas.evidence.data import FORMAT, Evidence, ProvenEvent, encode_events, encode_seals
from edxml_schemas.evidence.seals import SealProof, sign_words
from edxml_schemas.evidence.summary import summary_of

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
HUB: Final = "hub.pem"
SUMMARY: Final = "tom-tat.html"
EVIDENCE: Final = "evidence.json"
EVENTS: Final = "events.json"
SEALS: Final = "seals.json"
ENVELOPES: Final = "envelopes/"
RECEIPTS: Final = "receipts/"
ANCHORS: Final = "trust/anchors/"
INTERMEDIATES: Final = "trust/intermediates/"
REVOCATIONS: Final = "trust/crls/"
SIGNERS: Final = "trust/signers/"

ALWAYS: Final = (MANIFEST, SIGNATURE, HUB, SUMMARY, EVIDENCE, EVENTS, SEALS)
BY_DIGEST: Final = (ANCHORS, INTERMEDIATES, REVOCATIONS, SIGNERS)
"""Folders in which a file is named by its SHA-256."""
FOLDERS: Final = (ENVELOPES, RECEIPTS, ANCHORS, INTERMEDIATES, REVOCATIONS, SIGNERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that goes into a package. Envelopes by message id, receipts by their id, as signed bytes; DER elsewhere."""

    evidence: Evidence
    events: tuple[ProvenEvent, ...]
    seals: tuple[SealProof, ...]
    certificates: Mapping[str, bytes]
    envelopes: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    receipts: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    anchors: Sequence[bytes] = ()
    intermediates: Sequence[bytes] = ()
    revocations: Sequence[bytes] = ()
    signers: Sequence[bytes] = ()


def make_package(contents: Contents, *, signer: Signer, hub_pem: bytes) -> bytes:
    """The package, signed. The same contents give the same bytes but for the signature. Raises ValueError if too big.

    `hub_pem` begins with the signer's certificate.
    """
    members = [
        (EVIDENCE, contents.evidence.encoded()),
        (EVENTS, encode_events(contents.events)),
        (SEALS, encode_seals(contents.seals, contents.certificates)),
        *((f"{ENVELOPES}{name}.edxml", data) for name, data in contents.envelopes.items()),
        *((f"{RECEIPTS}{name}.xml", data) for name, data in contents.receipts.items()),
        *_by_digest(ANCHORS, contents.anchors, "der"),
        *_by_digest(INTERMEDIATES, contents.intermediates, "der"),
        *_by_digest(REVOCATIONS, contents.revocations, "crl"),
        *_by_digest(SIGNERS, contents.signers, "der"),
    ]
    summary = summary_of(contents.evidence, contents.events, contents.seals)
    return seal_members([(HUB, hub_pem), (SUMMARY, summary.encode()), *members], signer=signer)


def seal_members(members: Sequence[tuple[str, bytes]], *, signer: Signer) -> bytes:
    """The container of these members behind a manifest of them and its signature."""
    manifest = manifest_of(members)
    return pack([(MANIFEST, manifest), (SIGNATURE, sign_words(manifest, signer)), *members])


def manifest_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """The bytes of the manifest of these members, in their order."""
    rows = [{"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members]
    return orjson.dumps({"format": FORMAT, "members": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def within(members: Mapping[str, bytes], folder: str) -> Mapping[str, bytes]:
    """The members of a folder, by their name in it without its ending."""
    return {
        name.removeprefix(folder).rpartition(".")[0]: data for name, data in members.items() if name.startswith(folder)
    }


def _by_digest(folder: str, files: Iterable[bytes], ending: str) -> list[tuple[str, bytes]]:
    named = {f"{folder}{hashlib.sha256(each).hexdigest()}.{ending}": each for each in files}
    return sorted(named.items())
