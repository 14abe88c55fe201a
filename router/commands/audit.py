"""`truc audit`: who did what, when and why."""

from typing import Annotated

import typer

from router.commands.acting import moment_of
from router.commands.opening import AsJson, ConfigPath, clock, console, print_json, table
from router.errors import UsageProblem


def audit(
    *,
    actor: Annotated[str, typer.Option("--by", metavar="NAME", help="Ai. / Whose deeds.")] = "",
    subject: Annotated[
        str, typer.Option("--subject", help="Việc gì: user, session, leg, hold, registry… / What they are about.")
    ] = "",
    since: Annotated[str, typer.Option("--since", metavar="MOMENT", help="Từ khi nào. / From when.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="MOMENT", help="Đến khi nào. / Until when.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Số dòng. / Rows.")] = 50,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Nhật ký quản trị: ai làm gì, lúc nào, vì sao / Who did what, when and why; the newest first.

    Mã thoát / exit codes: 0 tốt / good · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.console import console_engine, open_audit, open_memories
    from router.app.parts import open_store
    from router.core.audit import DeedQuestion
    from router.services.audit import deed_as_dict, subjects
    from router.settings import load_settings

    if subject and subject not in subjects():
        known = ", ".join(subjects())
        raise UsageProblem(f"--subject là một trong: {known}", f"--subject is one of: {known}")
    question = DeedQuestion(
        actor=actor.strip(),
        subject=subject,
        since=moment_of(since, option="--since"),
        until=moment_of(until, option="--until", end_of_day=True),
    )
    settings = load_settings(config)
    store, engine = open_store(settings), console_engine(settings)
    try:
        deeds = open_audit(open_memories(store, engine)).page(question, limit=limit).deeds
    finally:
        engine.dispose()
        store.close()
    if as_json:
        print_json([deed_as_dict(each) for each in deeds])
        return
    headings = ("Lúc / when", "Ai / who", "Việc / what", "Chi tiết / details", "Lý do / why")
    rows = []
    for each in deeds:
        told = deed_as_dict(each)
        details = [f"{key}: {value}" for key, value in told["facts"].items()]
        details += [told["message_id"]] if told["message_id"] else []
        rows.append((clock(each.event.at), told["by"], told["text"]["vi"], "\n".join(details), told["reason"]))
    console().print(table(f"{len(rows)} việc / deeds", headings, rows))
