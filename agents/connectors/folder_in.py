"""The folder connector's way in: deliveries become folders, and a dropped status file becomes a status.

A delivery is laid out in a hidden folder and renamed into place, so that a document system sees it whole or not at
all. Its place is reserved in the spool first: whatever happens, the same delivery gets the same place, once.

    inbox/<organ>/<document>/
        envelope.edxml      byte for byte what the sender signed
        document.json       who, what, digests, the hub's ids
        <files>             attachments, unzipped, under safe names
        status.toml         dropped by the document system: sends a status …
        status-03.toml      … and is called so afterwards
        status-03.result.json
        statuses.json       what the sender said later (13)
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.connectors.folder_files import (
    Fingerprint,
    Settling,
    fingerprint_of,
    printable,
    unreadable,
    unusable,
    write_json,
)
from agents.connectors.folder_layout import STATUS_NAMES, write_delivery
from agents.connectors.folder_out import RESULT
from agents.desk import Desk
from agents.errors import Unavailable, UsageFault
from agents.packaging import Refusal
from agents.sent_view import fault_as_dict, status_as_dict
from agents.spool.bodies import sync_folder
from agents.spool.records import InboxItem
from agents.trail import trace_of_delivery
from edxml_schemas.attached.file_names import safe_file_name
from edxml_schemas.contract import MessageType
from edxml_schemas.drafting.files import read_metadata
from edxml_schemas.drafts import draft_from_mapping
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.model import StatusMessage
from edxml_schemas.statuses import StatusCode

PLACE_CHARS: Final = 80
BATCH: Final = 100
"""Deliveries laid out between two looks at what else there is to do."""


class FolderIn:
    """`root` is the connector's folder. Methods may be repeated at any time."""

    def __init__(self, root: Path, desk: Desk, *, settling: Settling) -> None:
        self._root = root
        self._desk = desk
        self._settling = settling
        self._inbox = root / "inbox"
        self._building = self._inbox / ".building"
        self._faulty: dict[Path, Fingerprint] = {}
        self._aside: set[str] = set()

    def prepare(self) -> None:
        shutil.rmtree(self._building, ignore_errors=True)
        self._building.mkdir(parents=True, exist_ok=True)

    # ── Deliveries ──────────────────────────────────────────────────────────────────────────────────────────────────

    def lay_out(self) -> None:
        """Every delivery that has no folder yet. Raises SpoolUnavailable, and OSError when a disk did not play along.

        One delivery's trouble does not hold up the others; one on which the connector itself fails is set aside until
        the next start.
        """
        waiting: list[OSError] = []
        for item in self._desk.spool.unexported(limit=BATCH + len(self._aside)):
            if item.leg_id in self._aside:
                continue
            try:
                self._export(item)
            except OSError as error:
                waiting.append(error)
            except Unavailable:
                raise
            except Exception:
                self._aside.add(item.leg_id)
                self._desk.log.exception("delivery.set-aside", trace_id=trace_of_delivery(item), leg=item.leg_id)
        if waiting:
            raise waiting[0]

    def _export(self, item: InboxItem) -> None:
        if item.type is MessageType.DOCUMENT:
            self._lay_out(item)
        elif item.about_leg:
            self._tell_of_status(item)
        # A status about a document of ours is shown beside that document's result file.
        self._desk.laid_out(item)

    def _lay_out(self, item: InboxItem) -> None:
        wanted = safe_file_name(item.document_id.replace("/", "-")[:PLACE_CHARS] or item.message_id)
        place = self._desk.spool.reserve_place(item.leg_id, f"{safe_file_name(item.recipient)}/{wanted}")
        home = self._inbox / place
        if home.exists():
            return  # laid out before a crash
        building = self._building / item.leg_id.replace("/", "-")
        shutil.rmtree(building, ignore_errors=True)
        write_delivery(building, item, self._desk.spool.envelope(item.digest), place=place)
        home.parent.mkdir(parents=True, exist_ok=True)
        building.rename(home)
        sync_folder(home.parent)

    def _tell_of_status(self, item: InboxItem) -> None:
        about = self._desk.spool.item(item.about_leg)
        if about is None or not about.place or not (self._inbox / about.place).is_dir():
            return  # the document system has cleared the document away
        statuses = self._desk.spool.statuses_about(leg_id=item.about_leg)
        write_json(self._inbox / about.place / "statuses.json", [status_as_dict(each) for each in statuses])

    # ── Statuses ────────────────────────────────────────────────────────────────────────────────────────────────────

    def scan(self) -> None:
        """Finishes statuses that were begun, then takes every dropped one that has come to rest."""
        for claimed in sorted(self._inbox.glob("*/*/.status-*")):
            self._apart(self._finish, claimed)
        for name in STATUS_NAMES:
            for drop in sorted(self._inbox.glob(f"*/*/{name}")):
                self._apart(self._take, drop)

    def _apart(self, step: Callable[[Path], None], place: Path) -> None:
        """One drop's trouble does not hold up the others."""
        if str(place) in self._aside:
            return
        try:
            step(place)
        except OSError as error:
            self._desk.log.warning("status.waiting", place=place.parent.name, reason=printable(str(error)))
        except Unavailable:
            raise
        except Exception:
            self._aside.add(str(place))
            self._desk.log.exception("status.set-aside", place=place.parent.name)

    def _take(self, drop: Path) -> None:
        if drop.is_symlink() or not drop.is_file():
            return
        seen = fingerprint_of(drop)
        if seen is None or self._faulty.get(drop) == seen or not self._settling.settled(drop, seen):
            return
        claimed = drop.with_name(f".status-{uuid4()}{drop.suffix}")
        drop.rename(claimed)
        sync_folder(drop.parent)
        self._settling.forget(drop)
        self._finish(claimed)

    def _finish(self, claimed: Path) -> None:
        submission_id = claimed.stem.removeprefix(".status-")
        known = self._desk.spool.submission(submission_id)
        if known is None:
            sent = self._sent(claimed, submission_id)
            if not isinstance(sent, str):
                self._give_back(claimed, sent)
                return
            known = self._desk.spool.submission(submission_id)
        code = known.status_code if known else ""
        claimed.rename(claimed.with_name(f"status-{code}{claimed.suffix}"))
        sync_folder(claimed.parent)

    def _sent(self, claimed: Path, submission_id: str) -> str | Refusal:
        """What was dropped is never let out as an exception: that would come back at every start."""
        name = f"status{claimed.suffix}"
        try:
            return self._send(claimed, submission_id)
        except (OSError, Unavailable):
            raise
        except UsageFault as fault:
            return (unusable(name, fault),)
        except Exception as error:
            self._desk.log.exception("status.crashes", place=claimed.parent.name)
            return (unreadable(name, f"{type(error).__name__}: {error}"[:300]),)

    def _send(self, claimed: Path, submission_id: str) -> str | Refusal:
        place = claimed.parent.relative_to(self._inbox).as_posix()
        item = self._desk.spool.item_at(place)
        if item is None:
            return (finding(FindingCode.DOCUMENT_UNKNOWN_ORIGINAL, value=place),)
        meta = read_metadata(claimed)
        if isinstance(meta, tuple):
            return meta
        given = {
            "from": {"organ_id": item.recipient},
            "response_for": {"organ_id": item.sender, "document_id": item.document_id or place},
        }
        draft = draft_from_mapping({**meta.values, **given}, now=self._desk.clock.now(), source="status")
        if isinstance(draft, tuple):
            return draft
        if not isinstance(draft, StatusMessage):
            return (finding(FindingCode.SCHEMA_MISSING, xpath="//edXML:StatusCode", name="StatusCode"),)
        return self._desk.report(
            item.leg_id,
            StatusCode(draft.status_code),
            reason=draft.description,
            staff=draft.staff_info,
            submission_id=submission_id,
            origin=f"inbox/{place}/status-{draft.status_code}",
        )

    def _give_back(self, claimed: Path, refusal: Refusal) -> None:
        write_json(claimed.with_name(f"status{RESULT}"), fault_as_dict(refusal))
        home = claimed.with_name(f"status{claimed.suffix}")
        if home.exists():
            # Somebody dropped another one meanwhile; this one keeps its faults in its own name.
            home = claimed.with_name(f"status.{claimed.stem.removeprefix('.status-')}.faulty{claimed.suffix}")
        claimed.rename(home)
        seen = fingerprint_of(home)
        if seen is not None:
            self._faulty[home] = seen
        self._desk.log.warning("status.faulty", place=str(claimed.parent.name), findings=len(refusal))
