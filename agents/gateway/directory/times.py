"""Moments in the directory's file: text of fixed width in UTC, so that the order of text is that of time."""

from datetime import UTC, datetime
from typing import Final

_FORM: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FORM)


def from_text(text: str) -> datetime:
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)


def maybe_from_text(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
