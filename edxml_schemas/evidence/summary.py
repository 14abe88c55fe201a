"""The summary that people read and print: one HTML page in Vietnamese, made from the data of the package and nothing
else, without scripts, pictures or links. Versions 1 and 2 of the format have exactly this page (who vouched is told in
the second alone): a verifier makes it anew and compares every character, so a change of it is a new version.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Final

from edxml_schemas.evidence.data import Evidence, ProvenEvent, Row, vouched_in
from edxml_schemas.evidence.replay import EPOCH, facts_of
from edxml_schemas.evidence.seals import SealProof
from edxml_schemas.evidence.words import EVENT_WORDS, RECALL_WORDS, RECEIPT_WORDS, STATE_WORDS, TYPE_WORDS
from edxml_schemas.statuses import STATUS_TEXT
from edxml_schemas.vouched import repair_text

VIETNAM: Final = timezone(timedelta(hours=7))

_STYLE: Final = (
    "body{font:11pt/1.45 'Times New Roman',serif;margin:2cm auto;max-width:19cm;color:#111}"
    "h1{font-size:15pt;text-align:center}h2{font-size:12.5pt;margin:1.4em 0 .4em}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #888;padding:.2em .45em;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{background:#eee}code{font-size:9pt}"
    "tr{break-inside:avoid}@page{size:A4;margin:1.5cm}@media print{body{margin:0;max-width:none}}"
)


def summary_of(evidence: Evidence, events: Sequence[ProvenEvent], seals: Sequence[SealProof]) -> str:
    """The page. Pure: the same data gives the same text. Never raises for data that `data.py` has read."""
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">\n',
            f"<title>{_t('Hồ sơ chứng cứ', evidence.subject['code'])}</title>\n",
            f"<style>{_STYLE}</style>\n</head>\n<body>\n",
            "<h1>HỒ SƠ CHỨNG CỨ GỬI, NHẬN VĂN BẢN ĐIỆN TỬ</h1>\n",
            f"<p>Trục liên thông: {escape(evidence.hub)}. Lập lúc: {_time(evidence.made_at)} (giờ Việt Nam).</p>\n",
            _messages(evidence),
            _legs(evidence),
            _statuses(evidence),
            _receipts(evidence),
            _timeline(evidence, events),
            _sealed(seals),
            "</body>\n</html>\n",
        )
    )


def _messages(evidence: Evidence) -> str:
    parts = []
    for each in evidence.messages:
        title = TYPE_WORDS.get(str(each["type"]), str(each["type"]))
        head = "Văn bản" if each["id"] == evidence.document else f"Liên quan: {title}"
        rows = (
            ("Số, ký hiệu", each["code"]),
            ("Trích yếu", each["subject"]),
            ("Mã văn bản (DocumentId)", each["document_id"]),
            ("Mã trạng thái", _status_words(each["status_code"])),
            ("Nơi gửi", evidence.organ(each["sender"])),
            ("Ngày ban hành", each["promulgation_date"]),
            ("Trục nhận lúc", _time(each["received_at"])),
            ("Kết luận", f"{STATE_WORDS.get(str(each['state']), each['state'])}, lúc {_time(each['decided_at'])}"),
            ("Trùng với thông điệp", each["duplicate_of"]),
            ("Giá trị băm SHA-256 của gói tin", each["digest"]),
            ("Kích thước (byte)", each["size"]),
            ("Chứng thư ký (SHA-256)", each["certificate"]),
            *_vouched(each),
            ("Mã thông điệp", each["id"]),
        )
        parts.append(_section(head, _pairs(rows)))
    return "".join(parts)


def _vouched(row: Row) -> tuple[tuple[str, object], ...]:
    note = vouched_in(row)
    if note is None:
        return ()
    return (
        ("Tác nhân ký thay cho hệ thống", note.system),
        ("Bản gốc của hệ thống (SHA-256)", f"{note.digest} ({note.size} byte)"),
        ("Việc đã làm với bản gốc", "; ".join(repair_text(each)[0] for each in note.repairs)),
    )


def _legs(evidence: Evidence) -> str:
    headings = ("Nơi nhận", "Tình trạng", "Vào hộp thư", "Nơi nhận lưu", "Xử lý", "Thu hồi, thay đổi")
    rows = [
        (
            evidence.organ(each["recipient"])
            + (f", nhận thay {evidence.organ(each['forwarded_from'])}" if each["forwarded_from"] else ""),
            STATE_WORDS.get(str(each["state"]), str(each["state"])),
            _time(each["handed_over_at"]),
            _time(each["delivered_at"]),
            " ".join(filter(None, (_status_words(each["status"]), _time(each["status_at"]), str(each["reason"])))),
            RECALL_WORDS.get(str(each["recall"]), str(each["recall"])),
        )
        for each in evidence.legs
        if each["message_id"] == evidence.document
    ]
    return _section("Nơi nhận", _table(headings, rows))


def _statuses(evidence: Evidence) -> str:
    headings = ("Trục nhận lúc", "Trạng thái", "Cơ quan báo", "Thời điểm do cơ quan ghi", "Nội dung", "Cán bộ")
    rows = [
        (
            _time(each["accepted_at"]),
            _status_words(each["code"]),
            evidence.organ(each["sender"]),
            _time(each["said_at"]),
            str(each["description"]),
            str(each["staff"]),
        )
        for each in evidence.statuses
    ]
    return _section("Trạng thái đã báo", _table(headings, rows)) if rows else ""


def _receipts(evidence: Evidence) -> str:
    recipients = {str(each["id"]): each["recipient"] for each in evidence.legs}
    rows = [
        (
            f"Biên nhận {RECEIPT_WORDS.get(each.kind, each.kind)}",
            evidence.organ(recipients[each.leg_id]) if each.leg_id in recipients else "",
            str(each.seq),
            each.id,
        )
        for each in evidence.receipts
    ]
    return _section("Biên nhận do trục ký", _table(("Loại", "Về nơi nhận", "Dòng nhật ký", "Mã"), rows))


def _timeline(evidence: Evidence, events: Sequence[ProvenEvent]) -> str:
    recipients = {str(each["id"]): each["recipient"] for each in evidence.legs}
    rows = []
    for each in events:
        seq, name, at, _, leg_id, actor, _ = each.words
        told = EVENT_WORDS.get(name, name)
        about = evidence.organ(recipients[leg_id]) if leg_id in recipients else ""
        more = "; ".join(f"{key}: {text}" for key, text in sorted(facts_of(each.words).items()) if key in _TOLD_FACTS)
        rows.append((str(seq), _micros(at), " — ".join(filter(None, (told, about, more))), actor, str(each.seal)))
    return _section("Diễn biến theo nhật ký", _table(("Dòng", "Lúc", "Việc", "Ai", "Niêm phong"), rows))


_TOLD_FACTS: Final = frozenset({"code", "codes", "reason", "deadline", "kind"})


def _sealed(seals: Sequence[SealProof]) -> str:
    if not seals:
        return ""
    first, last = seals[0].words, seals[-1].words
    rows = (
        ("Các dấu niêm phong nhật ký", f"từ số {first.number} đến số {last.number}"),
        ("Dấu mới nhất", f"dòng {last.first_seq} đến {last.last_seq}, lúc {_micros(last.sealed_at)}"),
        ("Giá trị băm của dấu mới nhất", last.digest),
        ("Chứng thư của trục (SHA-256)", last.certificate),
        ("Dấu thời gian RFC 3161", str(sum(bool(each.timestamp) for each in seals))),
    )
    how = (
        "<p>Kiểm tra hồ sơ này, không cần mạng: <code>edxml verify-evidence TỆP.zip --hub-cert CHỨNG-THƯ.pem</code>. "
        "Bản tóm tắt này chỉ để đọc; bằng chứng là các tệp trong hồ sơ và chữ ký trên chúng.</p>\n"
    )
    return _section("Niêm phong", _pairs(rows) + how)


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{body}"


def _pairs(rows: Iterable[tuple[str, object]]) -> str:
    told = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>\n"
        for name, value in rows
        if value not in ("", None)
    )
    return f"<table>\n{told}</table>\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}</table>\n"


def _t(*parts: object) -> str:
    return escape(" ".join(str(each) for each in parts if each))


def _status_words(code: object) -> str:
    known = next((vi for each, (vi, _) in STATUS_TEXT.items() if each.value == code), "")
    return f"{code} {known}".strip() if code else ""


def _time(text: object) -> str:
    """Vietnam time of an ISO text; the text itself when it is none."""
    if not isinstance(text, str) or not text:
        return ""
    try:
        return f"{datetime.fromisoformat(text).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    except (ValueError, OverflowError):
        return text


def _micros(at: int) -> str:
    try:
        return f"{(EPOCH + timedelta(microseconds=at)).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    except OverflowError:
        return str(at)


def headline(row: Row) -> str:
    """One line that says which message a record is about."""
    return " · ".join(str(each) for each in (row["code"], row["document_id"], row["id"]) if each)
