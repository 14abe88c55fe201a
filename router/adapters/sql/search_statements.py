"""The statements of the search index as text, in the parameter style of one driver, and how values are given to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from sqlalchemy import Connection, Engine

from router.adapters.sql.rows import Row

WRITTEN: Final = 2000
"""Rows of postings in one transaction, which others wait for on SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStatements:
    """`?…` says what the parameters are, in their order."""

    exact: str  # blocks, terms
    ranged: str  # blocks, first term, last term
    top: str
    numbered: str  # numbers
    known: str  # message ids
    legs: str  # message ids
    there: str  # words
    begins: str  # first term, last term
    holds: str  # part, limit
    held: str  # block, terms
    put_posting: str
    drop_posting: str  # block, term
    put_document: str
    put_word: str


def search_statements(engine: Engine) -> SearchStatements:
    lite = engine.dialect.name == "sqlite"
    mark = "?" if lite else "%s"
    numbers = "IN (SELECT value FROM json_each(?))" if lite else "= ANY(%s::bigint[])"
    texts = "IN (SELECT value FROM json_each(?))" if lite else "= ANY(%s::text[])"
    inside = "instr(term, ?) > 0" if lite else "strpos(term, %s) > 0"
    return SearchStatements(
        exact=f"SELECT block, term, bits FROM search_postings WHERE block {numbers} AND term {texts}",  # noqa: S608  marks
        ranged=(
            f"SELECT block, bits FROM search_postings WHERE block {numbers} AND term >= {mark} AND term <= {mark}"  # noqa: S608  marks
        ),
        top="SELECT max(number) FROM search_documents",
        numbered=f"SELECT number, message_id, legs FROM search_documents WHERE number {numbers}",  # noqa: S608  marks
        known=f"SELECT message_id, number, fixed, marks FROM search_documents WHERE message_id {texts}",  # noqa: S608  marks
        legs=(
            "SELECT message_id, recipient, forwarded_from, state, status, recall, raised, handed_over_at, delivered_at,"  # noqa: S608  marks
            f" status_at FROM legs WHERE message_id {texts} ORDER BY message_id, ordinal"
        ),
        there=f"SELECT term FROM search_words WHERE term {texts}",  # noqa: S608  marks
        begins=f"SELECT 1 FROM search_words WHERE term >= {mark} AND term <= {mark} LIMIT 1",  # noqa: S608  marks
        holds=f"SELECT term FROM search_words WHERE {inside} LIMIT {mark}",  # noqa: S608  marks
        held=f"SELECT term, bits FROM search_postings WHERE block = {mark} AND term {texts}",  # noqa: S608  marks
        put_posting=_upsert("search_postings", ("block", "term", "bits"), ("bigint", "text", "bytea"), 2, lite=lite),
        drop_posting=f"DELETE FROM search_postings WHERE block = {mark} AND term = {mark}",  # noqa: S608  marks
        put_document=_upsert(
            "search_documents",
            ("number", "message_id", "legs", "fixed", "marks"),
            ("bigint", "text", "int", "text", "text"),
            1,
            lite=lite,
        ),
        put_word=_upsert("search_words", ("term",), ("text",), 1, lite=lite),
    )


def _upsert(table: str, columns: Sequence[str], types: Sequence[str], keys: int, *, lite: bool) -> str:
    """Rows one by one on SQLite; on PostgreSQL an array per column, which costs a tenth of a statement per row."""
    names = ", ".join(columns)
    if lite:
        given = f"VALUES ({', '.join('?' for _ in columns)})"
    else:
        given = f"SELECT * FROM unnest({', '.join(f'%s::{each}[]' for each in types)})"  # noqa: S608  names of our own
    replaced = ", ".join(f"{each} = excluded.{each}" for each in columns[keys:])
    resolved = f"DO UPDATE SET {replaced}" if replaced else "DO NOTHING"
    return f"INSERT INTO {table} ({names}) {given} ON CONFLICT ({', '.join(columns[:keys])}) {resolved}"


class SearchDriver:
    """The driver's connection inside a transaction of SQLAlchemy's. Raises the driver's own errors."""

    def __init__(self, connection: Connection) -> None:
        self._driver = cast("Any", connection.connection.driver_connection)
        self._lite = connection.dialect.name == "sqlite"

    def rows(self, statement: str, *values: object) -> list[Row]:
        """The rows of a statement; a value that is a list stands for any of its members."""
        given = tuple(self._given(each) for each in values)
        found: list[Row] = self._driver.execute(statement, given).fetchall()
        return found

    def _given(self, value: object) -> object:
        if isinstance(value, list) and self._lite:
            return orjson.dumps(value).decode()
        return value

    def put(self, statement: str, rows: Iterable[Row]) -> None:
        """An upsert of `SearchStatements` for all rows."""
        given = list(rows)
        if not given:
            return
        if self._lite:
            self._driver.executemany(statement, given)
        else:
            self._driver.execute(statement, [list(column) for column in zip(*given, strict=True)])

    def each(self, statement: str, rows: Iterable[Row]) -> None:
        """Once per row."""
        given = list(rows)
        if given:
            cursor = self._driver.cursor()
            cursor.executemany(statement, given)
            cursor.close()
