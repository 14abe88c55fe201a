"""One line per message in the log, with everything about it."""

import json

import pytest
import structlog

from edxml_schemas.findings import FindingCode, finding
from router import logs
from router.core.records import MessageState
from router.services.verdicts.ingest import Settled
from router.services.work.batch import Batch, tell
from tests.support.records import event, message


@pytest.fixture(autouse=True)
def _as_it_was() -> object:
    yield
    structlog.reset_defaults()


def test_each_message_is_one_line_with_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    good = Settled(
        message=message("a", sender="H41"),
        events=tuple(event(name, "m-a") for name in ("message.accepted", "leg.queued", "leg.held")),
    )
    faults = (finding(FindingCode.SIGNATURE_VALUE),)
    bad = Settled(message=message("b", state=MessageState.REFUSED, findings=faults))
    log = logs.logger("worker", worker="w1")

    tell(log, Batch(), [good, bad], publishing=2, examining=0.0123, committing=0.004)

    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["event"], first["worker"], first["level"]) == ("message", "w1", "info")
    assert (first["message_id"], first["sender"], first["recipients"], first["state"]) == ("m-a", "H41", 2, "accepted")
    assert (first["examine_ms"], first["commit_ms"], first["batch"]) == (12.3, 4.0, 2)
    assert (second["state"], second["findings"]) == ("refused", ["signature.value-mismatch"])
    assert first["timestamp"].endswith("Z")


def test_at_a_desk_the_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=False)
    tell(logs.logger("worker"), Batch(), [Settled(message=message("a"))], publishing=0, examining=0, committing=0)
    told = capsys.readouterr().err
    assert "m-a" in told
    assert not told.startswith("{")
