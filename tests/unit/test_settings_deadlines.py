"""`[deadlines]`: the clocks as the operator writes them."""

from datetime import timedelta
from pathlib import Path

import pytest

from router.app.parts import policy_of
from router.core.deadlines import DEFAULT_CLOCKS
from router.errors import UsageProblem
from router.settings import Settings, load_settings
from router.settings.deadlines import DeadlineSettings


def written(folder: Path, text: str) -> Settings:
    (folder / "truc.toml").write_text(f"[deadlines]\n{text}\n", encoding="utf-8")
    return load_settings(folder / "truc.toml")


def test_without_a_word_the_usual_clocks_run() -> None:
    assert DeadlineSettings().as_clocks() == DEFAULT_CLOCKS
    assert policy_of(Settings()).clocks == DEFAULT_CLOCKS


def test_one_line_changes_one_clock_of_every_urgency(tmp_path: Path) -> None:
    clocks = policy_of(written(tmp_path, "acknowledged_minutes = [9, 8, 7, 6, 0.5]")).clocks
    assert [each.acknowledged / timedelta(minutes=1) for each in clocks.rows] == [9, 8, 7, 6, 0.5]
    assert [each.received for each in clocks.rows] == [each.received for each in DEFAULT_CLOCKS.rows]


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_DEADLINES__DELIVER_WITHIN_HOURS", "[2, 2, 2, 2, 1]")
    clocks = policy_of(written(tmp_path, "deliver_within_hours = [9, 9, 9, 9, 9]")).clocks
    assert [each.deliver_within / timedelta(hours=1) for each in clocks.rows] == [2, 2, 2, 2, 1]
    assert clocks.shortest_life == timedelta(hours=1)


@pytest.mark.parametrize(
    "wrong",
    [
        "acknowledged_minutes = [9, 8, 7]",
        "acknowledged_minutes = [9, 8, 7, 6, 0]",
        "acknowledged_minutes = [9, 8, 7, 6, -1]",
        "acknowledged_minutes = [9, 8, 7, 6, inf]",
        "acknowledged_minutes = [9, 8, 7, 6, nan]",
        "acknowledged_minutes = 9",
        "arrived_minutes = [1e12, 1, 1, 1, 1]",
        "delivered_minutes = [600, 10, 5, 2, 2]\ndeliver_within_hours = [9, 9, 9, 9, 9]",
        "finished_minutes = [1, 1, 1, 1, 1]",
    ],
)
def test_clocks_that_cannot_run_are_refused_by_name(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(UsageProblem, match="deadlines"):
        written(tmp_path, wrong)
