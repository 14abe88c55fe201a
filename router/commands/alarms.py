"""`truc alarms`: what needs a hand now, who was told of it, and how to stop being told."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.visible import visible
from router.commands.acting import By, DryRun, Reason, actor_of, moment_of, reason_of
from router.commands.opening import AsJson, ConfigPath, clock, console, print_json, say, table
from router.core.alarm_rules import ALARM_RULES, where_of
from router.core.alarms import SEVERITY_TEXT, Alarm, AlarmState
from router.errors import ExitCode, InfrastructureProblem, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from router.adapters.sql.store import SqlStore
    from router.services.alarms.desk import AlarmDesk, Trouble
    from router.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Cảnh báo. / Alarms.")

AlarmId = Annotated[str, typer.Argument(metavar="ID", help="Mã cảnh báo (truc alarms list). / The alarm's id.")]
STATE_TEXT: Final = {
    AlarmState.RAISED: "đang báo / standing",
    AlarmState.QUIETED: "tạm ngừng / quieted",
    AlarmState.RECOVERED: "đã hết / over",
}
HEADINGS: Final = ("Mã / id", "Mức / severity", "Tình trạng / state", "Từ lúc / since", "Cảnh báo / alarm")


@dataclass(frozen=True, slots=True)
class _Opened:
    settings: "Settings"
    store: "SqlStore"
    engine: "Engine"
    desk: "AlarmDesk"


@contextmanager
def _opened(config: "Path | None", *, create: bool = False) -> "Iterator[_Opened]":
    """With `create`, a database that is not there yet is created: channels are tried before the hub runs first."""
    from router.adapters.clock import SystemClock
    from router.app.alarms import alarm_desk, open_alarm_book
    from router.app.parts import migrate, open_store
    from router.settings import load_settings

    settings = load_settings(config)
    if create:
        migrate(settings)
    store = open_store(settings)
    try:
        book = open_alarm_book(store.engine)
        yield _Opened(settings, store, store.engine, alarm_desk(book, store, clock=SystemClock()))
    finally:
        store.close()


@app.command("list")
def list_alarms(
    *,
    past: Annotated[
        int, typer.Option("--past", min=0, max=1000, help="Kèm bao nhiêu cảnh báo đã hết. / Past ones.")
    ] = 0,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Cảnh báo lúc này, nặng nhất trước / Alarms that stand, the worst first.

    Mã thoát / exit codes: 0 không có / none stands · 1 có / some stand · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.services.alarms.wording import alarm_data

    with _opened(config) as opened:
        board = opened.desk.board(past=past)
    found = [*board.standing, *board.quieted, *board.past]
    if as_json:
        print_json([alarm_data(each) for each in found])
    elif found:
        rows = [
            (
                each.id,
                " / ".join(SEVERITY_TEXT[each.severity]),
                STATE_TEXT[each.state],
                clock(each.raised_at),
                f"{visible(each.vi)}\n{visible(each.en)}\n→ {where_of(each.kind, each.subject).command}",
            )
            for each in found
        ]
        console().print(table("", HEADINGS, rows))
    else:
        say("Không có cảnh báo.", "No alarms.")
    if board.standing:
        raise typer.Exit(ExitCode.NEGATIVE)


@app.command("show")
def show(alarm_id: AlarmId, *, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Một cảnh báo, và phải làm gì / One alarm, and what to do about it.

    Mã thoát / exit codes: 0 tốt / good · 1 không có / not there · 2 sai cách dùng / usage · 3 hạ tầng / infrastructure.
    """
    from router.app.alarms import console_address
    from router.services.alarms.wording import alarm_data, page_of

    with _opened(config) as opened:
        alarm, address = opened.desk.alarm(alarm_id), console_address(opened.settings)
    if alarm is None:
        say("Không có cảnh báo này.", "There is no such alarm.")
        raise typer.Exit(ExitCode.NEGATIVE)
    page = page_of(alarm, address)
    if as_json:
        print_json({**alarm_data(alarm), "page": page})
        return
    console().print(table("", ("", ""), _facts(alarm, page)))


def _facts(alarm: Alarm, page: str) -> list[tuple[str, str]]:
    rule = ALARM_RULES[alarm.kind]
    facts = [
        ("Mã / id", alarm.id),
        ("Loại / kind", f"{rule.vi} / {rule.en} ({alarm.kind.value})"),
        ("Đối tượng / subject", visible(alarm.subject)),
        ("Mức / severity", " / ".join(SEVERITY_TEXT[alarm.severity])),
        ("Tình trạng / state", STATE_TEXT[alarm.state]),
        ("Nội dung / words", f"{visible(alarm.vi)}\n{visible(alarm.en)}"),
        ("Cần làm / to do", f"{rule.do_vi}\n{rule.do_en}"),
        ("Xem bằng / see", f"{where_of(alarm.kind, alarm.subject).command}\n{page}"),
        ("Từ lúc / since", clock(alarm.raised_at)),
        ("Thấy lần cuối / last seen", clock(alarm.seen_at)),
        ("Báo lần cuối / last told", f"{clock(alarm.told_at)} ({alarm.told})"),
        ("Hết lúc / ended", clock(alarm.ended_at)),
        ("Ngừng đến / quiet until", clock(alarm.quiet_until)),
        ("Ai ngừng, vì sao / who, why", f"{alarm.quiet_by}: {visible(alarm.quiet_reason)}" if alarm.quiet_by else ""),
    ]
    return [(name, value) for name, value in facts if value]


