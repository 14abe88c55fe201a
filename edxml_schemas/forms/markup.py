"""Takes an envelope's bytes apart into markup and texts, without a parser and at the speed of `bytes.split`.

The cut says nothing about the bytes: it may be of anything. It becomes meaningful when its markup equals, byte for
byte, the markup of an envelope that a parser has read (`form.py`).
"""

import re
from dataclasses import dataclass
from typing import Final

_LARGEST: Final = 16 * 2**20  # bytes; larger ones are rare, and streamed where they are read
_CONTENT: Final = b"ContentTransferEncoded"
_CONTENTS: Final = 64  # attachments of an envelope that is cut; one with more takes the long way
_PLAIN_BYTES: Final = 512 * 1024  # without the contents of attachments
_TAGS: Final = 4_096
_ODD: Final = bytes([*range(9), 11, 12, *range(13, 32)])
"""What a text must not hold: what XML forbids, and the CR, which a parser reads as something else."""
_OTHER_REFERENCE: Final = re.compile("&(?!amp;|lt;|gt;)")
"""The others look different in canonical form; these three are the same there."""
_CR_IN_TAG: Final = re.compile(rb"<[^<>]*\r")
"""Limits on attributes count it, a parser does not report it: such tags are not the same markup as those with LF."""
_NO_CHARS: Final = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")  # U+FFFE and U+FFFF


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes between their angle brackets.

    `texts` has one text before each tag and one after the last; the contents of attachments are cut out and stand in
    `contents` as they came, each with the number of the text that it was. `plain` is everything but these. `markup` is
    the tags without brackets, with `<` between them. Ends of lines are those of a parser, LF, but in contents; within
    tags no other is let pass. `read` are the texts as they are read, without references.
    """

    plain: str
    markup: str
    texts: list[str]
    read: list[str]
    contents: list[tuple[int, memoryview]]


def cut(data: bytes) -> Cut | None:
    """None when the bytes are not plain: they hold control characters, references by number, a bracket without its
    mate or what is not UTF-8; or when they are so many that a tree is the better way. Takes memory in proportion to
    the bytes. Never raises."""
    if len(data) > _LARGEST or not data.startswith(b"<"):
        return None
    apart = _without_contents(data)
    if apart is None:
        return None
    kept, contents = apart
    if b"\r" in kept:
        kept = b"" if _CR_IN_TAG.search(kept) else with_plain_ends(kept)
    if not kept or not _is_plain(kept):
        return None
    try:
        plain = kept.decode("utf-8")
    except UnicodeDecodeError:
        return None
    pieces = plain.replace(">", "<").split("<")
    texts = read = pieces[::2]
    if "&" in plain:
        if _OTHER_REFERENCE.search(plain):
            return None
        read = [_without_references(text) for text in texts]
    return Cut(plain, "<".join(pieces[1::2]), texts, read, contents)


def with_plain_ends(text: bytes) -> bytes:
    """Ends of lines as a parser reports them (XML 1.0 section 2.11); a CR on its own stays and is odd."""
    return text.replace(b"\r\n", b"\n")


def _without_references(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _without_contents(data: bytes) -> tuple[bytes, list[tuple[int, memoryview]]] | None:
    """The bytes less the contents of attachments, and these. A cut at a wrong place shows when tags are compared."""
    at = data.find(_CONTENT)
    if at < 0:
        return data, []
    view = memoryview(data)
    parts: list[bytes] = []
    contents: list[tuple[int, memoryview]] = []
    keep_from = number = 0
    while at >= 0:
        begin = data.find(b">", at) + 1
        end = data.find(b"<", begin)
        close = data.find(_CONTENT, end)
        if begin <= 0 or end < 0 or close < 0 or len(contents) == _CONTENTS:
            return None
        part = data[keep_from:begin]
        number += part.count(b"<")
        parts.append(part)
        contents.append((number, view[begin:end]))
        keep_from = end
        at = data.find(_CONTENT, close + len(_CONTENT))
    parts.append(data[keep_from:])
    return b"".join(parts), contents


def _is_plain(kept: bytes) -> bool:
    """Whether the bytes can be cut at their brackets. As many of one kind as of the other: then there is one text more
    than there are tags, whatever stands in them."""
    tags = kept.count(b"<")
    if len(kept) > _PLAIN_BYTES or tags > _TAGS or tags != kept.count(b">"):
        return False
    if len(kept.translate(None, _ODD)) != len(kept):
        return False
    return b"\xef" not in kept or not any(each in kept for each in _NO_CHARS)
