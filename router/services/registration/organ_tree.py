"""The registry as a tree that is looked at branch by branch, and searched."""

import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.core.people import Scope
from router.core.registry import OrganRecord, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One organ with the number of those directly below it."""

    organ: OrganRecord
    children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPage:
    """Some organs, by code; `following` is the code behind which the next page begins, empty when there is none."""

    rows: tuple[Branch, ...]
    following: str


def plain(text: str) -> str:
    """A text as people type it: small letters without marks."""
    parts = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(each for each in parts if not unicodedata.combining(each))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """One version of the registry, drawn: codes below each code ("" for the roots), and words by code, in order."""

    version: int
    children: dict[str, list[str]]
    words: tuple[tuple[str, str], ...]


class OrganTree:
    """Draws the tree once per version of the registry. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: _Drawn | None = None

    def below(self, registry: Registry, parent: str, scope: Scope, *, after: str = "", limit: int) -> BranchPage:
        """Those of the organs directly below `parent` that somebody sees; without a parent, where their tree begins."""
        drawn = self._of(registry)
        codes = drawn.children.get(parent, []) if parent or scope.everything else self._tops(registry, scope)
        start = bisect_right(codes, after) if after else 0
        seen = [code for code in codes[start:] if scope.sees(code)]
        return self._page(registry, drawn, seen, limit=limit)

    def search(self, registry: Registry, query: str, scope: Scope, *, after: str = "", limit: int) -> BranchPage:
        """Organs in whose code, former code or name every word of the query stands, marks and case aside; by code."""
        drawn, wanted = self._of(registry), plain(query).split()
        found: list[str] = []
        for code, words in drawn.words:
            if code > after and all(each in words for each in wanted) and scope.sees(code):
                found.append(code)
                if len(found) > limit:
                    break
        return self._page(registry, drawn, found, limit=limit)

    def way_to(self, registry: Registry, organ: OrganRecord, scope: Scope) -> Sequence[OrganRecord]:
        """Those above an organ that somebody sees, the topmost first."""
        way: list[OrganRecord] = []
        above, known = registry.organ(organ.parent), {organ.code}
        while above is not None and above.code not in known and scope.sees(above.code):
            way.append(above)
            known.add(above.code)
            above = registry.organ(above.parent)
        return way[::-1]

    def number_below(self, registry: Registry, code: str) -> int:
        """How many organs are directly below one."""
        return len(self._of(registry).children.get(code, ()))

    def _page(self, registry: Registry, drawn: _Drawn, codes: Sequence[str], *, limit: int) -> BranchPage:
        rows = tuple(
            Branch(organ=registry.organs[code], children=len(drawn.children.get(code, ()))) for code in codes[:limit]
        )
        return BranchPage(rows=rows, following=codes[limit - 1] if len(codes) > limit else "")

    def _tops(self, registry: Registry, scope: Scope) -> list[str]:
        return sorted(_tops(registry, scope))

    def _of(self, registry: Registry) -> _Drawn:
        with self._lock:
            if self._drawn is None or self._drawn.version != registry.version:
                self._drawn = _draw(registry)
            return self._drawn


def _tops(registry: Registry, scope: Scope) -> Iterator[str]:
    """The organs that somebody sees and whose parent they do not see."""
    for code in scope.organs or ():
        organ = registry.organs.get(code)
        if organ is not None:
            above = registry.organ(organ.parent) if organ.parent else None
            if above is None or not scope.sees(above.code):
                yield code


def _draw(registry: Registry) -> _Drawn:
    children: dict[str, list[str]] = {}
    for code, organ in registry.organs.items():
        above = registry.organ(organ.parent) if organ.parent else None
        children.setdefault(above.code if above is not None and above.code != code else "", []).append(code)
    for each in children.values():
        each.sort()
    words = tuple(
        (code, plain(f"{code} {organ.old_code} {organ.name}")) for code, organ in sorted(registry.organs.items())
    )
    return _Drawn(version=registry.version, children=children, words=words)
