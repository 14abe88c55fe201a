"""How names and codes are compared: without diacritics, in any case, by words and their beginnings.

What is searched is a list of tokens per organ. Words of the name are letters and digits; a code is one token with its
dots (`000.00.17.h41`), and so is every end of a code of the old form (`17.h41`), because that is how it is read. The
body above is a token with a dot in front, which no word begins with.
"""

import hashlib
import re
import unicodedata
from collections.abc import Container
from typing import Final

from edxml_schemas.organs import OrganForm, parse

QUERY_CHARS: Final = 200
"""What is longer is cut: no name is so long, and every word costs."""
QUERY_WORDS: Final = 12
PIECES: Final = 8
"""Most words that a query's word falls into (`TP.HCM` is two)."""

_COMBINING: Final = re.compile("[\u0300-\u036f]")
_WORD: Final = re.compile(r"[^\W_]+")
_CODED: Final = re.compile(r"(?:^|\.)[a-z][0-9]{2}(?:\.|$)|^[0-9]{3}\.[0-9]{1,2}(?:\.|$)")
"""What looks like a part of a numbered code (`h41.08`, `000.00.17`, `08.h41`) and not like words (`tp.hcm`, `19.8`)."""
_STROKES: Final = str.maketrans("đĐ", "dd")
_SHORT_FORMS: Final = (
    ("ubnd", "uy ban nhan dan"),
    ("hdnd", "hoi dong nhan dan"),
    ("tp", "thanh pho"),
)
_LARGEST: Final = 2**31 - 1


def fold(text: str) -> str:
    """Without diacritics and case: `Sở Y tế Đắk Lắk` is `so y te dak lak`."""
    return _COMBINING.sub("", unicodedata.normalize("NFD", text.translate(_STROKES))).casefold()


def code_key(code: str) -> str:
    """A code as a token: `000.00.17.H41` is `000.00.17.h41`, and so is ` 000-00-17-h41`."""
    return ".".join(_WORD.findall(fold(code)))


def twin_key(code: str) -> str:
    """The token of a top body's code in the other form (`H41` and `000.00.00.H41` are one); else empty."""
    parsed = parse(code)
    if len(parsed.groups) != 1 or parsed.form is OrganForm.OTHER:
        return ""
    return code_key(parsed.top if parsed.form is OrganForm.OLD else f"000.00.00.{parsed.top}")


def level_of(code: str, parent: str) -> int:
    """1 for ministries and provinces. A code without a family is one level below its parent."""
    parsed = parse(code)
    if parsed.form is not OrganForm.OTHER:
        return len(parsed.groups)
    return 1 + (len(parse(parent).groups) if parent else 0)


def number_of(code: str, *, taken: Container[int]) -> int:
    """The number of an organ: from its code alone, unless another organ has that number already."""
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{attempt}:{code}".encode()).digest()
        number = int.from_bytes(digest[:4]) & _LARGEST
        if number and number not in taken:
            return number
        attempt += 1


def tokens_of(name: str, codes: tuple[str, ...]) -> tuple[str, int]:
    """All tokens of an organ with blanks between them, and how many words its name has."""
    words = _WORD.findall(fold(name))
    tokens = dict.fromkeys(words)
    said = f" {' '.join(words)} "
    for short, long in _SHORT_FORMS:
        if short in tokens:
            tokens.update(dict.fromkeys(long.split()))
        elif f" {long} " in said:
            tokens[short] = None
    for code in codes:
        for key in (code_key(code), twin_key(code)):
            tokens.update(dict.fromkeys(_ends(key)))
    return " ".join(tokens), len(words)


def query_keys(query: str) -> tuple[str, ...]:
    """The words of a query as tokens, without repetitions."""
    keys = (code_key(each) for each in query[:QUERY_CHARS].split())
    return tuple(dict.fromkeys(each for each in keys if each))[:QUERY_WORDS]


def expression(keys: tuple[str, ...]) -> str:
    """What asks the index for organs that have all of these tokens, or beginnings of them, in any order."""
    return " AND ".join(map(_asked, keys))


def below(parent: str) -> str:
    """What asks for the organs below a body; `parent` is its number, or its key if it is not in the directory."""
    return f'".{parent}"'


def _asked(key: str) -> str:
    pieces = key.split(".")[:PIECES]
    if len(pieces) == 1 or _CODED.search(key):
        return f'"{key}"*'
    apart = " AND ".join(f'"{each}"*' for each in pieces)
    return f'("{key}"* OR ({apart}))'


def _ends(key: str) -> list[str]:
    """A code's token, and of the old form each end of it."""
    if not key:
        return []
    groups = key.split(".")
    if parse(key).form is not OrganForm.OLD:
        return [key]
    return [".".join(groups[start:]) for start in range(len(groups))]
