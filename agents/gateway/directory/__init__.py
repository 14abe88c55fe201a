"""A local copy of the registry's organs, searched without the hub. See README.md."""

from agents.gateway.directory.directory import Directory
from agents.gateway.directory.errors import BadCursor, DirectoryUnavailable, HubListUnavailable, ListBroken
from agents.gateway.directory.records import (
    Application,
    Applied,
    DirectoryOrgan,
    DirectoryState,
    NotApplied,
    Page,
    Progress,
    Switched,
)
from agents.gateway.directory.syncing import DirectorySync, connectors
from edxml_schemas.organ_list import ApplicationKind

__all__ = [
    "Application",
    "ApplicationKind",
    "Applied",
    "BadCursor",
    "Directory",
    "DirectoryOrgan",
    "DirectoryState",
    "DirectorySync",
    "DirectoryUnavailable",
    "HubListUnavailable",
    "ListBroken",
    "NotApplied",
    "Page",
    "Progress",
    "Switched",
    "connectors",
]
