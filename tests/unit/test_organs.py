"""Organ codes: both forms, families, and codes that have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.organs import OrganForm, normalise, parse


@pytest.mark.parametrize(
    ("code", "form", "top"),
    [
        ("000.00.00.H41", OrganForm.OLD, "H41"),
        ("001.00.20.H13", OrganForm.OLD, "H13"),
        ("H41.08.13.02", OrganForm.NEW, "H41"),
        ("G22", OrganForm.NEW, "G22"),
        ("vxp.saas.03", OrganForm.OTHER, "VXP.SAAS.03"),
        ("H37.DN.001", OrganForm.OTHER, "H37.DN.001"),
        ("28.22.H17", OrganForm.OTHER, "28.22.H17"),
        ("", OrganForm.OTHER, ""),
    ],
)
def test_a_code_is_recognised_by_its_form(code: str, form: OrganForm, top: str) -> None:
    assert (parse(code).form, parse(code).top) == (form, top)


def test_an_old_code_climbs_group_by_group_to_the_top_body() -> None:
    climbed = [parse("001.00.20.H13")]
    while (above := climbed[-1].parent()) is not None:
        climbed.append(above)
    assert [str(each) for each in climbed] == ["001.00.20.H13", "000.00.20.H13", "000.00.00.H13"]


def test_a_new_code_climbs_by_losing_its_last_group() -> None:
    climbed = [parse("H41.08.13.02")]
    while (above := climbed[-1].parent()) is not None:
        climbed.append(above)
    assert [str(each) for each in climbed] == ["H41.08.13.02", "H41.08.13", "H41.08", "H41"]


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("001.00.20.H13", "000.00.20.H13"),
        ("001.00.20.H13", "000.00.00.H13"),
        ("000.00.20.H13", "000.00.00.H13"),
        ("H41.08.13.02", "H41.08"),
        ("H41.08.13.02", "H41"),
        ("H41.08.13", "000.00.00.H41"),
        ("001.00.20.H13", "H13"),
    ],
)
def test_a_unit_is_below_its_bodies_and_never_above_them(lower: str, upper: str) -> None:
    assert parse(lower).is_below(parse(upper))
    assert not parse(upper).is_below(parse(lower))


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("001.00.20.H13", "000.00.21.H13"),
        ("001.00.20.H13", "000.00.00.H14"),
        ("H41.081", "H41.08"),
        ("H41.08", "000.00.08.H41"),
        ("H37.DN.001", "H37"),
        ("vxp.saas.03", "vxp.saas"),
        ("001.00.20.H13", "001.00.20.H13"),
    ],
)
def test_strangers_are_not_below_each_other(one: str, another: str) -> None:
    assert not parse(one).is_below(parse(another))


def test_a_top_body_is_the_same_in_both_forms_but_its_units_are_not() -> None:
    assert parse("000.00.00.H41").same_as(parse("H41"))
    assert parse("H41").same_as(parse("000.00.00.H41"))
    assert not parse("000.00.08.H41").same_as(parse("H41.08"))
    assert not parse("H41").same_as(parse("H14"))


def test_case_and_white_space_make_no_difference() -> None:
    assert parse(" 000.00.00.h41\r\n").same_as(parse("000.00.00.H41"))
    assert parse("Vxp.SaaS. 03").same_as(parse("vxp.saas.03"))


@given(st.text(max_size=40))
def test_any_text_is_a_code_and_normalising_twice_changes_nothing(text: str) -> None:
    code = parse(text)
    assert normalise(normalise(text)) == code.text or not text.isascii()
    assert not code.is_below(code)
    assert code.same_as(code)


@given(st.from_regex(r"\A[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[GH][0-9]{2}\Z"))
def test_every_old_code_reaches_its_top_body_and_is_below_all_on_the_way(text: str) -> None:
    code = parse(text)
    above = code.parent()
    steps = 0
    while above is not None:
        assert code.is_below(above)
        above, steps = above.parent(), steps + 1
    assert steps == len(code.groups) - 1
