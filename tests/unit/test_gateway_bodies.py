"""Bodies on their way to disk: whole, bounded, and gone when nobody needs them any more."""

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gateway.bodies import BATCH, TooLarge, TooSlow, clear_away, receive_body


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def endless() -> AsyncIterator[bytes]:
    yield b"half"
    await asyncio.Event().wait()


async def test_a_body_is_in_a_file_with_its_size_and_digest(tmp_path: Path) -> None:
    content = b"x" * (BATCH + 10)
    async with receive_body(stream([content, b"y"]), folder=tmp_path, limit=10**9, idle=9) as kept:
        assert kept.path.read_bytes() == content + b"y"
        assert kept.size == len(content) + 1
        assert kept.digest == hashlib.sha256(content + b"y").hexdigest()


async def test_only_this_user_may_read_the_file(tmp_path: Path) -> None:
    async with receive_body(stream([b"letter"]), folder=tmp_path / "incoming", limit=99, idle=9) as kept:
        assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700


async def test_the_file_is_gone_afterwards_whatever_happens_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with receive_body(stream([b"x"]), folder=tmp_path, limit=99, idle=9):
            raise ZeroDivisionError
    assert not names_in(tmp_path)


async def test_an_empty_body_is_an_empty_file(tmp_path: Path) -> None:
    async with receive_body(stream([]), folder=tmp_path, limit=99, idle=9) as kept:
        assert (kept.size, kept.path.read_bytes()) == (0, b"")


async def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    async with receive_body(stream([b"x" * 7]), folder=tmp_path, limit=7, idle=9) as kept:
        assert kept.size == 7
    with pytest.raises(TooLarge) as error:
        async with receive_body(stream([b"x" * 7, b"x"]), folder=tmp_path, limit=7, idle=9):
            pass
    assert error.value.limit == 7
    assert not names_in(tmp_path)


async def test_a_body_that_stops_coming_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooSlow):
        async with receive_body(endless(), folder=tmp_path, limit=99, idle=0.01):
            pass
    assert not names_in(tmp_path)


@settings(max_examples=60, deadline=None)
@given(content=st.text("ab\r\n", max_size=12), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_the_tail_is_left_out_wherever_the_network_cuts(
    tmp_path_factory: pytest.TempPathFactory, content: str, cuts: list[int]
) -> None:
    whole, folder = content.encode(), tmp_path_factory.mktemp("incoming")
    places = [0, *sorted(cuts), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(places)]

    async def receive() -> tuple[bytes, int, str]:
        async with receive_body(stream(chunks), folder=folder, limit=99, idle=9, without_tail=b"\r\n") as kept:
            return kept.path.read_bytes(), kept.size, kept.digest

    wanted = b"".join(chunks).removesuffix(b"\r\n")
    assert asyncio.run(receive()) == (wanted, len(wanted), hashlib.sha256(wanted).hexdigest())


async def test_what_a_dead_process_left_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "0f.body").write_bytes(b"half")
    (tmp_path / "note.txt").write_bytes(b"mine")
    assert clear_away(tmp_path) == 1
    assert names_in(tmp_path) == ["note.txt"]
