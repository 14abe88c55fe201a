"""The catalogue of codes: one row per fault. Wire, log, screen, command line and documentation read it.

    entry(code)        the row: severity, LGSP number, retry or final, texts
    explain(finding)   the row's texts filled with what a finding found
    as_dict(finding)   the same as JSON, the shape of every `--json`

Filling never fails: a part of a text in square brackets is left out when a fact in it is missing, and a fact missing
outside brackets becomes an ellipsis.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edxml_schemas.catalogue_rows import address, attachment, policy, signature, structure, transport
from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.catalogue_rows.facts import FACTS
from edxml_schemas.findings import Finding, FindingCode, Findings, Severity

__all__ = [
    "ENTRIES",
    "FACTS",
    "Entry",
    "Explained",
    "as_dict",
    "entry",
    "errors",
    "explain",
    "lgsp_of",
    "plain",
    "severity_of",
    "table",
    "worst",
]

_ROWS: Final = (*structure.ROWS, *address.ROWS, *policy.ROWS, *transport.ROWS, *attachment.ROWS, *signature.ROWS)

ENTRIES: Final[Mapping[FindingCode, Entry]] = MappingProxyType({row.code: row for row in _ROWS})
"""Every row by its code, in the order of the documentation."""

_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")
_PLACE: Final = re.compile(r"\{(\w+)\}")
_WEIGHT: Final[Mapping[Severity, int]] = MappingProxyType({Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2})
_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A finding in words. Messages and remedies are whole sentences without markup."""

    code: FindingCode
    severity: Severity
    lgsp: int
    retry: bool
    line: int | None
    xpath: str
    value: str
    message_vi: str
    message_en: str
    remedy_vi: str
    remedy_en: str


def entry(code: FindingCode) -> Entry:
    """The row of a code; there is one for every code."""
    return ENTRIES[code]


def severity_of(code: FindingCode) -> Severity:
    """How much a finding of this code weighs."""
    return ENTRIES[code].severity


def explain(finding: Finding) -> Explained:
    """The finding in Vietnamese and English, with what is wrong and how to mend it."""
    row = ENTRIES[finding.code]
    facts = _facts(finding)
    return Explained(
        code=row.code,
        severity=row.severity,
        lgsp=row.lgsp,
        retry=row.retry,
        line=finding.line,
        xpath=finding.xpath,
        value=finding.value,
        message_vi=_fill(row.vi, facts),
        message_en=_fill(row.en, facts),
        remedy_vi=_fill(row.remedy_vi, facts),
        remedy_en=_fill(row.remedy_en, facts),
    )


def as_dict(finding: Finding) -> dict[str, object]:
    """The finding as JSON: code, severity, lgsp, retry, line, xpath, value, facts, message and remedy {vi, en}."""
    told = explain(finding)
    return {
        "code": told.code.value,
        "severity": told.severity.value,
        "lgsp": told.lgsp,
        "retry": told.retry,
        "line": told.line,
        "xpath": told.xpath,
        "value": told.value,
        "facts": dict(finding.facts),
        "message": {"vi": told.message_vi, "en": told.message_en},
        "remedy": {"vi": told.remedy_vi, "en": told.remedy_en},
    }


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The heaviest severity among findings; None when there are none."""
    return max((ENTRIES[each.code].severity for each in findings), key=_WEIGHT.__getitem__, default=None)


def errors(findings: Iterable[Finding]) -> Findings:
    """The findings that refuse, in order."""
    return tuple(each for each in findings if ENTRIES[each.code].severity is Severity.ERROR)


def lgsp_of(findings: Iterable[Finding]) -> int:
    """The LGSP number that answers for findings: that of the first error, 0 (success) without one."""
    return next((ENTRIES[each.code].lgsp for each in errors(findings)), 0)


def plain(template: str) -> str:
    """A template for people who read the catalogue itself: optional parts without their brackets."""
    return _OPTIONAL.sub(r"\1", template)


def table() -> str:
    """The catalogue as a Markdown table, as it stands in the README."""
    head = "| code | severity | LGSP | retry | what it says | how to mend it |\n|---|---|---|---|---|---|"
    return "\n".join((head, *map(_table_row, ENTRIES.values())))


def _table_row(row: Entry) -> str:
    says = f"{_cell(row.vi)}<br>{_cell(row.en)}"
    mend = f"{_cell(row.remedy_vi)}<br>{_cell(row.remedy_en)}"
    retry = "yes" if row.retry else "no"
    return f"| `{row.code.value}` | {row.severity.value} | {row.lgsp} | {retry} | {says} | {mend} |"


def _cell(template: str) -> str:
    return plain(template).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def _facts(finding: Finding) -> dict[str, str]:
    step = finding.xpath.rpartition("/")[2].partition("[")[0]
    facts = {"element": step.rpartition(":")[2].lstrip("@"), "xpath": finding.xpath, "value": finding.value}
    if finding.line is not None:
        facts["line"] = str(finding.line)
    facts.update(finding.facts)
    return {name: " ".join(text.split()) for name, text in facts.items()}


def _fill(template: str, facts: Mapping[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        names = _PLACE.findall(match[1])
        return match[1] if all(facts.get(name) for name in names) else ""

    kept = _OPTIONAL.sub(part, template)
    return _PLACE.sub(lambda match: facts.get(match[1]) or _ELLIPSIS, kept)
