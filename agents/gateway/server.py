"""The HTTP server as a connector of the agent: it begins and ends with it, in the same event loop."""

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from agents.desk import Desk
from agents.errors import UsageFault
from agents.gateway.access.store import AccessStore
from agents.gateway.access.throttle import Throttle
from agents.gateway.app import build_app, connectors_of
from agents.gateway.connections import GatewayConfig
from agents.gateway.directory import Directory
from agents.gateway.handshakes import TlsDoor
from agents.gateway.office import Office
from agents.gateway.rooms import Gateway
from agents.gateway.settings import GatewaySettings
from agents.gateway.tls import Certificate
from agents.gateway.uploads import FOLDER_MODE, Uploads
from agents.pacing import news_or, pause

LOOK: Final = 2.0  # seconds between two looks at the files of the certificate
GRACE: Final = 5.0  # seconds for the dialects' loops to end, once requests have ended
SWEEP: Final = 600.0  # seconds between two looks for uploads that were abandoned
BACKLOG: Final = 512  # connections that the system holds until they are taken


@contextlib.contextmanager
def opened(desk: Desk) -> Iterator[Gateway]:
    """The rooms of the gateway, over the agent's desk. Raises Unavailable, and UsageFault without a `[gateway]`."""
    if desk.settings.robot:
        raise UsageFault(
            "Cơ quan robot (robot = true) không có cổng kết nối: không phần mềm nào nhận văn bản ở đó. Đề nghị bỏ "
            "robot = true, hoặc chạy truc-agent robot.",
            "A robot agency (robot = true) has no gateway: no document system takes anything there. Remove "
            "robot = true, or run truc-agent robot.",
        )
    settings = desk.settings.gateway
    if settings is None:
        raise UsageFault(
            "agent.toml chưa có mục [gateway]; đề nghị thêm mục này (xem agents/gateway/README.md).",
            "agent.toml has no [gateway] table; add one (see agents/gateway/README.md).",
        )
    folder = desk.spool.folder
    with contextlib.ExitStack() as rooms:
        access = AccessStore.open(folder)
        rooms.callback(access.close)
        yield Gateway(
            office=Office(desk, settings=settings),
            access=access,
            throttle=Throttle(),
            directory=rooms.enter_context(Directory.open(folder)),
            settings=settings,
            desk=desk,
            clock=desk.clock,
            log=desk.log,
        )


class GatewayServer:
    """Implements `agents.agent.Connector`: uvicorn in the agent's loop, and the loops of the dialects beside it."""

    def __init__(self, gateway: Gateway, *, reload: asyncio.Event | None = None, look: float = LOOK) -> None:
        """`reload` asks for a look at the certificate now; `look` is in seconds. Raises UsageFault for a bad one.

        The port is taken here, so that one that is in use is told of before anything runs.
        """
        self._gateway = gateway
        self._reload = reload or asyncio.Event()
        self._look = look
        settings = gateway.settings
        self._certificate = Certificate(settings, log=gateway.log) if settings.tls_certificate is not None else None
        self._app = build_app(gateway)
        self._loops = connectors_of(gateway)
        self._socket = _listening(settings)
        self.port = int(self._socket.getsockname()[1])
        self._serving = asyncio.Event()

    @property
    def url(self) -> str:
        scheme = "http" if self._certificate is None else "https"
        host = self._gateway.settings.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def serving(self) -> None:
        """Returns when requests are answered."""
        await self._serving.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then requests in flight get `shutdown_grace`. Raises OSError when the disk is away."""
        gateway = self._gateway
        left = await asyncio.to_thread(_prepare, gateway.uploads)
        if left:
            gateway.log.info("incoming.cleared", files=left)
        server = http_server(self._app, settings=gateway.settings, log=gateway.log, certificate=self._certificate)
        self._warn_of_the_open()
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(each.run(gateway.stopping)) for each in self._loops]
            loops.append(tasks.create_task(self._watch_certificate()))
            loops.append(tasks.create_task(self._sweep()))
            serving = tasks.create_task(server.serve(sockets=[self._socket]))
            stopped = tasks.create_task(stop.wait())
            while not server.started and not serving.done():  # noqa: ASYNC110  uvicorn has no event for it
                await asyncio.sleep(0.01)
            self._serving.set()
            gateway.log.info("gateway.listening", url=self.url)
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            gateway.stopping.set()
            server.should_exit = True
            await asyncio.wait([serving])
            stopped.cancel()
            _, late = await asyncio.wait(loops, timeout=GRACE)
            for each in late:
                each.cancel()
        gateway.log.info("gateway.closed")

    async def _watch_certificate(self) -> None:
        stopping = self._gateway.stopping
        while self._certificate is not None and not stopping.is_set():
            await news_or(self._reload, stopping, self._look)
            self._reload.clear()
            await asyncio.to_thread(self._certificate.reload_if_changed)

    async def _sweep(self) -> None:
        """What requests left behind that ended in a way in which nothing could be removed."""
        gateway = self._gateway
        while not gateway.stopping.is_set():
            await pause(gateway.stopping, SWEEP)
            try:
                left = await asyncio.to_thread(gateway.uploads.sweep, now=datetime.now(UTC))
            except OSError as error:
                gateway.log.warning("incoming.not-cleared", reason=error.strerror or type(error).__name__)
                continue
            if left:
                gateway.log.info("incoming.cleared", files=left)

    def _warn_of_the_open(self) -> None:
        settings = self._gateway.settings
        if self._certificate is None and not settings.trusted_proxies and not _is_this_machine(settings.host):
            self._gateway.log.warning(
                "gateway.plain-http",
                url=self.url,
                vi="Cổng kết nối mở cho máy khác mà không mã hóa (TLS): mật khẩu và văn bản có thể bị đọc trên đường.",
                en="The gateway is open to other machines without TLS: secrets and letters can be read on the way.",
            )


def http_server(
    app: ASGIApp, *, settings: GatewaySettings, log: FilteringBoundLogger, certificate: Certificate | None = None
) -> uvicorn.Server:
    """A server with the limits of the settings, which leaves signals alone; serve it on a socket of your own."""
    config = GatewayConfig(
        app,
        gateway=settings,
        log=log,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,  # ours believe nobody by default
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace.total_seconds())),
    )
    return _Server(config) if certificate is None else _TlsServer(config, certificate)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the agent has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _TlsServer(_Server):
    """The same behind TLS, which is begun at doors of its own."""

    def __init__(self, config: GatewayConfig, certificate: Certificate) -> None:
        super().__init__(config)
        self._settings, self._certificate = config, certificate
        self._doors: list[TlsDoor] = []

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets=[])
        for each in sockets or []:
            self._doors.append(
                TlsDoor(
                    each, config=self._settings, certificate=self._certificate, state=self.server_state, backlog=BACKLOG
                )
            )

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for each in self._doors:
            await each.close()
        await super().shutdown(sockets)


def _listening(settings: GatewaySettings) -> socket:
    listening = socket(AF_INET6 if ":" in settings.host else AF_INET, SOCK_STREAM)
    try:
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise UsageFault(
            f"Không mở được cổng {settings.host}:{settings.port}: {error.strerror}.",
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
        ) from error
    return listening


def _prepare(uploads: Uploads) -> int:
    uploads.folder.mkdir(parents=True, exist_ok=True)
    uploads.folder.chmod(FOLDER_MODE)
    return uploads.sweep()


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
