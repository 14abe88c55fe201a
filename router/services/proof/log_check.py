"""Does the log hold, and do the records say what the log says? Reads the whole store once, in portions.

Three sweeps: seals with the events they cover; messages with their legs, statuses and events; what speaks of rows that
are not there. Columns that are no statement about a document are left out: `evidence.replay.WORK_MARKS` lists them,
and of a status its number, of which only the order on a leg is checked.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

from edxml_schemas.dsig.profile import read_certificate
from edxml_schemas.evidence.log_checks import SAYINGS, VERDICTS, chain_fault
from edxml_schemas.evidence.merkle import leaf_hash, root_of
from edxml_schemas.evidence.replay import differences, facts_of, replayed
from edxml_schemas.evidence.seals import SealWords, signature_holds
from edxml_schemas.evidence.timestamps import StampFault, check_token
from router.core.events import EventName
from router.core.histories import History, Stray
from router.core.proof import leg_json, message_digest, status_digest
from router.core.seals import EventRow, Seal
from router.services.proof.sealing import event_words, words_of

PORTION: Final = 500  # messages, or seals, in one question
MOST_FAULTS: Final = 1000
"""A log with more than these is not told further: it was not one row that somebody changed."""
SHOWN_GAPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFault:
    """`table` and `key` say where: `messages`, `legs` and `statuses` by id, `events` by seq, `seals` by number.
    `message_id` is the message concerned, when there is one."""

    table: str
    key: str
    vi: str
    en: str
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """`unsealed` events are newer than the last seal: nothing is wrong with them. `newest` is the last seal.

    `unproven` messages are older than the digests of records in the log: what they say is not compared.
    """

    events: int
    seals: int
    stamped: int
    unsealed: int
    messages: int
    legs: int
    statuses: int
    unproven: int
    newest: SealWords | None
    faults: tuple[LogFault, ...]


class LogReader(Protocol):
    """What a check reads: a part of `ports.Store`."""

    def seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[Seal]: ...

    def events_after(self, seq: int, *, limit: int) -> Sequence[EventRow]: ...

    def histories(self, after: str | None = None, *, limit: int) -> Sequence[History]: ...

    def strays(self, *, limit: int = 100) -> Sequence[Stray]: ...


class _Counts:
    """What was seen so far, and the faults, up to a number."""

    def __init__(self) -> None:
        self.events = self.seals = self.stamped = self.unsealed = 0
        self.messages = self.legs = self.statuses = self.unproven = 0
        self.newest: SealWords | None = None
        self.faults: list[LogFault] = []

    def add(self, *faults: LogFault) -> None:
        self.faults += faults[: MOST_FAULTS - len(self.faults)]


def check_log(store: LogReader, *, accepted: Set[str]) -> LogReport:
    """The report. `accepted` are fingerprints of the hub's certificates, of which one signed the newest seal."""
    counts = _Counts()
    _check_seals(store, counts, accepted)
    _check_messages(store, counts)
    for stray in store.strays():
        vi = f"nói về {stray.missing} không có trong cơ sở dữ liệu"
        en = f"speaks of {stray.missing}, which is not in the database"
        counts.add(LogFault(table=stray.table, key=stray.key, vi=vi, en=en, message_id=stray.missing))
    return LogReport(
        events=counts.events,
        seals=counts.seals,
        stamped=counts.stamped,
        unsealed=counts.unsealed,
        messages=counts.messages,
        legs=counts.legs,
        statuses=counts.statuses,
        unproven=counts.unproven,
        newest=counts.newest,
        faults=tuple(counts.faults),
    )


# ── Seals and events ────────────────────────────────────────────────────────────────────────────────────────────────


class _EventStream:
    """Events in order of `seq`, with a look ahead."""

    def __init__(self, store: LogReader) -> None:
        self._store = store
        self._rows: list[EventRow] = []
        self._next = 0
        self._last = -(2**63)

    def up_to(self, seq: int) -> Iterator[EventRow]:
        """The events up to this one that were not given yet."""
        while True:
            if self._next == len(self._rows):
                self._rows = list(self._store.events_after(self._last, limit=4 * PORTION))
                self._next = 0
                if not self._rows:
                    return
                self._last = self._rows[-1].seq
            row = self._rows[self._next]
            if row.seq > seq:
                return
            self._next += 1
            yield row


