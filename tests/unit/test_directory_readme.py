"""The directory's README says what the code does."""

import re
from pathlib import Path

import agents.gateway.directory as package
from agents.gateway.directory import Progress
from agents.gateway.settings import DirectoryOptions

FOLDER = Path(package.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_setting_progress_and_file_is_named() -> None:
    names = [*DirectoryOptions.model_fields, *Progress]
    names += [each.name for each in FOLDER.glob("*.py") if each.name != "__init__.py"]
    assert [each for each in names if f"`{each}`" not in README] == []


def test_every_event_of_the_log_is_named() -> None:
    code = (FOLDER / "syncing.py").read_text(encoding="utf-8")
    events = set(re.findall(r'log\.\w+\(\s*"([a-z.-]+)"', code))
    assert [each for each in sorted(events) if f"`{each}`" not in README] == []
    assert len(events) >= 8
