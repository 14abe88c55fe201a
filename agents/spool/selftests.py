"""Self-tests of the link in the spool: how they are known, kept apart from the letters of people, and cleared away.

A self-test is an ordinary signed document of a fixed form (see `form`), which says nothing else: nobody hides a letter
by its number, its subject or its size. Whether it has the form is decided once, from the decoded document, when it
comes or is sent; the column `self_test` keeps the answer. A status has it from the document that it is about.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from agents.spool.form import NOTATION, NUMBER_DIGITS
from agents.spool.records import SubmissionState
from agents.spool.schema import envelopes, inbox, outbox, receipts
from agents.spool.store import SpoolStore
from edxml_schemas.contract import MessageType

SUBMISSION_PREFIX: Final = "kiemtra-"
"""Begins the submission ids of self-tests, so that what the hub says of one that was withdrawn is known, too."""

_CODE: Final = re.compile(rf"[0-9a-f]{{{NUMBER_DIGITS}}}/{NOTATION}")
_BATCH: Final = 500
"""Rows that one transaction clears away, so that nobody waits long for the database."""


def about_self_test(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Whether a status, as a row of the inbox or the outbox, is about a self-test.

    One that came about something that is not here any more is known by the number: nobody waits for it.
    """
    if row["about_leg"]:
        return bool(connection.scalar(select(inbox.c.self_test).where(inbox.c.leg_id == row["about_leg"])))
    submission_id = row.get("about_submission")
    if submission_id:
        return bool(connection.scalar(select(outbox.c.self_test).where(outbox.c.submission_id == submission_id)))
    return _CODE.fullmatch(row.get("about_code", "")) is not None


def incoming_document() -> ColumnElement[bool]:
    """Of rows of the inbox: a self-test document. Negate it for what people may see."""
    return and_(inbox.c.type == MessageType.DOCUMENT.value, inbox.c.self_test)


def incoming() -> ColumnElement[bool]:
    """Of rows of the inbox: a self-test, or a status about one."""
    return inbox.c.self_test.is_(True)


def outgoing() -> ColumnElement[bool]:
    """Of rows of the outbox: a self-test, or a status about one."""
    return outbox.c.self_test.is_(True)


def withdraw(spool: SpoolStore, submission_id: str) -> bool:
    """Takes back a submission that the broker has not confirmed; False when it has, or there is none.

    A broker that is away for a day must not get a day's self-tests at once. Raises SpoolUnavailable.
    """
    with spool._write() as connection:
        waiting = and_(
            outbox.c.submission_id == submission_id,
            outbox.c.state == SubmissionState.WAITING.value,
            outbox.c.published_at.is_(None),
        )
        digests = connection.scalars(select(outbox.c.digest).where(waiting)).all()
        connection.execute(delete(outbox).where(waiting))
        _drop_envelopes(connection, digests)
    return bool(digests)


def forget(spool: SpoolStore, *, before: datetime, everything: bool = False) -> int:
    """Clears away self-tests, statuses about them and their receipts that are older than `before`; how many rows.

    `everything` clears all that old traffic away, for a robot, which has nobody's letters: what came once it was taken,
    what went whatever became of it. Raises SpoolUnavailable.
    """
    handled = or_(inbox.c.taken_at.is_not(None), inbox.c.type == MessageType.STATUS.value)
    old_in = and_(inbox.c.received_at < before, inbox.c.reported_at.is_not(None), handled if everything else incoming())
    old_out, old_receipt = outbox.c.created_at < before, receipts.c.received_at < before
    if not everything:
        old_out = and_(old_out, outgoing())
        old_receipt = and_(old_receipt, receipts.c.submission_id.startswith(SUBMISSION_PREFIX))
    cleared = 0
    while True:
        with spool._read() as connection:  # looking takes longest, and must hold up nobody
            came = connection.execute(select(inbox.c.seq, inbox.c.digest).where(old_in).limit(_BATCH)).all()
            went = connection.execute(
                select(outbox.c.seq, outbox.c.submission_id, outbox.c.digest, outbox.c.original)
                .where(old_out)
                .limit(_BATCH)
            ).all()
            told = connection.scalars(select(receipts.c.receipt_id).where(old_receipt).limit(_BATCH)).all()
        if not (came or went or told):
            return cleared
        with spool._write() as connection:
            connection.execute(delete(inbox).where(inbox.c.seq.in_([row.seq for row in came])))
            connection.execute(delete(outbox).where(outbox.c.seq.in_([row.seq for row in went])))
            answers = receipts.c.submission_id.in_([row.submission_id for row in went])
            connection.execute(delete(receipts).where(or_(receipts.c.receipt_id.in_(told), answers)))
            digests = {row.digest for row in (*came, *went)} | {row.original for row in went}
            files = _drop_envelopes(connection, digests)
        _drop_files(spool, files)
        cleared += len(came) + len(went)


def _drop_envelopes(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Removes envelopes that nothing in the spool speaks of any more; the digests of those that lie in files."""
    of_files = []
    for digest in digests:
        unused = and_(
            envelopes.c.digest == digest,
            ~exists().where(inbox.c.digest == envelopes.c.digest),
            ~exists().where(outbox.c.digest == envelopes.c.digest),
            ~exists().where(outbox.c.original == envelopes.c.digest),
            ~exists().where(and_(outbox.c.original == envelopes.c.digest, outbox.c.original != "")),
        )
        in_file = connection.execute(select(envelopes.c.body.is_(None)).where(unused)).first()
        if in_file is not None:
            connection.execute(delete(envelopes).where(unused))
            if in_file[0]:
                of_files.append(digest)
    return of_files


def _drop_files(spool: SpoolStore, digests: Iterable[str]) -> None:
    """Removes files of envelopes whose rows are gone for good; a crash before it leaves a file that nobody needs."""
    for digest in digests:
        with spool._write() as connection:  # keeps others from keeping the same bytes meanwhile
            if connection.execute(select(envelopes.c.digest).where(envelopes.c.digest == digest)).first() is None:
                spool._bodies.path(digest).unlink(missing_ok=True)
