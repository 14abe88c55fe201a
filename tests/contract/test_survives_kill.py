"""What a process was told is written is there after it was killed in the middle of its work."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from tests.contract.conftest import DATABASES, database_url

ROOT = Path(__file__).resolve().parents[2]
CONFIRMED = 200

WORKER = """
import sys
from pathlib import Path
from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.core.records import PutEvent, PutMessage
from tests.support.records import event, message

store, payloads = SqlStore(sys.argv[1]), FilePayloads(Path(sys.argv[2]), "victim")
for n in range(1_000_000):
    names = [f"{n}-{each}" for each in range(7)]
    references = payloads.append([name.encode() * 50 for name in names])
    with store.begin() as transaction:
        for name, reference in zip(names, references):
            sent = message(name, payload=reference)
            transaction.apply([PutMessage(sent), PutEvent(event("message.accepted", sent.id))])
    print(n, flush=True)
"""


@pytest.mark.parametrize("kind", DATABASES)
def test_every_confirmed_batch_is_whole_after_kill_9(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = database_url(kind, request, tmp_path)
    folder = tmp_path / "payloads"
    command = [sys.executable, "-c", WORKER, url, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        confirmed = [int(worker.stdout.readline()) for _ in range(CONFIRMED)]
        worker.kill()

    store, payloads = SqlStore(url), FilePayloads(folder, "after")
    names = [f"{n}-{each}" for n in confirmed for each in range(7)]
    with store.begin() as transaction:
        found = transaction.messages([f"m-{name}" for name in names])
    for name in names:
        assert payloads.read(found[f"m-{name}"].payload) == name.encode() * 50
    written = store.backlog().messages["accepted"]
    store.close()

    assert len(found) == len(names)
    assert written % 7 == 0  # a batch that was not confirmed is there as a whole or not at all
