"""`truc-agent keys`: which document systems may call the gateway."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agents.commands.shared import CONFIG, EXIT_CODES, AsJson, Config, Exit, Verbose, print_json, say
from agents.errors import UsageFault

if TYPE_CHECKING:  # what the commands need is imported when they run
    from agents.gateway.access.records import KeyRecord
    from agents.gateway.access.store import AccessStore
    from agents.gateway.callers import Right
    from agents.settings import Settings

CERTIFICATE_BYTES: Final = 2**20

keys = typer.Typer(
    help=(
        "Khóa truy cập của các hệ thống quản lý văn bản vào cổng kết nối.\n\n"
        "Access keys of the document systems that call the gateway."
    ),
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Granted(StrEnum):
    """Rights as people give them."""

    SEND = "send"
    RECEIVE = "receive"
    BOTH = "both"
    READ = "read"


KeyName = Annotated[
    str, typer.Argument(metavar="KEY", help="Mã khóa hoặc system id (xem list). / Key id or system id (see list).")
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        "--certificate",
        metavar="FILE.pem",
        help="Chứng thư máy khách gắn với khóa. / Client certificate that belongs to the key.",
    ),
]


@keys.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Tên để nhận ra. / A name to know it by.")],
    *,
    organ: Annotated[
        list[str],
        typer.Option("--organ", metavar="CODE", help="Mã cơ quan, lặp lại được. / Organ code; may be repeated."),
    ],
    system_id: Annotated[
        str, typer.Option("--system-id", metavar="ID", help="Tên hệ thống khi kết nối. / What the system calls itself.")
    ],
    rights: Annotated[Granted, typer.Option(help="Quyền; both: gửi và nhận. / Rights.")] = Granted.BOTH,
    rate: Annotated[int, typer.Option(help="Số yêu cầu mỗi phút. / Requests per minute.")] = 600,
    login: Annotated[
        str, typer.Option(metavar="USER", help="Tên đăng nhập (giao thức LGSP). / User name for logins (LGSP dialect).")
    ] = "",
    certificate: Certificate = None,
    expires: Annotated[
        str,
        typer.Option(
            metavar="DATE",
            help="Hết hạn sau ngày này (YYYY-MM-DD, giờ Việt Nam). / Last day it works, Vietnam time.",
        ),
    ] = "",
    config: Config = CONFIG,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Cấp khóa; mã bí mật chỉ in ra một lần / Make a key; its secrets are printed once, here.

    Ví dụ / example:  truc-agent keys add "Phần mềm QLVB" --organ 000.00.00.H41 --system-id qlvb-h41

    Mã thoát / exit codes: 0 · 2 sai cách dùng, tên đã có / usage, name in use · 3 sự cố / infrastructure.
    """
    from agents.commands.keys_view import print_new
    from agents.desk import SystemClock

    with _store_of(config) as (settings, store):
        _check_organs(organ, settings)
        new = store.add(
            name=name,
            system_id=system_id,
            organs=organ,
            rights=_rights(rights),
            per_minute=rate,
            username=login,
            certificate=_fingerprint(certificate),
            expires_at=_expiry(expires),
            now=SystemClock().now(),
        )
    print_new(new, login=login, as_json=as_json)


@keys.command("list")
def show(
    *,
    config: Config = CONFIG,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  as above
) -> None:
    """Các khóa đã cấp, không có mã bí mật / Keys that were made, without their secrets.

    Ví dụ / example:  truc-agent keys list --json

    Mã thoát / exit codes: 0 · 2 sai cách dùng / usage · 3 sự cố / infrastructure.
    """
    from agents.commands.keys_view import key_as_dict, print_table
    from agents.desk import SystemClock

    with _store_of(config) as (_, store):
        found = store.keys()
    now = SystemClock().now()
    if as_json:
        print_json([key_as_dict(each, now) for each in found])
    elif not found:
        say("Chưa cấp khóa nào.", "No key was made yet.")
    else:
        print_table(found, now)


@keys.command()
def revoke(
    key: KeyName,
    *,
    config: Config = CONFIG,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  as above
) -> None:
    """Thu hồi khóa ngay lập tức / Revoke a key, its sessions too, at once.

    Ví dụ / example:  truc-agent keys revoke qlvb-h41

    Mã thoát / exit codes: 0 · 1 đã thu hồi trước đó / was revoked before · 2 không có khóa này / no such key ·
    3 sự cố / infrastructure.
    """
    from agents.desk import SystemClock

    with _store_of(config) as (_, store):
        found = _find(store, key)
        revoked = store.revoke(found.key_id, now=SystemClock().now())
    if as_json:
        print_json({"key_id": found.key_id, "system_id": found.system_id, "revoked": revoked})
    if not revoked:
        say(f"Khóa {found.key_id} đã bị thu hồi trước đó.", f"The key {found.key_id} was revoked before.")
        raise typer.Exit(Exit.NEGATIVE)
    say(
        f"Đã thu hồi khóa {found.key_id} ({found.name}); cổng đang chạy từ chối khóa này ngay.",
        f"Revoked the key {found.key_id} ({found.name}); a running gateway refuses it from now on.",
    )


