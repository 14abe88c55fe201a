"""Places among the news of a spool: nobody misses a receipt because others were cleared away."""

import sqlite3
from datetime import timedelta
from pathlib import Path

from agents.spool import Spool
from agents.spool.news import Place, latest, news_since
from agents.spool.selftests import forget
from tests.support.spools import make_older
from tests.unit.test_spool import NOW, receipt, submission

ORGANS = {submission().organ}
BEFORE = 5
"""The version in which places were the numbers of rows."""


def told(spool: Spool, place: Place) -> tuple[list[str], Place]:
    news, reached = news_since(spool, place, organs=ORGANS)
    return [each.submission_id for each in news], reached


def sent_and_answered(spool: Spool, name: str) -> None:
    spool.add_submission(submission(name))
    assert spool.add_receipt(receipt(name))


def test_a_receipt_after_others_were_cleared_away_gets_no_number_that_was_passed(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        for name in ("a", "b"):
            sent_and_answered(spool, name)
        passed = latest(spool)
        assert forget(spool, before=NOW + timedelta(days=1), everything=True) == 2
        sent_and_answered(spool, "c")
        assert told(spool, passed)[0] == ["c"]
        assert told(spool, Place())[0] == ["c"]


def test_nothing_is_told_twice_to_who_looked_while_the_spool_was_empty(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        sent_and_answered(spool, "a")
        forget(spool, before=NOW + timedelta(days=1), everything=True)
        heard, place = told(spool, Place(inbox=0, receipts=1))
        assert heard == []
        sent_and_answered(spool, "b")
        heard, place = told(spool, place)
        assert heard == ["b"]
        assert told(spool, place) == ([], place)


def test_places_of_an_older_spool_stay_what_they_were(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        for name in ("a", "b"):
            sent_and_answered(spool, name)
        place = Place(inbox=0, receipts=1)
        assert told(spool, place)[0] == ["b"]
    make_older(tmp_path, BEFORE)
    with Spool.open(tmp_path) as spool:
        assert told(spool, place)[0] == ["b"]
        sent_and_answered(spool, "c")
        assert told(spool, place)[0] == ["b", "c"]


def test_a_place_goes_with_its_receipt_and_a_repeated_receipt_makes_none(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        sent_and_answered(spool, "a")
        assert not spool.add_receipt(receipt("a"))
        assert _places(tmp_path) == ["r-a"]
        forget(spool, before=NOW + timedelta(days=1), everything=True)
        assert _places(tmp_path) == []


def _places(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "spool.db") as database:
        return [row[0] for row in database.execute("SELECT receipt_id FROM receipt_places")]
