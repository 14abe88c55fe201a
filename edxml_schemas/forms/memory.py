"""The forms that one worker has met. Envelopes of one house look alike, so a few hundred forms serve nearly all."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from edxml_schemas.forms.form import Filled, Form
from edxml_schemas.forms.learning import learn
from edxml_schemas.forms.markup import Cut, cut
from edxml_schemas.limits import DEFAULT_LIMITS, Limits

_MARKUP_CHARS: Final = 32_768  # of a form worth remembering; it takes ten bytes for each, more where no tag recurs
_MET: Final = 4_096  # markups of which it is known how often they were met
_TRIES: Final = 3  # envelopes from which a form is learnt; a value may be odd in one of them


@dataclass(slots=True)
class Forms:
    """Remembers at most `remembered` forms under one set of limits, of at most `markup_chars` together, and forgets
    the oldest: a few hundred usual ones, however large somebody makes theirs.

    A form is learnt when its markup is met for the second time: what never comes again costs next to nothing. Markup
    that no form can be learnt from is remembered, too, and not tried again. Nothing of what was learnt from one
    envelope is told of another but its markup: texts, keys, digests and trust are those of the envelope in hand. So
    whoever teaches forms can make others be forgotten, which costs time, and nothing else. Safe to use from several
    threads.
    """

    limits: Limits = DEFAULT_LIMITS
    remembered: int = 256
    markup_chars: int = 2 * 2**20
    _known: dict[str, Form | None] = field(default_factory=dict, init=False, repr=False)
    _met: dict[int, int] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def cut(self, data: bytes) -> Cut | None:
        """The bytes taken apart, once for both questions; None when they are not plain or too many."""
        return cut(data) if len(data) <= self.limits.envelope_bytes else None

    def read(self, taken: Cut | None) -> Filled | None:
        """The sound envelope in these bytes, when its markup is known and its texts plainly pass. None says nothing
        about the bytes. Never raises."""
        form = self._known.get(taken.markup) if taken is not None else None
        return form.fill(taken) if form is not None and taken is not None else None

    def learn(self, data: bytes, taken: Cut | None) -> None:
        """Take note of an envelope that was found sound in the long way. `taken` are the same bytes taken apart."""
        if taken is None or len(taken.markup) > _MARKUP_CHARS or taken.markup in self._known:
            return
        times = self._count(hash(taken.markup))
        form = learn(data, taken, self.limits) if times else None
        if form is not None or times >= _TRIES:
            self._remember(taken.markup, form)

    def _count(self, key: int) -> int:
        """How often the markup with this key was met before."""
        with self._lock:
            times = self._met.pop(key, 0)
            if len(self._met) >= _MET:
                self._met.pop(next(iter(self._met)))
            self._met[key] = times + 1
            return times

    def _remember(self, markup: str, form: Form | None) -> None:
        with self._lock:
            known = self._known
            known.pop(markup, None)
            while known and (len(known) >= self.remembered or sum(map(len, known)) + len(markup) > self.markup_chars):
                known.pop(next(iter(known)))  # the oldest
            known[markup] = form
