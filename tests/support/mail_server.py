"""A small SMTP server for tests: takes letters, with or without TLS and passwords, and can refuse."""

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class MailDesk:
    """What came in. `refuse` is an answer to every MAIL, `refused_readers` are told 550 at RCPT."""

    port: int = 0
    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: str = ""
    refused_readers: set[str] = field(default_factory=set)
    password: str = ""


def own_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, and the file that names its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file, key_file = folder / "ca.pem", folder / "key.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    return context, ca_file


@contextlib.asynccontextmanager
async def mail_server(
    desk: MailDesk, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[MailDesk]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await _Talk(desk, reader, writer, starttls=starttls, encrypted=tls is not None).run()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    desk.port = server.sockets[0].getsockname()[1]
    try:
        yield desk
    finally:
        server.close()


class _Talk:
    def __init__(
        self,
        desk: MailDesk,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        starttls: ssl.SSLContext | None,
        encrypted: bool,
    ) -> None:
        self.desk, self.reader, self.writer = desk, reader, writer
        self.context, self.encrypted = starttls, encrypted
        self.sender, self.readers = "", list[str]()

    async def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self) -> None:
        await self.say("220 test")
        while line := (await self.reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self.say("221 bye")
                return
            await getattr(self, f"do_{verb.lower()}", self.unknown)(rest)

    async def unknown(self, _: str) -> None:
        await self.say("502 what?")

    async def do_ehlo(self, _: str) -> None:
        offers = ["AUTH PLAIN LOGIN"] if self.desk.password else []
        offers += ["STARTTLS"] if self.context is not None and not self.encrypted else []
        lines = ["test", *offers, "8BITMIME"]
        for each in lines[:-1]:
            await self.say(f"250-{each}")
        await self.say(f"250 {lines[-1]}")

    async def do_auth(self, rest: str) -> None:
        _, _, blob = rest.partition(" ")
        if rest.upper().startswith("PLAIN"):
            _, user, password = base64.b64decode(blob).decode().split("\0")
        else:
            if not blob:
                await self.say("334 VXNlcm5hbWU6")
                blob = (await self.reader.readline()).decode()
            user = base64.b64decode(blob).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.reader.readline()).decode()
        self.desk.logins.append((user, password))
        await self.say("235 in" if password == self.desk.password else f"535 wrong password {password}")

    async def do_mail(self, rest: str) -> None:
        self.sender, self.readers = rest.partition("<")[2].partition(">")[0], []
        await self.say(self.desk.refuse or "250 ok")

    async def do_rcpt(self, rest: str) -> None:
        reader = rest.partition("<")[2].partition(">")[0]
        if reader in self.desk.refused_readers:
            await self.say("550 nobody")
            return
        self.readers.append(reader)
        await self.say("250 ok")

    async def do_data(self, _: str) -> None:
        await self.say("354 go")
        taken = bytearray()
        while (line := await self.reader.readline()) != b".\r\n":
            taken += line[1:] if line.startswith(b"..") else line
        letter = message_from_bytes(bytes(taken), policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.desk.letters.append((self.sender, self.readers, letter))
        self.desk.encrypted.append(self.encrypted)
        await self.say("250 taken")

    async def do_rset(self, _: str) -> None:
        await self.say("250 ok")

    async def do_starttls(self, _: str) -> None:
        await self.say("220 go")
        assert self.context is not None
        await self.writer.start_tls(self.context)
        self.encrypted = True
