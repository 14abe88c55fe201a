"""What the demo shows and checks at the end: the matrix, the refusals, and that every byte is the sender's."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from agents.replay.outcome import PlayReport, StepReport
from edxml_schemas import catalogue
from edxml_schemas.statuses import STATUS_TEXT, StatusCode
from router.core.records import LegState, MessageState, RecallState
from router.ports import Store
from router.services.tracing import LegTrace, Trace, trace
from tests.demo import receipts
from tests.demo.country import AGENTS, BODIES, Papers

RECALL_TEXT: Final[Mapping[RecallState, str]] = {
    RecallState.REQUESTED: "chờ trả lời thay đổi",
    RecallState.ACCEPTED: "15 đồng ý",
    RecallState.REFUSED: "16 không đồng ý",
}


@dataclass(frozen=True, slots=True)
class Played:
    """A step of the set beside what the hub remembers of it; None when the hub never saw it."""

    step: StepReport
    traced: Trace | None


def remembered(report: PlayReport, store: Store) -> tuple[Played, ...]:
    """Every step with the hub's own record of its submission."""
    played = []
    for step in report.steps:
        found = trace(store, step.outcome.submission_id) if step.outcome.submission_id else ()
        mine = [each for each in found if each.message.submission_id == step.outcome.submission_id]
        played.append(Played(step, mine[0] if mine else None))
    return tuple(played)


def show_matrix(played: Sequence[Played], console: Console) -> None:
    """Documents × recipients."""
    table = Table(title="Văn bản × nơi nhận · documents × recipients", title_justify="left")
    table.add_column("Văn bản · document", min_width=24)
    for body in BODIES:
        table.add_column(body.name, justify="center", overflow="fold")
    for each in played:
        if each.traced is None or not _is_document(each.traced):
            continue
        row = {leg.leg.recipient: _cell(leg) for leg in each.traced.legs}
        table.add_row(each.step.step.title, *(row.get(body.organ_id, "·") for body in BODIES))
    console.print(table)


def _is_document(traced: Trace) -> bool:
    message = traced.message
    return message.state is MessageState.ACCEPTED and not message.status_code and not message.duplicate_of


def _cell(row: LegTrace) -> str:
    leg = row.leg
    lines = [_status_text(leg.status) if leg.status else leg.state.value]
    if leg.recall in RECALL_TEXT:
        lines.append(RECALL_TEXT[leg.recall])
    return "\n".join(lines)


def _status_text(code: str) -> str:
    return f"{code} {STATUS_TEXT[StatusCode(code)][0].lower()}"


def show_refusals(played: Sequence[Played], console: Console) -> None:
    """What was refused and why, in Vietnamese, with the remedy."""
    table = Table(title="Bị từ chối · refused", title_justify="left", show_lines=True)
    for column in ("Văn bản · document", "Vì sao · why", "Sửa thế nào · remedy"):
        table.add_column(column, overflow="fold")
    for each in played:
        if each.traced is None or each.traced.message.state is not MessageState.REFUSED:
            continue
        told = [catalogue.explain(finding) for finding in catalogue.errors(each.traced.message.findings)]
        table.add_row(
            each.step.step.title,
            "\n".join(f"[{one.code}] {_where(one.line)}{one.message_vi}".replace("[", r"\[", 1) for one in told),
            "\n".join(one.remedy_vi for one in told),
        )
    console.print(table)


def _where(line: int | None) -> str:
    return f"dòng {line}: " if line else ""


def faults(report: PlayReport, played: Sequence[Played], papers: Papers) -> Iterator[str]:
    """Everything that is not as it must be; nothing when the demo has succeeded."""
    for step in report.steps:
        for difference in step.differences:
            yield f"{step.step.id}: {difference.what}: cần {difference.expected}, thấy {difference.found}"
    for each in played:
        if each.traced is None:
            yield f"{each.step.step.id}: trục không có hồ sơ · the hub has no record"
            continue
        for row in each.traced.legs:
            if row.leg.state is not LegState.DELIVERED:
                yield f"{each.step.step.id}: {row.leg.recipient}: {row.leg.state.value}"
    yield from _altered(played, papers)
    yield from receipts.missing([each.traced for each in played if each.traced is not None], papers)
    yield from receipts.verified(papers)[1]


def _altered(played: Sequence[Played], papers: Papers) -> Iterator[str]:
    """Envelopes in the agents' folders whose SHA-256 is not that of what was sent; and ones that are missing."""
    wanted = {
        each.traced.message.digest: len(each.traced.legs)
        for each in played
        if each.traced is not None and _is_document(each.traced)
    }
    found: dict[str, int] = {}
    for envelope in delivered_envelopes(papers):
        digest = hashlib.sha256(envelope.read_bytes()).hexdigest()
        found[digest] = found.get(digest, 0) + 1
        if digest not in wanted:
            yield f"{envelope}: không phải byte đã gửi · not the bytes that were sent"
    for digest, recipients in wanted.items():
        if found.get(digest, 0) != recipients:
            yield f"{digest[:16]}…: {found.get(digest, 0)}/{recipients} bản · copies"


def delivered_envelopes(papers: Papers) -> Iterator[Path]:
    """What the folder connectors wrote down for the document systems."""
    for name in AGENTS:
        yield from (papers.agent(name) / "folder" / "inbox").glob("*/*/envelope.edxml")
