"""Revocation lists fetched by HTTP into a folder that the workers watch.

The way to a list is plain HTTP and anybody may sit on it. What is fetched is kept only when an authority that the hub
knows has signed it, and when it says no less than what is here already: whoever holds the wire could otherwise take
revocations back by an older list, or make every verdict wait by a stranger's.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from router.adapters.trust_files import WatchedFolder, bounded, certificates_of, crls_of
from router.logs import logger

FETCH_TIMEOUT: Final = 20.0  # seconds


class CrlRefused(ValueError):
    """A fetched list must not take the place of what is here."""


class CrlFetcher:
    """Runs once per hub, beside the workers. A list that cannot be fetched, read or believed changes nothing.

    `authorities` are folders of certificates: anchors and intermediates.
    """

    def __init__(
        self,
        urls: Sequence[str],
        folder: Path,
        *,
        authorities: Sequence[Path],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._urls = urls
        self._folder = folder
        self._authorities = WatchedFolder(authorities, certificates_of)
        self._transport = transport
        self._log = logger("trust")

    def path_of(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.crl"

    async def fetch_all(self) -> int:
        """How many lists were fetched and kept."""
        if not self._urls:
            return 0
        await asyncio.to_thread(self._authorities.refresh)
        async with httpx.AsyncClient(
            timeout=FETCH_TIMEOUT, follow_redirects=True, transport=self._transport, trust_env=False
        ) as client:
            outcomes = await asyncio.gather(*(self._fetch(client, url) for url in self._urls))
        return sum(outcomes)

    async def _fetch(self, client: httpx.AsyncClient, url: str) -> bool:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT), client.stream("GET", url) as response:
                response.raise_for_status()
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    bounded(len(data))
            await asyncio.to_thread(self._keep, self.path_of(url), bytes(data))
        except CrlRefused as problem:
            self._log.warning("crl-ignored", url=url, reason=str(problem))
            return False
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            reason = str(problem) or type(problem).__name__
            self._log.warning("crl-not-fetched", url=url, reason=reason)
            return False
        return True

    def _keep(self, path: Path, data: bytes) -> None:
        """Raises ValueError for what is no list, CrlRefused for one that must not be kept."""
        fetched = crls_of(data)
        for each in fetched:
            if not any(_signed_by(each, authority) for authority in self._authorities.content()):
                raise CrlRefused(f"no known authority has signed it: {each.issuer.rfc4514_string()}")
        for held in _lists_in(path):
            if not any(_follows(each, held) for each in fetched):
                raise CrlRefused(
                    f"the list here is newer or another: {held.issuer.rfc4514_string()}, {held.last_update_utc}; "
                    f"remove {path.name} to begin anew"
                )
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(data)
        partial.replace(path)


def _lists_in(path: Path) -> tuple[x509.CertificateRevocationList, ...]:
    """What is held; nothing when it cannot be read: it says nothing any more, then."""
    try:
        return crls_of(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return ()


def _signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject:
        return False
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # other keys raise TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _follows(new: x509.CertificateRevocationList, held: x509.CertificateRevocationList) -> bool:
    """Whether `new` is the same authority's list for the same purpose, and not an older one (RFC 5280, 5.2.3)."""
    if new.issuer != held.issuer or _purpose(new) != _purpose(held):
        return False
    (new_time, new_number), (held_time, held_number) = _age(new), _age(held)
    return new_time >= held_time and new_number >= held_number


def _age(crl: x509.CertificateRevocationList) -> tuple[datetime, int]:
    """Time of issue, and the list's number; -1 for one without, so that a numbered list is never followed by it."""
    try:
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, ValueError):
        number = -1
    return crl.last_update_utc, number


def _purpose(crl: x509.CertificateRevocationList) -> frozenset[x509.ExtensionType]:
    """What sets lists of one authority apart: the certificates they speak of, and whether they are whole."""
    apart = (x509.IssuingDistributionPoint, x509.DeltaCRLIndicator)
    found = (each.value for each in crl.extensions if isinstance(each.value, apart))
    return frozenset(
        each if isinstance(each, x509.IssuingDistributionPoint) else x509.DeltaCRLIndicator(0) for each in found
    )
