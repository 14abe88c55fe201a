"""How texts are compared in a search: without diacritics, in any case, by words and their beginnings."""

import re
import unicodedata
from typing import Final

from edxml_schemas.organs import OrganForm, parse

WORD_CHARS: Final = 40
"""A longer word is known by so many letters."""
KEY_CHARS: Final = 120
MOST_WORDS: Final = 200
"""Words of one text that are looked at."""

_COMBINING: Final = re.compile("[\u0300-\u036f]")
_WORD: Final = re.compile(r"[^\W_]+")
_STROKES: Final = str.maketrans("đĐ", "dd")
_SHORT_FORMS: Final = (
    ("ubnd", ("uy", "ban", "nhan", "dan")),
    ("hdnd", ("hoi", "dong", "nhan", "dan")),
    ("tp", ("thanh", "pho")),
)


def fold(text: str) -> str:
    """Without diacritics and case: `Sở Y tế Đắk Lắk` is `so y te dak lak`."""
    return _COMBINING.sub("", unicodedata.normalize("NFKD", text.translate(_STROKES))).casefold()


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, folded, each once, in their order."""
    found = _WORD.findall(fold(text))
    return tuple(dict.fromkeys(each[:WORD_CHARS] for each in found[:MOST_WORDS]))


def name_words_of(name: str) -> tuple[str, ...]:
    """The words of an organ's name, and the long or short forms of what stands in it (UBND, HĐND, TP)."""
    words = words_of(name)
    there = set(words)
    added: list[str] = []
    for short, long in _SHORT_FORMS:
        if short in there:
            added += long
        elif there.issuperset(long):
            added.append(short)
    return tuple(dict.fromkeys((*words, *added)))


def key_of(text: str) -> str:
    """A number, notation or id as it is compared: folded, without white space and what cannot be printed."""
    return "".join(each for each in fold(text) if each.isprintable() and not each.isspace())[:KEY_CHARS]


def code_split(code: str) -> tuple[str, str]:
    """Number and notation of `7816/VPCP-TTĐT`, as keys."""
    number, _, notation = code.partition("/")
    return key_of(number), key_of(notation)


def notation_ends(notation: str) -> tuple[str, ...]:
    """A notation's key and what it is from each of its parts on: `vpcp-ttdt` and `ttdt`."""
    ends = [notation]
    ends += [notation[place.end() :] for place in re.finditer(r"[-/.&+_]+", notation)]
    return tuple(dict.fromkeys(each for each in ends if each))[:16]


def twin_of(code: str) -> str:
    """The code of a top body in the other form (`H41` and `000.00.00.H41` are one); empty for every other code."""
    parsed = parse(code)
    if len(parsed.groups) != 1 or parsed.form is OrganForm.OTHER:
        return ""
    return parsed.top if parsed.form is OrganForm.OLD else f"000.00.00.{parsed.top}"


def code_ends(code: str) -> tuple[str, ...]:
    """A code's key and, of the old form, each end of it, because that is how it is read."""
    key = key_of(code)
    if not key or parse(code).form is not OrganForm.OLD:
        return (key,) if key else ()
    groups = key.split(".")
    return tuple(".".join(groups[start:]) for start in range(len(groups)))
