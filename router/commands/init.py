"""`truc init`: a folder with a configuration that works."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from router.errors import UsageProblem

TEMPLATE: Final = Path(__file__).with_name("truc.toml.template")
"""The configuration as it is written, with `@name@` where an answer goes."""

NEXT: Final = """\
Đã tạo {config}. Việc tiếp theo:
  1. truc broker definitions --config {config} --agent TÊN -o definitions.json   rồi nạp vào RabbitMQ
  2. đặt chứng thư gốc vào {folder}/trust/anchors, danh sách thu hồi vào {folder}/trust/crls
  3. truc registry import DANH-BẠ.csv --config {config}
  4. gửi chứng thư của trục {certificate} cho các agent để ghim (hub_certificate trong agent.toml)
  5. truc user add TÊN --role administrator --reason "lập trục" --config {config}
  6. truc run --config {config}      rồi xem: truc status --config {config}, http://127.0.0.1:8620/console/

Created {config}. What to do next:
  1. make RabbitMQ's users and queues: truc broker definitions, then import the file into RabbitMQ
  2. put root certificates into trust/anchors, revocation lists into trust/crls
  3. truc registry import FILE.csv
  4. give the hub's certificate {certificate} to the agents to pin (hub_certificate in agent.toml)
  5. make the first account of the console: truc user add NAME --role administrator --reason "set up"
  6. truc run, then truc status, and http://127.0.0.1:8620/console/
"""

KEY_MADE: Final = """\
Đã tạo khóa ký của trục {key} (chỉ trục đọc được) và chứng thư {certificate}.
Gửi chứng thư ấy cho các agent để ghim (hub_certificate trong agent.toml).

Made the hub's signing key {key} (nobody else may read it) and its certificate {certificate}.
Give that certificate to the agents to pin (hub_certificate in agent.toml).
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Thư mục của trục. / The hub's folder.", metavar="DIR")],
    amqp_url: Annotated[
        str, typer.Option(help="URL của RabbitMQ. / RabbitMQ's URL.")
    ] = "amqp://hub:hub@127.0.0.1:5672/",
    database_url: Annotated[str, typer.Option(help="Để trống: SQLite. / Empty: SQLite.")] = "",
    only_key: Annotated[
        bool,
        typer.Option("--key", help="Chỉ tạo khóa ký cho thư mục đã có. / Only make the key of an existing folder."),
    ] = False,
) -> None:
    """Tạo thư mục cấu hình chạy được ngay, kèm khóa ký của trục. / Make a folder with a configuration that works.

    Không ghi đè truc.toml hay khóa đã có. Với --key: chỉ tạo khóa ký và chứng thư cho thư mục đã có truc.toml.

    Makes the hub's signing key with a self-signed certificate, too. Never overwrites an existing truc.toml or key. With
    --key: makes only key and certificate, for a folder that has a truc.toml.
    """
    config = folder / "truc.toml"
    if only_key:
        key, certificate = _make_key(config)
        typer.echo(KEY_MADE.format(key=key, certificate=certificate), err=True)
        return
    if config.exists():
        raise UsageProblem(
            f"{config} đã có, không ghi đè",
            f"{config} exists and is not overwritten",
            remedy_vi="chọn thư mục khác, hoặc xoá tệp đó trước; chỉ thiếu khóa ký thì: truc init --key",
            remedy_en="choose another folder, or remove that file first; only the key is missing: truc init --key",
        )
    for name in ("trust/anchors", "trust/intermediates", "trust/crls", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "data").chmod(0o750)
    # A JSON string is a TOML string. The file holds passwords: nobody else reads it, from its first byte on.
    config.touch(0o600, exist_ok=False)
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, answer in (("amqp_url", amqp_url), ("database_url", database_url)):
        text = text.replace(f"@{name}@", json.dumps(answer, ensure_ascii=False))
    config.write_text(text, encoding="utf-8")
    _, certificate = _make_key(config)
    typer.echo(NEXT.format(config=config, folder=folder, certificate=certificate), err=True)


def _make_key(config: Path) -> tuple[Path, Path]:
    """Makes key and certificate where the configuration wants them; where that is."""
    from router.adapters.clock import SystemClock
    from router.adapters.hub_key import make_hub_key
    from router.settings import Settings, load_settings

    # A hub in a container may be set up by its environment alone.
    settings = load_settings(config) if config.exists() else Settings(folder=config.absolute().parent)
    key = config.parent / settings.hub_key.key
    certificate = config.parent / settings.hub_key.certificate
    make_hub_key(key=key, certificate=certificate, name=settings.hub, now=SystemClock().now())
    return key, certificate
