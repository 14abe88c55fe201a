"""Who reads the log as it grows, and how far each is behind it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class LogReader(StrEnum):
    """What is kept up to date from the log. The values stand in metrics, and in alarms as subjects."""

    SEARCH = "search"
    FIGURES = "figures"


LOG_READER_TEXT: Final[Mapping[LogReader, tuple[str, str]]] = MappingProxyType(
    {
        LogReader.SEARCH: ("Chỉ mục tìm kiếm", "The search index"),
        LogReader.FIGURES: ("Số liệu thống kê", "The counting of figures"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a reader is behind: events of the log, and the age of the oldest of them. Zero when it is up to date."""

    events: int = 0
    age: timedelta = timedelta(0)
