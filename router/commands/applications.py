"""`truc registry applications`, `approve` and `reject`: what agents apply for, on behalf of document systems."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from router.commands.acting import By, Reason, actor_of, reason_of
from router.commands.opening import AsJson, ConfigPath, clock, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.core.applications import Application
    from router.ports import Store
    from router.services.registration.applications import Decided, Impossible

SHOWN: Final = 1000
ID_SHOWN: Final = 8  # characters of an id in a list; as many are enough to name it
KIND_TEXT: Final = {"register": "đăng ký / register", "end": "thôi dùng / end"}
STATE_TEXT: Final = {"open": "chờ duyệt / open", "approved": "đã duyệt / approved", "rejected": "từ chối / rejected"}
ENDED: Final = "Đơn vị thôi sử dụng mã này / the body no longer uses this code"

Id = Annotated[str, typer.Argument(metavar="ID", help="Mã hồ sơ, hoặc phần đầu của nó. / Its id, or a beginning.")]


def list_applications(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Cả hồ sơ đã xử lý. / Decided ones, too.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Hồ sơ xin đăng ký, thôi dùng mã cơ quan / What agents apply for, the newest first."""
    from router.core.applications import ApplicationState

    with opened_store(config) as store:
        found = store.applications(state=None if everything else ApplicationState.OPEN, limit=SHOWN)
    if as_json:
        print_json([_shape(each) for each in found])
        return
    headings = (
        "Hồ sơ / id",
        "Việc / what",
        "Mã / code",
        "Tên / name",
        "Cấp trên / parent",
        "Kết nối / agent",
        "Lúc / when",
        "Tình trạng / state",
    )
    console().print(table(f"{len(found)} hồ sơ / applications", headings, [_row(each) for each in found]))


def approve(
    application: Id,
    *,
    agent: Annotated[
        str,
        typer.Option(
            "--agent",
            metavar="NAME",
            help="Kết nối phục vụ cơ quan mới (mặc định: bên nộp hồ sơ). / Who carries for the new organ "
            "(default: who applied).",
        ),
    ] = "",
    nobody: Annotated[
        bool, typer.Option("--no-agent", help="Chưa kết nối nào phục vụ. / Nobody carries for it yet.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Ghi chú, cho bên nộp biết. / A note; who applied is told.")
    ] = "",
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Duyệt hồ sơ / Approve: the organ is registered, or locked when its end was applied for.

    Cơ quan mới chưa ký được cho tới khi có chứng thư (truc registry import). Cơ quan thôi dùng bị khóa; mở lại bằng
    truc registry unlock. / A new organ cannot sign before a certificate is bound to it. One that ended is locked.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from edxml_schemas.contract import AGENT_NAME
    from router.adapters.clock import SystemClock
    from router.core.applications import ApplicationKind
    from router.services.registration import applications

    if agent and nobody:
        raise UsageProblem("--agent và --no-agent không đi cùng nhau", "--agent and --no-agent exclude each other")
    if agent and not AGENT_NAME.fullmatch(agent):
        raise UsageProblem(f"Tên kết nối “{agent}” sai dạng", f"The agent's name “{agent}” is none")
    carrier = "" if nobody else agent or None
    note = " ".join(reason.split())
    with opened_store(config) as store:
        found = _called(store, application)
        if not note and found.kind is ApplicationKind.END:
            note = ENDED
        outcome = applications.approve(store, found, agent=carrier, note=note, by=actor_of(by), now=SystemClock().now())
    _tell(outcome, as_json=as_json)


def reject(
    application: Id,
    *,
    reason: Reason,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Từ chối hồ sơ / Reject an application; who applied is told why.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.adapters.clock import SystemClock
    from router.services.registration import applications

    why = reason_of(reason)
    with opened_store(config) as store:
        found = _called(store, application)
        outcome = applications.reject(store, found, note=why, by=actor_of(by), now=SystemClock().now())
    _tell(outcome, as_json=as_json)


# ── Telling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _called(store: "Store", name: str) -> "Application":
    from router.services.registration import applications

    found = applications.called(store, name)
    if isinstance(found, applications.Unknown):
        vi = "nhiều hồ sơ" if found.found else "không có hồ sơ nào"
        en = "several applications" if found.found else "no application"
        _refuse(f"“{name}”: {vi} bắt đầu bằng mã này.", f"“{name}”: {en} with an id that begins so.")
    return found


def _tell(outcome: "Decided | Impossible", *, as_json: bool) -> None:
    from router.services.registration import applications

    if isinstance(outcome, applications.Impossible):
        _refuse(f"Không duyệt được: {outcome.vi}.", f"It cannot be approved: {outcome.en}.")
    decided = outcome.application
    if as_json:
        print_json({**_shape(decided), "decided_before": outcome.before})
    else:
        state, kind = STATE_TEXT[decided.state.value], KIND_TEXT[decided.kind.value]
        typer.echo(f"{decided.code} ({kind}): {state}" + (f" — {decided.note}" if decided.note else ""))
    if outcome.before:
        _refuse(
            f"Hồ sơ này đã được xử lý lúc {clock(decided.decided_at)}, bởi {decided.decided_by}.",
            f"It was decided before, at {clock(decided.decided_at)}, by {decided.decided_by}.",
        )
    if outcome.organ is not None and decided.kind.value == "register":
        say(
            f"Cơ quan {decided.code} chưa có chứng thư nào: gắn bằng truc registry import rồi mới ký được.",
            f"No certificate is bound to {decided.code} yet: bind one with truc registry import, then it can sign.",
        )


def _refuse(vi: str, en: str) -> NoReturn:
    say(vi, en)
    raise typer.Exit(ExitCode.NEGATIVE)


def _row(each: "Application") -> tuple[str, ...]:
    return (
        each.id[:ID_SHOWN],
        KIND_TEXT[each.kind.value],
        each.code,
        each.name,
        each.parent,
        each.agent,
        clock(each.applied_at),
        STATE_TEXT[each.state.value] + (f": {each.note}" if each.note else ""),
    )


def _shape(each: "Application") -> dict[str, object]:
    return {**asdict(each), "kind": each.kind.value, "state": each.state.value}
