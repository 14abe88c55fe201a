"""`truc init`: a folder with a configuration that works."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from router.errors import UsageProblem

TEMPLATE: Final = """\
# Cấu hình trục liên thông văn bản. / Configuration of the document hub.
# Mỗi dòng bị chú thích là giá trị mặc định. Biến môi trường TRUC_… thắng tệp này (ví dụ TRUC_AMQP_URL).
# A commented line shows the default. Variables TRUC_… in the environment win over this file.
# Đường dẫn tương đối tính từ thư mục chứa tệp này. / Relative paths start at this file's folder.

# Tên trục, ghi trong biên nhận và nhật ký. / The hub's name, in receipts and logs.
# hub = "truc-lien-thong"

# RabbitMQ: amqp:// hoặc amqps:// (TLS). / RabbitMQ.
amqp_url = {amqp_url}

# Cơ sở dữ liệu: để trống là SQLite trong data_dir; PostgreSQL: postgresql://người-dùng:mật-khẩu@máy/cơ-sở-dữ-liệu
# Database: empty means SQLite in data_dir.
database_url = {database_url}

# Nơi giữ phong bì, danh sách thu hồi đã tải, SQLite. / Envelopes, fetched revocation lists, SQLite.
data_dir = "data"

# Số tiến trình xử lý; nên bằng số lõi CPU. / Worker processes; as many as CPU cores.
workers = 2

# Số thông điệp một tiến trình nhận trước. / Messages one worker takes ahead.
# prefetch = 100
# Số thông điệp và byte nhiều nhất trong một giao dịch. / Most messages and bytes in one transaction.
# batch_messages = 64
# batch_bytes = 16777216

# HTTP: /-/health, /-/ready, /-/blobs (phong bì lớn). Đặt sau một proxy TLS. 0: tắt.
# HTTP: health, readiness, large envelopes. Put a TLS proxy in front. 0 turns it off.
http_host = "127.0.0.1"
http_port = 8620

# Bắt buộc agent điền user_id của AMQP (RabbitMQ kiểm tra). / Refuse submissions without AMQP's user_id.
# require_user_id = true

# Thời gian một tiến trình giữ riêng việc gửi của mình; khoảng cách giữa hai lần dọn việc sót (giây).
# How long a worker keeps its own outbox items; time between two looks for leftovers (seconds).
# lease_seconds = 60.0
# upkeep_seconds = 5.0

[trust]
# Chứng thư gốc, trung gian, danh sách thu hồi: tệp PEM hoặc DER; thay đổi có hiệu lực sau vài giây.
# Root and intermediate certificates, revocation lists: PEM or DER files; changes count after seconds.
anchors = "trust/anchors"
intermediates = "trust/intermediates"
crls = "trust/crls"
# Danh sách thu hồi tải qua HTTP. / Revocation lists fetched by HTTP.
crl_urls = []
# crl_refresh_seconds = 900.0
# Không có danh sách thu hồi còn hạn thì chưa kết luận. / Without a fresh list the verdict waits.
# require_revocation = true

[limits]
# Giới hạn cho một phong bì (byte, số lượng). / Limits of one envelope (bytes, counts).
# envelope_bytes = 104857600
# attachment_bytes = 104857600
# unzipped_bytes = 419430400
# recipients = 5000
# attachments = 1000

[blobs]
# Chỗ cho phong bì lớn tải lên trước: phần đĩa luôn để trống; mỗi agent được tải mà chưa gửi bao nhiêu (byte), bao lâu.
# Room for large envelopes: bytes that stay free; what one agent may upload without submitting it, and for how long.
# free_bytes = 1073741824
# unclaimed_bytes = 4294967296
# unclaimed_hours = 168.0
"""

NEXT: Final = """\
Đã tạo {config}. Việc tiếp theo:
  1. truc broker definitions --config {config} --agent TÊN -o definitions.json   rồi nạp vào RabbitMQ
  2. đặt chứng thư gốc vào {folder}/trust/anchors, danh sách thu hồi vào {folder}/trust/crls
  3. truc registry import DANH-BẠ.csv --config {config}
  4. truc run --config {config}      rồi xem: truc status --config {config}

Created {config}. What to do next:
  1. make RabbitMQ's users and queues: truc broker definitions, then import the file into RabbitMQ
  2. put root certificates into trust/anchors, revocation lists into trust/crls
  3. truc registry import FILE.csv
  4. truc run, then truc status
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Thư mục của trục. / The hub's folder.", metavar="DIR")],
    amqp_url: Annotated[
        str, typer.Option(help="URL của RabbitMQ. / RabbitMQ's URL.")
    ] = "amqp://hub:hub@127.0.0.1:5672/",
    database_url: Annotated[str, typer.Option(help="Để trống: SQLite. / Empty: SQLite.")] = "",
) -> None:
    """Tạo thư mục cấu hình chạy được ngay. / Make a folder with a configuration that works.

    Không ghi đè truc.toml đã có. / Never overwrites an existing truc.toml.
    """
    config = folder / "truc.toml"
    if config.exists():
        raise UsageProblem(
            f"{config} đã có, không ghi đè",
            f"{config} exists and is not overwritten",
            remedy_vi="chọn thư mục khác, hoặc xoá tệp đó trước",
            remedy_en="choose another folder, or remove that file first",
        )
    for name in ("trust/anchors", "trust/intermediates", "trust/crls", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "data").chmod(0o750)
    # A JSON string is a TOML string. The file holds passwords: nobody else reads it, from its first byte on.
    config.touch(0o600, exist_ok=False)
    config.write_text(
        TEMPLATE.format(
            amqp_url=json.dumps(amqp_url, ensure_ascii=False), database_url=json.dumps(database_url, ensure_ascii=False)
        ),
        encoding="utf-8",
    )
    typer.echo(NEXT.format(config=config, folder=folder), err=True)
