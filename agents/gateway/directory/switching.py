"""Makes the hub's list the directory's: others see the whole change or nothing of it.

Lines go into a table of the connection first, which keeps nobody from writing; what follows is the database's work, in
one transaction.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from agents.gateway.directory.errors import ListBroken
from agents.gateway.directory.records import Switched
from agents.gateway.directory.times import to_text
from agents.gateway.directory.wording import code_key, level_of, number_of, tokens_of, twin_key
from edxml_schemas.organ_list import GoneOrgan, ListedOrgan, ListHead, line_digest, list_digest, read_line

PORTION: Final = 1000  # lines in memory at a time
MOST_ORGANS: Final = 2_000_000
"""Nine times the bodies there are, present and former."""

_FIELDS: Final = (
    "code, name, parent, old_code, email, phone, address, level, connected, version, deleted, changed_at,"
    " line_digest, tokens, words, own_key, twin_key, old_key, parent_key"
)
_INCOMING: Final = f"CREATE TEMP TABLE incoming ({_FIELDS}, number INTEGER, UNIQUE (code))"
_MARKS: Final = ", ".join("?" for _ in _FIELDS.split(","))
_TAKE: Final = f"INSERT OR IGNORE INTO temp.incoming ({_FIELDS}) VALUES ({_MARKS})"  # noqa: S608  names of our columns

_NOTHING: Final = ("", "", "", "", "", "", 0, False)
_NO_WORDS: Final = ("", 0, "", "", "", "")

_SETS: Final = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS.split(", ") if name != "code")
_PUT: Final = (
    f"INSERT INTO organs (number, {_FIELDS})"  # noqa: S608  names of our columns
    f" SELECT coalesce(o.number, i.number), {', '.join(f'i.{name}' for name in _FIELDS.split(', '))}"
    " FROM temp.incoming i LEFT JOIN organs o ON o.code = i.code"
    " WHERE i.deleted = 0 AND (o.code IS NULL OR o.deleted = 1 OR o.line_digest <> i.line_digest)"
    f" ON CONFLICT (code) DO UPDATE SET {_SETS}"
)
_END_NAMED: Final = (
    "UPDATE organs SET deleted = 1, version = i.version, changed_at = i.changed_at"
    " FROM temp.incoming i WHERE i.code = organs.code AND i.deleted = 1 AND organs.deleted = 0"
)
_END_UNNAMED: Final = (
    "UPDATE organs SET deleted = 1, version = ?, changed_at = ?"
    " WHERE deleted = 0 AND code NOT IN (SELECT code FROM temp.incoming)"
)
_FOLLOWS: Final = (
    "DELETE FROM called",
    "INSERT INTO called SELECT own_key, 0, number FROM organs WHERE own_key <> ''"
    " UNION SELECT old_key, 1, number FROM organs WHERE old_key <> ''"
    " UNION SELECT twin_key, 2, number FROM organs WHERE twin_key <> ''",
    "DELETE FROM places",
    "INSERT INTO places SELECT o.number, CASE WHEN o.deleted = 0 THEN"
    " row_number() OVER (PARTITION BY o.deleted ORDER BY o.words, o.code) END,"
    " CASE WHEN o.parent_key <> '' THEN (SELECT c.number FROM called c JOIN organs p ON p.number = c.number"
    " WHERE c.key = o.parent_key AND c.number <> o.number ORDER BY p.deleted, c.how LIMIT 1) END FROM organs o",
    "INSERT INTO found (found) VALUES ('delete-all')",
    "INSERT INTO found (rowid, tokens) SELECT p.place, o.tokens || CASE WHEN o.parent_key = '' THEN '' ELSE"
    " ' .' || coalesce(p.parent_number, o.parent_key) END FROM places p JOIN organs o ON o.number = p.number"
    " WHERE p.place IS NOT NULL ORDER BY p.place",
    "INSERT INTO found (found) VALUES ('optimize')",
)


def switch(connection: Connection, head: ListHead, *, now: datetime) -> Switched:
    """Takes over the list, or the differences, that `take` has put beside. Raises ListBroken, after which the
    transaction must not be committed.

    What is not in the list, or told as gone, stays with its number, as deleted.
    """
    _number(connection)
    put = connection.exec_driver_sql(_PUT).rowcount
    removed = connection.exec_driver_sql(_END_NAMED).rowcount
    if head.since is None:
        removed += connection.exec_driver_sql(_END_UNNAMED, (head.version, to_text(now))).rowcount
    if _digest(connection) != head.digest:
        raise ListBroken(
            "SHA-256", vi="danh sách nhận được không trọn vẹn", en="what arrived is not the whole list of the hub"
        )
    if put or removed:
        for statement in _FOLLOWS:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql("UPDATE copy SET version = ?, digest = ?", (head.version, head.digest))
    return Switched(put=put, removed=removed)


def take(connection: Connection, head: ListHead, lines: Iterable[bytes], *, now: datetime) -> None:
    """Puts lines into a table that only this connection has, which must not have one yet. Raises ListBroken."""
    moment = to_text(now)
    if head.count > MOST_ORGANS:
        raise ListBroken(f"{head.count} > {MOST_ORGANS}", vi="quá nhiều cơ quan", en="too many organs")
    connection.exec_driver_sql(_INCOMING)
    count = 0
    known = {row[0] for row in connection.exec_driver_sql("SELECT line_digest FROM organs WHERE deleted = 0")}
    rows = (_row(line, moment, known) for line in lines)
    while portion := list(islice(rows, PORTION)):
        count += len(portion)
        if count > head.count:
            break
        connection.exec_driver_sql(_TAKE, portion)
    if count != head.count:
        raise ListBroken(f"{count}, {head.count}", vi="thiếu hoặc thừa dòng", en="lines are missing, or too many")
    (distinct,) = connection.exec_driver_sql("SELECT count(*) FROM temp.incoming").one()
    if distinct != count:
        raise ListBroken(f"{count - distinct}", vi="mã lặp lại", en="a code is repeated")


def _row(line: bytes, moment: str, known: Container[bytes]) -> tuple[Any, ...]:
    """The line as a row; without what follows from it when the very line is `known`, because nothing is done then."""
    digest = line_digest(line)
    try:
        organ = read_line(line)
    except ValueError as error:
        raise ListBroken(str(error), vi="dòng sai dạng", en="a line is none") from None
    if isinstance(organ, GoneOrgan):
        return (organ.code, *_NOTHING, organ.version, True, moment, b"", *_NO_WORDS)
    if digest in known:
        return (organ.code, *_NOTHING, organ.version, False, moment, digest, *_NO_WORDS)
    return (
        organ.code,
        organ.name,
        organ.parent,
        organ.old_code,
        organ.email,
        organ.phone,
        organ.address,
        level_of(organ.code, organ.parent),
        organ.connected,
        organ.version,
        False,
        moment,
        digest,
        *_words(organ),
        code_key(organ.code),
        twin_key(organ.code),
        code_key(organ.old_code),
        code_key(organ.parent),
    )


def _words(organ: ListedOrgan) -> tuple[str, int]:
    return tokens_of(organ.name, (organ.code, organ.old_code))


def _number(connection: Connection) -> None:
    """Gives organs that were never seen their numbers, in the order of codes, whatever the order of lines."""
    new = connection.exec_driver_sql(
        "SELECT code FROM temp.incoming WHERE deleted = 0 AND code NOT IN (SELECT code FROM organs) ORDER BY code"
    )
    codes: Sequence[str] = [row[0] for row in new]
    if not codes:
        return
    taken = {row[0] for row in connection.exec_driver_sql("SELECT number FROM organs")}
    numbered: list[tuple[int, str]] = []
    for code in codes:
        number = number_of(code, taken=taken)
        taken.add(number)
        numbered.append((number, code))
    connection.exec_driver_sql("UPDATE temp.incoming SET number = ? WHERE code = ?", numbered)


def _digest(connection: Connection) -> str:
    def each() -> Iterator[bytes]:
        for row in connection.exec_driver_sql("SELECT line_digest FROM organs WHERE deleted = 0 ORDER BY code"):
            yield row[0]

    return list_digest(each())
