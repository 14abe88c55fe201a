"""The directory as the gateway's rooms use it. Synchronous; safe to use from several threads and processes."""

import re
from collections.abc import Collection, Generator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from agents.gateway.directory import applying, searching
from agents.gateway.directory.database import DirectoryDatabase, reading, writing
from agents.gateway.directory.errors import ListBroken
from agents.gateway.directory.listfile import opened_list
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
from agents.gateway.directory.switching import switch, take
from agents.gateway.directory.times import maybe_from_text, to_text
from agents.gateway.directory.wording import code_key
from edxml_schemas.organ_list import ApplicationKind, WishAnswer

PAGE: Final = 50
CODE_CHARS: Final = 100
TEXT_CHARS: Final = 500
PHONE_CHARS: Final = 100
_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_EMAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")


class Directory(DirectoryDatabase):
    """The organs of the hub's registry, as the hub last told of them, and applications for changes.

    Every method may raise DirectoryUnavailable.
    """

    # ── Looking up ──────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, code: str, *, deleted: bool = False) -> DirectoryOrgan | None:
        """The organ with this code, present or former, in any case; a top body in either form (`H41`,
        `000.00.00.H41`). With `deleted`, also one that may not be written to any more."""
        with self._read() as connection:
            return searching.organ_called(connection, code, deleted=deleted)

    def search(self, query: str = "", *, parent: str = "", limit: int = PAGE, cursor: str = "") -> Page:
        """Organs whose name or code has all words of the query, or beginnings of them, in any order, without regard to
        diacritics and case. Shorter names first, and before them the organ whose code is the whole query.

        An empty query finds all, `parent` (a code) only those directly below that body. At most 1,000 on a page. A
        cursor stays good when the directory changes. Raises BadCursor.
        """
        with self._read() as connection:
            return searching.search(connection, query, parent=parent, limit=limit, cursor=cursor)

    def stream(
        self, *, parent: str = "", level: int | None = None, deleted: bool = False, since: int = 0
    ) -> Generator[DirectoryOrgan, None, None]:
        """All organs in the order of codes, read as they are asked for, all of one state of the directory.

        `level`: only those of this level. `deleted`: also those that may not be written to any more. `since`: only
        those with a higher version. A generator that is left before its end should be closed.
        """
        with self._read() as connection:
            yield from searching.stream(connection, parent=parent, level=level, deleted=deleted, since=since)

    def state(self) -> DirectoryState:
        with self._read() as connection:
            version, synchronised = connection.exec_driver_sql("SELECT version, synchronised_at FROM copy").one()
            organs = connection.exec_driver_sql("SELECT count(*) FROM places WHERE place IS NOT NULL").scalar_one()
        return DirectoryState(version=version, organs=organs, synchronised_at=maybe_from_text(synchronised))

    # ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────

    def apply_for(
        self,
        code: str,
        *,
        name: str,
        parent: str = "",
        email: str = "",
        phone: str = "",
        address: str = "",
        applicant: str = "",
        now: datetime,
    ) -> Applied | NotApplied:
        """Applies for a new organ at the hub; durable on return. A code that the registry has already is success."""
        wanted = Application(
            reference=applying.new_reference(),
            kind=ApplicationKind.REGISTER,
            code="".join(code.split()),
            name=" ".join(name.split()),
            parent="".join(parent.split()),
            email=email.strip(),
            phone=" ".join(phone.split()),
            address=" ".join(address.split()),
            applicant=applicant,
            applied_at=now,
        )
        if fault := _fault(wanted):
            return fault
        with self._write() as connection:
            if searching.organ_called(connection, code, deleted=False) is not None:
                return Applied(reference="", progress=Progress.ALREADY)
            return applying.record(connection, wanted)

    def apply_for_end(
        self, code: str, *, organs: Collection[str], applicant: str = "", now: datetime
    ) -> Applied | NotApplied:
        """Applies for the end of an organ; `organs` are those that the caller speaks for, one of which it must be.

        Durable on return. Success, too, when the registry has no such organ any more.
        """
        with self._write() as connection:
            organ = searching.organ_called(connection, code, deleted=True)
            own = {code_key(each) for each in organs}
            keys = {code_key(code)} | ({code_key(organ.code), code_key(organ.old_code)} if organ else set())
            if organ is None or not own & keys - {""}:
                return NotApplied(
                    vi="không có cơ quan này, hoặc hệ thống của quý vị không phụ trách cơ quan này",
                    en="there is no such organ, or not for this system",
                )
            if organ.deleted:
                return Applied(reference="", progress=Progress.ALREADY)
            wanted = Application(
                reference=applying.new_reference(),
                kind=ApplicationKind.END,
                code=organ.code,
                applicant=applicant,
                applied_at=now,
            )
            return applying.record(connection, wanted)

    def applications(self, progress: Progress | None = None, *, limit: int = 1000) -> Sequence[Application]:
        """The newest first; those that the hub has not got yet, the oldest first."""
        with self._read() as connection:
            return applying.with_progress(connection, progress, limit=limit)

    def note_answer(self, answer: WishAnswer, *, asked: str, now: datetime) -> bool:
        """Keeps what the hub said of the application `asked`; whether that was news."""
        with self._write() as connection:
            return applying.note_answer(connection, answer, asked=asked, now=now)

    def note_refusal(self, reference: str, reason: str, *, now: datetime) -> None:
        """Keeps why the hub does not take an application."""
        with self._write() as connection:
            applying.note_refusal(connection, reference, reason, now=now)

    # ── Synchronising ───────────────────────────────────────────────────────────────────────────────────────────────

    def copied(self) -> tuple[int, str]:
        """Version and digest of the hub's list that is here; 0 and empty before the first."""
        with self._read() as connection:
            return _copied(connection)

    def confirm(self, *, now: datetime) -> None:
        """The hub says that the copy is its list."""
        with self._write() as connection:
            _confirm(connection, now)

    def switch(self, list_file: Path, *, now: datetime) -> Switched:
        """Takes over the list, or the differences, in a file. Readers see the change as a whole or not at all.

        Raises ListBroken for what is not the whole list of the hub; everything stays as it was.
        """
        with self._apart() as connection:
            with opened_list(list_file) as (head, lines), reading(connection):
                before = _copied(connection)
                take(connection, head, lines, now=now)
            with writing(connection):
                if _copied(connection) != before:
                    raise ListBroken("—", vi="tiến trình khác cũng đồng bộ", en="another process synchronises, too")
                if head.since is not None and head.since > before[0]:
                    raise ListBroken("since", vi="thay đổi của bản khác", en="differences of another copy")
                switched = switch(connection, head, now=now)
                _confirm(connection, now)
        return switched


