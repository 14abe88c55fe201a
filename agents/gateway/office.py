"""What every dialect does with the spool. The one place where a caller's organs and rights decide.

Synchronous: call it in threads. Methods raise SpoolUnavailable, and UsageFault for an unusable key file of an organ;
everything else is an outcome (see `outcomes`).
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from agents.arrivals import arrival_id
from agents.desk import Desk
from agents.gateway.callers import Caller, Right
from agents.gateway.offers import MARKS, MAY_NOT_MARK, Check, Offers, leased_by_other, refusal_id
from agents.gateway.outcomes import About, Accepted, Fetched, LeasedByOther, Marked, NotYours, Received, Sent
from agents.gateway.refusing import may_not, no_organ
from agents.gateway.settings import GatewaySettings
from agents.packaging import Package, Refusal, reason_required
from agents.spool.records import InboxItem, Taking
from agents.spool.taking import WAITING
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode
from edxml_schemas.model import StaffInfo
from edxml_schemas.statuses import StatusCode

LONGEST_LEASE: Final = timedelta(days=1)
MOST_RECEIVED: Final = 1000
MOST_SENT: Final = 1000


class Office:
    """One per gateway. Safe to use from several threads."""

    def __init__(self, desk: Desk, *, settings: GatewaySettings) -> None:
        self._desk = desk
        self._spool = desk.spool
        self._settings = settings
        self._offers = Offers(desk)
        self._present = frozenset(each.organ_id for each in desk.settings.organs)

    def submit(
        self,
        caller: Caller,
        content: bytes | Path,
        *,
        submission_id: str | None = None,
        kind: MessageType | None = None,
        check: Check | None = None,
    ) -> Accepted | Refusal | LeasedByOther:
        """Keeps an envelope, document or status, to be sent; durable on return.

        `content` may be the file of a received body: it is read here, under the envelope's limit. The envelope says
        what it is; `kind` is what the caller called it. The same content of the same system again is the same
        submission (`repeated`), unless the hub has refused it. A `submission_id` of the caller's own is kept as it is,
        and refused when it was used for something else. A document needs SEND, a status SEND or RECEIVE, and what marks
        a document that came (01, 02) RECEIVE. LeasedByOther: 01 or 02 about what another key has in hand; nothing is
        kept. `check` is a dialect's own look at the envelope, as it will be sent; what it objects to is not kept.
        """
        if not caller.organs & self._present:
            return no_organ()
        caller = replace(caller, organs=caller.organs & self._present)
        kept = self._offers.submit(caller, content, submission_id=submission_id, check=check)
        if isinstance(kept, Accepted) and kind is not None:
            there = self._spool.submission(kept.submission_id)
            if there is not None and there.type is not kind:
                trace = self._desk.trail.trace(there)
                self._desk.log.warning(
                    "offered.other-kind", trace_id=trace, submission=kept.submission_id, called=kind.value
                )
        return kept

    def received(
        self,
        caller: Caller,
        *,
        kind: MessageType | None,
        organ: str = "",
        state: Taking | None = None,
        everything: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> Sequence[Received]:
        """What came for the caller's organs, or for one of them, oldest first. Needs READ; else it is empty.

        Without `state` what no document system has taken yet (NEW and LEASED), or with `everything` all that ever
        came. `kind` None: documents and statuses. `since` (inclusive) and `until` (exclusive) bound `received_at`.
        The next page is `after=` the last item's `seq`.
        """
        states: Collection[Taking] = frozenset(Taking) if everything else WAITING
        now = self._desk.clock.now()
        items = self._spool.came(
            self._organs(caller, organ),
            now=now,
            kind=kind,
            states=states if state is None else {state},
            since=since,
            until=until,
            after=after,
            limit=max(1, min(limit, MOST_RECEIVED)),
        )
        return [Received(item=each, state=each.taking(now)) for each in items]

    def count(self, caller: Caller, *, kind: MessageType | None, organ: str = "") -> int:
        """How many no document system has taken yet. Needs READ; else 0."""
        organs = self._organs(caller, organ)
        return self._spool.how_many_came(organs, now=self._desk.clock.now(), kind=kind, states=WAITING)

    def find(self, caller: Caller, leg_id: str) -> Received | NotYours:
        """What is known of a delivery, without its bytes. Needs READ."""
        item = self._own(caller, leg_id, Right.READ)
        return NotYours(leg_id=leg_id) if item is None else self._shown(item)

    def about(self, caller: Caller, leg_id: str) -> About | NotYours:
        """As `find`, with what was said about it. Needs READ."""
        item = self._own(caller, leg_id, Right.READ)
        if item is None:
            return NotYours(leg_id=leg_id)
        return About(
            received=self._shown(item),
            said=tuple(self._spool.submissions_about(leg_id)),
            heard=tuple(self._spool.statuses_about(leg_id=leg_id)),
        )

    def fetch(
        self, caller: Caller, leg_id: str, *, lease: timedelta | None = None
    ) -> Fetched | NotYours | LeasedByOther:
        """The bytes, and a lease for the caller's key: no other key gets them until it ends. Needs RECEIVE.

        `lease` replaces the settings' length. The same key may fetch again, which renews the lease. What was taken
        may be fetched again by any key of the organ.
        """
        item = self._own(caller, leg_id, Right.RECEIVE)
        if item is None:
            return NotYours(leg_id=leg_id)
        if item.taken_at is None:
            now = self._desk.clock.now()
            leased = self._leased(caller, leg_id, now=now, until=now + (lease or self._settings.lease))
            if not isinstance(leased, InboxItem):
                return leased
            item = leased
        held = item.taken_at is None
        envelope = self._spool.envelope(item.digest)
        return Fetched(item=item, envelope=envelope, lease_until=item.lease_until if held else None)

    def lease(self, caller: Caller, leg_id: str, *, until: datetime | None = None) -> Marked | NotYours | LeasedByOther:
        """The caller works on it; the settings' length without `until`. It stays listed. Needs RECEIVE."""
        now = self._desk.clock.now()
        if self._own(caller, leg_id, Right.RECEIVE) is None:
            return NotYours(leg_id=leg_id)
        leased = self._leased(caller, leg_id, now=now, until=until or now + self._settings.lease)
        if not isinstance(leased, InboxItem):
            return leased
        return Marked(state=leased.taking(now), repeated=leased.taken_at is not None)

    def take(self, caller: Caller, leg_id: str) -> Marked | NotYours | LeasedByOther:
        """Taken for good: durable, not listed any more, and with `arrived = "taken"` status 01 goes to the sender.

        Needs RECEIVE. Documents and statuses alike.
        """
        item = self._own(caller, leg_id, Right.RECEIVE)
        return NotYours(leg_id=leg_id) if item is None else self._take(caller, item)

    def fail(self, caller: Caller, leg_id: str, *, reason: str) -> Marked | Refusal | NotYours | LeasedByOther:
        """The document system cannot take it: status 02 with the reason goes to the sender, and it is not listed any
        more. A status that came is only put aside. Needs RECEIVE. Refused without a reason."""
        item = self._own(caller, leg_id, Right.RECEIVE)
        return NotYours(leg_id=leg_id) if item is None else self._fail(caller, item, reason)

    def report(
        self,
        caller: Caller,
        leg_id: str,
        code: StatusCode,
        *,
        reason: str = "",
        staff: StaffInfo | None = None,
        submission_id: str | None = None,
    ) -> Accepted | Refusal | NotYours | LeasedByOther:
        """Says a status of Decision 28 about a document that came; a document system that does so has the document.

        01 is `take`, 02 is `fail`, and both need RECEIVE. The others need SEND or RECEIVE, and with RECEIVE count as
        taken, too. The same again is the same submission, unless the hub has refused it.
        """
        if not (caller.may(Right.SEND) or caller.may(Right.RECEIVE)):
            return may_not("báo trạng thái", "report statuses")
        item = self._own(caller, leg_id, Right.READ)
        if item is None or item.type is not MessageType.DOCUMENT:
            return NotYours(leg_id=leg_id)
        if code in MARKS and not caller.may(Right.RECEIVE):
            return may_not(*MAY_NOT_MARK)
        fixed = {StatusCode.ARRIVED: arrival_id, StatusCode.RECEPTION_REFUSED: refusal_id}.get(code)
        after_refusal = item.failed_at is not None and code is not StatusCode.RECEPTION_REFUSED
        if fixed is None or after_refusal or self._offers.was_refused(fixed(leg_id)):
            return self._report(caller, item, code, reason=reason, staff=staff, submission_id=submission_id)
        done = self._take(caller, item) if code is StatusCode.ARRIVED else self._fail(caller, item, reason)
        if isinstance(done, Marked):
            return Accepted(submission_id=fixed(leg_id), repeated=done.repeated)
        return done

    def sent(
        self,
        caller: Caller,
        *,
        name: str = "",
        kind: MessageType | None = None,
        organ: str = "",
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[Sent]:
        """What was sent for the caller's organs, newest first, with the hub's receipts and the recipients' statuses.

        `name` is a submission id, DocumentId or code. The next page is `after=` the last submission's `seq`. Needs
        READ; else it is empty.
        """
        found = self._spool.find_submissions(
            name,
            organs=self._organs(caller, organ),
            kind=kind,
            before=after,
            limit=max(1, min(limit, MOST_SENT)),
        )
        return [self._desk.told(each) for each in found]

    # ── Within ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, caller: Caller, item: InboxItem) -> Marked | NotYours | LeasedByOther:
        now = self._desk.clock.now()
        said = self._desk.arrivals.upon_taking(item)
        marked = self._spool.mark_taken(item.leg_id, now=now, by=caller.key_id, said=said)
        return self._marked(caller, item.leg_id, marked, now)

    def _fail(self, caller: Caller, item: InboxItem, reason: str) -> Marked | Refusal | NotYours | LeasedByOther:
        now = self._desk.clock.now()
        if item.failed_at is not None:
            return Marked(state=Taking.FAILED, repeated=True)
        if not reason.strip():
            return (reason_required(StatusCode.RECEPTION_REFUSED),)
        said = None
        if item.type is MessageType.DOCUMENT:
            packed = self._desk.pack_status(item, StatusCode.RECEPTION_REFUSED, reason=reason)
            if isinstance(packed, Package):
                said = self._offers.about(caller, item, packed, submission_id=refusal_id(item.leg_id), offered="")
            elif FindingCode.DOCUMENT_UNKNOWN_ORIGINAL not in {getattr(each, "code", None) for each in packed}:
                return packed
            # An envelope that nobody can read has no sender to tell; it is put aside all the same.
        marked = self._spool.mark_given_up(item.leg_id, now=now, by=caller.key_id, said=said)
        return self._marked(caller, item.leg_id, marked, now)

    def _report(
        self,
        caller: Caller,
        item: InboxItem,
        code: StatusCode,
        *,
        reason: str,
        staff: StaffInfo | None,
        submission_id: str | None,
    ) -> Accepted | Refusal:
        said = "\0".join((item.leg_id, code.value, reason, repr(staff)))
        offered = hashlib.sha256(said.encode()).hexdigest()
        chosen = self._offers.choose_id(caller, offered, submission_id=submission_id)
        if not isinstance(chosen, str):
            return chosen
        packed = self._desk.pack_status(item, code, reason=reason, staff=staff)
        if isinstance(packed, tuple):
            return packed
        if item.failed_at is None:
            self._offers.mark_along(caller, item)
        return self._offers.keep(
            caller, self._offers.about(caller, item, packed, submission_id=chosen, offered=offered)
        )

    def _organs(self, caller: Caller, organ: str = "") -> frozenset[str]:
        """Those of the caller that this agent still has, or one of them; none without READ."""
        if not caller.may(Right.READ):
            return frozenset()
        there = caller.organs & self._present
        return there if not organ else there & {organ}

    def _own(self, caller: Caller, leg_id: str, right: Right) -> InboxItem | None:
        """A delivery to an organ of the caller's, when the key reaches so far. A self-test is nobody's letter."""
        item = self._spool.item(leg_id) if caller.may(right) else None
        return None if item is None or item.recipient not in self._organs(caller) or item.self_test else item

    def _shown(self, item: InboxItem) -> Received:
        return Received(item=item, state=item.taking(self._desk.clock.now()))

    def _leased(
        self, caller: Caller, leg_id: str, *, now: datetime, until: datetime
    ) -> InboxItem | NotYours | LeasedByOther:
        item = self._spool.lease(leg_id, by=caller.key_id, until=min(until, now + LONGEST_LEASE), now=now)
        if item is None:
            return NotYours(leg_id=leg_id)
        return leased_by_other(item, caller, now) or item

    def _marked(
        self, caller: Caller, leg_id: str, marked: tuple[InboxItem, bool] | None, now: datetime
    ) -> Marked | NotYours | LeasedByOther:
        if marked is None:
            return NotYours(leg_id=leg_id)
        item, changed = marked
        other = leased_by_other(item, caller, now)
        if other is not None:
            return other
        state = item.taking(now)
        if changed:
            told = {"state": state.value, "system": caller.system_id, "key": caller.key_id}
            self._desk.trail.taken(item, now=now, event="marked", **told)
        return Marked(state=state, repeated=not changed)
