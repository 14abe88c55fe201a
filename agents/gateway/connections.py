"""One client's connection: uvicorn's, with the deadlines and bounds that it leaves out.

What no application ever sees is answered here: half requests, heads that are too large, one connection too many.
"""

import asyncio
import hashlib
import ipaddress
import json
import sys
from collections.abc import Iterable
from typing import Any, Final

import h11
from structlog.typing import FilteringBoundLogger
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from agents.gateway.access.peers import address_of
from agents.gateway.problems import RETRY_AFTER, Problem, ProblemKind, problem
from agents.gateway.proxies import STATE
from agents.gateway.settings import GatewaySettings

HEAD_TOO_LARGE: Final = 431
_REASONS: Final = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Headers Too Large", 503: b"Service Unavailable"}


class GatewayConfig(Config):
    """uvicorn's settings, with ours beside them."""

    def __init__(
        self,
        app: Any,
        *,
        gateway: GatewaySettings,
        log: FilteringBoundLogger,
        **values: Any,
    ) -> None:
        super().__init__(
            app,
            http=GatewayProtocol,
            h11_max_incomplete_event_size=gateway.header_limit,
            **values,
        )
        self.gateway = gateway
        self.log = log


class Placed:
    """A connection that holds a place, from its acceptance to its end."""

    address: str = ""
    """Whose bound on connections it counts against; empty when nobody's."""


def exceeded(newcomer: Placed, others: Iterable[object], *, who: str, settings: GatewaySettings) -> int:
    """The bound that a connection from `who` is beyond, of all or of its address; 0 when there is room.

    Then it has its address. `others` are the connections that hold a place; `newcomer` may be among them.
    """
    there = [each for each in others if each is not newcomer]
    if len(there) >= settings.connections:
        return settings.connections
    own = address_of(who)
    if not own or _is_in(who, settings.trusted_proxies):
        return 0
    same = sum(1 for each in there if isinstance(each, Placed) and each.address == own)
    if same >= settings.connections_per_address:
        return settings.connections_per_address
    newcomer.address = own
    return 0


def _is_in(host: str, networks: Iterable[str]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(each) for each in networks)


class GatewayProtocol(H11Protocol, Placed):
    """From the first byte to the last, of one connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if not isinstance(config, GatewayConfig):
            raise TypeError("a GatewayProtocol needs a GatewayConfig")
        self._gateway = config.gateway
        self._log = config.log
        self._head_deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._one_too_many = False
        self._between = True
        """Nothing of the next request is there yet."""
        self.timeout_keep_alive = config.gateway.keep_alive.total_seconds()  # type: ignore[assignment]  # call_later's

    # ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        certificate = transport.get_extra_info("ssl_object")
        shown = certificate.getpeercert(binary_form=True) if certificate is not None else None
        self.app_state = self.app_state | {STATE: hashlib.sha256(shown).hexdigest() if shown else ""}
        limit = exceeded(self, self.connections, who=self._who(), settings=self._gateway)
        if limit:
            self._one_too_many = True
            self._log.warning("connections.full", limit=limit, client=self._who())
            self._turn_away(problem(ProblemKind.UNAVAILABLE))
            self.connections.discard(self)  # however long it takes to go, it takes nobody's place
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        self._forget_stall()
        super().connection_lost(exc)

    # ── What comes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        if self._one_too_many or self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            # Nonsense in the middle of a body, when the answer was on its way already.
            self._log.warning("connection.nonsense", client=self._who())
            self.transport.close()
        self._watch_head()

    def handle_events(self) -> None:
        if self._between and self.conn.their_state is h11.IDLE:
            self._skip_empty_lines()
        super().handle_events()

    def _skip_empty_lines(self) -> None:
        """Some clients write CR LF behind a body and do not count it: that is no request (RFC 9112, 2.2)."""
        held = self.conn.trailing_data[0]
        empty = len(held) - len(held.lstrip(b"\r\n"))
        if empty:
            self.conn._receive_buffer.maybe_extract_at_most(empty)  # h11 has no other way to take them out
        self._between = empty == len(held)

    def _watch_head(self) -> None:
        """A deadline while a head is awaited, or the rest of a body that was answered before its end."""
        idle = self.cycle is None or self.cycle.response_complete
        if not idle or self.transport.is_closing():
            self._forget_head()
        elif self._head_deadline is None and self.timeout_keep_alive_task is None:
            seconds = self._gateway.header_timeout.total_seconds()
            self._head_deadline = self.loop.call_later(seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_deadline = None
        if self.transport.is_closing():
            return
        self._log.warning("connection.half-request", client=self._who())
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._turn_away(problem(ProblemKind.TOO_SLOW))
        else:
            self.transport.close()

    def _forget_head(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words, in English alone
        """What is no HTTP, or too large a head. uvicorn calls it while it handles h11's error."""
        error = sys.exc_info()[1]
        hint = getattr(error, "error_status_hint", 0)
        kind = ProblemKind.HEADERS if hint == HEAD_TOO_LARGE else ProblemKind.BAD_REQUEST
        self._log.warning("connection.bad-request", client=self._who(), kind=kind.value)
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # in the middle of a body: whoever reads it sees the client gone
            return
        self._turn_away(problem(kind))

    # ── What goes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        self._between = True
        super().on_response_complete()
        self._watch_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        seconds = self._gateway.idle_timeout.total_seconds()
        self._stall = self._stall or self.loop.call_later(seconds, self._client_stalls)

    def resume_writing(self) -> None:
        self._forget_stall()
        super().resume_writing()

    def _client_stalls(self) -> None:
        """A client that reads nothing of its answer holds memory and a place."""
        self._stall = None
        self._log.warning("connection.unread", client=self._who())
        self.transport.abort()

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _turn_away(self, told: Problem) -> None:
        """An answer without an application, in all dialects' names at once, and the end of the connection."""
        shown = {
            "success": False,
            "message": told.text,
            "status": "FAIL",
            "ErrorCode": str(told.lgsp),
            "ErrorDesc": told.text,
            "DocId": "",
            "kind": told.kind.value,
        }
        body = json.dumps(shown).encode("ascii")  # which any client can read, whatever it takes the encoding for
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % (
            told.status,
            _REASONS[told.status],
            len(body),
        )
        if told.status == 503:
            head += b"retry-after: %d\r\n" % RETRY_AFTER
        self.transport.write(head + b"\r\n" + body)
        self.transport.close()

    def _who(self) -> str:
        return self.client[0] if self.client else ""
