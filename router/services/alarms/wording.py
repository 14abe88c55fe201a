"""What people read: notices of alarms, Vietnamese first, with what to do and where. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from edxml_schemas.visible import visible
from router.core.alarm_rules import ALARM_RULES, where_of
from router.core.alarms import SEVERITY_TEXT, TELLING_TEXT, Alarm, Severity, Telling, Turn
from router.core.notices import Notice, NoticeKind

VIETNAM: Final = timezone(timedelta(hours=7))
BOARD: Final = "/alarms"
MOST_TOLD: Final = 20
"""Alarms in one notice; the rest is counted."""
LINE_CHARS: Final = 500


def notices_of(
    turns: Sequence[Turn], channels: Sequence[str], *, hub: str, console: str, now: datetime
) -> list[Notice]:
    """One notice per channel about everything that is to be told of one look; none when there is nothing to tell.

    A second look that comes to the same is told under the same ids.
    """
    told = [(each.alarm, each.telling) for each in turns if each.telling is not None]
    if not told:
        return []
    told.sort(key=lambda pair: (pair[1] is Telling.RECOVERED, -pair[0].severity.rank, pair[0].key))
    title, text, data = _title(told, hub), _text(told, hub, console, now), _data(told, hub, console, now)
    words = "\n".join(f"{alarm.id} {telling.value} {alarm.told}" for alarm, telling in told)
    name = hashlib.sha256(words.encode()).hexdigest()[:24]
    return [
        Notice(
            id=f"{name}-{channel}",
            channel=channel,
            kind=NoticeKind.ALARMS,
            title=title,
            text=text,
            data=data,
            created_at=now,
            due_at=now,
        )
        for channel in channels
    ]


Told = Sequence[tuple[Alarm, Telling]]


def _title(told: Told, hub: str) -> str:
    alarm, telling = told[0]
    rule = ALARM_RULES[alarm.kind]
    mark = TELLING_TEXT[telling][0] if telling is Telling.RECOVERED else SEVERITY_TEXT[alarm.severity][0]
    more = f" (+{len(told) - 1})" if len(told) > 1 else ""
    return _line(f"[{hub}] {mark}: {rule.vi}{more} / {rule.en}")


def _text(told: Told, hub: str, console: str, now: datetime) -> str:
    shown = told[:MOST_TOLD]
    more = len(told) - len(shown)
    lines = [f"Trục {hub}, {_moment(now)}", ""]
    for alarm, telling in shown:
        rule = ALARM_RULES[alarm.kind]
        how = f"{TELLING_TEXT[telling][0]}, {SEVERITY_TEXT[alarm.severity][0].lower()}"
        lines += [f"• {rule.vi} ({how}, từ {_moment(alarm.raised_at)})", f"  {_line(alarm.vi)}"]
        if telling is not Telling.RECOVERED:
            lines += [
                f"  → {rule.do_vi}",
                f"  → xem: {_looked_up(alarm, console)}",
                f"  → tạm ngừng báo: truc alarms quiet {alarm.id} --until … --reason …",
            ]
    if more:
        lines.append(f"… và {more} cảnh báo khác")
    lines += ["", "— English —", f"Hub {hub}, {_moment(now)} (Vietnam time)", ""]
    for alarm, telling in shown:
        rule = ALARM_RULES[alarm.kind]
        how = f"{TELLING_TEXT[telling][1]}, {SEVERITY_TEXT[alarm.severity][1]}"
        lines += [f"• {rule.en} ({how}, since {_moment(alarm.raised_at)})", f"  {_line(alarm.en)}"]
        if telling is not Telling.RECOVERED:
            lines += [f"  → {rule.do_en}", f"  → see: {_looked_up(alarm, console)}"]
    if more:
        lines.append(f"… and {more} other alarms")
    lines += ["", f"{console}{BOARD}"]
    return "\n".join(lines) + "\n"


def _looked_up(alarm: Alarm, console: str) -> str:
    return _line(f"{where_of(alarm.kind, alarm.subject).command} · {page_of(alarm, console)}")


def _data(told: Told, hub: str, console: str, now: datetime) -> Mapping[str, Any]:
    return {
        "hub": hub,
        "at": now.isoformat(),
        "console": f"{console}{BOARD}",
        "alarms": [
            {**alarm_data(alarm), "telling": telling.value, "page": page_of(alarm, console)}
            for alarm, telling in told[:MOST_TOLD]
        ],
        "more": max(0, len(told) - MOST_TOLD),
    }


def alarm_data(alarm: Alarm) -> dict[str, Any]:
    """An alarm as programs read it: `truc alarms --json` and webhooks. Times are ISO 8601, `path` is below /console."""
    rule, where = ALARM_RULES[alarm.kind], where_of(alarm.kind, alarm.subject)
    return {
        "id": alarm.id,
        "kind": alarm.kind.value,
        "subject": alarm.subject,
        "severity": alarm.severity.value,
        "state": alarm.state.value,
        "name": {"vi": rule.vi, "en": rule.en},
        "words": {"vi": alarm.vi, "en": alarm.en},
        "do": {"vi": rule.do_vi, "en": rule.do_en},
        "command": where.command,
        "path": where.path,
        "raised_at": _iso(alarm.raised_at),
        "seen_at": _iso(alarm.seen_at),
        "told_at": _iso(alarm.told_at),
        "told": alarm.told,
        "ended_at": _iso(alarm.ended_at),
        "quiet_until": _iso(alarm.quiet_until),
        "quiet_by": alarm.quiet_by,
        "quiet_reason": alarm.quiet_reason,
    }


def page_of(alarm: Alarm, console: str) -> str:
    """The console's page about it, with its filters: below the console's address, or its path on the hub."""
    return f"{console}{where_of(alarm.kind, alarm.subject).path}"


def trial_notice(channel: str, *, hub: str, console: str, by: str, now: datetime) -> Notice:
    """What `truc alarms test` sends."""
    text = (
        f"Tin thử từ trục {hub}, do {by} gửi lúc {_moment(now)}. Kênh “{channel}” hoạt động.\n\n"
        f"A test from hub {hub}, sent by {by}. The channel “{channel}” works.\n"
    )
    return Notice(
        id=f"test-{now.isoformat()}-{channel}",
        channel=channel,
        kind=NoticeKind.TEST,
        title=f"[{hub}] Tin thử / test",
        text=f"{text}\n{console}{BOARD}\n",
        data={"hub": hub, "at": now.isoformat(), "test": True, "by": by},
        created_at=now,
        due_at=now,
    )


def worst_of(alarms: Sequence[Alarm]) -> Severity | None:
    return max((each.severity for each in alarms), key=lambda each: each.rank, default=None)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _line(text: str) -> str:
    """One line without anything that a terminal or a header obeys."""
    return visible(" ".join(text.split()))[:LINE_CHARS]
