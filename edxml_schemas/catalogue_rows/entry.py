"""One row of the catalogue."""

from dataclasses import dataclass

from edxml_schemas.findings import FindingCode, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a code means to people and to programs.

    `lgsp` is the error number that document systems know (LGSP); 0 for what refuses nothing. `retry` says that the
    same bytes may succeed later; otherwise something has to be mended first. The four texts are templates: `{name}`
    is a fact of the finding, and a part in square brackets is left out when one of its facts is missing.
    """

    code: FindingCode
    severity: Severity
    lgsp: int
    retry: bool
    vi: str
    en: str
    remedy_vi: str
    remedy_en: str
