"""What the agents' spools show of a replay. Nothing is asked of the hub: what agencies have is what counts."""

from collections.abc import Mapping, Sequence

from agents.desk import Desk
from agents.replay.message_set import Expect, LegOutcome, MessageSet, Who
from agents.replay.outcome import Outcome
from agents.sent_view import answer_of
from agents.spool.records import InboxItem, SubmissionState
from edxml_schemas import catalogue
from edxml_schemas.contract import MessageType


class Observer:
    """Looks into the spools of the agents that take part. Synchronous; call it in a thread."""

    def __init__(self, message_set: MessageSet, desks: Mapping[str, Desk]) -> None:
        self._who = message_set.who
        self._desks = desks
        self.sent: set[str] = set()
        """Digests of everything this replay sent: a forgery under the DocumentId of another step alters nothing."""

    def verdict(self, desk: Desk, submission_id: str) -> tuple[str, tuple[str, ...]]:
        """`accepted`, `refused` or `duplicate` with the codes of the errors; two empty values before the answer."""
        submission = desk.spool.submission(submission_id)
        if submission is None or submission.state is not SubmissionState.ANSWERED:
            return "", ()
        answer = answer_of(desk.spool.receipts_of(submission_id))
        codes = tuple(each.code.value for each in catalogue.errors(answer.findings)) if answer else ()
        return ("duplicate" if submission.duplicate else submission.outcome), codes

    def legs(self, expect: Expect, recipients: Sequence[str], outcome: Outcome) -> Mapping[str, LegOutcome]:
        """What each recipient that the set asks about has of the message."""
        if expect.legs is None:
            return {}
        aliases = list(expect.legs) if isinstance(expect.legs, dict) else recipients
        return {alias: self._leg(self._who[alias], outcome) for alias in aliases}

    def _leg(self, who: Who, outcome: Outcome) -> LegOutcome:
        desk = self._desks.get(who.agent)
        if desk is None:
            return LegOutcome.NONE
        same = _of(desk.spool.deliveries_with(outcome.digest), who)
        if same:
            return LegOutcome.DELIVERED if len(same) == 1 else LegOutcome.TWICE
        others = _of(desk.spool.deliveries_of(outcome.document_id), who) if outcome.document_id else ()
        foreign = [each for each in others if each.digest not in self.sent]
        return LegOutcome.ALTERED if foreign else LegOutcome.NONE

    def statuses(
        self, expect: Expect, recipients: Sequence[str], desk: Desk, submission_id: str
    ) -> Mapping[str, tuple[str, ...]]:
        """What each recipient that the set asks about has said of the document, sorted."""
        if expect.statuses is None:
            return {}
        aliases = list(expect.statuses) if isinstance(expect.statuses, dict) else recipients
        said = desk.spool.statuses_about(submission_id=submission_id)
        return {
            alias: tuple(sorted(each.status_code for each in said if each.sender == self._who[alias].organ_id))
            for alias in aliases
        }

    def holders(self, digest: str) -> tuple[str, ...]:
        """Aliases of bodies that hold these bytes."""
        return tuple(
            alias
            for alias, who in self._who.items()
            if (desk := self._desks.get(who.agent)) and _of(desk.spool.deliveries_with(digest), who)
        )

    def delivery(self, alias: str, document_id: str) -> InboxItem | None:
        """The latest delivery of a document to a body; None before it is there."""
        who = self._who[alias]
        desk = self._desks.get(who.agent)
        found = _of(desk.spool.deliveries_of(document_id), who) if desk else ()
        return found[-1] if found else None


def _of(items: Sequence[InboxItem], who: Who) -> Sequence[InboxItem]:
    return [
        each
        for each in items
        if each.recipient == who.organ_id and each.type in {MessageType.DOCUMENT, MessageType.STATUS}
    ]
