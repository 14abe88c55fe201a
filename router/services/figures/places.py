"""Which line of a table an organ's sums belong to: the registry's tree, drawn once per version."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from router.core.figures import HUB
from router.core.people import Scope
from router.core.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """`children` by the code above ("" for the roots), `former` codes by the present one."""

    version: int
    children: Mapping[str, Sequence[str]]
    former: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """`lines` are by organ code, present and former. `counts` says of a line how many organs of the registry it has,
    `opens` which lines have something below."""

    lines: Mapping[str, str]
    counts: Mapping[str, int]
    opens: frozenset[str]


def drawn_of(registry: Registry) -> Drawn:
    """An organ whose parent is not known, or is itself, is a root."""
    children: dict[str, list[str]] = {}
    for code, organ in registry.organs.items():
        above = registry.organ(organ.parent) if organ.parent else None
        children.setdefault(above.code if above is not None and above.code != code else HUB, []).append(code)
    former: dict[str, list[str]] = {}
    for old, code in registry.aliases.items():
        if old not in registry.organs:  # a code that was given anew belongs to who has it now
            former.setdefault(code, []).append(old)
    return Drawn(version=registry.version, children=children, former=former)


class Tree:
    """`drawn_of`, remembered for the registry's present version. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: Drawn | None = None

    def of(self, registry: Registry) -> Drawn:
        with self._lock:
            if self._drawn is None or self._drawn.version != registry.version:
                self._drawn = drawn_of(registry)
            return self._drawn


def places_of(drawn: Drawn, registry: Registry, scope: Scope, top: str) -> Places:
    """Below `top` (a present code; HUB for everything that is seen) a line is the organ at the top by itself, or one
    right below it with its whole subtree. Costs what the subtree costs, not the registry."""
    tops = _tops(drawn, registry, scope) if top == HUB else drawn.children.get(top, ())
    lines: dict[str, str] = {}
    counts: dict[str, int] = {}
    if top != HUB:
        counts[top] = 1
        lines |= dict.fromkeys((top, *drawn.former.get(top, ())), top)
    for line in tops:
        for code in _subtree(drawn, line):
            if code not in lines and scope.sees(code):
                counts[line] = counts.get(line, 0) + 1
                lines |= dict.fromkeys((code, *drawn.former.get(code, ())), line)
    if top == HUB:  # a circle in the registry hangs below nothing
        for code in registry.organs:
            if code not in lines and scope.sees(code):
                counts[code] = 1
                lines |= dict.fromkeys((code, *drawn.former.get(code, ())), code)
    return Places(lines=lines, counts=counts, opens=frozenset(each for each in counts if drawn.children.get(each)))


def _tops(drawn: Drawn, registry: Registry, scope: Scope) -> Iterator[str]:
    """The organs that somebody sees and whose parent they do not see."""
    if scope.organs is None:
        yield from drawn.children.get(HUB, ())
        return
    for code in scope.organs:
        organ = registry.organs.get(code)
        if organ is not None:
            above = registry.organ(organ.parent) if organ.parent else None
            if above is None or not scope.sees(above.code):
                yield code


def _subtree(drawn: Drawn, code: str) -> Iterator[str]:
    """An organ and all below it."""
    waiting, known = [code], {code}
    while waiting:
        one = waiting.pop()
        yield one
        below = [each for each in drawn.children.get(one, ()) if each not in known]
        known.update(below)
        waiting += below