@keys.command()
def rotate(
    key: KeyName,
    *,
    overlap: Annotated[
        float,
        typer.Option(
            min=0, max=90 * 24, help="Số giờ mã cũ còn dùng được. / Hours in which the former secrets work, too."
        ),
    ] = 24,
    certificate: Certificate = None,
    config: Config = CONFIG,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  as above
) -> None:
    """Đổi mã bí mật; mã cũ còn dùng được một thời gian / New secrets; the former ones work for a while.

    Nếu mã đã lộ, dùng --overlap 0. When a secret has leaked, use --overlap 0.

    Ví dụ / example:  truc-agent keys rotate qlvb-h41 --overlap 48

    Mã thoát / exit codes: 0 · 1 khóa đã thu hồi hoặc hết hạn / revoked or expired · 2 không có khóa này / no such key ·
    3 sự cố / infrastructure.
    """
    from datetime import timedelta

    from agents.commands.keys_view import print_new
    from agents.desk import SystemClock

    with _store_of(config) as (_, store):
        found = _find(store, key)
        new = store.rotate(
            found.key_id,
            overlap=timedelta(hours=overlap),
            now=SystemClock().now(),
            certificate=_fingerprint(certificate),
        )
    if new is None:
        say(
            f"Khóa {found.key_id} đã thu hồi hoặc hết hạn; hãy cấp khóa mới.",
            f"The key {found.key_id} is revoked or expired; make a new one.",
        )
        raise typer.Exit(Exit.NEGATIVE)
    print_new(new, login=found.username, as_json=as_json)


@contextmanager
def _store_of(config: Path) -> Iterator[tuple["Settings", "AccessStore"]]:
    """The agent's settings and its store of keys. Raises UsageFault and AccessUnavailable."""
    from agents.gateway.access.store import AccessStore
    from agents.logs import configure_logs
    from agents.settings import load_settings

    configure_logs()
    settings = load_settings(config)
    with AccessStore.open(settings.spool) as store:
        yield settings, store


def _find(store: "AccessStore", wanted: str) -> "KeyRecord":
    """By key id or system id, rather one that is not revoked. Raises UsageFault."""
    everything = store.keys()
    named = [each for each in everything if wanted in {each.key_id, each.system_id}]
    if not named:
        raise UsageFault(f"Không có khóa nào mang mã {wanted}.", f"No key is called {wanted}.")
    # A key id first: somebody might name a system like another's key.
    return max(named, key=lambda each: (each.key_id == wanted, each.revoked_at is None, each.created_at))


def _check_organs(wanted: Sequence[str], settings: "Settings") -> None:
    """Raises UsageFault."""
    foreign = [code for code in wanted if settings.organ(code) is None]
    if foreign:
        own = ", ".join(each.organ_id for each in settings.organs)
        bad = ", ".join(foreign)
        raise UsageFault(
            f"Tác nhân này không phục vụ cơ quan {bad}; trong agent.toml chỉ có {own}.",
            f"This agent does not speak for {bad}; agent.toml has {own} only.",
        )


def _rights(granted: Granted) -> "frozenset[Right]":
    from agents.gateway.callers import Right

    return frozenset(Right) if granted is Granted.BOTH else frozenset({Right(granted.value)})


def _fingerprint(path: Path | None) -> str:
    """SHA-256 of the one certificate in a PEM file. Raises UsageFault."""
    if path is None:
        return ""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        with path.open("rb") as file:
            found = x509.load_pem_x509_certificates(file.read(CERTIFICATE_BYTES))
    except OSError as error:
        raise UsageFault(
            f"Không đọc được {path}: {error.strerror}", f"{path} cannot be read: {error.strerror}"
        ) from error
    except ValueError:
        found = []
    if len(found) != 1:
        raise UsageFault(
            f"{path} phải chứa đúng một chứng thư PEM của máy khách, không kèm chứng thư của nơi cấp.",
            f"{path} must hold exactly one PEM certificate, the client's, without those of authorities.",
        )
    return found[0].fingerprint(hashes.SHA256()).hex()


def _expiry(text: str) -> datetime | None:
    """The end of a day in Vietnam, or an instant as ISO 8601 has it. Raises UsageFault."""
    if not text:
        return None
    from datetime import date, time, timedelta

    from edxml_schemas.reader import VIETNAM_TIME

    try:
        try:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), VIETNAM_TIME)
        except ValueError:
            instant = datetime.fromisoformat(text)
            return instant if instant.tzinfo is not None else instant.replace(tzinfo=VIETNAM_TIME)
    except (ValueError, OverflowError):
        raise UsageFault(
            f"Ngày hết hạn “{text}” không hợp lệ; viết như 2027-12-31.",
            f"“{text}” is no date; write it like 2027-12-31.",
        ) from None
