"""How commands speak: results on stdout, chatter on stderr, Vietnamese before English, exit codes."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from edxml_schemas.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from edxml_schemas.drafting.reader import DraftProblem
    from edxml_schemas.findings import Finding

STDIO: Final = "-"


class Exit(IntEnum):
    """Exit codes of every command."""

    GOOD = 0
    NEGATIVE = 1
    USAGE = 2
    INFRASTRUCTURE = 3


class Lang(StrEnum):
    """Which languages a command speaks."""

    VI = "vi"
    EN = "en"
    BOTH = "both"


def say(lang: Lang, vi: str, en: str, *, indent: str = "", err: bool = False) -> None:
    """One thing in the wanted languages, a line each, Vietnamese first."""
    for text in in_languages(lang, vi, en):
        typer.echo(f"{indent}{text}", err=err)


def in_languages(lang: Lang, vi: str, en: str) -> tuple[str, ...]:
    """The texts of the wanted languages."""
    return {Lang.VI: (vi,), Lang.EN: (en,), Lang.BOTH: (vi, en) if vi != en else (vi,)}[lang]


def label(lang: Lang, vi: str, en: str) -> str:
    """A label on one line: `Nơi gửi / sender`."""
    return " / ".join(in_languages(lang, vi, en))


def print_json(value: object) -> None:
    """A result as JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_findings(findings: Iterable["Finding"], *, lang: Lang, indent: str = "    ", err: bool = False) -> None:
    """Findings with place, message and remedy."""
    from edxml_schemas.catalogue import explain

    for each in findings:
        told = explain(each)
        place = ", ".join(
            part
            for part in (
                label(lang, f"dòng {told.line}", f"line {told.line}") if told.line is not None else "",
                told.xpath,
            )
            if part
        )
        typer.echo(f"{indent}[{told.code.value}] {place}".rstrip(), err=err)
        say(lang, told.message_vi, told.message_en, indent=f"{indent}  ", err=err)
        say(lang, f"→ {told.remedy_vi}", f"→ {told.remedy_en}", indent=f"{indent}  ", err=err)


def print_problems(problems: Iterable["DraftProblem"], *, lang: Lang) -> None:
    """Problems of a draft, on stderr."""
    for each in problems:
        typer.echo(f"{each.source}{f': {each.where}' if each.where else ''}", err=True)
        say(lang, each.vi, each.en, indent="  ", err=True)
        say(lang, f"→ {each.remedy_vi}", f"→ {each.remedy_en}", indent="  ", err=True)


def stop(code: Exit, vi: str, en: str, *, lang: Lang = Lang.BOTH) -> NoReturn:
    """Ends the command with a reason on stderr."""
    say(lang, vi, en, err=True)
    raise typer.Exit(code)


def read_input(name: str, *, lang: Lang) -> bytes:
    """The bytes of a file, or of stdin for `-`; no more than one byte above the limit of an envelope."""
    most = DEFAULT_LIMITS.envelope_bytes + 1
    if name == STDIO:
        return sys.stdin.buffer.read(most)
    return read_file(Path(name), lang=lang, most=most)


def read_file(path: Path, *, lang: Lang, most: int = 2**20) -> bytes:
    """The first `most` bytes of a file. A file that is not there is a slip of usage; one that cannot be read is not."""
    if not path.exists():
        stop(Exit.USAGE, f"Không có tệp “{path}”.", f"There is no file “{path}”.", lang=lang)
    if path.is_dir():
        stop(Exit.USAGE, f"“{path}” là thư mục, không phải tệp.", f"“{path}” is a folder, not a file.", lang=lang)
    with path.open("rb") as file:
        return file.read(most)


def guard_output(paths: Sequence[Path], *, force: bool, lang: Lang) -> None:
    """Refuses to overwrite, unless forced."""
    there = [path for path in paths if os.path.lexists(path)]
    if there and not force:
        names = ", ".join(f"“{path}”" for path in there[:5])
        stop(
            Exit.USAGE,
            f"Đã có {names}; thêm --force để ghi đè.",
            f"{names} exists already; add --force to overwrite.",
            lang=lang,
        )


def write_output(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all; `-` is stdout."""
    if str(path) == STDIO:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".edxml-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def rows(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """The rows of a table that have something to show."""
    return [(name, value) for name, value in values.items() if value]


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
