"""Merkle trees over events, as RFC 9162 (2.1) separates leaves from nodes; an odd node is promoted unchanged."""

import hashlib
from collections.abc import Sequence
from typing import Final

import orjson

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

EventWords = tuple[int, str, int, str, str, str, str]
"""An event as it is stored: seq, name, at (microseconds since 1970 UTC), message, leg, actor, facts (its text)."""

MOST_STEPS: Final = 64  # of a proof: no log has more than 2**64 events


def leaf_hash(event: EventWords) -> bytes:
    """The hash of one event as it is stored."""
    return hashlib.sha256(_LEAF + orjson.dumps(event)).digest()


class Tree:
    """The tree over leaf hashes, level by level from the leaves to the root."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Raises ValueError for no leaves."""
        if not leaves:
            raise ValueError("a tree has at least one leaf")
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_above(self._levels[-1]))

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The siblings on the way from a leaf (counted from 0) to the root; none for a level where it is promoted."""
        path: list[bytes] = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index //= 2
        return tuple(path)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes. Raises ValueError for none."""
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: list[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    odd = level[-1:] if len(level) % 2 else []
    return [sha256(_NODE + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)] + odd


def root_by_proof(leaf: bytes, path: Sequence[bytes], *, index: int, count: int) -> bytes | None:
    """The root that a leaf and its siblings lead to; None when they are not those of a tree of `count` leaves."""
    if not 0 <= index < count or len(path) > MOST_STEPS:
        return None
    node, siblings = leaf, iter(path)
    while count > 1:
        if index ^ 1 < count:
            sibling = next(siblings, None)
            if sibling is None:
                return None
            pair = sibling + node if index % 2 else node + sibling
            node = hashlib.sha256(_NODE + pair).digest()
        index, count = index // 2, (count + 1) // 2
    return node if next(siblings, None) is None else None
