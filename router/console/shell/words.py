"""Texts in both languages, and which of them somebody reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """What somebody reads. Vietnamese until they say otherwise."""

    VI = "vi"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages. In the `.json` twin: {"vi": …, "en": …}."""

    vi: str
    en: str

    def say(self, language: Language) -> str:
        return self.en if language is Language.EN else self.vi


def said(text: "Words | Mapping[str, str] | tuple[str, str] | str | None", language: Language) -> str:
    """A text in somebody's language. Takes what the services give: Words, {"vi", "en"}, (vi, en), or a plain text."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    if isinstance(text, Words):
        return text.say(language)
    if isinstance(text, Mapping):
        return text["en"] if language is Language.EN else text["vi"]
    vi, en = text
    return en if language is Language.EN else vi
