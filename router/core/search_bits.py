"""Sets of documents as bytes: which of the documents of one block have a term.

Documents are numbered from 0 in the order in which the index learnt of them; `SIZE` of them are a block. Few are kept
as a list of places (two bytes each), many as a bit map (a kilobyte at most); the first byte says which.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

SIZE: Final = 8192
"""Documents in a block. A bit map of more would not fit into a row of PostgreSQL as it is."""
_FEW: Final = 0
_MANY: Final = 1
_LOOPED: Final = 16  # up to so many places, shifting is faster than filling a map


def block_of(document: int) -> int:
    return document // SIZE


def place_of(document: int) -> int:
    """The place of a document in its block."""
    return document % SIZE


def as_number(data: bytes) -> int:
    """The set as a number: bit n stands for place n."""
    if data[0] == _MANY:
        return int.from_bytes(data[1:], "little")
    places = _places(data)
    if len(places) <= _LOOPED:
        number = 0
        for each in places:
            number |= 1 << each
        return number
    return int.from_bytes(_mapped(places), "little")


def changed(data: bytes | None, *, put: Iterable[int] = (), taken: Iterable[int] = ()) -> bytes | None:
    """The set with some places put in and others taken out; None when nothing is left. None is the empty set."""
    if data is not None and data[0] == _MANY:
        bits = bytearray(data[1:])
        for each in put:
            if each >> 3 >= len(bits):
                bits.extend(bytes((each >> 3) + 1 - len(bits)))
            bits[each >> 3] |= 1 << (each & 7)
        for each in taken:
            if each >> 3 < len(bits):
                bits[each >> 3] &= ~(1 << (each & 7))
        return _written(bits)
    places = set(_places(data)) if data is not None else set()
    places.update(put)
    places.difference_update(taken)
    if not places:
        return None
    ordered = sorted(places)
    if 2 * len(ordered) <= (ordered[-1] >> 3):
        return bytes((_FEW,)) + struct.pack(f"<{len(ordered)}H", *ordered)
    return bytes((_MANY,)) + _mapped(ordered)


def joined(data: bytes | None, number: int) -> bytes | None:
    """The set with all of another one, given as a number."""
    return changed(data, put=newest_first(number)) if number else data


def newest_first(number: int) -> Iterator[int]:
    """The places of a set, the highest first."""
    while number:
        place = number.bit_length() - 1
        yield place
        number ^= 1 << place


def oldest_first(number: int) -> Iterator[int]:
    """The places of a set, the lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def below(place: int) -> int:
    """All places below one, as a number."""
    return (1 << place) - 1


def above(place: int) -> int:
    """All places of a block above one, as a number."""
    return ((1 << SIZE) - 1) ^ ((1 << (place + 1)) - 1)


def _places(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{(len(data) - 1) // 2}H", data[1:])


def _mapped(places: Iterable[int]) -> bytes:
    bits = bytearray(SIZE // 8)
    for each in places:
        bits[each >> 3] |= 1 << (each & 7)
    return bytes(bits.rstrip(b"\0"))


def _written(bits: bytearray) -> bytes | None:
    """A map as it is kept: a list when few are left."""
    kept = bytes(bits.rstrip(b"\0"))
    if not kept:
        return None
    number = int.from_bytes(kept, "little")
    if 2 * number.bit_count() > len(kept) // 2:  # back to a list only when that is much shorter
        return bytes((_MANY,)) + kept
    ordered = tuple(oldest_first(number))
    return bytes((_FEW,)) + struct.pack(f"<{len(ordered)}H", *ordered)
