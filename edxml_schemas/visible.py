"""Text from outside, made safe to show: what cannot be seen is written out, so that nobody's screen is fooled."""

import re
import unicodedata
from typing import Final

_SUSPECT: Final = re.compile(r"[^\S\n\t ]|[^\w\s!-~]")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, direction marks, half characters, line ends


def visible(text: str) -> str:
    """The text with control and format characters as `\\u202e`; line feeds and tabs stay.

    A terminal would obey them (escape sequences), and readers would be misled (right-to-left marks, zero widths).
    """
    return _SUSPECT.sub(_written_out, text) if not text.isprintable() else text


def _written_out(found: re.Match[str]) -> str:
    char = found[0]
    return f"\\u{ord(char):04x}" if unicodedata.category(char) in _UNSEEN else char
