"""`truc-agent run`."""

import asyncio
import signal
from typing import Annotated

import typer

from agents.commands.shared import CONFIG, Config, Verbose, say


def run(
    *,
    config: Config = CONFIG,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Ghi nhật ký dạng JSON. / Write the log as JSON.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Chạy tác nhân / Run the agent until it is told to stop (Ctrl-C, SIGTERM).

    Chuyển văn bản giữa kho tạm, thư mục trao đổi và trục; tự nối lại khi mất kết nối. Moves messages between spool,
    folder and hub, and reconnects by itself.

    Ví dụ / example:  truc-agent run --config so-y-te/agent.toml

    Mã thoát / exit codes: 0 dừng theo lệnh / stopped as told · 2 cấu hình sai / bad settings ·
    3 kho tạm không dùng được, hoặc tác nhân đang chạy nơi khác / spool unusable, or the agent runs already.
    """
    from agents.logs import configure_logs
    from agents.runner import run_agent
    from agents.settings import load_settings

    settings = load_settings(config)
    configure_logs(json=json_logs, verbose=verbose)

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        await run_agent(settings, stop=stop)

    try:
        import uvloop
    except ImportError:
        asyncio.run(until_told())
    else:
        uvloop.run(until_told())
    say("Đã dừng.", "Stopped.")
