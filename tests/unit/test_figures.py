"""Figures: medians, periods, the tree, the sums of a happening, and what the commands say of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from router.adapters.memory_figures import MemoryFigures
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.store import SqlStore
from router.cli import main
from router.commands.top import as_dict, bars
from router.core.figures import Cell, Happening, Kind, kind_of, months_between, span_bin, tallied
from router.core.people import EVERYTHING, Scope
from router.core.registry import OrganRecord, Registry
from router.core.summaries import median_of, summed_up
from router.ports import StoreUnavailable
from router.services.figures.counting import Counting
from router.services.figures.exports import harmless
from router.services.figures.overview import overview
from router.services.figures.readings import Readings
from router.services.figures.remembered import Kept, Remembered
from router.services.figures.statistics import months_before, statistics
from tests.support.console import Hands
from tests.support.hub_tables import make_tables
from tests.support.records import MINUTE, NOON

HOUR = timedelta(hours=1)
HAPPENED = Happening(
    seq=1,
    name="message.accepted",
    at=NOON,
    facts={},
    sender="H1",
    kind=Kind.NEW,
    received_at=NOON - timedelta(seconds=3),
)


@pytest.mark.parametrize("seconds", [1, 2, 59, 600, 7200, 86_400, 30 * 86_400])
def test_a_median_is_off_by_less_than_five_per_cent(seconds: int) -> None:
    found = median_of({span_bin(timedelta(seconds=seconds)): 3})
    assert found is not None
    assert abs(found.total_seconds() - seconds) <= max(0.05 * seconds, 0.5)


def test_a_median_is_the_one_in_the_middle() -> None:
    bins = {span_bin(timedelta(seconds=each)): count for each, count in ((10, 2), (1000, 1), (100_000, 2))}
    assert median_of(bins) == median_of({span_bin(timedelta(seconds=1000)): 1})
    assert median_of({}) is None


def test_a_negative_span_is_none_at_all() -> None:
    assert span_bin(timedelta(seconds=-5)) == span_bin(timedelta(0)) == 0


def test_a_day_begins_at_midnight_in_vietnam() -> None:
    late = replace(HAPPENED, received_at=datetime(2026, 2, 28, 17, 0, tzinfo=UTC))
    assert {cell.period for cell in tallied([late])} == {"2026-03", "2026-03-01", "2026-03-01T00", "2026-03-01T00:00"}


def test_a_verdict_stands_in_the_first_bucket_that_holds_it() -> None:
    sums = tallied([HAPPENED])
    assert sums[Cell("2026-03", "", "new", "verdict:5")] == 1
    assert sums[Cell("2026-03", "", "new", "verdict:ms")] == 3000
    forever = tallied([replace(HAPPENED, received_at=NOON - timedelta(days=9))])
    assert forever[Cell("2026-02", "", "new", "verdict:inf")] == 1


@pytest.mark.parametrize(
    ("signed", "measure"), [(date(2026, 3, 2), "same-day"), (date(2026, 3, 1), "later-day"), (date(2026, 3, 3), "")]
)
def test_the_rule_of_the_same_day_counts_new_documents(signed: date, measure: str) -> None:
    sent = replace(HAPPENED, promulgation_date=signed, arrived_on=date(2026, 3, 2))
    measures = {cell.measure for cell in tallied([sent, replace(sent, kind=Kind.REVOKE)]) if cell.organ == "H1"}
    assert measures - {"sent"} == ({measure} if measure else set())


def test_06_counts_as_in_time_up_to_the_end_of_the_due_date() -> None:
    finished = replace(HAPPENED, name="leg.status", facts={"code": "06"}, recipient="H2", due_date=date(2026, 3, 2))
    in_time = replace(finished, at=datetime(2026, 3, 2, 16, 59, tzinfo=UTC))
    too_late = replace(finished, at=datetime(2026, 3, 2, 17, 1, tzinfo=UTC))
    assert tallied([in_time, too_late])[Cell("2026-03", "H2", "new", "due-met")] == 1


def test_what_a_status_repeats_and_events_that_are_not_counted_add_nothing() -> None:
    said = replace(HAPPENED, name="leg.status", facts={"code": "03"}, recipient="H2", first=False)
    assert tallied([said, replace(HAPPENED, name="leg.forwarded")]) == {}


@pytest.mark.parametrize(
    ("message_type", "doc_type", "kind"),
    [("edoc", 0, "new"), ("edoc", 3, "replace"), ("edoc", 9, "new"), ("status", 0, "status")],
)
def test_messages_are_of_one_kind(message_type: str, doc_type: int, kind: str) -> None:
    assert kind_of(message_type, doc_type).value == kind


def test_statuses_are_counted_by_themselves() -> None:
    found = summed_up([("new", "sent", 2), ("status", "sent", 5)])
    assert (found.sent, found.sent_by_kind) == (2, {"new": 2, "status": 5})
    assert (found.electronic, found.on_time_share, found.median_03) == (None, None, None)


def test_months_go_over_the_end_of_a_year() -> None:
    assert months_between("2025-11", "2026-02") == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert months_between("2026-02", "2026-01") == ()
    assert months_before("2026-02", 3) == ("2025-12", "2026-01", "2026-02")


# ── The tree ────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_registry(*pairs: tuple[str, str]) -> Registry:
    organs = [OrganRecord(code=code, name=code.lower(), parent=parent) for code, parent in pairs]
    return Registry.of(version=1, organs=organs, agents=(), bindings=())


def lines_of(registry: Registry, scope: Scope = EVERYTHING, *, root: str = "") -> dict[str, int]:
    figures = MemoryFigures(MemoryStore())
    cells = {Cell("2026-03", code, "new", "sent"): 1 for code in [*registry.organs, "GONE"]}
    figures.add(cells, after=0, upto=1)
    found = statistics(figures, registry, scope, root=root, first="2026-03", last="2026-03", now=NOON)
    return {} if found is None else {each.organ: each.summary.sent for each in found.lines}


def test_communes_add_up_to_districts_and_provinces() -> None:
    registry = a_registry(("P", ""), ("D1", "P"), ("D2", "P"), ("C1", "D1"), ("C2", "D1"), ("M", ""))
    assert lines_of(registry) == {"P": 5, "M": 1, "GONE": 1}
    assert lines_of(registry, root="P") == {"P": 1, "D1": 3, "D2": 1}
    assert lines_of(registry, root="D1") == {"D1": 1, "C1": 1, "C2": 1}


def test_an_organ_whose_parent_is_unknown_stands_at_the_top() -> None:
    assert lines_of(a_registry(("A", "nowhere"), ("B", "A"))) == {"A": 2, "GONE": 1}


def test_a_circle_in_the_registry_ends() -> None:
    found = lines_of(a_registry(("A", "B"), ("B", "A"), ("C", "C")))
    assert sum(found.values()) == 4


def test_who_sees_two_subtrees_sees_both_and_nothing_between() -> None:
    registry = a_registry(("P", ""), ("D1", "P"), ("D2", "P"), ("C1", "D1"))
    assert lines_of(registry, Scope(frozenset({"C1", "D2"}))) == {"C1": 1, "D2": 1}
    assert lines_of(registry, Scope(frozenset({"C1"})), root="P") == {}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert (harmless("H26"), harmless(-3), harmless(None)) == ("H26", -3, None)


# ── The commands ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    make_tables(url)
    monkeypatch.setenv("TRUC_DATABASE_URL", url)
    monkeypatch.setenv("TRUC_AMQP_URL", "amqp://nobody@127.0.0.1:1/")
    monkeypatch.chdir(tmp_path)
    store = SqlStore(url)
    store.put_organs([OrganRecord(code="H26", name="Tỉnh Bắc Ninh")])
    SqlFigures(store.engine).add({Cell("2026-03", each, "new", "sent"): 7 for each in ("", "H26")}, after=0, upto=0)
    store.close()
    return url


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.usefixtures("database")
def test_stats_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "stats", "--month", "2026-03", "--json")
    assert (code, json.loads(out)["lines"][0]["sent"]) == (0, 7)
    assert "Tỉnh Bắc Ninh" in run(capsys, "stats", "--month", "2026-03")[1]
    assert "H26,Tỉnh Bắc Ninh,1,7" in run(capsys, "stats", "--month", "2026-03", "--csv")[1]


@pytest.mark.usefixtures("database")
def test_stats_tells_what_is_not_there_and_what_is_no_month(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "stats", "--organ", "X")[0] == 1
    assert run(capsys, "stats", "--month", "2026-13")[0] == 2
    assert run(capsys, "stats", "--month", "2026-01", "--since", "2026-02")[0] == 2


def test_stats_counts_the_log_anew(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "stats", "--month", "2026-03", "--recount", "--json")
    assert (code, json.loads(out)["whole"]["sent"]) == (0, 0)
    store = SqlStore(database)
    assert SqlFigures(store.engine).totals() == ()
    store.close()


@pytest.mark.usefixtures("database")
def test_stats_writes_a_workbook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(capsys, "stats", "--month", "2026-03", "--excel", str(tmp_path / "x.xlsx"))
    assert (code, (tmp_path / "x.xlsx").read_bytes()[:2]) == (0, b"PK")


@pytest.mark.usefixtures("database")
def test_top_says_when_the_broker_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "top", "--json")
    told = json.loads(out)
    assert (code, told["parts"]["database"], told["workers"], told["queues"]) == (1, "ok", None, [])
    code, out = run(capsys, "top", "--once")
    assert (code, "Quá hạn / overdue" in out) == (1, True)


async def test_top_shows_what_the_overview_shows() -> None:
    store = MemoryStore()
    figures, clock = MemoryFigures(store), Hands(NOON)
    figures.add({Cell("2026-03-02T18:58", "", "new", "sent"): 5}, after=0, upto=1)
    seen = overview(figures, store.registry(), EVERYTHING, now=NOON)
    told = as_dict("truc", await Readings(figures, clock=clock).read(), seen)
    assert (told["last_hour"], told["minutes"][-3:]) == (5, [5, 0, 0])
    assert bars([0, 1, 2]) == "▁▄█"
    assert bars([]) == ""


def test_a_small_month_reckoned_by_hand() -> None:
    """H1 sends four documents, three of them without paper, three on the day of signing, to H2 and H3: six copies. H2
    answers its four after 1, 2, 3 and 40 hours, the last one late; H3 gives one back, and lets the deadline of the
    other pass. A status is no document."""
    signed = date(2026, 3, 2)
    sent = replace(HAPPENED, received_at=NOON, promulgation_date=signed, arrived_on=signed, facts={"paper": "0"})
    with_paper = replace(sent, facts={"paper": "1"}, promulgation_date=date(2026, 3, 1))
    copy = replace(HAPPENED, name="leg.queued", received_at=NOON, recipient="H2")
    other = replace(copy, recipient="H3")
    late = {"deadline": "not-received"}
    hours = (1, 2, 3, 40)
    happened = [
        *(sent, sent, sent, with_paper, replace(sent, kind=Kind.STATUS)),
        *([copy] * 4 + [other] * 2),
        *(replace(copy, name="leg.status", at=NOON + each * HOUR, facts={"code": "03"}) for each in hours),
        replace(copy, name="leg.overdue", facts=late),
        replace(copy, name="leg.back-in-time", facts=late),
        replace(other, name="leg.status", at=NOON + HOUR, facts={"code": "02"}),
        replace(other, name="leg.overdue", facts=late),
    ]
    of = {
        organ: summed_up(
            (cell.kind, cell.measure, value)
            for cell, value in tallied(happened).items()
            if (cell.organ, cell.period) == (organ, "2026-03")
        )
        for organ in ("", "H1", "H2", "H3")
    }
    for sender in ("", "H1"):
        assert (of[sender].sent, of[sender].copies, of[sender].electronic, of[sender].same_day) == (4, 6, 0.75, 0.75)
    assert (of["H2"].received, of["H2"].answered, of["H2"].on_time, of["H2"].late) == (4, 4, 3, 1)
    assert of["H2"].on_time_share == 0.75
    assert of["H2"].median_03 is not None
    assert of["H2"].median_03 / HOUR == pytest.approx(2, rel=0.05)
    assert (of["H3"].received, of["H3"].given_back, of["H3"].on_time, of["H3"].late) == (2, 1, 1, 1)
    assert (of[""].received, of[""].answered, of[""].on_time, of[""].late) == (6, 5, 4, 2)


# ── What is kept for a while ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_is_given_out_until_it_is_too_old_and_reckoned_anew_behind_the_asker() -> None:
    waiting: list[Callable[[], None]] = []
    kept: Remembered[int] = Remembered(Kept(fresh=MINUTE, longest=5 * MINUTE), spawn=waiting.append, most=2)
    values = iter(range(10))

    def at(minutes: float, key: str = "a") -> int:
        return kept.get(key, lambda: next(values), now=NOON + minutes * MINUTE)[1]

    assert [at(0), at(0.5)] == [0, 0]
    assert [at(2), at(2), len(waiting)] == [0, 0, 1]
    waiting.pop()()
    assert [at(2), at(8)] == [1, 2]
    assert [at(8, "b"), at(8, "c"), at(8)] == [3, 4, 5]  # the first was forgotten for them


def test_what_fails_is_not_kept_and_an_older_value_outlives_it() -> None:
    kept: Remembered[int] = Remembered(Kept(fresh=MINUTE, longest=5 * MINUTE), spawn=lambda work: work())

    def away() -> int:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        kept.get("a", away, now=NOON)
    assert kept.get("a", lambda: 1, now=NOON) == (NOON, 1)
    assert kept.get("a", away, now=NOON + 2 * MINUTE) == (NOON, 1)
    assert kept.get("a", lambda: 2, now=NOON + 3 * MINUTE) == (NOON, 1)
    assert kept.get("a", away, now=NOON + 3 * MINUTE)[1] == 2


def test_counting_an_empty_log_ends_at_once() -> None:
    assert Counting(MemoryFigures(MemoryStore())).catch_up(now=NOON) == 0
