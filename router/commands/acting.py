"""What the commands share that change something by hand: who does it, why, and moments as people write them."""

import getpass
import os
import re
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from router.commands.opening import VIETNAM
from router.errors import UsageProblem

NAME_CHARS: Final = 64
REASON_CHARS: Final = 500
_FORMS: Final = ("%Y-%m-%d", "%d/%m/%Y")
_HOURS: Final = (" %H:%M", "T%H:%M", " %H:%M:%S", "T%H:%M:%S")

By = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Người thực hiện (mặc định: tài khoản máy). / Who does it.")
]
Reason = Annotated[str, typer.Option("--reason", help="Lý do, được ghi lại. / Why; it is kept.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Chỉ cho xem, không làm. / Show what would be done, and do nothing.")
]


def actor_of(by: str) -> str:
    """The actor of an administrator's events: `admin:` and the name given, else that of the operating system's user."""
    name = " ".join(by.split())
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # a container's user may have a number and no name
            name = f"uid-{os.getuid()}"
    return f"admin:{name[:NAME_CHARS]}"


def reason_of(reason: str) -> str:
    """The reason in one line. Raises UsageProblem when there is none."""
    wanted = " ".join(reason.split())
    if not wanted:
        raise UsageProblem("--reason không được trống", "--reason must not be empty")
    return wanted[:REASON_CHARS]


def moment_of(text: str, *, option: str, end_of_day: bool = False) -> datetime | None:
    """A moment in Vietnam time: `2026-11-25`, `2026-11-25 08:00`, `25/11/2026`, `25/11/2026 08:00`; None for no text.

    A day alone is its beginning, or its end (the beginning of the next day) with `end_of_day`. A moment with an offset
    is taken as it is. Raises UsageProblem for anything else.
    """
    wanted = " ".join(text.split())
    if not wanted:
        return None
    for form in _FORMS:
        if re.fullmatch(r"[0-9/-]+", wanted) and (day := _parsed(wanted, form)) is not None:
            return _shifted(day, option) if end_of_day else day
        for hours in _HOURS:
            if (moment := _parsed(wanted, form + hours)) is not None:
                return moment
    try:
        given = datetime.fromisoformat(wanted)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise UsageProblem(
            f"{option}: không hiểu thời điểm “{wanted}”",
            f"{option}: “{wanted}” is no moment",
            remedy_vi="viết như 2026-11-25, 2026-11-25 08:00 hoặc 25/11/2026 08:00 (giờ Việt Nam)",
            remedy_en="write it like 2026-11-25, 2026-11-25 08:00 or 25/11/2026 08:00 (Vietnam time)",
        )
    return given


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=VIETNAM)
    except ValueError:
        return None


def _shifted(day: datetime, option: str) -> datetime:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise UsageProblem(f"{option}: ngày quá xa", f"{option}: that day is too far away") from None
