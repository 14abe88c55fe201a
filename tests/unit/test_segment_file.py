"""Batches of every size lie where they are said to lie, whichever way they were written."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.adapters.segment_file import BLOCK, LEAST_DIRECT, ROOM, SegmentFile

SIZES = st.sampled_from([0, 1, 17, BLOCK - 1, BLOCK, LEAST_DIRECT - 1, LEAST_DIRECT, LEAST_DIRECT + 1, ROOM, ROOM + 5])


def pieces_of(sizes: list[int], seed: int) -> list[bytes]:
    return [
        bytes([seed % 251 + 1, number % 251 + 1]) * (size // 2) + b"\x01" * (size % 2)
        for number, size in enumerate(sizes)
    ]


@given(batches=st.lists(st.lists(SIZES, max_size=3), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_appended_is_found_where_it_was_said_to_begin(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("segment") / "w-1.seg"
    file = SegmentFile(path, mode=0o640)
    placed = []
    for seed, sizes in enumerate(batches):
        pieces = pieces_of(sizes, seed)
        placed.append((file.append(pieces), b"".join(pieces)))
        assert path.stat().st_size == file.end
    file.close()
    content = path.read_bytes()
    for place, wanted in placed:
        assert content[place : place + len(wanted)] == wanted


def test_a_file_that_is_there_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "w-1.seg").write_bytes(b"x")
    with pytest.raises(FileExistsError):
        SegmentFile(tmp_path / "w-1.seg", mode=0o640)


def test_a_file_system_that_takes_no_direct_write_gets_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EINVAL, "no direct writes here")

    monkeypatch.setattr(os, "pwrite", refused)
    file = SegmentFile(tmp_path / "w-1.seg", mode=0o640)
    content = os.urandom(LEAST_DIRECT)
    assert [file.append([content]), file.append([content])] == [0, LEAST_DIRECT]
    assert (tmp_path / "w-1.seg").read_bytes() == content * 2
    file.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_is_said_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def failing(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    file = SegmentFile(tmp_path / "w-1.seg", mode=0o640)
    monkeypatch.setattr(os, "pwrite", failing)
    monkeypatch.setattr(os, "writev", failing)
    with pytest.raises(OSError, match=os.strerror(error)):
        file.append([b"x" * LEAST_DIRECT])
    with pytest.raises(OSError, match=os.strerror(error)):
        file.append([b"x"])
    file.close()


def test_a_direct_write_that_is_cut_short_counts_as_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SegmentFile(tmp_path / "w-1.seg", mode=0o640)
    if file._direct < 0:  # the folder of the tests takes no direct writes: the rest is the same
        file._direct = os.open(tmp_path / "w-1.seg", os.O_WRONLY)
    monkeypatch.setattr(os, "pwrite", lambda *_: BLOCK)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        file.append([b"x" * LEAST_DIRECT])
    file.close()
