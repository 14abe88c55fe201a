"""Where a hub's alarms arrive in tests: a mail server, a webhook, a chat and a monitoring centre, all real sockets."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tests.support.mail_server import MailDesk, mail_server
from tests.support.web_hook import Hook, web_hook

LINE_BYTES: Final = 65_535


@dataclass
class Sinks:
    """Everything that came in so far."""

    mail: MailDesk
    hook: Hook
    syslog_port: int
    lines: list[str] = field(default_factory=list)
    """CEF, as the monitoring centre got it."""

    def letters(self) -> list[tuple[list[str], str, str]]:
        """Readers, subject and text of every letter."""
        return [(to, str(letter["Subject"]), letter.get_content()) for _, to, letter in list(self.mail.letters)]

    def posted(self) -> list[dict[str, Any]]:
        """What the generic webhook got."""
        return [orjson.loads(body) for path, _, body in list(self.hook.got) if path == "/webhook"]

    def chats(self) -> list[dict[str, Any]]:
        """What the Telegram-shaped one got."""
        return [orjson.loads(body) for path, _, body in list(self.hook.got) if path.endswith("/sendMessage")]

    def told(self, kind: str, subject: str, telling: str) -> list[dict[str, Any]]:
        """Alarms that the webhook was told of."""
        return [
            alarm
            for notice in self.posted()
            for alarm in notice.get("alarms", ())
            if (alarm["kind"], alarm["subject"], alarm["telling"]) == (kind, subject, telling)
        ]


@contextmanager
def alarm_sinks() -> Iterator[Sinks]:
    """Open until the end, in threads of their own."""
    mail, ended = MailDesk(), threading.Event()
    loop = asyncio.new_event_loop()
    opened = threading.Event()

    async def take_letters() -> None:
        async with mail_server(mail):
            opened.set()
            await asyncio.to_thread(ended.wait)

    letters = threading.Thread(target=lambda: loop.run_until_complete(take_letters()))
    with web_hook() as hook, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.1)
        sinks = Sinks(mail, hook, door.getsockname()[1])

        def take_lines() -> None:
            while not ended.is_set():
                try:
                    sinks.lines.append(door.recv(LINE_BYTES).decode("utf-8"))
                except TimeoutError:
                    continue

        lines = threading.Thread(target=take_lines)
        letters.start()
        lines.start()
        opened.wait()
        try:
            yield sinks
        finally:
            ended.set()
            letters.join()
            lines.join()
            loop.close()
