"""How texts are compared, how the box is understood, and what the registry means to a search."""

from dataclasses import replace
from datetime import date

import pytest

from edxml_schemas.findings import FindingCode, finding
from router.core.organ_book import DEEPEST, MOST_ORGANS, OrganBook
from router.core.people import EVERYTHING, Scope
from router.core.records import MessageState
from router.core.registry import OrganRecord, Registry
from router.core.search import sight, wanted_by
from router.core.search_box import understood
from router.core.search_question import NOTHING_ASKED, Question, Reading
from router.core.search_terms import DocumentFacts, LegFacts, Part, Space, entry_of, exactly, seen_legs
from router.core.search_words import (
    KEY_CHARS,
    WORD_CHARS,
    code_ends,
    code_split,
    fold,
    key_of,
    name_words_of,
    notation_ends,
    words_of,
)
from tests.support.records import message

NGHE_AN = OrganRecord(code="H41", old_code="000.00.00.H41", name="UBND tỉnh Nghệ An", changed_in=1)
HEALTH = OrganRecord(code="H41.08", old_code="000.00.08.H41", name="Sở Y tế", parent="000.00.00.H41", changed_in=2)


def book_of(*organs: OrganRecord, version: int = 3) -> OrganBook:
    return OrganBook(Registry.of(version=version, organs=organs, agents=(), bindings=()))


BOOK = book_of(NGHE_AN, HEALTH)


def nothing_inside(_part: str) -> tuple[str, ...]:
    return ()


def test_folding_takes_diacritics_and_case_away() -> None:
    assert fold("Sở Y TẾ Đắk Lắk, QUYẾT ĐỊNH") == "so y te dak lak, quyet dinh"
    assert fold("ﬁ Ⅷ ５") == "fi viii 5"


def test_words_are_letters_and_digits_each_once_and_bounded() -> None:
    assert words_of("V/v: họp  HỌP_hop (2026)\u202e\x00!") == ("v", "hop", "2026")
    assert words_of("a" * 100) == ("a" * WORD_CHARS,)
    assert len(words_of(" ".join(f"w{n}" for n in range(5000)))) == 200


def test_names_are_found_by_their_long_and_short_forms() -> None:
    assert "ubnd" in name_words_of("Ủy ban nhân dân tỉnh Nghệ An")
    assert {"uy", "ban", "nhan", "dan"} <= set(name_words_of("UBND TP. Vinh"))
    assert "pho" in name_words_of("UBND TP. Vinh")


def test_keys_have_no_white_space_and_nothing_unseen() -> None:
    assert key_of(" 78\u00a016 \u202e\x07\u200b/ Đ\ud800") == "7816/d"
    assert len(key_of("x" * 1000)) == KEY_CHARS
    assert code_split("12/2026/QĐ-TTg") == ("12", "2026/qd-ttg")
    assert code_split("7816") == ("7816", "")


def test_a_notation_is_found_from_each_of_its_parts_on() -> None:
    assert notation_ends("2026/qd-ttg") == ("2026/qd-ttg", "qd-ttg", "ttg")
    assert notation_ends("") == ()
    assert len(notation_ends("-".join("abcdefghijklmnopqrstuvwxyz"))) == 16


def test_a_code_of_the_old_form_is_found_from_each_group_on() -> None:
    assert code_ends("000.00.08.H41") == ("000.00.08.h41", "00.08.h41", "08.h41", "h41")
    assert code_ends("H41.08") == ("h41.08",)
    assert code_ends("") == ()


# ── The registry ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["H41", "h41", "000.00.00.H41", " 000.00.00.h41 "])
def test_an_organ_is_known_by_each_of_its_codes(text: str) -> None:
    assert BOOK.matching(text).codes == ("H41", "000.00.00.H41")


def test_a_top_body_is_known_by_the_form_that_the_registry_does_not_have() -> None:
    assert book_of(replace(NGHE_AN, old_code="")).matching("000.00.00.H41").codes == ("H41",)


def test_organs_are_found_by_words_of_their_names_and_ends_of_their_codes() -> None:
    assert BOOK.matching("nghe an").codes == ("H41", "000.00.00.H41")
    assert BOOK.matching("uy ban nhan").codes == ("H41", "000.00.00.H41")
    assert BOOK.matching("08.h41").codes == ("H41.08", "000.00.08.H41")
    assert BOOK.matching("nghe te").codes == ()
    assert BOOK.matching("  ").codes == ()


def test_a_name_that_means_very_many_organs_is_cut_and_says_so() -> None:
    many = book_of(*(OrganRecord(code=f"H41.{n}", name="UBND xã") for n in range(MOST_ORGANS + 1)))

    found = many.matching("ubnd")

    assert (len(found.codes), found.more) == (MOST_ORGANS, True)


def test_the_way_up_follows_former_codes_and_ends_in_a_circle() -> None:
    assert BOOK.above("000.00.08.H41") == ("000.00.08.H41", "H41.08", "H41")
    assert BOOK.above("không có") == ("không có",)
    assert book_of(HEALTH).above("H41.08") == ("H41.08", "000.00.00.H41")
    circle = book_of(OrganRecord(code="A", name="A", parent="B"), OrganRecord(code="B", name="B", parent="A"))
    assert circle.above("A") == ("A", "B")
    assert DEEPEST > 10


