"""The table of applications: rows and questions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, text, update

from router.adapters.sql.rows import Row, from_time, maybe_from_time, maybe_to_time, to_time
from router.adapters.sql.tables import APPLICATIONS, REGISTRY_VERSION
from router.core.applications import Application, ApplicationKind, ApplicationState

OPEN: Final = text("state = 'open'")  # as the partial index has it


def put(connection: Connection, application: Application, *, most_open: int) -> Application | None:
    # One after the other, so that two at once are counted; the row is that of the registry's writers.
    connection.execute(select(REGISTRY_VERSION.c.version).with_for_update()).all()
    kept = connection.execute(select(APPLICATIONS).where(APPLICATIONS.c.id == application.id)).first()
    if kept is not None:
        return _application_of(tuple(kept))
    question = select(APPLICATIONS).where(OPEN, APPLICATIONS.c.agent == application.agent).limit(most_open)
    waiting = [_application_of(tuple(row)) for row in connection.execute(question)]
    same = next((each for each in waiting if each.is_same(application)), None)
    if same is not None:
        return same
    if len(waiting) >= most_open:
        return None
    connection.execute(insert(APPLICATIONS).values(_values_of(application)))
    return application


def find(connection: Connection, *, agent: str, state: ApplicationState | None, limit: int) -> Sequence[Application]:
    question = select(APPLICATIONS)
    if agent:
        question = question.where(APPLICATIONS.c.agent == agent)
    if state is ApplicationState.OPEN:
        question = question.where(OPEN)
    elif state is not None:
        question = question.where(APPLICATIONS.c.state == state.value)
    question = question.order_by(APPLICATIONS.c.applied_at.desc(), APPLICATIONS.c.id.desc()).limit(limit)
    return tuple(_application_of(tuple(row)) for row in connection.execute(question))


def decide(
    connection: Connection, application_id: str, *, state: ApplicationState, at: datetime, by: str, note: str
) -> bool:
    decided = (
        update(APPLICATIONS)
        .where(OPEN, APPLICATIONS.c.id == application_id)
        .values(state=state.value, decided_at=to_time(at), decided_by=by, note=note)
    )
    return connection.execute(decided).rowcount > 0


def _values_of(a: Application) -> dict[str, Any]:
    return {
        "id": a.id,
        "agent": a.agent,
        "reference": a.reference,
        "kind": a.kind.value,
        "code": a.code,
        "name": a.name,
        "parent": a.parent,
        "email": a.email,
        "phone": a.phone,
        "address": a.address,
        "state": a.state.value,
        "applied_at": to_time(a.applied_at),
        "decided_at": maybe_to_time(a.decided_at),
        "decided_by": a.decided_by,
        "note": a.note,
    }


def _application_of(row: Row) -> Application:
    return Application(
        id=row[0],
        agent=row[1],
        reference=row[2],
        kind=ApplicationKind(row[3]),
        code=row[4],
        name=row[5],
        parent=row[6],
        email=row[7],
        phone=row[8],
        address=row[9],
        state=ApplicationState(row[10]),
        applied_at=from_time(row[11]),
        decided_at=maybe_from_time(row[12]),
        decided_by=row[13],
        note=row[14],
    )
