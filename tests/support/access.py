"""The gateway's store of keys for tests: a cheap slow hash, one moment, and everything secret that a key has."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from agents.gateway.access import AccessStore, NewKey, passwords
from agents.gateway.access.secrets import KEY_VARIABLE
from agents.gateway.callers import Right

NOW: Final = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
H41: Final = "000.00.00.H41"
H14: Final = "000.00.00.H14"


def make_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow hash that is not slow, and no sealing key from outside."""
    monkeypatch.setattr(passwords, "SCRYPT_COST", 2)
    monkeypatch.setattr(passwords, "SCRYPT_LANES", 1)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def add_key(store: AccessStore, system_id: str = "qlvb", **changes: Any) -> NewKey:
    values: dict[str, Any] = {
        "name": "Phần mềm QLVB",
        "organs": [H41],
        "rights": [Right.SEND, Right.RECEIVE],
        "now": NOW,
    }
    return store.add(system_id=system_id, **(values | changes))


def secrets_of(new: NewKey) -> tuple[str, ...]:
    return tuple(filter(None, (new.token, new.token.rpartition("_")[2], new.secret, new.password)))


def bytes_in(folder: Path) -> bytes:
    """Everything that is on disk, except the key that seals."""
    return b"".join(
        path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "access.key"
    )
