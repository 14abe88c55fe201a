"""The database of keys: opening it, and transactions. Files only the owner may read, and nothing secret in errors."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, Engine, delete, insert, select, update

from agents.gateway.access.errors import AccessUnavailable, WrongAccessKey
from agents.gateway.access.gate import Gate
from agents.gateway.access.schema import credentials, migrate, seal, sessions
from agents.gateway.access.secrets import OWNER_ONLY, Vault, keep_private
from agents.spool.sqlite import SqliteStore, opening, sqlite_engine

DATABASE: Final = "access.db"
PRIVATE_FOLDER: Final = 0o700
BUSY_TIMEOUT: Final = 10.0  # seconds another process may hold the database
CONNECTIONS: Final = 40  # more than threads that ask at once
_PROOF: Final = b"truc-agent access"


class AccessDatabase(SqliteStore):
    """The store of keys, opened. Reads always see what any process has written before."""

    _hides_causes = True

    def __init__(self, folder: Path, engine: Engine, vault: Vault) -> None:
        self.folder = folder
        super().__init__(engine)
        self._vault = vault
        self._gate = Gate()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The store in the agent's spool folder; made when it is not there, and an older one brought up to date.

        Raises AccessUnavailable, and WrongAccessKey when the sealing key is missing or another.
        """
        with cls._told():
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            with opening(folder / "access.lock"):  # two processes at the same instant would make two keys
                path = folder / DATABASE
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY))
                keep_private(path)  # the files that SQLite puts beside it take after it
                vault = Vault.load(folder, may_make=path.stat().st_size == 0)
                # secure_delete: what was revoked is overwritten, not merely let go.
                engine = sqlite_engine(
                    path,
                    busy=BUSY_TIMEOUT,
                    pragmas=("foreign_keys = ON", "secure_delete = ON"),
                    pool_size=CONNECTIONS,
                )
                try:
                    with engine.begin() as connection:
                        migrate(connection)
                        _prove(connection, vault)
                except BaseException:
                    engine.dispose()
                    raise
            return cls(folder, engine, vault)

    @staticmethod
    def _fault(words: str) -> AccessUnavailable:
        return AccessUnavailable(words)

    def seal(self, plain: bytes) -> bytes:
        """For secrets that other rooms of the gateway must read again; they keep what comes back."""
        return self._vault.seal(plain)

    def is_current(self, sealed: bytes) -> bool:
        """False: seal it anew, before the administrator takes the former sealing key away."""
        return self._vault.is_current(sealed)

    def unseal(self, sealed: bytes) -> bytes:
        """Raises AccessUnavailable when the sealing key is gone or another, also after looking whether it changed."""
        try:
            return self._vault.unseal(sealed)
        except WrongAccessKey:
            try:
                self._vault = Vault.load(self.folder, may_make=False)
                return self._vault.unseal(sealed)
            except (OSError, WrongAccessKey) as error:
                raise AccessUnavailable(str(error)) from None


def forget_ended(connection: Connection, now: datetime) -> None:
    """Deletes secrets whose overlap is over, and sessions that are."""
    connection.execute(delete(credentials).where(credentials.c.ends_at <= now))
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))


def _prove(connection: Connection, vault: Vault) -> None:
    """Checks that the vault is the one of this store; seals everything anew when its first key is new."""
    proof = connection.scalar(select(seal.c.proof))
    if proof is None:
        connection.execute(insert(seal).values(proof=vault.seal(_PROOF)))
        return
    vault.unseal(proof)
    if vault.is_current(proof):
        return
    connection.execute(update(seal).values(proof=vault.seal(_PROOF)))
    for row in connection.execute(select(credentials)).all():
        this = (credentials.c.key_id == row.key_id) & (credentials.c.generation == row.generation)
        sealed = vault.seal(vault.unseal(row.secret_sealed))
        connection.execute(update(credentials).where(this).values(secret_sealed=sealed))