class _Sealed:
    """Seals against the events that tell of them. Keeps those whose event is still to come."""

    def __init__(self) -> None:
        self._there: dict[str, str] = {}
        self.missing: list[str] = []

    def there(self, seal: Seal) -> None:
        self._there[str(seal.number)] = seal.digest

    def told(self, rows: Sequence[EventRow]) -> None:
        for row in rows:
            if row.name == EventName.LOG_SEALED:
                facts = facts_of(event_words(row))
                number = facts.get("seal", "")
                if self._there.pop(number, "") != facts.get("digest"):
                    self.missing.append(number)


def _check_seals(store: LogReader, counts: _Counts, accepted: Set[str]) -> None:
    stream = _EventStream(store)
    stamps: dict[str, str] = {}
    sealed = _Sealed()
    tokens: dict[int, bytes] = {}
    for seal in _seals(store):
        words = words_of(seal)
        counts.add(*_seal_faults(seal, words, counts.newest))
        covered = list(stream.up_to(seal.last_seq))
        counts.add(*_cover_faults(seal, covered))
        counts.events += len(covered)
        counts.seals += 1
        counts.newest = words
        sealed.there(seal)
        _note_stamps(covered, stamps)
        sealed.told(covered)
        if seal.timestamp:
            tokens[seal.number] = seal.timestamp
            counts.stamped += 1
            counts.add(*_token_faults(seal))
    rest = list(stream.up_to(2**63 - 1))
    _note_stamps(rest, stamps)
    sealed.told(rest)
    counts.events += len(rest)
    counts.unsealed = sum(each.name != EventName.LOG_SEALED for each in rest)
    for number in sealed.missing:
        vi, en = "đã mất hoặc bị thay", "it is gone or was replaced"
        counts.add(LogFault(table="seals", key=number, vi=vi, en=en))
    logged = {str(number): hashlib.sha256(token).hexdigest() for number, token in tokens.items()}
    for number in sorted(set(stamps) | set(logged)):
        if stamps.get(number) != logged.get(number):
            vi, en = "dấu thời gian khác với nhật ký", "its time stamp is not what the log says"
            counts.add(LogFault(table="seals", key=number, vi=vi, en=en))
    if counts.newest is not None and counts.newest.certificate not in accepted:
        vi, en = "dấu mới nhất không do trục này ký", "the newest seal is not signed by this hub"
        counts.add(LogFault(table="seals", key=str(counts.newest.number), vi=vi, en=en))


def _seals(store: LogReader) -> Iterator[Seal]:
    after = -(2**63)
    while portion := store.seals(after=after, limit=PORTION):
        yield from portion
        after = portion[-1].number


def _note_stamps(rows: Sequence[EventRow], stamps: dict[str, str]) -> None:
    for row in rows:
        if row.name == EventName.SEAL_STAMPED:
            facts = facts_of(event_words(row))
            stamps[facts.get("seal", "")] = facts.get("digest", "")


def _seal_faults(seal: Seal, words: SealWords, before: SealWords | None) -> Iterator[LogFault]:
    key = str(seal.number)
    if problem := chain_fault(before, words):
        vi, _, en = problem.partition(" / ")
        yield LogFault(table="seals", key=key, vi=vi, en=en)
    elif before is None and seal.number != 1:
        yield LogFault(table="seals", key=key, vi="thiếu các dấu trước", en="the seals before it are missing")
    if words.digest != seal.digest:
        yield LogFault(table="seals", key=key, vi="giá trị băm sai", en="its digest is wrong")
    signer = read_certificate(seal.certificate)
    if signer is None or not signature_holds(words.encoded(), seal.signature, signer):
        yield LogFault(table="seals", key=key, vi="chữ ký sai", en="its signature is wrong")


def _token_faults(seal: Seal) -> Iterator[LogFault]:
    try:
        check_token(seal.timestamp, seal.digest)
    except StampFault as fault:
        yield LogFault(table="seals", key=str(seal.number), vi=fault.vi, en=fault.en)


