"""Plays a message set through running agents.

Every step waits for what it needs (the steps named in `after`, `about` and in its text), submits through the spool of
its agent, and waits until the hub has answered and the recipients have what the set says. Steps that need nothing of
each other run at once. Statuses are compared last, when every step has had its say.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.desk import Desk, SystemClock
from agents.errors import UsageFault
from agents.packaging import Refusal
from agents.replay.message_set import Kind, MessageSet, Step, Verdict
from agents.replay.observing import Observer
from agents.replay.outcome import Outcome, PlayReport, StepReport, differences
from agents.replay.rendering import Rendered, Renderer
from edxml_schemas.contract import MessageType
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.statuses import StatusCode

LOOK: Final = 0.05  # seconds between two looks into the spools
TIMEOUT: Final = 30.0  # seconds one step may take

Progress = Callable[[Step, Outcome], None]


def fresh_run(now: datetime) -> str:
    """Digits that no other replay has: the second, and two by chance."""
    return f"{int(now.timestamp()) % 10**8:08d}{secrets.randbelow(100):02d}"


async def play(
    message_set: MessageSet,
    desks: Mapping[str, Desk],
    *,
    credentials: Path | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109  the limit of each wait, part of what a set means
    run: str | None = None,
    progress: Progress | None = None,
) -> PlayReport:
    """Plays the set. `desks` are the agents' desks by name; somebody else runs those agents.

    `timeout` (seconds) bounds the wait for each step's answer and legs, and once more the wait for all statuses.
    Raises UsageFault for a set that cannot be played (an unknown agent, a faulty draft); nothing was sent then.
    """
    player = _Player(message_set, desks, credentials=credentials, timeout=timeout, run=run, progress=progress)
    return await player.play()


class _Player:
    def __init__(
        self,
        message_set: MessageSet,
        desks: Mapping[str, Desk],
        *,
        credentials: Path | None,
        timeout: float,
        run: str | None,
        progress: Progress | None,
    ) -> None:
        now = SystemClock().now()
        self._set = message_set
        self._desks = desks
        self._timeout = timeout
        self._progress = progress
        self._run = run or fresh_run(now)
        self._observer = Observer(message_set, desks)
        self._renderer = Renderer(message_set, desks, run=self._run, now=now, credentials=credentials)
        self._rendered: dict[str, Rendered] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._seconds: dict[str, float] = {}
        self._settled = {step.id: asyncio.Event() for step in message_set.step}

    async def play(self) -> PlayReport:
        begun = time.monotonic()
        self._check_agents()
        for step in self._set.step:
            self._rendered[step.id] = await asyncio.to_thread(self._renderer.render, step)
        async with asyncio.TaskGroup() as tasks:
            for step in self._set.step:
                tasks.create_task(self._play_step(step))
        await self._wait_for_statuses()
        return PlayReport(
            title=self._set.title,
            run=self._run,
            steps=tuple(
                StepReport(
                    step=step,
                    outcome=self._outcomes[step.id],
                    differences=differences(step, self._outcomes[step.id]),
                    seconds=self._seconds[step.id],
                )
                for step in self._set.step
            ),
            seconds=time.monotonic() - begun,
        )

    def _check_agents(self) -> None:
        wanted = {self._set.who[step.via or step.who].agent for step in self._set.step}
        if missing := sorted(wanted - set(self._desks)):
            names = ", ".join(missing)
            raise UsageFault(f"Thiếu cấu hình của tác nhân: {names}.", f"No settings of the agents: {names}.")

    async def _play_step(self, step: Step) -> None:
        try:
            for needed in {*step.after, step.about, *self._renderer.implied[step.id]} - {""}:
                await self._settled[needed].wait()
            begun = time.monotonic()
            outcome = await self._submit(step)
            if outcome.submission_id:
                outcome = await self._settle(step, outcome)
            self._outcomes[step.id] = outcome
            self._seconds[step.id] = time.monotonic() - begun
        finally:
            self._outcomes.setdefault(step.id, Outcome())
            self._seconds.setdefault(step.id, 0.0)
            self._settled[step.id].set()
        if self._progress is not None:
            self._progress(step, outcome)

    # ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _desk(self, step: Step) -> Desk:
        return self._desks[self._set.who[step.via or step.who].agent]

    async def _submit(self, step: Step) -> Outcome:
        rendered = self._rendered[step.id]
        submission_id = str(uuid4())
        desk = self._desk(step)
        if step.kind is Kind.STATUS:
            result = await self._report(step, desk, submission_id)
        elif step.kind is Kind.RECALL:
            about = self._outcomes[step.about]
            recipient = self._set.who[step.to[0]].organ_id
            result = await asyncio.to_thread(
                desk.recall, about.submission_id, recipient, reason=step.reason, submission_id=submission_id
            )
        elif step.through_raw:
            result = await asyncio.to_thread(self._send_raw, step, desk, rendered, submission_id)
        else:
            content = rendered.content if rendered.content is not None else rendered.envelope
            result = (
                await asyncio.to_thread(desk.send, content, submission_id=submission_id) if content is not None else ()
            )
        if not isinstance(result, str):
            return Outcome(
                document_id=rendered.document_id,
                verdict=Verdict.REFUSED.value if result else "",
                local=True,
                codes=_codes(result),
            )
        submission = await asyncio.to_thread(desk.spool.submission, result)
        if submission is not None:
            self._observer.sent.add(submission.digest)
        return Outcome(
            submission_id=result,
            document_id=rendered.document_id,
            digest=submission.digest if submission else "",
        )

    async def _report(self, step: Step, desk: Desk, submission_id: str) -> str | Refusal:
        """Waits for the delivery that the status speaks of. An empty refusal when it never comes."""
        document_id = self._outcomes[step.about].document_id
        until = time.monotonic() + self._timeout
        while (item := await asyncio.to_thread(self._observer.delivery, step.who, document_id)) is None:
            if time.monotonic() > until:
                return ()
            await asyncio.sleep(LOOK)
        return await asyncio.to_thread(
            desk.report,
            item.leg_id,
            step.status or StatusCode.RECEIVED,
            reason=step.reason,
            submission_id=submission_id,
        )

    def _send_raw(self, step: Step, desk: Desk, rendered: Rendered, submission_id: str) -> str:
        content, about, kind = rendered.content, rendered.envelope, MessageType(step.type)
        if step.kind is Kind.RESEND:
            original = self._rendered[step.about]
            content = self._desk(original.step).spool.envelope(self._outcomes[step.about].digest)
            about, kind = original.envelope, _type_of(original.envelope, kind)
        return desk.send_raw(content or b"", type=_type_of(about, kind), submission_id=submission_id, about=about)

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _recipients(self, step: Step) -> Sequence[str]:
        """Aliases of those who are written to."""
        if step.to:
            return step.to
        envelope = self._rendered[step.id].envelope
        if isinstance(envelope, Document):
            codes = {each.organ_id for each in envelope.recipients}
            return [alias for alias, who in self._set.who.items() if who.organ_id in codes]
        if step.kind is Kind.STATUS:
            return [self._set.named(step.about).who]
        return ()

    async def _settle(self, step: Step, outcome: Outcome) -> Outcome:
        """Waits for the answer, and for the legs the set expects, at most the timeout."""
        until = time.monotonic() + self._timeout
        while True:
            outcome = await asyncio.to_thread(self._look, step, outcome)
            settled = outcome.verdict and not any(
                each.what.startswith("leg ") for each in differences(step, replace(outcome, strays=()))
            )
            if settled or time.monotonic() > until:
                return outcome
            await asyncio.sleep(LOOK)

    def _look(self, step: Step, outcome: Outcome) -> Outcome:
        desk = self._desk(step)
        recipients = self._recipients(step)
        verdict, codes = self._observer.verdict(desk, outcome.submission_id)
        return replace(
            outcome,
            verdict=verdict,
            codes=codes,
            legs=self._observer.legs(step.expect, recipients, outcome),
            statuses=self._observer.statuses(step.expect, recipients, desk, outcome.submission_id),
            strays=self._observer.holders(outcome.digest) if verdict == Verdict.REFUSED.value else (),
        )

    async def _wait_for_statuses(self) -> None:
        """Looks at every step once more, until all is as expected or the time is over."""
        until = time.monotonic() + self._timeout
        waiting = [step for step in self._set.step if self._outcomes[step.id].submission_id]
        while True:
            for step in waiting:
                self._outcomes[step.id] = await asyncio.to_thread(self._look, step, self._outcomes[step.id])
            # What lacks an answer now has had its time.
            late = [
                step
                for step in waiting
                if any(each.what.startswith("statuses ") for each in differences(step, self._outcomes[step.id]))
            ]
            if not late or time.monotonic() > until:
                return
            await asyncio.sleep(LOOK)


def _codes(refusal: Refusal) -> tuple[str, ...]:
    return tuple("draft" if isinstance(each, DraftProblem) else each.code.value for each in refusal)


def _type_of(envelope: Envelope | None, otherwise: MessageType) -> MessageType:
    if envelope is None:
        return otherwise
    return MessageType.STATUS if isinstance(envelope, StatusMessage) else MessageType.DOCUMENT
