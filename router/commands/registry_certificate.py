"""`truc registry certificate`: which certificates may sign for an organ."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from router.adapters.clock import SystemClock
from router.commands.acting import By, DryRun, Reason, actor_of, reason_of
from router.commands.opening import AsJson, ConfigPath, clock, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from datetime import datetime

    from edxml_schemas.trust import TrustMaterial
    from router.core.registry import OrganRecord
    from router.ports import Store
    from router.services.registration.bureau import Bureau
    from router.services.registration.certificate_shelf import ShelfRow
    from router.services.registration.certificates import Binding, Unfit

app = typer.Typer(no_args_is_help=True, help="Chứng thư của cơ quan. / The certificates of organs.")

SHOWN: Final = 1000
Organ = Annotated[str, typer.Argument(metavar="CODE", help="Mã định danh, hiện tại hoặc cũ. / Organ code.")]


@app.command("add")
def add(
    organ: Organ,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Chứng thư PEM hoặc DER. / One in PEM or DER.")],
    *,
    reason: Reason = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Gắn thêm một chứng thư cho cơ quan / Bind one more certificate to an organ.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.core.people import EVERYTHING
    from router.services.registration.certificates import CERTIFICATE_BYTES

    try:
        with file.open("rb") as opened:
            data = opened.read(CERTIFICATE_BYTES + 1)
    except OSError as problem:
        raise UsageProblem(f"Không đọc được {file}: {problem}", f"Cannot read {file}: {problem}") from None
    why, actor = "" if dry_run else reason_of(reason), actor_of(by)
    _write(
        organ,
        lambda bureau, found, now: bureau.plan_binding(data, found, EVERYTHING, now=now),
        why=why,
        actor=actor,
        dry_run=dry_run,
        config=config,
        as_json=as_json,
    )


@app.command("remove")
def remove(
    organ: Organ,
    fingerprint: Annotated[
        str, typer.Argument(metavar="SHA256", help="Vân tay, hoặc phần đầu của nó. / Its fingerprint, or a beginning.")
    ],
    *,
    reason: Reason = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Thôi gắn một chứng thư / Take a certificate from an organ: what it signs from now on is refused.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.core.people import EVERYTHING

    wanted = fingerprint.strip().lower().replace(":", "")

    def plan(bureau: "Bureau", found: "OrganRecord", now: "datetime") -> "Binding | Unfit":
        begins = [row.fingerprint for row in bureau.certificates_of(found.code) if row.fingerprint.startswith(wanted)]
        one = begins[0] if wanted and len(begins) == 1 else ""
        return bureau.plan_unbinding(one, found, EVERYTHING, now=now)

    why, actor = "" if dry_run else reason_of(reason), actor_of(by)
    _write(organ, plan, why=why, actor=actor, dry_run=dry_run, config=config, as_json=as_json)


@app.command("list")
def list_certificates(
    organ: Annotated[
        str, typer.Argument(metavar="[CODE]", help="Chỉ của cơ quan này. / Only this organ's.", show_default=False)
    ] = "",
    *,
    within: Annotated[
        int, typer.Option("--within", metavar="DAYS", min=0, help="Hết hạn trong số ngày này. / Ending within.")
    ] = 0,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Chứng thư theo thứ tự hết hạn, và tình trạng thu hồi / Certificates, the first to end first, and their standing.

    Mã thoát / exit codes: 0 (kể cả khi không có / also when there is none) · 1 không có cơ quan này / no such organ ·
    2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.core.people import EVERYTHING

    now = SystemClock().now()
    until = now + timedelta(days=within) if within else None
    with _bureau(config) as (store, bureau):
        code = _organ(store, organ).code if organ else ""
        page = bureau.shelf.page(EVERYTHING, until=until, organ=code, limit=SHOWN)
        material = bureau.material()
        shapes = [_shape(each, material, now=now) for each in page.rows]
    if as_json:
        print_json(shapes)
        return
    headings = ("Cơ quan / organ", "Chủ thể / subject", "Hết hạn / ends", "Tình trạng / standing", "SHA-256")
    rows = [
        (each["organ"], each["subject"], clock(each["until"]), each["standing"], each["fingerprint"]) for each in shapes
    ]
    console().print(table(f"{len(rows)} chứng thư / certificates", headings, rows))
    if page.following:
        say(f"… chỉ hiện {SHOWN}; dùng CODE hoặc --within.", f"… {SHOWN} shown; give CODE or --within.")


# ── Writing and telling ─────────────────────────────────────────────────────────────────────────────────────────────


def _write(
    code: str,
    plan: "Callable[[Bureau, OrganRecord, datetime], Binding | Unfit]",
    *,
    why: str,
    actor: str,
    dry_run: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    from router.services.registration.certificates import Unfit

    now, written = SystemClock().now(), False
    with _bureau(config) as (store, bureau):
        planned = plan(bureau, _organ(store, code), now)
        if isinstance(planned, Unfit):
            _refuse(f"Không được: {planned.vi}.", f"It cannot be done: {planned.en}.")
        if not dry_run and not planned.useless:
            written = bureau.write_binding(planned, actor=actor, reason=why, now=now)
    _tell(planned, now, written=written, as_json=as_json)
    if planned.useless:
        raise typer.Exit(ExitCode.NEGATIVE)
    if not written and not dry_run:
        _refuse("Sổ đăng ký vừa thay đổi; hãy chạy lại.", "The registry has just changed; run it again.")


@contextlib.contextmanager
def _bureau(config: Path | None) -> "Iterator[tuple[Store, Bureau]]":
    from router.app.parts import open_registry_desk, open_trust
    from router.services.registration.bureau import Bureau
    from router.settings import load_settings

    settings = load_settings(config)
    with opened_store(config) as store, open_registry_desk(settings) as desk:
        yield store, Bureau(store, desk, open_trust(settings))


def _organ(store: "Store", code: str) -> "OrganRecord":
    from router.services.registration.registrar import organ_called

    found = organ_called(store.registry(), code)
    if found is None:
        _refuse(f"Không có cơ quan “{code}” trong sổ đăng ký.", f"There is no organ “{code}” in the registry.")
    return found


def _tell(planned: "Binding", now: "datetime", *, written: bool, as_json: bool) -> None:
    from router.services.registration.certificates import notes_of

    looked, row = planned.looked, planned.looked.row
    notes = notes_of(planned)
    if as_json:
        print_json(
            {
                "organ": planned.organ.code,
                "done": written,
                "ends": planned.ends,
                **_row_shape(row, looked.standing.value, now=now),
                "key": looked.key,
                "path": list(looked.path),
                "findings": [each.code.value for each in looked.findings],
                "holders": list(planned.holders),
                "remaining": planned.bound,
            }
        )
        return
    rows = [
        ("Cơ quan / organ", f"{planned.organ.code} {planned.organ.name}"),
        ("Chủ thể / subject", row.subject),
        ("Nơi cấp / issuer", row.issuer),
        ("Số / serial", row.serial),
        ("Hiệu lực / validity", f"{clock(row.since)} – {clock(row.until)}"),
        ("Khóa / key", looked.key),
        ("Đường tin cậy / path", "\n→ ".join(looked.path)),
        ("Tình trạng / standing", looked.standing.value),
        ("SHA-256", row.fingerprint),
    ]
    verb = "Thôi gắn / unbind" if planned.ends else "Gắn / bind"
    mark = "" if written else " (chưa ghi / not written)"
    console().print(table(f"{verb}{mark}", ("", ""), rows))
    for vi, en in notes:
        say(f"! {vi}", f"  {en}")


def _shape(row: "ShelfRow", material: "TrustMaterial", *, now: "datetime") -> dict[str, Any]:
    from router.services.registration.certificate_shelf import standing_of

    standing, findings = standing_of(row, material, now=now)
    return {**_row_shape(row, standing.value, now=now), "findings": [each.code.value for each in findings]}


def _row_shape(row: "ShelfRow", standing: str, *, now: "datetime") -> dict[str, Any]:
    return {
        "organ": row.organ,
        "fingerprint": row.fingerprint,
        "subject": row.subject,
        "issuer": row.issuer,
        "serial": row.serial,
        "since": row.since,
        "until": row.until,
        "days_left": (row.until - now).days,
        "standing": standing,
    }


def _refuse(vi: str, en: str) -> NoReturn:
    say(vi, en)
    raise typer.Exit(ExitCode.NEGATIVE)
