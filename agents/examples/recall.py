"""Ask every recipient to give a document back (13). Each answers with 15 (yes) or 16 (no)."""

from agents.agent import Agent
from agents.packaging import Refusal


async def recall_from_all(agent: Agent, submission_id: str, *, reason: str) -> dict[str, str | Refusal]:
    """By recipient, the submission id of the request, or why it cannot be made."""
    (sent,) = await agent.sent(submission_id)
    return {
        recipient: await agent.recall(submission_id, recipient, reason=reason)
        for recipient in sent.submission.recipients
    }
