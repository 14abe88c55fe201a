"""Clocks: verdicts, receipts and seals carry this machine's time, so it has to be right."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import text

from router.adapters.sql.engine import is_sqlite, open_engine, told_as_ports
from router.core.seals import Seal
from router.doctor.diagnosis import Diagnosis, bad, good, warning
from router.ports import StoreUnavailable
from router.settings import Settings

PART: Final = "clock"
APART: Final = timedelta(seconds=5)
"""Clocks of two machines that differ by more are worth a warning."""


def look(settings: Settings, *, now: datetime, newest_seal: Seal | None) -> list[Diagnosis]:
    """This machine's clock against the database server's, the file server's, and the hub's own latest seal."""
    found = [*_against_database(settings), *_against_files(settings.data_path)]
    if newest_seal is not None and newest_seal.sealed_at > now + APART:
        ahead = newest_seal.sealed_at - now
        found.append(
            bad(
                PART,
                f"Đồng hồ máy này chậm {ahead}: nhật ký có con dấu lúc {newest_seal.sealed_at:%d/%m/%Y %H:%M:%S} UTC",
                f"This clock is {ahead} behind: the log has a seal of {newest_seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC",
                remedy_vi="đồng bộ giờ (NTP) trước khi chạy tiếp: biên nhận mang giờ của máy này",
                remedy_en="set the clock (NTP) before going on: receipts carry this machine's time",
            )
        )
    return found or [
        good(PART, "Đồng hồ khớp với cơ sở dữ liệu và kho tệp", "The clock agrees with database and files")
    ]


def _against_database(settings: Settings) -> list[Diagnosis]:
    try:
        engine = open_engine(settings.database)
    except ValueError:
        return []  # said by the database's own look
    try:
        if is_sqlite(engine):
            return []
        with told_as_ports(), engine.connect() as connection:
            before = datetime.now(UTC)
            theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            after = datetime.now(UTC)
    except StoreUnavailable:
        return []
    finally:
        engine.dispose()
    return _apart("máy chủ cơ sở dữ liệu", "the database server", theirs, before=before, after=after)


def _against_files(folder: Path) -> list[Diagnosis]:
    """A file server stamps files with its own time."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return []
    before = datetime.now(UTC)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"?")
            file.flush()
            stamped = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError:
        return []  # the files' own look says that nothing can be written
    return _apart("kho tệp", "the file server", stamped, before=before, after=datetime.now(UTC))


def _apart(vi: str, en: str, theirs: datetime, *, before: datetime, after: datetime) -> list[Diagnosis]:
    if before - APART <= theirs <= after + APART:
        return []
    apart = abs(theirs - after)
    return [
        warning(
            PART,
            f"Đồng hồ lệch {apart} so với {vi}",
            f"This clock and that of {en} are {apart} apart",
            remedy_vi="đồng bộ giờ các máy bằng NTP",
            remedy_en="keep the machines' clocks together with NTP",
        )
    ]
