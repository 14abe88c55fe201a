"""Documents marked as state secrets never travel on the axis (Decision 28/2018/QĐ-TTg; Law on Protection of State
Secrets 29/2018/QH14, article 8: “TUYỆT MẬT”, “TỐI MẬT”, “MẬT”).

A mark is a word in a place where marks stand. The same letters also stand in harmless words (“bí mật”, “mật khẩu”):
what is no mark without them is none. Texts are compared as people see them: composed, without characters that nobody
sees, and with letters of other scripts as the Latin ones that they look like.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.model import Document

NOTATION_MARKS: Final = (r"(?i:\b(tuyệt|tối)?\s*mật\b)",)
"""In the notation and the type's name any “mật” is a mark: “123/UBND-MẬT”, “Công văn mật”."""

TEXT_MARKS: Final = (
    r"(?i:\b(tuyệt|tối)\s+mật\b)",
    r"\bM\s?Ậ\s?T\b",
    r"(?i:[(\[{«“\"]\s*mật\s*[)\]}»”\"])",
)
"""In subjects and file names the degree in words, “MẬT” or “M Ậ T” in capitals, or “(mật)” in brackets."""

FILE_MARKS: Final = (*TEXT_MARKS, r"\b(TUYET|TOI)\s+MAT\b")
"""File names lose their diacritics."""

HARMLESS: Final = (
    "bí mật",
    "bảo mật",
    "mật khẩu",
    "mật mã",
    "mật độ",
    "mật thiết",
    "mật ong",
    "mật mía",
    "mật vụ",
    "mật thám",
)
"""Phrases that hold the word and are no mark, in any case."""

HINT: Final = r"[mM]\s?[aAậẬ]"
"""A quick first look: no mark above is without it. Nearly every document ends here."""

MARKED_ELEMENTS: Final = ("CodeNotation", "TypeName", "Subject", "AttachmentName")
"""The elements (local names) in which marks stand."""

_SEPARATORS: Final = re.compile(r"[_.\-–—/\\]+")
_TONES: Final = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
"""What Vietnamese puts on a letter, as combining characters."""
_ODD: Final = re.compile(rf"[^\x00-\u024f{_TONES}\u1e00-\u1eff\u2010-\u2027\u2030-\u205e]|[\u00ad]")
"""Neither Latin nor usual punctuation: text that holds one may not be what it looks like."""
_LOOKALIKES: Final = str.maketrans(
    "АаМмТтОоІіУуЕеҮүΑαΜΤτΟοΙιΥυΕεᴀᴍᴛᴏɪᴜʏᴇ",
    "AaMmTtOoIiYyEeYyAaMTtOoIiYuEeAMTOIUYE",
)


@dataclass(frozen=True, kw_only=True)
class SecrecyRules:
    """What counts as a mark, as regular expressions over composed text; `harmless` phrases are put aside before.

    `notation` is for Code/CodeNotation and DocumentType/TypeName, `text` for Subject, `files` for attachments' names.
    `hint` is an expression that is found wherever a mark is; empty when there is none. Raises re.error when one of
    them is no expression.
    """

    notation: tuple[str, ...] = NOTATION_MARKS
    text: tuple[str, ...] = TEXT_MARKS
    files: tuple[str, ...] = FILE_MARKS
    harmless: tuple[str, ...] = HARMLESS
    hint: str = HINT

    def __post_init__(self) -> None:
        for expressions in (self.notation, self.text, self.files):
            _either(expressions)

    @cached_property
    def _harmless(self) -> re.Pattern[str]:
        if not self.harmless:
            return re.compile(r"(?!)")
        phrases = (r"\s+".join(map(re.escape, _composed(each).split())) for each in self.harmless)
        # “TỐI MẬT MÃ SỐ 5” holds “mật mã”, and is marked all the same: what follows a degree belongs to it.
        return re.compile(rf"\b(?:(?<!tối\s)(?<!tuyệt\s)|(?!mật))(?:{'|'.join(phrases)})\b", re.IGNORECASE)

    @cached_property
    def _hint(self) -> re.Pattern[str]:
        return re.compile(self.hint)

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        return _either(self.notation), _either(self.text), _either(self.files)

    def marks_in(self, document: Document) -> Findings:
        """One finding per place that is marked. It names the place and the mark and quotes nothing else."""
        names = tuple(_names(document))
        texts = (document.code.code_notation, document.document_type.type_name, document.subject, *names)
        whole = "\n".join(texts)
        if _ODD.search(whole) is None and self._hint.search(_composed(whole)) is None:
            return ()
        leaves = zip(("CodeNotation", "TypeName", "Subject"), texts, strict=False)
        return self.marks_in_leaves((*leaves, *(("AttachmentName", each) for each in names)))

    def marks_in_leaves(self, leaves: Iterable[tuple[str, str]]) -> Findings:
        """As `marks_in`, for pairs of an element's local name and its text; elements that hold no marks are left out.

        For what is no document but calls itself one: nobody knows which of its parts can be believed.
        """
        notation, text, files = self._expressions
        places = {
            "CodeNotation": (notation, "Code/CodeNotation"),
            "TypeName": (notation, "DocumentType/TypeName"),
            "Subject": (text, "Subject"),
            "AttachmentName": (files, "Attachment/AttachmentName"),
        }
        found: list[Finding] = []
        for name, content in dict.fromkeys(leaves):
            marks, place = places.get(name, (None, ""))
            if marks is not None and content:
                mark = self._mark(_SEPARATORS.sub(" ", content) if name == "AttachmentName" else content, marks)
                if mark:
                    found.append(finding(FindingCode.POLICY_STATE_SECRET, value=mark, place=place))
        return tuple(found)

    def _mark(self, text: str, marks: re.Pattern[str]) -> str:
        """The first mark as it is seen; empty for none."""
        for seen in _as_seen(text):
            if marks.search(seen) is not None:
                found = marks.search(self._harmless.sub(" ", seen))
                if found is not None:
                    return found[0].strip()
        return ""


def _names(document: Document) -> Iterable[str]:
    for each in document.attachments:
        yield each.attachment_name
    for reference in document.manifest:
        yield reference.attachment_name


def _either(expressions: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_composed, expressions)) if expressions else r"(?!)")


def _as_seen(text: str) -> Iterator[str]:
    """The text composed; when it holds what is not what it looks like, how it looks, with what is unseen left out and
    with a space for it."""
    yield _composed(text)
    if _ODD.search(text) is not None:
        for instead in ("", " "):
            yield _unmasked(text, instead)


def _unmasked(text: str, unseen: str) -> str:
    letters = unicodedata.normalize("NFKD", "".join(unseen if _is_unseen(each) else each for each in text))
    plain = "".join(each for each in letters if not unicodedata.combining(each) or each in _TONES)
    return unicodedata.normalize("NFC", plain.translate(_LOOKALIKES))


def _is_unseen(char: str) -> bool:
    """Format characters (soft hyphen, zero widths, directions), the grapheme joiner, variation selectors, fillers."""
    return (
        unicodedata.category(char) == "Cf" or char in "\u034f\u115f\u1160\u3164\uffa0" or "\ufe00" <= char <= "\ufe0f"
    )


def _composed(text: str) -> str:
    return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


DEFAULT_SECRECY: Final = SecrecyRules()
