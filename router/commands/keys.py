"""`truc keys`: what the hub signs with and whom it trusts."""

from datetime import UTC, datetime
from typing import Any

from router.commands.opening import AsJson, ConfigPath, clock, console, print_json, say, table


def keys(*, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Chứng thư của trục, chứng thư gốc và trung gian, danh sách thu hồi / The hub's certificates and whom it trusts.

    Chỉ xem; không đọc khóa bí mật. / It only looks, and reads no private key.

    Mã thoát / exit codes: 0 tốt / good · 2 sai cách dùng / usage.
    """
    from router.app.keys import own_keys
    from router.app.parts import open_trust
    from router.services.registration.keyring import keyring_of, ring_as_dict
    from router.settings import load_settings

    settings, now = load_settings(config), datetime.now(UTC)
    ring = keyring_of(own_keys(settings), open_trust(settings).material(), now=now)
    if as_json:
        print_json(ring_as_dict(ring, now=now))
        return
    if ring.problem is not None:
        say(*ring.problem)
    told: Any = ring_as_dict(ring, now=now)["entries"]
    headings = ("Loại / use", "Của / whose", "Cấp bởi / issuer", "Khóa / key", "Đến / until", "Hạn / term", "SHA-256")
    rows = [
        (
            f"{each['use_text']['vi']} / {each['use_text']['en']}",
            each["subject"] or f"{each['entries']} …",
            each["issuer"],
            each["key"],
            clock(each["until"]),
            f"{each['term_text']['vi']} / {each['term_text']['en']}",
            each["fingerprint"][:16],
        )
        for each in told
    ]
    console().print(table(f"{len(rows)}", headings, rows))
