"""When certificates end: the hub's own, those it trusts, and those of the organs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

STEPS: Final = (0, 7, 30, 60)
"""Days left. Organs are counted by the first of these that their last certificate does not outlive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """`days_left` is of the first certificate to end, by kind (hub, anchor, intermediate, crl); negative when it has.

    `organs` are how many organs' last certificate ends within so many days (0: has ended), `soonest` the first of them.
    """

    days_left: Mapping[str, float] = field(default_factory=dict)
    organs: Mapping[int, int] = field(default_factory=dict)
    soonest: tuple[tuple[str, datetime], ...] = ()


def days_left(ends: Iterable[tuple[str, datetime]], *, now: datetime) -> Mapping[str, float]:
    """The least by kind."""
    found: dict[str, float] = {}
    for kind, end in ends:
        days = round((end - now) / timedelta(days=1), 2)
        found[kind] = min(days, found.get(kind, days))
    return found


def last_endings(certificates: Iterable[tuple[str, str]]) -> Mapping[str, datetime]:
    """When the last certificate of each organ ends, from (organ, PEM). What cannot be read ends nowhere."""
    ends: dict[str, datetime] = {}
    for organ, pem in certificates:
        try:
            end = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
        except ValueError:
            continue  # refused when it was registered; nothing to say of its end
        ends[organ] = max(end, ends.get(organ, end))
    return ends


def endings(
    own: Iterable[tuple[str, datetime]], organs: Mapping[str, datetime], *, now: datetime, most: int = 20
) -> Endings:
    """`most` bounds the organs that are named."""
    counts = dict.fromkeys(STEPS, 0)
    soon: list[tuple[datetime, str]] = []
    for organ, end in organs.items():
        left = (end - now) / timedelta(days=1)
        step = next((each for each in STEPS if left <= each), None)
        if step is not None:
            counts[step] += 1
            soon.append((end, organ))
    named = tuple((organ, end) for end, organ in sorted(soon)[:most])
    return Endings(days_left=days_left(own, now=now), organs=counts, soonest=named)
