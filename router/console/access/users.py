"""The pages on which administrators keep accounts: those of the subtree that they see, and no others."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import BaseRoute

from router.console.shell.answers import Ask, Done, NotThere, Page, Plan, Refused
from router.console.shell.page import action_route, page_route
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.accounts import User
from router.core.people import RIGHTS, ROLE_TEXT, Person, Right, Role, Scope
from router.services.accounts.keeping import By, NewUser, Trouble
from router.services.accounts.passwords import given_password

USERS: Final = "/users"
TITLE: Final = Words("Người dùng", "People")
COLUMNS: Final = (
    ("name", Words("Tài khoản", "Account")),
    ("display", Words("Họ tên", "Name")),
    ("role_text", Words("Vai trò", "Role")),
    ("root", Words("Phạm vi", "Scope")),
)
UNKNOWN_ROLE: Final = Words("Hãy chọn vai trò.", "Choose a role.")
NOT_YOURSELF: Final = Words(
    "Không tự khóa, tự xóa hay tự đổi vai trò của chính mình.",
    "Nobody locks, removes or changes the role of their own account.",
)
DEEDS: Final[Mapping[str, tuple[Words, Words, bool]]] = {
    "lock": (Words("Khóa tài khoản", "Lock the account"), Words("Đã khóa.", "Locked."), True),
    "unlock": (Words("Mở khóa tài khoản", "Unlock the account"), Words("Đã mở khóa.", "Unlocked."), False),
    "remove": (Words("Xóa tài khoản", "Remove the account"), Words("Đã xóa.", "Removed."), True),
}


def user_routes(rooms: Rooms) -> list[BaseRoute]:
    keeping = rooms.accounts.keeping

    def listed(_request: Request, _person: Person, scope: Scope) -> Page:
        registry = rooms.store.registry()
        rows = []
        for user in keeping.listed(scope):
            organ = registry.organ(user.root) if user.root else None
            rows.append({**_shape(user), "root_name": organ.name if organ is not None else ""})
        return Page(template="access/users.html", title=TITLE, data={"users": rows, "roles": _roles()})

    def one(request: Request, person: Person, scope: Scope) -> Page | NotThere:
        user = keeping.user(request.path_params["name"], scope)
        if user is None:
            return NotThere()
        organ = rooms.store.registry().organ(user.root) if user.root else None
        data = {
            **_shape(user),
            "root_name": organ.name if organ is not None else "",
            "own": user.name == person.name,
            "roles": _roles(),
        }
        return Page(template="access/user.html", title=Words(user.display, user.display), data=data)

    def add(ask: Ask) -> Plan | Page | Refused:
        role = _role(ask.one("role"))
        if role is None:
            return Refused(says=UNKNOWN_ROLE, back=USERS)
        name = ask.one("name").strip().lower()
        password = given_password(name=name)
        new = NewUser(name=name, display=ask.one("display"), role=role, root=ask.one("root"), password=password)
        if ask.dry:
            trouble = keeping.check_new(new, scope=ask.scope)
            if trouble is not None:
                return Refused(says=Words(trouble.vi, trouble.en), back=USERS)
            row = {
                "name": name,
                "display": new.display,
                "role_text": Words(*ROLE_TEXT[role]),
                "root": new.root or "*",
            }
            return Plan(
                title=Words("Thêm tài khoản", "Add an account"),
                says=Words(
                    "Mật khẩu tạm sẽ hiện một lần; người dùng phải đổi khi đăng nhập lần đầu.",
                    "A first password is shown once; it has to be changed at the first sign-in.",
                ),
                columns=COLUMNS,
                rows=(row,),
                carry={each: [ask.one(each)] for each in ("name", "display", "role", "root")},
                confirm=Words("Thêm", "Add"),
                back=USERS,
            )
        added = keeping.add(new, by=_by(ask))
        return _refused(added, USERS) if isinstance(added, Trouble) else _given(added, new.password)

    def change(ask: Ask) -> Plan | Done | Refused | NotThere:
        user = keeping.user(ask.request.path_params["name"], ask.scope)
        role = _role(ask.one("role"))
        if user is None:
            return NotThere()
        back = f"{USERS}/{user.name}"
        if role is None or (user.name == ask.person.name and (role, ask.one("root")) != (user.role, user.root)):
            return Refused(says=UNKNOWN_ROLE if role is None else NOT_YOURSELF, back=back)
        if ask.dry:
            row = {
                "name": user.name,
                "display": ask.one("display"),
                "role_text": Words(*ROLE_TEXT[role]),
                "root": ask.one("root") or "*",
            }
            return Plan(
                title=Words("Đổi tài khoản", "Change the account"),
                says=Words("Trước và sau khi đổi:", "Before and after:"),
                columns=COLUMNS,
                rows=({**_shape(user), "root": user.root or "*"}, row),
                carry={name: [ask.one(name)] for name in ("display", "role", "root")},
                confirm=Words("Đổi", "Change"),
                back=back,
            )
        changed = keeping.change(user.name, display=ask.one("display"), role=role, root=ask.one("root"), by=_by(ask))
        return (
            _refused(changed, back)
            if isinstance(changed, Trouble)
            else Done(says=Words("Đã đổi.", "Changed."), to=back)
        )

    def new_password(ask: Ask) -> Plan | Page | Refused | NotThere:
        user = keeping.user(ask.request.path_params["name"], ask.scope)
        if user is None:
            return NotThere()
        back = f"{USERS}/{user.name}"
        if ask.dry:
            says = Words(
                "Mật khẩu tạm sẽ hiện một lần; mọi phiên của tài khoản kết thúc ngay.",
                "A first password is shown once; all sessions of the account end at once.",
            )
            return _plan(user, Words("Cấp mật khẩu mới", "Give a new password"), says, danger=False)
        password = given_password(name=user.name)
        changed = keeping.set_password(user.name, password, must_change=True, by=_by(ask))
        return _refused(changed, back) if isinstance(changed, Trouble) else _given(changed, password)

    def decide(ask: Ask) -> Plan | Done | Refused | NotThere:
        deed = ask.request.path_params["deed"]
        user = keeping.user(ask.request.path_params["name"], ask.scope)
        if user is None or deed not in DEEDS:
            return NotThere()
        if user.name == ask.person.name:
            return Refused(says=NOT_YOURSELF, back=f"{USERS}/{user.name}")
        title, done, danger = DEEDS[deed]
        if ask.dry:
            return _plan(user, title, Words("Các phiên đang mở sẽ kết thúc.", "Open sessions end."), danger=danger)
        does = {"lock": keeping.lock, "unlock": keeping.unlock, "remove": keeping.remove}[deed]
        outcome = does(user.name, by=_by(ask))
        if isinstance(outcome, Trouble):
            return _refused(outcome, USERS)
        return Done(says=done, to=USERS if deed == "remove" else f"{USERS}/{user.name}")

    right = Right.ADMINISTER
    return [
        *page_route(USERS, listed, right=right),
        action_route(f"{USERS}/add", add, right=right),
        *page_route(f"{USERS}/{{name}}", one, right=right),
        action_route(f"{USERS}/{{name}}/change", change, right=right),
        action_route(f"{USERS}/{{name}}/password", new_password, right=right),
        action_route(f"{USERS}/{{name}}/{{deed}}", decide, right=right),
    ]


def _plan(user: User, title: Words, says: Words, *, danger: bool) -> Plan:
    row = {**_shape(user), "root": user.root or "*"}
    return Plan(
        title=title,
        says=says,
        columns=COLUMNS,
        rows=(row,),
        confirm=title,
        back=f"{USERS}/{user.name}",
        danger=danger,
    )


def _given(user: User, password: str) -> Page:
    """The one page on which a password stands."""
    title = Words("Mật khẩu tạm", "First password")
    return Page(template="access/given.html", title=title, data={"name": user.name, "password": password})


def _by(ask: Ask) -> By:
    return By(actor=ask.actor, reason=ask.reason, scope=ask.scope)


def _refused(trouble: Trouble, back: str) -> Refused:
    return Refused(says=Words(trouble.vi, trouble.en), back=back)


def _role(text: str) -> Role | None:
    return next((each for each in Role if each.value == text), None)


def _roles() -> list[dict[str, Any]]:
    return [{"value": each, "text": Words(*ROLE_TEXT[each]), "rights": sorted(RIGHTS[each])} for each in Role]


def _shape(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "display": user.display,
        "role": user.role,
        "role_text": Words(*ROLE_TEXT[user.role]),
        "root": user.root,
        "locked": user.locked,
        "single_sign_on": bool(user.identity),
        "must_change": user.must_change,
        "created_at": user.created_at,
        "password_at": user.password_at,
        "signed_in_at": user.signed_in_at,
    }
