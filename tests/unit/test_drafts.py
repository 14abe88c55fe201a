"""Drafts: what people write becomes an envelope, what they leave out is derived, what they get wrong is named."""

import json
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas import codec
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.drafts import DraftProblem, draft_from_mapping, draft_keys, load_draft
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import Document, StatusMessage
from edxml_schemas.reader import VIETNAM_TIME
from edxml_schemas.statuses import BussinessDocType, Priority

NOW = datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC)  # already the 21st in Vietnam

LEAN = """
subject = "V/v mời họp"
to = ["000.00.00.H41", "H14.2"]
from.organ_id = "000.00.00.G22"
code = {code_number = 12, code_notation = "TB-VP"}
"""


def document(text: str = "", **changes: Any) -> Document:
    draft = draft_from_mapping(tomllib.loads(LEAN + text) | changes, now=NOW)
    assert isinstance(draft, Document), draft
    return draft


def status(**changes: Any) -> StatusMessage:
    draft = draft_from_mapping(status_meta(**changes), now=NOW)
    assert isinstance(draft, StatusMessage), draft
    return draft


def status_meta(**changes: Any) -> dict[str, Any]:
    return {
        "from": {"organ_id": "000.00.00.H41"},
        "status_code": "03",
        "response_for": {
            "organ_id": "000.00.00.G22",
            "document_id": "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT",
        },
    } | changes


def problems(meta: dict[str, Any]) -> tuple[DraftProblem, ...]:
    draft = draft_from_mapping(meta, now=NOW, source="document.toml")
    assert isinstance(draft, tuple), draft
    assert draft
    return draft


def problem(meta: dict[str, Any]) -> DraftProblem:
    found = problems(meta)
    assert len(found) == 1, found
    return found[0]


def lean(**changes: Any) -> dict[str, Any]:
    return tomllib.loads(LEAN) | changes


def test_what_is_left_out_is_derived() -> None:
    draft = document()
    assert draft.document_id == "000.00.00.G22,2026/11/21,12/TB-VP"
    assert draft.promulgation_info.promulgation_date == date(2026, 11, 21)
    assert draft.content == draft.subject
    assert draft.document_type.type == 2
    assert draft.document_type.type_name == "Văn bản hành chính"
    assert draft.bussiness.bussiness_doc_type == BussinessDocType.NEW
    assert draft.bussiness.document_id == draft.document_id
    assert draft.bussiness.paper == 0
    assert [each.organ_id for each in draft.trace_headers] == ["000.00.00.G22"]
    assert draft.trace_headers[0].timestamp == datetime(2026, 11, 21, 1, 30, 5, tzinfo=VIETNAM_TIME)


def test_what_is_written_is_not_derived() -> None:
    draft = document(
        """
        content = "Kính mời"
        document_id = "5b9f2f3e-6f55-4f0e-9a2e-6c1f6d0b7a11"
        promulgation_info = {place = "Hà Nội", promulgation_date = 2026-10-01}
        document_type = {type = 1, type_detail = 3, type_name = "Nghị định"}
        trace_header_list = [{organ_id = "G22", timestamp = 2026-10-01T08:00:00}]
        """
    )
    assert draft.content == "Kính mời"
    assert draft.document_id.startswith("5b9f")
    assert draft.promulgation_info.promulgation_date == date(2026, 10, 1)
    assert (draft.document_type.type, draft.document_type.type_detail) == (1, 3)
    assert draft.trace_headers[0].timestamp == datetime(2026, 10, 1, 8, tzinfo=VIETNAM_TIME)


def test_a_document_id_tells_number_notation_and_date() -> None:
    meta = lean(document_id="000.00.00.G22,2015/09/30,7816/VPCP-TTĐT")
    del meta["code"]
    draft = draft_from_mapping(meta, now=NOW)
    assert isinstance(draft, Document)
    assert str(draft.code) == "7816/VPCP-TTĐT"
    assert draft.promulgation_info.promulgation_date == date(2015, 9, 30)


@pytest.mark.parametrize("written", [date(2026, 9, 30), "2026-09-30", "2026/09/30", "2026/9/30"])
def test_a_date_may_be_written_in_every_usual_way(written: object) -> None:
    assert document(due_date=written).due_date == date(2026, 9, 30)


