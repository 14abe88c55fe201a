"""`truc leg`: one recipient's copy of a document, looked at and sent once more."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from edxml_schemas.visible import visible
from router.commands.acting import By, DryRun, Reason, actor_of, reason_of
from router.commands.opening import AsJson, ConfigPath, both, clock, console, opened_store, print_json, say, table
from router.commands.overdue import late_by
from router.commands.trace import TIMELINE, event_row
from router.core.state_words import LEG_STATE_TEXT, RECALL_TEXT
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from rich.console import Console

    from router.ports import Store
    from router.services.carriage.leg_stories import LegStory
    from router.services.carriage.resending import Wish

app = typer.Typer(
    no_args_is_help=True,
    help="Bản gửi của một văn bản đến một nơi nhận (chặng). / One document on its way to one recipient (a leg).",
)

Legs = Annotated[list[str] | None, typer.Argument(metavar="LEG…", help="Mã chặng. / Leg ids.")]
DocumentOption = Annotated[
    str,
    typer.Option(
        "--document",
        metavar="QUERY",
        help="Thay cho mã chặng: DocumentId, số/ký hiệu hoặc mã thông điệp. / Instead of ids: DocumentId, code or id.",
    ),
]
RecipientOption = Annotated[
    str, typer.Option("--recipient", metavar="CODE", help="Nơi nhận, cùng với --document. / With --document.")
]


@app.command("resend")
def resend(
    legs: Legs = None,
    *,
    document: DocumentOption = "",
    recipient: RecipientOption = "",
    reason: Reason = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Chuyển lại chặng đã dừng (parked), chỉ chặng đó / Send a parked leg once more, and that leg only.

    Chặng chưa dừng thì không đụng đến, và cho biết vì sao. Nơi nhận không bao giờ thấy văn bản hai lần. / A leg that
    is not parked is left alone, and why is said. The recipient never sees the document twice.

    Mã thoát / exit codes: 0 tất cả đã chuyển lại / all were sent · 1 có chặng không chuyển lại / some were not · 2 sai
    cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.parts import open_payloads, policy_of
    from router.services.carriage import resending
    from router.services.carriage.relay import Relay
    from router.settings import load_settings

    why, actor = reason_of(reason), actor_of(by)
    settings = load_settings(config)
    with opened_store(config) as store:
        ids = _ids(store, legs or [], document, recipient)
        relay = Relay(open_payloads(settings, writer="admin"), policy_of(settings))
        with store.begin() as tx:
            wishes = resending.resend(tx, relay, ids, actor=actor, reason=why, now=datetime.now(UTC), dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "legs": [_wish_dict(each) for each in wishes]})
    else:
        title = (
            "Sẽ chuyển lại (chưa làm gì) / would be sent (nothing done)" if dry_run else "Chuyển lại / sent once more"
        )
        headings = ("Mã chặng / leg", "Nơi nhận / recipient", "Kết quả / answer")
        console().print(table(title, headings, [_wish_row(each) for each in wishes]))
    if any(each.answer is not resending.Answer.RESENT for each in wishes):
        raise typer.Exit(ExitCode.NEGATIVE)


@app.command("show")
def show(
    legs: Legs = None,
    *,
    document: DocumentOption = "",
    recipient: RecipientOption = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Một chặng: ở đâu, quá hạn gì, đã thử những gì, diễn biến / One leg: where it is, what is overdue, its history.

    Mã thoát / exit codes: 0 có / found · 1 không có / not found · 2 sai cách dùng / usage · 3 sự cố hạ tầng /
    infrastructure.
    """
    from router.app.parts import policy_of
    from router.services.carriage.leg_stories import as_dict, stories_of
    from router.settings import load_settings

    clocks, now = policy_of(load_settings(config)).clocks, datetime.now(UTC)
    with opened_store(config) as store:
        found = stories_of(store, _ids(store, legs or [], document, recipient), clocks, now=now)
    if as_json:
        print_json([as_dict(each, now=now) for each in found])
    if not found:
        say("Không có chặng này.", "There is no such leg.")
        raise typer.Exit(ExitCode.NEGATIVE)
    if not as_json:
        for each in found:
            _show(console(), each, now=now)


