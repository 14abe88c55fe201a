"""`truc-agent gateway`."""

import asyncio

from agents.commands.shared import CONFIG, Config, Verbose, say
from agents.commands.until_told import JsonLogs, prepared, until_told


def gateway(
    *,
    config: Config = CONFIG,
    json_logs: JsonLogs = False,
    verbose: Verbose = False,
) -> None:
    """Chạy tác nhân và cổng HTTP cho phần mềm quản lý văn bản / Run the agent with its HTTP gateway.

    Như truc-agent run, thêm cổng HTTP mà phần mềm quản lý văn bản kết nối vào không phải sửa: giao diện VXP (đường dẫn
    /), LGSP (/v1) và REST (/api/v1). Cần mục [gateway] trong agent.toml và khóa truy cập (truc-agent keys add).
    As truc-agent run, plus the HTTP server to which document systems connect without being changed: VXP (paths at /),
    LGSP (/v1) and REST (/api/v1). It needs a [gateway] table in agent.toml, and keys (truc-agent keys add).

    Tín hiệu / signals: SIGTERM, Ctrl-C: dừng, yêu cầu dở dang được vài giây để xong / stop, requests in flight get some
    seconds · SIGHUP: đọc lại chứng thư TLS / read the TLS certificate again.

    Kiểm tra / checks: /-/health (còn sống / alive) · /-/ready (nhận được văn bản / can keep what it is given).

    Ví dụ / example:  truc-agent gateway --config so-y-te/agent.toml

    Mã thoát / exit codes: 0 dừng theo lệnh / stopped as told · 2 cấu hình sai, cổng đang bận, chứng thư TLS hỏng / bad
    settings, port in use, unusable TLS certificate · 3 kho tạm không dùng được, hoặc tác nhân đang chạy nơi khác /
    spool unusable, or the agent runs already.
    """
    from agents.runner import run_gateway

    settings = prepared(config, json_logs=json_logs, verbose=verbose)
    reload = asyncio.Event()
    until_told(lambda stop: run_gateway(settings, stop=stop, reload=reload), hangup=reload)
    say("Đã dừng.", "Stopped.")
