"""The texts of an envelope that could not be read, for the one question that is still asked of it: is it marked?"""

import codecs
import re
from collections.abc import Iterator
from html import unescape
from typing import Final

from edxml_schemas.safe_xml import Parsed
from edxml_schemas.secrecy import MARKED_ELEMENTS

MOST_LEAVES: Final = 10_000
LONGEST: Final = 4000
"""Characters of one text that are looked at."""

_LEAF: Final = re.compile(
    rf"<(?:[^\s<>:/]{{1,64}}:)?({'|'.join(MARKED_ELEMENTS)})(?:\s[^<>]{{0,500}})?>\s*(?:<!\[CDATA\[)?([^<]{{0,{LONGEST}}})"
)


def marked_leaves(body: bytes, parsed: Parsed | None) -> Iterator[tuple[str, str]]:
    """Local name and text of each element in which marks stand; at most `MOST_LEAVES`.

    From the tree when there is one, else from the bytes as they are: what is no XML is still read by people.
    """
    if parsed is not None:
        found = parsed.root.iter(*(f"{{*}}{name}" for name in MARKED_ELEMENTS))
        for each, _ in zip(found, range(MOST_LEAVES), strict=False):
            yield str(each.tag).rpartition("}")[2], "".join(map(str, each.itertext()))[:LONGEST]
        return
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = body.decode("utf-16" if wide else "utf-8", "replace")
    for leaf, _ in zip(_LEAF.finditer(text), range(MOST_LEAVES), strict=False):
        yield leaf[1], unescape(leaf[2])
