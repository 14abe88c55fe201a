"""What waits to be sent, what was sent, and what the hub said of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from agents.spool.records import DoubtfulReceipt, NewSubmission, StoredReceipt, Submission, SubmissionState
from agents.spool.rows import doubtful_of, receipt_of, row_of_submission, submission_of
from agents.spool.schema import doubtful, outbox, receipts
from agents.spool.selftests import about_self_test, outgoing
from agents.spool.store import SpoolStore
from edxml_schemas.contract import MessageType, Urgency

ANSWERS: Final = frozenset({"accepted", "refused"})
"""Kinds of receipts that decide a submission."""
PROBLEM_CHARS: Final = 500
MOST_DOUBTFUL: Final = 1000
"""Receipts kept that were not believed. Whoever can forge one can forge many."""


class SpoolOutbox(SpoolStore):
    """The outgoing half of a spool."""

    def add_submission(self, new: NewSubmission) -> bool:
        """Keeps a submission; False when its id is there already (then nothing changes)."""
        with self._write() as connection:
            return self._add_submission(connection, new)

    def _add_submission(self, connection: Connection, new: NewSubmission) -> bool:
        kept = self._bodies.keep(connection, new.envelope)
        original = "" if new.original is None else self._bodies.keep(connection, new.original)
        row = row_of_submission(new, kept, original=original)
        if new.type is MessageType.STATUS:
            row["self_test"] = about_self_test(connection, row)
        return connection.execute(insert(outbox).values(row).on_conflict_do_nothing()).rowcount == 1

    def due(
        self, *, now: datetime, limit: int, above: int = -1, at_most: int | None = None, without: Collection[str] = ()
    ) -> Sequence[Submission]:
        """Waiting submissions whose time has come: urgent ones first, then the oldest.

        Of envelopes with more than `above` and at most `at_most` bytes, and not those with the ids `without`.
        """
        lane = case((outbox.c.urgency == Urgency.URGENT.value, 0), else_=1)
        return self._submissions(
            select(outbox)
            .where(_waiting(above=above, at_most=at_most, without=without), outbox.c.next_attempt_at <= now)
            .order_by(lane, outbox.c.seq)
            .limit(limit)
        )

    def next_due(
        self, *, above: int = -1, at_most: int | None = None, without: Collection[str] = ()
    ) -> datetime | None:
        """When the next waiting submission, chosen as for `due`, becomes due; None when none waits."""
        with self._read() as connection:
            first: datetime | None = connection.scalar(
                select(func.min(outbox.c.next_attempt_at, type_=outbox.c.next_attempt_at.type)).where(
                    _waiting(above=above, at_most=at_most, without=without)
                )
            )
            return first

    def mark_published(self, submission_ids: Iterable[str], *, now: datetime) -> None:
        """The broker confirmed them. One whose receipt was quicker stays answered."""
        self._outbox(
            and_(outbox.c.submission_id.in_(list(submission_ids)), outbox.c.state == SubmissionState.WAITING.value),
            state=SubmissionState.PUBLISHED.value,
            published_at=now,
            attempts=outbox.c.attempts + 1,
            problem="",
        )

    def mark_failed(self, submission_id: str, problem: str, *, retry_at: datetime, tell: bool = False) -> None:
        """One attempt failed; the submission waits until `retry_at`. `tell` shows people the problem when it is new."""
        told = problem[:PROBLEM_CHARS]
        news = case((outbox.c.problem != told, 1), else_=0) if tell else 0
        self._outbox(
            and_(outbox.c.submission_id == submission_id, outbox.c.state == SubmissionState.WAITING.value),
            attempts=outbox.c.attempts + 1,
            next_attempt_at=retry_at,
            problem=told,
            version=outbox.c.version + news,
        )

    def resend_unanswered(self, *, published_before: datetime, now: datetime) -> int:
        """Published submissions without a receipt for too long wait again, under the same id; how many."""
        return self._outbox(
            and_(outbox.c.state == SubmissionState.PUBLISHED.value, outbox.c.published_at < published_before),
            state=SubmissionState.WAITING.value,
            next_attempt_at=now,
        )

    def retry_now(self, *, now: datetime) -> None:
        """Whatever waits for its next attempt is due at once (the link is back)."""
        self._outbox(
            and_(outbox.c.state == SubmissionState.WAITING.value, outbox.c.next_attempt_at > now), next_attempt_at=now
        )

    def mark_shown(self, submission_id: str, version: int) -> None:
        """The folder connector has written this version down."""
        self._outbox(outbox.c.submission_id == submission_id, shown_version=version)

    def _outbox(self, where: ColumnElement[bool], **values: Any) -> int:
        with self._write() as connection:
            return connection.execute(update(outbox).where(where).values(**values)).rowcount

    def add_receipt(self, receipt: StoredReceipt) -> bool:
        """Keeps a receipt and decides its submission; False when the receipt is there already."""
        return bool(self.add_receipts((receipt,)))

    def add_receipts(
        self, arrived: Sequence[StoredReceipt], set_aside: Sequence[DoubtfulReceipt] = ()
    ) -> Sequence[StoredReceipt]:
        """Keeps receipts, all or none, and decides their submissions; those that were not there already.

        What is set aside is kept for people to look at, `MOST_DOUBTFUL` of them, and decides nothing.
        """
        with self._write() as connection:
            for each in set_aside:
                self._set_aside(connection, each)
            return [each for each in arrived if self._add_receipt(connection, each)]

    @staticmethod
    def _set_aside(connection: Connection, receipt: DoubtfulReceipt) -> None:
        there = connection.scalar(select(func.count()).select_from(doubtful))
        if there is not None and there < MOST_DOUBTFUL:
            connection.execute(insert(doubtful).values(asdict(receipt)).on_conflict_do_nothing())

    def _add_receipt(self, connection: Connection, receipt: StoredReceipt) -> bool:
        done = connection.execute(insert(receipts).values(asdict(receipt)).on_conflict_do_nothing())
        if done.rowcount and receipt.kind in ANSWERS:
            connection.execute(
                update(outbox)
                .where(
                    outbox.c.submission_id == receipt.submission_id,
                    outbox.c.state != SubmissionState.ANSWERED.value,
                )
                .values(
                    state=SubmissionState.ANSWERED.value,
                    outcome=receipt.kind,
                    duplicate=receipt.duplicate,
                    answered_at=receipt.received_at,
                    problem="",
                )
            )
        if done.rowcount:
            self._touch(connection, receipt.submission_id)
        return done.rowcount == 1

    @staticmethod
    def _touch(connection: Connection, submission_id: str) -> None:
        connection.execute(
            update(outbox).where(outbox.c.submission_id == submission_id).values(version=outbox.c.version + 1)
        )

    def submission(self, submission_id: str) -> Submission | None:
        return next(iter(self._submissions(select(outbox).where(outbox.c.submission_id == submission_id))), None)

    def find_submissions(
        self,
        name: str = "",
        *,
        limit: int = 100,
        self_tests: bool | None = False,
        organs: Collection[str] | None = None,
        kind: MessageType | None = None,
        before: int = 0,
    ) -> Sequence[Submission]:
        """Submissions by id, DocumentId or code (number/notation), newest first; all without a name.

        Without a name, self-tests of the link and statuses about them are left out, or alone when `self_tests` is
        true; None for both. `organs` bounds the senders, `before` the number `seq` (0: none).
        """
        query = select(outbox).order_by(outbox.c.seq.desc()).limit(limit)
        if organs is not None:
            query = query.where(outbox.c.organ.in_(organs))
        if kind is not None:
            query = query.where(outbox.c.type == kind.value)
        if before:
            query = query.where(outbox.c.seq < before)
        if name:
            columns = (outbox.c.submission_id, outbox.c.document_id, outbox.c.code)
            query = query.where(or_(*(column == name for column in columns)))
        elif self_tests is not None:
            query = query.where(outgoing() if self_tests else not_(outgoing()))
        return self._submissions(query)

    def offered(self, caller: str, digest: str) -> Submission | None:
        """The latest submission of what a document system offered."""
        same = and_(outbox.c.caller == caller, outbox.c.offered == digest, outbox.c.offered != "")
        return next(iter(self._submissions(select(outbox).where(same).order_by(outbox.c.seq.desc()).limit(1))), None)

    def unshown(self, *, limit: int = 100) -> Sequence[Submission]:
        """Submissions of the folder connector with news that it has not written down."""
        return self._submissions(
            select(outbox)
            .where(outbox.c.origin != "", outbox.c.shown_version < outbox.c.version)
            .order_by(outbox.c.seq)
            .limit(limit)
        )

    def is_latest(self, submission: Submission) -> bool:
        """Whether no later submission has the same origin."""
        with self._read() as connection:
            last = connection.scalar(select(func.max(outbox.c.seq)).where(outbox.c.origin == submission.origin))
            return bool(last == submission.seq)

    def submissions_about(self, leg_id: str) -> Sequence[Submission]:
        """Statuses sent about a delivery, oldest first."""
        return self._submissions(select(outbox).where(outbox.c.about_leg == leg_id).order_by(outbox.c.seq))

    def receipts_of(self, submission_id: str) -> Sequence[StoredReceipt]:
        """Oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                select(receipts).where(receipts.c.submission_id == submission_id).order_by(receipts.c.received_at)
            )
            return [receipt_of(row) for row in rows]

    def doubtful_receipts(self, submission_id: str | None = None) -> Sequence[DoubtfulReceipt]:
        """What came as a receipt and was not believed, oldest first: all, or those that claim to answer this one."""
        query = select(doubtful).order_by(doubtful.c.received_at)
        if submission_id is not None:
            query = query.where(doubtful.c.submission_id == submission_id)
        with self._read() as connection:
            return [doubtful_of(row) for row in connection.execute(query)]

    def _submissions(self, query: Select[Any]) -> Sequence[Submission]:
        with self._read() as connection:
            return [submission_of(row) for row in connection.execute(query)]


def _waiting(*, above: int, at_most: int | None, without: Collection[str]) -> ColumnElement[bool]:
    chosen = and_(outbox.c.state == SubmissionState.WAITING.value, outbox.c.size > above)
    if at_most is not None:
        chosen = and_(chosen, outbox.c.size <= at_most)
    return and_(chosen, outbox.c.submission_id.not_in(without)) if without else chosen
