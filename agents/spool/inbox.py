"""The whole spool: what waits to be sent, as `outbox` has it, and what came.

A spool is a folder with an SQLite database (WAL, every commit synced) and the bytes of large envelopes. Several
processes may use it at once: `truc-agent run` moves messages, the other commands read and add. Methods are
synchronous and safe in threads; all raise SpoolUnavailable when the disk does not play along, and then nothing of
what was asked has happened.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, select, update
from sqlalchemy.dialects.sqlite import insert

from agents.spool.records import InboxItem, NewDelivery, NewSubmission
from agents.spool.rows import row_of_delivery
from agents.spool.schema import inbox, outbox
from agents.spool.selftests import about_self_test, incoming_document
from agents.spool.taking import SpoolTaking
from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import StatusCode


class Spool(SpoolTaking):
    """Open one with `Spool.open(folder)`; close it after use."""

    def add_delivery(self, new: NewDelivery, arrival: NewSubmission | None = None) -> bool:
        """Keeps a delivery and, in the same transaction, status 01; False when the leg is there already."""
        with self._write() as connection:
            held = connection.execute(select(inbox.c.seq).where(inbox.c.leg_id == new.leg_id)).first()
            if held is not None:
                return False
            if self._bodies.keep(connection, new.envelope) != new.digest:
                raise ValueError("a delivery with another digest than its bytes")
            row = row_of_delivery(new)
            if new.type is MessageType.STATUS:
                row |= self._about(connection, new)
                row["self_test"] = about_self_test(connection, row)
            connection.execute(insert(inbox).values(row))
            if row["about_submission"]:
                self._touch(connection, row["about_submission"])
            if arrival is not None:
                self._add_submission(connection, arrival)
            return True

    def _about(self, connection: Connection, new: NewDelivery) -> dict[str, str]:
        """What a status speaks of: a recall names a delivery to us, everything else a document of ours.

        Real systems name the document by its code when its DocumentId differs, so the code is the second try. Of
        several submissions of a document the first that was not refused counts: a resend is not another document.
        """
        recall = new.status_code == StatusCode.RECALL_REQUESTED
        table, own, other = (inbox, inbox.c.recipient, inbox.c.sender) if recall else (outbox, outbox.c.organ, None)
        for column, wanted in ((table.c.document_id, new.about_document_id), (table.c.code, new.about_code)):
            if not wanted:
                continue
            query = select(table).where(
                column == wanted, own == new.recipient, table.c.type == MessageType.DOCUMENT.value
            )
            if other is not None:
                query = query.where(other == new.sender)
            order = (table.c.seq.desc(),) if recall else (outbox.c.outcome == ReceiptKind.REFUSED.value, outbox.c.seq)
            row = connection.execute(query.order_by(*order).limit(1)).first()
            if row is not None:
                return {"about_leg": row.leg_id} if recall else {"about_submission": row.submission_id}
        return {}

    def item(self, leg_id: str) -> InboxItem | None:
        return next(iter(self._items(select(inbox).where(inbox.c.leg_id == leg_id))), None)

    def documents(
        self, *, taken: bool | None = False, limit: int = 1000, self_tests: bool | None = False
    ) -> Sequence[InboxItem]:
        """Documents that came, oldest first; `taken` None for all.

        Self-tests of the link are nobody's letters: left out, or alone when `self_tests` is true; None for both.
        """
        query = select(inbox).where(inbox.c.type == MessageType.DOCUMENT.value).order_by(inbox.c.seq).limit(limit)
        if self_tests is not None:
            query = query.where(incoming_document() if self_tests else not_(incoming_document()))
        if taken is not None:
            query = query.where(inbox.c.taken_at.is_not(None) if taken else inbox.c.taken_at.is_(None))
        return self._items(query)

    def deliveries_of(self, document_id: str) -> Sequence[InboxItem]:
        """Deliveries of a document, one per organ and message."""
        return self._items(select(inbox).where(inbox.c.document_id == document_id).order_by(inbox.c.seq))

    def deliveries_with(self, digest: str) -> Sequence[InboxItem]:
        """Deliveries of exactly these bytes, of documents and statuses."""
        return self._items(select(inbox).where(inbox.c.digest == digest).order_by(inbox.c.seq))

    def statuses_about(self, *, submission_id: str = "", leg_id: str = "") -> Sequence[InboxItem]:
        """Statuses that came about a document of ours, or about a delivery to us, in the order of arrival."""
        which = inbox.c.about_submission == submission_id if submission_id else inbox.c.about_leg == leg_id
        return self._items(select(inbox).where(which).order_by(inbox.c.seq))

    def unreported(self, *, limit: int = 500) -> Sequence[InboxItem]:
        """Deliveries whose acknowledgement the broker has not confirmed."""
        return self._items(select(inbox).where(inbox.c.reported_at.is_(None)).order_by(inbox.c.seq).limit(limit))

    def unexported(self, *, limit: int = 100) -> Sequence[InboxItem]:
        """Deliveries that the folder connector has not laid out; never a self-test of the link."""
        waiting = and_(inbox.c.exported_at.is_(None), not_(incoming_document()))
        return self._items(select(inbox).where(waiting).order_by(inbox.c.seq).limit(limit))

    def arrivals_due(self, *, taken: bool = False) -> Sequence[InboxItem]:
        """Documents whose status 01 is not written yet; with `taken` those that a document system has."""
        query = select(inbox).where(inbox.c.arrival_due).order_by(inbox.c.seq)
        return self._items(query.where(inbox.c.taken_at.is_not(None)) if taken else query)

    def add_arrival(self, leg_id: str, arrival: NewSubmission) -> None:
        """Keeps a late status 01."""
        with self._write() as connection:
            self._add_submission(connection, arrival)
            connection.execute(update(inbox).where(inbox.c.leg_id == leg_id).values(arrival_due=False))

    def outline(self, leg_id: str, *, readable: bool, promulgated_on: date | None) -> None:
        """Completes a row of an earlier version, once its envelope was read."""
        self._inbox(inbox.c.leg_id == leg_id, outlined=readable, promulgated_on=promulgated_on)

    def mark_reported(self, leg_ids: Iterable[str], *, now: datetime) -> None:
        self._inbox(inbox.c.leg_id.in_(list(leg_ids)), reported_at=now)

    def reserve_place(self, leg_id: str, wanted: str) -> str:
        """The folder of a delivery: `wanted`, or with a number behind it when another delivery has it.

        Letter case makes no difference: on the shares of Windows both would be one folder.
        """
        with self._write() as connection:
            own = connection.scalar(select(inbox.c.place).where(inbox.c.leg_id == leg_id))
            if own:
                return str(own)
            place = next(name for name in _numbered(wanted) if not _held(connection, name))
            values = {"place": place, "place_key": place.casefold()}
            connection.execute(update(inbox).where(inbox.c.leg_id == leg_id).values(values))
            return place

    def item_at(self, place: str) -> InboxItem | None:
        """The delivery that the folder connector laid out at this place."""
        return next(iter(self._items(select(inbox).where(inbox.c.place == place))), None)

    def _inbox(self, where: ColumnElement[bool], **values: Any) -> None:
        with self._write() as connection:
            connection.execute(update(inbox).where(where).values(**values))


def _numbered(wanted: str) -> Iterator[str]:
    yield wanted
    number = 2
    while True:
        yield f"{wanted}~{number}"
        number += 1


def _held(connection: Connection, place: str) -> bool:
    return connection.scalar(select(inbox.c.seq).where(inbox.c.place_key == place.casefold()).limit(1)) is not None