@pytest.mark.parametrize("written", ["30/09/2026", "2026-02-30", "mai", 20260930, True, datetime(2026, 9, 30)])  # noqa: DTZ001  a TOML date-time has no zone
def test_what_is_no_date_is_named(written: object) -> None:
    found = problem(lean(due_date=written))
    assert found.where == "due_date"
    assert "YYYY-MM-DD" in found.remedy_vi
    assert "YYYY-MM-DD" in found.remedy_en


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (3, Priority.FLASH),
        ("Hỏa tốc", Priority.FLASH),
        ("flash_timed", Priority.FLASH_TIMED),
        ("khẩn", Priority.URGENT),
    ],
)
def test_urgency_may_be_a_number_or_a_word(written: object, kind: Priority) -> None:
    assert document(other_info={"priority": written}).other_info.priority == kind


@pytest.mark.parametrize("written", [1, "revoke", "Thu hồi", "REVOKE"])
def test_what_a_document_does_may_be_a_number_or_a_word(written: object) -> None:
    draft = document(bussiness={"bussiness_doc_type": written}, response_for={"document_id": "x"})
    assert draft.bussiness.bussiness_doc_type == BussinessDocType.REVOKE
    assert draft.response_for[0].document_id == "x"


@pytest.mark.parametrize(
    ("bussiness", "where"),
    [
        ({"bussiness_doc_type": 1}, "response_for"),
        ({"bussiness_doc_type": 2}, "bussiness.document_id"),
        ({"bussiness_doc_type": 3}, "bussiness.replacement_info_list"),
        ({"bussiness_doc_type": 7}, "bussiness.bussiness_doc_type"),
        ({"bussiness_doc_type": "gửi"}, "bussiness.bussiness_doc_type"),
        ({"paper": 2}, "bussiness.paper"),
    ],
)
def test_a_document_about_another_names_it(bussiness: dict[str, object], where: str) -> None:
    assert problem(lean(bussiness=bussiness)).where == where


def test_an_update_is_about_the_document_it_answers() -> None:
    draft = document(bussiness={"bussiness_doc_type": "update"}, response_for=[{"document_id": "cũ"}])
    assert draft.bussiness.document_id == "cũ"


def test_replacement_and_update_lists_may_be_nested_as_in_edxml_or_plain() -> None:
    plain = document(
        """
        [bussiness]
        bussiness_doc_type = 3
        replacement_info_list = [{document_id = "a", organ_id_list = ["H41", "H14"]}]
        bussiness_document_info = {document_info = 1, document_receiver = true, receiver_list = ["H41"]}
        """
    )
    nested = document(
        """
        [bussiness]
        bussiness_doc_type = 3
        replacement_info_list = {replacement_info = [{document_id = "a", organ_id_list = {organ_id = ["H41", "H14"]}}]}
        bussiness_document_info = {document_info = 1, document_receiver = 1, receiver_list = {receiver = ["H41"]}}
        """
    )
    assert plain == nested
    assert plain.bussiness.replacement_info_list[0].organ_id_list == ("H41", "H14")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"from": {}}, "from.organ_id"),
        ({"from": "G22"}, "from"),
        ({"to": []}, "to"),
        ({"to": [{"organ_name": "UBND"}]}, "to[0].organ_id"),
        ({"to": ["H41", 5]}, "to[1]"),
        ({"to": ["H41", "H14", "H41"]}, "to"),
        ({"code": {"code_notation": "VP"}}, "code.code_number"),
        ({"subject": " "}, "subject"),
        ({"subject": 5}, "subject"),
        ({"subject": "chuông \a"}, "subject"),
        ({"other_info": {"direction": "có"}}, "other_info.direction"),
        ({"to_places": [["x"]]}, "to_places[0]"),
        ({"attachments": [{"zipped": True}]}, "attachments[0].file"),
    ],
)
def test_a_wrong_or_missing_value_is_named_with_its_key(change: dict[str, object], where: str) -> None:
    found = problems(lean(**change))
    assert where in [each.where for each in found]
    assert all(each.source == "document.toml" and each.vi and each.en and each.remedy_vi for each in found)