def _cover_faults(seal: Seal, covered: Sequence[EventRow]) -> Iterator[LogFault]:
    """Whether these events, all up to the seal's last one, are those that were sealed."""
    inside = [each for each in covered if each.seq >= seal.first_seq]
    for each in covered:
        if each.seq < seal.first_seq:
            vi, en = "nằm ngoài mọi dấu niêm phong", "no seal covers it, though later ones are sealed"
            yield LogFault(table="events", key=str(each.seq), vi=vi, en=en, message_id=each.message_id)
    if inside and root_of([leaf_hash(event_words(each)) for each in inside]).hex() == seal.root:
        if len(inside) != seal.count:
            yield LogFault(table="seals", key=str(seal.number), vi="số dòng sai", en="its count is wrong")
        return
    there = {each.seq for each in inside}
    gaps = [seq for seq in range(seal.first_seq, seal.first_seq + len(there) + SHOWN_GAPS) if seq <= seal.last_seq]
    gaps = [seq for seq in gaps if seq not in there][:SHOWN_GAPS]
    key = f"{seal.first_seq}–{seal.last_seq}"
    vi = f"có dòng bị sửa, thêm hoặc bớt (dấu số {seal.number}: {seal.count} dòng, thấy {len(inside)}"
    en = f"an event was changed, added or removed (seal {seal.number}: {seal.count} events, {len(inside)} found"
    missing = f"; {', '.join(map(str, gaps))}" if gaps else ""
    yield LogFault(
        table="events",
        key=key,
        vi=f"{vi}{missing and f'{missing} không có'})",
        en=f"{en}{missing and f'{missing} not there'})",
    )


# ── Messages, legs, statuses ────────────────────────────────────────────────────────────────────────────────────────


def _check_messages(store: LogReader, counts: _Counts) -> None:
    after: str | None = None
    while portion := store.histories(after, limit=PORTION):
        for history in portion:
            counts.messages += 1
            counts.legs += len(history.legs)
            counts.statuses += len(history.statuses)
            if is_older_than_proof(history):
                counts.unproven += 1
            else:
                counts.add(*history_faults(history))
        after = portion[-1].message.key


def is_older_than_proof(history: History) -> bool:
    """Whether a message was decided by a version of the hub that wrote no digests. Sealed events lose none."""
    verdicts = [facts_of(event_words(each)) for each in history.events if each.name in VERDICTS]
    return bool(verdicts) and not any("record" in each for each in verdicts)


def history_faults(history: History) -> Iterator[LogFault]:
    """What of a message, its legs and the statuses about them is not what its events say. Pure."""
    message_id = history.message.key
    yield from _row_faults(history)
    said = [event_words(each) for each in history.events]
    message = history.message.value
    if message is None:
        return
    verdicts = [facts_of(each).get("record", "") for each in said if each[1] in VERDICTS]
    if not verdicts:
        yield _fault("messages", message_id, history, "nhật ký không biết", "the log does not know it")
    elif verdicts[-1] != message_digest(message):
        yield _fault("messages", message_id, history, "khác với nhật ký", "it is not what the log says")
    statuses = [each.value for each in history.statuses if each.value is not None]
    logged_statuses: dict[str, list[str]] = {}
    for each in said:
        if each[1] in SAYINGS and (record := facts_of(each).get("record")):
            logged_statuses.setdefault(each[4], []).append(record)
    found_statuses: dict[str, list[str]] = {}
    for status in statuses:
        found_statuses.setdefault(status.leg_id, []).append(status_digest(status))
    for leg_id in dict.fromkeys((*logged_statuses, *found_statuses)):
        if logged_statuses.get(leg_id, []) != found_statuses.get(leg_id, []):
            yield _fault("statuses", leg_id, history, "khác với nhật ký", "they are not what the log says")
    descriptions = {(each.message_id, each.leg_id): each.description for each in statuses}
    logged = replayed(said, urgency=message.urgency.value, descriptions=descriptions)
    found: Mapping[str, Mapping[str, object]] = {
        each.key: leg_json(each.value) for each in history.legs if each.value is not None
    }
    for difference in differences(logged, found):
        what = f"{difference.field}: “{difference.found}” ≠ “{difference.logged}”" if difference.field else ""
        vi = what or ("nhật ký không biết" if difference.found else "không có trong cơ sở dữ liệu")
        en = what or ("the log does not know it" if difference.found else "it is not in the database")
        yield _fault("legs", difference.leg_id, history, vi, en)


def _row_faults(history: History) -> Iterator[LogFault]:
    """Rows that the hub would not have written like this."""
    rows = (
        ("messages", (history.message,)),
        ("legs", history.legs),
        ("statuses", history.statuses),
    )
    for table, stored in rows:
        for each in stored:
            if not each.exact:
                yield _fault(table, each.key, history, "không phải do trục ghi", "the hub did not write it like this")


def _fault(table: str, key: str, history: History, vi: str, en: str) -> LogFault:
    return LogFault(table=table, key=key, vi=vi, en=en, message_id=history.message.key)
