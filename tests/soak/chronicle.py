"""A line for everything that the rig does, on stderr and beside the run."""

import sys
import time
from collections import Counter
from pathlib import Path


class Chronicle:
    """`done` counts misfortunes by name; `killed` counts processes that got signal 9."""

    def __init__(self, path: Path, *, quiet: bool = False) -> None:
        self._path = path
        self._quiet = quiet
        self._began = time.monotonic()
        self.done: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def tell(self, what: str) -> None:
        line = f"{self.seconds:7.1f} s  {what}"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if not self._quiet:
            sys.stderr.write(line + "\n")

    def happened(self, name: str, detail: str = "") -> None:
        self.done[name] += 1
        self.tell(f"{name}{': ' if detail else ''}{detail}")

    def kill(self, who: str, detail: str = "") -> None:
        self.killed[who] += 1
        self.happened(f"kill-{who}", detail)
