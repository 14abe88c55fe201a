"""`truc-agent init`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from agents.commands.shared import Exit, Verbose, say

TEMPLATE: Final = """\
# Tác nhân của cơ quan / the agency's agent. Đường dẫn tính từ thư mục này / paths are relative to this folder.

# Tên tác nhân, cũng là tài khoản RabbitMQ / the agent's name, its broker user, too.
name = "{name}"

# Địa chỉ trục; có thể đặt bằng biến TRUC_AGENT_AMQP_URL để mật khẩu không nằm trong tệp này.
# The hub's broker; TRUC_AGENT_AMQP_URL replaces it, so that the password can stay out of this file.
amqp_url = "amqp://{name}@localhost/"

# Nơi gửi nhận văn bản trên 1 MiB / the hub's door for envelopes above 1 MiB.
# blob_url = "http://localhost:8080/-/blobs"
# blob_token = ""

# Chứng thư của trục (PEM), do quản trị trục đưa: biên nhận không do trục ký thì không được tính. Nếu là chứng thư của
# nơi cấp (CA) thì ghi thêm tên trục. / The hub's certificate (PEM), from its administrator: receipts that the hub did
# not sign do not count. With an authority's certificate, name the hub, too.
# hub_certificate = "hub.cert.pem"
# hub_name = ""

# Kho tạm và thư mục trao đổi / the spool, and the folder shared with the document system.
spool = "spool"
folder = "folder"

# Gửi lại khi trục chưa trả lời sau số giây này / resend when the hub has not answered after so many seconds.
resend_after = 600

# Cơ quan robot để tự kiểm tra đường truyền / the robot agency for truc-agent selftest.
# selftest_organ = ""

# Mỗi cơ quan một mục, với khóa và chứng thư số (PEM) / one section per organ, with key and certificate (PEM).
[[organs]]
organ_id = "000.00.00.H00"
name = "Tên cơ quan"
# key = "keys/co-quan.key.pem"
# cert = "keys/co-quan.cert.pem"

# Cổng HTTP để phần mềm quản lý văn bản kết nối vào (truc-agent gateway); khóa truy cập tạo bằng truc-agent keys.
# The HTTP gateway for document systems (truc-agent gateway); their keys are made by truc-agent keys.
# [gateway]
# host = "0.0.0.0"
# port = 8090
# tls_certificate = "tls.cert.pem"
# tls_key = "tls.key.pem"
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Thư mục mới. / The new folder.")],
    *,
    name: Annotated[str, typer.Option(help="Tên tác nhân. / The agent's name.")] = "co-quan",
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Tạo agent.toml mẫu / Write an agent.toml to start from.

    Ví dụ / example:  truc-agent init so-y-te --name so-y-te

    Mã thoát / exit codes: 0 · 2 đã có agent.toml, hoặc tên không hợp lệ / there is one already, or a bad name.
    """
    from edxml_schemas.contract import AGENT_NAME

    path = folder / "agent.toml"
    if not AGENT_NAME.fullmatch(name):
        say(f"Tên “{name}” không hợp lệ: chỉ a–z, 0–9 và gạch nối.", f"Bad name “{name}”: use a–z, 0–9 and hyphens.")
        raise typer.Exit(Exit.USAGE)
    if path.exists():
        say(f"Đã có {path}.", f"{path} is there already.")
        raise typer.Exit(Exit.USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    typer.echo(path)
    say("Hãy sửa địa chỉ trục và các cơ quan trong tệp này.", "Now set the hub's address and the organs in this file.")
