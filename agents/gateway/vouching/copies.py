"""What a document system of the old kind is handed when it fetches."""

from dataclasses import replace
from typing import TYPE_CHECKING

from agents.gateway.outcomes import Fetched, LeasedByOther, NotYours
from agents.gateway.vouching.trace_headers import with_trace
from edxml_schemas.contract import MessageType

if TYPE_CHECKING:  # the office uses this package
    from agents.gateway.callers import Caller
    from agents.gateway.rooms import Gateway


def fetch_copy(gateway: "Gateway", caller: "Caller", leg_id: str) -> Fetched | NotYours | LeasedByOther:
    """As `Office.fetch`; with the setting `trace_header`, of a document a copy with the hub's hop in it.

    The hop's time is when the agent received the document, so that fetching again gives the same bytes. What is stored
    is not touched.
    """
    outcome = gateway.office.fetch(caller, leg_id)
    settings = gateway.settings
    if not settings.trace_header or not isinstance(outcome, Fetched) or outcome.item.type is not MessageType.DOCUMENT:
        return outcome
    copy = with_trace(outcome.envelope, hub_organ=settings.trace_organ, at=outcome.item.received_at)
    return replace(outcome, envelope=copy)
