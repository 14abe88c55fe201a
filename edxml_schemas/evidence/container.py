"""The container of evidence: a ZIP file of which not one byte is free.

Members are stored, not deflated: what is not compressed cannot be a bomb, and gives the same bytes with every library.
The order is the writer's; times, attributes and versions are fixed. So a container follows from its members, and the
reader accepts exactly what the writer would have written: nothing before, between or behind, no second directory, no
comment, no extra field, no odd flag. Any tool that opens ZIP files opens it.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

MOST_MEMBERS: Final = 20_000
MOST_BYTES: Final = 2**31 - 2**20
"""Of a whole container. Below 2 GiB nobody needs the ZIP64 extensions, which would be a second way to say a size."""

_LOCAL: Final = struct.Struct("<IHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<IHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<IHHHHIIH")
_LOCAL_MARK: Final = 0x04034B50
_CENTRAL_MARK: Final = 0x02014B50
_END_MARK: Final = 0x06054B50
_VERSION: Final = 20
_MADE_BY: Final = 3 << 8 | _VERSION  # Unix: the attributes below are a mode
_UTF8: Final = 0x0800
_TIME, _DATE = 0, 0x21  # 1980-01-01 00:00, the first that the format knows
_MODE: Final = 0o100644 << 16

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(?:/[a-z0-9][a-z0-9._-]{0,99}){0,2}")
"""Names of members: lower case, no leading dot, at most two folders. No path leads out of where it is unpacked."""


class ContainerFault(Exception):
    """Bytes that are no container; `vi` and `en` say why."""

    def __init__(self, *, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


def pack(members: Sequence[tuple[str, bytes]]) -> bytes:
    """The container of these members, in this order. Raises ValueError for a bad name, a double one, or too much."""
    names = [name for name, _ in members]
    if len(set(names)) != len(names) or not all(NAME.fullmatch(name) for name in names):
        raise ValueError("names of members are unique, lower-case and plain")
    if len(members) > MOST_MEMBERS or sum(len(data) + 400 for _, data in members) > MOST_BYTES:
        raise ValueError("too much for one container")
    return b"".join(_pieces(members))


def unpack(data: bytes) -> Mapping[str, bytes]:
    """The members, in their order. Raises ContainerFault for bytes that `pack` would not have written."""
    if len(data) > MOST_BYTES:
        raise ContainerFault(vi="Tệp quá lớn", en="The file is too large")
    members = list(_members(data))
    view, at = memoryview(data), 0
    for piece in _pieces(members):
        end = at + len(piece)
        if view[at:end] != piece:
            raise ContainerFault(
                vi=f"Cấu trúc ZIP bị thay đổi ở khoảng byte {at}–{end}",
                en=f"The ZIP structure is altered between bytes {at} and {end}",
            )
        at = end
    if at != len(data):
        raise ContainerFault(
            vi="Có byte thừa sau phần cuối tệp ZIP", en="There are bytes behind the end of the ZIP file"
        )
    found = dict(members)
    if len(found) != len(members):
        raise ContainerFault(vi="Một thành phần có hai lần", en="A member is there twice")
    return MappingProxyType(found)


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What local headers say, one after the other from the first byte; whether it is all true is seen later."""
    at = 0
    for _ in range(MOST_MEMBERS + 1):
        if at + _LOCAL.size > len(data):
            break
        mark, _, _, _, _, _, _, size, _, name_size, extra_size = _LOCAL.unpack_from(data, at)
        if mark != _LOCAL_MARK:
            break
        start = at + _LOCAL.size + name_size
        name = data[at + _LOCAL.size : start].decode("ascii", "replace")
        if extra_size or start + size > len(data) or not NAME.fullmatch(name):
            raise ContainerFault(
                vi=f"Thành phần ZIP tại byte {at} không đúng dạng", en=f"The ZIP member at byte {at} is malformed"
            )
        yield name, data[start : start + size]
        at = start + size
    else:
        raise ContainerFault(vi="Quá nhiều thành phần", en="Too many members")


def _pieces(members: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    """The container piece by piece."""
    directory: list[bytes] = []
    at = 0
    for name, data in members:
        encoded, check = name.encode("ascii"), zlib.crc32(data)
        sizes = (check, len(data), len(data), len(encoded))
        yield _LOCAL.pack(_LOCAL_MARK, _VERSION, _UTF8, 0, _TIME, _DATE, *sizes, 0) + encoded
        yield data
        header = (_CENTRAL_MARK, _MADE_BY, _VERSION, _UTF8, 0, _TIME, _DATE, *sizes, 0, 0, 0, 0, _MODE, at)
        directory.append(_CENTRAL.pack(*header) + encoded)
        at += _LOCAL.size + len(encoded) + len(data)
    whole = b"".join(directory)
    yield whole
    yield _END.pack(_END_MARK, 0, 0, len(members), len(members), len(whole), at, 0)
