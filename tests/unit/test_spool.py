"""The spool: nothing is shown twice, nothing is forgotten, wherever a process dies."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import SpoolUnavailable
from agents.spool import Spool
from agents.spool.bodies import ROW_BYTES
from agents.spool.records import NewDelivery, NewSubmission, StoredReceipt, SubmissionKind, SubmissionState
from edxml_schemas.contract import MessageType, Urgency

NOW = datetime(2026, 10, 1, 2, tzinfo=UTC)


def submission(name: str = "s-1", content: bytes = b"<edXML/>") -> NewSubmission:
    return NewSubmission(
        submission_id=name,
        kind=SubmissionKind.DOCUMENT,
        type=MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        envelope=content,
        created_at=NOW,
    )


def delivery(leg: str = "leg-1", content: bytes = b"<edXML/>") -> NewDelivery:
    return NewDelivery(
        leg_id=leg,
        message_id="m-1",
        type=MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        recipient="H41",
        sender="G22",
        envelope=content,
        digest=hashlib.sha256(content).hexdigest(),
        received_at=NOW,
    )


def receipt(name: str = "s-1", kind: str = "accepted") -> StoredReceipt:
    return StoredReceipt(
        receipt_id=f"r-{name}", submission_id=name, kind=kind, duplicate=False, body=b"<r/>", received_at=NOW
    )


@pytest.mark.parametrize("size", [10, ROW_BYTES + 1])
def test_an_envelope_outlives_the_process(tmp_path: Path, size: int) -> None:
    content = b"x" * size
    with Spool.open(tmp_path) as spool:
        spool.add_submission(submission(content=content))
    with Spool.open(tmp_path) as spool:
        kept = spool.submission("s-1")
        assert kept is not None
        assert spool.envelope(kept.digest) == content


def test_damaged_bytes_are_noticed(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_submission(submission(content=b"x" * (ROW_BYTES + 1)))
        (path,) = [each for each in (tmp_path / "envelopes").rglob("*") if each.is_file()]
        path.write_bytes(b"y")
        with pytest.raises(SpoolUnavailable):
            spool.envelope(path.name)


def test_a_leg_is_shown_once_with_one_arrival(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        assert spool.add_delivery(delivery(), submission("arrival"))
        assert not spool.add_delivery(delivery(), submission("arrival-2"))
        assert len(spool.documents()) == len(spool.find_submissions()) == 1


def test_a_receipt_that_is_quicker_than_the_confirm_stands(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_submission(submission())
        spool.add_receipt(receipt())
        spool.mark_published(["s-1"], now=NOW)
        kept = spool.submission("s-1")
        assert kept is not None
        assert (kept.state, kept.outcome) == (SubmissionState.ANSWERED, "accepted")


def test_a_failed_attempt_waits_until_its_time(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_submission(submission())
        spool.mark_failed("s-1", "broker away", retry_at=NOW + timedelta(seconds=9))
        assert not spool.due(now=NOW, limit=9)
        assert spool.due(now=NOW + timedelta(seconds=9), limit=9)


def test_another_process_is_noticed(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as one, Spool.open(tmp_path) as other:
        before = one.changes()
        other.add_submission(submission())
        assert one.changes() != before


def test_a_spool_of_a_later_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    Spool.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "spool.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(SpoolUnavailable):
        Spool.open(tmp_path)


def test_two_deliveries_never_share_a_place(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_delivery(delivery("a"))
        spool.add_delivery(replace(delivery("b"), message_id="m-2"))
        assert spool.reserve_place("a", "H41/x") == spool.reserve_place("a", "H41/y") == "H41/x"
        assert spool.reserve_place("b", "H41/x") == "H41/x~2"


STEPS: tuple[Callable[[Spool], object], ...] = (
    lambda spool: spool.add_submission(submission()),
    lambda spool: spool.mark_published(["s-1"], now=NOW),
    lambda spool: spool.add_receipt(receipt()),
    lambda spool: spool.add_delivery(delivery(), submission("arrival")),
    lambda spool: spool.mark_reported(["leg-1"], now=NOW),
    lambda spool: spool.mark_taken("leg-1", now=NOW),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, len(STEPS) - 1), max_size=4))
def test_steps_repeated_after_any_restart_end_in_the_same_state(repeats: list[int]) -> None:
    with TemporaryDirectory() as folder:
        for number in range(len(STEPS)):
            # What was not marked before a crash is done again, in any order, but never before it was done once.
            for again in (number, *(each for each in repeats if each <= number)):
                with Spool.open(Path(folder)) as spool:
                    STEPS[again](spool)
        with Spool.open(Path(folder)) as spool:
            kept = spool.submission("s-1")
            item = spool.item("leg-1")
            assert kept is not None
            assert item is not None
            assert (kept.state, kept.outcome, kept.shown_version) == (SubmissionState.ANSWERED, "accepted", 0)
            assert (item.reported_at, item.taken_at) == (NOW, NOW)
            assert len(spool.find_submissions()) == 2
            assert len(spool.receipts_of("s-1")) == 1


def test_closing_waits_for_whoever_still_asks(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool")
    with spool._watching:  # as a thread does that was left behind by a cancelled loop
        closing = threading.Thread(target=spool.close)
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
    closing.join(10)
    assert not closing.is_alive()
    with pytest.raises(SpoolUnavailable):
        spool.changes()
