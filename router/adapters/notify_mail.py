"""Notices by e-mail."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from router.core.notices import Notice
from router.errors import HubProblem
from router.ports import Clock
from router.ports.alarms import NotTaken

REASON_CHARS: Final = 200
TITLE_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where letters go, and in whose name. `ca_file` names the authorities of the server, None those of the system."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    ca_file: Path | None
    user: str
    sender: str


class MailChannel:
    """One server, one list of readers. Every notice is a letter in a connection of its own."""

    def __init__(
        self,
        name: str,
        server: MailServer,
        *,
        to: Sequence[str],
        password: Callable[[], str],
        patience: float,
        clock: Clock,
    ) -> None:
        self._name = name
        self._server = server
        self._to = tuple(to)
        self._password = password
        self._patience = patience
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    async def send(self, notice: Notice) -> None:
        readers = notice.to or self._to
        if not readers:
            raise NotTaken("nobody to write to: mail_to is empty")
        server = self._server
        try:
            password = self._password()
            async with asyncio.timeout(4 * self._patience):  # a letter has several questions and answers
                refused, _ = await aiosmtplib.send(
                    letter_of(notice, sender=server.sender, to=readers, at=format_datetime(self._clock.now())),
                    sender=server.sender,
                    recipients=list(readers),
                    hostname=server.host,
                    port=server.port,
                    username=server.user or None,
                    password=password if server.user else None,
                    use_tls=server.tls == "tls",
                    start_tls=server.tls == "starttls",
                    tls_context=self._context() if server.tls != "none" else None,
                    timeout=self._patience,
                )
        except HubProblem as problem:  # the password's source
            raise NotTaken(str(problem)) from None
        except aiosmtplib.SMTPResponseException as problem:
            # The server's words may quote what it was told; the number says enough.
            raise NotTaken(f"{type(problem).__name__} {problem.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as problem:
            raise NotTaken(f"{server.host}:{server.port}: {type(problem).__name__}") from None
        if refused:
            raise NotTaken(f"the server refused {len(refused)} of {len(readers)} readers"[:REASON_CHARS])

    def _context(self) -> ssl.SSLContext:
        ca_file = self._server.ca_file
        return ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)


def letter_of(notice: Notice, *, sender: str, to: Sequence[str], at: str) -> EmailMessage:
    """The letter. Its Message-ID follows from the notice: mail programs show a repetition once."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = " ".join(notice.title.split())[:TITLE_CHARS]
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    letter["Date"] = at
    letter["Message-ID"] = f"<{''.join(c if c.isalnum() else '-' for c in notice.id)}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(notice.text)
    return letter
