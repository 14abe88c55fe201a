"""How far a leg is: one table, which the README shows and the database repeats."""

from itertools import product
from pathlib import Path

import pytest

from edxml_schemas.statuses import BussinessDocType
from router.adapters.sql.statements import HAND_OVER
from router.core import document_rules, lifecycle
from router.core.leg_steps import ROWS, Step, after, diagram, steps_table
from router.core.records import LegState

README = (Path(__file__).parents[2] / "router" / "README.md").read_text(encoding="utf-8")


def test_a_state_and_a_step_lead_to_one_state() -> None:
    assert len({(row.before, row.step) for row in ROWS}) == len(ROWS)


def test_what_the_table_does_not_name_changes_nothing() -> None:
    named = {(row.before, row.step) for row in ROWS}
    for state, step in product(LegState, Step):
        assert (after(state, step) is None) == ((state, step) not in named)


def test_every_state_can_be_left_but_the_last() -> None:
    left = {row.before for row in ROWS if row.after is not row.before}
    assert left == set(LegState) - {LegState.DELIVERED}


@pytest.mark.parametrize("state", LegState)
def test_every_leg_can_still_be_delivered(state: LegState) -> None:
    reached = {state}
    while grown := {row.after for row in ROWS if row.before in reached} - reached:
        reached |= grown
    assert LegState.DELIVERED in reached


def test_the_database_hands_over_as_the_table_says() -> None:
    assert "WHEN 'delivered' THEN state ELSE 'handed-over'" in HAND_OVER
    assert after(LegState.DELIVERED, Step.CONFIRM) is LegState.DELIVERED
    assert after(LegState.QUEUED, Step.CONFIRM) is LegState.HANDED_OVER


def test_the_readme_has_the_tables_and_the_diagram_as_they_are() -> None:
    for written in (steps_table(), diagram(), lifecycle.lifecycle_table(), document_rules.documents_table()):
        assert written in README, written


def test_every_kind_of_document_has_a_rule() -> None:
    assert [rule.kind for rule in document_rules.DOCUMENT_RULES.values()] == list(BussinessDocType)
    assert all(rule.asks == bool(rule.places) for rule in document_rules.DOCUMENT_RULES.values())
