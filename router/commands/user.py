"""`truc user`: the accounts of the administrators' console."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.commands.acting import By, Reason, actor_of, reason_of
from router.commands.opening import AsJson, ConfigPath, clock, console, print_json, say, table
from router.core.accounts import PASSWORD_MOST
from router.core.people import ROLE_TEXT, Role
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from router.core.accounts import User
    from router.services.accounts import Accounts
    from router.services.accounts.keeping import Trouble

app = typer.Typer(no_args_is_help=True, help="Tài khoản của trang quản trị. / Accounts of the administrators' console.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Tên tài khoản. / The account's name.")]
FromInput = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Đọc mật khẩu từ stdin (một dòng); không có thì tạo mật khẩu tạm và in ra stdout. / "
        "Read the password from stdin; else one is made and printed.",
    ),
]
KeepPassword = Annotated[
    bool,
    typer.Option(
        "--keep-password",
        help="Không bắt đổi mật khẩu khi đăng nhập lần đầu. / It need not be changed at the first sign-in.",
    ),
]
RoleOption = Annotated[
    Role | None,
    typer.Option("--role", help="Vai trò. / viewer, operator, registrar, auditor, administrator.", show_default=False),
]
RootOption = Annotated[
    str | None,
    typer.Option(
        "--root",
        metavar="ORGAN",
        help="Chỉ thấy cơ quan này và bên dưới; “*”: toàn trục. / Sees this organ and below; “*”: the whole hub.",
        show_default=False,
    ),
]
Display = Annotated[str | None, typer.Option("--name", help="Họ tên. / The person's name.", show_default=False)]

EVERYWHERE: Final = "*"


@app.command("add")
def add(
    name: Name,
    *,
    role: Annotated[Role, typer.Option("--role", help="Vai trò. / Role.")],
    reason: Reason,
    root: RootOption = None,
    display: Display = None,
    password_stdin: FromInput = False,
    keep_password: KeepPassword = False,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Thêm tài khoản / Add an account.

    Mật khẩu tạm in ra stdout và phải đổi khi đăng nhập lần đầu. / A first password is printed on stdout and has to be
    changed at the first sign-in.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.services.accounts.keeping import By as Hand
    from router.services.accounts.keeping import NewUser

    given = _given_password() if password_stdin else ""
    password = given or _made_password(name)
    new = NewUser(
        name=name,
        display=display or "",
        role=role,
        root=_root(root),
        password=password,
        must_change=not keep_password,
    )
    with _accounts(config) as accounts:
        hand = Hand(actor=actor_of(by), reason=reason_of(reason))
        user = _good(accounts.keeping.add(new, by=hand))
    _tell(user, "Đã thêm", "Added", as_json=as_json, password="" if given else password)


@app.command("list")
def list_users(*, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Các tài khoản / All accounts."""
    with _accounts(config) as accounts:
        users = accounts.keeping.listed()
    if as_json:
        print_json([_shape(each) for each in users])
        return
    headings = (
        "Tài khoản / account",
        "Họ tên / name",
        "Vai trò / role",
        "Phạm vi / scope",
        "Tình trạng / state",
        "Đăng nhập / last sign-in",
    )
    rows = [
        (
            each.name,
            each.display,
            " / ".join(ROLE_TEXT[each.role]),
            each.root or "toàn trục / whole hub",
            _state(each),
            clock(each.signed_in_at),
        )
        for each in users
    ]
    console().print(table(f"{len(rows)} tài khoản / accounts", headings, rows))