def _copied(connection: Connection) -> tuple[int, str]:
    version, digest = connection.exec_driver_sql("SELECT version, digest FROM copy").one()
    return int(version), str(digest)


def _confirm(connection: Connection, now: datetime) -> None:
    connection.exec_driver_sql("UPDATE copy SET synchronised_at = ?", (to_text(now),))


def _fault(wanted: Application) -> NotApplied | None:
    """What the hub would refuse at once."""
    texts = (wanted.code, wanted.name, wanted.parent, wanted.email, wanted.phone, wanted.address)
    if any(_UNFIT.search(each) for each in texts):
        return NotApplied(vi="có ký tự điều khiển", en="there are control characters")
    if not code_key(wanted.code) or len(wanted.code) > CODE_CHARS or len(wanted.parent) > CODE_CHARS:
        return NotApplied(vi="mã trống hoặc quá 100 ký tự", en="the code is empty or too long (100)")
    if not wanted.name or len(wanted.name) > TEXT_CHARS:
        return NotApplied(vi="tên trống hoặc quá 500 ký tự", en="the name is empty or longer than 500 characters")
    if wanted.email and (not _EMAIL.fullmatch(wanted.email) or len(wanted.email) > TEXT_CHARS):
        return NotApplied(vi="mail không phải địa chỉ thư", en="the e-mail address is none")
    if len(wanted.phone) > PHONE_CHARS or len(wanted.address) > TEXT_CHARS:
        return NotApplied(vi="điện thoại hoặc địa chỉ quá dài", en="phone or address is too long")
    return None
