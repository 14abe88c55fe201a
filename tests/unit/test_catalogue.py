"""The catalogue has one good row per code, and filling its texts never fails."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas import catalogue
from edxml_schemas.findings import Finding, FindingCode, Severity, finding

_PLACE = re.compile(r"\{(\w+)\}")
_KNOWN_LGSP = {0, 10, 15, 18, 19, 20, 21, 22, 23}
_TEXTS = ("vi", "en", "remedy_vi", "remedy_en")


@pytest.mark.parametrize("code", list(FindingCode))
def test_every_code_has_a_row_with_texts_in_both_languages(code: FindingCode) -> None:
    row = catalogue.entry(code)
    assert row.code is code
    for name in _TEXTS:
        text = getattr(row, name)
        assert text.strip() == text
        assert text.endswith((".", "!"))
        assert len(text) > 15


@pytest.mark.parametrize("code", list(FindingCode))
def test_a_text_names_only_facts_that_exist_and_brackets_are_paired(code: FindingCode) -> None:
    row = catalogue.entry(code)
    for name in _TEXTS:
        text = getattr(row, name)
        assert set(_PLACE.findall(text)) <= set(catalogue.FACTS)
        assert not re.search(r"[{}]", _PLACE.sub("", text))
        assert re.fullmatch(r"[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*", text)


@pytest.mark.parametrize("code", list(FindingCode))
def test_the_two_languages_tell_the_same_facts(code: FindingCode) -> None:
    row = catalogue.entry(code)
    # `detail` is technical English and stays out of Vietnamese sentences where it would not be understood
    assert set(_PLACE.findall(row.vi)) - {"detail"} == set(_PLACE.findall(row.en)) - {"detail"}


@pytest.mark.parametrize("code", list(FindingCode))
def test_a_document_system_knows_the_number_of_every_error_and_success_otherwise(code: FindingCode) -> None:
    row = catalogue.entry(code)
    assert row.lgsp in _KNOWN_LGSP
    assert (row.lgsp == 0) == (row.severity is not Severity.ERROR)


def test_there_is_no_row_without_a_code_and_none_twice() -> None:
    assert set(catalogue.ENTRIES) == set(FindingCode)
    assert len(catalogue._ROWS) == len(catalogue.ENTRIES)


@pytest.mark.parametrize(
    ("code", "lgsp"),
    [
        (FindingCode.SCHEMA_MISSING, 22),
        (FindingCode.XML_NOT_XML, 10),
        (FindingCode.RECIPIENT_UNKNOWN, 18),
        (FindingCode.RECIPIENT_LOCKED, 23),
        (FindingCode.SENDER_UNKNOWN, 19),
        (FindingCode.HUB_FAILURE, 20),
    ],
)
def test_numbers_mean_what_document_systems_take_them_to_mean(code: FindingCode, lgsp: int) -> None:
    assert catalogue.entry(code).lgsp == lgsp


def test_only_what_may_succeed_unchanged_is_worth_a_retry() -> None:
    again = {row.code for row in catalogue.ENTRIES.values() if row.retry}
    assert again == {
        FindingCode.HUB_FAILURE,
        FindingCode.TRANSPORT_DIGEST,
        FindingCode.TRANSPORT_CLAIM,
        FindingCode.TRUST_REVOCATION_UNKNOWN,
    }


def test_an_explanation_quotes_what_was_found_in_both_languages() -> None:
    told = catalogue.explain(
        finding(
            FindingCode.SCHEMA_BAD_VALUE,
            line=7,
            xpath="/edXML:edXML/edXML:DueDate[2]",
            value="30/09/2015",
            expected="YYYY/MM/DD",
        )
    )
    assert told.message_vi == "Giá trị “30/09/2015” của DueDate không hợp lệ; cần: YYYY/MM/DD."
    assert told.message_en == "The value “30/09/2015” of DueDate is not valid; expected: YYYY/MM/DD."
    assert told.line == 7
    assert told.severity is Severity.ERROR


def test_a_part_whose_fact_is_missing_is_left_out() -> None:
    told = catalogue.explain(finding(FindingCode.XML_TOO_LARGE, limit=5))
    assert told.message_en == "The file is too large, the limit is 5 bytes."


def test_a_missing_fact_never_breaks_a_text() -> None:
    told = catalogue.explain(Finding(FindingCode.SENDER_UNKNOWN))
    assert told.message_en == "The sender “…” is not registered at the hub."


def test_brackets_and_braces_in_a_value_are_quoted_not_read() -> None:
    told = catalogue.explain(Finding(FindingCode.RECIPIENT_UNKNOWN, value="{limit}[x]{}"))
    assert "“{limit}[x]{}”" in told.message_en


@given(
    code=st.sampled_from(list(FindingCode)),
    value=st.text(max_size=30),
    xpath=st.text(max_size=30),
    line=st.none() | st.integers(1, 10**6),
    facts=st.dictionaries(st.sampled_from(sorted(catalogue.FACTS)), st.text(max_size=20), max_size=6),
)
def test_whatever_a_finding_holds_it_can_be_told_and_written_as_json(
    code: FindingCode, value: str, xpath: str, line: int | None, facts: dict[str, str]
) -> None:
    shape = catalogue.as_dict(Finding(code, line, xpath, value, tuple(facts.items())))
    assert json.loads(json.dumps(shape))["code"] == code.value
    message = shape["message"]
    assert isinstance(message, dict)
    assert message["vi"]
    assert message["en"]


def test_errors_weigh_more_than_warnings_and_warnings_more_than_notes() -> None:
    note = Finding(FindingCode.COMPAT_BUSSINESS_MISSING)
    warning = Finding(FindingCode.ORGAN_CODE_FORM)
    error = Finding(FindingCode.SCHEMA_MISSING)
    assert catalogue.worst(()) is None
    assert catalogue.worst((note,)) is Severity.NOTE
    assert catalogue.worst((note, warning)) is Severity.WARNING
    assert catalogue.worst((warning, error, note)) is Severity.ERROR
    assert catalogue.errors((note, error, warning)) == (error,)


def test_a_message_answers_with_the_number_of_its_first_error() -> None:
    warning = Finding(FindingCode.ORGAN_CODE_FORM)
    assert catalogue.lgsp_of((warning,)) == 0
    assert catalogue.lgsp_of((warning, Finding(FindingCode.RECIPIENT_UNKNOWN), Finding(FindingCode.XML_NUL))) == 18


def test_the_table_has_one_line_per_code() -> None:
    lines = catalogue.table().splitlines()
    assert len(lines) == len(FindingCode) + 2
    assert all(line.count("|") - line.count("\\|") == 7 for line in lines)
