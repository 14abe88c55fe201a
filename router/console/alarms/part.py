"""The pages of alarms, and the deeds on them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request

from router.console.shell.addresses import BASE
from router.console.shell.answers import Ask, Done, NotThere, Page, Plan, Refused
from router.console.shell.page import action_route, page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.console.shell.words import Words
from router.core.alarm_rules import ALARM_RULES, where_of
from router.core.alarms import SEVERITY_TEXT, Alarm, AlarmState
from router.core.people import Person, Right, Scope
from router.services.alarms.desk import Trouble

ALARMS: Final = "/alarms"
TITLE: Final = Words("Cảnh báo", "Alarms")
QUIET: Final = Words("Tạm ngừng báo", "Quiet it")
TELL_AGAIN: Final = Words("Báo lại", "Tell again")
HOURS: Final = (1, 4, 8, 24, 72, 168, 720)
STATE_TEXT: Final[Mapping[AlarmState, Words]] = {
    AlarmState.RAISED: Words("đang báo", "standing"),
    AlarmState.QUIETED: Words("tạm ngừng báo", "quieted"),
    AlarmState.RECOVERED: Words("đã hết", "over"),
}
COLUMNS: Final = (
    ("id", Words("Mã", "Id")),
    ("says", Words("Cảnh báo", "Alarm")),
    ("until", Words("Ngừng đến", "Quiet until")),
)
MOST_NOTICES: Final = 30


def part(rooms: Rooms) -> Part:
    desk = rooms.alarms

    def board(_request: Request, _person: Person, scope: Scope) -> Page:
        found = desk.board(scope)
        data = {
            "standing": [_shape(each) for each in found.standing],
            "quieted": [_shape(each) for each in found.quieted],
            "past": [_shape(each) for each in found.past],
            # Notices may speak of several bodies: who does not see everything sees none of them.
            "notices": _notices(rooms) if scope.everything else [],
        }
        return Page(template="alarms/board.html", title=TITLE, data=data)

    def one(request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        alarm = desk.alarm(request.path_params["alarm"], scope)
        if alarm is None:
            return NotThere()
        rule = ALARM_RULES[alarm.kind]
        data = {**_shape(alarm), "hours": HOURS}
        return Page(template="alarms/alarm.html", title=Words(rule.vi, rule.en), data=data)

    def quiet(ask: Ask) -> Plan | Done | Refused | NotThere:
        alarm_id = ask.request.path_params["alarm"]
        until = _until(ask)
        if until is None:
            says = Words("Hãy chọn thời gian.", "Choose for how long.")
            return Refused(says=says, back=f"{ALARMS}/{alarm_id}")
        if ask.dry:
            alarm = desk.check_quiet(alarm_id, until=until, scope=ask.scope)
            if isinstance(alarm, Trouble):
                return _refused(alarm, alarm_id)
            row = {"id": alarm.id, "says": Words(alarm.vi, alarm.en), "until": until}
            return Plan(
                title=QUIET,
                says=Words(
                    "Không ai nhận tin về cảnh báo này cho đến lúc đó, trừ khi nó nặng hơn hoặc hết.",
                    "Nobody is told of it until then, unless it gets worse or is over.",
                ),
                columns=COLUMNS,
                rows=(row,),
                carry={"until": [until.isoformat()]},
                confirm=QUIET,
                back=f"{ALARMS}/{alarm_id}",
            )
        done = desk.quiet(alarm_id, until=until, by=ask.actor, reason=ask.reason, scope=ask.scope)
        if isinstance(done, Trouble):
            return _refused(done, alarm_id)
        return Done(says=Words("Đã tạm ngừng báo.", "Quieted."), to=ALARMS)

    def unquiet(ask: Ask) -> Plan | Done | Refused | NotThere:
        alarm_id = ask.request.path_params["alarm"]
        if ask.dry:
            alarm = desk.alarm(alarm_id, ask.scope)
            if alarm is None:
                return NotThere()
            return Plan(
                title=TELL_AGAIN,
                says=Words("Từ nay lại báo về cảnh báo này.", "People are told of it again."),
                columns=COLUMNS,
                rows=({"id": alarm.id, "says": Words(alarm.vi, alarm.en), "until": alarm.quiet_until},),
                confirm=TELL_AGAIN,
                back=f"{ALARMS}/{alarm_id}",
                possible=alarm.state is AlarmState.QUIETED,
            )
        done = desk.unquiet(alarm_id, by=ask.actor, reason=ask.reason, scope=ask.scope)
        if isinstance(done, Trouble):
            return _refused(done, alarm_id)
        return Done(says=Words("Đã bật báo lại.", "Told again from now on."), to=ALARMS)

    def counts(_person: Person, scope: Scope) -> Mapping[str, int]:
        return {ALARMS: len(desk.board(scope, past=0).standing)}

    return Part(
        name="alarms",
        routes=[
            *page_route(ALARMS, board, right=Right.SEE),
            *page_route(f"{ALARMS}/{{alarm}}", one, right=Right.SEE),
            action_route(f"{ALARMS}/{{alarm}}/quiet", quiet, right=Right.ACT),
            action_route(f"{ALARMS}/{{alarm}}/unquiet", unquiet, right=Right.ACT),
        ],
        navigation=(NavEntry(path=ALARMS, words=TITLE, right=Right.SEE, place=60),),
        templates=Path(__file__).with_name("templates"),
        counts=counts,
    )


def _until(ask: Ask) -> datetime | None:
    """The moment that was shown, or so many hours from now; None for what no form of ours says."""
    given = ask.one("until")
    if given:
        try:
            until = datetime.fromisoformat(given)
        except ValueError:
            return None
        return until if until.tzinfo is not None else None
    hours = ask.one("hours")
    known = {str(each): each for each in HOURS}
    return ask.now + timedelta(hours=known[hours]) if hours in known else None


def _refused(trouble: Trouble, alarm_id: str) -> Refused | NotThere:
    if trouble.unknown:
        return NotThere()
    return Refused(says=Words(trouble.vi, trouble.en), back=f"{ALARMS}/{alarm_id}")


def _shape(alarm: Alarm) -> dict[str, Any]:
    rule, where = ALARM_RULES[alarm.kind], where_of(alarm.kind, alarm.subject)
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "name": Words(rule.vi, rule.en),
        "says": Words(alarm.vi, alarm.en),
        "do": Words(rule.do_vi, rule.do_en),
        "command": where.command,
        "page": f"{BASE}{where.path}",
        "severity": alarm.severity,
        "severity_text": Words(*SEVERITY_TEXT[alarm.severity]),
        "state": alarm.state,
        "state_text": STATE_TEXT[alarm.state],
        "raised_at": alarm.raised_at,
        "seen_at": alarm.seen_at,
        "told_at": alarm.told_at,
        "told": alarm.told,
        "ended_at": alarm.ended_at,
        "quiet_until": alarm.quiet_until,
        "quiet_by": alarm.quiet_by,
        "quiet_reason": alarm.quiet_reason,
    }


def _notices(rooms: Rooms) -> list[dict[str, Any]]:
    return [
        {
            "channel": each.channel,
            "kind": each.kind,
            "title": each.title,
            "created_at": each.created_at,
            "state": each.state,
            "attempts": each.attempts,
            "problem": each.problem,
        }
        for each in rooms.alarms.notices(limit=MOST_NOTICES)
    ]