def test_what_changes_about_a_body_concerns_all_below_it() -> None:
    assert BOOK.changed_since(1) == ("H41.08", "000.00.08.H41")
    assert set(BOOK.changed_since(0)) == {"H41", "000.00.00.H41", "H41.08", "000.00.08.H41"}
    assert BOOK.changed_since(2) == ()


# ── The box ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("token", "reading"),
    [
        ("25/11/2026", Reading.DAY),
        ("2026-11-25", Reading.DAY),
        ("25.11.2026", Reading.DAY),
        ("11/2026", Reading.MONTH),
        ("2026-11", Reading.MONTH),
        ("7816/VPCP-TTĐT", Reading.CODE),
        ("7816a/VPCP", Reading.CODE),
        ("/VPCP", Reading.CODE),
        ("31/02/2026", Reading.CODE),
        ("7816", Reading.NUMBER),
        ("7816/", Reading.NUMBER),
        ("H41", Reading.ORGAN),
        ("000.00.17.H98", Reading.ORGAN),
        ("000.00.08", Reading.ORGAN),
        ("08.H41", Reading.ORGAN),
        ("000.00.00.G22,2026/03/01,7816/VPCP", Reading.DOCUMENT_ID),
        ("signature.missing", Reading.FINDING),
        ("nghị", Reading.WORD),
        ("TP.HCM", Reading.WORD),
        ("<script>alert(1)</script>", Reading.WORD),
        ("٣٤", Reading.WORD),
    ],
)
def test_the_box_understands(token: str, reading: Reading) -> None:
    ((_, understood_as, _),) = understood(token, BOOK, inside=nothing_inside)

    assert understood_as is reading


def test_a_month_may_be_a_number_and_a_year_of_a_notation() -> None:
    wanted = wanted_by(Question(text="11/2026"), BOOK, inside=nothing_inside)

    month = Part("r:2026-11", "r:2026-11\U0010ffff")
    assert [month in clause for clause in wanted.whole] == [True, True]
    assert exactly(Space.NUMBER, "11") in wanted.whole[0]


def test_a_part_inside_of_words_is_looked_for_when_the_index_knows_one() -> None:
    asked: list[str] = []

    def inside(part: str) -> tuple[str, ...]:
        asked.append(part)
        return ("s:quyet", "n:nguyet")

    wanted = wanted_by(Question(text="uyet ab", subject="uyet"), BOOK, inside=inside)

    assert asked == ["uyet", "uyet"]
    assert exactly(Space.NAME, "nguyet") in wanted.whole[0]
    assert exactly(Space.NAME, "nguyet") not in wanted.whole[2]


def test_what_says_nothing_asks_for_nothing() -> None:
    for question in (NOTHING_ASKED, Question(text=" \t"), Question(text="… --- !!"), Question(subject="!")):
        assert wanted_by(question, BOOK, inside=nothing_inside).clauses == ()


def test_very_long_questions_are_cut() -> None:
    wanted = wanted_by(Question(text="chữ " * 10_000), BOOK, inside=nothing_inside)

    assert len(wanted.whole) == 16


def test_an_organ_with_all_below_it_is_one_term() -> None:
    wanted = wanted_by(Question(organ="000.00.00.H41", below=True), BOOK, inside=nothing_inside)

    assert wanted.whole == ((exactly(Space.SIGHT, "H41"),),)


# ── Who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_index_is_asked_for_what_somebody_sees() -> None:
    assert sight(EVERYTHING, "", BOOK) == ((exactly(Space.ALL, ""),),)
    assert sight(Scope(frozenset({"H41"})), "000.00.00.H41", BOOK)[1] == (exactly(Space.SIGHT, "H41"),)


def test_only_what_hides_nothing_is_counted_by_the_index_alone() -> None:
    part = Scope(frozenset({"H41"}))

    def told(question: Question, scope: Scope) -> bool:
        return wanted_by(question, BOOK, inside=nothing_inside).told_by_index(scope)

    assert told(Question(subject="hop", number="7", received_from=date(2026, 1, 1)), part)
    assert not told(Question(text="hop"), part)  # may be a word of a hidden recipient's name
    assert not told(Question(recipient="H41"), part)
    assert not told(Question(organ="H41", below=True), part)
    assert told(Question(text="hop", recipient="H41"), EVERYTHING)


def test_legs_are_seen_by_who_sees_the_sender_or_their_recipient() -> None:
    legs = (_leg("H41"), _leg("H14", forwarded_from="H15"), _leg("H16"))
    facts = DocumentFacts(message=message("1", sender="G22"), legs=legs)

    assert seen_legs(facts, EVERYTHING) == legs
    assert seen_legs(facts, Scope(frozenset({"G22"}))) == legs
    assert seen_legs(facts, Scope(frozenset({"H15"}))) == [legs[1]]
    assert seen_legs(facts, Scope(frozenset({"H99"}))) is None


def test_what_a_search_may_not_find_leaves_no_marks() -> None:
    facts = DocumentFacts(message=message("1", duplicate_of="m-0"), legs=())

    assert entry_of(facts, BOOK).marks == frozenset()


def test_a_refusal_is_kept_with_what_was_wrong() -> None:
    refused = message("1", state=MessageState.REFUSED, findings=(finding(FindingCode.XML_DTD),) * 3)

    assert {"m:refused", "e:xml.dtd", "*:"} <= entry_of(DocumentFacts(message=refused, legs=()), BOOK).marks


def _leg(recipient: str, forwarded_from: str = "") -> LegFacts:
    return LegFacts(recipient=recipient, forwarded_from=forwarded_from, state="queued", status="", recall="none")
