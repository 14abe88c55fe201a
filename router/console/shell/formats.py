"""How values are written for people: Vietnam time, sizes, counts, shares."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from router.console.shell.words import Language, Words, said
from router.core.work_lists import Count

VIETNAM: Final = timezone(timedelta(hours=7))
NOTHING: Final = "–"
SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB")
STEP: Final = 1024
YES: Final = Words("có", "yes")
NO: Final = Words("không", "no")

Moment = datetime | str | None


def as_moment(given: Moment) -> datetime | None:
    """A moment as views give it, or as it stands in JSON."""
    if given is None or given == "":
        return None
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    return moment.astimezone(VIETNAM) if moment.tzinfo is not None else moment.replace(tzinfo=UTC).astimezone(VIETNAM)


def moment(given: Moment, *, seconds: bool = False) -> str:
    """25/11/2026 08:00, Vietnam time."""
    at = as_moment(given)
    if at is None:
        return NOTHING
    return f"{at:%d/%m/%Y %H:%M:%S}" if seconds else f"{at:%d/%m/%Y %H:%M}"


def day(given: date | str | None) -> str:
    """25/11/2026."""
    if given is None or given == "":
        return NOTHING
    at = date.fromisoformat(given[:10]) if isinstance(given, str) else given
    return f"{at:%d/%m/%Y}"


def span(given: timedelta | float | None, language: Language = Language.VI) -> str:
    """A length of time in its two largest units: 3 ngày 4 giờ; numbers are seconds."""
    if given is None:
        return NOTHING
    seconds = int(given.total_seconds() if isinstance(given, timedelta) else given)
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    names = ("ngày", "giờ", "phút", "giây") if language is Language.VI else ("d", "h", "min", "s")
    parts = (seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60, seconds % 60)
    filled = [f"{count} {name}" for count, name in zip(parts, names, strict=True) if count]
    return sign + (" ".join(filled[:2]) or f"0 {names[3]}")


def ago(given: Moment, now: datetime, language: Language = Language.VI) -> str:
    """How long ago, or how long until: 5 phút trước, sau 2 giờ."""
    at = as_moment(given)
    if at is None:
        return NOTHING
    length = now - at
    if abs(length) < timedelta(seconds=45):
        return "vừa xong" if language is Language.VI else "just now"
    largest = _largest(span(abs(length), language))
    if length > timedelta(0):
        return f"{largest} trước" if language is Language.VI else f"{largest} ago"
    return f"sau {largest}" if language is Language.VI else f"in {largest}"


def brief(given: Moment, now: datetime) -> str:
    """14:53 12/10, with the year when it is not this one."""
    at, today = as_moment(given), as_moment(now)
    if at is None or today is None:
        return NOTHING
    return f"{at:%H:%M %d/%m}" if at.year == today.year else f"{at:%H:%M %d/%m/%Y}"


def _largest(text: str) -> str:
    return " ".join(text.split()[:2])


def count(given: float | None, language: Language = Language.VI) -> str:
    """1.234.567 in Vietnamese, 1,234,567 in English; one decimal place for what is not whole."""
    if given is None:
        return NOTHING
    text = f"{given:,}" if isinstance(given, int) else f"{given:,.1f}".removesuffix(".0")
    return text.translate(str.maketrans(",.", ".,")) if language is Language.VI else text


def counted(given: Count | Mapping[str, Any], language: Language = Language.VI) -> str:
    """A number that was counted up to a bound: 1.000+ when there are more. Takes what twins tell, too."""
    told = given if isinstance(given, Mapping) else {"number": given.number, "more": given.more}
    return f"{count(told['number'], language)}{'+' if told['more'] else ''}"


def size(given: int | None, language: Language = Language.VI) -> str:
    """1,5 MiB."""
    if given is None:
        return NOTHING
    value, unit = float(given), 0
    while value >= STEP and unit < len(SIZES) - 1:
        value, unit = value / STEP, unit + 1
    return f"{count(round(value, 1) if unit else given, language)} {SIZES[unit]}"


def percent(given: float | None, language: Language = Language.VI) -> str:
    """A share from 0 to 1 as 97,5 %."""
    return NOTHING if given is None else f"{count(round(given * 100, 1), language)} %"


def shown(given: Any, language: Language = Language.VI) -> str:
    """Any value of a page's data in a word: texts in both languages, moments, days, truths, lists."""
    match given:
        case None | "":
            text = NOTHING
        case bool():
            text = said(YES if given else NO, language)
        case datetime():
            text = moment(given)
        case date():
            text = day(given)
        case int() | float():
            text = count(given, language)
        case str() | Words():
            text = said(given, language)
        case {"vi": _, "en": _}:
            text = said(given, language)
        case _:
            text = ", ".join(shown(each, language) for each in given) or NOTHING
    return text


def short(given: str, chars: int = 12) -> str:
    """The beginning of a digest."""
    return given if len(given) <= chars else f"{given[:chars]}…"
