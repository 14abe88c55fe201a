"""A client of the VXP dialect that writes its requests byte for byte as the Java library does, and reads as strictly.

One service object serves many calls: its time stamp is taken once, and arguments of earlier calls stay in its headers.
Names go out in the order of the library's hash table. Blocking; use it in threads beside a running server.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from agents.gateway.vxp.timestamps import write_stamp

PREFIX: Final = "XroadVnpt-"
AGENT: Final = "JAVASDKAgent/1.0.0 XRoad/VPCP"
VERSION: Final = "3.0.201608"
PATIENCE: Final = 30.0  # seconds
PIECE: Final = 4096  # bytes of a chunk

Header = tuple[str, str]


def java_order(names: Sequence[str]) -> list[str]:
    """Keys of a java.util.HashMap in the order of its iteration."""
    size = 16
    while len(names) > size * 3 // 4:
        size *= 2
    return sorted(names, key=lambda name: _java_hash(name) & (size - 1))


def _java_hash(name: str) -> int:
    value = 0
    for char in name:
        value = (31 * value + ord(char)) & 0xFFFFFFFF
    return value ^ (value >> 16)


def lossy_hash(content: bytes) -> str:
    """SHA-256 with each byte printed without its leading zero."""
    return "".join(format(byte, "x") for byte in hashlib.sha256(content).digest())


def signature(secret: str, signed: str) -> str:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and the answer in it when it is one."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object, read as the library reads it: US-ASCII, three members that are strings."""
        value = json.loads(self.body.decode("ascii"))
        assert isinstance(value, dict)
        assert all(isinstance(value[name], str) for name in ("status", "ErrorCode", "ErrorDesc")), value
        assert (value["status"] == "OK") == (value["ErrorCode"] == "0"), value
        return value


@dataclass(slots=True)
class VxpClient:
    """The library's service object. `kept` are its headers, which nothing ever clears."""

    host: str
    port: int
    system_id: str
    secret: str = field(repr=False)
    created: datetime
    kept: dict[str, str] = field(default_factory=dict)
    connection: socket.socket | None = None

    def __post_init__(self) -> None:
        self.kept["timestamp"] = write_stamp(self.created)
        self.kept["systemid"] = self.system_id

    # ── What the library offers ─────────────────────────────────────────────────────────────────────────────────────

    def send(self, file: bytes, **arguments: Any) -> Answer:
        """`to` may be a list of organ codes. `chunked` and `expect` say how the body travels."""
        how = {name: arguments.pop(name) for name in ("chunked", "expect") if name in arguments}
        self.kept["Content-Type"] = "application/octet-stream"
        self._keep({"servicetype": "eDoc", "messagetype": "edoc"} | arguments)
        self.kept["hash-file"] = lossy_hash(file)
        # Not the class that the other calls use: it has one value per name, in whatever case, and keeps the last.
        headers = list({name.lower(): (name, value) for name, value in self.headers()}.values())
        return self.exchange("POST", "/sendEdoc", headers, file + b"\r\n", **how)

    def received(self, messagetype: str = "edoc") -> Answer:
        return self._call("/getReceivedEdocList", b"", servicetype="eDoc", messagetype=messagetype)

    def fetch(self, doc_id: str) -> Answer:
        return self._call("/getEdoc", b"{}", docId=doc_id, filePath="xml")

    def download(self, doc_id: str) -> Answer:
        self._keep({"docId": doc_id, "filePath": "xml"})
        return self.exchange("GET", "/downloadEdoc", self.headers(), None)

    def mark(self, doc_id: str, status: str, *, name: str = "docid") -> Answer:
        return self._call("/updateStatus", b"{}", **{"status": status, name: doc_id})

    def sent(self, messagetype: str = "edoc", **arguments: str) -> Answer:
        return self._call("/getSentEdocList", b"", servicetype="eDoc", messagetype=messagetype, **arguments)

    def count(self, what: str = "Edoc") -> Answer:
        return self._call(f"/countReceive{what}", b"{}", servicetype="eDoc", messagetype="edoc")

    def agencies(self, operation: str = "getAgenciesList", **arguments: str) -> Answer:
        return self._call(f"/{operation}", b"", **arguments)

    def register(self, data: Mapping[str, object]) -> Answer:
        return self._call("/registerAgency", json.dumps(data).encode())

    def remove(self, code: str) -> Answer:
        return self._call("/deleteAgency", b"{}", AgencyCode=code)

    def envelope(self, doc_id: str) -> bytes:
        """The envelope in the answer to a fetch."""
        members = self.fetch(doc_id).members
        assert members["status"] == "OK", members
        return base64.b64decode(members["data"], validate=True)

    # ── How it writes ───────────────────────────────────────────────────────────────────────────────────────────────

    def headers(self) -> list[Header]:
        """Everything that is kept, signed."""
        names = java_order(list(self.kept))
        signed = json.dumps(
            {PREFIX + name: self.kept[name] for name in names}, ensure_ascii=False, separators=(",", ":")
        )
        plain = [("Content-Type", self.kept["Content-Type"])] if "Content-Type" in self.kept else []
        return [
            *plain,
            *((PREFIX + name, self.kept[name]) for name in names),
            (f"{PREFIX}sign-header-key", ";".join(names)),
            (f"{PREFIX}sign-header", signed),
            (f"{PREFIX}hash-header", signature(self.secret, signed)),
            ("User-Agent", AGENT),
            (f"{PREFIX}version", VERSION),
        ]

    def exchange(
        self,
        method: str,
        path: str,
        headers: Sequence[Header],
        body: bytes | None,
        *,
        chunked: bool = False,
        expect: bool = False,
    ) -> Answer:
        """One request and its answer; the connection is kept for the next."""
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        head += [f"Host: {self.host}:{self.port}", "Connection: Keep-Alive"]
        if body is not None:
            head.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        if expect:
            head.append("Expect: 100-continue")
        raw = "\r\n".join(head).encode("utf-8") + b"\r\n\r\n"
        if self.connection is None:
            self.connection = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        self.connection.sendall(raw)
        if expect:
            assert self.connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for piece in [body] if body and not chunked else _chunks(body or b"", chunked=chunked):
            self.connection.sendall(piece)
        return self._read(method)

    def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
            self.connection = None

    def _call(self, path: str, body: bytes, **arguments: str) -> Answer:
        self.kept["Content-Type"] = "application/json"
        self._keep(arguments)
        return self.exchange("POST", path, self.headers(), body)

    def _keep(self, arguments: Mapping[str, Any]) -> None:
        for name, value in arguments.items():
            known = {"sender": "from"}.get(name, name)
            self.kept[known] = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

    def _read(self, method: str) -> Answer:
        assert self.connection is not None
        with http.client.HTTPResponse(self.connection, method=method) as response:
            response.begin()
            answer = Answer(response.status, dict(response.getheaders()), response.read())
            if response.will_close:
                self.close()
        return answer


def _chunks(body: bytes, *, chunked: bool) -> Iterator[bytes]:
    if not chunked:
        return
    for start in range(0, len(body), PIECE):
        piece = body[start : start + PIECE]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"