@pytest.mark.parametrize(
    ("change", "where", "near"),
    [
        ({"subjet": "x"}, "subjet", "subject"),
        ({"business": {}}, "business", "bussiness"),
        ({"from": {"organ_id": "G22", "organname": "x"}}, "from.organname", "organ_name"),
        ({"to": [{"organ_id": "G22"}, {"organ_id": "H1", "organid": "x"}]}, "to[1].organid", "organ_id"),
        ({"other_info": {"priorty": 1}}, "other_info.priorty", "priority"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(change: dict[str, object], where: str, near: str) -> None:
    found = problem(lean(**change))
    assert found.where == where
    assert f"“{near}”" in found.remedy_vi
    assert f"“{near}”" in found.remedy_en


def test_all_problems_are_named_at_once() -> None:
    found = problems({"form": {"organ_id": "G22"}, "due_date": "mai"})
    assert {each.where for each in found} == {"form", "due_date", "from.organ_id", "to", "code.code_number", "subject"}


def test_twice_as_many_faults_take_about_twice_the_work() -> None:
    def work(recipients: int) -> int:
        steps = 0

        def count(_frame: FrameType, _event: str, _argument: object) -> None:
            nonlocal steps
            steps += 1

        faulty = lean(to=[{"organ_name": "Không có mã"} for _ in range(recipients)])
        sys.setprofile(count)
        try:
            found = draft_from_mapping(faulty, now=NOW, source="document.toml")
        finally:
            sys.setprofile(None)
        assert isinstance(found, tuple)
        assert len(found) == recipients
        return steps

    assert work(400) < 2.5 * work(200)


def test_a_status_is_told_by_its_code_and_derives_what_the_document_id_says() -> None:
    draft = status()
    assert draft.status_code == "03"
    assert draft.response_for.code == "7816/VPCP-TTĐT"
    assert draft.response_for.promulgation_date == date(2015, 9, 30)
    assert draft.timestamp == datetime(2026, 11, 21, 1, 30, 5, tzinfo=VIETNAM_TIME)


@pytest.mark.parametrize("written", ["03", "3", 3])
def test_a_status_code_may_lose_its_nought(written: object) -> None:
    assert status(status_code=written).status_code == "03"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"status_code": "07"}, "status_code"),
        ({"status_code": ""}, "status_code"),
        ({"status_code": "02"}, "description"),
        ({"status_code": "13", "description": "  "}, "description"),
        ({"response_for": {"organ_id": "G22"}}, "response_for.document_id"),
        ({"response_for": {"document_id": "x"}}, "response_for.organ_id"),
        ({"timestamp": "hôm qua"}, "timestamp"),
        ({"subject": "x"}, "subject"),
    ],
)
def test_a_faulty_status_is_named_with_its_key(change: dict[str, object], where: str) -> None:
    assert problem(status_meta(**change)).where == where


@pytest.mark.parametrize("written", ["2026-11-20 09:00:00", "2026/11/20 09:00:00", "2026-11-20T02:00:00Z"])
def test_a_moment_without_a_zone_is_vietnam_time(written: str) -> None:
    assert status(timestamp=written).timestamp == datetime(2026, 11, 20, 9, tzinfo=VIETNAM_TIME)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "van-ban"
    place.mkdir()
    (place / "document.toml").write_text(LEAN, encoding="utf-8")
    (place / "Công văn.pdf").write_bytes(b"%PDF-1.7 invented")
    (place / "b.docx").write_bytes(b"PK invented")
    (place / ".hidden").write_bytes(b"x")
    return place


def loaded(place: Path, *files: Path) -> Document:
    draft = load_draft(place, files, now=NOW)
    assert isinstance(draft, Document), draft
    return draft


def test_the_files_of_a_folder_are_attached_and_listed(folder: Path) -> None:
    draft = loaded(folder)
    assert [each.attachment_name for each in draft.attachments] == ["Công văn.pdf", "b.docx"]
    assert [each.attachment_name for each in draft.manifest] == ["Công văn.pdf", "b.docx"]
    assert [each.content_id for each in draft.manifest] == [each.content_id for each in draft.attachments]
    assert draft.attachments[0].content_type == "application/pdf"
    opened = open_attachment(draft.attachments[0], DEFAULT_LIMITS)
    assert isinstance(opened, OpenedAttachment)
    assert opened.content == b"%PDF-1.7 invented"


def test_a_line_of_attachments_says_how_a_file_travels_and_the_rest_follow(folder: Path) -> None:
    with (folder / "document.toml").open("a", encoding="utf-8") as file:
        file.write(
            'attachments = [{file = "b.docx", zipped = true, description = "Phụ lục", attachment_name = "c.docx"}]'
        )
    first, second = loaded(folder).attachments
    assert (first.attachment_name, first.description, first.content_type) == ("c.docx", "Phụ lục", "application/zip")
    opened = open_attachment(first, DEFAULT_LIMITS)
    assert isinstance(opened, OpenedAttachment)
    assert opened.zipped
    assert opened.content == b"PK invented"
    assert second.attachment_name == "Công văn.pdf"


