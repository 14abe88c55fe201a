"""The benchmark of the search runs and judges: on few legs here, on a million by `make bench-search`."""

import pytest

from tests.benchmarks.search import QUESTIONS, main

FEW = ("--legs", "1500", "--rounds", "1", "--databases", "sqlite")


def test_the_benchmark_prints_every_question_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main((*FEW, "--goal", "60000")) == 0

    told = capsys.readouterr().out
    assert [each.name for each in QUESTIONS if each.name not in told] == []
    assert "legs" in told


def test_the_benchmark_fails_above_its_goal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main((*FEW, "--goal", "0")) == 1

    assert "above 0 ms: sqlite" in capsys.readouterr().err