@app.command("quiet")
def quiet(
    alarm_id: AlarmId,
    *,
    until: Annotated[str, typer.Option("--until", metavar="MOMENT", help="Đến lúc nào, giờ Việt Nam. / Until when.")],
    reason: Reason,
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Tạm ngừng báo / Nobody is told of it until then, unless it gets worse or is over.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 hạ tầng / infrastructure.
    """
    from router.services.alarms.wording import alarm_data

    moment = moment_of(until, option="--until", end_of_day=True)
    if moment is None:
        raise UsageProblem("--until không được trống", "--until must not be empty")
    why, who = reason_of(reason), actor_of(by)
    with _opened(config) as opened:
        desk = opened.desk
        checked = desk.check_quiet(alarm_id, until=moment)
        done = checked if dry_run else desk.quiet(alarm_id, until=moment, by=who, reason=why)
    alarm = _good(done)
    if as_json:
        print_json({"done": not dry_run, "until": moment.isoformat(), "alarm": alarm_data(alarm)})
    words = ("Sẽ ngừng báo", "Would be quiet") if dry_run else ("Đã ngừng báo", "Quiet")
    say(f"{words[0]} đến {clock(moment)}: {visible(alarm.vi)}", f"{words[1]} until then: {visible(alarm.en)}")


@app.command("unquiet")
def unquiet(alarm_id: AlarmId, *, reason: Reason, by: By = "", config: ConfigPath = None) -> None:
    """Báo lại / Be told of it again.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 hạ tầng / infrastructure.
    """
    why, who = reason_of(reason), actor_of(by)
    with _opened(config) as opened:
        alarm = _good(opened.desk.unquiet(alarm_id, by=who, reason=why))
    say(f"Báo lại: {visible(alarm.vi)}", f"Told again: {visible(alarm.en)}")


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="mail, webhook, webhook-2, telegram, …")],
    *,
    by: By = "",
    config: ConfigPath = None,
) -> None:
    """Gửi tin thử ngay / Send a test at once, and say what came of it.

    Mã thoát / exit codes: 0 đã gửi / sent · 2 không có kênh này / no such channel · 3 không gửi được / not sent.
    """
    from router.adapters.clock import SystemClock
    from router.app.alarms import channels, console_address
    from router.ports.alarms import NotTaken
    from router.services.alarms.wording import trial_notice

    who = actor_of(by)
    with _opened(config, create=True) as opened:
        found = {each.name: each for each in channels(opened.settings, clock=SystemClock())}
        if channel not in found:
            named = ", ".join(found) or "—"
            raise UsageProblem(
                f"Không có kênh “{channel}”: {named}",
                f"There is no channel “{channel}”: {named}",
                remedy_vi="đặt mail_host, webhook_urls hoặc telegram_chats trong [alarms] của truc.toml",
                remedy_en="set mail_host, webhook_urls or telegram_chats under [alarms] in truc.toml",
            )
        opened.desk.note_sent(channel, what="test", by=who, reason="test")
        notice = trial_notice(
            channel,
            hub=opened.settings.hub,
            console=console_address(opened.settings),
            by=who,
            now=datetime.now(UTC),
        )
    try:
        asyncio.run(found[channel].send(notice))
    except NotTaken as problem:
        raise InfrastructureProblem(
            f"Không gửi được qua “{channel}”: {problem}",
            f"“{channel}” did not take it: {problem}",
            remedy_vi="kiểm tra [alarms] trong truc.toml, mật khẩu và đường mạng",
            remedy_en="check [alarms] in truc.toml, the password and the network",
        ) from None
    say(f"Đã gửi qua “{channel}”.", f"Sent by “{channel}”.")


@app.command("digest")
def digest(
    *,
    organ: Annotated[str, typer.Option("--organ", metavar="CODE", help="Cơ quan và cây bên dưới. / And its subtree.")],
    dry_run: DryRun = False,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Bản tin hằng ngày của một cơ quan / The daily digest of a body; `--dry-run` prints it and sends nothing.

    Không có --dry-run thì gửi đến các địa chỉ trong digest_to, mỗi ngày một lần. / Without it, it goes to the addresses
    of digest_to, once a day.

    Mã thoát / exit codes: 0 tốt / good · 1 hôm nay đã gửi / already sent today · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.adapters.notify import MAIL
    from router.adapters.sql.alarm_facts import SqlAlarmFacts
    from router.app.alarms import console_address, digests_of, open_alarm_book
    from router.services.alarms.digest import digest_data, digest_text

    who = actor_of(by)
    with _opened(config) as opened:
        settings = opened.settings
        book = open_alarm_book(opened.engine)
        digests = digests_of(settings, opened.store, book, SqlAlarmFacts(opened.engine))
        made = digests.of(organ, now=datetime.now(UTC))
        if made is None:
            raise UsageProblem(f"Không có cơ quan “{organ}”", f"There is no organ “{organ}”")
        if as_json:
            print_json(digest_data(made))
        else:
            typer.echo(digest_text(made, hub=settings.hub, console=console_address(settings)), nl=False)
        if dry_run:
            return
        addresses = settings.alarms.digest_to.get(organ) or settings.alarms.digest_to.get(made.organ, ())
        if not addresses:
            raise UsageProblem(f"digest_to không có {made.organ}", f"digest_to does not name {made.organ}")
        opened.desk.note_sent(MAIL, what=f"digest {made.organ}", by=who, reason="digest")
        new = book.add_notices([digests.notice(made, addresses)])
    if not new:
        say("Bản tin hôm nay đã được gửi.", "Today's digest was sent already.")
        raise typer.Exit(ExitCode.NEGATIVE)
    say(f"Sẽ gửi đến {len(addresses)} địa chỉ.", f"Goes to {len(addresses)} addresses.")


def _good(outcome: "Alarm | Trouble") -> Alarm:
    if isinstance(outcome, Alarm):
        return outcome
    say(outcome.vi, outcome.en)
    raise typer.Exit(ExitCode.NEGATIVE)
