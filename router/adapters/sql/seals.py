"""Events as they are stored, and the seals over them."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, func, insert, select, text, update

from router.adapters.sql.rows import Row, from_time, to_time
from router.adapters.sql.tables import EVENTS, SEALS
from router.core.seals import EventRow, Seal

SEALING: Final = int.from_bytes(hashlib.sha256(b"truc-lien-thong seals").digest()[:8], "big", signed=True)
ONE_SEALER: Final = text("SELECT pg_advisory_xact_lock(:key)")

WAIT_FOR_WRITERS: Final = (
    "SAVEPOINT writers",
    "LOCK TABLE events IN SHARE MODE",
    "ROLLBACK TO SAVEPOINT writers",
    "RELEASE SAVEPOINT writers",
)
"""A writer holds ROW EXCLUSIVE on the table before it draws a `seq`, until it ends. Whoever gets SHARE therefore knows
that all who had drawn one have ended. Going back lets go of the lock at once: nobody waits while events are hashed."""


def unsealed(connection: Connection, *, limit: int, locks: bool) -> Sequence[EventRow]:
    """The oldest events above the last seal. `locks`: on PostgreSQL, where others write at the same time."""
    if locks:
        connection.execute(ONE_SEALER, {"key": SEALING})
    sealed = connection.scalar(select(SEALS.c.last_seq).order_by(SEALS.c.number.desc()).limit(1)) or 0
    newest = connection.scalar(select(func.max(EVENTS.c.seq))) or 0
    if newest <= sealed:
        return ()
    if locks:
        for step in WAIT_FOR_WRITERS:
            connection.exec_driver_sql(step)
    # What is above `newest` may have gaps that somebody still fills.
    question = select(EVENTS).where(EVENTS.c.seq > sealed, EVENTS.c.seq <= newest)
    return tuple(EventRow(*row) for row in connection.execute(question.order_by(EVENTS.c.seq).limit(limit)))


def events_after(connection: Connection, seq: int, *, limit: int) -> Sequence[EventRow]:
    question = select(EVENTS).where(EVENTS.c.seq > seq).order_by(EVENTS.c.seq).limit(limit)
    return tuple(EventRow(*row) for row in connection.execute(question))


def event_rows_of(connection: Connection, message_id: str) -> Sequence[EventRow]:
    question = select(EVENTS).where(EVENTS.c.message_id == message_id).order_by(EVENTS.c.seq)
    return tuple(EventRow(*row) for row in connection.execute(question))


def last_seal(connection: Connection) -> Seal | None:
    row = connection.execute(select(SEALS).order_by(SEALS.c.number.desc()).limit(1)).first()
    return None if row is None else _seal_of(tuple(row))


def put_seal(connection: Connection, seal: Seal) -> None:
    connection.execute(
        insert(SEALS),
        {
            "number": seal.number,
            "first_seq": seal.first_seq,
            "last_seq": seal.last_seq,
            "count": seal.count,
            "root": seal.root,
            "previous": seal.previous,
            "sealed_at": to_time(seal.sealed_at),
            "digest": seal.digest,
            "signature": seal.signature,
            "certificate": seal.certificate,
            "timestamp": seal.timestamp,
        },
    )


def stamp_seal(connection: Connection, number: int, token: bytes) -> bool:
    unstamped = update(SEALS).where(SEALS.c.number == number, SEALS.c.timestamp == b"")
    return connection.execute(unstamped.values(timestamp=token)).rowcount == 1


def seals(connection: Connection, *, after: int, limit: int) -> Sequence[Seal]:
    question = select(SEALS).where(SEALS.c.number > after).order_by(SEALS.c.number).limit(limit)
    return tuple(_seal_of(tuple(row)) for row in connection.execute(question))


def seals_of(connection: Connection, seqs: Iterable[int]) -> Sequence[Seal]:
    """One question per seal: a document's events are mostly under one or two."""
    found: dict[int, Seal] = {}
    newest: Seal | None = None
    for seq in sorted(set(seqs)):
        if newest is not None and seq <= newest.last_seq:
            continue
        question = select(SEALS).where(SEALS.c.last_seq >= seq).order_by(SEALS.c.last_seq, SEALS.c.number).limit(1)
        row = connection.execute(question).first()
        if row is None:
            break
        seal = _seal_of(tuple(row))
        if seal.first_seq <= seq:
            newest = found[seal.number] = seal
    return tuple(found[number] for number in sorted(found))


def _seal_of(row: Row) -> Seal:
    return Seal(
        number=row[0],
        first_seq=row[1],
        last_seq=row[2],
        count=row[3],
        root=row[4],
        previous=row[5],
        sealed_at=from_time(row[6]),
        digest=row[7],
        signature=bytes(row[8]),
        certificate=bytes(row[9]),
        timestamp=bytes(row[10]),
    )
