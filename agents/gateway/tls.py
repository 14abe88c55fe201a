"""The server's certificate: read when it starts, and again when the files change, without a restart."""

import hashlib
import ssl
from collections.abc import Sequence
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.errors import UsageFault
from agents.gateway.settings import GatewaySettings


class Certificate:
    """The TLS context of the server, which a reload replaces: connections keep the one they began with."""

    def __init__(self, settings: GatewaySettings, *, log: FilteringBoundLogger) -> None:
        """Raises UsageFault for files that cannot be used."""
        if settings.tls_certificate is None or settings.tls_key is None:
            raise UsageFault("Chưa đặt tls_certificate và tls_key.", "tls_certificate and tls_key are not set.")
        self._certificate, self._key = settings.tls_certificate, settings.tls_key
        self._settings = settings
        self._log = log
        try:
            self._seen = self._digest()
            self.context = self._fresh()
        except (OSError, ssl.SSLError) as error:
            raise UsageFault(
                f"Không dùng được chứng thư TLS {self._certificate}: {_reason(error)}",
                f"The TLS certificate {self._certificate} cannot be used: {_reason(error)}",
            ) from error

    def reload_if_changed(self) -> bool:
        """Whether new files are in use now. Faulty ones are told of in the log, and the old stay in use."""
        try:
            digest = self._digest()
            if digest == self._seen:
                return False
            self.context = self._fresh()  # not into the live one: a handshake that is under way would find half a pair
        except (OSError, ssl.SSLError) as error:
            self._log.error(
                "tls.not-reloaded",
                file=str(self._certificate),
                reason=_reason(error),
                vi="Chưa dùng được chứng thư TLS mới, vẫn dùng chứng thư cũ.",
                en="The new TLS certificate cannot be used; the old one stays.",
            )
            return False
        self._seen = digest
        self._log.info("tls.reloaded", file=str(self._certificate))
        return True

    def _fresh(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate, self._key, password=_none)
        if self._settings.client_ca is not None:
            context.load_verify_locations(self._settings.client_ca)
            required = self._settings.require_client_certificate
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        return context

    def _digest(self) -> bytes:
        """Of what stands in the files: some systems swap links, others write in place. Raises OSError."""
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in self._files())).digest()

    def _files(self) -> Sequence[Path]:
        own = (self._certificate, self._key)
        return own if self._settings.client_ca is None else (*own, self._settings.client_ca)


def _none() -> str:
    """No password: OpenSSL would ask for it at the terminal."""
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
