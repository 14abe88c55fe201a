"""`truc registry`: who is who on the hub."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from router.commands import applications, registry_certificate, registry_import
from router.commands.acting import By, Reason, actor_of, reason_of
from router.commands.opening import AsJson, ConfigPath, console, opened_store, print_json, say, table
from router.core.registry import OrganState
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.core.registry import OrganRecord, Registry

app = typer.Typer(
    no_args_is_help=True,
    help="Sổ đăng ký cơ quan, phần mềm kết nối và chứng thư. / The registry of organs, agents and certificates.",
)
agent_app = typer.Typer(no_args_is_help=True, help="Phần mềm kết nối (agent). / Installations that carry for organs.")
app.add_typer(agent_app, name="agent")
app.add_typer(registry_certificate.app, name="certificate")
app.command("import")(registry_import.import_file)
app.command("applications")(applications.list_applications)
app.command("approve")(applications.approve)
app.command("reject")(applications.reject)

OrganCodeArgument = Annotated[
    str, typer.Argument(metavar="CODE", help="Mã định danh, hiện tại hoặc cũ. / Organ code, present or former.")
]
SHOWN_ORGANS: Final = 1000
STATE_TEXT: Final = {"active": "hoạt động / active", "locked": "khóa / locked"}


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
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Khóa cơ quan: không gửi, không nhận / Lock an organ: it neither sends nor receives."""
    _set_state(code, OrganState.LOCKED, reason=reason_of(reason), by=by, config=config, as_json=as_json)


@app.command("unlock")
def unlock(
    code: OrganCodeArgument, *, reason: Reason = "", by: By = "", config: ConfigPath = None, as_json: AsJson = False
) -> None:
    """Mở khóa cơ quan / Let a locked organ send and receive again."""
    _set_state(code, OrganState.ACTIVE, reason=" ".join(reason.split()), by=by, config=config, as_json=as_json)


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
    reason: Reason = "",
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Thêm kết nối, hoặc cấp token mới / Add an agent, or give it a new token for the blob door.

    Token chỉ hiện một lần; token cũ hết hiệu lực. / The token is shown once; the one before stops working.
    """
    from edxml_schemas.contract import AGENT_NAME
    from router.adapters.clock import SystemClock
    from router.app.parts import open_registry_desk
    from router.services.registration import agents
    from router.settings import load_settings

    if not AGENT_NAME.fullmatch(name):
        raise UsageProblem(
            f"Tên kết nối “{name}” chỉ được có chữ thường, số và gạch nối (tối đa 48)",
            f"The agent's name “{name}” may have lower case, digits and hyphens only (at most 48)",
        )
    actor, why, now, token = actor_of(by), " ".join(reason.split()), SystemClock().now(), None
    with opened_store(config, create=True) as store, open_registry_desk(load_settings(config)) as desk:
        while token is None:  # until nobody else changes the registry at the same moment
            token = agents.add_agent(desk, store.registry(), name, title=title, actor=actor, reason=why, now=now)
    if as_json:
        print_json({"name": name, "token": token})
        return
    say(
        f"Kết nối {name}: lưu token dưới đây vào agent.toml, nó không hiện lại.",
        f"Agent {name}: put this token into agent.toml, it is not shown again.",
    )
    typer.echo(token)


# ── Reading and telling ─────────────────────────────────────────────────────────────────────────────────────────────


def _set_state(code: str, state: OrganState, *, reason: str, by: str, config: Path | None, as_json: bool) -> None:
    from router.adapters.clock import SystemClock
    from router.app.parts import open_registry_desk
    from router.services.registration.registrar import organ_called
    from router.services.registration.states import set_state
    from router.settings import load_settings

    actor, now = actor_of(by), SystemClock().now()
    with opened_store(config) as store, open_registry_desk(load_settings(config)) as desk:
        while True:  # until nobody else changes the registry at the same moment
            registry = store.registry()
            organ = organ_called(registry, code)
            wanted = reason if state is OrganState.LOCKED else ""
            if organ is None or (organ.state, organ.reason) == (state, wanted):
                break
            set_state(desk, organ, state, seen=registry.version, actor=actor, reason=reason, now=now)
        _tell_state(organ, code, registry, as_json=as_json)


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
