"""The first use of a schema by many threads at once. libxml2 prepares itself when it first compiles one."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lxml import etree

from edxml_schemas.checks import engines

THREADS = 8
FIRST_USE = """
import sys, threading
from edxml_schemas.checks.engines import compiled
sys.setswitchinterval(1e-6)
gate, wrong = threading.Barrier(8), []
def ask(name):
    gate.wait(timeout=30)
    try:
        compiled(name)
    except Exception as problem:
        wrong.append(repr(problem))
threads = [threading.Thread(target=ask, args=(("edxml.xsd", "receipt.xsd")[each % 2],)) for each in range(8)]
for each in threads: each.start()
for each in threads: each.join()
sys.exit("; ".join(wrong) or 0)
"""


class Watched:
    """Compiles as lxml does, and counts how many do so at once."""

    def __init__(self) -> None:
        self.now = self.most = self.made = 0
        self._counting = threading.Lock()
        self._compile = etree.XMLSchema

    def __call__(self, tree: etree._Element) -> Any:
        with self._counting:
            self.now += 1
            self.made += 1
            self.most = max(self.most, self.now)
        try:
            return self._compile(tree)
        finally:
            with self._counting:
                self.now -= 1


def test_schemas_are_compiled_by_one_thread_at_a_time_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(etree, "XMLSchema", watched)
    engines._compiled.cache_clear()
    gate = threading.Barrier(THREADS)

    def ask(number: int) -> engines.Compiled:
        gate.wait(timeout=30)
        return engines.compiled(("edxml.xsd", "receipt.xsd")[number % 2])

    with ThreadPoolExecutor(THREADS) as threads:
        found = set(map(id, threads.map(ask, range(THREADS))))
    assert len(found) == 2
    assert watched.most == 1
    assert watched.made == 4  # two schemas, each for verdicts and for words


@pytest.mark.parametrize("process", range(4))
def test_a_process_whose_threads_all_begin_with_a_schema_gets_it(process: int) -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), process
