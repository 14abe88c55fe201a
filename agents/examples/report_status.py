"""Say something about a document that came. Status 01 (arrived) the agent sends by itself."""

from agents.agent import Agent
from agents.packaging import Refusal
from edxml_schemas.model import StaffInfo
from edxml_schemas.statuses import StatusCode


async def register(agent: Agent, leg_id: str, *, clerk: str) -> str | Refusal:
    """03: entered in the register. Returns the status's submission id, or why it cannot be said."""
    staff = StaffInfo(staff=clerk, department="Văn thư")
    return await agent.report(leg_id, StatusCode.RECEIVED, staff=staff)


async def refuse(agent: Agent, leg_id: str, *, reason: str) -> str | Refusal:
    """02: not for us. It needs a reason."""
    return await agent.report(leg_id, StatusCode.RECEPTION_REFUSED, reason=reason)
