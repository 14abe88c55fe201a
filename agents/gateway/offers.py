"""What document systems offer, made into submissions: once each, however often a client tries again.

The id of a submission comes from the system and the digest of what it offered, so that a client that lost the answer
and offers the same again gets the same answer. What the hub has refused may be offered again: that is a new one.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from agents.arrivals import arrival_id
from agents.desk import Desk
from agents.errors import SpoolUnavailable
from agents.gateway.callers import Caller, Right
from agents.gateway.outcomes import Accepted, LeasedByOther
from agents.gateway.refusing import bad_submission_id, may_not, used_submission_id
from agents.gateway.vouching import VouchedEnvelope, vouch
from agents.packaging import Package, Refusal, read_envelope, submission
from agents.spool.records import InboxItem, NewSubmission, Submission
from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import StatusCode

MARKS: Final = frozenset({StatusCode.ARRIVED, StatusCode.RECEPTION_REFUSED})
"""Statuses that say whether a document system has what came: only a key that may receive can say them."""
MAY_NOT_MARK: Final = ("nhận hay từ chối văn bản đến (trạng thái 01, 02)", "take or refuse documents (statuses 01, 02)")
SUBMISSION_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")

Check = Callable[[Envelope], Refusal]
"""What a dialect objects to in an envelope, in view of what was said beside it; empty for nothing."""


def refusal_id(leg_id: str) -> str:
    """The submission id of the status 02 of a leg: the same however often it is said, and in whichever way."""
    return _id("refusal", leg_id)


class Offers:
    """Synchronous, safe in threads. Methods raise SpoolUnavailable and UsageFault."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._spool = desk.spool

    def submit(
        self, caller: Caller, content: bytes | Path, *, submission_id: str | None, check: Check | None = None
    ) -> Accepted | Refusal | LeasedByOther:
        """As `Office.submit`."""
        if not (caller.may(Right.SEND) or caller.may(Right.RECEIVE)):
            return may_not("gửi", "send")
        data = content if isinstance(content, bytes) else _read(content)
        offered = hashlib.sha256(data).hexdigest()
        chosen = self.choose_id(caller, offered, submission_id=submission_id)
        if not isinstance(chosen, str):
            return chosen
        kept: Accepted | Refusal | LeasedByOther
        now = self._desk.clock.now()
        outcome = vouch(data, caller=caller, desk=self._desk, now=now)
        if isinstance(outcome, tuple):
            return outcome
        packed = outcome.package
        objections = _objections(caller, packed.envelope, check)
        if objections:
            return objections
        new = replace(submission(packed, submission_id=chosen, now=now), caller=caller.system_id, offered=offered)
        told = outcome if isinstance(outcome, VouchedEnvelope) else None
        if told is not None:
            new = replace(new, original=told.original, vouched=told.vouched)
        if isinstance(packed.envelope, StatusMessage):
            kept = self._keep_status(caller, new, packed.envelope)
        else:
            kept = self.keep(caller, new)
        if isinstance(kept, Accepted) and not kept.repeated:
            return replace(kept, vouched=told)
        return kept

    def choose_id(self, caller: Caller, offered: str, *, submission_id: str | None = None) -> str | Accepted | Refusal:
        """The id for a new submission, or what became of the earlier one."""
        if submission_id is not None:
            if not SUBMISSION_ID.fullmatch(submission_id):
                return bad_submission_id()
            there = self._spool.submission(submission_id)
            return submission_id if there is None else _same_or_used(there, caller, offered)
        latest = self._spool.offered(caller.system_id, offered)
        if latest is None:
            return _id("offer", caller.system_id, offered)
        if self._came_to_nothing(latest) or not caller.speaks_for(latest.organ):
            return _id("offer", caller.system_id, offered, latest.submission_id)
        return Accepted(submission_id=latest.submission_id, repeated=True)

    def keep(self, caller: Caller, new: NewSubmission) -> Accepted | Refusal:
        """Durable on return. When another request was quicker with the same id, its submission counts."""
        if self._spool.add_submission(new):
            self._log(caller, new)
            return Accepted(submission_id=new.submission_id)
        there = self._spool.submission(new.submission_id)
        if there is None:
            raise SpoolUnavailable(f"submission {new.submission_id}")
        return _same_or_used(there, caller, new.offered)

    def _keep_status(
        self, caller: Caller, new: NewSubmission, said: StatusMessage
    ) -> Accepted | Refusal | LeasedByOther:
        """A status of the system's own making. Where it speaks of something that came, that is marked with it.

        What is not in this inbox, and what failed, is the hub's to judge; so is what another key has in hand, but for
        01 and 02, which are that key's to say.
        """
        item = None
        if said.status_code != StatusCode.RECALL_REQUESTED:
            item = self._spool.delivery_named(
                recipient=said.sender.organ_id,
                sender=said.response_for.organ_id,
                document_id=said.response_for.document_id,
                code=said.response_for.code,
            )
        if item is None:
            return self.keep(caller, new)
        if said.status_code in MARKS and not caller.may(Right.RECEIVE):
            return may_not(*MAY_NOT_MARK)
        new = replace(new, about_leg=item.leg_id, urgency=item.urgency)
        if item.failed_at is not None:
            return self.keep(caller, new)
        if said.status_code == StatusCode.ARRIVED:
            return self._arrived(caller, item, new)
        if said.status_code == StatusCode.RECEPTION_REFUSED:
            return self.give_up(caller, item, new)
        self.mark_along(caller, item)
        return self.keep(caller, new)

    def _arrived(self, caller: Caller, item: InboxItem, new: NewSubmission) -> Accepted | Refusal | LeasedByOther:
        """01 counts once for a leg, whether the agent said it or the document system did."""
        chosen = self._id_for_leg(arrival_id(item.leg_id), new)
        if isinstance(chosen, Accepted):
            self.mark_along(caller, item)
            return chosen
        new = replace(new, submission_id=chosen)
        marked = self._spool.mark_taken(item.leg_id, now=new.created_at, by=caller.key_id, said=new)
        other = leased_by_other(marked[0], caller, new.created_at) if marked is not None else None
        if other is not None:
            return other
        self._spool.add_submission(new)  # when it was taken before, and only 01 was still to be said, or again
        self._log(caller, new)
        return Accepted(submission_id=chosen)

    def give_up(self, caller: Caller, item: InboxItem, new: NewSubmission) -> Accepted | Refusal | LeasedByOther:
        """02 counts once for a leg, too; `new` says it. What another key has in hand stays that key's."""
        chosen = self._id_for_leg(refusal_id(item.leg_id), new)
        if isinstance(chosen, Accepted):
            return chosen
        new = replace(new, submission_id=chosen)
        marked = self._spool.mark_given_up(item.leg_id, now=new.created_at, by=caller.key_id, said=new)
        other = leased_by_other(marked[0], caller, new.created_at) if marked is not None else None
        if other is not None:
            return other
        if marked is None or not marked[1]:  # cleared away, or given up by another request meanwhile
            return self.keep(caller, new)
        self._log(caller, new)
        return Accepted(submission_id=chosen)

    def _id_for_leg(self, fixed: str, new: NewSubmission) -> str | Accepted:
        """The fixed id of a status of a leg; one of its own when the hub has refused the earlier one."""
        there = self._spool.submission(fixed)
        if there is None:
            return fixed
        if self._came_to_nothing(there):
            return new.submission_id
        return Accepted(submission_id=fixed, repeated=True)

    def was_refused(self, submission_id: str) -> bool:
        """Whether the hub has refused this submission, or could not deliver it to anybody."""
        there = self._spool.submission(submission_id)
        return there is not None and self._came_to_nothing(there)

    def _came_to_nothing(self, there: Submission) -> bool:
        """Refused, or given up for every recipient: the same again is a new one, and duplicates the hub's matter."""
        if there.outcome == ReceiptKind.REFUSED.value:
            return True
        told: dict[str, set[str]] = {}
        for each in self._spool.receipts_of(there.submission_id):
            told.setdefault(each.recipient, set()).add(each.kind)
        ends = [told.get(recipient, set()) for recipient in there.recipients]
        return bool(ends) and all(
            ReceiptKind.NOT_DELIVERED in each and ReceiptKind.DELIVERED not in each for each in ends
        )

    def mark_along(self, caller: Caller, item: InboxItem) -> None:
        """Who says something about a document has it: taken, unless another key has it in hand.

        A key without RECEIVE takes nothing.
        """
        if not caller.may(Right.RECEIVE):
            return
        said = self._desk.arrivals.upon_taking(item)
        now = self._desk.clock.now()
        marked = self._spool.mark_taken(item.leg_id, now=now, by=caller.key_id, said=said)
        if marked is not None and marked[1]:
            told = {"system": caller.system_id, "key": caller.key_id}
            self._desk.trail.taken(marked[0], now=now, event="marked", **told)

    def about(
        self, caller: Caller, item: InboxItem, packed: Package, *, submission_id: str, offered: str
    ) -> NewSubmission:
        """A status of the agent's making, said for the caller, as a row of the spool."""
        new = submission(
            packed,
            submission_id=submission_id,
            now=self._desk.clock.now(),
            urgency=item.urgency,
            about_leg=item.leg_id,
        )
        return replace(new, caller=caller.system_id, offered=offered)

    def _log(self, caller: Caller, new: NewSubmission) -> None:
        now = self._desk.clock.now()
        told = {"system": caller.system_id, "key": caller.key_id}
        self._desk.trail.kept(new, began=new.created_at, ended=now, event="offered", **told)


def leased_by_other(item: InboxItem, caller: Caller, now: datetime) -> LeasedByOther | None:
    """Who else has the delivery in hand; None when nobody has."""
    if item.lease_until is None or not item.leased_to_other(caller.key_id, now):
        return None
    return LeasedByOther(leg_id=item.leg_id, until=item.lease_until)


def _same_or_used(there: Submission, caller: Caller, offered: str) -> Accepted | Refusal:
    if there.caller == caller.system_id and there.offered == offered and caller.speaks_for(there.organ):
        return Accepted(submission_id=there.submission_id, repeated=True)
    return used_submission_id()


def _objections(caller: Caller, envelope: Envelope, check: Check | None) -> Refusal:
    if isinstance(envelope, Document) and not caller.may(Right.SEND):
        return may_not("gửi văn bản", "send documents")
    return check(envelope) if check is not None else ()


def _read(path: Path) -> bytes:
    try:
        return read_envelope(path)
    except OSError as error:
        raise SpoolUnavailable(str(error)) from error


def _id(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "urn:vn:truc-lien-thong:" + ":".join(parts)))
