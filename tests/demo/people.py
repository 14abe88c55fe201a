"""The demo's people: a viewer and an operator of the console, with passwords made for this run."""

import json
from dataclasses import dataclass, field
from typing import Final

from tests.demo.stage import Stage

ROLES: Final = ("viewer", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleAccess:
    """Where the console is, and who may enter: `viewer` and `operator` are {"name", "password"}."""

    url: str
    viewer: dict[str, str] = field(repr=False)
    operator: dict[str, str] = field(repr=False)

    def as_dict(self) -> dict[str, object]:
        """For `.demo/demo.json`."""
        return {"url": self.url, "viewer": self.viewer, "operator": self.operator}


def open_console(stage: Stage) -> ConsoleAccess:
    """Adds the accounts. Raises StageFailed."""
    people = {role: _account(stage, role) for role in ROLES}
    return ConsoleAccess(url=f"{stage.http}/console/", **people)


def _account(stage: Stage, role: str) -> dict[str, str]:
    options = ("--role", role, "--root", "*", "--reason", "make demo", "--keep-password", "--json")
    told = json.loads(stage.truc("user", "add", f"demo-{role}", *options))
    return {"name": f"demo-{role}", "password": told["password"]}
