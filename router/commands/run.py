"""`truc run`: the hub itself. `truc worker` is what it starts."""

from typing import Annotated

import typer

from router.commands.opening import ConfigPath


def run(
    context: typer.Context,
    config: ConfigPath = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-w", min=1, max=64, help="Số tiến trình. / Worker processes.", show_default=False),
    ] = None,
) -> None:
    """Chạy trục cho đến khi nhận SIGTERM hoặc Ctrl-C. / Run the hub until SIGTERM or Ctrl-C.

    Tạo hoặc nâng cấp cơ sở dữ liệu, khởi động các tiến trình xử lý và giữ cho chúng sống, mở HTTP: /-/health,
    /-/ready, /-/blobs. Dừng êm: nhận xong, ghi xong, xác nhận xong rồi mới thoát; Ctrl-C lần hai thoát ngay.

    Creates or upgrades the database, starts the workers and keeps them alive, serves HTTP. Stops gracefully: what is
    in hand is finished; a second Ctrl-C ends at once. While the broker is away it waits; without the database it ends
    with exit code 3.
    """
    from router.adapters.otel import check_telemetry
    from router.app.parts import open_hub_key, run_async
    from router.settings import load_settings
    from router.supervisor import Supervisor

    settings = load_settings(config)
    # Every worker opens these; one clear answer here, before anything starts.
    open_hub_key(settings)
    check_telemetry(settings.telemetry)

    async def main() -> None:
        await Supervisor(settings, config=config, workers=workers or settings.workers, verbose=context.obj).run()

    run_async(main())


def worker(
    config: ConfigPath = None,
    index: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """One worker of `truc run`; ends when its standard input does."""
    from router.app.parts import run_async
    from router.app.worker import run_worker
    from router.settings import load_settings

    settings = load_settings(config)
    run_async(run_worker(settings, index=index, supervised=True))
