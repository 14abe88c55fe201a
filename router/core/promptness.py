"""The rule of the same day: a document is sent on the day on which it is signed (Decision 28/2018/QĐ-TTg, article 5;
at the latest in the morning of the next working day). Counted and shown, never a reason to refuse."""

from router.core.records import MessageRecord, MessageState


def days_on_the_way(message: MessageRecord) -> int | None:
    """Calendar days in Vietnam between promulgation and arrival at the hub: 0 is the same day.

    None when one of them is not known, or the document claims to be signed after it arrived.
    """
    if message.state is not MessageState.ACCEPTED or message.promulgation_date is None or message.arrived_on is None:
        return None
    days = (message.arrived_on - message.promulgation_date).days
    return days if days >= 0 else None
