"""`truc broker`: what has to be set up on RabbitMQ, as a file to import."""

import json
import os
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import typer

from router.commands.opening import ConfigPath
from router.errors import UsageProblem

app = typer.Typer(help="Thiết lập RabbitMQ cho trục. / Set RabbitMQ up for the hub.", no_args_is_help=True)

PASSWORD_BYTES: Final = 24


@app.callback()
def broker() -> None:
    """Thiết lập RabbitMQ cho trục. / Set RabbitMQ up for the hub."""


@app.command()
def definitions(
    *,
    config: ConfigPath = None,
    agent: Annotated[
        list[str] | None, typer.Option("--agent", help="Thêm agent (lặp lại được). / One more agent (repeatable).")
    ] = None,
    passwords: Annotated[
        Path | None, typer.Option(help='TOML: tên = "mật khẩu". / TOML: name = "password".', show_default=False)
    ] = None,
    passwords_out: Annotated[
        Path | None,
        typer.Option(help="Ghi mật khẩu mới vào tệp này (0600). / Write new passwords here.", show_default=False),
    ] = None,
    vhost: Annotated[str, typer.Option(help="Virtual host.")] = "/",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Tệp ghi ra; bỏ trống: màn hình. / File; else stdout.")
    ] = None,
) -> None:
    """In định nghĩa để nạp vào RabbitMQ: người dùng, quyền, hàng đợi. / Print definitions for RabbitMQ.

    Nạp bằng `rabbitmqctl import_definitions TỆP` hoặc `load_definitions` trong rabbitmq.conf. Agent lấy từ danh bạ
    (nếu có cơ sở dữ liệu) và --agent. Mật khẩu của trục lấy từ amqp_url; của agent từ --passwords, thiếu thì tạo mới
    và ghi một lần vào --passwords-out. Tệp định nghĩa chỉ chứa mã băm.

    Agents come from the registry and --agent. The hub's password is the one in amqp_url; agents' come from
    --passwords, missing ones are made and written once to --passwords-out. The definitions hold hashes only.
    """
    from router.adapters.topology import HUB_USER
    from router.adapters.topology import definitions as made
    from router.settings import load_settings

    settings = load_settings(config)
    url = urlsplit(settings.amqp_url)
    given = _read(passwords)
    names = sorted({*_registered(config), *(agent or []), *given} - {url.username or HUB_USER})
    new = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in names if name not in given}
    if new and passwords_out is None:
        raise UsageProblem(
            f"Chưa có mật khẩu cho: {', '.join(new)}",
            f"There is no password for: {', '.join(new)}",
            remedy_vi="thêm --passwords TỆP.toml, hoặc --passwords-out TỆP để tạo mới",
            remedy_en="add --passwords FILE.toml, or --passwords-out FILE to have new ones made",
        )
    try:
        document = made(
            hub_password=unquote(url.password or ""),
            agent_passwords={name: given.get(name) or new[name] for name in names},
            vhost=vhost,
            hub_user=unquote(url.username or HUB_USER),
        )
    except ValueError as problem:
        raise UsageProblem(f"Tên agent sai: {problem}", f"A wrong agent name: {problem}") from problem
    if new and passwords_out is not None:
        _write_secret(passwords_out, "".join(f'{name} = "{password}"\n' for name, password in new.items()))
        typer.echo(f"Mật khẩu mới ở {passwords_out} / new passwords are in {passwords_out}", err=True)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


def _registered(config: Path | None) -> list[str]:
    """Agents in the registry; none while there is no database yet."""
    from router.app.parts import open_store
    from router.ports import StoreUnavailable
    from router.settings import SQLITE, load_settings

    settings = load_settings(config)
    if settings.database.startswith(SQLITE) and not Path(settings.database.removeprefix(SQLITE)).exists():
        return []  # opening it would make one
    store = open_store(settings)
    try:
        return sorted(store.registry().agents)
    except StoreUnavailable:
        return []
    finally:
        store.close()


def _read(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise UsageProblem(f"Không đọc được {path}: {problem}", f"Cannot read {path}: {problem}") from problem
    if not all(isinstance(each, str) and each for each in content.values()):
        raise UsageProblem(f'{path}: mỗi dòng là tên = "mật khẩu"', f'{path}: each line is name = "password"')
    return {str(name): str(password) for name, password in content.items()}


def _write_secret(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageProblem(f"{path} đã có, không ghi đè", f"{path} exists and is not overwritten") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
