"""The registry as a search reads it: names as words, codes in all their forms, and who is above whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from edxml_schemas.organs import normalise
from router.core.registry import OrganRecord, Registry
from router.core.search_words import code_ends, fold, name_words_of, twin_of

DEEPEST: Final = 32
"""Levels of the tree that are followed: the file of a registry may hold a circle."""
MOST_ORGANS: Final = 500


@dataclass(frozen=True, slots=True)
class Organs:
    """The codes that a text means, present and former. `more`: it means further organs, which are left out."""

    codes: tuple[str, ...]
    more: bool = False


class OrganBook:
    """One snapshot of the registry. What is asked for is remembered; usable from several threads."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._words: dict[str, tuple[str, ...]] = {}
        self._above: dict[str, tuple[str, ...]] = {}

    @property
    def version(self) -> int:
        return self._registry.version

    def name_of(self, code: str) -> str:
        """The name of an organ by any of its codes; empty for one that is not known."""
        organ = self._registry.organ(code)
        return organ.name if organ is not None else ""

    def may_sign(self, code: str, fingerprint: str) -> bool:
        """Whether a certificate is bound to an organ, by any of its codes, now."""
        return self._registry.may_sign(self.root_of(code), fingerprint)

    def words_of(self, code: str) -> tuple[str, ...]:
        """The words of an organ's name; none for one that is not known."""
        known = self._words.get(code)
        if known is None:
            known = self._words[code] = name_words_of(self.name_of(code))
        return known

    def above(self, code: str) -> tuple[str, ...]:
        """A code, its organ's present code, and the present codes of all above it."""
        known = self._above.get(code)
        if known is None:
            known = self._above[code] = tuple(dict.fromkeys((code, *self._way_up(code))))
        return known

    def root_of(self, code: str) -> str:
        """The present code of a root; the code itself for one that is not known."""
        organ = self._registry.organ(code)
        return organ.code if organ is not None else code

    def codes_of(self, code: str) -> tuple[str, ...]:
        """Every code by which messages may name the organ that somebody calls so."""
        organ = self._known_as(code)
        if organ is None:
            return (normalise(code),)
        return tuple(dict.fromkeys(each for each in (organ.code, organ.old_code) if each))

    def means(self, text: str) -> bool:
        """Whether a text is the code of an organ of the registry."""
        return self._known_as(text) is not None

    def matching(self, text: str) -> Organs:
        """The organs that a text means: the one with this code, else all with words or codes that begin so."""
        if self.means(text):
            return Organs(self.codes_of(text))
        wanted = [f" {each}" for each in fold(text).split()]
        if not wanted:
            return Organs(())
        found = [organ for organ, hay in self._hay if all(each in hay for each in wanted)]
        codes = tuple(code for organ in found[:MOST_ORGANS] for code in self.codes_of(organ.code))
        return Organs(codes, more=len(found) > MOST_ORGANS)

    def changed_since(self, version: int) -> tuple[str, ...]:
        """The codes, present and former, of organs whose name or place in the tree may differ from a former version's.

        Those that changed, and all below them.
        """
        changed = {each.code for each in self._registry.organs.values() if each.changed_in > version}
        if not changed:
            return ()
        moved = [each for each in self._registry.organs if not changed.isdisjoint(self.above(each))]
        return tuple(dict.fromkeys(code for each in moved for code in self.codes_of(each)))

    def _known_as(self, text: str) -> OrganRecord | None:
        code = normalise(text)
        for each in (text, code, twin_of(code)):
            organ = self._registry.organ(each) if each else None
            if organ is not None:
                return organ
        return None

    def _way_up(self, code: str) -> Iterator[str]:
        organ = self._registry.organ(code)
        for _ in range(DEEPEST):
            if organ is None:
                return
            yield organ.code
            if not organ.parent:
                return
            above = self._registry.organ(organ.parent)
            if above is None:
                yield organ.parent
            organ = above

    @cached_property
    def _hay(self) -> tuple[tuple[OrganRecord, str], ...]:
        """Every organ with all that it is found by, each behind a blank."""
        return tuple((each, _hay_of(each)) for each in self._registry.organs.values())


def _hay_of(organ: OrganRecord) -> str:
    keys = (*name_words_of(organ.name), *code_ends(organ.code), *code_ends(organ.old_code))
    return f" {' '.join(keys)}"
