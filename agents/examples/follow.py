"""Follow a submission until the hub has answered."""

import asyncio

from agents.agent import Agent, Sent
from agents.sent_view import answer_of, progress_of
from agents.spool.records import SubmissionState
from edxml_schemas import catalogue


async def follow(agent: Agent, submission_id: str, *, look_every: float = 1.0) -> Sent:
    """What is known once the hub accepted or refused it. Wrap it in `asyncio.timeout` to wait no longer than you will:
    the submission stays in the spool and is repeated until the answer is there."""
    while True:
        (sent,) = await agent.sent(submission_id)
        if sent.submission.state is SubmissionState.ANSWERED:
            return sent
        await asyncio.sleep(look_every)


def in_words(sent: Sent) -> list[str]:
    """The verdict with its reasons, then how far it is at each recipient, and what they said."""
    told = [sent.submission.outcome]  # accepted or refused
    answer = answer_of(sent.receipts)
    if answer is not None:
        told += [catalogue.explain(each).message_vi for each in answer.findings]
    told += [f"{recipient}: {kind}" for recipient, kind in progress_of(sent.receipts).items()]
    told += [f"{each.sender}: {each.status_code} {each.description}" for each in sent.statuses]
    return told
