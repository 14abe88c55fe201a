"""`truc-agent selftest`."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from agents.commands.shared import CONFIG, AsJson, Config, Exit, Verbose, desk_of, print_json, say

if TYPE_CHECKING:
    from agents.selftest_report import HopReport, SelfTestReport


def selftest(
    *,
    config: Config = CONFIG,
    to: Annotated[
        str,
        typer.Option(
            metavar="ROBOT",
            help="Cơ quan robot nhận; mặc định là selftest_organ trong agent.toml. / "
            "The robot agency; selftest_organ in agent.toml by default.",
        ),
    ] = "",
    sender: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="ORGAN",
            help="Cơ quan gửi; mặc định là cơ quan đầu tiên có khóa. / The sending organ; the first with a key.",
        ),
    ] = "",
    timeout: Annotated[float, typer.Option("--timeout", help="Chờ tối đa (giây). / Longest wait in seconds.")] = 30.0,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Tự kiểm tra đường truyền qua trục thật / Test the link through the real hub.

    Gửi một văn bản nhỏ có chữ ký tới cơ quan robot, không chạm tới ai, và báo thời gian từng chặng cho đến khi trạng
    thái 03 về. Tác nhân phải đang chạy. Sends a small signed document to a robot agency, touching nobody, and tells
    the time of every hop until status 03 is back. The agent must be running.

    Ví dụ / example:  truc-agent selftest --to 000.00.00.G99 --timeout 30

    Mã thoát / exit codes: 0 thông suốt / all hops came · 1 có chặng không tới, nói rõ chặng nào và xem ở đâu / a hop
    did not come: which, and what to look at · 2 sai cách dùng / usage · 3 sự cố, hoặc vừa tự kiểm tra xong /
    infrastructure, or another self-test has only just begun.
    """
    from agents.selftest import run_selftest
    from agents.selftest_report import report_as_dict

    with desk_of(config) as desk:
        report = asyncio.run(
            run_selftest(desk, to=to, sender=sender, timeout=timeout, progress=_silent if as_json else _tell_hop)
        )
    if as_json:
        print_json(report_as_dict(report))
    else:
        _tell_end(report)
    if not report.ok:
        raise typer.Exit(Exit.NEGATIVE)


def _silent(_: "HopReport") -> None:
    """The JSON at the end says it all."""


def _tell_hop(came: "HopReport") -> None:
    from agents.selftest_report import HOP_TEXT

    vi, en = HOP_TEXT[came.hop]
    more = f" ({came.vi} / {came.en})" if came.vi else ""
    typer.echo(f"✓ {came.ms:>9.1f} ms  {vi} / {en}{more}")


def _tell_end(report: "SelfTestReport") -> None:
    from agents.selftest_report import HOP_TEXT

    if report.fault is None:
        say(f"Thông suốt tới {report.to}.", f"The link to {report.to} is good.")
        return
    vi, en = HOP_TEXT[report.fault.hop]
    typer.echo(f"✗ {'—':>9}     {vi} / {en}")
    say(f"✗ {report.fault.vi}", f"  {report.fault.en}")
    look_vi, look_en = report.fault.look
    say(f"  → {look_vi}", f"  → {look_en}")
