"""`truc-agent robot`."""

from agents.commands.shared import CONFIG, Config, Verbose, say
from agents.commands.until_told import JsonLogs, prepared, until_told


def robot(
    *,
    config: Config = CONFIG,
    json_logs: JsonLogs = False,
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
    from agents.runner import run_agent

    # A gateway has nothing to offer here: nobody reads, and the robot refuses before anybody could take.
    alone = {"robot": True, "gateway": None}
    settings = prepared(config, json_logs=json_logs, verbose=verbose).model_copy(update=alone)
    until_told(lambda stop: run_agent(settings, stop=stop))
    say("Robot đã dừng.", "The robot has stopped.")
