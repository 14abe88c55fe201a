"""Checks of what the log proves: the chain of seals, the inclusion of events, records, statuses and legs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from edxml_schemas.dsig.profile import read_certificate
from edxml_schemas.evidence.data import Evidence, ProvenEvent, Row
from edxml_schemas.evidence.merkle import EventWords, leaf_hash, root_by_proof
from edxml_schemas.evidence.records import STATUS_FIELDS, digest_of, message_digest_of
from edxml_schemas.evidence.replay import differences, facts_of, replayed
from edxml_schemas.evidence.seals import FIRST, SealProof, SealWords, fingerprint_of, signature_holds
from edxml_schemas.evidence.verdict import Check, CheckName, failed, good, unless_failed

VERDICTS: Final = frozenset({"message.accepted", "message.refused", "message.deferred", "message.duplicate"})
"""Events that carry the digest of a message's record; the last one is about the record as it is."""
SAYINGS: Final = frozenset({"leg.status", "leg.recall"})
"""Events that carry the digest of a status's record."""


def chain_fault(before: SealWords | None, after: SealWords) -> str:
    """Why a seal does not continue the chain, in one English and Vietnamese phrase; empty when it does.

    Without one before it, only the first of all is looked at closely.
    """
    if after.count < 1 or after.last_seq - after.first_seq + 1 < after.count:
        return "số dòng không hợp lý / impossible count"
    if before is None:
        wrong = after.number < 1 or (after.number == 1) != (after.previous == FIRST)
        return "không có dấu trước / nothing before it" if wrong else ""
    if after.number != before.number + 1:
        return f"thiếu dấu số {before.number + 1} / seal {before.number + 1} is missing"
    if after.previous != before.digest:
        return "không nối với dấu trước / does not continue the one before"
    if after.first_seq <= before.last_seq:
        return "chồng lên dấu trước / overlaps the one before"
    return ""


def check_seals(
    seals: Sequence[SealProof], certificates: Mapping[str, bytes], *, accepted: frozenset[str]
) -> tuple[Check, ...]:
    """The chain: every link, every signature that is there, and the newest one by an accepted certificate.

    An earlier seal may leave its signature out: the digest in the next one vouches for it.
    """
    if not seals:
        return (failed(CheckName.SEALS, "Không có dấu niêm phong nào", "There is no seal"),)
    last = seals[-1].words
    word = good(
        CheckName.SEALS,
        f"Chuỗi niêm phong số {seals[0].words.number}–{last.number} liền mạch, có chữ ký của trục",
        f"The chain of seals {seals[0].words.number}–{last.number} holds and is signed by the hub",
    )
    return unless_failed(_seal_faults(seals, certificates, accepted), word)


def _seal_faults(
    seals: Sequence[SealProof], certificates: Mapping[str, bytes], accepted: frozenset[str]
) -> Iterator[Check]:
    known = {name: read_certificate(der) for name, der in certificates.items() if fingerprint_of(der) == name}
    before: SealWords | None = None
    for each in seals:
        words = each.words
        if problem := chain_fault(before, words):
            vi, _, en = problem.partition(" / ")
            yield failed(CheckName.SEALS, f"Dấu số {words.number}: {vi}", f"Seal {words.number}: {en}", about=_n(words))
        before = words
        if not each.signature:
            continue
        signer = known.get(words.certificate)
        if signer is None or not signature_holds(words.encoded(), each.signature, signer):
            yield failed(
                CheckName.SEALS,
                f"Chữ ký trên dấu số {words.number} không đúng",
                f"The signature on seal {words.number} is wrong",
                about=_n(words),
            )
    newest = seals[-1]
    if not newest.signature or newest.words.certificate not in accepted:
        yield failed(
            CheckName.SEALS,
            "Dấu mới nhất không do trục này ký",
            "The newest seal is not signed by this hub",
            about=_n(newest.words),
        )


def _n(words: SealWords) -> str:
    return str(words.number)


def check_events(events: Sequence[ProvenEvent], seals: Sequence[SealProof]) -> tuple[Check, ...]:
    """Every event lies under the root of its seal, at its own place, once."""
    by_number = {each.words.number: each.words for each in seals}
    word = good(
        CheckName.EVENTS,
        f"{len(events)} dòng nhật ký đều nằm trong nhật ký đã niêm phong",
        f"All {len(events)} events are in the sealed log",
    )
    return unless_failed(_event_faults(events, by_number), word)


