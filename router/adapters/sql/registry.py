"""The registry's tables: snapshots cached by version, and upserts that move the version on."""

import threading
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from router.adapters.sql.rows import Row, from_time, maybe_from_time, maybe_to_time, to_time
from router.adapters.sql.statements import chunks
from router.adapters.sql.tables import AGENTS, CERTIFICATES, HOLDS, ORGANS, REGISTRY_VERSION
from router.core.holds import Hold, HoldKind
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState, Registry

Rows = list[dict[str, object]]

VERSION_QUERY: Final = text("SELECT version FROM registry_version WHERE id = 1")


class RegistryTables:
    """Reads and writes the registry on a given connection, and remembers the snapshot read last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Registry | None = None

    def read(self, connection: Connection) -> Registry:
        """The registry as this connection sees it. One small query when nothing has changed."""
        version = connection.execute(VERSION_QUERY).scalar() or 0
        known = self._snapshot
        if known is not None and known.version == version:
            return known
        with self._lock:
            known = self._snapshot
            if known is not None and known.version == version:
                return known
            organs = (_organ_of(tuple(row)) for row in connection.execute(select(ORGANS)))
            agents = (
                AgentRecord(name=n, title=t, active=a, token_hash=h)
                for n, t, a, h in connection.execute(select(AGENTS))
            )
            bindings = connection.execute(select(CERTIFICATES.c.organ, CERTIFICATES.c.fingerprint))
            snapshot = Registry.of(
                version=version,
                organs=organs,
                agents=agents,
                bindings=((row[0], row[1]) for row in bindings),
                holds=(_hold_of(tuple(row)) for row in connection.execute(select(HOLDS))),
            )
            # Another transaction may have read the version, waited here, and seen more of the rows: on PostgreSQL
            # rows committed since then show. They carry a higher version, so the next transaction reads anew.
            self._snapshot = snapshot
            return snapshot

    def put_organs(self, connection: Connection, organs: Sequence[OrganRecord]) -> None:
        if not organs:
            return
        version = _move_version(connection)
        rows: Rows = [
            {
                "code": o.code,
                "name": o.name,
                "parent": o.parent,
                "old_code": o.old_code,
                "agent": o.agent,
                "email": o.email,
                "state": o.state.value,
                "reason": o.reason,
                "phone": o.phone,
                "address": o.address,
                "changed_in": version,
            }
            for o in organs
        ]
        self._upsert(connection, ORGANS, rows)

    def put_agents(self, connection: Connection, agents: Sequence[AgentRecord]) -> None:
        rows: Rows = [
            {"name": a.name, "title": a.title, "active": a.active, "token_hash": a.token_hash} for a in agents
        ]
        self._put(connection, AGENTS, rows)

    def put_certificates(self, connection: Connection, certificates: Sequence[CertificateRecord]) -> None:
        rows: Rows = [
            {"organ": c.organ, "fingerprint": c.fingerprint, "subject": c.subject, "pem": c.pem} for c in certificates
        ]
        self._put(connection, CERTIFICATES, rows)

    def drop_certificates(self, connection: Connection, organ: str, fingerprints: Iterable[str]) -> None:
        _move_version(connection)
        for chunk in chunks(sorted(set(fingerprints))):
            connection.execute(
                delete(CERTIFICATES).where(CERTIFICATES.c.organ == organ, CERTIFICATES.c.fingerprint.in_(chunk))
            )

    def certificates_of(self, connection: Connection, organ: str) -> Sequence[CertificateRecord]:
        question = select(CERTIFICATES).where(CERTIFICATES.c.organ == organ).order_by(CERTIFICATES.c.fingerprint)
        rows = connection.execute(question)
        return tuple(CertificateRecord(organ=r[0], fingerprint=r[1], subject=r[2], pem=r[3]) for r in rows)

    def put_hold(self, connection: Connection, hold: Hold) -> None:
        row: dict[str, object] = {
            "organ": hold.organ,
            "kind": hold.kind.value,
            "since": to_time(hold.since),
            "until": maybe_to_time(hold.until),
            "forward_to": hold.to,
            "reason": hold.reason,
            "set_by": hold.by,
        }
        self._put(connection, HOLDS, [row])

    def drop_hold(self, connection: Connection, organ: str) -> bool:
        _move_version(connection)
        return connection.execute(delete(HOLDS).where(HOLDS.c.organ == organ)).rowcount > 0

    def _put(self, connection: Connection, table: Table, rows: Rows) -> None:
        if rows:
            _move_version(connection)
            self._upsert(connection, table, rows)

    @staticmethod
    def _upsert(connection: Connection, table: Table, rows: Rows) -> None:
        keys = [each.name for each in table.primary_key]
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        put = dialect.insert(table)
        replaced = {each.name: put.excluded[each.name] for each in table.c if each.name not in keys}
        connection.execute(put.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def _move_version(connection: Connection) -> int:
    """First of all in a writing transaction: the row's lock keeps registry writers in a queue. The new version."""
    moved = connection.execute(
        update(REGISTRY_VERSION).where(REGISTRY_VERSION.c.id == 1).values(version=REGISTRY_VERSION.c.version + 1)
    )
    if moved.rowcount == 0:
        connection.execute(insert(REGISTRY_VERSION).values(id=1, version=1))
    return int(connection.execute(VERSION_QUERY).scalar_one())


def _organ_of(row: Row) -> OrganRecord:
    return OrganRecord(
        code=row[0],
        name=row[1],
        parent=row[2],
        old_code=row[3],
        agent=row[4],
        email=row[5],
        state=OrganState(row[6]),
        reason=row[7],
        phone=row[8],
        address=row[9],
        changed_in=row[10],
    )


def _hold_of(row: Row) -> Hold:
    return Hold(
        organ=row[0],
        kind=HoldKind(row[1]),
        since=from_time(row[2]),
        until=maybe_from_time(row[3]),
        to=row[4],
        reason=row[5],
        by=row[6],
    )
