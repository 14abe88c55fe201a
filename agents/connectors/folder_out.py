"""The folder connector's way out: drops in `outbox/` become submissions, and result files say what became of them.

A drop is claimed by one rename into `outbox/.claimed/<submission id>/`. From then on its place decides what is left to
do, and the submission id is fixed, so that a crash at any point repeats steps and never sends twice:

    outbox/<name> ─rename─► outbox/.claimed/<id>/<name> ─► spool ─rename─► sent/<id>/<name>
                  ◄─rename─ (when the draft is faulty)
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.connectors.folder_files import (
    Fingerprint,
    Settling,
    fingerprint_of,
    named_after,
    plain_problem,
    printable,
    unreadable,
    unusable,
    write_json,
)
from agents.desk import Desk
from agents.errors import Unavailable, UsageFault
from agents.packaging import Refusal, read_envelope
from agents.sent_view import fault_as_dict, result_as_dict, status_as_dict
from agents.spool.bodies import sync_folder
from agents.spool.records import Submission
from edxml_schemas.drafting.files import METADATA_NAMES
from edxml_schemas.drafts import DraftProblem

BATCH: Final = 100
"""Submissions shown between two looks at what else there is to do."""
RESULT: Final = ".result.json"
STATUSES: Final = ".statuses.json"
ENVELOPE_SUFFIX: Final = ".edxml"


class FolderOut:
    """`root` is the connector's folder. Methods may be repeated at any time."""

    def __init__(self, root: Path, desk: Desk, *, settling: Settling) -> None:
        self._root = root
        self._desk = desk
        self._settling = settling
        self._outbox = root / "outbox"
        self._claimed = self._outbox / ".claimed"
        self._sent = root / "sent"
        self._faulty: dict[Path, Fingerprint] = {}
        self._aside: set[str] = set()

    def prepare(self) -> None:
        for folder in (self._claimed, self._sent):
            folder.mkdir(parents=True, exist_ok=True)

    def scan(self) -> None:
        """Finishes what was begun, then takes every drop that has come to rest. Raises SpoolUnavailable.

        One drop's trouble does not hold up the others: it is told of in the log, and the drop is looked at again; one
        on which the connector itself fails is set aside until the next start.
        """
        for folder in sorted(self._claimed.iterdir()):
            self._apart(self._finish, folder)
        for path in sorted(self._outbox.iterdir()):
            self._apart(self._take, path)

    def _apart(self, step: Callable[[Path], None], place: Path) -> None:
        if place.name in self._aside:
            return
        try:
            step(place)
        except OSError as error:
            self._desk.log.warning("drop.waiting", name=printable(place.name), reason=printable(str(error)))
        except Unavailable:
            raise
        except Exception:
            self._aside.add(place.name)
            self._desk.log.exception("drop.set-aside", name=printable(place.name))

    def _take(self, path: Path) -> None:
        if not _is_drop(path):
            return
        seen = fingerprint_of(path)
        if seen is not None and self._faulty.get(path) != seen and self._settling.settled(path, seen):
            self._finish(self._claim(path))

    def _claim(self, drop: Path) -> Path:
        folder = self._claimed / str(uuid4())
        folder.mkdir()
        drop.rename(folder / printable(drop.name))
        sync_folder(folder)
        sync_folder(self._outbox)
        self._settling.forget(drop)
        return folder

    def _finish(self, folder: Path) -> None:
        """Brings a claimed drop into the spool and to `sent`, or back with its faults."""
        drop = next(iter(sorted(folder.iterdir())), None)
        if drop is None:
            folder.rmdir()
            return
        submission_id, origin = folder.name, f"outbox/{drop.name}"
        if self._desk.spool.submission(submission_id) is None:
            result = self._send(drop, submission_id, origin)
            if not isinstance(result, str):
                self._give_back(drop, folder, result)
                return
        folder.rename(self._sent / submission_id)
        sync_folder(self._sent)

    def _send(self, drop: Path, submission_id: str, origin: str) -> str | Refusal:
        try:
            if not drop.is_dir():
                return self._desk.send(read_envelope(drop), submission_id=submission_id, origin=origin)
            links = [each.name for each in drop.rglob("*") if each.is_symlink()]
            if links:
                return (_linked(drop.name, links),)
            return self._desk.send_draft(drop, submission_id=submission_id, origin=origin)
        except OSError as error:
            return (unreadable(drop.name, error.strerror or type(error).__name__),)
        except Unavailable:
            raise
        except UsageFault as fault:
            return (unusable(drop.name, fault),)
        except Exception as error:
            # Whatever somebody drops here, it must neither end the agent nor come back as a crash at every start.
            self._desk.log.exception("draft.crashes", name=drop.name)
            return (unreadable(drop.name, f"{type(error).__name__}: {error}"[:300]),)

    def _give_back(self, drop: Path, folder: Path, refusal: Refusal) -> None:
        home = self._outbox / drop.name
        write_json(self._outbox / named_after(drop.name, RESULT), fault_as_dict(refusal))
        if home.exists():
            # Somebody dropped another one of that name meanwhile; this one keeps its faults in its own name.
            home = self._outbox / named_after(drop.name, f".{folder.name}.faulty")
        drop.rename(home)
        folder.rmdir()
        seen = fingerprint_of(home)
        if seen is not None:
            self._faulty[home] = seen
        self._desk.log.warning("draft.faulty", name=drop.name, findings=len(refusal))

    def show(self) -> None:
        """Writes result and status files for every submission with news.

        Raises SpoolUnavailable, and OSError when a disk did not play along; the others are shown all the same.
        """
        waiting: list[OSError] = []
        for submission in self._desk.spool.unshown(limit=BATCH + len(self._aside)):
            try:
                self._show(submission)
            except OSError as error:
                waiting.append(error)
            except Unavailable:
                raise
            except Exception:
                self._aside.add(submission.submission_id)
                trace = self._desk.trail.trace(submission)
                self._desk.log.exception("result.set-aside", trace_id=trace, submission=submission.submission_id)
        if waiting:
            raise waiting[0]

    def _show(self, submission: Submission) -> None:
        if submission.submission_id in self._aside or (self._claimed / submission.submission_id).exists():
            return  # still on its way to `sent`, where a copy belongs
        spool = self._desk.spool
        result = result_as_dict(submission, spool.receipts_of(submission.submission_id))
        statuses = [status_as_dict(each) for each in spool.statuses_about(submission_id=submission.submission_id)]
        kept = self._sent / submission.submission_id
        if kept.is_dir():
            _write(kept / "result.json", result, kept / "statuses.json", statuses)
        place = self._root / submission.origin
        if spool.is_latest(submission) and place.parent.is_dir():
            beside = (place.with_name(named_after(place.name, ending)) for ending in (RESULT, STATUSES))
            _write(next(beside), result, next(beside), statuses)
        spool.mark_shown(submission.submission_id, submission.version)


def _is_drop(path: Path) -> bool:
    """Links are not followed, and neither pipes nor devices are opened. Raises OSError."""
    if path.name.startswith(".") or path.name.endswith((RESULT, STATUSES)) or path.is_symlink():
        return False
    if path.is_dir():
        return any((path / name).is_file() or (path / name).is_symlink() for name in METADATA_NAMES)
    return path.suffix.casefold() == ENVELOPE_SUFFIX and path.is_file()


def _linked(name: str, links: Sequence[str]) -> DraftProblem:
    names = ", ".join(sorted(map(printable, links)))[:200]
    return plain_problem(
        name,
        vi=f"Thư mục có liên kết tượng trưng: {names}.",
        en=f"The folder holds symbolic links: {names}.",
        remedy_vi="Đề nghị chép hẳn tệp vào thư mục; liên kết không được đi theo.",
        remedy_en="Copy the files themselves into the folder; links are not followed.",
    )


def _write(result_path: Path, result: object, statuses_path: Path, statuses: list[dict[str, object]]) -> None:
    write_json(result_path, result)
    if statuses:
        write_json(statuses_path, statuses)
