"""Certificates that the hub had before: older seals and receipts were signed with them."""

from pathlib import Path
from typing import Final

from cryptography import x509

from router.adapters.trust_files import SUFFIXES, certificates_of
from router.errors import UsageProblem

_MOST: Final = 2**20  # bytes of one file


def former_certificates(folder: Path) -> tuple[x509.Certificate, ...]:
    """Of all files in a folder, in order of names; none when there is no folder. Raises UsageProblem."""
    if not folder.is_dir():
        return ()
    found: list[x509.Certificate] = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        try:
            with path.open("rb") as file:
                found += certificates_of(file.read(_MOST))
        except (ValueError, x509.InvalidVersion) as problem:
            raise UsageProblem(
                f"{path} không phải chứng thư số: {problem}", f"{path} is no certificate: {problem}"
            ) from problem
    return tuple(found)
