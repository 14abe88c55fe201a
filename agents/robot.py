"""The robot agency: nobody reads there. It answers self-tests of the link by itself and refuses everything else.

It is an ordinary agent with this connector in place of a document system. What it has answered is cleared from its
spool after some days, for it has nobody's letters to keep (see `tidying`).
"""

import asyncio
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from agents.desk import Desk
from agents.errors import Unavailable, UsageFault
from agents.pacing import backoff, pause
from agents.spool.records import InboxItem
from agents.trail import trace_of_delivery
from edxml_schemas.statuses import StatusCode

LOOK: Final = 0.05  # seconds between two looks at the spool's change counter
BATCH: Final = 100
NOT_A_READER: Final = (
    "Đây là cơ quan robot, chỉ trả lời kiểm tra đường truyền; không ai đọc văn bản ở đây. Đề nghị gửi đúng nơi nhận. / "
    "This is a robot agency that answers tests of the link only; nobody reads documents here."
)


def answer_id(leg_id: str) -> str:
    """The submission id of the robot's answer to a leg: the same however often it is written."""
    return str(uuid5(NAMESPACE_URL, f"urn:vn:truc-lien-thong:robot:{leg_id}"))


class Robot:
    """Implements `agents.agent.Connector`."""

    def __init__(self, desk: Desk) -> None:
        """Raises UsageFault when an organ has no key: its answers would never leave."""
        keyless = [each.organ_id for each in desk.settings.organs if each.key is None]
        if keyless:
            names = ", ".join(keyless)
            raise UsageFault(
                f"Robot phải ký được câu trả lời: chưa có key, cert cho {names}.",
                f"A robot must sign its answers: {names} has no key and cert.",
            )
        self._desk = desk
        self._aside: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Faults of the spool are waited out."""
        seen: int | None = None
        failures = 0
        while not stop.is_set():
            try:
                changes = await asyncio.to_thread(self._desk.spool.changes)
                if changes != seen:
                    await asyncio.to_thread(self.answer)
                    seen = changes
                failures = 0
            except Unavailable as fault:
                self._desk.log.warning("robot.waiting", vi=fault.vi, en=fault.en)
                seen, failures = None, failures + 1
                await pause(stop, backoff(failures))
            await pause(stop, LOOK)

    def answer(self) -> int:
        """Answers every document that waits; how many. Raises SpoolUnavailable.

        One on which the robot itself fails is logged and set aside until the next start.
        """
        done = 0
        for item in self._desk.spool.documents(limit=BATCH + len(self._aside), self_tests=None):
            if item.leg_id in self._aside:
                continue
            try:
                self._answer(item)
                done += 1
            except Unavailable:
                raise
            except Exception:
                self._aside.add(item.leg_id)
                self._desk.log.exception("robot.set-aside", trace_id=trace_of_delivery(item), leg=item.leg_id)
        return done

    def _answer(self, item: InboxItem) -> None:
        test, log = item.self_test, self._desk.log.bind(trace_id=trace_of_delivery(item), leg=item.leg_id)
        said = self._desk.report(
            item.leg_id,
            StatusCode.RECEIVED if test else StatusCode.RECEPTION_REFUSED,
            reason="" if test else NOT_A_READER,
            submission_id=answer_id(item.leg_id),
        )
        if not isinstance(said, str):
            # Nobody can answer a document that cannot be read; looking again would change nothing.
            log.error("robot.not-answered", findings=[str(each) for each in said])
        self._desk.take(item.leg_id)  # only now: after a crash between the two the same answer is kept once
        log.info("robot.answered", sender=item.sender, self_test=test)
