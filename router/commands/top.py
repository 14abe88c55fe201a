"""`truc top`: the hub live in the terminal."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from router.commands.opening import AsJson, ConfigPath, both, clock, console, print_json, table
from router.core.deadlines import DEADLINE_TEXT, Deadline
from router.core.records import LegState
from router.core.state_words import LEG_STATE_TEXT, as_heading
from router.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from router.services.figures.overview import Overview
    from router.services.figures.readings import Reading

BLOCKS: Final = "▁▂▃▄▅▆▇█"
MOST: Final = 12  # queues and agents that are shown


def top(
    *,
    every: Annotated[
        float, typer.Option("--every", min=0.5, max=3600.0, help="Bao nhiêu giây một lần. / Seconds between looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="In một lần rồi thôi. / Print once and end.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Trục đang làm gì: nhịp, hàng đợi, tiến trình, tồn, quá hạn / The hub live: rates, queues, workers, backlog.

    Ctrl-C để thôi. / Ctrl-C ends it.

    Mã thoát / exit codes: 0 tốt / good · 1 RabbitMQ không trả lời (--once, --json) / the broker does not answer · 2 sai
    cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.adapters.sql.figures import SqlFigures
    from router.app.figures import readings_of
    from router.app.parts import open_broker, open_store, queue_depths, run_async
    from router.core.people import EVERYTHING
    from router.ports import BrokerUnavailable
    from router.services.figures.counting import Counting
    from router.services.figures.overview import overview
    from router.settings import load_settings

    settings = load_settings(config)
    with contextlib.closing(open_store(settings)) as store:
        store.ping()
        figures = SqlFigures(store.engine)

        async def run() -> bool:
            broker = open_broker(settings, name=f"{settings.hub}-top")

            async def probe() -> Mapping[str, str]:
                try:
                    await broker.ping()
                except BrokerUnavailable as problem:
                    return {"broker": str(problem), "database": ""}
                return {"broker": "", "database": ""}

            readings = readings_of(settings, figures, probe=probe, depths=queue_depths(broker, store))

            async def look() -> "tuple[Reading, Overview]":
                now = datetime.now(UTC)
                if as_json or once:
                    await asyncio.to_thread(Counting(figures).catch_up, now=now)
                seen = await asyncio.to_thread(overview, figures, store.registry(), EVERYTHING, now=now)
                return await readings.read(), seen

            try:
                if as_json or once:
                    return _told(settings.hub, *await look(), as_json=as_json)
                await _live(settings.hub, look, every=every)
            finally:
                await broker.close()
            return True

        with contextlib.suppress(KeyboardInterrupt):
            if not run_async(run()):
                raise typer.Exit(ExitCode.NEGATIVE)


def as_dict(hub: str, reading: "Reading", seen: "Overview") -> dict[str, Any]:
    """What `--json` prints. Numbers of minutes are of documents accepted, the latest last, a minute behind."""
    standing = seen.standing
    return {
        "hub": hub,
        "at": reading.at.isoformat(),
        "parts": {part: problem or "ok" for part, problem in reading.parts.items()},
        "workers": reading.workers,
        "minutes": [each.sent for each in seen.minutes],
        "last_hour": sum(each.sent for each in seen.minutes),
        "today": seen.days[-1].sent if seen.days else 0,
        "waiting": {
            "queued": standing.queued,
            "held": standing.held,
            "parked": standing.parked,
            "receipts": standing.receipts,
            "deferred": standing.deferred,
            "dead": standing.dead,
            "oldest_seconds": (reading.at - standing.oldest).total_seconds() if standing.oldest else None,
        },
        "overdue": {each.value: standing.overdue.get(each.value, 0) for each in Deadline},
        "queues": [
            {"queue": each.queue, "messages": each.messages, "consumers": each.consumers}
            for each in sorted(reading.depths or (), key=lambda each: (-each.messages, each.queue))
        ],
        "agents": [{"agent": each.agent, "outbox": each.outbox, "overdue": each.overdue} for each in standing.agents],
        "certificate_days_left": dict(reading.endings.days_left),
    }


def bars(values: Sequence[int]) -> str:
    """Numbers as a row of blocks."""
    most = max(values, default=0) or 1
    return "".join(BLOCKS[min(value * (len(BLOCKS) - 1) // most, len(BLOCKS) - 1)] for value in values)


def shown(found: Mapping[str, Any]) -> "RenderableType":
    """The same for people."""
    from rich.console import Group
    from rich.text import Text

    parts = Text()
    for part, state in found["parts"].items():
        parts.append(f" {part}: {state} ", style="bold white on green" if state == "ok" else "bold white on red")
        parts.append("  ")
    parts.append(f"tiến trình / workers: {'–' if found['workers'] is None else found['workers']}")
    waiting = found["waiting"]
    age = waiting["oldest_seconds"]
    rows = [
        (both(as_heading(LEG_STATE_TEXT[LegState.QUEUED])), str(waiting["queued"])),
        ("Lâu nhất / oldest", "–" if age is None else f"{age:.0f} s"),
        (both(as_heading(LEG_STATE_TEXT[LegState.HELD])), str(waiting["held"])),
        (both(as_heading(LEG_STATE_TEXT[LegState.PARKED])), str(waiting["parked"])),
        ("Biên nhận chờ / receipts", str(waiting["receipts"])),
        ("Chờ kết luận / deferred", str(waiting["deferred"])),
        ("Không xử lý được / dead", str(waiting["dead"])),
    ]
    late = [(" / ".join(DEADLINE_TEXT[Deadline(name)]), str(count)) for name, count in found["overdue"].items()]
    queues = [(each["queue"], str(each["messages"]), str(each["consumers"])) for each in found["queues"][:MOST]]
    agents = [(each["agent"], str(each["outbox"]), str(each["overdue"])) for each in found["agents"][:MOST]]
    return Group(
        Text(f"{found['hub']} · {clock(datetime.fromisoformat(found['at']))}", style="bold"),
        parts,
        Text(f"{bars(found['minutes'])}  60 phút / minutes: {found['last_hour']} · hôm nay / today: {found['today']}"),
        table("", ("Đang chờ / waiting", ""), rows),
        table("", ("Quá hạn / overdue", ""), [each for each in late if each[1] != "0"] or [("–", "0")]),
        table("", ("Hàng đợi / queue", "Thông điệp / messages", "Người nhận / consumers"), queues),
        table("", ("Kết nối / agent", "Chờ / queued", "Chưa xác nhận / late"), agents) if agents else Text(""),
    )


def _told(hub: str, reading: "Reading", seen: "Overview", *, as_json: bool) -> bool:
    """Prints once; whether the broker answered."""
    found = as_dict(hub, reading, seen)
    if as_json:
        print_json(found)
    else:
        console().print(shown(found))
    return reading.depths is not None


async def _live(hub: str, look: "Callable[[], Awaitable[tuple[Reading, Overview]]]", *, every: float) -> None:
    from rich.live import Live

    with Live(console=console(), screen=True, auto_refresh=False) as live:
        while True:
            live.update(shown(as_dict(hub, *await look())), refresh=True)
            await asyncio.sleep(every)
