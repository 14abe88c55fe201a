"""RFC 3161 authorities: by HTTP (section 3.4), or by a program that knows how to ask one."""

import subprocess
from collections.abc import Sequence

import httpx

from edxml_schemas.evidence.timestamps import TOKEN_BYTES
from router.ports.signing import StampUnavailable


class HttpAuthority:
    """`ports.signing.StampAuthority` at an address. `patience` is seconds for the whole answer."""

    def __init__(self, url: str, *, patience: float) -> None:
        self._url = url
        self._patience = patience

    def ask(self, request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        answer = bytearray()
        try:
            with httpx.stream("POST", self._url, content=request, headers=headers, timeout=self._patience) as response:
                response.raise_for_status()
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > TOKEN_BYTES:
                        raise StampUnavailable("the answer is too long")
        except httpx.HTTPError as problem:
            raise StampUnavailable(f"{type(problem).__name__}: {problem}") from problem
        return bytes(answer)


class CommandAuthority:
    """`ports.signing.StampAuthority` behind a program: request on standard input, answer on standard output."""

    def __init__(self, command: Sequence[str], *, patience: float) -> None:
        self._command = tuple(command)
        self._patience = patience

    def ask(self, request: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  the operator's own setting, no shell
                self._command, input=request, capture_output=True, timeout=self._patience, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise StampUnavailable(f"{type(problem).__name__}: {problem}") from problem
        if done.returncode != 0:
            raise StampUnavailable(
                f"exit code {done.returncode}: {done.stderr[-200:].decode(errors='replace').strip()}"
            )
        return done.stdout
