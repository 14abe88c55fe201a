"""`truc registry`: who is who on the hub."""

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from router.commands.opening import AsJson, ConfigPath, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.registry import OrganRecord, Registry
    from router.services.registration.registrar import Difference, ImportPlan
    from router.services.registration.registry_file import Problem

app = typer.Typer(
    no_args_is_help=True,
    help="Sổ đăng ký cơ quan, phần mềm kết nối và chứng thư. / The registry of organs, agents and certificates.",
)
agent_app = typer.Typer(no_args_is_help=True, help="Phần mềm kết nối (agent). / Installations that carry for organs.")
app.add_typer(agent_app, name="agent")

OrganCodeArgument = Annotated[
    str, typer.Argument(metavar="CODE", help="Mã định danh, hiện tại hoặc cũ. / Organ code, present or former.")
]
SHOWN_DIFFERENCES: Final = 50
SHOWN_ORGANS: Final = 1000
STATE_TEXT: Final = {"active": "hoạt động / active", "locked": "khóa / locked"}


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV UTF-8, dòng đầu là tên cột. / With a heading.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Chỉ cho xem thay đổi. / Show what would change, and change nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Nhập sổ đăng ký từ CSV / Import the registry from a CSV file.

    Cột / columns: organ_id, name (bắt buộc / required), parent, old_code, agent, email, certificate (tệp PEM so với
    tệp CSV, nhiều tệp cách nhau bằng ';' / PEM files relative to the CSV, several separated by ';').

    Một dòng sai thì không dòng nào được ghi. Cơ quan không có trong tệp được giữ nguyên. Ô chứng thư để trống: giữ
    chứng thư đang gắn; có ghi: chỉ các chứng thư đó được ký.

    Nothing is written when a line is wrong. Organs that are not in the file are left alone. An empty certificate cell
    keeps what is bound; a filled one binds exactly those.

    Mã thoát / exit codes: 0 tốt / good · 1 tệp có lỗi / the file has faults · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.services.registration.registrar import ImportPlan, apply_import, plan_import
    from router.services.registration.registry_file import read_registry_file

    data = _file_bytes(file)
    rows, problems = read_registry_file(data, certificate_file=_certificates_beside(file))
    with opened_store(config, create=True) if not problems else contextlib.nullcontext() as store:
        planned = plan_import(rows, store.registry()) if store is not None else tuple(problems)
        if not isinstance(planned, ImportPlan):
            _tell_problems(file, planned, as_json=as_json)
            raise typer.Exit(ExitCode.NEGATIVE)
        if not dry_run and store is not None:
            apply_import(store, planned)
    _tell_plan(planned, applied=not dry_run, as_json=as_json)


