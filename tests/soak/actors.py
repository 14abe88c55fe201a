"""Processes of the stage: started, killed, started again; none of them outlives the rig."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.broker import Guarded

ROOT: Final = Path(__file__).parents[2]
CLOCK: Final = Path(__file__).parent / "clock"
UNLIMITED: Final = resource.RLIM_INFINITY


class Actor:
    """One command that is started again and again. Its words go through a pipe to `log`: the limits that the rig puts
    on a process's files must not reach its log."""

    def __init__(self, name: str, module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self.command = [sys.executable, "-m", module, *arguments]
        inherited = {each: value for each, value in os.environ.items() if not each.startswith("TRUC_")}
        paths = {"PYTHONPATH": os.pathsep.join((str(CLOCK), str(ROOT))), "PYTHONUNBUFFERED": "1"}
        self.environment = {**inherited, **paths, **environment}
        self._guarded: Guarded | None = None
        self._scribes: list[subprocess.Popen[bytes]] = []

    @property
    def running(self) -> bool:
        return self._guarded is not None and self._guarded.process.poll() is None

    @property
    def code(self) -> int | None:
        """With which it ended; None while it runs, and when it never did."""
        return None if self._guarded is None else self._guarded.process.poll()

    @property
    def pid(self) -> int:
        if self._guarded is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._guarded.process.pid

    def start(self) -> None:
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        try:
            with self.log.open("ab") as file:
                scribe = subprocess.Popen(["cat"], stdin=reading, stdout=file, start_new_session=True)
            into = Path(f"/dev/fd/{writing}")
            self._guarded = Guarded(self.command, environment=self.environment, folder=ROOT, log=into)
        finally:
            os.close(reading)
            os.close(writing)
        self._scribes = [each for each in self._scribes if each.poll() is None] + [scribe]
        self.starts += 1

    def kill(self) -> int:
        """With signal 9; the process id."""
        pid = self.pid
        self._end(signal.SIGKILL)
        return pid

    def stop(self) -> None:
        """In good order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._guarded is not None:
            self._guarded.end(how)
            self._guarded = None

    def close(self) -> None:
        self._end(signal.SIGKILL)
        for scribe in self._scribes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                scribe.wait(5)
            scribe.kill()
            scribe.wait()

    def children(self) -> Sequence[int]:
        """Process ids of what this one has started and not yet buried."""
        if not self.running:
            return ()
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        try:
            return [int(each) for each in path.read_text(encoding="ascii").split()]
        except OSError:
            return ()

    def end_of_log(self, characters: int = 3000) -> str:
        return self.log.read_text("utf-8", "replace")[-characters:] if self.log.exists() else ""


def limit_files(pids: Sequence[int], most: int | None) -> int:
    """Let these processes write no file beyond `most` bytes (None: as they like); how many of them were there.

    To them it is as a full disk: what does not fit fails, with EFBIG.
    """
    reached = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED if most is None else most, hard))
            reached += 1
    return reached


def kill_pid(pid: int) -> bool:
    """Signal 9; whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
