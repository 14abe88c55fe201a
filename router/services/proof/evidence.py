"""Collects what an evidence package of a document holds: from the store, the payloads, the trust folders, the log."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.evidence.data import Evidence, ProvenEvent, ReceiptNote
from edxml_schemas.evidence.merkle import Tree, leaf_hash
from edxml_schemas.evidence.package import Contents
from edxml_schemas.evidence.replay import facts_of
from edxml_schemas.evidence.seals import SealProof
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from edxml_schemas.trust import TrustMaterial, check_trust
from router.core.events import EventName
from router.core.proof import leg_json, message_json, status_json
from router.core.receipts import made_again
from router.core.records import Leg, MessageRecord, MessageState, StatusRecord
from router.core.registry import Registry
from router.core.seals import EventRow, Seal
from router.core.traces import trace_of
from router.ports import Payloads, ReceiptSigner, Store
from router.services.proof.sealing import event_words, words_of
from router.services.traces import trace_in

MOST_SEALS: Final = 100_000
"""A longer chain ends before the newest seal: the evidence is as good, its checkpoint older."""
_PORTION: Final = 1000


class EvidenceProblem(Exception):
    """What keeps a package from being made; `vi` and `en` say it."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


class Unsealed(EvidenceProblem):
    """Events that no seal covers yet: seal the log and try again."""


class EvidenceCollector:
    """Reads only. What it reads may be changing; who makes a package of it verifies the package and tries again."""

    def __init__(self, store: Store, payloads: Payloads, trust: TrustMaterial, *, signer: ReceiptSigner) -> None:
        self._store = store
        self._payloads = payloads
        self._trust = trust
        self._signer = signer

    def collect(self, message: MessageRecord, *, hub: str, now: datetime) -> Contents:
        """Everything about a message. `hub` is the hub's name.

        Raises EvidenceProblem, PayloadUnavailable, and what the store raises.
        """
        messages = self._messages(message)
        legs = [leg for each in messages for leg in self._store.legs_of(each.id)]
        statuses = self._store.statuses_of([each.id for each in legs]) if legs else ()
        rows = sorted((row for each in messages for row in self._store.event_rows_of(each.id)), key=lambda row: row.seq)
        covering = self._covering(rows)
        envelopes = {each.id: self._payloads.read(each.payload) for each in messages if each.payload}
        receipts, notes = self._receipts(messages, rows)
        proofs, certificates = self._chain(covering)
        signers = [signed for each in messages for signed in _signed(each, envelopes)]
        trust = _relevant(signers, self._trust, messages)
        return Contents(
            evidence=Evidence(
                document=message.id,
                hub=hub,
                made_at=now.astimezone(UTC).isoformat(),
                trace_id=trace_in(self._store, message),
                require_revocation=self._trust.require_revocation,
                messages=tuple(map(message_json, messages)),
                legs=tuple(map(leg_json, legs)),
                statuses=tuple(map(status_json, statuses)),
                organs=_names(self._store.registry(), messages, legs, statuses),
                receipts=notes,
            ),
            events=tuple(self._proven(rows, covering)),
            seals=proofs,
            certificates=certificates,
            envelopes=envelopes,
            receipts=receipts,
            anchors=_ders(trust.anchors),
            intermediates=_ders(trust.intermediates),
            revocations=tuple(each.public_bytes(Encoding.DER) for each in trust.crls),
            signers=_ders(dict.fromkeys(each.certificate for each in signers)),
        )

    def _messages(self, message: MessageRecord) -> Sequence[MessageRecord]:
        """The message, further submissions of the same content, and all that speak of it, oldest first."""
        named = self._store.find(message.document_id, limit=1000) if message.document_id else ()
        resent = [each for each in named if each.duplicate_of == message.id]
        others = {each.id: each for each in (*resent, *self._store.messages_about(message.id)) if each.id != message.id}
        return (message, *sorted(others.values(), key=lambda each: (each.received_at, each.id)))

    # ── The log ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _covering(self, rows: Sequence[EventRow]) -> Sequence[Seal]:
        seals = self._store.seals_of([each.seq for each in rows])
        if not rows or not seals or any(_seal_over(each, seals) is None for each in rows):
            raise Unsealed("Nhật ký chưa được niêm phong", "The log is not sealed yet")
        return seals

    def _proven(self, rows: Sequence[EventRow], covering: Sequence[Seal]) -> Iterator[ProvenEvent]:
        for seal in covering:
            inside = self._store.events_after(seal.first_seq - 1, limit=seal.count)
            words = [event_words(each) for each in inside]
            tree = Tree([leaf_hash(each) for each in words])
            if tree.root.hex() != seal.root:
                raise EvidenceProblem(
                    f"Nhật ký không khớp dấu niêm phong số {seal.number}; chạy: truc log verify",
                    f"The log does not match seal {seal.number}; run: truc log verify",
                )
            places = {each[0]: index for index, each in enumerate(words)}
            for row in rows:
                if seal.first_seq <= row.seq <= seal.last_seq:
                    index = places[row.seq]
                    yield ProvenEvent(words=words[index], seal=seal.number, index=index, path=tree.proof(index))

    def _chain(self, covering: Sequence[Seal]) -> tuple[tuple[SealProof, ...], Mapping[str, bytes]]:
        """The seals from the first covering one to the newest. Only some keep their signature: the next vouches."""
        covers = {each.number for each in covering}
        chain: list[Seal] = []
        after = covering[0].number - 1
        while portion := self._store.seals(after=after, limit=_PORTION):
            chain += portion
            after = portion[-1].number
            if len(chain) >= MOST_SEALS and after >= covering[-1].number:
                break
        proofs: list[SealProof] = []
        certificates: dict[str, bytes] = {}
        for each in chain:
            words = words_of(each)
            signed = each.number in covers or bool(each.timestamp) or each is chain[-1]
            if signed:
                certificates[words.certificate] = each.certificate
            proofs.append(SealProof(words=words, signature=each.signature if signed else b"", timestamp=each.timestamp))
        return tuple(proofs), certificates

    # ── Receipts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _receipts(
        self, messages: Sequence[MessageRecord], rows: Sequence[EventRow]
    ) -> tuple[Mapping[str, bytes], tuple[ReceiptNote, ...]]:
        """The receipts that were sent, made once more from the records and signed; the log proves each word."""
        made: dict[str, dict[str, bytes]] = {}
        for each in messages:
            for receipt_id, digest, words in self._made_again(each):
                made.setdefault(receipt_id, {})[digest] = words
        signed: dict[str, bytes] = {}
        notes: list[ReceiptNote] = []
        for row in rows:
            facts = facts_of(event_words(row))
            if row.name != EventName.RECEIPT_SENT or "receipt" not in facts:
                continue
            receipt_id = facts["receipt"]
            told = made.get(receipt_id, {}).get(facts.get("digest", ""))
            if told is None:
                raise EvidenceProblem(
                    f"Không lập lại được biên nhận {receipt_id} (dòng nhật ký {row.seq})",
                    f"Receipt {receipt_id} (event {row.seq}) cannot be made again",
                )
            signed[receipt_id] = self._signer.sign(told)
            notes.append(
                ReceiptNote(
                    id=receipt_id,
                    kind=facts.get("kind", ""),
                    message_id=row.message_id,
                    leg_id=row.leg_id,
                    digest=facts.get("digest", ""),
                    seq=row.seq,
                )
            )
        return signed, tuple(notes)

    def _made_again(self, message: MessageRecord) -> Iterator[tuple[str, str, bytes]]:
        """Id, SHA-256 and words of every receipt about a message, under each trace id that may stand on it.

        Hubs of an earlier version wrote none; and what a status is about may not have been known when it came.
        """
        legs = self._store.legs_of(message.duplicate_of or message.id)
        events = self._store.events_of(message.id)
        for trace in dict.fromkeys((trace_in(self._store, message), trace_of(message), "")):
            for receipt_id, words in made_again(message, legs, events, trace=trace).items():
                yield receipt_id, hashlib.sha256(words).hexdigest(), words


