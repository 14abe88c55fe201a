"""`ports.Store` on SQLite or PostgreSQL."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, text

from router.adapters.sql import applications, dead_letters, histories, leg_questions, queries, seals
from router.adapters.sql.engine import WRITES, open_engine, told_as_ports
from router.adapters.sql.registry import RegistryTables
from router.adapters.sql.statements import statements_for
from router.adapters.sql.transaction import SqlTransaction
from router.core.applications import Application, ApplicationState
from router.core.dead import DeadLetter, DeadState
from router.core.histories import History, Stray
from router.core.holds import Hold
from router.core.records import Answer, Attempt, Event, Leg, MessageRecord, StatusRecord
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, Registry
from router.core.seals import EventRow, Seal
from router.ports import Backlog, Promptness

T = TypeVar("T")


class SqlStore:
    """The hub's memory in a database that `migrate.upgrade` has brought up to date.

    `database_url` is `sqlite:////path/to/file` or `postgresql://user@host/name`. Usable from several threads; a
    transaction belongs to the thread that began it. Nothing is connected before the first use.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = open_engine(database_url)
        self._statements = statements_for(self._engine)
        self._registry = RegistryTables()

    @property
    def engine(self) -> Engine:
        """For those who ask the same database other questions."""
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        with self._writing() as connection:
            yield SqlTransaction(connection, self._statements, self._registry.read)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        """Read in a transaction of its own, which sees one state of the database."""
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)

    def find(self, query: str, *, limit: int = 50) -> Sequence[MessageRecord]:
        return self._ask(lambda connection: queries.find(connection, query, limit=limit))

    def message(self, message_id: str) -> MessageRecord | None:
        return self._ask(lambda connection: queries.message(connection, message_id))

    def legs_of(self, message_id: str) -> Sequence[Leg]:
        return self._ask(lambda connection: queries.legs_of(connection, message_id))

    def statuses_of(self, leg_ids: Iterable[str]) -> Sequence[StatusRecord]:
        return self._ask(lambda connection: queries.statuses_of(connection, leg_ids))

    def messages_about(self, message_id: str) -> Sequence[MessageRecord]:
        return self._ask(lambda connection: queries.messages_about(connection, message_id))

    def answers_naming(self, *, document_id: str, code: str, limit: int) -> Sequence[tuple[MessageRecord, Answer]]:
        return self._ask(lambda it: queries.answers_naming(it, document_id=document_id, code=code, limit=limit))

    def events_of(self, message_id: str) -> Sequence[Event]:
        return self._ask(lambda connection: queries.events_of(connection, message_id))

    def backlog(self) -> Backlog:
        return self._ask(queries.backlog)

    def may_read(self, *, agent: str, digest: str) -> bool:
        return self._ask(lambda connection: queries.may_read(connection, agent=agent, digest=digest))

    def claimed_blobs(self, digests: Iterable[str]) -> Set[str]:
        return self._ask(lambda connection: queries.claimed_blobs(connection, digests))

    def ping(self) -> None:
        """Whether the database answers and has our tables. Raises `StoreUnavailable`."""
        self._ask(lambda connection: connection.execute(text("SELECT version FROM registry_version")).all())

    # ── What needs somebody ─────────────────────────────────────────────────────────────────────────────────────────

    def raised_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        return self._ask(lambda c: leg_questions.with_messages(c, leg_questions.RAISED, limit=limit))

    def parked_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        return self._ask(lambda c: leg_questions.with_messages(c, leg_questions.PARKED, limit=limit))

    def held_legs(self, recipient: str = "", *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        held = leg_questions.HELD
        return self._ask(lambda c: leg_questions.with_messages(c, held, limit=limit, recipient=recipient))

    def attempts_of(self, message_id: str) -> Sequence[Attempt]:
        return self._ask(lambda connection: queries.attempts_of(connection, message_id))

    def find_dead(
        self, query: str = "", *, state: DeadState | None = DeadState.OPEN, limit: int = 100
    ) -> Sequence[DeadLetter]:
        return self._ask(lambda connection: dead_letters.find(connection, query, state=state, limit=limit))

    def promptness(self, *, since: datetime) -> Promptness:
        return self._ask(lambda connection: queries.promptness(connection, since=since))

    # ── The log and its seals ───────────────────────────────────────────────────────────────────────────────────────

    def events_after(self, seq: int, *, limit: int) -> Sequence[EventRow]:
        return self._ask(lambda connection: seals.events_after(connection, seq, limit=limit))

    def event_rows_of(self, message_id: str) -> Sequence[EventRow]:
        return self._ask(lambda connection: seals.event_rows_of(connection, message_id))

    def seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[Seal]:
        return self._ask(lambda connection: seals.seals(connection, after=after, limit=limit))

    def seals_of(self, seqs: Iterable[int]) -> Sequence[Seal]:
        return self._ask(lambda connection: seals.seals_of(connection, seqs))

    def histories(self, after: str | None = None, *, limit: int) -> Sequence[History]:
        return self._ask(lambda connection: histories.histories(connection, after, limit=limit))

    def strays(self, *, limit: int = 100) -> Sequence[Stray]:
        return self._ask(lambda connection: histories.strays(connection, limit=limit))

    # ── Registry ────────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self) -> Registry:
        return self._ask(self._registry.read)

    def put_organs(self, organs: Sequence[OrganRecord]) -> None:
        with self._writing() as connection:
            self._registry.put_organs(connection, organs)

    def put_agents(self, agents: Sequence[AgentRecord]) -> None:
        with self._writing() as connection:
            self._registry.put_agents(connection, agents)

    def put_certificates(self, certificates: Sequence[CertificateRecord]) -> None:
        with self._writing() as connection:
            self._registry.put_certificates(connection, certificates)

    def drop_certificates(self, organ: str, fingerprints: Iterable[str]) -> None:
        with self._writing() as connection:
            self._registry.drop_certificates(connection, organ, fingerprints)

    def certificates_of(self, organ: str) -> Sequence[CertificateRecord]:
        return self._ask(lambda connection: self._registry.certificates_of(connection, organ))

    def put_hold(self, hold: Hold) -> None:
        with self._writing() as connection:
            self._registry.put_hold(connection, hold)

    def drop_hold(self, organ: str) -> bool:
        with self._writing() as connection:
            return self._registry.drop_hold(connection, organ)

    # ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────

    def put_application(self, application: Application, *, most_open: int) -> Application | None:
        with self._writing() as connection:
            return applications.put(connection, application, most_open=most_open)

    def applications(
        self, *, agent: str = "", state: ApplicationState | None = None, limit: int = 1000
    ) -> Sequence[Application]:
        return self._ask(lambda connection: applications.find(connection, agent=agent, state=state, limit=limit))

    def decide_application(
        self, application_id: str, *, state: ApplicationState, at: datetime, by: str, note: str
    ) -> bool:
        with self._writing() as connection:
            return applications.decide(connection, application_id, state=state, at=at, by=by, note=note)

    def close(self) -> None:
        self._engine.dispose()
