"""Writing the index: what is known of the documents is read first, and then written in short transactions.

A crash in between leaves bits that mean nothing yet, which is harmless: what the index finds is checked anyway, and the
mark, which is moved last, has everything done again. Every transaction moves the mark's version, so that of two writers
one gives up before it has written over the other's bits.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from router.adapters.sql.rows import Row
from router.adapters.sql.search_statements import WRITTEN, SearchDriver, SearchStatements
from router.adapters.sql.search_tables import SEARCH_MARK
from router.adapters.sql.statements import chunks
from router.core.search_bits import as_number, block_of, changed, joined, place_of
from router.core.search_mark import NOTHING_READ, Gap, Mark
from router.core.search_terms import WORDED, Entry, Space

READ: Final = 5000
"""Keys in one question."""

Ask = Callable[[Callable[[Connection], Any]], Any]
Begin = Callable[[], AbstractContextManager[Connection]]
Written = Callable[[bytes | None], bytes | None]
"""From what is kept of a term to what is to be kept; None for nothing."""

_WORDED: Final = tuple(f"{each.value}:" for each in WORDED)


class _Overtaken(Exception):
    """Somebody else has written."""


@dataclass(slots=True)
class _Places:
    """What becomes of a term in one block."""

    put: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def __call__(self, data: bytes | None) -> bytes | None:
        return changed(data, put=self.put, taken=self.taken)


class Writing:
    """The writing side of `SqlSearch`."""

    def __init__(self, statements: SearchStatements, *, begin: Begin, ask: Ask) -> None:
        self._statements = statements
        self._begin = begin
        self._ask = ask

    def put(self, entries: Sequence[Entry], *, was: Mark, mark: Mark) -> bool:
        wanted = {each.message_id: each for each in entries}  # the last word about each
        known, following = self._known(list(wanted))
        documents: list[Row] = []
        places: dict[int, dict[str, _Places]] = {}
        words: set[str] = set()
        for entry in wanted.values():
            there = known.get(entry.message_id)
            if there is None and not entry.marks:
                continue
            number, fixed, marks = there or (following, "", frozenset())
            following += there is None
            digest = _digest(entry.fixed)
            added = entry.fixed if digest != fixed else frozenset()
            terms, place = places.setdefault(block_of(number), {}), place_of(number)
            for term in (*added, *(entry.marks - marks)):
                terms.setdefault(term, _Places()).put.append(place)
            for term in marks - entry.marks:
                terms.setdefault(term, _Places()).taken.append(place)
            words.update(each for each in added if each.startswith(_WORDED))
            if digest != fixed or marks != entry.marks or there is None:
                documents.append((number, entry.message_id, entry.legs, digest, "\n".join(sorted(entry.marks))))
        return self._write(places, documents, words, was=was, mark=mark)

    def relate(self, terms: Mapping[str, Iterable[str]], *, was: Mark, mark: Mark) -> bool:
        top = self._ask(lambda connection: SearchDriver(connection).rows(self._statements.top)[0][0])
        speaking = {
            f"{space.value}:{code}": tuple(further)
            for code, further in terms.items()
            for space in (Space.SENDER, Space.RECIPIENT)
        }
        words = {each for further in speaking.values() for each in further if each.startswith(_WORDED)}
        places: dict[int, dict[str, Written]] = {}
        for block in range(0 if top is None else block_of(top) + 1):
            found: dict[str, int] = {}
            for chunk in chunks(sorted(speaking), READ):
                for term, bits in self._held(block, chunk).items():
                    for each in speaking[term]:
                        found[each] = found.get(each, 0) | as_number(bits)
            places[block] = {term: _joining(number) for term, number in found.items()}
        return self._write(places, [], words if places else (), was=was, mark=mark)

    def _known(self, message_ids: Sequence[str]) -> tuple[dict[str, tuple[int, str, frozenset[str]]], int]:
        """Number, digest of the fixed terms, and marks of the documents that are known; and the next number."""

        def question(connection: Connection) -> tuple[list[Row], int]:
            driver = SearchDriver(connection)
            rows = [
                row for chunk in chunks(message_ids, READ) for row in driver.rows(self._statements.known, list(chunk))
            ]
            top = driver.rows(self._statements.top)[0][0]
            return rows, 0 if top is None else top + 1

        rows, following = self._ask(question)
        return {row[0]: (row[1], row[2], frozenset(row[3].split("\n")) - {""}) for row in rows}, following

    def _held(self, block: int, terms: Sequence[str]) -> dict[str, bytes]:
        rows = self._ask(lambda connection: SearchDriver(connection).rows(self._statements.held, block, list(terms)))
        return {term: bytes(bits) for term, bits in rows}

    def _write(
        self,
        places: Mapping[int, Mapping[str, Written]],
        documents: Sequence[Row],
        words: Iterable[str],
        *,
        was: Mark,
        mark: Mark,
    ) -> bool:
        """All of it, the mark last; false when somebody else has written since `was`."""
        version = was.version
        try:
            for block, terms in places.items():
                for chunk in chunks(sorted(terms), WRITTEN):
                    held = self._held(block, chunk)
                    rows = [(block, term, terms[term](held.get(term))) for term in chunk]
                    version = self._write_postings(rows, version)
            new = self._new(words)
            with self._begin() as connection:
                _move(connection, version, mark)
                driver = SearchDriver(connection)
                driver.put(self._statements.put_word, [(each,) for each in new])
                driver.put(self._statements.put_document, documents)
        except _Overtaken:
            return False
        return True

    def _new(self, words: Iterable[str]) -> list[str]:
        """The words that the index does not have, in order."""
        wanted = sorted(words)

        def question(connection: Connection) -> set[str]:
            driver = SearchDriver(connection)
            return {
                row[0] for chunk in chunks(wanted, READ) for row in driver.rows(self._statements.there, list(chunk))
            }

        there = self._ask(question) if wanted else set()
        return [each for each in wanted if each not in there]

    def _write_postings(self, rows: Sequence[Row], version: int) -> int:
        with self._begin() as connection:
            _move(connection, version, None)
            driver = SearchDriver(connection)
            driver.put(self._statements.put_posting, [row for row in rows if row[2] is not None])
            driver.each(self._statements.drop_posting, [row[:2] for row in rows if row[2] is None])
        return version + 1


def mark_of(connection: Connection) -> Mark:
    row = connection.execute(select(SEARCH_MARK).where(SEARCH_MARK.c.id == 1)).first()
    if row is None:
        return NOTHING_READ
    gaps = tuple(Gap(first, last, datetime.fromisoformat(since)) for first, last, since in orjson.loads(row.gaps))
    return Mark(version=row.version, seq=row.seq, registry=row.registry, gaps=gaps)


def _move(connection: Connection, version: int, mark: Mark | None) -> None:
    """First of all in a writing transaction. Raises _Overtaken when the mark is not at this version."""
    values: dict[str, object] = {"version": version + 1}
    if mark is not None:
        gaps = [(each.first, each.last, each.since.isoformat()) for each in mark.gaps]
        values |= {"seq": mark.seq, "registry": mark.registry, "gaps": orjson.dumps(gaps).decode()}
    there = (SEARCH_MARK.c.id == 1) & (SEARCH_MARK.c.version == version)
    if connection.execute(update(SEARCH_MARK).where(there).values(values)).rowcount:
        return
    put = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(SEARCH_MARK)
    first = {"id": 1, "seq": 0, "registry": 0, "gaps": "[]", **values}
    begun = put.values(first).on_conflict_do_nothing().returning(SEARCH_MARK.c.id)
    if version or connection.execute(begun).first() is None:
        raise _Overtaken


def _digest(terms: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(sorted(terms)).encode(), digest_size=12).hexdigest()


def _joining(number: int) -> Written:
    return lambda data: joined(data, number)
