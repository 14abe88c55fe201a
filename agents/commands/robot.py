"""`truc-agent robot`."""

import asyncio
import signal
from typing import Annotated

import typer

from agents.commands.shared import CONFIG, Config, Verbose, say


def robot(
    *,
    config: Config = CONFIG,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Ghi nhật ký dạng JSON. / Write the log as JSON.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Chạy cơ quan robot / Run a robot agency until it is told to stop (Ctrl-C, SIGTERM).

    Robot tự nhận mọi văn bản tự kiểm tra (truc-agent selftest) và trả lời 03, từ chối mọi văn bản khác bằng 02 kèm lý
    do, và tự dọn kho tạm của mình. Như truc-agent run với robot = true. A robot takes every self-test by itself and
    answers 03, refuses every other document with 02 and a reason, and cleans its own spool. As truc-agent run with
    robot = true.

    Ví dụ / example:  truc-agent robot --config robot.toml

    Mã thoát / exit codes: 0 dừng theo lệnh / stopped as told · 2 cấu hình sai / bad settings ·
    3 kho tạm không dùng được, hoặc tác nhân đang chạy nơi khác / spool unusable, or the agent runs already.
    """
    from agents.logs import configure_logs
    from agents.runner import run_agent
    from agents.settings import load_settings

    # A gateway has nothing to offer here: nobody reads, and the robot refuses before anybody could take.
    settings = load_settings(config).model_copy(update={"robot": True, "gateway": None})
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
    say("Robot đã dừng.", "The robot has stopped.")
