"""Reads typed values out of a draft's metadata, and collects every problem instead of stopping at the first.

A `Table` remembers the keys it was asked for; `done()` reports the keys nobody asked for, with the nearest known one.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeVar

from edxml_schemas.reader import VIETNAM_TIME

_T = TypeVar("_T")
_DAY: Final = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})")
_XML_FORBIDS: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN: Final = 60  # characters of a wrong value quoted back


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftProblem:
    """What is wrong with a draft, where, and how to mend it.

    `where` is the dotted key (`to[1].organ_id`; empty for the whole file), `source` the metadata file's name.
    """

    where: str
    source: str
    vi: str
    en: str
    remedy_vi: str
    remedy_en: str

    def as_dict(self) -> dict[str, object]:
        """The problem as JSON: where, source, message {vi, en}, remedy {vi, en}."""
        return {
            "where": self.where,
            "source": self.source,
            "message": {"vi": self.vi, "en": self.en},
            "remedy": {"vi": self.remedy_vi, "en": self.remedy_en},
        }


DraftProblems = tuple[DraftProblem, ...]


@dataclass(slots=True, kw_only=True)
class Notebook:
    """What reading one draft brings to light: its problems, and every key that a draft may have."""

    source: str
    problems: list[DraftProblem] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    listing: bool = False
    """Lists all keys, also those inside lists that the draft does not have."""
    _places: set[str] = field(default_factory=set)

    def told_of(self, where: str) -> bool:
        """Whether there is a problem with this key already."""
        return where in self._places

    def problem(self, where: str, *, vi: str, en: str, remedy_vi: str, remedy_en: str) -> None:
        self._places.add(where)
        self.problems.append(
            DraftProblem(where=where, source=self.source, vi=vi, en=en, remedy_vi=remedy_vi, remedy_en=remedy_en)
        )


class Table:
    """A table of the metadata. Every reader returns a default when the key is absent or wrong."""

    def __init__(self, data: Mapping[str, object], *, path: str, notebook: Notebook, given: bool = True) -> None:
        self._data = data
        self._path = path
        self._notebook = notebook
        self._asked: list[str] = []
        self.given = given

    def where(self, key: str) -> str:
        """The dotted key of a key of this table."""
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        return key in self._data

    def text(self, key: str, *, number_ok: bool = False) -> str:
        """A text without surrounding space; a whole number counts as text where `number_ok`."""
        value = self._take(key)
        if value is None:
            return ""
        if number_ok and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self._clean(key, value)

    def whole(self, key: str, *, names: Mapping[str, int] | None = None, allowed: range | None = None) -> int | None:
        """A whole number, or one of `names` (any case)."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, str) and names is not None:
            number = names.get(" ".join(value.replace("_", " ").replace("-", " ").casefold().split()))
            if number is not None:
                return number
        elif isinstance(value, int) and not isinstance(value, bool) and (allowed is None or value in allowed):
            return value
        self._wrong(key, value, *_whole_wanted(names, allowed))
        return None

    def flag(self, key: str) -> bool | None:
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        self._wrong(key, value, "true hoặc false", "true or false")
        return None

    def bit(self, key: str) -> int | None:
        """0 or 1; true and false count as these."""
        value = self._take(key)
        if value is None or value in (0, 1):
            return None if value is None else int(bool(value))
        self._wrong(key, value, "0 hoặc 1", "0 or 1")
        return None

    def day(self, key: str) -> date | None:
        """A calendar date: a TOML date, or text YYYY-MM-DD or YYYY/MM/DD."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        day = parse_day(value) if isinstance(value, str) else None
        if day is None:
            self._wrong(key, value, "ngày có thật, dạng YYYY-MM-DD", "a real date, YYYY-MM-DD")
        return day

    def moment(self, key: str) -> datetime | None:
        """A moment: a TOML date-time or text; without a zone it is Vietnam time."""
        value = self._take(key)
        if value is None:
            return None
        moment: datetime | None = value if isinstance(value, datetime) else None
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip().replace("/", "-"))
            except ValueError:
                moment = None
        if moment is None:
            self._wrong(key, value, "thời điểm dạng YYYY-MM-DD HH:MM:SS", "a moment, YYYY-MM-DD HH:MM:SS")
            return None
        return moment.astimezone(VIETNAM_TIME) if moment.tzinfo else moment.replace(tzinfo=VIETNAM_TIME)

    def texts(self, key: str, *, inner: str) -> tuple[str, ...]:
        """A list of texts: `key = ["…"]`, or nested as in EDXML, `key.inner = ["…"]`."""
        found: list[str] = []
        for index, item in enumerate(self._items(key, inner=inner)):
            number = isinstance(item, int) and not isinstance(item, bool)
            text = self._clean(f"{key}[{index}]", str(item) if number else item)
            if text:
                found.append(text)
        return tuple(found)

    def table(self, key: str) -> "Table":
        """The table under a key; an empty one, not `given`, when there is none."""
        value = self._take(key)
        if isinstance(value, Mapping):
            return self._child(key, value)
        if value is not None:
            self._wrong(key, value, "một bảng (các khóa con)", "a table (with keys of its own)")
        return self._child(key, {}, given=False)

    def each(self, key: str, read: "Callable[[Table], _T]", *, inner: str = "", shorthand: str = "") -> tuple[_T, ...]:
        """Reads every table of a list. One table stands for a list of one; with `shorthand`, a text `x` for the table
        `{shorthand = x}`."""
        if self._notebook.listing:
            read(self._child(f"{key}[]", {}, given=False))
        found: list[_T] = []
        for index, item in enumerate(self._items(key, inner=inner)):
            step = f"{key}[{index}]"
            if isinstance(item, Mapping):
                found.append(read(self._child(step, item)))
            elif isinstance(item, str) and shorthand:
                found.append(read(self._child(step, {shorthand: item})))
            else:
                self._wrong(step, item, "một bảng (các khóa con)", "a table (with keys of its own)")
        return tuple(found)

    def missing(self, key: str, *, remedy_vi: str, remedy_en: str) -> None:
        """Reports a key that cannot be left out, unless its value was reported already."""
        where = self.where(key)
        if self._notebook.told_of(where):
            return
        self._notebook.problem(
            where,
            vi=f"Thiếu khóa bắt buộc “{where}”, hoặc giá trị để trống.",
            en=f"The required key “{where}” is missing or empty.",
            remedy_vi=remedy_vi,
            remedy_en=remedy_en,
        )

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """One of `allowed`, codes of two digits; the number 3 and the text "3" mean "03"."""
        text = self.text(key, number_ok=True).zfill(2)
        if self.has(key) and text not in allowed:
            listed = ", ".join(allowed)
            self._wrong(key, self._data[key], f"một trong: {listed}", f"one of: {listed}")
        return text

    def repeated(self, key: str, value: str) -> None:
        """Reports a value that stands twice in a list."""
        where = self.where(key)
        self._notebook.problem(
            where,
            vi=f"“{value}” được ghi nhiều lần trong “{where}”.",
            en=f"“{value}” stands more than once in “{where}”.",
            remedy_vi="Đề nghị chỉ ghi một lần.",
            remedy_en="Name it once.",
        )

    def done(self) -> None:
        """Reports the keys that nobody asked for."""
        for key in self._data:
            if key in self._asked:
                continue
            near = difflib.get_close_matches(str(key), self._asked, n=1, cutoff=0.5)
            known = ", ".join(self._asked)
            self._notebook.problem(
                self.where(str(key)),
                vi=f"Khóa “{self.where(str(key))}” không có trong danh mục khóa.",
                en=f"The key “{self.where(str(key))}” is not known.",
                remedy_vi=f"Có phải là “{near[0]}”?" if near else f"Các khóa dùng được ở đây: {known}.",
                remedy_en=f"Did you mean “{near[0]}”?" if near else f"Keys that may stand here: {known}.",
            )

    def _take(self, key: str) -> object:
        self._asked.append(key)
        self._notebook.keys[self.where(key)] = None
        return self._data.get(key)

    def _child(self, key: str, data: Mapping[str, object], *, given: bool = True) -> "Table":
        return Table(data, path=self.where(key), notebook=self._notebook, given=given)

    def _items(self, key: str, *, inner: str) -> Sequence[object]:
        value = self._take(key)
        if inner and isinstance(value, Mapping) and set(value) <= {inner}:
            value = value.get(inner, [])
        if value is None:
            return ()
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return value
        return (value,)

    def _clean(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            self._wrong(key, value, "chữ, đặt trong dấu nháy", "text, in quotes")
            return ""
        if forbidden := _XML_FORBIDS.search(value):
            self._wrong(
                key,
                value,
                f"chữ không có ký tự điều khiển (U+{ord(forbidden[0]):04X})",
                f"text without control characters (U+{ord(forbidden[0]):04X})",
            )
            return ""
        return value.strip()

    def _wrong(self, key: str, value: object, wanted_vi: str, wanted_en: str) -> None:
        where, shown = self.where(key), quoted(value)
        self._notebook.problem(
            where,
            vi=f"Giá trị {shown} của “{where}” không dùng được.",
            en=f"The value {shown} of “{where}” cannot be used.",
            remedy_vi=f"Cần {wanted_vi}.",
            remedy_en=f"What is wanted: {wanted_en}.",
        )


def parse_day(text: str) -> date | None:
    """The date written YYYY/MM/DD or YYYY-MM-DD; None when there is no such day."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def quoted(value: object) -> str:
    """A wrong value as it is quoted back: short, on one line, with control characters made visible."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"


def _whole_wanted(names: Mapping[str, int] | None, allowed: range | None) -> tuple[str, str]:
    vi, en = "số nguyên", "a whole number"
    if allowed is not None:
        vi, en = f"{vi} từ {allowed.start} đến {allowed.stop - 1}", f"{en} from {allowed.start} to {allowed.stop - 1}"
    if names:
        listed = ", ".join(names)
        vi, en = f"{vi}, hoặc một trong: {listed}", f"{en}, or one of: {listed}"
    return vi, en
