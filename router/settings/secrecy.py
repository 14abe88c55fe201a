"""`[secrecy]`: which documents are refused as state secrets."""

import re

from pydantic import BaseModel, ConfigDict, field_validator

from edxml_schemas.secrecy import FILE_MARKS, HARMLESS, HINT, NOTATION_MARKS, TEXT_MARKS, SecrecyRules


class SecrecySettings(BaseModel):
    """`[secrecy]`: marks are regular expressions of Python; the defaults stand in `edxml_schemas/secrecy.py`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    refuse: bool = True
    """Refuse what is marked. Decision 28 leaves no choice; false is for a hub on a network that may carry secrets."""
    notation: tuple[str, ...] = NOTATION_MARKS
    """Marks in Code/CodeNotation and DocumentType/TypeName."""
    text: tuple[str, ...] = TEXT_MARKS
    """Marks in Subject."""
    files: tuple[str, ...] = FILE_MARKS
    """Marks in attachments' names."""
    harmless: tuple[str, ...] = HARMLESS
    """Phrases that are put aside first."""

    @field_validator("notation", "text", "files")
    @classmethod
    def _are_expressions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                re.compile(each)
            except re.error as problem:
                raise ValueError(f"not a regular expression: {each!r}: {problem}") from None
        return value

    def as_rules(self) -> SecrecyRules | None:
        if not self.refuse:
            return None
        usual = (self.notation, self.text, self.files) == (NOTATION_MARKS, TEXT_MARKS, FILE_MARKS)
        return SecrecyRules(
            notation=self.notation,
            text=self.text,
            files=self.files,
            harmless=self.harmless,
            hint=HINT if usual else "",
        )
