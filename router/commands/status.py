"""`truc status`: queues, workers, backlog."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from router.commands.opening import AsJson, ConfigPath
from router.ports import Backlog, QueueDepth


def status(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Hàng đợi, tiến trình xử lý, việc tồn. / Queues, workers, backlog.

    Mã thoát 3 khi không tới được RabbitMQ hoặc cơ sở dữ liệu. / Exit code 3 when the broker or the database cannot be
    reached.
    """
    from router.app import open_broker, open_store, run_async
    from router.settings import load_settings

    settings = load_settings(config)
    store = open_store(settings)
    try:
        store.ping()
        agents = sorted(store.registry().agents)
        backlog = store.backlog()
    finally:
        store.close()

    async def ask() -> Sequence[QueueDepth]:
        broker = open_broker(settings, name=f"{settings.hub}-status")
        try:
            return await broker.depths(agents)
        finally:
            await broker.close()

    found = as_dict(settings.hub, run_async(ask()), backlog, now=datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show(found)


def as_dict(hub: str, depths: Sequence[QueueDepth], backlog: Backlog, *, now: datetime) -> dict[str, object]:
    """What `--json` prints. `oldest_outbox_seconds` is None when the outbox is empty."""
    from edxml_schemas.contract import Urgency, ingest_queue

    oldest = None if backlog.oldest_outbox is None else round((now - backlog.oldest_outbox).total_seconds(), 1)
    workers = {each.queue: each.consumers for each in depths}.get(ingest_queue(Urgency.NORMAL), 0)
    return {
        "hub": hub,
        "workers": workers,
        "queues": [{"queue": each.queue, "messages": each.messages, "consumers": each.consumers} for each in depths],
        "messages": dict(backlog.messages),
        "legs": dict(backlog.legs),
        "outbox": backlog.outbox,
        "oldest_outbox_seconds": oldest,
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
    for title, key in (("Phong bì / messages", "messages"), ("Chặng / legs", "legs")):
        counts = found[key]
        shown = ", ".join(f"{state} {count}" for state, count in counts.items()) if isinstance(counts, dict) else ""
        console.print(f"{title}: {shown or '0'}")
    waiting = f", lâu nhất / oldest {found['oldest_outbox_seconds']} s" if found["outbox"] else ""
    console.print(f"Chờ gửi / outbox: {found['outbox']}{waiting}")
