"""`truc console`: the administrators' console alone, beside a hub that runs elsewhere or not at all."""

from typing import Annotated

import typer

from router.commands.opening import ConfigPath, say


def console(
    *,
    host: Annotated[str, typer.Option("--host", help="Mặc định: http_host. / Default: http_host.")] = "",
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Mặc định: http_port. / Default: http_port.", show_default=False),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Chạy riêng trang quản trị / Serve the administrators' console alone, until SIGTERM or Ctrl-C.

    Dùng chung cơ sở dữ liệu với trục. / It works on the hub's database.

    Mã thoát / exit codes: 0 tốt / good · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.adapters.listening import listening_socket
    from router.app.console import serve_console
    from router.app.parts import migrate, open_store, run_async
    from router.errors import UsageProblem
    from router.settings import load_settings

    settings = load_settings(config)
    chosen = port if port is not None else settings.http_port
    if not chosen:
        raise UsageProblem("http_port là 0: hãy cho biết --port", "http_port is 0: give a --port")
    migrate(settings)
    where = host or settings.http_host
    settings = settings.model_copy(update={"http_host": where, "http_port": chosen})
    door = listening_socket(where, chosen)
    store = open_store(settings)
    say(f"Trang quản trị: http://{where}:{chosen}/console/", f"Console: http://{where}:{chosen}/console/")
    try:
        run_async(serve_console(settings, store, door))
    finally:
        store.close()
        door.close()
