"""What is sent may be larger than what there is of memory for it."""

import asyncio
import hashlib
import re
from pathlib import Path

import pytest

from tests.integration.test_gateway_limits import CHUNKED, MEGABYTE, bare, wire

SENT = 200
"""Megabytes of one body."""
SHARE = 4
"""The growth of memory stays below the body's size divided by this."""

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")

pytestmark = pytest.mark.skipif(not CLEAR.exists(), reason="the peak of memory is asked of Linux")


def peak() -> int:
    """The most memory that this process ever had resident since `forget_peak`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget_peak() -> None:
    CLEAR.write_text("5")


@pytest.mark.parametrize("chunked", [False, True])
async def test_memory_does_not_grow_with_the_body(tmp_path: Path, chunked: bool) -> None:
    piece = bytes(range(256)) * (MEGABYTE // 256)
    async with bare(tmp_path) as server, wire(server.port) as large:
        head = b"POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (SENT * MEGABYTE)
        await large.send(CHUNKED if chunked else head)
        forget_peak()
        before = peak()
        digest = hashlib.sha256()
        for _ in range(SENT):
            await large.send(b"%x\r\n%b\r\n" % (MEGABYTE, piece) if chunked else piece)
            digest.update(piece)
        if chunked:
            await large.send(b"0\r\n\r\n")
        async with asyncio.timeout(120):
            _, told = await large.answer()
        grown = peak() - before
    assert told["text"] == f"{SENT * MEGABYTE} {digest.hexdigest()}"
    assert grown < SENT * MEGABYTE // SHARE