def _seal_over(row: EventRow, seals: Iterable[Seal]) -> Seal | None:
    return next((each for each in seals if each.first_seq <= row.seq <= each.last_seq), None)


# ── Trust and names ─────────────────────────────────────────────────────────────────────────────────────────────────


def _signed(message: MessageRecord, envelopes: Mapping[str, bytes]) -> Iterator[Signed]:
    """The signature of an accepted message's envelope."""
    data = envelopes.get(message.id)
    if data is None or message.state is not MessageState.ACCEPTED:
        return
    parsed = parse(data)
    signed = check_integrity(parsed) if isinstance(parsed, Parsed) else None
    if isinstance(signed, Signed):
        yield signed


def _relevant(signers: Sequence[Signed], material: TrustMaterial, messages: Sequence[MessageRecord]) -> TrustMaterial:
    """What of the hub's trust these signatures need: a national revocation list is no attachment to every evidence."""
    paths: dict[x509.Certificate, None] = {}
    for each in signers:
        at = messages[0].received_at
        paths |= dict.fromkeys(check_trust(each.certificate, material, at=at, chain=each.chain).path)
    names = {each.issuer for each in paths}
    return TrustMaterial(
        anchors=tuple(each for each in material.anchors if each in paths or each.subject in names),
        intermediates=tuple(each for each in material.intermediates if each in paths),
        crls=tuple(each for each in material.crls if each.issuer in names),
        require_revocation=material.require_revocation,
    )


def _names(
    registry: Registry, messages: Iterable[MessageRecord], legs: Iterable[Leg], statuses: Iterable[StatusRecord]
) -> Mapping[str, str]:
    """Names of all organs that are spoken of, by code."""
    codes = [*(each.sender for each in messages), *(each.sender for each in statuses)]
    codes += [code for each in legs for code in (each.recipient, each.forwarded_from)]
    found = ((code, registry.organ(code)) for code in sorted(set(codes)) if code)
    return {code: organ.name for code, organ in found if organ is not None}


def _ders(certificates: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)
