"""Applications for new organs, and for the end of some: kept here until the hub has them, and its word about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from agents.gateway.directory.records import Application, Applied, NotApplied, Progress
from agents.gateway.directory.times import from_text, maybe_from_text, to_text
from agents.gateway.directory.wording import code_key
from edxml_schemas.organ_list import ApplicationKind, WishAnswer

MOST_OPEN: Final = 100
"""Applications that wait at a time, here or at the hub."""
KEPT: Final = 1000
"""Applications that are kept once they are decided."""
NOTE_CHARS: Final = 500
_UNDECIDED: Final = (Progress.WAITING.value, Progress.OPEN.value)

_COLUMNS: Final = (
    "reference, kind, code, name, parent, email, phone, address, applicant, progress, note, applied_at, told_at"
)
_ALL: Final = f"SELECT {_COLUMNS} FROM applications"  # noqa: S608  our columns


def record(connection: Connection, wanted: Application) -> Applied | NotApplied:
    """Keeps an application, unless the same one waits already: then it is that one."""
    waiting = connection.exec_driver_sql(f"{_ALL} WHERE progress IN (?, ?)", _UNDECIDED).all()
    key = code_key(wanted.code)
    for row in map(_application, waiting):
        if row.kind is wanted.kind and code_key(row.code) == key:
            return Applied(reference=row.reference, progress=row.progress)
    if len(waiting) >= MOST_OPEN:
        return NotApplied(
            vi=f"đã có {MOST_OPEN} hồ sơ chờ duyệt; hãy đợi quản trị của trục",
            en=f"{MOST_OPEN} applications wait already; wait for the hub's administrator",
        )
    connection.exec_driver_sql(
        f"INSERT INTO applications ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
        (
            wanted.reference,
            wanted.kind.value,
            wanted.code,
            wanted.name,
            wanted.parent,
            wanted.email,
            wanted.phone,
            wanted.address,
            wanted.applicant,
            wanted.progress.value,
            wanted.note,
            to_text(wanted.applied_at),
        ),
    )
    connection.exec_driver_sql(
        "DELETE FROM applications WHERE progress NOT IN (?, ?) AND seq <="
        " (SELECT seq FROM applications WHERE progress NOT IN (?, ?) ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (*_UNDECIDED, *_UNDECIDED, KEPT),
    )
    return Applied(reference=wanted.reference, progress=wanted.progress)


def new_reference() -> str:
    return str(uuid4())


def with_progress(connection: Connection, progress: Progress | None, *, limit: int) -> Sequence[Application]:
    """The newest first; those that wait to be told to the hub, the oldest first."""
    if progress is None:
        rows = connection.exec_driver_sql(f"{_ALL} ORDER BY seq DESC LIMIT ?", (limit,))
    else:
        order = "ASC" if progress is Progress.WAITING else "DESC"
        rows = connection.exec_driver_sql(
            f"{_ALL} WHERE progress = ? ORDER BY seq {order} LIMIT ?", (progress.value, limit)
        )
    return tuple(map(_application, rows.all()))


def note_answer(connection: Connection, answer: WishAnswer, *, asked: str, now: datetime) -> bool:
    """What the hub said of the application `asked`, which has its name from then on; whether that was news."""
    changed = connection.exec_driver_sql(
        "UPDATE OR IGNORE applications SET reference = ?, progress = ?, note = ?, told_at = coalesce(told_at, ?)"
        " WHERE reference = ? AND progress IN (?, ?) AND progress <> ?",
        (
            answer.reference,
            answer.state.value,
            answer.note[:NOTE_CHARS],
            to_text(now),
            asked,
            *_UNDECIDED,
            answer.state.value,
        ),
    )
    return changed.rowcount > 0


def note_refusal(connection: Connection, reference: str, reason: str, *, now: datetime) -> None:
    """The hub does not take it, and will not when it is asked again."""
    connection.exec_driver_sql(
        "UPDATE applications SET progress = ?, note = ?, told_at = ? WHERE reference = ? AND progress = ?",
        (Progress.REFUSED.value, reason, to_text(now), reference, Progress.WAITING.value),
    )


def _application(row: Sequence[Any]) -> Application:
    return Application(
        reference=row[0],
        kind=ApplicationKind(row[1]),
        code=row[2],
        name=row[3],
        parent=row[4],
        email=row[5],
        phone=row[6],
        address=row[7],
        applicant=row[8],
        progress=Progress(row[9]),
        note=row[10],
        applied_at=from_text(row[11]),
        told_at=maybe_from_text(row[12]),
    )
