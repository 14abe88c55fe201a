"""The database: reached, at the right revision, whole, with nothing that waits for somebody who will not come."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from router.adapters.sql import migrate
from router.adapters.sql.engine import is_sqlite, open_engine, told_as_ports
from router.doctor.diagnosis import Diagnosis, bad, good, mended, warning
from router.errors import redacted
from router.ports import Store, StoreUnavailable
from router.settings import SQLITE, Settings

PART: Final = "database"
LATE: Final = 300.0  # seconds; an outbox item that waits for longer has a reason


def look(settings: Settings, *, repair: bool) -> list[Diagnosis]:
    """`repair` brings the database to this version's revision."""
    url = redacted(settings.database)
    file = Path(settings.database.removeprefix(SQLITE)) if settings.database.startswith(SQLITE) else None
    if file is not None and not file.is_file() and not repair:
        return [_behind(f"chưa có cơ sở dữ liệu {url}", f"there is no database {url} yet")]
    if file is not None and file.is_file() and (damage := _whole(settings.database)):
        return damage
    try:
        revision, head = _revision(settings.database), migrate.head()
        if revision != head and not repair:
            return [_behind(f"phiên bản {revision}, cần {head}", f"revision {revision}, needed {head}")]
        if revision != head:
            migrate.upgrade(settings.database)
            return [mended(PART, f"Đã nâng cấp lên phiên bản {head}", f"Upgraded to revision {head}")]
    except (StoreUnavailable, ValueError) as problem:
        return [
            bad(
                PART,
                f"Không dùng được cơ sở dữ liệu {url}: {problem}",
                f"The database {url} cannot be used: {problem}",
                remedy_vi="kiểm tra database_url, máy chủ cơ sở dữ liệu, quyền ghi và dung lượng đĩa",
                remedy_en="check database_url, the database server, the right to write and the free disk space",
            )
        ]
    return [good(PART, f"{url}: phiên bản {head}, nguyên vẹn", f"{url}: revision {head}, whole")]


def look_at_backlog(store: Store, *, now: datetime) -> list[Diagnosis]:
    """What waits for too long."""
    try:
        backlog = store.backlog()
        parked = len(store.parked_legs(limit=1000))
        overdue = len(store.raised_legs(limit=1000))
    except StoreUnavailable:
        return []  # said by `look`
    found = []
    waited = 0.0 if backlog.oldest_outbox is None else (now - backlog.oldest_outbox).total_seconds()
    if waited > LATE:
        found.append(
            warning(
                "backlog",
                f"{backlog.outbox} việc chờ gửi, lâu nhất {waited / 60:.0f} phút",
                f"{backlog.outbox} items wait in the outbox, the oldest for {waited / 60:.0f} minutes",
                remedy_vi="xem truc status, truc agency holds; trục có đang chạy không?",
                remedy_en="see truc status, truc agency holds; is the hub running?",
            )
        )
    if parked:
        found.append(
            warning(
                "backlog",
                f"{parked} chặng chờ quản trị xử lý",
                f"{parked} legs wait for an administrator",
                remedy_vi="xem truc overdue, chuyển lại bằng truc leg resend",
                remedy_en="see truc overdue, send again with truc leg resend",
            )
        )
    if overdue:
        found.append(
            warning(
                "backlog",
                f"{overdue} chặng quá hạn",
                f"{overdue} legs are overdue",
                remedy_vi="xem truc overdue",
                remedy_en="see truc overdue",
            )
        )
    return found or [good("backlog", "Không có việc tồn đọng", "Nothing waits for too long")]


def _revision(url: str) -> str | None:
    engine = open_engine(url)
    try:
        with told_as_ports(), engine.connect() as connection:
            return migrate.revision_of(connection)
    finally:
        engine.dispose()


def _whole(url: str) -> list[Diagnosis]:
    engine = open_engine(url)
    sqlite = is_sqlite(engine)
    engine.dispose()
    if not sqlite:
        return []
    try:
        with closing(sqlite3.connect(url.removeprefix(SQLITE))) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as problem:
        answer = str(problem)
    if answer == "ok":
        return []
    return [
        bad(
            PART,
            f"Tệp SQLite bị hỏng: {answer}",
            f"The SQLite file is damaged: {answer}",
            remedy_vi="dừng trục, giữ lại tệp hỏng, khôi phục bản sao lưu gần nhất bằng truc restore",
            remedy_en="stop the hub, keep the damaged file, restore the latest backup with truc restore",
        )
    ]


def _behind(vi: str, en: str) -> Diagnosis:
    return bad(
        PART,
        f"Cơ sở dữ liệu chưa đúng phiên bản: {vi}",
        f"The database is not up to date: {en}",
        remedy_vi="chạy truc doctor --repair (truc run cũng tự nâng cấp); nên sao lưu trước",
        remedy_en="run truc doctor --repair (truc run upgrades, too); make a backup before",
        repairable=True,
    )
