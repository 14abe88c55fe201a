"""`truc agency`: what is arranged for an organ's deliveries, and what waits because of it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.commands.acting import By, DryRun, Reason, actor_of, moment_of, reason_of
from router.commands.opening import (
    AsJson,
    ConfigPath,
    clock,
    console,
    opened_store,
    print_json,
    say,
    table,
)
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from router.core.holds import Hold
    from router.services.carriage.holds import Arranged, Refused, Waiting

app = typer.Typer(
    no_args_is_help=True,
    help="Tạm giữ, chuyển tiếp, thả văn bản của một cơ quan. / Hold, forward and release an organ's deliveries.",
)

Organ = Annotated[str, typer.Argument(metavar="ORGAN", help="Mã định danh. / Organ code, present or former.")]
From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="MOMENT",
        help="Từ khi nào, giờ Việt Nam (mặc định: ngay). / From when, Vietnam time (default: now).",
    ),
]
Until = Annotated[
    str,
    typer.Option(
        "--until",
        metavar="MOMENT",
        help="Đến khi nào; chỉ ghi ngày là hết ngày đó. / Until when; a day alone means its end.",
    ),
]

SHOWN: Final = 20
STATE_TEXT: Final = {
    "in-force": "đang áp dụng / in force",
    "to-come": "chưa đến hạn / to come",
    "over": "đã hết hạn / over",
    "": "chưa có kết nối / no agent",
}
KIND_TEXT: Final = {"hold": "giữ / hold", "forward": "chuyển tiếp / forward"}


@app.command("hold")
def hold(
    organ: Organ,
    *,
    reason: Reason,
    since: From = "",
    until: Until = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Tạm giữ văn bản gửi đến một cơ quan (bảo trì) / Keep an organ's deliveries on the hub.

    Bên gửi được báo trên biên nhận. Hết hạn thì tự chuyển. Văn bản giữ quá thời hạn chuyển vẫn bị dừng và bên gửi được
    báo. / Senders are told on their receipts. When the time is over everything goes by itself. What waits longer than a
    document may is parked all the same, and its sender is told.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.adapters.clock import SystemClock
    from router.app.parts import policy_of
    from router.services.carriage import holds
    from router.settings import load_settings

    why, now = reason_of(reason), SystemClock().now()
    begins, ends = _times(since, until, now=now)
    life = policy_of(load_settings(config)).clocks.normal.deliver_within
    with opened_store(config) as store:
        planned = _good(holds.plan_hold(store, organ, since=begins, until=ends, reason=why, by=actor_of(by)))
        if not dry_run:
            holds.arrange(store, planned, now=now)
    _tell(planned, done=not dry_run, as_json=as_json)
    if ends is None or ends - now > life:
        days = life / timedelta(days=1)
        say(
            f"Lưu ý: văn bản thường giữ quá {days:g} ngày sẽ bị dừng, bên gửi được báo (truc leg resend để gửi lại).",
            f"Note: an ordinary document that waits for more than {days:g} days is parked and its sender is told.",
        )


@app.command("forward")
def forward(
    organ: Organ,
    *,
    to: Annotated[str, typer.Option("--to", metavar="ORGAN", help="Cơ quan nhận thay. / Who receives instead.")],
    reason: Reason,
    since: From = "",
    until: Until = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Chuyển tiếp văn bản đến cơ quan nhận thay / Send an organ's deliveries to another organ.

    Văn bản đang giữ cũng được chuyển; nơi nhận thay đã có văn bản đó thì chặng bị dừng, chờ quản trị. Không chuyển qua
    nhiều chặng. / What is held goes there, too; a leg to an organ that has the document already is parked. A forward is
    followed once: chains and circles are refused.

    Mã thoát / exit codes: 0 tốt / good · 1 không được / refused · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.adapters.clock import SystemClock
    from router.services.carriage import holds

    why, now = reason_of(reason), SystemClock().now()
    begins, ends = _times(since, until, now=now)
    with opened_store(config) as store:
        planned = _good(
            holds.plan_forward(store, organ, to=to, since=begins, until=ends, reason=why, by=actor_of(by), now=now)
        )
        if not dry_run:
            holds.arrange(store, planned, now=now)
        carried = holds.carried(store, planned.hold.to)
    _tell(planned, done=not dry_run, as_json=as_json)
    if not carried:
        say(
            f"Lưu ý: {planned.hold.to} chưa nối phần mềm; văn bản được giữ lại cho cơ quan đó.",
            f"Note: nobody carries for {planned.hold.to} yet; what goes there is held.",
        )


@app.command("release")
def release(
    organ: Organ,
    *,
    reason: Reason,
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Thôi giữ, thôi chuyển tiếp / Let an organ's deliveries go their usual way again.

    Văn bản đang giữ được chuyển ngay: khẩn trước, cũ trước. / What waits goes at once: urgent first, then the oldest.

    Mã thoát / exit codes: 0 tốt / good · 1 không có gì để thả / nothing to release · 2 sai cách dùng / usage · 3 sự cố
    hạ tầng / infrastructure.
    """
    from router.adapters.clock import SystemClock
    from router.services.carriage import holds

    why = reason_of(reason)
    with opened_store(config) as store:
        planned = _good(holds.plan_release(store, organ))
        if not dry_run:
            holds.release(store, planned, reason=why, by=actor_of(by), now=SystemClock().now())
    if as_json:
        print_json({**_shape(planned, done=not dry_run), "released": len(planned.held)})
        return
    vi, en = ("Đã thả", "Released") if not dry_run else ("Sẽ thả", "Would release")
    _print_held(planned)
    typer.echo(f"{vi} {planned.hold.organ}: {len(planned.held)} văn bản đang giữ được chuyển đi.")
    typer.echo(f"{en} {planned.hold.organ}: {len(planned.held)} held documents go on their way.")


