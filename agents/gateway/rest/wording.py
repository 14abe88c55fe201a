"""What the reader of requests complains of, said so that people can mend it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from agents.gateway.rest.problems import Fault, Said

_MOST: Final = 50  # faults told of one request

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("Thiếu giá trị bắt buộc.", "A required value is missing."),
    "extra_forbidden": ("Khóa này không có trong mô tả.", "This key is not in the description."),
    "string_type": ("Phải là chuỗi.", "Must be a text."),
    "string_too_short": ("Chuỗi ngắn hơn {min_length} ký tự.", "The text has fewer than {min_length} characters."),
    "string_too_long": ("Chuỗi dài hơn {max_length} ký tự.", "The text has more than {max_length} characters."),
    "string_pattern_mismatch": ("Chuỗi không đúng mẫu.", "The text does not have the form that is asked for."),
    "int_type": ("Phải là số nguyên.", "Must be a whole number."),
    "int_parsing": ("Phải là số nguyên.", "Must be a whole number."),
    "int_parsing_size": ("Số quá lớn.", "The number is too large."),
    "int_from_float": ("Phải là số nguyên.", "Must be a whole number."),
    "float_type": ("Phải là số.", "Must be a number."),
    "float_parsing": ("Phải là số.", "Must be a number."),
    "finite_number": ("Phải là số hữu hạn.", "Must be a finite number."),
    "bool_type": ("Phải là true hoặc false.", "Must be true or false."),
    "bool_parsing": ("Phải là true hoặc false.", "Must be true or false."),
    "greater_than": ("Phải lớn hơn {gt}.", "Must be above {gt}."),
    "greater_than_equal": ("Phải từ {ge} trở lên.", "Must be {ge} or more."),
    "less_than_equal": ("Phải từ {le} trở xuống.", "Must be {le} or less."),
    "enum": ("Phải là một trong: {expected}.", "Must be one of: {expected}."),
    "literal_error": ("Phải là một trong: {expected}.", "Must be one of: {expected}."),
    "datetime_parsing": ("Phải là thời điểm ISO 8601 có múi giờ.", "Must be a time in ISO 8601 with its zone."),
    "datetime_from_date_parsing": (
        "Phải là thời điểm ISO 8601 có múi giờ.",
        "Must be a time in ISO 8601 with its zone.",
    ),
    "timezone_aware": ("Thời điểm phải kèm múi giờ.", "The time must state its zone."),
    "too_long": ("Danh sách dài hơn {max_length}.", "The list has more than {max_length}."),
    "too_short": ("Danh sách ngắn hơn {min_length}.", "The list has fewer than {min_length}."),
    "list_type": ("Phải là danh sách.", "Must be a list."),
    "dict_type": ("Phải là đối tượng JSON.", "Must be a JSON object."),
    "model_attributes_type": ("Phải là đối tượng JSON.", "Must be a JSON object."),
    "model_type": ("Phải là đối tượng JSON.", "Must be a JSON object."),
}
_OTHER: Final = ("Giá trị không hợp lệ.", "The value is not valid.")
_REMEDY: Final = Said(
    vi="Đề nghị xem mô tả của thao tác ở /api/v1/openapi.json rồi gửi lại.",
    en="See the operation in /api/v1/openapi.json, and send it again.",
)


def faults_of(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Every complaint with its place; the wrong values themselves are not repeated."""
    found = []
    for each in list(errors)[:_MOST]:
        vi, en = _TEXTS.get(each["type"], _OTHER)
        facts = _Facts(each.get("ctx") or {})
        place = ".".join(map(str, each["loc"]))
        found.append(Fault(where=place, vi=vi.format_map(facts), en=en.format_map(facts), remedy=_REMEDY))
    return found


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"
