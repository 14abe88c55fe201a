"""What happens to documents at this agent, under their trace ids: a line in the log, and a span if somebody listens."""

import logging
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from agents.ports import Incoming
from agents.spool.records import InboxItem, NewDelivery, NewSubmission, Submission
from edxml_schemas.contract import MessageType
from edxml_schemas.telemetry import NO_SPANS, Facts, Span, SpanName, Spans
from edxml_schemas.traces import named_trace, sender_meant, submission_trace_id


class _Delivered(Protocol):
    """What a delivery is known by, in the spool and before it is there."""

    @property
    def message_id(self) -> str: ...
    @property
    def leg_id(self) -> str: ...
    @property
    def type(self) -> MessageType: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def document_id(self) -> str: ...
    @property
    def status_code(self) -> str: ...
    @property
    def about_document_id(self) -> str: ...


def trace_of_submission(agent: str, each: NewSubmission | Submission) -> str:
    """The trace id of what this agent sends: of the document that it is, or that it is about."""
    if each.type is MessageType.STATUS:
        sender = sender_meant(each.status_code, said_by=each.organ, said_to="".join(each.recipients[:1]))
    else:
        sender = each.organ
    return named_trace(sender, each.document_id, agent=agent, submission_id=each.submission_id)


def trace_of_delivery(item: _Delivered) -> str:
    """The trace id of what came. What nobody can read has one of its own."""
    if item.type is MessageType.STATUS:
        sender = sender_meant(item.status_code, said_by=item.sender, said_to=item.recipient)
        document_id = item.about_document_id
    else:
        sender, document_id = item.sender, item.document_id
    return named_trace(sender, document_id, agent=item.sender, submission_id=item.message_id)


def trace_before_opening(message: Incoming) -> str:
    """The trace id of a message from the hub of which nothing has been read: that of what nobody can read."""
    return submission_trace_id(message.sender, message.message_id)


class Trail:
    """One per agent. Safe in threads."""

    def __init__(
        self, log: FilteringBoundLogger, *, agent: str = "", spans: Spans = NO_SPANS, quiet: bool = False
    ) -> None:
        """`quiet`: what somebody at a terminal has just asked for is told in the log only when it is to be verbose."""
        self._log = log
        self._said_at = logging.DEBUG if quiet else logging.INFO
        self._agent = agent
        self._spans = spans

    def close(self) -> None:
        """Sends the last spans; waits for seconds at most."""
        self._spans.close()

    def trace(self, each: NewSubmission | Submission) -> str:
        """The trace id of what this agent sends."""
        return trace_of_submission(self._agent, each)

    def trace_before_reading(self, submission_id: str) -> str:
        """The trace id of a submission of which no more is known than its id."""
        return submission_trace_id(self._agent, submission_id)

    def kept(self, new: NewSubmission, *, began: datetime, ended: datetime, event: str = "kept", **facts: str) -> None:
        """A document or status was checked, signed, and is durable in the spool."""
        trace = self.trace(new)
        said = {"submission": new.submission_id, "document": new.document_id, "status": new.status_code}
        self._log.log(self._said_at, event, trace_id=trace, **facts, **said)
        name = SpanName.STATUS if new.type is MessageType.STATUS else SpanName.PACKAGE
        self._add(trace, name, began, ended, self._facts(new))

    def published(self, each: Submission, *, now: datetime) -> None:
        """The broker has confirmed a submission."""
        trace = self.trace(each)
        said = {"submission": each.submission_id, "document": each.document_id, "status": each.status_code}
        self._log.info("published", trace_id=trace, **said)
        facts = {**self._facts(each), "attempts": each.attempts, "size": each.size}
        self._add(trace, SpanName.SUBMIT, each.created_at, now, facts)

    def arrived(self, item: NewDelivery, *, began: datetime, ended: datetime) -> None:
        """A delivery is durable in the spool, for the first time."""
        trace = trace_of_delivery(item)
        self._log.info(
            "arrived",
            trace_id=trace,
            leg=item.leg_id,
            recipient=item.recipient,
            sender=item.sender,
            document=item.document_id or item.about_document_id,
            status=item.status_code,
        )
        self._add(trace, SpanName.ARRIVE, began, ended, _delivered_facts(item))

    def taken(self, item: InboxItem, *, now: datetime, event: str = "taken", **facts: str) -> None:
        """A document system has a delivery, or has given it up, for the first time."""
        trace = trace_of_delivery(item)
        self._log.log(self._said_at, event, trace_id=trace, leg=item.leg_id, **facts)
        self._add(trace, SpanName.TAKEN, item.received_at, now, _delivered_facts(item))

    def _facts(self, each: NewSubmission | Submission) -> Facts:
        return {
            "submission_id": each.submission_id,
            "document_id": each.document_id,
            "sender": each.organ,
            "agent": self._agent,
            "recipients": " ".join(each.recipients),
            "type": each.type.value,
            "status_code": each.status_code,
        }

    def _add(self, trace: str, name: SpanName, began: datetime, ended: datetime, facts: Facts) -> None:
        if self._spans.on:
            self._spans.add(Span(trace=trace, name=name, began=began, ended=ended, facts=facts))


def _delivered_facts(item: _Delivered) -> Facts:
    return {
        "message_id": item.message_id,
        "leg_id": item.leg_id,
        "document_id": item.document_id or item.about_document_id,
        "sender": item.sender,
        "recipient": item.recipient,
        "type": item.type.value,
        "status_code": item.status_code,
    }