def test_only_named_files_are_attached_to_a_metadata_file(folder: Path) -> None:
    draft = loaded(folder / "document.toml", folder / "b.docx")
    assert [each.attachment_name for each in draft.attachments] == ["b.docx"]


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "link.txt", "none.pdf", "a\x00b"])
def test_a_draft_never_reaches_out_of_its_folder(folder: Path, name: str) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    meta = lean(attachments=[{"file": name}])
    (folder / "document.toml").unlink()
    (folder / "document.json").write_text(json.dumps(meta), encoding="utf-8")
    draft = load_draft(folder, now=NOW)
    assert isinstance(draft, tuple)
    assert [each.where for each in draft] == ["attachments[0].file"]


def test_a_link_out_of_the_folder_is_no_attachment(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    assert "link.txt" not in [each.attachment_name for each in loaded(folder).attachments]


def test_a_file_above_the_limit_is_a_problem(folder: Path) -> None:
    draft = load_draft(folder, now=NOW, limits=Limits(attachment_bytes=12))
    assert isinstance(draft, tuple)
    assert "Công văn.pdf" in draft[0].vi


def test_a_file_that_is_not_there_is_a_problem(folder: Path) -> None:
    draft = load_draft(folder / "document.toml", [folder / "none.pdf"], now=NOW)
    assert isinstance(draft, tuple)
    assert "none.pdf" in draft[0].vi


def test_a_folder_holds_exactly_one_metadata_file(folder: Path) -> None:
    (folder / "status.toml").write_text("", encoding="utf-8")
    both = load_draft(folder, now=NOW)
    (folder / "status.toml").unlink()
    (folder / "document.toml").unlink()
    none = load_draft(folder, now=NOW)
    assert isinstance(both, tuple)
    assert "document.toml, status.toml" in both[0].en
    assert isinstance(none, tuple)
    assert "no metadata" in none[0].en


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.toml", b"subject = "),
        ("a.toml", b"\xff\xfe"),
        ("a.json", b"{"),
        ("a.json", b"[1]"),
        ("a.json", b'{"subject": "a", "subject": "b"}'),
        ("a.json", b"[" * 100_000),
        ("a.toml", b"a = " + b"[" * 100_000),
        ("a.toml", b"#" * (5 * 2**20)),
    ],
)
def test_metadata_that_cannot_be_read_is_a_problem_not_a_crash(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    draft = load_draft(tmp_path / name, now=NOW)
    assert isinstance(draft, tuple)
    assert draft[0].source == name


def test_metadata_with_a_byte_order_mark_is_read(folder: Path) -> None:
    text = (folder / "document.toml").read_bytes()
    (folder / "document.toml").write_bytes(b"\xef\xbb\xbf" + text)
    assert loaded(folder).subject == "V/v mời họp"


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(LEAN, encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(lean()), encoding="utf-8")
    assert loaded(tmp_path / "a.toml") == loaded(tmp_path / "a.json")


def test_what_a_draft_says_is_what_a_reader_reads(folder: Path) -> None:
    draft = loaded(folder)
    decoded = codec.decode(codec.encode(draft))
    assert isinstance(decoded, codec.Decoded), decoded
    assert isinstance(decoded.envelope, Document)
    assert decoded.envelope.document_id == draft.document_id
    assert decoded.envelope.recipients == draft.recipients
    assert decoded.envelope.bussiness == draft.bussiness
    assert [each.encoded for each in decoded.envelope.attachments] == [each.encoded for each in draft.attachments]


def test_a_status_draft_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(json.dumps(status_meta()), encoding="utf-8")
    draft = load_draft(tmp_path, now=NOW)
    assert isinstance(draft, StatusMessage)
    decoded = codec.decode(codec.encode(draft))
    assert isinstance(decoded, codec.Decoded), decoded
    assert decoded.envelope == draft


def test_a_status_carries_no_files(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    draft = draft_from_mapping(status_meta(), [tmp_path / "a.pdf"], now=NOW)
    assert isinstance(draft, tuple)


def test_every_key_is_listed_for_the_documentation() -> None:
    keys = draft_keys(Document)
    assert "to[].organ_id" in keys
    assert "bussiness.replacement_info_list[].organ_id_list" in keys
    assert "attachments[].zipped" in keys
    assert "response_for.organ_id" in draft_keys(StatusMessage)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(sorted({key.partition(".")[0].removesuffix("[]") for key in draft_keys(Document)}))


@given(st.dictionaries(_KEYS | st.sampled_from(["status_code", "x"]), _JUNK, max_size=6))
def test_whatever_the_metadata_holds_the_answer_is_an_envelope_or_problems(meta: dict[str, Any]) -> None:
    draft = draft_from_mapping(meta, now=NOW)
    if isinstance(draft, tuple):
        assert all(isinstance(each, DraftProblem) for each in draft)