def _ids(store: "Store", legs: Sequence[str], document: str, recipient: str) -> Sequence[str]:
    """The legs meant. Raises UsageProblem when that is not clear."""
    from router.services.carriage.resending import legs_to

    if bool(legs) == bool(document) or bool(document) != bool(recipient):
        raise UsageProblem(
            "Cần mã chặng, hoặc --document cùng với --recipient",
            "Give leg ids, or --document together with --recipient",
        )
    if legs:
        return legs
    found = legs_to(store, document, recipient)
    if len(found) == 1:
        return [found[0][1].id]
    if not found:
        raise UsageProblem(
            f"Không có văn bản “{document}” gửi đến {recipient}",
            f"No document “{document}” went to {recipient}",
            remedy_vi="xem: truc trace",
            remedy_en="look with: truc trace",
        )
    listed = "\n".join(f"  {leg.id}  {message.code}  {both(LEG_STATE_TEXT[leg.state])}" for message, leg in found)
    raise UsageProblem(
        f"“{document}” là {len(found)} văn bản đến {recipient}; hãy ghi mã chặng:\n{listed}",
        f"“{document}” means {len(found)} documents to {recipient}; name the leg by its id",
    )


def _show(out: "Console", told: "LegStory", *, now: datetime) -> None:
    from router.core.deadlines import DEADLINE_TEXT

    message, leg = told.message, told.row.leg
    rows = (
        ("Văn bản / document", f"{message.code or message.status_code} {visible(message.subject)}".strip()),
        ("Mã thông điệp / message", message.id),
        ("Từ / from", f"{message.sender} ({message.agent})"),
        ("Nơi nhận / recipient", f"{leg.recipient} ({leg.agent or '—'})"),
        ("Chuyển tiếp từ / forwarded from", leg.forwarded_from),
        ("Đang / state", both(LEG_STATE_TEXT[leg.state])),
        ("Tiếp nhận lúc / accepted", clock(leg.created_at)),
        ("Vào hộp thư lúc / handed over", clock(leg.handed_over_at)),
        ("Nơi nhận có lúc / delivered", clock(leg.delivered_at)),
        ("Trạng thái / status", f"{leg.status} {clock(leg.status_at)}".strip()),
        ("Thu hồi / recall", f"{both(RECALL_TEXT[leg.recall])} {clock(leg.recall_at)}".strip()),
        ("Lý do / reason", visible(leg.reason)),
    )
    out.print(table(f"Chặng / leg {leg.id}", ("", ""), [row for row in rows if row[1]]))
    if told.overdue:
        late = [
            (" / ".join(DEADLINE_TEXT[each.deadline]), clock(each.since), late_by(now - each.since))
            for each in told.overdue
        ]
        out.print(table("Quá hạn / overdue", ("Việc / what", "Từ lúc / since", "Đã quá / late by"), late))
    if told.attempts:
        tries = [(str(each.number), clock(each.at), visible(each.reason)) for each in told.attempts]
        out.print(table("Lần chuyển hỏng / failed attempts", ("Lần / no.", "Lúc / at", "Vì sao / why"), tries))
    events = [event_row(each, {leg.id: leg.recipient}) for each in told.events]
    out.print(table("Diễn biến / timeline", TIMELINE, events))


def _wish_dict(wish: "Wish") -> dict[str, object]:
    from router.services.carriage.resending import ANSWER_TEXT

    vi, en = ANSWER_TEXT[wish.answer]
    return {
        "leg_id": wish.leg_id,
        "recipient": wish.leg.recipient if wish.leg is not None else None,
        "answer": wish.answer.value,
        "text": {"vi": vi, "en": en},
    }


def _wish_row(wish: "Wish") -> Sequence[str]:
    from router.services.carriage.resending import ANSWER_TEXT

    return wish.leg_id, wish.leg.recipient if wish.leg is not None else "", both(ANSWER_TEXT[wish.answer])
