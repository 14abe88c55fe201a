"""People find organs by what they remember of a name or a code."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agents.gateway.directory import BadCursor, Directory
from agents.gateway.directory.wording import fold, level_of, number_of
from edxml_schemas.organ_list import ListedOrgan
from tests.support.organ_lists import CENTRE, HEALTH, MINISTRY, PROVINCE, SMALL, STATION, filled, refill

HOSPITAL = ListedOrgan(code="H41.08.19", name="Bệnh viện 19-8", version=6)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with filled(tmp_path, [*SMALL, HOSPITAL]) as opened:
        yield opened


def found(directory: Directory, query: str, *, parent: str = "") -> list[str]:
    return [each.code for each in directory.search(query, parent=parent).organs]


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("Sở Y tế", [HEALTH.code]),
        ("so y te", [HEALTH.code]),
        ("SỞ Y TẾ", [HEALTH.code]),
        ("tế sở", [HEALTH.code]),
        ("y te", [HEALTH.code, STATION.code]),
        ("tra y t", [STATION.code]),
        ("dong do", [STATION.code]),
        ("ĐÔNG đô", [STATION.code]),
        ("nghe an", [PROVINCE.code]),
        ("ubnd nghe an", [PROVINCE.code]),
        ("bo xay dung", [MINISTRY.code]),
        ("xây", [MINISTRY.code]),
        ("bo y te", []),
        ("Bệnh viện 19-8", ["H41.08.19"]),
        ("19.8", ["H41.08.19"]),
        ("không có", []),
        ("...", []),
        ("-- !!", []),
    ],
)
def test_names_are_found_by_words_and_beginnings_without_diacritics_and_case(
    directory: Directory, query: str, codes: list[str]
) -> None:
    assert found(directory, query) == codes


def test_letters_whose_marks_are_written_apart_are_the_same_letters(directory: Directory) -> None:
    assert found(directory, "Sơ\u0309 Y tê\u0301") == [HEALTH.code]


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("H41.08", [HEALTH.code, HOSPITAL.code, STATION.code]),
        ("h41.08.13", [STATION.code]),
        ("h41.08.1", [HOSPITAL.code, STATION.code]),
        ("000.00.08.H41", [HEALTH.code]),
        ("000.00.08", [HEALTH.code]),
        ("08.H41", [HEALTH.code]),
        ("H41", [PROVINCE.code, HEALTH.code, HOSPITAL.code, STATION.code]),
        ("000.00.00.h41", [PROVINCE.code]),
        ("G17", [MINISTRY.code]),
        ("vxp", [CENTRE.code]),
        ("VXP.SAAS.03", [CENTRE.code]),
        ("y te H41.08.13", [STATION.code]),
    ],
)
def test_codes_are_found_in_both_forms_by_beginnings_and_ends(
    directory: Directory, query: str, codes: list[str]
) -> None:
    assert found(directory, query) == codes


def test_an_organ_whose_code_is_the_query_comes_before_shorter_names(tmp_path: Path) -> None:
    long = ListedOrgan(code="H50", name="Ủy ban nhân dân tỉnh Một Hai Ba")
    short = ListedOrgan(code="H50.01", name="Sở")
    with filled(tmp_path, [long, short]) as directory:
        assert found(directory, "H50") == ["H50", "H50.01"]
        first = directory.search("H50", limit=1)
        assert [each.code for each in first.organs] == ["H50"]
        assert [each.code for each in directory.search("H50", limit=1, cursor=first.cursor).organs] == ["H50.01"]


@pytest.mark.parametrize(
    ("parent", "codes"),
    [
        ("H41", [HEALTH.code, CENTRE.code]),
        ("000.00.00.H41", [HEALTH.code, CENTRE.code]),
        ("000.00.08.h41", [STATION.code]),
        (STATION.code, []),
        ("nobody", []),
    ],
)
def test_a_parent_in_either_form_narrows_to_those_directly_below(
    directory: Directory, parent: str, codes: list[str]
) -> None:
    assert found(directory, "", parent=parent) == codes


def test_a_query_and_a_parent_count_together(directory: Directory) -> None:
    assert found(directory, "y te", parent="H41") == [HEALTH.code]
    assert found(directory, "H41.08", parent="H41") == [HEALTH.code]
    assert found(directory, "H41.08", parent="H41.08") == [STATION.code]


def test_those_below_a_body_that_is_not_listed_are_found_by_its_code(tmp_path: Path) -> None:
    with filled(tmp_path, [ListedOrgan(code="H60.01", name="Sở", parent="H60")]) as directory:
        assert found(directory, "", parent="h60") == ["H60.01"]
        assert found(directory, "H60.01", parent="h60") == ["H60.01"]
        organ = directory.get("H60.01")
        assert organ is not None
        assert (organ.parent, organ.parent_number) == ("H60", None)


def everything(directory: Directory, query: str, *, limit: int) -> list[str]:
    page = directory.search(query, limit=limit)
    codes = [each.code for each in page.organs]
    while page.cursor:
        page = directory.search(query, limit=limit, cursor=page.cursor)
        assert page.organs
        codes += [each.code for each in page.organs]
    return codes


def many(count: int) -> Sequence[ListedOrgan]:
    return [ListedOrgan(code=f"H70.{n:03d}", name=f"Xã {'Phú ' * (n % 7)}{n}", version=n) for n in range(count)]


@pytest.mark.parametrize("query", ["", "xa", "phu phu", "H70"])
@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_together_are_the_whole_without_repetitions(tmp_path: Path, query: str, limit: int) -> None:
    with filled(tmp_path, [*many(60), ListedOrgan(code="H70", name="Tỉnh xã phú")]) as directory:
        whole = [each.code for each in directory.search(query, limit=1000).organs]
        assert everything(directory, query, limit=limit) == whole
        assert len(whole) == len(set(whole)) > 40


def test_a_cursor_stays_good_when_the_list_changes_between_two_pages(tmp_path: Path) -> None:
    organs = many(30)
    with filled(tmp_path, organs) as directory:
        first = directory.search("xa", limit=10)
        refill(directory, [*organs[1:], ListedOrgan(code="H70.999", name="Xã mới")], version=11)
        rest = [each.code for each in directory.search("xa", limit=1000, cursor=first.cursor).organs]
        before = {each.code for each in first.organs}
        assert {each.code for each in organs} <= before | set(rest)
        assert not before & set(rest)


@pytest.mark.parametrize(
    "cursor", ["x", "ÿ", "W10=", "WzEsMl0=", "Wy0xLCJhIl0=", "A" * 5000, "Wzk5OTk5OTk5OTk5OSwiYSJd"]
)
def test_a_cursor_that_no_search_gave_out_is_refused(directory: Directory, cursor: str) -> None:
    with pytest.raises(BadCursor):
        directory.search("xa", cursor=cursor)


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '" OR tokens:"',
        "NEAR(a b)",
        "a*",
        "a AND",
        "NOT",
        "^a",
        "{a}",
        "'; DROP TABLE organs; --",
        "\x00",
        "\ud800",
        "%_",
        "x" * 100_000,
        "a.b." * 10_000,
        "ma " * 10_000,
    ],
)
def test_whatever_is_typed_is_a_question_and_no_statement(directory: Directory, query: str) -> None:
    assert len(directory.search(query).organs) <= len(SMALL) + 1
    assert directory.search("", parent=query).cursor == ""
    assert directory.get(query) is None
    assert directory.state().organs == len(SMALL) + 1


def test_a_page_is_bounded_whatever_is_asked_for(directory: Directory) -> None:
    assert len(directory.search("", limit=-5).organs) == 1
    assert len(directory.search("", limit=10**9).organs) == len(SMALL) + 1


@pytest.mark.parametrize(
    ("code", "parent", "level"),
    [
        ("H41", "", 1),
        ("000.00.00.H41", "", 1),
        ("H41.08.13", "", 3),
        ("001.02.08.H41", "", 4),
        ("vxp.saas.03", "", 1),
        ("vxp.saas.03", "H41", 2),
    ],
)
def test_the_level_follows_from_the_code_or_the_parent(code: str, parent: str, level: int) -> None:
    assert level_of(code, parent) == level


def test_a_number_follows_from_the_code_unless_it_is_taken() -> None:
    number = number_of("H41", taken=())
    assert 0 < number < 2**31
    assert number_of("H41", taken=()) == number
    assert number_of("H41", taken={number}) != number


def test_folding_takes_marks_and_strokes_away() -> None:
    assert fold("Đắk Lắk, ƯỜNG Ỷ đ") == "dak lak, uong y d"
