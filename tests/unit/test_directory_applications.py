"""Applications are kept until the hub has them, and its word about them afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.gateway.directory import Application, ApplicationKind, Applied, Directory, NotApplied, Progress
from agents.gateway.directory.applying import KEPT, MOST_OPEN
from edxml_schemas.organ_list import ApplicationState, WishAnswer
from tests.support.organ_lists import HEALTH, NOW, PROVINCE, STATION, filled, refill


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with filled(tmp_path) as opened:
        yield opened


def wish(directory: Directory, code: str = "H41.20", **fields: str) -> Applied | NotApplied:
    return directory.apply_for(code, now=NOW, **{"name": "Sở Mới", **fields})


def applied(outcome: Applied | NotApplied) -> Applied:
    assert isinstance(outcome, Applied), outcome
    return outcome


def answered(directory: Directory, reference: str, state: ApplicationState, note: str = "") -> bool:
    answer = WishAnswer(reference=reference, state=state, note=note)
    return directory.note_answer(answer, asked=reference, now=NOW)


def test_an_application_is_durable_and_says_that_the_administrator_decides(directory: Directory) -> None:
    outcome = applied(
        wish(directory, " H41.20 ", parent="H41", email="a@b.vn", phone="0238", address="Vinh", applicant="hscv")
    )
    assert outcome.progress is Progress.WAITING
    assert ("quản trị" in outcome.vi, "administrator" in outcome.en) == (True, True)
    directory.close()
    with Directory.open(directory.folder) as again:
        (kept,) = again.applications()
    assert kept == Application(
        reference=outcome.reference,
        kind=ApplicationKind.REGISTER,
        code="H41.20",
        name="Sở Mới",
        parent="H41",
        email="a@b.vn",
        phone="0238",
        address="Vinh",
        applicant="hscv",
        applied_at=NOW,
    )


@pytest.mark.parametrize("code", ["H41.08", "h41.08", "000.00.08.H41", "000.00.00.H41"])
def test_a_code_that_the_registry_has_already_is_success(directory: Directory, code: str) -> None:
    assert applied(wish(directory, code)).progress is Progress.ALREADY
    assert directory.applications() == ()


def test_the_same_application_again_is_one(directory: Directory) -> None:
    first = applied(wish(directory))
    assert applied(wish(directory, "h41.20", name="Tên khác")) == first
    answered(directory, first.reference, ApplicationState.OPEN)
    assert applied(wish(directory)) == Applied(reference=first.reference, progress=Progress.OPEN)
    answered(directory, first.reference, ApplicationState.REJECTED)
    assert applied(wish(directory)).reference != first.reference


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""},
        {"code": "..."},
        {"code": "H" * 101},
        {"name": " "},
        {"name": "x" * 501},
        {"name": "a\x00b"},
        {"name": "a\ud800"},
        {"parent": "H" * 101},
        {"email": "khong-phai"},
        {"phone": "1" * 101},
        {"address": "x" * 501},
    ],
)
def test_what_the_hub_would_refuse_is_refused_here(directory: Directory, wrong: dict[str, str]) -> None:
    outcome = wish(directory, **wrong)
    assert isinstance(outcome, NotApplied)
    assert outcome.vi
    assert outcome.en
    assert directory.applications() == ()


def test_only_so_many_wait_at_a_time(directory: Directory) -> None:
    for number in range(MOST_OPEN):
        applied(wish(directory, f"H41.30.{number:03d}"))
    assert isinstance(wish(directory, "H41.31"), NotApplied)
    answered(directory, directory.applications()[0].reference, ApplicationState.APPROVED)
    applied(wish(directory, "H41.31"))


def test_the_end_of_an_organ_is_applied_for_by_who_speaks_for_it(directory: Directory) -> None:
    for organs, code in (({"H41.08"}, "000.00.08.h41"), ({"000.00.08.H41"}, "H41.08")):
        outcome = applied(directory.apply_for_end(code, organs=organs, applicant="hscv", now=NOW))
        assert outcome.progress is Progress.WAITING
    (kept,) = directory.applications()
    assert (kept.kind, kept.code, kept.applicant) == (ApplicationKind.END, HEALTH.code, "hscv")


def test_the_end_of_what_is_not_there_and_of_others_organs_has_one_answer(directory: Directory) -> None:
    missing = directory.apply_for_end("H99", organs={"H41.08"}, now=NOW)
    foreign = directory.apply_for_end("H41", organs={"H41.08"}, now=NOW)
    assert isinstance(missing, NotApplied)
    assert missing == foreign == directory.apply_for_end("", organs={""}, now=NOW)
    assert directory.applications() == ()


def test_the_end_of_what_has_ended_is_success(directory: Directory) -> None:
    refill(directory, [PROVINCE, HEALTH], version=11)
    outcome = applied(directory.apply_for_end(STATION.code, organs={STATION.code}, now=NOW))
    assert outcome.progress is Progress.ALREADY


def test_what_the_hub_says_is_kept_and_a_decision_is_final(directory: Directory) -> None:
    reference = applied(wish(directory)).reference
    assert answered(directory, reference, ApplicationState.OPEN)
    assert not answered(directory, reference, ApplicationState.OPEN)
    assert directory.applications(Progress.WAITING) == ()
    assert answered(directory, reference, ApplicationState.REJECTED, "trùng mã")
    assert not answered(directory, reference, ApplicationState.APPROVED)
    assert not answered(directory, "another-one", ApplicationState.APPROVED)
    (kept,) = directory.applications()
    assert (kept.progress, kept.note, kept.told_at) == (Progress.REJECTED, "trùng mã", NOW)


def test_an_application_has_the_name_that_the_hub_knows_it_by(directory: Directory) -> None:
    reference = applied(wish(directory)).reference
    known = WishAnswer(reference="known-before", state=ApplicationState.OPEN)
    assert directory.note_answer(known, asked=reference, now=NOW)
    assert answered(directory, "known-before", ApplicationState.APPROVED)
    assert [each.progress for each in directory.applications()] == [Progress.APPROVED]


def test_a_refusal_of_the_hub_is_kept_with_its_reason(directory: Directory) -> None:
    reference = applied(wish(directory)).reference
    directory.note_refusal(reference, "mã đang bị khóa", now=NOW)
    (kept,) = directory.applications()
    assert (kept.progress, kept.note) == (Progress.REFUSED, "mã đang bị khóa")


def test_those_that_wait_are_told_oldest_first_and_decided_ones_do_not_pile_up(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.gateway.directory.applying.KEPT", 5)
    for number in range(20):
        reference = applied(wish(directory, f"H41.40.{number:03d}")).reference
        answered(directory, reference, ApplicationState.APPROVED)
    applied(wish(directory, "H41.41"))
    applied(wish(directory, "H41.42"))
    assert [each.code for each in directory.applications(Progress.WAITING)] == ["H41.41", "H41.42"]
    decided = [each for each in directory.applications() if each.progress is Progress.APPROVED]
    assert len(decided) == 5
    assert KEPT > MOST_OPEN
