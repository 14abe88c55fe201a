"""Anchors, intermediates and revocation lists in folders.

`TrustFolders` is what a worker asks; it reads files again when they change. A file that cannot be read is named in the
log, and what it said when it was last good still counts; a missing list makes verdicts wait, never the hub fall.
Revocation lists that `crl_fetcher.py` brings are files like any other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from cryptography import x509

from edxml_schemas.trust import TrustMaterial
from router.logs import logger

SUFFIXES: Final = frozenset({".pem", ".crt", ".cer", ".der", ".crl"})
FILE_BYTES: Final = 64 * 2**20  # a national revocation list is a few megabytes
CERTIFICATE_MARK: Final = b"-----BEGIN CERTIFICATE-----"
CRL_BEGIN: Final = b"-----BEGIN X509 CRL-----"
CRL_END: Final = b"-----END X509 CRL-----"

Parsed = TypeVar("Parsed")


def certificates_of(data: bytes) -> tuple[x509.Certificate, ...]:
    """Certificates of a PEM file (one or several) or a DER file (one). Raises ValueError."""
    if CERTIFICATE_MARK in data:
        return tuple(x509.load_pem_x509_certificates(data))
    return (x509.load_der_x509_certificate(data),)


def crls_of(data: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    """Revocation lists of a PEM file (one or several) or a DER file (one). Raises ValueError."""
    if CRL_BEGIN not in data:
        return (x509.load_der_x509_crl(data),)
    blocks = [CRL_BEGIN + each.partition(CRL_END)[0] + CRL_END + b"\n" for each in data.split(CRL_BEGIN)[1:]]
    return tuple(x509.load_pem_x509_crl(block) for block in blocks)


def bounded(size: int) -> None:
    """Raises ValueError for a file that is larger than any list or certificate is."""
    if size > FILE_BYTES:
        raise ValueError(f"more than {FILE_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class _Read(Generic[Parsed]):
    """What a file held when it looked like `stamp` (modification time in ns, size, inode)."""

    stamp: tuple[int, int, int]
    content: tuple[Parsed, ...]


class WatchedFolder(Generic[Parsed]):
    """Files of one kind in some folders; only what changed is read."""

    def __init__(self, folders: Sequence[Path], parse: Callable[[bytes], tuple[Parsed, ...]]) -> None:
        self._folders = folders
        self._parse = parse
        self._files: dict[Path, _Read[Parsed]] = {}
        self._log = logger("trust")

    def refresh(self) -> bool:
        """Whether anything is different now."""
        found: dict[Path, _Read[Parsed]] = {}
        for path in self._paths():
            known = self._files.get(path)
            try:
                stat = path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if known is None or known.stamp != stamp:
                    bounded(stat.st_size)
                    known = _Read(stamp, self._parse(path.read_bytes()))
            except FileNotFoundError:
                continue  # taken away between listing and reading
            except (OSError, ValueError) as problem:
                self._log.warning("bad-trust-file", file=str(path), reason=str(problem), last_good=known is not None)
                content = known.content if known is not None else ()
                known = _Read(stamp, content) if isinstance(problem, ValueError) else known
            if known is not None:
                found[path] = known
        changed = found != self._files
        self._files = found
        return changed

    def content(self) -> tuple[Parsed, ...]:
        return tuple(each for path in sorted(self._files) for each in self._files[path].content)

    def _paths(self) -> Iterable[Path]:
        for folder in self._folders:
            try:
                yield from sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)
            except FileNotFoundError:
                continue
            except OSError as problem:
                self._log.warning("bad-trust-folder", folder=str(folder), reason=str(problem))


class TrustFolders:
    """`ports.TrustSource`. `material` is one value until something changes, so that answers about it can be cached."""

    def __init__(
        self, *, anchors: Path, intermediates: Path, crls: Sequence[Path], require_revocation: bool = True
    ) -> None:
        self._anchors = WatchedFolder((anchors,), certificates_of)
        self._intermediates = WatchedFolder((intermediates,), certificates_of)
        self._crls = WatchedFolder(tuple(crls), crls_of)
        self._require_revocation = require_revocation
        self._material = TrustMaterial(anchors=(), require_revocation=require_revocation)
        self.refresh()

    def material(self) -> TrustMaterial:
        return self._material

    def refresh(self) -> bool:
        """Look at the files; whether the material is another one now. Call it from time to time, in a thread."""
        changed = [each.refresh() for each in (self._anchors, self._intermediates, self._crls)]
        if any(changed):
            self._material = TrustMaterial(
                anchors=self._anchors.content(),
                intermediates=self._intermediates.content(),
                crls=self._crls.content(),
                require_revocation=self._require_revocation,
            )
        return any(changed)
