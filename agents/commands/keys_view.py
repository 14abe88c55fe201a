"""How `truc-agent keys` shows keys: as lines to copy, as a table, as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from agents.commands.shared import print_json, say
from agents.gateway.access.records import KeyRecord, KeyState, NewKey
from edxml_schemas.reader import VIETNAM_TIME


def print_new(new: NewKey, *, login: str, as_json: bool) -> None:
    """The secrets of a key, to stdout, once."""
    shown = {"key_id": new.key_id, "system_id": new.system_id, "token": new.token, "secret": new.secret}
    if login:
        shown |= {"login": login, "password": new.password}
    if as_json:
        print_json(shown)
    else:
        for label, value in shown.items():
            typer.echo(f"{label + ':':<11}{value}")
    say(
        "Hãy chép ngay: token, secret, password không xem lại được; mất thì dùng lệnh rotate.",
        "Copy them now: token, secret and password cannot be shown again; when lost, rotate.",
    )


def key_as_dict(record: KeyRecord, now: datetime) -> dict[str, Any]:
    overlap = record.overlap_until
    return asdict(record) | {
        "organs": sorted(record.organs),
        "rights": sorted(record.rights),
        "overlap_until": overlap if overlap is not None and overlap > now else None,
        "state": record.state(now).value,
    }


def print_table(found: Sequence[KeyRecord], now: datetime) -> None:
    said = {
        KeyState.ACTIVE: "đang dùng / active",
        KeyState.EXPIRED: "hết hạn / expired",
        KeyState.REVOKED: "đã thu hồi / revoked",
    }
    table = Table(title="Khóa truy cập / access keys")
    table.add_column("Mã khóa / key", no_wrap=True)
    for column in ("Tên / name", "System id", "Cơ quan / organs", "Quyền / rights", "Dùng / used"):
        table.add_column(column, overflow="fold")
    table.add_column("Tình trạng / state", overflow="fold")
    for each in found:
        used, ends = each.last_used_at, each.expires_at
        until = f"đến / until {ends.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M}" if ends else ""
        names = [each.system_id, each.username and f"login {each.username}"]
        names += [f"cert {fingerprint[:16]}…" for fingerprint in each.certificates]
        table.add_row(
            each.key_id,
            each.name,
            "\n".join(filter(None, names)),
            "\n".join(sorted(each.organs)),
            "\n".join([*sorted(each.rights), f"{each.per_minute}/phút"]),
            f"{used.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M}" if used else "—",
            "\n".join(filter(None, (said[each.state(now)], until))),
        )
    Console(markup=False, highlight=False).print(table)