@app.command("holds")
def list_holds(*, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Cơ quan đang tạm giữ, chuyển tiếp, và văn bản đang chờ / What is arranged, and what waits because of it."""
    from router.adapters.clock import SystemClock
    from router.services.carriage import holds

    with opened_store(config) as store:
        found = holds.waiting(store)
    now = SystemClock().now()
    if as_json:
        print_json([_row_shape(each, now=now) for each in found])
        return
    headings = (
        "Cơ quan / organ",
        "Sắp xếp / arrangement",
        "Từ – đến / since – until",
        "Tình trạng / state",
        "Đang giữ / held",
        "Cũ nhất / oldest",
        "Lý do / reason",
    )
    console().print(table(f"{len(found)} cơ quan / organs", headings, [_row(each, now=now) for each in found]))


# ── Asking and telling ──────────────────────────────────────────────────────────────────────────────────────────────


def _times(since: str, until: str, *, now: "datetime") -> "tuple[datetime, datetime | None]":
    begins = moment_of(since, option="--from") or now
    ends = moment_of(until, option="--until", end_of_day=True)
    if ends is not None and ends <= max(begins, now):
        raise UsageProblem(
            "--until phải sau --from và sau lúc này", "--until must be after --from and after the present moment"
        )
    return begins, ends


def _good(planned: "Arranged | Refused") -> "Arranged":
    from router.services.carriage.holds import Refused

    if isinstance(planned, Refused):
        say(planned.vi, planned.en)
        raise typer.Exit(ExitCode.NEGATIVE)
    return planned


def _tell(planned: "Arranged", *, done: bool, as_json: bool) -> None:
    if as_json:
        print_json(_shape(planned, done=done))
        return
    hold = planned.hold
    _print_held(planned)
    if planned.before is not None:
        before = _described(planned.before)
        typer.echo(f"Thay cho / instead of: {before}")
    vi, en = ("Đã đặt", "Set") if done else ("Chưa đặt (--dry-run)", "Not set (--dry-run)")
    typer.echo(f"{vi} / {en}: {_described(hold)}")
    count = len(planned.held)
    if planned.moved or planned.parked:
        typer.echo(f"Đang giữ {count}: {planned.moved} chuyển đến {hold.to}, {planned.parked} dừng lại (nơi đó đã có).")
        typer.echo(f"Held {count}: {planned.moved} go to {hold.to}, {planned.parked} are parked (it has them already).")
    else:
        typer.echo(f"Đang giữ cho cơ quan này / held for this organ: {count}")


def _described(hold: "Hold") -> str:
    to = f" → {hold.to}" if hold.to else ""
    until = f" – {clock(hold.until)}" if hold.until is not None else " – …"
    return f"{hold.organ}{to}, {KIND_TEXT[hold.kind.value]}, {clock(hold.since)}{until}: {hold.reason} ({hold.by})"


def _print_held(planned: "Arranged") -> None:
    if not planned.held:
        return
    rows = [
        (clock(leg.created_at), leg.urgency.value, message.sender, message.code or message.status_code, message.id)
        for message, leg in planned.held[:SHOWN]
    ]
    headings = ("Từ lúc / since", "Khẩn / lane", "Từ / from", "Số / code", "Mã thông điệp / message")
    console().print(table("Đang giữ / held", headings, rows))
    if len(planned.held) > SHOWN:
        typer.echo(f"  … +{len(planned.held) - SHOWN}")


def _state(hold: "Hold | None", *, now: "datetime") -> str:
    if hold is None:
        return ""
    if hold.counts(now):
        return "in-force"
    return "over" if hold.over(now) else "to-come"


def _row(each: "Waiting", *, now: "datetime") -> "Sequence[str]":
    hold = each.hold
    more = "+" if each.capped else ""
    urgent = f"\n(khẩn / urgent: {each.urgent})" if each.urgent else ""
    return (
        f"{each.organ}\n{each.name}",
        "" if hold is None else KIND_TEXT[hold.kind.value] + (f"\n→ {hold.to}" if hold.to else ""),
        "" if hold is None else f"{clock(hold.since)}\n{clock(hold.until) or '…'}",
        STATE_TEXT[_state(hold, now=now)],
        f"{each.held}{more}{urgent}",
        clock(each.oldest),
        "" if hold is None else f"{hold.reason}\n({hold.by})",
    )


def _row_shape(each: "Waiting", *, now: "datetime") -> dict[str, object]:
    return {
        "organ": each.organ,
        "name": each.name,
        "arrangement": _hold_shape(each.hold) if each.hold is not None else None,
        "state": _state(each.hold, now=now) or "no-agent",
        "held": each.held,
        "urgent": each.urgent,
        "oldest": each.oldest,
        "capped": each.capped,
    }


def _hold_shape(hold: "Hold") -> dict[str, object]:
    return {
        "organ": hold.organ,
        "kind": hold.kind.value,
        "to": hold.to,
        "since": hold.since,
        "until": hold.until,
        "reason": hold.reason,
        "by": hold.by,
    }


def _shape(planned: "Arranged", *, done: bool) -> dict[str, object]:
    return {
        "done": done,
        "arrangement": _hold_shape(planned.hold),
        "before": _hold_shape(planned.before) if planned.before is not None else None,
        "held": len(planned.held),
        "moved": planned.moved,
        "parked": planned.parked,
        "legs": [leg.id for _, leg in planned.held],
    }
