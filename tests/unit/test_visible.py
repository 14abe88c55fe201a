"""Nobody's screen is fooled by text from outside."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Công văn số 12/QĐ-UBND", "Công văn số 12/QĐ-UBND"),
        ("hai\tcột\nhai dòng", "hai\tcột\nhai dòng"),
        ("\x1b[31mđỏ", "\\u001b[31mđỏ"),
        ("\x9b31m", "\\u009b31m"),
        ("gnp.\u202eexe", "gnp.\\u202eexe"),
        ("H41\u200b", "H41\\u200b"),
        ("một\u2028hai", "một\\u2028hai"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_unseen_is_left(text: str) -> None:
    left = {unicodedata.category(char) for char in visible(text) if char not in "\n\t"}
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_the_value_in_a_finding_can_be_shown_as_it_is() -> None:
    found = finding(FindingCode.RECIPIENT_UNKNOWN, value="H41\u202e", name="a\x1bb")
    assert (found.value, dict(found.facts)["name"]) == ("H41\\u202e", "a\\u001bb")
