"""The parts of README.md that are written by the code they describe.

`python -m edxml_schemas.documentation` rewrites them. A part stands between `<!-- name:begin -->` and
`<!-- name:end -->`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edxml_schemas import catalogue
from edxml_schemas.checks.rule_table import TABLE, Rule
from edxml_schemas.names import local

README: Final = Path(__file__).with_name("README.md")


def elements_table() -> str:
    """Parents and their children, from the table of rules: `1` once, `?` at most once, `+` and `*` several."""
    found: dict[tuple[str, str], list[str]] = {}
    for rule in TABLE:
        key = (rule.parent, rule.kind.value if rule.kind else "edoc, status")
        shown = f"{' or '.join(f'`{local(name)}`' for name in rule.child)}&nbsp;{_count(rule)}"
        if shown not in (listed := found.setdefault(key, [])):
            listed.append(shown)
    head = "| parent | kind | children |\n|---|---|---|"
    return "\n".join(
        (head, *(f"| `{parent}` | {kind} | {', '.join(children)} |" for (parent, kind), children in found.items()))
    )


PARTS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({"codes": catalogue.table, "elements": elements_table})


def render(text: str) -> str:
    """The text with every marked part written anew. Raises ValueError when a mark is missing."""
    for name, write in PARTS.items():
        pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(\n<!-- {name}:end -->)", re.DOTALL)
        text, count = pattern.subn(lambda match, write=write: f"{match[1]}{write()}{match[2]}", text)  # type: ignore[misc]  # mypy does not infer the default
        if count != 1:
            raise ValueError(f"the marks of “{name}” stand {count} times")
    return text


def _count(rule: Rule) -> str:
    if rule.at_most == 1:
        return "1" if rule.at_least else "?"
    return "+" if rule.at_least else "\\*"


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
