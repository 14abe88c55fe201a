"""A self-test of the link: a small signed document goes to a robot agency through the real hub, and its answer back.

It touches nobody: only a robot takes it (see `robot`), no list of people shows it, and it is cleared away later. One at
a time in each agent, and not in quick succession, whoever asks and in whatever process.
"""

import asyncio
import fcntl
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from agents.desk import Desk, Sent
from agents.errors import SpoolUnavailable, Unavailable, UsageFault
from agents.ports import Clock
from agents.selftest_report import (
    Hop,
    HopFault,
    HopReport,
    SelfTestReport,
    fault_in,
    hops_of,
    late,
    milliseconds,
    not_sent,
)
from agents.spool import is_running
from agents.spool.form import NAME_CHARS, NOTATION, NUMBER_DIGITS, SUBJECT
from agents.spool.selftests import SUBMISSION_PREFIX, withdraw
from edxml_schemas.drafts import draft_from_mapping
from edxml_schemas.traces import trace_id

__all__ = ["SelfTestBusy", "run_selftest"]

LONGEST: Final = 600.0
"""Seconds that anybody may wait for one."""
SPACING: Final = timedelta(seconds=5)
"""From the beginning of one self-test to the next."""
LOOK: Final = 0.05  # seconds between two looks at the spool's change counter
LOCK: Final = "selftest.lock"


