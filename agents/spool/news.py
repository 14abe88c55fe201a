"""What is new in the spool since a place: documents and statuses that came, and receipts of the hub.

Places are what a listener remembers. They grow, and name rows by numbers that are never given out twice, so that who
comes back misses nothing and is told nothing twice. Self-tests of the link are nobody's news.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import Connection, and_, func, not_, select

from agents.spool.schema import inbox, outbox, receipt_places, receipts
from agents.spool.selftests import incoming, outgoing
from agents.spool.store import SpoolStore
from edxml_schemas.contract import MessageType

_PLACE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class NewsKind(StrEnum):
    """What happened."""

    INBOX = "inbox"  # a document came
    STATUS = "status"  # somebody said something about a document
    RECEIPT = "receipt"  # the hub said something about a submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a listener has heard: the last row of the inbox, and of the receipts."""

    inbox: int = 0
    receipts: int = 0

    def __str__(self) -> str:
        return f"{self.inbox}-{self.receipts}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The place that was written so; None for anything else."""
        found = _PLACE.fullmatch(text)
        return cls(inbox=int(found[1]), receipts=int(found[2])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A hint that there is something to look at, without a word of what it says.

    `place` is the listener's place once it has heard this. `organ` is the organ of this agent that it concerns.
    `leg_id` names what came; `submission_id` what was sent (empty when a status is about nothing of ours).
    """

    kind: NewsKind
    place: Place
    organ: str
    at: datetime
    leg_id: str = ""
    submission_id: str = ""


def latest(spool: SpoolStore) -> Place:
    """The place of who has heard everything so far. Raises SpoolUnavailable."""
    with spool._read() as connection:
        return _latest(connection)


def news_since(
    spool: SpoolStore, place: Place, *, organs: Collection[str], limit: int = 100
) -> tuple[Sequence[News], Place]:
    """At most `limit` news for these organs after a place, in the order of places, and the place reached.

    Fewer than `limit`: that was all, and the place is past everything that concerns others. Raises SpoolUnavailable.
    """
    with spool._read() as connection:
        end = _latest(connection)
        # Rows at the end may have been cleared away; what comes next gets later numbers all the same.
        start = Place(inbox=min(place.inbox, end.inbox), receipts=min(place.receipts, end.receipts))
        came = _came(connection, start, end, organs, limit)
        told = _told(connection, start, end, organs, limit - len(came)) if len(came) < limit else []
    if len(came) == limit:
        return came, came[-1].place
    if len(came) + len(told) == limit:
        return [*came, *told], told[-1].place
    return [*came, *told], end


def _latest(connection: Connection) -> Place:
    return Place(
        inbox=connection.scalar(select(func.max(inbox.c.seq))) or 0,
        receipts=connection.scalar(select(func.max(receipt_places.c.seq))) or 0,
    )


def _came(connection: Connection, start: Place, end: Place, organs: Collection[str], limit: int) -> list[News]:
    rows = connection.execute(
        select(
            inbox.c.seq, inbox.c.type, inbox.c.leg_id, inbox.c.recipient, inbox.c.about_submission, inbox.c.received_at
        )
        .where(
            and_(inbox.c.seq > start.inbox, inbox.c.seq <= end.inbox),
            inbox.c.recipient.in_(organs),
            not_(incoming()),
        )
        .order_by(inbox.c.seq)
        .limit(limit)
    )
    return [
        News(
            kind=NewsKind.INBOX if row.type == MessageType.DOCUMENT.value else NewsKind.STATUS,
            place=Place(inbox=row.seq, receipts=start.receipts),
            organ=row.recipient,
            at=row.received_at,
            leg_id=row.leg_id,
            submission_id=row.about_submission,
        )
        for row in rows
    ]


def _told(connection: Connection, start: Place, end: Place, organs: Collection[str], limit: int) -> list[News]:
    rows = connection.execute(
        select(
            receipt_places.c.seq,
            receipts.c.submission_id,
            outbox.c.organ,
            receipts.c.received_at,
        )
        .select_from(receipt_places)
        .join(receipts, receipts.c.receipt_id == receipt_places.c.receipt_id)
        .join(outbox, outbox.c.submission_id == receipts.c.submission_id)
        .where(
            receipt_places.c.seq.between(start.receipts + 1, end.receipts),
            outbox.c.organ.in_(organs),
            not_(outgoing()),
        )
        .order_by(receipt_places.c.seq)
        .limit(limit)
    )
    return [
        News(
            kind=NewsKind.RECEIPT,
            place=Place(inbox=end.inbox, receipts=row.seq),
            organ=row.organ,
            at=row.received_at,
            submission_id=row.submission_id,
        )
        for row in rows
    ]
