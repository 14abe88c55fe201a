"""The gateway's README says what the code does."""

import re
from pathlib import Path

from pydantic import BaseModel

import agents.gateway as package
from agents.gateway.app import HEALTH, READY
from agents.gateway.settings import GatewaySettings

FOLDER = Path(package.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_named() -> None:
    names = set(GatewaySettings.model_fields)
    for name, one in GatewaySettings.model_fields.items():
        if isinstance(one.annotation, type) and issubclass(one.annotation, BaseModel):
            names.remove(name)
            assert f"`[gateway.{name}]`" in README
            names |= set(one.annotation.model_fields)
    assert [each for each in sorted(names) if f"`{each}`" not in README] == []


def test_every_file_and_room_is_named() -> None:
    files = [each.name for each in FOLDER.glob("*.py") if each.name != "__init__.py"]
    rooms = [f"{each.parent.name}/" for each in FOLDER.glob("*/__init__.py")]
    assert [each for each in (*files, *rooms) if f"`{each}`" not in README] == []


def test_every_event_of_the_log_is_named() -> None:
    code = "".join(each.read_text(encoding="utf-8") for each in sorted(FOLDER.glob("*.py")))
    events = set(re.findall(r'log\.\w+\(\s*"([a-z.-]+)"', code))
    assert [each for each in sorted(events) if f"`{each}`" not in README] == []
    assert len(events) >= 15


def test_addresses_for_operators_are_named() -> None:
    assert [each for each in (HEALTH, READY) if f"`{each}`" not in README] == []
