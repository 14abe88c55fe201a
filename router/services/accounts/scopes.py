"""How far somebody sees: the subtree of the registry below their root."""

import threading
from collections import OrderedDict
from typing import Final

from router.core.people import EVERYTHING, Person, Scope
from router.core.registry import Registry

REMEMBERED: Final = 256  # scopes of one version of the registry


def scope_of(registry: Registry, person: Person) -> Scope:
    """The organs at and below a person's root, by present and former codes. Pure.

    A root that the registry does not know is seen alone. Former codes of a root and of parents count as the present.
    """
    if not person.root:
        return EVERYTHING
    return _below(_children(registry), registry, person.root)


class Scopes:
    """`scope_of`, remembered for the registry's present version. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: int | None = None
        self._children: dict[str, list[str]] = {}
        self._known: OrderedDict[str, Scope] = OrderedDict()

    def of(self, registry: Registry, person: Person) -> Scope:
        if not person.root:
            return EVERYTHING
        with self._lock:
            if self._version != registry.version:
                self._version, self._children = registry.version, _children(registry)
                self._known.clear()
            known = self._known.get(person.root)
            if known is None:
                known = self._known[person.root] = _below(self._children, registry, person.root)
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            return known


def _children(registry: Registry) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for organ in registry.organs.values():
        if organ.parent:
            above = registry.organ(organ.parent)
            children.setdefault(above.code if above is not None else organ.parent, []).append(organ.code)
    return children


def _below(children: dict[str, list[str]], registry: Registry, root: str) -> Scope:
    top = registry.organ(root)
    seen = {top.code if top is not None else root}
    waiting = list(seen)
    while waiting:
        for code in children.get(waiting.pop(), ()):
            if code not in seen:  # the file of a registry may hold a circle
                seen.add(code)
                waiting.append(code)
    # A code that was given anew belongs to who has it now.
    former = {old for old, code in registry.aliases.items() if code in seen and old not in registry.organs}
    return Scope(frozenset(seen | former | {root}))
