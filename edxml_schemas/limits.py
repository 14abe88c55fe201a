"""What an envelope may cost, stated before it is read. Memory is bounded by these, not by what is sent."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds on everything that comes from outside. Sizes are bytes unless the name says otherwise."""

    envelope_bytes: int = 100 * 2**20
    depth: int = 40
    elements: int = 100_000
    attributes_per_element: int = 32
    attributes: int = 20_000
    attribute_chars: int = 4_096
    recipients: int = 5_000
    attachments: int = 1_000
    attachment_bytes: int = 100 * 2**20
    """One attachment, decoded and unzipped."""
    unzipped_bytes: int = 400 * 2**20
    """All attachments of one envelope, decoded and unzipped."""
    zip_entries: int = 100
    zip_ratio: int = 200
    """Unzipped size over zipped size, above which an entry of more than 1 MiB is a zip bomb."""
    findings: int = 200
    """An envelope with more faults than this is told so, and the rest is left out."""


DEFAULT_LIMITS: Final = Limits()
