"""`ports.SearchIndex` on SQLite or PostgreSQL: terms as bit maps, a row per term and block of documents.

A question is worked out block after block from where it begins: what must all hold is ANDed, and the walk ends when
there is enough. So it costs what is looked at, never what there is, and nothing is sorted. See `core.search_bits`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, delete, func, select, update

from router.adapters.sql.engine import WRITES, told_as_ports
from router.adapters.sql.rows import Row, maybe_from_time, message_of
from router.adapters.sql.search_statements import SearchDriver, SearchStatements, search_statements
from router.adapters.sql.search_tables import SEARCH_DOCUMENTS, SEARCH_MARK, SEARCH_POSTINGS, SEARCH_WORDS
from router.adapters.sql.search_writing import Writing, mark_of
from router.adapters.sql.statements import chunks
from router.adapters.sql.tables import EVENTS, MESSAGES
from router.core.search_bits import SIZE, above, as_number, below, block_of, newest_first, oldest_first, place_of
from router.core.search_mark import Mark
from router.core.search_terms import LAST_CHARACTER, WORDED, Clause, DocumentFacts, Entry, LegFacts
from router.ports.search import Candidate, Direction

FIRST_BLOCKS: Final = 1
MOST_BLOCKS: Final = 64
"""Blocks that one statement asks for: at first few, because mostly the newest is enough, then more and more."""

MARK_OF_NOTHING: Final = {"version": SEARCH_MARK.c.version + 1, "seq": 0, "registry": 0, "gaps": "[]"}
"""The version goes on, so that nobody takes a new mark for an old one."""

T = TypeVar("T")


class SqlSearch:
    """The index in a database that `migrate.upgrade` has brought up to date. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements = search_statements(engine)
        self._writing = Writing(self._statements, begin=self._begin, ask=self._ask)

    def mark(self) -> Mark:
        return self._ask(mark_of)

    def candidates(
        self, clauses: Sequence[Clause], *, start: int | None, direction: Direction, limit: int
    ) -> Sequence[Candidate]:
        def question(connection: Connection) -> Sequence[Candidate]:
            driver = SearchDriver(connection)
            walk = _Walk(driver, self._statements, clauses, start=start, direction=direction)
            numbers = list(islice(walk.numbers(), limit))
            rows = driver.rows(self._statements.numbered, numbers) if numbers else []
            known = {row[0]: Candidate(*row) for row in rows}
            return tuple(known[each] for each in numbers if each in known)

        return self._ask(question)

    def count(self, clauses: Sequence[Clause], *, most: int) -> int:
        def question(connection: Connection) -> int:
            walk = _Walk(SearchDriver(connection), self._statements, clauses, start=None, direction=Direction.OLDER)
            found = 0
            for _, bits in walk.blocks():
                found += bits.bit_count()
                if found >= most:
                    return most
            return found

        return self._ask(question)

    def facts(self, message_ids: Sequence[str]) -> Mapping[str, DocumentFacts]:
        def question(connection: Connection) -> Mapping[str, DocumentFacts]:
            driver = SearchDriver(connection)
            legs: dict[str, list[LegFacts]] = {}
            for chunk in chunks(list(message_ids)):
                for row in driver.rows(self._statements.legs, list(chunk)):
                    legs.setdefault(row[0], []).append(_leg_of(row))
            found: dict[str, DocumentFacts] = {}
            for chunk in chunks(list(message_ids)):
                for row in connection.execute(select(MESSAGES).where(MESSAGES.c.id.in_(chunk))):
                    message = message_of(tuple(row))
                    found[message.id] = DocumentFacts(message=message, legs=tuple(legs.get(message.id, ())))
            return found

        return self._ask(question)

    def inside(self, part: str, *, limit: int) -> Sequence[str]:
        def question(connection: Connection) -> Sequence[str]:
            driver = SearchDriver(connection)
            for space in WORDED:
                begin = f"{space.value}:{part}"
                if driver.rows(self._statements.begins, begin, begin + LAST_CHARACTER):
                    return ()
            return tuple(row[0] for row in driver.rows(self._statements.holds, part, limit))

        return self._ask(question)

    def newest_event(self) -> int:
        return self._ask(lambda connection: connection.scalar(select(func.max(EVENTS.c.seq))) or 0)

    def put(self, entries: Iterable[Entry], *, was: Mark, mark: Mark) -> bool:
        return self._writing.put(tuple(entries), was=was, mark=mark)

    def relate(self, terms: Mapping[str, Iterable[str]], *, was: Mark, mark: Mark) -> bool:
        return self._writing.relate(terms, was=was, mark=mark)

    def clear(self) -> None:
        """Forget everything: the index is made anew from the log. Who is writing at this moment gives up."""
        with self._begin() as connection:
            connection.execute(update(SEARCH_MARK).values(MARK_OF_NOTHING))
            for table in (SEARCH_POSTINGS, SEARCH_WORDS, SEARCH_DOCUMENTS):
                connection.execute(delete(table))

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection


