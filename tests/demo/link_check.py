"""The last thing in the demo: the government office tests its link to the robot agency, through the real hub."""

import asyncio
from typing import Final

from rich.console import Console

from agents.desk import Desk
from agents.selftest import run_selftest
from agents.selftest_report import HOP_TEXT, HopReport
from agents.settings import load_settings
from agents.spool import Spool
from tests.demo.country import ROBOT, Papers

TESTER: Final = "van-phong"
PATIENCE: Final = 60.0  # seconds


def check_the_link(papers: Papers, console: Console) -> bool:
    """Shows every hop with its time; whether all came."""

    def tell(came: HopReport) -> None:
        console.print(f"  {came.ms:>8.1f} ms  {' · '.join(HOP_TEXT[came.hop])}", markup=False, highlight=False)

    console.print(f"• tự kiểm tra đường truyền tới {ROBOT.name} · self-test of the link")
    settings = load_settings(papers.agent_settings(TESTER))
    with Spool.open(settings.spool) as spool:
        report = asyncio.run(run_selftest(Desk(settings, spool), timeout=PATIENCE, progress=tell))
    if report.fault is None:
        console.print("[green]✓ đường truyền thông suốt · the link is good")
        return True
    look_vi, look_en = report.fault.look
    console.print(f"✗ {report.fault.vi} · {report.fault.en}", style="red", markup=False)
    console.print(f"  → {look_vi} · {look_en}", style="red", markup=False)
    return False
