"""Which misfortunes come when: by seed, spread over the load."""

import random
from dataclasses import dataclass
from typing import Final

KILLS: Final = {"worker": 0.47, "agent": 0.35, "supervisor": 0.10, "broker": 0.08}
"""What share of the kills each kind of process gets; at least one each."""
OTHERS: Final = (
    "cut-hub",
    "cut-agents",
    "stall-hub",
    "stall-agents",
    "refuse",
    "copies",
    "copied-reports",
    "crl-hangs",
    "clock-jump",
    "hub-disk-full",
    "agent-disk-full",
    "database-away",
)
EARLIEST, LATEST = 0.03, 0.9
"""Shares of the load between which misfortunes come."""


@dataclass(frozen=True, slots=True, order=True)
class Misfortune:
    """`at` is the number of documents that are answered by then."""

    at: int
    name: str


def planned(seed: int, *, documents: int, kills: int) -> list[Misfortune]:
    """In the order in which they come: so many kills at least, and every other misfortune at least once."""
    chance = random.Random(f"misfortunes-{seed}")  # noqa: S311  a plan, no secret
    names = [f"kill-{who}" for who, share in KILLS.items() for _ in range(max(1, round(kills * share)))]
    names += ["kill-worker"] * (kills - len(names))
    names += OTHERS * max(1, kills // 30)
    chance.shuffle(names)
    first, last = documents * EARLIEST, documents * LATEST
    moments = sorted(chance.uniform(first, last) for _ in names)
    return [Misfortune(int(moment), name) for moment, name in zip(moments, names, strict=True)]
