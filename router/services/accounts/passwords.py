"""Passwords: argon2id, the same work for everybody, and new hashes when the cost is set anew."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from router.core.accounts import PASSWORD_MOST, same_password, weakness_of

GIVEN_COUNT: Final = 6  # words of a password that the hub makes
PATIENCE: Final = 5.0  # seconds to wait for a turn
MOST_AT_ONCE: Final = 2  # checks; each takes memory and every lane it can get

GIVEN_WORDS: Final = """
    ban bien buoi cam canh cau chanh chieu chim coi con cua dao dat dau day den doi dong dua duong gio gach gao
    giay hai hoa hoi hong keo khoai kim lam lan lau long lua luong mai mat may men mia mua nam nang nau ngan ngoc
    nhan non nui nuoc pho quan que quyt rau roi rung sach sao sen song sui tam tao thac than thom thu tieng toi
    tra tram trang tre trong tron truc tuyet van vang vuon xanh xe xoai xuan xuong yen am anh bac bau bep bong bua
"""
"""Short words without diacritics, for passwords that are read out and typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashCost:
    """What one check costs; see `[console]`."""

    memory_kib: int = 65_536
    rounds: int = 3
    lanes: int = 4


class PasswordsBusy(Exception):
    """So many people sign in at this moment that nobody can be told when their turn comes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a password is right, and its hash at the present cost when the kept one has another."""

    right: bool
    new_hash: str = ""


class Passwords:
    """Makes and checks hashes; safe for several threads, of which a few compute at a time. Raises PasswordsBusy."""

    def __init__(self, cost: HashCost) -> None:
        self._hasher = PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._nobody = self.hashed(secrets.token_urlsafe())

    def hashed(self, password: str) -> str:
        with self._turn():
            return self._hasher.hash(same_password(password))

    def check(self, password: str, kept: str) -> Checked:
        """Against a kept hash; an empty one (nobody, or no password) costs the same and is never right."""
        text = same_password(password[: PASSWORD_MOST + 1])
        with self._turn():
            try:
                right = self._hasher.verify(kept or self._nobody, text) and bool(kept)
            except (VerificationError, InvalidHashError):
                return Checked(right=False)
        if right and self._hasher.check_needs_rehash(kept):
            return Checked(right=True, new_hash=self.hashed(password))
        return Checked(right=right)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Raises PasswordsBusy when it does not come in time: who waits keeps a thread from somebody else."""
        if not self._turns.acquire(timeout=PATIENCE):
            raise PasswordsBusy("too many passwords to check")
        try:
            yield
        finally:
            self._turns.release()


def given_password(*, name: str) -> str:
    """A random password for an account, of words with a number, to be read out and changed at the first sign-in."""
    words = GIVEN_WORDS.split()
    while True:
        chosen = [secrets.choice(words) for _ in range(GIVEN_COUNT)]
        made = "-".join((*chosen, str(secrets.randbelow(9000) + 1000)))
        if weakness_of(made, name=name) is None:  # a word may be the name
            return made
