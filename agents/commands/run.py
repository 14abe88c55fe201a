"""`truc-agent run`."""

from agents.commands.shared import CONFIG, Config, Verbose, say
from agents.commands.until_told import JsonLogs, prepared, until_told


def run(
    *,
    config: Config = CONFIG,
    json_logs: JsonLogs = False,
    verbose: Verbose = False,
) -> None:
    """Chạy tác nhân / Run the agent until it is told to stop (Ctrl-C, SIGTERM).

    Chuyển văn bản giữa kho tạm, thư mục trao đổi và trục; tự nối lại khi mất kết nối. Moves messages between spool,
    folder and hub, and reconnects by itself.

    Ví dụ / example:  truc-agent run --config so-y-te/agent.toml

    Mã thoát / exit codes: 0 dừng theo lệnh / stopped as told · 2 cấu hình sai / bad settings ·
    3 kho tạm không dùng được, hoặc tác nhân đang chạy nơi khác / spool unusable, or the agent runs already.
    """
    from agents.runner import run_agent

    settings = prepared(config, json_logs=json_logs, verbose=verbose)
    until_told(lambda stop: run_agent(settings, stop=stop))
    say("Đã dừng.", "Stopped.")
