"""`truc dead`: what the broker gave up on, and what becomes of it."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.commands.acting import By, DryRun, Reason, actor_of, reason_of
from router.commands.dead_views import STATE_TEXT, print_explanation, print_list, rows_of
from router.commands.opening import AsJson, ConfigPath, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.core.dead import DeadLetter, DeadState
    from router.ports import Store
    from router.services.dead.dead_care import Decided

app = typer.Typer(
    no_args_is_help=True,
    help="Thông điệp không xử lý được: xem, giải thích, trả lại, bỏ. / Dead letters: look, explain, return, discard.",
)

STATES: Final = ("open", "returning", "returned", "discarded", "all")
SHOWN: Final = 20  # letters of a selection that are listed before asking
RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(?:/([sm]))?")

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="Mã, hoặc phần đầu của mã. / Ids or their beginnings.")
]
One = Annotated[str, typer.Argument(metavar="ID", help="Mã, hoặc phần đầu của mã. / The id or its beginning.")]
Query = Annotated[
    str | None,
    typer.Option(
        "--query",
        metavar="QUERY",
        help="Thay cho mã: một phần của mã, phần mềm, hàng đợi, lý do, mã lần gửi; trống là tất cả. / Instead of ids: "
        "part of an id, agent, queue, reason or submission id; empty means all.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Không hỏi lại. / Do not ask.")]
State = Annotated[str, typer.Option("--state", help=f"{' | '.join(STATES)}.")]


@app.command("list")
def list_letters(
    query: Annotated[
        str, typer.Argument(metavar="[QUERY]", help="Như --query của return. / As --query of return.")
    ] = "",
    *,
    state: State = "open",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Nhiều nhất. / At most so many.")] = 100,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Liệt kê, mới nhất trước / List them, newest first.

    Mã thoát / exit codes: 0 (kể cả khi không có / also when there is none) · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.services.dead.dead_care import as_dict

    with opened_store(config) as store:
        found = store.find_dead(query, state=_state(state), limit=limit)
    if as_json:
        print_json([as_dict(each) for each in found])
    elif found:
        print_list(found)
    else:
        say("Không có thông điệp nào.", "There is none.")


@app.command("show")
def show(
    letter: One,
    *,
    save: Annotated[
        Path | None, typer.Option("--bytes", metavar="FILE", help="Ghi nguyên văn ra tệp. / Write the original bytes.")
    ] = None,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Một thông điệp: chết ở đâu, vì sao, mấy lần, của ai; nguyên văn với --bytes / One of them, and its bytes.

    Ai lấy nguyên văn thì được ghi vào nhật ký. / Who takes the bytes stands in the log.

    Mã thoát / exit codes: 0 có / found · 1 không có / not found · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.app.parts import open_payloads
    from router.services.dead.dead_care import as_dict, opened
    from router.settings import load_settings

    with opened_store(config) as store:
        found = _one(store, letter)
        if save is not None and not found.payload:
            raise UsageProblem("Bí mật nhà nước: trục không lưu nội dung", "A state secret: the hub kept no byte of it")
        if save is not None:
            opened(store, found, actor=actor_of(by), now=datetime.now(UTC))
    if save is not None:
        payloads = open_payloads(load_settings(config), writer="admin")
        try:
            save.write_bytes(payloads.read(found.payload))
        finally:
            payloads.close()
        say(f"Đã ghi {found.size} byte vào {save}.", f"{found.size} bytes written to {save}.")
    if as_json:
        print_json(as_dict(found))
    else:
        console().print(table(f"Thông điệp {found.id}", ("", ""), rows_of(found)))


@app.command("explain")
def explain(letter: One, *, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Vì sao chết và bây giờ trả lại thì sao; không ghi gì / Why it died and what a return would do; writes nothing.

    Mã thoát / exit codes: 0 sẽ xử lý được / it would be settled · 1 vẫn lỗi hoặc không có / it would not · 2 sai cách
    dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.parts import open_payloads, open_trust, policy_of
    from router.services.dead import dead_care
    from router.services.verdicts.ingest import Ingest
    from router.settings import load_settings

    settings = load_settings(config)
    payloads = open_payloads(settings, writer="admin")
    try:
        with opened_store(config) as store:
            ingest = Ingest(payloads, open_trust(settings), policy_of(settings))
            found = dead_care.explain(store, ingest, payloads, _one(store, letter), now=datetime.now(UTC))
    finally:
        payloads.close()
    print_explanation(found, as_json=as_json)
    if found.outcome in {"crashes", "unreadable", "no-bytes"}:
        raise typer.Exit(ExitCode.NEGATIVE)


@app.command("return")
def give_back(
    letters: Ids = None,
    *,
    query: Query = None,
    reason: Reason = "",
    by: By = "",
    rate: Annotated[
        str, typer.Option("--rate", metavar="N/s", help="Nhịp trả lại, như 10/s hoặc 30/m. / How fast.")
    ] = "10/s",
    dry_run: DryRun = False,
    yes: Yes = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Trả lại để xử lý lại / Send them back to be handled once more.

    Trả lại hai lần chỉ xử lý một lần. / Returned twice, it is handled once.

    Mã thoát / exit codes: 0 tất cả đã trả lại / all were returned · 1 có cái không / some were not · 2 sai cách dùng /
    usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.services.dead import dead_care

    why, actor, per_second = reason_of(reason), actor_of(by), _rate(rate)
    with opened_store(config) as store:
        chosen, unclear = _choose(store, letters, query, what="trả lại / return", dry_run=dry_run, yes=yes)
        decided: Sequence[Decided] = ()
        if not dry_run:
            ids = [each.id for each in chosen]
            now = datetime.now(UTC)
            decided = dead_care.give_back(store, ids, actor=actor, reason=why, now=now, per_second=per_second)
    _tell(chosen, decided, unclear, dry_run=dry_run, as_json=as_json)


@app.command("discard")
def discard(
    letters: Ids = None,
    *,
    query: Query = None,
    reason: Reason = "",
    by: By = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Bỏ, không xử lý nữa; nguyên văn vẫn được giữ / Put them aside for good; the bytes stay as evidence.

    Mã thoát / exit codes: 0 tất cả đã bỏ / all were discarded · 1 có cái không / some were not · 2 sai cách dùng /
    usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.services.dead import dead_care

    why, actor = reason_of(reason), actor_of(by)
    with opened_store(config) as store:
        chosen, unclear = _choose(store, letters, query, what="bỏ / discard", dry_run=dry_run, yes=yes)
        decided: Sequence[Decided] = ()
        if not dry_run:
            ids = [each.id for each in chosen]
            decided = dead_care.discard(store, ids, actor=actor, reason=why, now=datetime.now(UTC))
    _tell(chosen, decided, unclear, dry_run=dry_run, as_json=as_json)


# ── Below ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _choose(
    store: "Store", ids: list[str] | None, query: str | None, *, what: str, dry_run: bool, yes: bool
) -> "tuple[Sequence[DeadLetter], Sequence[str]]":
    """The letters meant. What a query selects is shown, and asked about unless --yes or --dry-run."""
    from router.core.dead import DeadState
    from router.services.dead.dead_care import select

    if bool(ids) == (query is not None):
        raise UsageProblem("Cần mã, hoặc --query", "Give ids, or --query")
    chosen, unclear = select(store, ids or [], query, state=DeadState.OPEN)
    if query is not None and chosen and not (yes or dry_run):
        print_list(chosen[:SHOWN], errors=True)
        if len(chosen) > SHOWN:
            say(f"… và {len(chosen) - SHOWN} thông điệp nữa / and {len(chosen) - SHOWN} more")
        if not sys.stdin.isatty():
            raise UsageProblem(
                f"--query chọn {len(chosen)} thông điệp; thêm --yes để làm",
                f"--query selects {len(chosen)} letters; add --yes to go on",
            )
        if not typer.confirm(f"{what}: {len(chosen)}?", err=True):
            raise typer.Exit(ExitCode.NEGATIVE)
    return chosen, unclear


def _tell(
    chosen: "Sequence[DeadLetter]",
    decided: "Sequence[Decided]",
    unclear: Sequence[str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    rows = [(each.letter, each.done) for each in decided] if not dry_run else [(each, False) for each in chosen]
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "letters": [{"id": each.id, "state": each.state.value, "done": done} for each, done in rows],
                "unclear": list(unclear),
            }
        )
    elif rows:
        title = "Sẽ làm (chưa làm gì) / would be done (nothing done)" if dry_run else "Kết quả / what was done"
        headings = ("Mã / id", "Trạng thái / state", "Vừa làm / done now")
        shown = [(each.id, STATE_TEXT[each.state.value], "✓" if done else "–") for each, done in rows]
        console().print(table(title, headings, shown))
    for each in unclear:
        say(f"“{each}” không chỉ đúng một thông điệp.", f"“{each}” names no letter, or several.")
    if unclear or (not dry_run and not all(done for _, done in rows)):
        raise typer.Exit(ExitCode.NEGATIVE)


def _one(store: "Store", letter: str) -> "DeadLetter":
    from router.services.dead.dead_care import select

    found, _ = select(store, [letter], None)
    if not found:
        say(f"“{letter}” không chỉ đúng một thông điệp.", f"“{letter}” names no letter, or several.")
        raise typer.Exit(ExitCode.NEGATIVE)
    return found[0]


def _state(text: str) -> "DeadState | None":
    from router.core.dead import DeadState

    if text not in STATES:
        raise UsageProblem(f"--state là một trong: {', '.join(STATES)}", f"--state is one of: {', '.join(STATES)}")
    return None if text == "all" else DeadState(text)


def _rate(text: str) -> float:
    """Letters per second."""
    found = RATE.fullmatch(text.strip())
    number = float(found.group(1)) if found is not None else 0.0
    if found is None or number <= 0:
        raise UsageProblem("--rate viết như 10/s hoặc 30/m", "--rate is written like 10/s or 30/m")
    return number / 60 if found.group(2) == "m" else number
