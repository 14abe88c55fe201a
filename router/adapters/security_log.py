"""Security events to a monitoring centre: CEF in syslog lines (RFC 5424), over UDP, TCP or TLS.

Over TCP and TLS each line is preceded by its length (RFC 6587, RFC 5425), so that nothing in a line can begin another.
"""

import contextlib
import os
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from router.services.alarms.security import SecurityEvent

FACILITY: Final = 13  # log audit
TIMEOUT: Final = 10.0
VALUE_CHARS: Final = 1000
UDP_BYTES: Final = 60_000
VENDOR: Final = "TrucLienThong"
PRODUCT: Final = "truc"
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
HEADER_TEXT: Final = re.compile(r"[^!-~]+")
EXTENSIONS: Final[Mapping[str, str]] = {
    "address": "src",
    "user": "duser",
    "reason": "reason",
    "path": "request",
    "recipient": "dhost",
    "digest": "fileHash",
}
"""CEF's own keys for some facts; the others go by their names, with `truc` before them."""


def syslog_severity(severity: int) -> int:
    """RFC 5424's for CEF's: critical 2, error 3, warning 4, notice 5, informational 6."""
    steps = ((9, 2), (7, 3), (5, 4), (3, 5))
    return next((step for least, step in steps if severity >= least), 6)


def escaped_header(text: str) -> str:
    """A field before the extension: no bar, no line."""
    return _flat(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def escaped_value(text: str) -> str:
    """A value of the extension: no equals sign that makes another key, no line that makes another event."""
    text = _flat(text).replace("\\", "\\\\").replace("=", "\\=")
    return text.replace("\r\n", "\\n").replace("\r", "\\n").replace("\n", "\\n").replace("\t", " ")


def _flat(text: str) -> str:
    return CONTROLS.sub("?", text[:VALUE_CHARS])


def cef_of(event: SecurityEvent, *, version: str) -> str:
    """`CEF:0|vendor|product|version|id|name|severity|extension`."""
    header = (VENDOR, PRODUCT, version, event.name, event.title)
    told = {
        "rt": str(int(event.at.timestamp() * 1000)),
        "externalId": str(event.seq),
        "suser": event.who,
        **({"cs1Label": "message", "cs1": event.message_id} if event.message_id else {}),
        **{_key(name): value for name, value in sorted(event.facts.items()) if value},
    }
    extension = " ".join(f"{name}={escaped_value(value)}" for name, value in told.items())
    return f"CEF:0|{'|'.join(map(escaped_header, header))}|{event.severity}|{extension}"


def _key(name: str) -> str:
    plain = "".join(each for each in name.title() if each.isascii() and each.isalnum())
    return EXTENSIONS.get(name, f"truc{plain}")


def syslog_line(event: SecurityEvent, *, host: str, hub: str, version: str) -> bytes:
    """One line of RFC 5424. Its text is UTF-8 and says so by its byte order mark, as the norm asks."""
    priority = FACILITY * 8 + syslog_severity(event.severity)
    at = event.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = f"<{priority}>1 {at} {_named(host, 255)} {_named(hub, 48)} {os.getpid()} {_named(event.name, 32)} - "
    return head.encode("ascii") + b"\xef\xbb\xbf" + cef_of(event, version=version).encode("utf-8", "replace")


def _named(text: str, most: int) -> str:
    return HEADER_TEXT.sub("-", text)[:most] or "-"


class SyslogTarget:
    """Sends lines and keeps its connection. One that breaks is made anew at the next sending. Not for several threads.

    Syslog has no answer: what was written when the connection broke may be lost, and is not sent again unless the
    break was seen.
    """

    def __init__(
        self, transport: str, address: tuple[str, int], *, hub: str, version: str, ca_file: Path | None
    ) -> None:
        self._transport = transport
        self._address = address
        self._hub = hub
        self._version = version
        self._ca_file = ca_file
        self._host = socket.gethostname()
        self._socket: socket.socket | None = None

    def send(self, events: Sequence[SecurityEvent]) -> None:
        lines = [syslog_line(each, host=self._host, hub=self._hub, version=self._version) for each in events]
        try:
            connection = self._socket = self._socket or self._connect()
            if self._transport == "udp":
                for line in lines:
                    connection.send(line[:UDP_BYTES])
            else:
                self._see_whether_it_stands(connection)
                connection.sendall(b"".join(str(len(line)).encode() + b" " + line for line in lines))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _see_whether_it_stands(self, connection: socket.socket) -> None:
        """The other side never speaks: what can be read is its end."""
        connection.settimeout(0.0)
        try:
            if not connection.recv(1):
                raise ConnectionResetError("the syslog server closed the connection")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            connection.settimeout(TIMEOUT)

    def _connect(self) -> socket.socket:
        if self._transport == "udp":
            family, kind, protocol, _, where = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            made = socket.socket(family, kind, protocol)
            made.settimeout(TIMEOUT)
            made.connect(where)
            return made
        plain = socket.create_connection(self._address, timeout=TIMEOUT)
        if self._transport == "tcp":
            return plain
        context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file is not None else None)
        try:
            return context.wrap_socket(plain, server_hostname=self._address[0])
        except OSError:
            plain.close()
            raise
