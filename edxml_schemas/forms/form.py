"""A form: the markup of an envelope that was read by a parser, judged by schema, rules and signature check, and found
sound. Another envelope with exactly this markup differs from it in texts alone, so only these are left to judge.

Why that is enough. An XML parser reads markup the same way whatever the texts between are, as long as they are plain:
no `<` and no `>`, no control characters, ends of lines already those of a parser, and no references but the three that
stand in canonical form as they are. So the tree has the same elements and attributes, and the canonical form is the
canonical markup with the same texts between. Of what schema and rules ask, presence and count depend on the markup;
types, lengths and fill on the texts, and these are checked here. What is asked here is never less than what is asked of
a tree. Nothing is refused here: what does not plainly pass goes the long way, and is refused or accepted there.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import pybase64

from edxml_schemas.forms.making import Values
from edxml_schemas.forms.markup import Cut, with_plain_ends
from edxml_schemas.forms.value_types import Pattern
from edxml_schemas.model import Envelope
from edxml_schemas.signatures import Proof, check_texts

_BLANKS: Final = " \t\n"
_SHORT_LINES: Final = 60_000  # above, a parser's numbers of lines are another matter


@dataclass(frozen=True, slots=True)
class Filled:
    """An envelope that is sound by itself: what it says, who signed it, and what its attachments decode to.

    `remarkable` says that there may be remarks about its markup. All of it comes from bytes that the signature covers.
    """

    envelope: Envelope
    proof: Proof
    contents: tuple[bytes, ...]
    remarkable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One markup, and what is asked of the texts between. Texts go by their numbers; text 0 stands before tag 0.

    Nothing in a form depends on the texts, the keys or the trust of the envelope that it was learnt from: envelopes of
    other people are read by it.

    `markup` and `canonical` have one entry per tag, as found and in canonical form. `root` and `signature` are the
    numbers of the first and the last tag of each. `attachments` are numbers of tags, and the lines that the markup
    before these takes.
    """

    markup: tuple[str, ...]
    canonical: tuple[str, ...]
    root: tuple[int, int]
    signature: tuple[int, int]
    contents: tuple[int, ...]
    attachments: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    lengths: tuple[tuple[int, int], ...]
    patterns: tuple[tuple[int, Pattern], ...]
    filled: tuple[tuple[int, ...], ...]
    distinct: tuple[tuple[int, ...], ...]
    measured: tuple[tuple[tuple[int, ...], int], ...]
    make: Callable[[Values], Envelope]
    remarkable: bool

    def fill(self, cut: Cut) -> Filled | None:
        """The envelope with these texts, None when anything about it asks for a closer look. Never raises."""
        texts = cut.texts
        if tuple([number for number, _ in cut.contents]) != self.contents or not self.fits(cut.read):
            return None
        pieces: list[str] = [""] * (len(texts) + len(self.markup))
        pieces[::2] = texts
        pieces[1::2] = self.markup
        if "".join(pieces) != cut.plain:  # tags and texts are where the brackets are
            return None
        contents = [_content(content) for _, content in cut.contents]
        lines = self._lines(texts, contents)
        if lines is None or not all(each.decoded for each in contents):
            return None
        if self.canonical is not self.markup:
            pieces[1::2] = self.canonical
        proof = self._proof(pieces, contents)
        if proof is None:
            return None
        values: list[Any] = [*map(str.strip, cut.read)]
        for number, content in zip(self.contents, contents, strict=True):
            values[number] = str(content.text, "ascii").strip()
        values += lines
        return Filled(self.make(values), proof, tuple([each.decoded for each in contents]), self.remarkable)

    def fits(self, texts: Sequence[str]) -> bool:
        """Whether schema and rules find nothing in these texts."""
        if _joined(self.gaps, texts).strip(_BLANKS):
            return False
        for number, most in self.lengths:
            if len(texts[number]) > most:
                return False
        for number, matches in self.patterns:
            if matches(texts[number]) is None:
                return False
        for group in self.filled:
            for number in group:
                text = texts[number]
                if text and not text.isspace():
                    break
            else:
                return False
        for numbers in self.distinct:
            if len({texts[number].strip().upper() for number in numbers}) < len(numbers):
                return False
        return all(sum([len(texts[each]) for each in numbers]) <= most for numbers, most in self.measured)

    def _proof(self, pieces: list[str], contents: "Sequence[_Content]") -> Proof | None:
        """The proof of the signature over the canonical form, which `pieces` are when contents are put in place."""
        first, last = 2 * self.signature[0] + 1, 2 * self.signature[1] + 1
        signature = "".join(pieces[first : last + 1]).encode()
        at, end = 2 * self.root[0] + 1, 2 * self.root[1] + 2
        pieces[first : last + 1] = [""] * (last + 1 - first)
        hasher = hashlib.sha256()
        for number, content in zip(self.contents, contents, strict=True):
            hasher.update("".join(pieces[at : 2 * number]).encode())
            hasher.update(content.text)
            at = 2 * number + 1
        hasher.update("".join(pieces[at:end]).encode())
        return check_texts(signature, hasher.digest())

    def _lines(self, texts: Sequence[str], contents: "Sequence[_Content]") -> list[int] | None:
        """The line of each attachment; None when there are too many lines to be sure."""
        lines = []
        for attachment, in_markup in self.attachments:
            line = 1 + in_markup + "".join(texts[: attachment + 1]).count("\n")
            for number, content in zip(self.contents, contents, strict=True):
                if number < attachment:
                    line += content.lines
            if line > _SHORT_LINES:
                return None
            lines.append(line)
        return lines


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of an attachment: canonical, decoded, and how many ends of lines it holds."""

    text: bytes | memoryview
    decoded: bytes
    lines: int


def _content(found: memoryview) -> _Content:
    """Decodes base64, whatever blanks it is wrapped with. Nothing is decoded of anything else, nor of nothing."""
    try:
        return _Content(found, pybase64.b64decode(found, validate=True), 0)
    except ValueError:
        text = with_plain_ends(bytes(found))
    try:
        return _Content(text, pybase64.b64decode(text.translate(None, b" \t\n"), validate=True), text.count(b"\n"))
    except ValueError:
        return _Content(b"", b"", 0)


def _joined(numbers: tuple[int, ...], texts: Sequence[str]) -> str:
    return "".join(itemgetter(*numbers)(texts)) if len(numbers) > 1 else "".join([texts[each] for each in numbers])
