"""`ports.RegistryDesk` on SQLite or PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, text

from router.adapters.sql.engine import WRITES, told_as_ports
from router.adapters.sql.registry import VERSION_QUERY, RegistryTables
from router.adapters.sql.rows import event_row
from router.adapters.sql.tables import CERTIFICATES, EVENTS
from router.core.records import Event
from router.core.registry import CertificateRecord
from router.core.registry_change import RegistryChange

QUEUE_UP: Final = text("UPDATE registry_version SET version = version WHERE id = 1")


class SqlRegistryDesk:
    """The registry in a database that `migrate.upgrade` has brought up to date. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tables = RegistryTables()

    def change(self, change: RegistryChange, *, event: Event, seen: int) -> bool:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            connection.execute(QUEUE_UP)  # the row's lock keeps registry writers in a queue
            if (connection.execute(VERSION_QUERY).scalar() or 0) != seen:
                return False
            self._write(connection, change)
            names = [each.name for each in EVENTS.c if each.name != "seq"]
            connection.execute(insert(EVENTS).values(dict(zip(names, event_row(event), strict=True))))
            return True

    def certificates(self) -> Sequence[CertificateRecord]:
        question = select(CERTIFICATES).order_by(CERTIFICATES.c.organ, CERTIFICATES.c.fingerprint)
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            rows = connection.execute(question)
            return tuple(CertificateRecord(organ=r[0], fingerprint=r[1], subject=r[2], pem=r[3]) for r in rows)

    def _write(self, connection: Connection, change: RegistryChange) -> None:
        self._tables.put_agents(connection, change.agents)
        self._tables.put_certificates(connection, change.certificates)
        self._tables.put_organs(connection, change.organs)
        for organ, fingerprints in change.unbound:
            self._tables.drop_certificates(connection, organ, fingerprints)
