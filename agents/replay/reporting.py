"""A replay's report for people (a table, Vietnamese first), for machines (JSON) and for test tools (JUnit XML)."""

from pathlib import Path

from lxml import etree
from rich.console import Console
from rich.table import Table

from agents.replay.message_set import Verdict
from agents.replay.outcome import PlayReport, StepReport
from agents.spool.bodies import write_durably

VERDICT_TEXT = {
    Verdict.ACCEPTED.value: "tiếp nhận / accepted",
    Verdict.REFUSED.value: "từ chối / refused",
    Verdict.DUPLICATE.value: "trùng / duplicate",
    "": "không có trả lời / no answer",
}


def print_report(report: PlayReport, console: Console) -> None:
    """One row per step: what was expected to happen, what happened, and whether that is as it must be."""
    table = Table(title=f"{report.title} (run {report.run})")
    for column in ("Bước / step", "Kết quả / verdict", "Mã / codes", "Nơi nhận / legs", "Trạng thái / statuses", ""):
        table.add_column(column, overflow="fold")
    for step in report.steps:
        outcome = step.outcome
        verdict = VERDICT_TEXT[outcome.verdict] + (" (tại tác nhân / by the agent)" if outcome.local else "")
        table.add_row(
            step.step.title or step.step.id,
            verdict,
            "\n".join(outcome.codes),
            "\n".join(f"{alias}: {leg.value}" for alias, leg in outcome.legs.items()),
            "\n".join(f"{alias}: {' '.join(said)}" for alias, said in outcome.statuses.items()),
            "[green]✓[/green]" if step.ok else "[red]✗[/red]",
        )
    console.print(table)
    for step in report.steps:
        for each in step.differences:
            console.print(
                f"✗ {step.step.id}: {each.what}: cần {each.expected}, thấy {each.found}"
                f" / expected {each.expected}, found {each.found}",
                style="red",
                markup=False,
            )
    good = sum(step.ok for step in report.steps)
    console.print(
        f"{good}/{len(report.steps)} bước đúng như mong đợi, {report.seconds:.1f} giây"
        f" / steps as expected, {report.seconds:.1f} s",
        markup=False,
    )


def report_as_dict(report: PlayReport) -> dict[str, object]:
    """The report as JSON."""
    return {
        "title": report.title,
        "run": report.run,
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "steps": [_step(step) for step in report.steps],
    }


def _step(step: StepReport) -> dict[str, object]:
    outcome = step.outcome
    return {
        "id": step.step.id,
        "title": step.step.title,
        "ok": step.ok,
        "seconds": round(step.seconds, 3),
        "submission_id": outcome.submission_id,
        "document_id": outcome.document_id,
        "digest": outcome.digest,
        "verdict": outcome.verdict,
        "local": outcome.local,
        "codes": list(outcome.codes),
        "legs": {alias: leg.value for alias, leg in outcome.legs.items()},
        "statuses": {alias: list(said) for alias, said in outcome.statuses.items()},
        "differences": [
            {"what": each.what, "expected": each.expected, "found": each.found} for each in step.differences
        ],
    }


def write_junit(report: PlayReport, path: Path) -> None:
    """JUnit XML: one test case per step. Raises OSError."""
    failed = sum(not step.ok for step in report.steps)
    suite = etree.Element(
        "testsuite",
        name=report.title,
        tests=str(len(report.steps)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time=f"{report.seconds:.3f}",
    )
    for step in report.steps:
        case = etree.SubElement(
            suite, "testcase", classname=report.title, name=step.step.id, time=f"{step.seconds:.3f}"
        )
        if not step.ok:
            texts = [f"{each.what}: expected {each.expected}, found {each.found}" for each in step.differences]
            etree.SubElement(case, "failure", message="; ".join(texts)).text = "\n".join(texts)
        etree.SubElement(case, "system-out").text = f"{step.outcome.submission_id} {step.outcome.document_id}".strip()
    root = etree.Element("testsuites")
    root.append(suite)
    write_durably(path, etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))