@app.command("change")
def change(
    name: Name,
    *,
    reason: Reason,
    role: RoleOption = None,
    root: RootOption = None,
    display: Display = None,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Đổi vai trò, phạm vi, họ tên / Change role, scope or name. What is not given stays.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.services.accounts.keeping import By as Hand

    with _accounts(config) as accounts:
        hand = Hand(actor=actor_of(by), reason=reason_of(reason))
        found = _good(accounts.keeping.user(name) or _nobody(name))
        user = _good(
            accounts.keeping.change(
                found.name,
                display=found.display if display is None else display,
                role=found.role if role is None else role,
                root=found.root if root is None else _root(root),
                by=hand,
            )
        )
    _tell(user, "Đã đổi", "Changed", as_json=as_json)


@app.command("passwd")
def passwd(
    name: Name,
    *,
    reason: Reason,
    password_stdin: FromInput = False,
    keep_password: KeepPassword = False,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Cấp mật khẩu mới; mọi phiên kết thúc / Give a new password; all sessions end.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.services.accounts.keeping import By as Hand

    given = _given_password() if password_stdin else ""
    password = given or _made_password(name)
    with _accounts(config) as accounts:
        hand = Hand(actor=actor_of(by), reason=reason_of(reason))
        user = _good(accounts.keeping.set_password(name, password, must_change=not keep_password, by=hand))
    _tell(user, "Đã cấp mật khẩu mới cho", "New password for", as_json=as_json, password="" if given else password)


@app.command("lock")
def lock(name: Name, *, reason: Reason, by: By = "", config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Khóa: không đăng nhập được, mọi phiên kết thúc / Nobody signs in with it, its sessions end."""
    from router.services.accounts.keeping import By as Hand

    with _accounts(config) as accounts:
        user = _good(accounts.keeping.lock(name, by=Hand(actor=actor_of(by), reason=reason_of(reason))))
    _tell(user, "Đã khóa", "Locked", as_json=as_json)


@app.command("unlock")
def unlock(name: Name, *, reason: Reason, by: By = "", config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Mở khóa / Let it sign in again."""
    from router.services.accounts.keeping import By as Hand

    with _accounts(config) as accounts:
        user = _good(accounts.keeping.unlock(name, by=Hand(actor=actor_of(by), reason=reason_of(reason))))
    _tell(user, "Đã mở khóa", "Unlocked", as_json=as_json)


@app.command("remove")
def remove(name: Name, *, reason: Reason, by: By = "", config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Xóa tài khoản; nhật ký vẫn giữ việc đã làm / Remove it; what it did stays in the log."""
    from router.services.accounts.keeping import By as Hand

    with _accounts(config) as accounts:
        user = _good(accounts.keeping.remove(name, by=Hand(actor=actor_of(by), reason=reason_of(reason))))
    _tell(user, "Đã xóa", "Removed", as_json=as_json)


# ── Asking and telling ──────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _accounts(config: "Path | None") -> "Iterator[Accounts]":
    """The accounts of a hub, whose database is created or brought up to date: they are often what comes first."""
    from router.adapters.clock import SystemClock
    from router.app.console import console_engine, open_accounts, open_memories
    from router.app.parts import migrate, open_store
    from router.settings import load_settings

    settings = load_settings(config)
    migrate(settings)
    store, engine = open_store(settings), console_engine(settings)
    try:
        yield open_accounts(settings, open_memories(store, engine), clock=SystemClock())
    finally:
        engine.dispose()
        store.close()


def _given_password() -> str:
    """One line of standard input; asked for twice, unseen, when somebody sits there."""
    if sys.stdin.isatty():
        given: str = typer.prompt("Mật khẩu / password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline(PASSWORD_MOST * 4).rstrip("\r\n")
    if not given:
        raise UsageProblem("không có mật khẩu trên stdin", "there is no password on standard input")
    return given


def _made_password(name: str) -> str:
    from router.services.accounts.passwords import given_password

    return given_password(name=name.strip().lower())


def _root(root: str | None) -> str:
    return "" if root is None or root.strip() == EVERYWHERE else root


def _nobody(name: str) -> "Trouble":
    from router.services.accounts.keeping import Trouble

    return Trouble(f"Không có tài khoản “{name}”.", f"There is no account “{name}”.", unknown=True)


def _good(outcome: "User | Trouble") -> "User":
    from router.services.accounts.keeping import Trouble

    if isinstance(outcome, Trouble):
        say(outcome.vi, outcome.en)
        raise typer.Exit(ExitCode.NEGATIVE)
    return outcome


def _tell(user: "User", vi: str, en: str, *, as_json: bool, password: str = "") -> None:
    """What was done; a password that was made stands alone on stdout, or in the JSON."""
    if as_json:
        print_json({**_shape(user), **({"password": password} if password else {})})
        return
    scope = user.root or "toàn trục / whole hub"
    say(f"{vi} {user.name} ({ROLE_TEXT[user.role][0]}, {scope}).", f"{en} {user.name} ({user.role.value}).")
    if password:
        typer.echo(password)


def _state(user: "User") -> str:
    if user.locked:
        return "bị khóa / locked"
    return "chờ đổi mật khẩu / first password" if user.must_change else "hoạt động / active"


def _shape(user: "User") -> dict[str, object]:
    return {
        "name": user.name,
        "display": user.display,
        "role": user.role.value,
        "root": user.root,
        "locked": user.locked,
        "must_change": user.must_change,
        "single_sign_on": bool(user.identity),
        "created_at": user.created_at,
        "password_at": user.password_at,
        "signed_in_at": user.signed_in_at,
    }
