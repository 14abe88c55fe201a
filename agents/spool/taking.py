"""What came, as document systems see it: what waits for them, leases, and marks. See `records.Taking`.

Whoever holds a lease is a key of the gateway; the empty key is the agency's own desk (folder, command line, library),
which no lease holds up.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, not_, or_, select, update

from agents.spool.outbox import SpoolOutbox
from agents.spool.records import InboxItem, NewSubmission, Taking
from agents.spool.rows import item_of
from agents.spool.schema import inbox
from agents.spool.selftests import incoming
from edxml_schemas.contract import MessageType
from edxml_schemas.organs import parse

WAITING: Final = frozenset({Taking.NEW, Taking.LEASED})
"""What no document system has taken yet."""
CANDIDATES: Final = 100
"""Deliveries that are looked at when a status names its document by a number that many senders use."""


class SpoolTaking(SpoolOutbox):
    """The incoming half of a spool, for document systems."""

    def came(
        self,
        organs: Collection[str],
        *,
        now: datetime,
        kind: MessageType | None = None,
        states: Collection[Taking] = frozenset(Taking),
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> Sequence[InboxItem]:
        """Deliveries to these organs, oldest first, without self-tests of the link; `after` is a `seq`."""
        chosen = _chosen(organs, now=now, kind=kind, states=states, since=since, until=until)
        return self._items(select(inbox).where(chosen, inbox.c.seq > after).order_by(inbox.c.seq).limit(limit))

    def how_many_came(
        self,
        organs: Collection[str],
        *,
        now: datetime,
        kind: MessageType | None = None,
        states: Collection[Taking] = frozenset(Taking),
    ) -> int:
        """The number of deliveries that `came` chooses."""
        chosen = _chosen(organs, now=now, kind=kind, states=states)
        with self._read() as connection:
            return connection.scalar(select(func.count()).select_from(inbox).where(chosen)) or 0

    def delivery_named(self, *, recipient: str, sender: str, document_id: str, code: str) -> InboxItem | None:
        """The document that a status of `recipient` speaks of: by DocumentId, else by code, as `sender` sent it.

        Of several, one that waits counts before one that was taken, then the latest. Either form of a top body's code
        names the sender.
        """
        order = (inbox.c.taken_at.is_not(None), inbox.c.seq.desc())
        named = parse(sender)
        for column, wanted in ((inbox.c.document_id, document_id), (inbox.c.code, code)):
            if not wanted:
                continue
            meant = and_(column == wanted, inbox.c.recipient == recipient, inbox.c.type == MessageType.DOCUMENT.value)
            for item in self._items(select(inbox).where(meant).order_by(*order).limit(CANDIDATES)):
                if parse(item.sender).same_as(named):
                    return item
        return None

    def lease(self, leg_id: str, *, by: str, until: datetime, now: datetime) -> InboxItem | None:
        """The delivery as it stands after `by` has asked for a lease; None when there is none.

        Another key's live lease stays, and what was taken gets none.
        """
        with self._write() as connection:
            item = _item(connection, leg_id)
            if item is None or item.taken_at is not None or item.leased_to_other(by, now):
                return item
            connection.execute(_of(leg_id).values(lease_by=by, lease_until=until))
            return _item(connection, leg_id)

    def mark_taken(
        self,
        leg_id: str,
        *,
        now: datetime,
        by: str = "",
        said: NewSubmission | None = None,
        along: NewSubmission | None = None,
    ) -> tuple[InboxItem, bool] | None:
        """The delivery as it stands after, and whether `by` has taken it now; None when there is none.

        The first time counts, and another key's live lease stays. `said` is what is told to the sender with it when it
        is due, normally status 01, and `along` what else is told: both are kept in the same transaction, unless the
        document failed or is another's.
        """
        with self._write() as connection:
            item = _item(connection, leg_id)
            if item is None or item.failed_at is not None or (by and item.leased_to_other(by, now)):
                return None if item is None else (item, False)
            first = item.taken_at is None
            if first:
                connection.execute(_of(leg_id).values(taken_at=now, taken_by=by, lease_by="", lease_until=None))
            if said is not None and item.arrival_due:
                self._add_submission(connection, said)
                connection.execute(_of(leg_id).values(arrival_due=False))
            if along is not None:
                self._add_submission(connection, along)
            return _item(connection, leg_id) or item, first

    def mark_given_up(
        self, leg_id: str, *, now: datetime, by: str = "", said: NewSubmission | None = None
    ) -> tuple[InboxItem, bool] | None:
        """As `mark_taken`, for what a document system cannot take; `said` is normally status 02. No 01 is due then."""
        with self._write() as connection:
            item = _item(connection, leg_id)
            if item is None or item.failed_at is not None or (by and item.leased_to_other(by, now)):
                return None if item is None else (item, False)
            connection.execute(
                _of(leg_id).values(
                    taken_at=item.taken_at or now,
                    failed_at=now,
                    taken_by=by,
                    lease_by="",
                    lease_until=None,
                    arrival_due=False,
                )
            )
            if said is not None:
                self._add_submission(connection, said)
            return _item(connection, leg_id) or item, True

    def mark_exported(self, leg_id: str, *, now: datetime, said: NewSubmission | None = None) -> None:
        """The folder connector has laid the delivery out; the document system has it, so it is taken, too."""
        with self._write() as connection:
            connection.execute(_of(leg_id).values(exported_at=now))
            connection.execute(_of(leg_id).where(inbox.c.taken_at.is_(None)).values(taken_at=now))
            item = _item(connection, leg_id)
            if said is not None and item is not None and item.arrival_due:
                self._add_submission(connection, said)
                connection.execute(_of(leg_id).values(arrival_due=False))

    def _items(self, query: Select[Any]) -> Sequence[InboxItem]:
        with self._read() as connection:
            return [item_of(row) for row in connection.execute(query)]


def _of(leg_id: str) -> Any:
    return update(inbox).where(inbox.c.leg_id == leg_id)


def _item(connection: Connection, leg_id: str) -> InboxItem | None:
    row = connection.execute(select(inbox).where(inbox.c.leg_id == leg_id)).first()
    return None if row is None else item_of(row)


def _chosen(
    organs: Collection[str],
    *,
    now: datetime,
    kind: MessageType | None,
    states: Collection[Taking],
    since: datetime | None = None,
    until: datetime | None = None,
) -> ColumnElement[bool]:
    kinds = (MessageType.DOCUMENT, MessageType.STATUS) if kind is None else (kind,)
    chosen = [
        inbox.c.recipient.in_(organs),
        inbox.c.type.in_([each.value for each in kinds]),
        not_(incoming()),
    ]
    if set(states) != set(Taking):
        chosen.append(or_(*(_in_state(each, now) for each in states)))
    if since is not None:
        chosen.append(inbox.c.received_at >= since)
    if until is not None:
        chosen.append(inbox.c.received_at < until)
    return and_(*chosen)


def _in_state(state: Taking, now: datetime) -> ColumnElement[bool]:
    leased = and_(inbox.c.lease_until.is_not(None), inbox.c.lease_until > now)
    match state:
        case Taking.NEW:
            return and_(inbox.c.taken_at.is_(None), or_(inbox.c.lease_until.is_(None), inbox.c.lease_until <= now))
        case Taking.LEASED:
            return and_(inbox.c.taken_at.is_(None), leased)
        case Taking.TAKEN:
            return and_(inbox.c.taken_at.is_not(None), inbox.c.failed_at.is_(None))
        case Taking.FAILED:
            return inbox.c.failed_at.is_not(None)
