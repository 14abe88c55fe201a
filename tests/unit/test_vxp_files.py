"""Where the file in a body ends, and the time stamp in a call: two forms that only the client library has."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agents.gateway.bodies import receive_body
from agents.gateway.uploads import Uploads
from agents.gateway.vxp.faults import EMPTY, WRONG_HASH, Fault
from agents.gateway.vxp.sending import LINE_END, file_fault, file_hash
from agents.gateway.vxp.timestamps import StampFault, read_stamp, stamp_fault, write_stamp
from tests.support.vxp_client import lossy_hash

MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  the zone follows


async def kept_of(body: bytes, folder: Path, stated: str, *, piece: int = 7) -> tuple[Fault | None, bytes]:
    """What is made of a body that comes in pieces, and the file as it would be submitted."""

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), piece):
            yield body[start : start + piece]

    async with receive_body(
        stream(), room=Uploads(folder, most=2**30, free=0), limit=2**20, idle=5, without_tail=LINE_END
    ) as kept:
        fault = file_fault(kept, stated)
        return fault, kept.path.read_bytes()


def test_a_byte_below_sixteen_is_printed_as_one_digit() -> None:
    digest = bytes([0x00, 0x0A, 0x10, 0xFF]) + bytes(28)
    assert file_hash(digest.hex()) == "0a10ff" + "0" * 28


@given(content=st.binary(max_size=200))
@example(content=b"")
def test_the_hash_of_any_file_is_the_one_that_the_library_prints(content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert file_hash(digest) == lossy_hash(content)
    assert file_hash(digest).replace("0", "") == digest.replace("0", "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(content=st.binary(min_size=1, max_size=60), tail=st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"\n", b"\r"]))
def test_a_file_with_a_line_end_behind_it_is_kept_without_that_one_line_end(
    tmp_path: Path, content: bytes, tail: bytes
) -> None:
    file = content + tail
    for stated in (lossy_hash(file), hashlib.sha256(file).hexdigest().upper()):
        assert asyncio.run(kept_of(file + LINE_END, tmp_path, stated)) == (None, file)
        # A client that adds nothing behind the file: its hash says so.
        assert asyncio.run(kept_of(file, tmp_path, stated)) == (None, file)


async def test_without_a_hash_one_line_end_is_taken_off(tmp_path: Path) -> None:
    assert await kept_of(b"<a/>\r\n\r\n", tmp_path, "") == (None, b"<a/>\r\n")
    assert await kept_of(b"<a/>", tmp_path, "") == (None, b"<a/>")


@pytest.mark.parametrize("body", [b"<b/>\r\n", b"<a/>\n\r\n", b"<a/> ", b"<a"])
async def test_a_file_that_is_not_the_signed_one_is_refused(tmp_path: Path, body: bytes) -> None:
    fault, _ = await kept_of(body, tmp_path, lossy_hash(b"<a/>"))
    assert fault is WRONG_HASH


@pytest.mark.parametrize("body", [b"", b"\r\n"])
async def test_no_file_at_all_is_told(tmp_path: Path, body: bytes) -> None:
    fault, _ = await kept_of(body, tmp_path, "")
    assert fault is EMPTY


@given(moment=MOMENTS)
def test_a_time_stamp_says_the_moment_to_the_millisecond(moment: datetime) -> None:
    read = read_stamp(write_stamp(moment))
    assert read is not None
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


def test_the_digits_behind_the_plus_are_milliseconds_and_no_zone() -> None:
    assert read_stamp("21112026T091548+0422") == datetime(2026, 11, 21, 2, 15, 48, 422_000, tzinfo=UTC)
    assert read_stamp("21112026T091548+0700") == datetime(2026, 11, 21, 2, 15, 48, 700_000, tzinfo=UTC)


@given(text=st.text(max_size=25))
@example(text="31022026T091548+0422")
@example(text="21112026T251548+0422")
@example(text="21112026T091548+1422")
@example(text="2111２026T091548+0422")
@example(text="00000000T000000+0000")
def test_what_is_no_time_stamp_is_told_from_one(text: str) -> None:
    if read_stamp(text) is None:
        now = datetime(2026, 11, 21, tzinfo=UTC)
        assert stamp_fault(text, now=now, age=timedelta(days=1)) is StampFault.MALFORMED
    else:
        assert len(text) == 20


@given(now=MOMENTS, moment=MOMENTS, age=st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_any_time_stamp_counts_within_its_age_and_never_raises(now: datetime, moment: datetime, age: timedelta) -> None:
    fault = stamp_fault(write_stamp(moment), now=now, age=age)
    if moment - now > timedelta(minutes=16):
        assert fault is StampFault.AHEAD
    elif now - moment > age + timedelta(seconds=1):
        assert fault is StampFault.OLD
    elif timedelta(0) <= now - moment < age - timedelta(milliseconds=1):
        assert fault is None
