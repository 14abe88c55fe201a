"""Bodies on their way to disk: whole, bounded, and gone when nobody needs them any more."""

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gateway.bodies import BATCH, TooLarge, TooSlow, receive_body
from agents.gateway.uploads import BODY, STALE, NoRoom, Uploads


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def a_room(folder: Path) -> Uploads:
    return Uploads(folder, most=10**9, free=0)


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def endless() -> AsyncIterator[bytes]:
    yield b"half"
    await asyncio.Event().wait()


async def test_a_body_is_in_a_file_with_its_size_and_digest(tmp_path: Path) -> None:
    content = b"x" * (BATCH + 10)
    async with receive_body(stream([content, b"y"]), room=a_room(tmp_path), limit=10**9, idle=9) as kept:
        assert kept.path.read_bytes() == content + b"y"
        assert kept.size == len(content) + 1
        assert kept.digest == hashlib.sha256(content + b"y").hexdigest()


async def test_only_this_user_may_read_the_file(tmp_path: Path) -> None:
    async with receive_body(stream([b"letter"]), room=a_room(tmp_path / "incoming"), limit=99, idle=9) as kept:
        assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700


async def test_the_file_is_gone_afterwards_whatever_happens_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with receive_body(stream([b"x"]), room=a_room(tmp_path), limit=99, idle=9):
            raise ZeroDivisionError
    assert not names_in(tmp_path)


async def test_an_empty_body_is_an_empty_file(tmp_path: Path) -> None:
    async with receive_body(stream([]), room=a_room(tmp_path), limit=99, idle=9) as kept:
        assert (kept.size, kept.path.read_bytes()) == (0, b"")


async def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    async with receive_body(stream([b"x" * 7]), room=a_room(tmp_path), limit=7, idle=9) as kept:
        assert kept.size == 7
    with pytest.raises(TooLarge) as error:
        async with receive_body(stream([b"x" * 7, b"x"]), room=a_room(tmp_path), limit=7, idle=9):
            pass
    assert error.value.limit == 7
    assert not names_in(tmp_path)


async def test_a_body_that_stops_coming_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooSlow):
        async with receive_body(endless(), room=a_room(tmp_path), limit=99, idle=0.01):
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
        async with receive_body(stream(chunks), room=a_room(folder), limit=99, idle=9, without_tail=b"\r\n") as kept:
            return kept.path.read_bytes(), kept.size, kept.digest

    wanted = b"".join(chunks).removesuffix(b"\r\n")
    assert asyncio.run(receive()) == (wanted, len(wanted), hashlib.sha256(wanted).hexdigest())


# ── All of them together ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_dead_process_left_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "0f.body").write_bytes(b"half")
    (tmp_path / "0f.parts").mkdir()
    (tmp_path / "0f.parts" / "part-0").write_bytes(b"half")
    (tmp_path / "note.txt").write_bytes(b"mine")
    assert a_room(tmp_path).sweep() == 2
    assert names_in(tmp_path) == ["note.txt"]


def test_what_was_abandoned_goes_after_a_while_and_what_is_worked_on_stays(tmp_path: Path) -> None:
    room = a_room(tmp_path)
    (tmp_path / "abandoned.body").write_bytes(b"half")
    with room.place(BODY) as (path, _):
        path.write_bytes(b"waits for its turn")
        changed = datetime.fromtimestamp((tmp_path / "abandoned.body").stat().st_mtime, UTC)
        assert room.sweep(now=changed + STALE / 2) == 0
        assert room.sweep(now=changed + STALE * 2) == 1
        assert names_in(tmp_path) == [path.name]


async def test_all_uploads_share_one_bound_and_give_back_what_they_took(tmp_path: Path) -> None:
    room = Uploads(tmp_path, most=10, free=0)
    async with receive_body(stream([b"x" * 6]), room=room, limit=99, idle=9):
        with pytest.raises(NoRoom) as told:
            async with receive_body(stream([b"x" * 5]), room=room, limit=99, idle=9):
                pass
        assert not told.value.disk
        async with receive_body(stream([b"x" * 4]), room=room, limit=99, idle=9) as kept:
            assert kept.size == 4
    async with receive_body(stream([b"x" * 10]), room=room, limit=99, idle=9) as kept:
        assert kept.size == 10
    assert not names_in(tmp_path)


async def test_what_must_stay_free_of_the_disk_is_left_alone_before_anything_is_read(tmp_path: Path) -> None:
    room = Uploads(tmp_path, most=10**9, free=2**62)
    with pytest.raises(NoRoom) as told:
        async with receive_body(endless(), room=room, limit=99, idle=9):
            pass
    assert told.value.disk
    assert not names_in(tmp_path)
