"""A list of organs as a file: written as it arrives, read line by line, never whole in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from agents.gateway.directory.errors import DirectoryUnavailable, ListBroken
from edxml_schemas.organ_list import LINE_BYTES, ListHead, read_head


@contextmanager
def opened_list(path: Path) -> Iterator[tuple[ListHead, Iterator[bytes]]]:
    """The head, and the lines without their line feeds. Raises ListBroken for what is none."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise DirectoryUnavailable(str(error)) from error
    with file:
        lines = _lines(file)
        try:
            head = read_head(next(lines, b""))
        except ValueError as error:
            raise ListBroken(str(error), vi="không phải danh sách của trục", en="this is no list of the hub") from None
        yield head, lines


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE_BYTES + 2):
        if not line.endswith(b"\n"):
            raise ListBroken("line", vi="dòng bị cắt hoặc quá dài", en="a line is cut off or too long")
        yield line[:-1]
