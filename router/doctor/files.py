"""Folders, free space, and payloads: are the bytes that records speak of there and what they were?"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from typing import Final

from router.core.records import MessageRecord
from router.doctor.diagnosis import Diagnosis, bad, good, mended, warning
from router.ports import Payloads, PayloadUnavailable
from router.settings import Settings

PART: Final = "files"
FREE_BYTES: Final = 2**30
"""Less free space than this is worth a warning."""
OTHERS: Final = 0o007


def look(settings: Settings, *, repair: bool) -> list[Diagnosis]:
    """Folders that must be there, may be written, and are nobody else's. `repair` makes them and takes rights away."""
    found: list[Diagnosis] = []
    for path, private in ((settings.data_path, True), (settings.payload_path, True)):
        if not path.is_dir():
            if repair:
                path.mkdir(parents=True, exist_ok=True, mode=0o750)
                found.append(mended(PART, f"Đã tạo {path}", f"Made {path}"))
            else:
                found.append(
                    warning(
                        PART,
                        f"Chưa có thư mục {path}",
                        f"There is no folder {path} yet",
                        remedy_vi="chạy truc doctor --repair",
                        remedy_en="run truc doctor --repair",
                        repairable=True,
                    )
                )
            continue
        if not os.access(path, os.W_OK | os.X_OK):
            found.append(bad(PART, f"Không ghi được vào {path}", f"Cannot write to {path}"))
        if private and path.stat().st_mode & OTHERS:
            if repair:
                path.chmod(path.stat().st_mode & ~OTHERS)
                found.append(mended(PART, f"Đã bỏ quyền của người khác ở {path}", f"Took others' rights from {path}"))
            else:
                found.append(
                    warning(
                        PART,
                        f"Người dùng khác trên máy vào được {path}",
                        f"Other users of this machine may enter {path}",
                        remedy_vi="chạy truc doctor --repair",
                        remedy_en="run truc doctor --repair",
                        repairable=True,
                    )
                )
    if settings.data_path.is_dir():
        free = shutil.disk_usage(settings.data_path).free
        if free < FREE_BYTES:
            found.append(
                warning(
                    PART,
                    f"Chỉ còn {free // 2**20} MiB trống ở {settings.data_path}",
                    f"Only {free // 2**20} MiB are free at {settings.data_path}",
                    remedy_vi="mở rộng đĩa: hết chỗ thì trục ngừng nhận cho đến khi có chỗ",
                    remedy_en="get more space: without any the hub takes nothing in until there is some",
                )
            )
    return found or [
        good(PART, f"{settings.data_path}: ghi được, đủ chỗ", f"{settings.data_path}: writable, with space")
    ]


def look_at_payloads(payloads: Payloads, messages: Sequence[MessageRecord]) -> list[Diagnosis]:
    """Whether the bytes of these messages are there and have their digest."""
    faults = []
    for message in messages:
        if not message.payload:
            continue
        try:
            same = hashlib.sha256(payloads.read(message.payload)).hexdigest() == message.digest
        except PayloadUnavailable:
            same = False
        if not same:
            faults.append(message.id)
    if not faults:
        checked = sum(bool(each.payload) for each in messages)
        return [
            good("payloads", f"{checked} phong bì mới nhất nguyên vẹn", f"The latest {checked} envelopes are whole")
        ]
    return [
        bad(
            "payloads",
            f"Mất hoặc hỏng nội dung của {len(faults)} thông điệp: {', '.join(faults[:5])}",
            f"The bytes of {len(faults)} messages are lost or damaged: {', '.join(faults[:5])}",
            remedy_vi="khôi phục thư mục payloads từ bản sao lưu; nơi gửi vẫn giữ bản gốc trong spool của agent",
            remedy_en="restore the folder payloads from a backup; the senders' agents still have the originals",
        )
    ]
