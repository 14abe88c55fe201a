"""A process that ends when its parent does."""

import subprocess
import sys

CHILD = """
import sys, threading
from router.adapters.parent_process import end_with_parent
end_with_parent(sys.stdin.fileno(), lambda: print("asked", flush=True), grace={grace})
print("started", flush=True)
{then}
"""
STUCK = "threading.Event().wait()"
BUSY = "while True: pass"


def child(grace: float, then: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(grace=grace, then=then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def test_a_process_that_is_stuck_or_busy_ends_after_its_parent_did() -> None:
    for then in (STUCK, BUSY):
        process = child(0.1, then)
        said, _ = process.communicate(timeout=30)  # closes its standard input
        assert (said, process.returncode) == ("asked\n", 1)


def test_what_ends_by_itself_in_time_ends_well() -> None:
    process = child(60, "sys.exit(0 if sys.stdin.read() == '' else 2)")
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_what_the_parent_says_is_no_end() -> None:
    process = child(0.1, STUCK)
    assert process.stdin is not None
    process.stdin.write("still here\n")
    process.stdin.flush()
    assert process.poll() is None
    process.communicate(timeout=30)
    assert process.returncode == 1
