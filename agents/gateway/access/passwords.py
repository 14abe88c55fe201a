"""Passwords of logins: a slow hash. `gate` says how many of them are worked out at the same time."""

import hashlib
import secrets
from typing import Final

from agents.gateway.access.secrets import MOST_CHARS

SALT_BYTES: Final = 16
SCRYPT_COST: Final = 2**14  # with r = 8: 16 MiB for a hash
SCRYPT_BLOCK: Final = 8
SCRYPT_LANES: Final = 5  # one after the other: some 0.2 s on one core
SCRYPT_MEMORY: Final = 32 * 2**20
HASH_BYTES: Final = 32


def new_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def slow_hash(password: str, salt: bytes) -> bytes:
    """Never raises, whatever the password holds."""
    return hashlib.scrypt(
        password[:MOST_CHARS].encode("utf-8", "replace"),
        salt=salt,
        n=SCRYPT_COST,
        r=SCRYPT_BLOCK,
        p=SCRYPT_LANES,
        maxmem=SCRYPT_MEMORY,
        dklen=HASH_BYTES,
    )
