"""The hub's signature."""

from typing import Protocol


class ReceiptSigner(Protocol):
    """Signs what the hub says. Pure computing of some 50 µs: no lock, no network, no disk."""

    def sign(self, words: bytes) -> bytes:
        """The receipt with the hub's Signature as last child of its root; `words` are those of `encode_receipt`."""
        ...


class StampUnavailable(Exception):
    """A time-stamping authority cannot be reached, or gave no answer. Try again later."""


class StampAuthority(Protocol):
    """Asks an RFC 3161 authority. Slow, and outside every transaction."""

    def ask(self, request: bytes) -> bytes:
        """The answer (DER) to a request (DER). Raises StampUnavailable."""
        ...