@app.command("list")
def list_organs(
    *,
    below: Annotated[
        str, typer.Option("--below", metavar="CODE", help="Chỉ các cơ quan bên dưới. / Only organs below this one.")
    ] = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Danh sách cơ quan / All organs."""
    with opened_store(config) as store:
        registry = store.registry()
    organs = [each for each in registry.organs.values() if not below or _is_below(registry, each.code, below)]
    organs.sort(key=lambda each: each.code)
    if as_json:
        print_json([_organ_shape(registry, each) for each in organs])
        return
    rows = [
        (each.code, each.name, each.parent, each.agent, _bound(registry, each.code), STATE_TEXT[each.state.value])
        for each in organs[:SHOWN_ORGANS]
    ]
    headings = ("Mã / code", "Tên / name", "Cấp trên / parent", "Kết nối / agent", "Chứng thư", "Trạng thái / state")
    console().print(table(f"{len(organs)} cơ quan / organs", headings, rows))
    if len(organs) > SHOWN_ORGANS:
        say(f"… chỉ hiện {SHOWN_ORGANS}; dùng --below hoặc --json.", f"… {SHOWN_ORGANS} shown; use --below or --json.")


@app.command("show")
def show(code: OrganCodeArgument, *, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Một cơ quan và chứng thư của nó / One organ with its certificates. Exit code 1 when there is none."""
    from router.services.registration.registrar import organ_called

    with opened_store(config) as store:
        registry = store.registry()
        organ = organ_called(registry, code)
        if organ is None:
            _no_organ(code)
        certificates = store.certificates_of(organ.code)
    shape = _organ_shape(registry, organ)
    shape["certificates"] = [{"fingerprint": each.fingerprint, "subject": each.subject} for each in certificates]
    shape["children"] = sorted(each.code for each in registry.organs.values() if each.parent == organ.code)
    if as_json:
        print_json(shape)
        return
    rows = [(name, str(value)) for name, value in shape.items() if isinstance(value, str) and value]
    rows += [("certificate", f"{each.fingerprint}  {each.subject}") for each in certificates]
    rows += [("child", each) for each in shape["children"]] if isinstance(shape["children"], list) else []
    console().print(table(f"{organ.code} — {organ.name}", ("", ""), rows))


@app.command("lock")
def lock(
    code: OrganCodeArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Lý do, cho bên gửi biết. / Why; senders are told.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Khóa cơ quan: không gửi, không nhận / Lock an organ: it neither sends nor receives."""
    from router.services.registration import registrar

    wanted = " ".join(reason.split())
    if not wanted:
        raise UsageProblem("--reason không được trống", "--reason must not be empty")
    with opened_store(config) as store:
        organ = registrar.lock(store, code, reason=wanted)
        _tell_state(organ, code, store.registry(), as_json=as_json)


@app.command("unlock")
def unlock(code: OrganCodeArgument, *, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Mở khóa cơ quan / Let a locked organ send and receive again."""
    from router.services.registration import registrar

    with opened_store(config) as store:
        organ = registrar.unlock(store, code)
        _tell_state(organ, code, store.registry(), as_json=as_json)


@app.command("agents")
def list_agents(*, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Danh sách phần mềm kết nối / All agents."""
    with opened_store(config) as store:
        registry = store.registry()
    carried = [each.agent for each in registry.organs.values()]
    agents = sorted(registry.agents.values(), key=lambda each: each.name)
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "title": each.title,
                    "active": each.active,
                    "has_token": bool(each.token_hash),
                    "organs": carried.count(each.name),
                }
                for each in agents
            ]
        )
        return
    rows = [
        (each.name, each.title, str(carried.count(each.name)), "có / yes" if each.token_hash else "", _yes(each.active))
        for each in agents
    ]
    headings = ("Kết nối / agent", "Tên / title", "Cơ quan / organs", "Token", "Hoạt động / active")
    console().print(table(f"{len(rows)} kết nối / agents", headings, rows))


@agent_app.command("add")
def add_agent(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Chữ thường, số, gạch nối. / Lower case, digits, hyphens.")
    ],
    *,
    title: Annotated[str, typer.Option("--title", help="Tên cho người đọc. / A name for people.")] = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Thêm kết nối, hoặc cấp token mới / Add an agent, or give it a new token for the blob door.

    Token chỉ hiện một lần; token cũ hết hiệu lực. / The token is shown once; the one before stops working.
    """
    from edxml_schemas.contract import AGENT_NAME
    from router.services.registration import registrar

    if not AGENT_NAME.fullmatch(name):
        raise UsageProblem(
            f"Tên kết nối “{name}” chỉ được có chữ thường, số và gạch nối (tối đa 48)",
            f"The agent's name “{name}” may have lower case, digits and hyphens only (at most 48)",
        )
    with opened_store(config, create=True) as store:
        token = registrar.add_agent(store, name, title=title)
    if as_json:
        print_json({"name": name, "token": token})
        return
    say(
        f"Kết nối {name}: lưu token dưới đây vào agent.toml, nó không hiện lại.",
        f"Agent {name}: put this token into agent.toml, it is not shown again.",
    )
    typer.echo(token)


# ── Reading and telling ─────────────────────────────────────────────────────────────────────────────────────────────


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
    if as_json:
        print_json(
            {
                "applied": applied,
                "problems": [],
                "new": new,
                "changed": len(plan.differences) - new,
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
    changed = len(plan.differences) - new
    typer.echo(
        f"{done_vi}: {new} mới, {changed} thay đổi, {plan.unchanged} giữ nguyên; {len(plan.agents)} kết nối mới."
    )
    typer.echo(f"{done_en}: {new} new, {changed} changed, {plan.unchanged} unchanged; {len(plan.agents)} new agents.")


def _difference(each: "Difference") -> str:
    parts = ["mới / new"] if each.new else [f"{name}: “{was}” → “{now}”" for name, was, now in each.fields]
    parts += [f"+ chứng thư / certificate {fingerprint[:16]}…" for fingerprint in each.certificates_added]
    parts += [f"− chứng thư / certificate {fingerprint[:16]}…" for fingerprint in each.certificates_removed]
    return "\n".join(parts)


def _tell_state(organ: "OrganRecord | None", code: str, registry: "Registry", *, as_json: bool) -> None:
    if organ is None:
        _no_organ(code)
    if as_json:
        print_json(_organ_shape(registry, organ))
        return
    typer.echo(
        f"{organ.code} ({organ.name}): {STATE_TEXT[organ.state.value]}" + (f" — {organ.reason}" if organ.reason else "")
    )


def _no_organ(code: str) -> NoReturn:
    say(f"Không có cơ quan “{code}” trong sổ đăng ký.", f"There is no organ “{code}” in the registry.")
    raise typer.Exit(ExitCode.NEGATIVE)


def _organ_shape(registry: "Registry", organ: "OrganRecord") -> dict[str, object]:
    return {
        **asdict(organ),
        "state": organ.state.value,
        "certificates": sorted(registry.certificates.get(organ.code, ())),
    }


def _is_below(registry: "Registry", code: str, above: str) -> bool:
    """Whether an organ is below another by the registry's own tree."""
    seen: set[str] = set()
    while code and code not in seen:
        seen.add(code)
        organ = registry.organs.get(code)
        code = organ.parent if organ is not None else ""
        if code == above:
            return True
    return False


def _bound(registry: "Registry", code: str) -> str:
    return str(len(registry.certificates.get(code, ())) or "")


def _yes(value: bool) -> str:
    return "có / yes" if value else "không / no"
