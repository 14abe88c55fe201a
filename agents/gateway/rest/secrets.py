"""Secrets of webhooks, sealed with the key that seals the access store, and the signatures made with them.

Signatures are those of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, as `v1,<signature>`.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Final, Protocol

SECRET_MARK: Final = "whsec_"  # noqa: S105  the mark that begins secrets
_SECRET_BYTES: Final = 32


class Sealer(Protocol):
    """`agents.gateway.access.secrets.Vault`."""

    def seal(self, plain: bytes) -> bytes: ...
    def unseal(self, sealed: bytes) -> bytes: ...


class WebhookSecrets:
    """Makes, seals and uses secrets."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def new(self) -> tuple[str, bytes]:
        """A secret as its receiver gets it, once, and as it is kept."""
        drawn = secrets.token_bytes(_SECRET_BYTES)
        return SECRET_MARK + b64encode(drawn).decode(), self._sealer.seal(drawn)

    def sign(self, sealed: bytes, *, message_id: str, timestamp: int, body: bytes) -> str:
        """The value of `webhook-signature`. Raises WrongAccessKey when the sealing key is another one now."""
        return signature(self._sealer.unseal(sealed), message_id=message_id, timestamp=timestamp, body=body)


def signature(secret: bytes, *, message_id: str, timestamp: int, body: bytes) -> str:
    """`timestamp` in seconds since 1970."""
    told = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(secret, told, hashlib.sha256).digest()).decode()


def is_signed(secret: str, header: str, *, message_id: str, timestamp: int, body: bytes) -> bool:
    """What a receiver does: whether one of the signatures in the header is good."""
    wanted = signature(
        b64decode(secret.removeprefix(SECRET_MARK)), message_id=message_id, timestamp=timestamp, body=body
    )
    return any(hmac.compare_digest(wanted.encode(), each.encode()) for each in header.split(" "))
