"""TLS connections before they speak HTTP: each holds a place from its acceptance on, and has not for ever.

uvicorn knows a connection when its handshake is done, which may be never; so connections are accepted here, counted,
and raised to TLS.
"""

import asyncio
from socket import socket
from typing import Any, Final

from structlog.typing import FilteringBoundLogger
from uvicorn.server import ServerState

from agents.gateway.connections import GatewayConfig, GatewayProtocol, Placed, exceeded
from agents.gateway.tls import Certificate

ACCEPT_AGAIN: Final = 0.5  # seconds, when the system has no file for another connection


class TlsDoor:
    """The socket of a server with TLS. What fails, or takes longer than a head may, is cut off without a word."""

    def __init__(
        self, listening: socket, *, config: GatewayConfig, certificate: Certificate, state: ServerState, backlog: int
    ) -> None:
        self._listening = listening
        self._config = config
        self._certificate = certificate
        self._state = state
        self._log: FilteringBoundLogger = config.log
        listening.listen(backlog)
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Nobody gets in any more; those that are in the middle of a handshake are the server's to shut down."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listening.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                wire, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                self._log.error("connections.not-accepted", reason=error.strerror or type(error).__name__)
                await asyncio.sleep(ACCEPT_AGAIN)
                continue
            self._enter(wire, str(peer[0]))

    def _enter(self, wire: socket, who: str) -> None:
        places: set[Any] = self._state.connections  # which uvicorn shuts down at its end, these as well
        handshake = _Handshake()
        limit = exceeded(handshake, places, who=who, settings=self._config.gateway)
        if limit:
            self._log.warning("connections.full", limit=limit, client=who)
            wire.close()
            return
        places.add(handshake)
        handshake.task = asyncio.create_task(self._shake(wire, handshake, who))
        self._state.tasks.add(handshake.task)
        handshake.task.add_done_callback(self._state.tasks.discard)

    async def _shake(self, wire: socket, handshake: "_Handshake", who: str) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _SecuredProtocol(self._config, self._state, {}, handshake=handshake),
                wire,
                ssl=self._certificate.context,
                ssl_handshake_timeout=self._config.gateway.header_timeout.total_seconds(),
            )
        except OSError as error:  # that of TLS is one, too
            reason = getattr(error, "reason", "") or type(error).__name__
            self._log.info("connection.no-handshake", client=who, reason=str(reason))
        finally:
            self._state.connections.discard(handshake)


class _Handshake(Placed):
    """One that is under way."""

    task: asyncio.Task[None] | None = None

    def shutdown(self) -> None:
        """The server ends: nothing has been asked for here yet."""
        if self.task is not None:
            self.task.cancel()


class _SecuredProtocol(GatewayProtocol):
    """Takes over the place that its handshake held."""

    def __init__(
        self, config: GatewayConfig, state: ServerState, app_state: dict[str, Any], *, handshake: _Handshake
    ) -> None:
        super().__init__(config, state, app_state)
        self._handshake = handshake

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self.connections.discard(self._handshake)
        super().connection_made(transport)
