"""`truc registry import`: the differences that a file makes, and then exactly these."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.commands.acting import By, Reason, actor_of
from router.commands.opening import AsJson, ConfigPath, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.services.registration.registrar import Difference, ImportPlan
    from router.services.registration.registry_file import Problem

SHOWN_DIFFERENCES: Final = 50


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV UTF-8 hoặc Excel (.xlsx), dòng đầu là tên cột. / CSV or Excel with a heading."
        ),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Chỉ cho xem thay đổi. / Show what would change, and change nothing.")
    ] = False,
    reason: Reason = "",
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Nhập sổ đăng ký từ CSV hoặc Excel / Import the registry from a CSV or Excel file.

    Cột / columns: organ_id, name (bắt buộc / required), parent, old_code, agent, email, phone, address, state (active,
    locked: kết thúc / ended), certificate (tệp PEM so với tệp này, nhiều tệp cách nhau bằng ';' / PEM files relative to
    this file, several separated by ';').

    Một dòng sai thì không dòng nào được ghi. Cơ quan không có trong tệp được giữ nguyên. Ô chứng thư để trống: giữ
    chứng thư đang gắn; có ghi: chỉ các chứng thư đó được ký.

    Nothing is written when a line is wrong. Organs that are not in the file are left alone. An empty certificate cell
    keeps what is bound; a filled one binds exactly those.

    Mã thoát / exit codes: 0 tốt / good · 1 tệp có lỗi / the file has faults · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.adapters.clock import SystemClock
    from router.app.parts import open_registry_desk
    from router.core.people import EVERYTHING
    from router.services.registration.importing import Preview, apply_preview, preview, read_file
    from router.settings import load_settings

    data, beside = _file_bytes(file), _certificates_beside(file)
    _, problems = read_file(data, certificate_file=beside)
    if problems:
        _tell_problems(file, problems, as_json=as_json)
        raise typer.Exit(ExitCode.NEGATIVE)
    with opened_store(config, create=True) as store:
        found = preview(data, store.registry(), scope=EVERYTHING, certificate_file=beside)
        if not isinstance(found, Preview):
            _tell_problems(file, found, as_json=as_json)
            raise typer.Exit(ExitCode.NEGATIVE)
        written = True
        if not dry_run and found.plan.differences:
            with open_registry_desk(load_settings(config)) as desk:
                now, why = SystemClock().now(), " ".join(reason.split())
                written = apply_preview(desk, found, actor=actor_of(by), reason=why, now=now)
    if not written:
        say("Sổ đăng ký vừa thay đổi; hãy chạy lại.", "The registry has just changed; run it again.")
        raise typer.Exit(ExitCode.NEGATIVE)
    _tell_plan(found.plan, applied=not dry_run, as_json=as_json)


def _file_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise UsageProblem(
            f"Không đọc được {file}: {problem.strerror}", f"Cannot read {file}: {problem.strerror}"
        ) from None


class _CertificatesBeside:
    """Reads certificates by the names in a file, relative to its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> bytes:
        from router.services.registration.registry_file import CERTIFICATE_BYTES, CertificateUnreadable

        path = self._folder / name
        try:
            if path.stat().st_size > CERTIFICATE_BYTES:
                raise CertificateUnreadable("more than 1 MiB")
            return path.read_bytes()
        except (OSError, ValueError) as problem:
            raise CertificateUnreadable(getattr(problem, "strerror", None) or str(problem)) from None


def _certificates_beside(file: Path) -> _CertificatesBeside:
    return _CertificatesBeside(file.parent)


def _tell_problems(file: Path, problems: "Sequence[Problem]", *, as_json: bool) -> None:
    if as_json:
        print_json({"applied": False, "problems": [asdict(each) for each in problems]})
    for each in problems:
        place = f"{file}:{each.line}" + (f" [{each.column}]" if each.column else "")
        say(f"{place}: {each.vi}", f"{' ' * len(place)}  {each.en}")
    say("Không có gì được ghi.", "Nothing was written.")


def _tell_plan(plan: "ImportPlan", *, applied: bool, as_json: bool) -> None:
    new = sum(each.new for each in plan.differences)
    ended = sum(each.ended for each in plan.differences)
    if as_json:
        print_json(
            {
                "applied": applied,
                "problems": [],
                "new": new,
                "changed": len(plan.differences) - new - ended,
                "ended": ended,
                "unchanged": plan.unchanged,
                "agents_created": [each.name for each in plan.agents],
                "differences": [asdict(each) for each in plan.differences],
            }
        )
        return
    if plan.differences:
        rows = [
            (str(each.line), each.code, each.name, _difference(each)) for each in plan.differences[:SHOWN_DIFFERENCES]
        ]
        console().print(table("", ("Dòng / line", "Mã / code", "Tên / name", "Thay đổi / change"), rows))
    if len(plan.differences) > SHOWN_DIFFERENCES:
        typer.echo(f"  … +{len(plan.differences) - SHOWN_DIFFERENCES}")
    done_vi, done_en = ("Đã ghi", "Written") if applied else ("Chưa ghi (--dry-run)", "Not written (--dry-run)")
    changed = len(plan.differences) - new - ended
    typer.echo(
        f"{done_vi}: {new} mới, {changed} thay đổi, {ended} kết thúc, {plan.unchanged} giữ nguyên; "
        f"{len(plan.agents)} kết nối mới."
    )
    typer.echo(
        f"{done_en}: {new} new, {changed} changed, {ended} ended, {plan.unchanged} unchanged; "
        f"{len(plan.agents)} new agents."
    )


def _difference(each: "Difference") -> str:
    parts = ["mới / new"] if each.new else [f"{name}: “{was}” → “{now}”" for name, was, now in each.fields]
    parts += [f"+ chứng thư / certificate {fingerprint[:16]}…" for fingerprint in each.certificates_added]
    parts += [f"− chứng thư / certificate {fingerprint[:16]}…" for fingerprint in each.certificates_removed]
    return "\n".join(parts)
