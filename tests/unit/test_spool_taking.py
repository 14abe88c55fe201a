"""The spool of document systems: older spools keep what they hold, and marks are whole or not at all."""

from datetime import timedelta
from pathlib import Path

import pytest

from agents.errors import SpoolUnavailable
from agents.spool import Spool
from agents.spool.records import NewSubmission, Taking
from agents.spool.schema import MIGRATIONS
from agents.spool.taking import WAITING
from tests.support.spools import make_older
from tests.unit.test_spool import NOW, delivery, receipt, submission


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_spool_of_any_earlier_version_keeps_what_it_holds(tmp_path: Path, version: int) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_submission(submission())
        spool.add_receipt(receipt())
        for leg in ("leg-1", "leg-2"):
            spool.add_delivery(delivery(leg, content=leg.encode()))
        spool.mark_taken("leg-1", now=NOW)
    make_older(tmp_path, version)
    with Spool.open(tmp_path) as spool:
        kept = spool.submission("s-1")
        assert kept is not None
        assert (kept.outcome, kept.caller, kept.offered, kept.original, kept.vouched) == ("accepted", "", "", "", None)
        came = spool.came(["H41"], now=NOW)
        assert [(each.leg_id, each.taking(NOW)) for each in came] == [("leg-1", Taking.TAKEN), ("leg-2", Taking.NEW)]
        assert spool.envelope(came[1].digest) == b"leg-2"
        assert spool.lease("leg-2", by="key-1", until=NOW + timedelta(seconds=9), now=NOW) is not None
        assert spool.mark_taken("leg-2", now=NOW, by="key-1") is not None


def test_a_lease_that_ended_is_new_again_and_free_for_all(tmp_path: Path) -> None:
    later = NOW + timedelta(seconds=9)
    with Spool.open(tmp_path) as spool:
        spool.add_delivery(delivery())
        spool.lease("leg-1", by="key-1", until=later, now=NOW)
        for moment, wanted in ((NOW, Taking.LEASED), (later, Taking.NEW)):
            (item,) = spool.came(["H41"], now=moment, states={wanted})
            assert item.taking(moment) is wanted
        again = spool.lease("leg-1", by="key-2", until=later + timedelta(seconds=9), now=later)
        assert again is not None
        assert again.lease_by == "key-2"


def test_every_state_is_chosen_by_what_an_item_says_of_itself(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        for leg in ("new", "leased", "taken", "failed"):
            spool.add_delivery(delivery(leg, content=leg.encode()))
        spool.lease("leased", by="k", until=NOW + timedelta(seconds=9), now=NOW)
        spool.mark_taken("taken", now=NOW, by="k")
        spool.mark_given_up("failed", now=NOW, by="k")
        for state in Taking:
            for item in spool.came(["H41"], now=NOW, states={state}):
                assert item.taking(NOW) is state
        chosen = [each.leg_id for state in Taking for each in spool.came(["H41"], now=NOW, states={state})]
        assert chosen == ["new", "leased", "taken", "failed"]
        assert spool.how_many_came(["H41"], now=NOW, states=WAITING) == 2


def test_the_agencys_own_desk_is_held_up_by_no_lease(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_delivery(delivery())
        spool.lease("leg-1", by="key-1", until=NOW + timedelta(seconds=9), now=NOW)
        marked = spool.mark_taken("leg-1", now=NOW)
        assert marked is not None
        assert marked[1]


def test_a_mark_and_what_is_said_with_it_are_durable_together(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        spool.add_delivery(delivery())
        broken = submission("arrival", content=b"x")
        with pytest.raises(SpoolUnavailable):
            spool.mark_given_up("leg-1", now=NOW, by="key-1", said=_unkeepable(broken))
        (item,) = spool.came(["H41"], now=NOW)
        assert item.taking(NOW) is Taking.NEW


def _unkeepable(new: NewSubmission) -> NewSubmission:
    object.__setattr__(new, "document_id", None)  # which the database does not take
    return new
