"""`make soak`, a small one: 500 documents, at least 15 processes killed, and every document accounted for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.broker_fixture import needs_rabbitmq

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(700)]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = 500
KILLS = 16
SEED = 28


def test_500_documents_survive_15_kills_and_everything_else(tmp_path: Path) -> None:
    needs_rabbitmq()
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.soak", "--docs", str(DOCUMENTS), "--kills", str(KILLS)]
    command += ["--seed", str(SEED), "--folder", str(tmp_path / "runs"), "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(report.read_text("utf-8"))
    counts = said["counts"]
    assert said["kills"] >= KILLS - 1
    assert all(said["killed"][who] for who in ("worker", "agent", "supervisor", "broker"))
    assert set(said["wrong"].values()) == {0}
    assert counts["documents submitted"] == counts["accepted"] + counts["duplicates"] + counts["refused"] > DOCUMENTS
    assert counts["refused"] > 0 < counts["duplicates"]
    assert counts["legs of what was accepted"] == counts["delivered"] + counts["held"] + counts["parked"]
    assert counts["held"] > 0