class SelfTestBusy(Unavailable):
    """Another self-test of this agent runs, or has only just begun. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            f"Vừa có một lần tự kiểm tra khác; đề nghị thử lại sau {retry_after:.0f} giây.",
            f"Another self-test has only just begun; try again in {retry_after:.0f} s.",
        )
        self.retry_after = retry_after


def _silent(_: HopReport) -> None:
    """Nobody wants to be told."""


async def run_selftest(
    desk: Desk,
    *,
    to: str = "",
    sender: str = "",
    timeout: float = 30.0,  # noqa: ASYNC109  a verdict at the end of the time, not an exception
    clock: Clock | None = None,
    progress: Callable[[HopReport], None] = _silent,
) -> SelfTestReport:
    """Sends a self-test to the robot `to` (default: the setting `selftest_organ`) and follows it for `timeout` seconds.

    `sender` is one of the agent's organs, else the first that has a key. `progress` is called once for every hop that
    comes. The agent must be running, here or in another process; else the report says so. Raises SelfTestBusy,
    SpoolUnavailable, and UsageFault when nobody says whom to send to, or what is asked cannot be.
    """
    settings = desk.settings
    chosen = to or settings.selftest_organ
    if not chosen:
        raise UsageFault(
            "Chưa biết gửi cho cơ quan robot nào: ghi selftest_organ trong agent.toml, hoặc dùng --to.",
            "No robot agency is named: set selftest_organ in agent.toml, or use --to.",
        )
    if not 0 < timeout <= LONGEST:
        raise UsageFault(
            f"Thời gian chờ phải từ trên 0 đến {LONGEST:.0f} giây.", f"Wait for more than 0, at most {LONGEST:.0f} s."
        )
    if sender and settings.organ(sender) is None:
        raise UsageFault(f"Tác nhân này không gửi cho {sender}.", f"This agent does not speak for {sender}.")
    own = sender or next((each.organ_id for each in settings.organs if each.key), settings.organs[0].organ_id)
    used = clock or desk.clock
    test = _SelfTest(desk, sender=own, to=chosen, clock=used, progress=progress)
    with _turn(desk.spool.folder, now=used.now()):
        try:
            return await test.run(timeout)
        finally:
            # One that never left must not leave later.
            await asyncio.to_thread(withdraw, desk.spool, test.submission_id)


class _SelfTest:
    """One self-test under way."""

    def __init__(
        self, desk: Desk, *, sender: str, to: str, clock: Clock, progress: Callable[[HopReport], None]
    ) -> None:
        self._desk = desk
        self._sender = sender
        self._to = to
        self._clock = clock
        self._progress = progress
        self._started_at = clock.now()
        self._begun = asyncio.get_running_loop().time()
        self._document_id = ""
        self._told: set[Hop] = set()
        self.submission_id = f"{SUBMISSION_PREFIX}{uuid4()}"

    async def run(self, timeout: float) -> SelfTestReport:  # noqa: ASYNC109  as above
        fault = await asyncio.to_thread(self._send)
        if fault is not None:
            return self._report((), fault)
        if not await asyncio.to_thread(is_running, self._desk.spool.folder):
            here = HopReport(hop=Hop.SPOOLED, ms=milliseconds(self._started_at, self._clock.now()))
            self._tell((here,))
            return self._report((here,), _NOT_RUNNING)
        return await self._follow(timeout)

    def _send(self) -> HopFault | None:
        code = {"code_number": secrets.token_hex(NUMBER_DIGITS // 2), "code_notation": NOTATION}
        organ = self._desk.settings.organ(self._sender)
        draft = draft_from_mapping(
            {
                "from": {"organ_id": self._sender, "organ_name": organ.name[:NAME_CHARS] if organ else ""},
                "to": [{"organ_id": self._to}],
                "code": code,
                "subject": SUBJECT,
            },
            now=self._clock.now(),
            source="selftest",
        )
        if isinstance(draft, tuple):
            return not_sent(draft)
        try:
            sent = self._desk.send(draft, submission_id=self.submission_id)
        except UsageFault as fault:  # a key file that cannot be used
            return HopFault(hop=Hop.SPOOLED, vi=fault.vi, en=fault.en)
        if not isinstance(sent, str):
            return not_sent(sent)
        kept = self._desk.spool.submission(sent)
        self._document_id = kept.document_id if kept is not None else ""
        return None

    async def _follow(self, timeout: float) -> SelfTestReport:  # noqa: ASYNC109  as above
        seen: int | None = None
        came: tuple[HopReport, ...] = ()
        while True:
            over = self._over(timeout)
            changes = await asyncio.to_thread(self._desk.spool.changes)
            if changes != seen or over:
                seen = changes
                sent = await asyncio.to_thread(self._look)
                came = hops_of(sent, started_at=self._started_at)
                self._tell(came)
                missing = late(sent, came, timeout=timeout)
                fault = fault_in(sent) or (missing if over else None)
                if fault is not None or missing is None:
                    return self._report(came, fault)
            await asyncio.sleep(LOOK)

    def _over(self, timeout: float) -> bool:
        """By the clock; by the machine's own seconds, too, because a clock may be set back."""
        passed = (self._clock.now() - self._started_at).total_seconds()
        return max(passed, asyncio.get_running_loop().time() - self._begun) >= timeout

    def _look(self) -> Sent:
        """Raises SpoolUnavailable when somebody has taken the submission out of the spool."""
        submission = self._desk.spool.submission(self.submission_id)
        if submission is None:
            raise SpoolUnavailable(f"no submission {self.submission_id}")
        return self._desk.told(submission)

    def _tell(self, came: tuple[HopReport, ...]) -> None:
        for each in came:
            if each.hop not in self._told:
                self._told.add(each.hop)
                self._progress(each)

    def _report(self, came: tuple[HopReport, ...], fault: HopFault | None) -> SelfTestReport:
        report = SelfTestReport(
            submission_id=self.submission_id,
            document_id=self._document_id,
            sender=self._sender,
            to=self._to,
            started_at=self._started_at,
            took=asyncio.get_running_loop().time() - self._begun,
            hops=came,
            fault=fault,
        )
        self._desk.log.info(
            "selftest",
            trace_id=trace_id(self._sender, self._document_id),
            submission=self.submission_id,
            to=self._to,
            ok=report.ok,
            hop=fault.hop.value if fault else "",
        )
        return report


_NOT_RUNNING: Final = HopFault(
    hop=Hop.PUBLISHED,
    vi="Tác nhân này chưa chạy, nên không gì được gửi lên trục.",
    en="This agent does not run, so that nothing is sent to the hub.",
)


@contextmanager
def _turn(folder: Path, *, now: datetime) -> Iterator[None]:
    """Holds the agent's only place for a self-test. Raises SelfTestBusy, and SpoolUnavailable for a disk at fault."""
    try:
        file = (folder / LOCK).open("a+")
    except OSError as error:
        raise SpoolUnavailable(str(error)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SelfTestBusy(SPACING.total_seconds()) from None
        _space(file, now=now)
        yield


def _space(file: IO[str], *, now: datetime) -> None:
    """Writes down when this one begins, unless the one before began too short a time ago."""
    file.seek(0)
    try:
        before = datetime.fromisoformat(file.read(64))
    except ValueError:
        before = None
    # A beginning in the future is of a clock that was wrong, and stops nobody.
    if before is not None and before.tzinfo is not None and timedelta() <= now - before < SPACING:
        raise SelfTestBusy(max(1.0, (SPACING - (now - before)).total_seconds()))
    file.truncate(0)
    file.write(now.isoformat())
    file.flush()
