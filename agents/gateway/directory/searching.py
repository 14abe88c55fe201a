"""Questions to the directory, on a connection."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from agents.gateway.directory.errors import BadCursor
from agents.gateway.directory.records import DirectoryOrgan, Page
from agents.gateway.directory.times import from_text
from agents.gateway.directory.wording import QUERY_CHARS, below, code_key, expression, query_keys, twin_key

LONGEST_PAGE: Final = 1000
CURSOR_CHARS: Final = 1000
STREAMED: Final = 500  # rows in memory at a time

_COLUMNS: Final = (
    "o.number, o.code, o.name, o.parent, p.parent_number, o.old_code, o.email, o.phone, o.address, o.level,"
    " o.connected, o.version, o.deleted, o.changed_at"
)
_ONE: Final = f"SELECT {_COLUMNS} FROM organs o JOIN places p ON p.number = o.number"  # noqa: S608  our columns
_BY_CODE: Final = f"{_ONE} WHERE o.code = ? AND o.deleted <= ?"
_BY_KEYS: Final = (
    f"SELECT {_COLUMNS} FROM called c JOIN organs o ON o.number = c.number JOIN places p ON p.number = o.number"  # noqa: S608
    " WHERE c.key IN (?, ?) AND o.deleted <= ? ORDER BY o.deleted, c.key <> ?, c.how, o.code LIMIT 1"
)
_FOUND: Final = (
    f"SELECT {_COLUMNS} FROM found f CROSS JOIN places p ON p.place = f.rowid CROSS JOIN organs o"  # noqa: S608
    " ON o.number = p.number WHERE found MATCH ? AND f.rowid > ? AND o.number <> ? ORDER BY f.rowid LIMIT ?"
)
_ALL: Final = (
    f"SELECT {_COLUMNS} FROM places p CROSS JOIN organs o ON o.number = p.number"  # noqa: S608  our columns
    " WHERE p.place > ? ORDER BY p.place LIMIT ?"
)
_PLACE_BEFORE: Final = (
    "SELECT p.place FROM organs o JOIN places p ON p.number = o.number"
    " WHERE o.deleted = 0 AND (o.words, o.code) <= (?, ?) ORDER BY o.words DESC, o.code DESC LIMIT 1"
)
_WORDS: Final = "SELECT words FROM organs WHERE number = ?"


def organ_called(connection: Connection, code: str, *, deleted: bool) -> DirectoryOrgan | None:
    """By present or former code, in any case; top bodies in either form."""
    asked = code[:QUERY_CHARS].encode("utf-8", "ignore").decode()  # what a client sends may hold halves of letters
    key = code_key(asked)
    row = connection.exec_driver_sql(_BY_CODE, (asked, deleted)).first()
    if row is None and key:
        row = connection.exec_driver_sql(_BY_KEYS, (key, twin_key(asked) or key, deleted, key)).first()
    return None if row is None else _organ(row)


def search(connection: Connection, query: str, *, parent: str, limit: int, cursor: str) -> Page:
    """Raises BadCursor. An organ whose code is the whole query comes first."""
    wanted = max(1, min(limit, LONGEST_PAGE))
    keys = query_keys(query)
    if query.strip() and not keys:
        return Page(organs=())
    asked = expression(keys)
    exact: DirectoryOrgan | None = None
    above: DirectoryOrgan | None = None
    if parent.strip():
        above = organ_called(connection, parent, deleted=False)
        under = below(str(above.number) if above else code_key(parent))
        asked = f"{asked} AND {under}" if asked else under
    if len(keys) == 1:
        exact = organ_called(connection, query.strip(), deleted=False)
        if exact is not None and parent.strip() and not _is_under(exact, above, parent):
            exact = None
    place = _place_after(connection, cursor)
    if asked:
        question: tuple[Any, ...] = (asked, place, exact.number if exact else 0, wanted + 1)
        rows = connection.exec_driver_sql(_FOUND, question).all()
    else:
        rows = connection.exec_driver_sql(_ALL, (place, wanted + 1)).all()
    organs = [_organ(row) for row in rows]
    if exact is not None and not cursor:
        organs.insert(0, exact)
    page = tuple(organs[:wanted])
    more = len(organs) > wanted
    return Page(organs=page, cursor=_cursor(connection, page, exact=exact) if more else "")


def stream(
    connection: Connection, *, parent: str, level: int | None, deleted: bool, since: int
) -> Iterator[DirectoryOrgan]:
    """In the order of codes, some rows at a time, all of one state of the directory."""
    conditions, values = ["o.version > ?"], [since]
    if since <= 0:
        conditions, values = ["1"], []
    if not deleted:
        conditions.append("o.deleted = 0")
    if level is not None:
        conditions.append("o.level = ?")
        values.append(level)
    asked: list[int | str] = list(values)
    if parent.strip():
        above = organ_called(connection, parent, deleted=True)
        conditions.append("p.parent_number = ?" if above else "o.parent_key = ?")
        asked.append(above.number if above else code_key(parent))
    question = f"{_ONE} WHERE {' AND '.join(conditions)} ORDER BY o.code"
    options = {"stream_results": True, "yield_per": STREAMED}
    with connection.exec_driver_sql(question, tuple(asked), execution_options=options) as rows:
        for row in rows:
            yield _organ(row)


def _is_under(organ: DirectoryOrgan, above: DirectoryOrgan | None, parent: str) -> bool:
    if above is not None:
        return organ.parent_number == above.number
    return code_key(organ.parent) == code_key(parent)


def _place_after(connection: Connection, cursor: str) -> int:
    """The place of the last organ at or before the one that the cursor stands for; the list may have changed since."""
    if not cursor:
        return 0
    try:
        read = orjson.loads(base64.urlsafe_b64decode(cursor[:CURSOR_CHARS].encode("ascii")))
    except ValueError:  # no ASCII, no base64, no JSON
        raise BadCursor from None
    match read:
        case [int(words), str(code)] if 0 <= words < 2**31:
            pass
        case _:
            raise BadCursor
    found = connection.exec_driver_sql(_PLACE_BEFORE, (words, code)).scalar()
    return int(found or 0)


def _cursor(connection: Connection, page: Sequence[DirectoryOrgan], *, exact: DirectoryOrgan | None) -> str:
    last = page[-1]
    if exact is not None and last.number == exact.number:
        place: tuple[int, str] = (0, "")  # it stood before the others: the next page begins with the first of them
    else:
        place = (int(connection.exec_driver_sql(_WORDS, (last.number,)).scalar_one()), last.code)
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode("ascii")


def _organ(row: Sequence[Any]) -> DirectoryOrgan:
    return DirectoryOrgan(
        number=row[0],
        code=row[1],
        name=row[2],
        parent=row[3],
        parent_number=row[4],
        old_code=row[5],
        email=row[6],
        phone=row[7],
        address=row[8],
        level=row[9],
        connected=bool(row[10]),
        version=row[11],
        deleted=bool(row[12]),
        changed_at=from_text(row[13]),
    )
