"""`truc status`: queues, workers, backlog."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from router.commands.opening import AsJson, ConfigPath, both
from router.core.records import LegState
from router.core.state_words import LEG_STATE_TEXT, MESSAGE_STATE_TEXT
from router.ports import Backlog, Promptness, QueueDepth

MONTH: Final = timedelta(days=30)
COUNTED: Final = 1000  # legs with an alarm; who has more needs no figure


def status(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Hàng đợi, tiến trình xử lý, việc tồn. / Queues, workers, backlog.

    Mã thoát 3 khi không tới được RabbitMQ hoặc cơ sở dữ liệu. / Exit code 3 when the broker or the database cannot be
    reached.
    """
    from router.app.parts import open_broker, open_store, policy_of, run_async
    from router.services.carriage.deadlines import overdue_legs
    from router.settings import load_settings

    settings = load_settings(config)
    store = open_store(settings)
    try:
        store.ping()
        agents = sorted(store.registry().agents)
        backlog = store.backlog()
        promptness = store.promptness(since=datetime.now(UTC) - MONTH)
        late = overdue_legs(store, policy_of(settings).clocks, now=datetime.now(UTC), limit=COUNTED)
    finally:
        store.close()

    async def ask() -> Sequence[QueueDepth]:
        broker = open_broker(settings, name=f"{settings.hub}-status")
        try:
            return await broker.depths(agents)
        finally:
            await broker.close()

    found = as_dict(settings.hub, run_async(ask()), backlog, promptness, now=datetime.now(UTC), overdue=late)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show(found)


def as_dict(
    hub: str, depths: Sequence[QueueDepth], backlog: Backlog, promptness: Promptness, *, now: datetime, overdue: int
) -> dict[str, object]:
    """What `--json` prints. `oldest_outbox_seconds` is None when the outbox is empty. `same_day` counts the new
    documents of 30 days by the rule of the same day. `overdue` counts legs with an alarm, up to `COUNTED`."""
    from edxml_schemas.contract import Urgency, ingest_queue

    oldest = None if backlog.oldest_outbox is None else round((now - backlog.oldest_outbox).total_seconds(), 1)
    workers = {each.queue: each.consumers for each in depths}.get(ingest_queue(Urgency.NORMAL), 0)
    return {
        "hub": hub,
        "workers": workers,
        "queues": [{"queue": each.queue, "messages": each.messages, "consumers": each.consumers} for each in depths],
        "messages": dict(backlog.messages),
        "legs": dict(backlog.legs),
        "overdue": overdue,
        "parked": backlog.legs.get("parked", 0),
        "outbox": backlog.outbox,
        "oldest_outbox_seconds": oldest,
        "same_day": asdict(promptness),
    }


def show(found: dict[str, object]) -> None:
    """The same for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{found['hub']}[/bold]: {found['workers']} tiến trình xử lý / workers")
    table = Table("Hàng đợi / queue", "Thông điệp / messages", "Người nhận / consumers")
    queues = found["queues"]
    for each in queues if isinstance(queues, list) else ():
        table.add_row(each["queue"], str(each["messages"]), str(each["consumers"]))
    console.print(table)
    words: dict[str, tuple[str, str]] = {state.value: text for state, text in MESSAGE_STATE_TEXT.items()}
    words |= {state.value: text for state, text in LEG_STATE_TEXT.items()}
    for title, key in (("Phong bì / messages", "messages"), ("Chặng / legs", "legs")):
        counts = found[key]
        each = counts.items() if isinstance(counts, dict) else ()
        shown = ", ".join(f"{both(words[state]) if state in words else state} {count}" for state, count in each)
        console.print(f"{title}: {shown or '0'}")
    late = f"{found['overdue']}{'+' if found['overdue'] == COUNTED else ''}"
    console.print(f"Quá hạn / overdue: {late}, {both(LEG_STATE_TEXT[LegState.PARKED])}: {found['parked']}")
    waiting = f", lâu nhất / oldest {found['oldest_outbox_seconds']} s" if found["outbox"] else ""
    console.print(f"Chờ gửi / outbox: {found['outbox']}{waiting}")
    counts = found["same_day"]
    if isinstance(counts, dict) and (known := counts["same_day"] + counts["later"]):
        share = 100 * counts["same_day"] / known
        console.print(
            "Gửi trong ngày ký, 30 ngày qua / sent on the day of signing, last 30 days: "
            f"{counts['same_day']} trong / of {known} ({share:.0f} %)"
        )
