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
    write_json,
)
from agents.desk import Desk
from agents.errors import AgentFault
from agents.packaging import Refusal
from agents.sent_view import fault_as_dict, result_as_dict, status_as_dict
from agents.spool_bodies import sync_folder
from edxml_schemas.drafting.files import METADATA_NAMES
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.limits import DEFAULT_LIMITS

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

    def prepare(self) -> None:
        for folder in (self._claimed, self._sent):
            folder.mkdir(parents=True, exist_ok=True)

    def scan(self) -> None:
        """Finishes what was begun, then takes every drop that has come to rest. Raises SpoolUnavailable.

        One drop's trouble does not hold up the others: it is told of in the log, and the drop is looked at again.
        """
        for folder in sorted(self._claimed.iterdir()):
            self._apart(self._finish, folder)
        for path in sorted(self._outbox.iterdir()):
            self._apart(self._take, path)

    def _apart(self, step: Callable[[Path], None], place: Path) -> None:
        try:
            step(place)
        except OSError as error:
            self._desk.log.warning("drop.waiting", name=printable(place.name), reason=str(error))

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
                return self._desk.send(_read(drop), submission_id=submission_id, origin=origin)
            links = [each.name for each in drop.rglob("*") if each.is_symlink()]
            if links:
                return (_linked(drop.name, links),)
            return self._desk.send_draft(drop, submission_id=submission_id, origin=origin)
        except OSError as error:
            return (_unreadable(drop.name, error.strerror or type(error).__name__),)
        except AgentFault:
            raise
        except Exception as error:
            # Whatever somebody drops here, it must neither end the agent nor come back as a crash at every start.
            self._desk.log.exception("draft.crashes", name=drop.name)
            return (_unreadable(drop.name, f"{type(error).__name__}: {error}"[:300]),)

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
        """Writes result and status files for every submission with news."""
        spool = self._desk.spool
        for submission in spool.unshown():
            if (self._claimed / submission.submission_id).exists():
                continue  # still on its way to `sent`; a copy belongs there
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


def _read(drop: Path) -> bytes:
    """At most one byte more than an envelope may have: the codec says what is wrong then."""
    with drop.open("rb") as file:
        return file.read(DEFAULT_LIMITS.envelope_bytes + 1)


def _linked(name: str, links: Sequence[str]) -> DraftProblem:
    names = ", ".join(sorted(map(printable, links)))[:200]
    return plain_problem(
        name,
        vi=f"Thư mục có liên kết tượng trưng: {names}.",
        en=f"The folder holds symbolic links: {names}.",
        remedy_vi="Đề nghị chép hẳn tệp vào thư mục; liên kết không được đi theo.",
        remedy_en="Copy the files themselves into the folder; links are not followed.",
    )


def _unreadable(name: str, reason: str) -> DraftProblem:
    return plain_problem(
        name,
        vi=f"Không đọc được “{name}”: {reason}.",
        en=f"“{name}” cannot be read: {reason}.",
        remedy_vi="Đề nghị kiểm tra quyền đọc và tên của các tệp.",
        remedy_en="Check who may read the files, and their names.",
    )


def _write(result_path: Path, result: object, statuses_path: Path, statuses: list[dict[str, object]]) -> None:
    write_json(result_path, result)
    if statuses:
        write_json(statuses_path, statuses)