def _event_faults(events: Sequence[ProvenEvent], seals: Mapping[int, SealWords]) -> Iterator[Check]:
    before = 0
    for each in events:
        seq, seal = each.words[0], seals.get(each.seal)
        root = None
        if seal is not None and seal.first_seq <= seq <= seal.last_seq:
            root = root_by_proof(leaf_hash(each.words), each.path, index=each.index, count=seal.count)
        if seal is None or root is None or root.hex() != seal.root or seq <= before:
            yield failed(
                CheckName.EVENTS,
                f"Dòng nhật ký {seq} không có trong nhật ký đã niêm phong",
                f"Event {seq} is not in the sealed log",
                about=str(seq),
            )
        before = max(before, seq)


def check_records(messages: Iterable[Row], events: Iterable[EventWords]) -> tuple[Check, ...]:
    """Every message's record is the one that its last verdict was about."""
    logged = {each[3]: facts_of(each).get("record", "") for each in events if each[1] in VERDICTS}
    rows = list(messages)
    faults = [
        failed(
            CheckName.RECORDS,
            f"Bản ghi của thông điệp {each['id']} khác với nhật ký",
            f"The record of message {each['id']} is not what the log says",
            about=str(each["id"]),
        )
        for each in rows
        if logged.get(str(each["id"])) != message_digest_of(each)
    ]
    word = good(
        CheckName.RECORDS,
        f"{len(rows)} bản ghi thông điệp đúng như nhật ký",
        f"{len(rows)} message records agree with the log",
    )
    return unless_failed(faults, word)


def check_statuses(statuses: Sequence[Row], events: Iterable[EventWords]) -> tuple[Check, ...]:
    """Statuses and the events about them: one each, with the same digest, in the same order on every leg."""
    logged: dict[str, list[str]] = {}
    for each in events:
        facts = facts_of(each) if each[1] in SAYINGS else {}
        if "record" in facts:
            logged.setdefault(each[4], []).append(facts["record"])
    found: dict[str, list[str]] = {}
    for row in statuses:
        found.setdefault(str(row["leg_id"]), []).append(digest_of(row, STATUS_FIELDS))
    faults = [
        failed(
            CheckName.STATUSES,
            f"Trạng thái của chặng {leg_id} khác với nhật ký",
            f"The statuses of leg {leg_id} are not what the log says",
            about=leg_id,
        )
        for leg_id in dict.fromkeys((*logged, *found))
        if logged.get(leg_id, []) != found.get(leg_id, [])
    ]
    word = good(
        CheckName.STATUSES,
        f"{len(statuses)} trạng thái đúng như nhật ký",
        f"{len(statuses)} statuses agree with the log",
    )
    return unless_failed(faults, word)


def check_legs(evidence: Evidence, events: Sequence[EventWords]) -> tuple[Check, ...]:
    """Every leg is what its events make of it."""
    descriptions = descriptions_of(evidence.statuses)
    faults: list[Check] = []
    for message in evidence.messages:
        about = [each for each in events if each[3] == message["id"]]
        logged = replayed(about, urgency=str(message["urgency"]), descriptions=descriptions)
        found = {str(each["id"]): each for each in evidence.legs if each["message_id"] == message["id"]}
        faults += [
            failed(
                CheckName.LEGS,
                f"Chặng {each.leg_id}: {each.field or 'bản ghi'} là “{each.found}”, nhật ký ghi “{each.logged}”",
                f"Leg {each.leg_id}: {each.field or 'record'} is “{each.found}”, the log says “{each.logged}”",
                about=each.leg_id,
            )
            for each in differences(logged, found)
        ]
    strays = {str(each["message_id"]) for each in evidence.legs} - {str(each["id"]) for each in evidence.messages}
    faults += [failed(CheckName.LEGS, f"Chặng của {each} lạc", f"Stray legs of {each}", about=each) for each in strays]
    word = good(
        CheckName.LEGS,
        f"{len(evidence.legs)} chặng chuyển đúng như nhật ký",
        f"{len(evidence.legs)} legs agree with the log",
    )
    return unless_failed(faults, word)


def descriptions_of(statuses: Iterable[Row]) -> Mapping[tuple[str, str], str]:
    """What statuses say in words, by status message and leg."""
    return {(str(each["message_id"]), str(each["leg_id"])): str(each["description"]) for each in statuses}
