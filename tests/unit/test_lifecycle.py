"""Statuses of a leg: who may say what, what cannot be joined, and that the rest converges."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.contract import Urgency
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.statuses import StatusCode
from router.core.lifecycle import (
    RULES,
    Speaker,
    ask_or_answer,
    fold,
    leg_faults,
    lifecycle_table,
    message_faults,
    rule_of,
    said_by_sender,
    standing_of,
)
from router.core.records import Leg, LegState, RecallState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SENDER, RECIPIENT = "000.00.00.G22", "000.00.00.H41"
LEG = Leg(
    id="leg",
    message_id="message",
    ordinal=0,
    recipient=RECIPIENT,
    agent="nghean",
    state=LegState.DELIVERED,
    urgency=Urgency.NORMAL,
    created_at=NOW,
)
HANDLING = ("01", "03", "04", "05", "06")
RECALL = ("13", "15", "16")


def faults(leg: Leg, code: str, speaker: str, *, asked: bool = False) -> tuple[FindingCode, ...]:
    return codes(leg_faults(leg, code, speaker=speaker, sender=SENDER, document_id="d", asked=asked))


def after(leg: Leg, *said: str) -> Leg:
    for code in said:
        leg = fold(leg, code, at=NOW, reason="lý do")
    return leg


def test_every_code_of_the_norm_has_a_row() -> None:
    assert set(RULES) == {each.value for each in StatusCode}


@pytest.mark.parametrize("code", ["01", "02", "03", "04", "05", "06"])
def test_the_recipient_and_nobody_else_tells_how_it_handles_a_document(code: str) -> None:
    assert faults(LEG, code, RECIPIENT) == ()
    assert faults(LEG, code, SENDER) == (FindingCode.STATUS_NOT_RECIPIENT,)
    assert rule_of(code) is not None
    assert not said_by_sender(code)


def test_the_original_sender_and_nobody_else_asks_for_a_recall() -> None:
    assert faults(LEG, "13", SENDER) == ()
    assert faults(LEG, "13", RECIPIENT) == (FindingCode.STATUS_NOT_SENDER,)
    assert said_by_sender("13")
    assert [each.code.value for each in RULES.values() if each.speaker is Speaker.SENDER] == ["13"]


@pytest.mark.parametrize("code", ["02", "13"])
def test_a_refusal_and_a_recall_need_a_reason(code: str) -> None:
    assert codes(message_faults(code, " \n")) == (FindingCode.STATUS_REASON,)
    assert message_faults(code, "Sai nơi nhận") == ()


@pytest.mark.parametrize("code", ["01", "03", "04", "05", "06", "15", "16"])
def test_other_statuses_need_no_reason(code: str) -> None:
    assert message_faults(code, "") == ()


@pytest.mark.parametrize("code", ["", "00", "07", "14", "3", "xx"])
def test_a_code_that_no_row_knows_is_illegal(code: str) -> None:
    assert codes(message_faults(code, "x")) == (FindingCode.STATUS_ILLEGAL,)
    assert faults(LEG, code, RECIPIENT) == (FindingCode.STATUS_ILLEGAL,)


@pytest.mark.parametrize("code", ["15", "16"])
def test_an_answer_without_a_question_is_illegal(code: str) -> None:
    assert faults(LEG, code, RECIPIENT) == (FindingCode.STATUS_ILLEGAL,)
    assert faults(after(LEG, "06"), code, RECIPIENT) == (FindingCode.STATUS_ILLEGAL,)


@pytest.mark.parametrize("code", ["15", "16"])
def test_a_recall_or_a_change_may_be_answered(code: str) -> None:
    assert faults(after(LEG, "13"), code, RECIPIENT) == ()
    assert faults(ask_or_answer(LEG, RecallState.REQUESTED), code, RECIPIENT) == ()
    assert faults(LEG, code, RECIPIENT, asked=True) == ()
    assert faults(after(LEG, "13"), code, SENDER) == (FindingCode.STATUS_NOT_RECIPIENT,)


@pytest.mark.parametrize("handled", ["03", "04", "05", "06"])
def test_a_refusal_and_a_registration_contradict_each_other(handled: str) -> None:
    assert faults(after(LEG, handled), "02", RECIPIENT) == (FindingCode.STATUS_ILLEGAL,)
    assert faults(after(LEG, "02"), handled, RECIPIENT) == (FindingCode.STATUS_ILLEGAL,)


def test_an_arrival_that_comes_late_contradicts_nothing() -> None:
    for said in ("02", "03", "06"):
        assert faults(after(LEG, said), "01", RECIPIENT) == ()
        assert after(LEG, said, "01").status == said


def test_steps_may_be_skipped() -> None:
    assert after(LEG, "01", "06").status == "06"


def test_a_recipient_may_refuse_a_recall_and_agree_later() -> None:
    assert after(LEG, "13", "16").recall is RecallState.REFUSED
    assert after(LEG, "13", "16", "13", "15").recall is RecallState.ACCEPTED


def test_a_refusal_of_a_recall_that_was_overtaken_by_the_consent_changes_nothing() -> None:
    agreed = after(LEG, "13", "15")
    assert faults(agreed, "16", RECIPIENT) == ()
    assert after(agreed, "16") is agreed


def test_the_reason_of_a_refusal_stays_with_the_leg_whatever_the_recall_says() -> None:
    refused = fold(LEG, "02", at=NOW, reason="Sai nơi nhận")
    assert fold(refused, "13", at=NOW, reason="khác").reason == "Sai nơi nhận"


def test_a_status_that_says_nothing_new_leaves_the_leg_as_it_is() -> None:
    leg = after(LEG, "05")
    assert all(after(leg, code) is leg for code in ("01", "03", "04", "05"))


def legal_sets() -> st.SearchStrategy[list[str]]:
    """Statuses that do not contradict each other: handled or refused, with or without a recall that was asked for."""
    handled = st.lists(st.sampled_from(HANDLING), unique=True)
    refused = st.sampled_from([["02"], ["01", "02"]])
    recall = st.sampled_from([[], ["13"], ["13", "15"], ["13", "16"], ["13", "15", "16"]])
    return st.tuples(st.one_of(handled, refused), recall).map(lambda both: [*both[0], *both[1]])


@given(st.data(), legal_sets())
def test_any_order_and_any_repetition_of_legal_statuses_ends_in_the_same_state(
    data: st.DataObject, said: list[str]
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(said))) if said else []
    order = data.draw(st.permutations([*said, *repeated]))
    expected = standing_of(after(LEG, *said))
    leg = LEG
    for code in order:
        # An answer is legal only after its question; a question that is folded later must change nothing.
        asked = any(each in RECALL for each in said)
        speaker = SENDER if code == "13" else RECIPIENT
        assert faults(leg, code, speaker, asked=asked) == ()
        leg = after(leg, code)
    assert standing_of(leg) == expected
    assert leg.reason == ("lý do" if "02" in said else "")


@given(st.permutations(HANDLING), st.sampled_from(list(LegState)))
def test_statuses_never_move_the_hubs_own_state_of_a_leg(order: list[str], state: LegState) -> None:
    leg = after(replace(LEG, state=state), *order)
    assert (leg.state, leg.version) == (state, LEG.version)


def test_the_readme_has_the_lifecycle_as_it_is() -> None:
    readme = Path(__file__).parents[2] / "router" / "README.md"
    assert lifecycle_table() in readme.read_text(encoding="utf-8")