class _Walk:
    """One way through the blocks."""

    def __init__(
        self,
        driver: SearchDriver,
        statements: SearchStatements,
        clauses: Sequence[Clause],
        *,
        start: int | None,
        direction: Direction,
    ) -> None:
        self._driver = driver
        self._statements = statements
        self._start = start
        self._older = direction is Direction.OLDER
        # What is one term each is asked for together, and first: it costs least and leaves least.
        self._exact = [clause for clause in clauses if all(part.first == part.last for part in clause)]
        self._ranged = [clause for clause in clauses if clause not in self._exact]
        self._terms = sorted({part.first for clause in self._exact for part in clause})

    def numbers(self) -> Iterator[int]:
        """The documents, nearest first."""
        for block, bits in self.blocks():
            for place in newest_first(bits) if self._older else oldest_first(bits):
                yield block * SIZE + place

    def blocks(self) -> Iterator[tuple[int, int]]:
        """The blocks with what holds in each; those with nothing are left out."""
        size, order = FIRST_BLOCKS, iter(self._order())
        while group := list(islice(order, size)):
            found = self._hold(group)
            for block in group:
                bits = found.get(block, 0) & self._beyond(block)
                if bits:
                    yield block, bits
            size = min(size * 4, MOST_BLOCKS)

    def _order(self) -> Iterable[int]:
        last = self._driver.rows(self._statements.top)[0][0]
        if last is None:
            return ()
        newest = block_of(last)
        if self._older:
            first = newest if self._start is None else min(newest, block_of(max(self._start, 0)))
            return range(first, -1, -1)
        return range(0 if self._start is None else block_of(max(self._start, 0)), newest + 1)

    def _beyond(self, block: int) -> int:
        """The places of a block that lie on the way."""
        if self._start is None or block != block_of(self._start):
            return -1
        return below(place_of(self._start)) if self._older else above(place_of(self._start))

    def _hold(self, group: Sequence[int]) -> Mapping[int, int]:
        """What holds in each block of a group."""
        held: dict[int, int] = dict.fromkeys(group, -1)
        if self._exact:
            by_term: dict[str, dict[int, int]] = {each: {} for each in self._terms}
            for block, term, bits in self._driver.rows(self._statements.exact, list(group), self._terms):
                by_term[term][block] = as_number(bytes(bits))
            for clause in self._exact:
                parts = [by_term[part.first] for part in clause]
                held = _both(held, {block: _any(parts, block) for block in held})
        for clause in self._ranged:
            if not held:
                break
            held = _both(held, self._ranges(clause, list(held)))
        return held

    def _ranges(self, clause: Clause, blocks: list[int]) -> Mapping[int, int]:
        """What any part of a clause finds, by block."""
        found: dict[int, int] = {}
        exact = [part.first for part in clause if part.first == part.last]
        if exact:
            for block, _, bits in self._driver.rows(self._statements.exact, blocks, exact):
                found[block] = found.get(block, 0) | as_number(bytes(bits))
        for part in clause:
            if part.first != part.last:
                for block, bits in self._driver.rows(self._statements.ranged, blocks, *part):
                    found[block] = found.get(block, 0) | as_number(bytes(bits))
        return found


def _both(held: Mapping[int, int], found: Mapping[int, int]) -> dict[int, int]:
    """What holds in both, by block; blocks with nothing are left out."""
    left = ((block, bits & found.get(block, 0)) for block, bits in held.items())
    return {block: bits for block, bits in left if bits}


def _any(parts: Sequence[Mapping[int, int]], block: int) -> int:
    found = 0
    for each in parts:
        found |= each.get(block, 0)
    return found


def _leg_of(row: Row) -> LegFacts:
    return LegFacts(*row[1:7], *map(maybe_from_time, row[7:]))
