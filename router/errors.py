"""What ends a command early, said so that a person can mend it; and the exit codes of every command.

    HubProblem
    ├── UsageProblem            2   a setting or an argument is wrong
    └── InfrastructureProblem   3   broker, database, disk or network cannot be used now

Foreign errors are mapped by one table, `problem_of`. Whatever is not in it is a bug and keeps its traceback.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from router.ports import BrokerUnavailable, PayloadUnavailable, StoreUnavailable


class ExitCode(IntEnum):
    """Of every command line of the project."""

    GOOD = 0
    NEGATIVE = 1  # the answer is no: a verdict, a difference, nothing found
    USAGE = 2
    INFRASTRUCTURE = 3


class HubProblem(Exception):
    """A problem with an exit code, in both languages; `remedy_*` say how to mend it."""

    exit_code: ExitCode = ExitCode.INFRASTRUCTURE

    def __init__(self, vi: str, en: str, *, remedy_vi: str = "", remedy_en: str = "") -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en
        self.remedy_vi = remedy_vi
        self.remedy_en = remedy_en

    def text(self) -> str:
        """Vietnamese first, then English; the remedy under each."""
        lines = [self.vi, f"  → {self.remedy_vi}" if self.remedy_vi else "", self.en]
        lines.append(f"  → {self.remedy_en}" if self.remedy_en else "")
        return "\n".join(line for line in lines if line)


class UsageProblem(HubProblem):
    """A setting or an argument is wrong."""

    exit_code = ExitCode.USAGE


class InfrastructureProblem(HubProblem):
    """Something around the hub cannot be used now."""


def redacted(url: str) -> str:
    """A URL without its password, for logs and messages. What is no URL comes back as `…`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "…"
    if not parts.scheme:
        return "…"
    if not parts.netloc:
        return f"{parts.scheme}://{parts.path}"  # a file: nothing to hide
    user = f"{parts.username}:…@" if parts.password else f"{parts.username}@" if parts.username else ""
    netloc = f"{user}[{host}]{port}" if ":" in host else f"{user}{host}{port}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def _broker(error: Exception) -> HubProblem:
    return InfrastructureProblem(
        f"Không dùng được môi giới RabbitMQ: {error}",
        f"The broker cannot be used: {error}",
        remedy_vi="kiểm tra amqp_url trong truc.toml (hoặc TRUC_AMQP_URL) và RabbitMQ có đang chạy không",
        remedy_en="check amqp_url in truc.toml (or TRUC_AMQP_URL), and that RabbitMQ is running",
    )


def _store(error: Exception) -> HubProblem:
    return InfrastructureProblem(
        f"Không dùng được cơ sở dữ liệu: {error}",
        f"The database cannot be used: {error}",
        remedy_vi="kiểm tra database_url trong truc.toml (hoặc TRUC_DATABASE_URL), máy chủ và dung lượng đĩa",
        remedy_en="check database_url in truc.toml (or TRUC_DATABASE_URL), the server and the free disk space",
    )


def _disk(error: Exception) -> HubProblem:
    return InfrastructureProblem(
        f"Không đọc hoặc ghi được: {error}",
        f"Cannot be read or written: {error}",
        remedy_vi="kiểm tra quyền của thư mục và dung lượng đĩa",
        remedy_en="check the folder's permissions and the free disk space",
    )


FOREIGN: Final[tuple[tuple[type[Exception], Callable[[Exception], HubProblem]], ...]] = (
    (BrokerUnavailable, _broker),
    (StoreUnavailable, _store),
    (PayloadUnavailable, _disk),
    (OSError, _disk),
)


def problem_of(error: BaseException) -> HubProblem | None:
    """The problem to show for an error; None when the error is a bug."""
    if isinstance(error, HubProblem):
        return error
    for kind, shown in FOREIGN:
        if isinstance(error, kind):
            return shown(error)
    return None
