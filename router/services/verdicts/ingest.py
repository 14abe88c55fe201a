"""Takes submissions in: examines each by itself, then settles a batch of them in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import Urgency
from edxml_schemas.forms.memory import Forms
from edxml_schemas.trust import TrustChecker
from router.core.events import EventName
from router.core.ids import message_id_of
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    Event,
    MessageRecord,
    MessageState,
    MoveLeg,
    OutboxItem,
    PutAnswer,
    PutEvent,
    PutLeg,
    PutMessage,
    PutOutbox,
    PutStatus,
    Submission,
)
from router.core.routing import speaker_of
from router.core.traces import trace_of
from router.core.verdict import refuses
from router.pipeline.decide import Decision, decide, first_of
from router.pipeline.examine import Means, examine
from router.pipeline.facts import Facts
from router.pipeline.passage import Passage
from router.ports import Payloads, Store, Transaction, TrustSource
from router.services.verdicts.lookup import look_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A submission after everything that can be said without the hub's memory.

    `deferred` is the record of an earlier attempt that is taken up again.
    """

    message_id: str
    passage: Passage
    deferred: MessageRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a submission. `outbox` is leased to the caller, who publishes it after the commit.

    A redelivery of something that was settled before gives the record from then and nothing to publish: what is
    still owed stands in the outbox already.
    """

    message: MessageRecord
    outbox: tuple[OutboxItem, ...] = ()
    events: tuple[Event, ...] = ()
    trace: str = ""
    """The trace id of the message."""
    secret_blob: str = ""
    """Digest of an uploaded blob that must not stay: it is marked as a state secret. Named again by a redelivery."""


Kept = Mapping[tuple[str, str], str]
"""References of payloads that are durable, by message id and digest."""

NOTHING_KEPT: Final[Kept] = MappingProxyType({})


class Ingest:
    """One per worker. Remembers good answers about certificates while they hold, and forms of envelopes."""

    def __init__(
        self,
        payloads: Payloads,
        trust: TrustSource,
        policy: Policy = DEFAULT_POLICY,
        *,
        tick: Callable[[], int] | None = None,
    ) -> None:
        """`tick` tells nanoseconds since 1970, when the stages of examinations are to be timed."""
        self.policy = policy
        self._tick = tick
        self._payloads = payloads
        self._trust = trust
        self._checker = TrustChecker(trust.material())
        self._forms = Forms(policy.limits)

    def examine(
        self, submission: Submission, *, at: datetime | None = None, deferred: MessageRecord | None = None
    ) -> Examined:
        """Everything about a submission that needs no memory of the hub. CPU only, but for reading a claimed blob.

        `at` is the time of a later attempt, the time of receipt when left out. Never raises for bad input; raises
        PayloadUnavailable when a blob that is there cannot be read now.
        """
        body, payload = submission.body, deferred.payload if deferred is not None else ""
        if body is None:
            payload = payload or self._payloads.claim(submission.digest, submission.size) or ""
            body = self._payloads.read(payload) if payload else None
        means = Means(
            limits=self.policy.limits,
            trust=self._trust_checker(),
            judged_at=at or submission.received_at,
            secrecy=self.policy.secrecy,
            forms=self._forms,
            tick=self._tick,
        )
        known = deferred.id if deferred is not None else ""
        return Examined(
            message_id=known or message_id_of(speaker_of(submission), submission.submission_id),
            passage=examine(Passage(submission=submission, body=body, payload=payload), means),
            deferred=deferred,
        )

    def keep(self, examined: Sequence[Examined]) -> Kept:
        """Make bytes durable before a transaction is begun, so that none is held open while a disk syncs.

        Takes what comes for the first time. Should it turn out to be a duplicate, its bytes are there twice.
        """
        return self._append(
            each
            for each in examined
            if not each.passage.submission.redelivered and not each.passage.payload and self._is_kept(each.passage)
        )

    def settle(
        self,
        tx: Transaction,
        examined: Sequence[Examined],
        *,
        now: datetime,
        kept: Kept = NOTHING_KEPT,
        legs_too: Iterable[str] = (),
    ) -> Sequence[Settled]:
        """Decide a batch and write it, urgent ones first; one answer per submission, in the order given.

        Submissions of one batch see each other's effects. Payloads are durable before anything that speaks of them is
        written: those in `kept` are, the others are made so here. Nothing may be acknowledged to the broker before
        the transaction has been committed. `legs_too` are those that the transaction moves afterwards.
        """
        passages, message_ids = [each.passage for each in examined], [each.message_id for each in examined]
        facts = look_up(tx, passages, message_ids, legs_too=legs_too)
        references = {**kept, **self._keep_rest(examined, kept, facts)}
        batch = _Batch()
        answers: list[Settled | None] = [None] * len(examined)
        for place in sorted(range(len(examined)), key=lambda index: _lane(examined[index])):
            each = examined[place]
            there = facts.message(each.message_id)
            if there is not None and not _continues(each, there):
                events = batch.repeated(each, there, now=now)
                trace = trace_of(there, facts.message(there.about))
                answers[place] = Settled(message=there, events=events, trace=trace, secret_blob=_secret_blob(each))
                continue
            decision = decide(
                each.passage,
                facts,
                self.policy,
                message_id=each.message_id,
                now=now,
                payload="" if each.passage.secret else references.get(_reference(each), each.passage.payload),
                attempt=1 if each.deferred is None else each.deferred.attempts + 1,
            )
            facts.absorb(decision.message, decision.legs)
            batch.add(decision)
            answers[place] = Settled(
                message=decision.message,
                outbox=decision.outbox,
                events=decision.events,
                trace=decision.trace,
                secret_blob=_secret_blob(each),
            )
        tx.apply(batch.changes())
        return [each for each in answers if each is not None]

    def forget(self, store: Store, digests: Sequence[str]) -> None:
        """Remove blobs that are marked as state secrets, after the commit that refused them.

        One that an accepted message speaks of stays: it was accepted under other rules, and that is an open matter for
        people. Raises PayloadUnavailable, StoreUnavailable.
        """
        claimed = store.claimed_blobs(digests)
        for digest in digests:
            if digest not in claimed:
                self._payloads.forget(digest)

    def _trust_checker(self) -> TrustChecker:
        material = self._trust.material()
        if material is not self._checker.material:
            self._checker = TrustChecker(material)
        return self._checker

    def _keep_rest(self, examined: Sequence[Examined], kept: Kept, facts: Facts) -> Kept:
        """What is new and not kept yet; what was decided before, or will be a duplicate, is not kept again."""
        return self._append(
            each
            for each in examined
            if not each.passage.payload
            and self._is_kept(each.passage)
            and _reference(each) not in kept
            and facts.message(each.message_id) is None
            and first_of(each.passage, facts) is None
        )

    def _is_kept(self, passage: Passage) -> bool:
        """Whether there are bytes to keep: refused envelopes are kept as evidence up to a size."""
        if passage.body is None or passage.secret:
            return False
        return len(passage.body) <= self.policy.keep_refused_bytes or not refuses(passage.findings)

    def _append(self, chosen: Iterable[Examined]) -> Kept:
        wanted = {_reference(each): each.passage.body for each in chosen if each.passage.body is not None}
        return dict(zip(wanted, self._payloads.append(list(wanted.values())), strict=True)) if wanted else {}


def _reference(each: Examined) -> tuple[str, str]:
    return each.message_id, each.passage.digest


class _Batch:
    """The changes of a batch in an order that every store can write: what is spoken of before what speaks of it."""

    def __init__(self) -> None:
        self._messages: list[Change] = []
        self._legs: dict[str, PutLeg | MoveLeg] = {}
        self._rest: list[Change] = []

    def add(self, decision: Decision) -> None:
        self._messages.append(PutMessage(decision.message))
        for change in decision.legs:
            there = self._legs.get(change.leg.id)
            self._legs[change.leg.id] = PutLeg(change.leg) if isinstance(there, PutLeg) else change
        self._rest.extend(map(PutStatus, decision.statuses))
        self._rest.extend(map(PutAnswer, decision.answers))
        self._rest.extend(map(PutEvent, decision.events))
        self._rest.extend(map(PutOutbox, (*decision.outbox, *decision.held)))

    def repeated(self, each: Examined, there: MessageRecord, *, now: datetime) -> tuple[Event, ...]:
        """A redelivery tells nothing new, unless other bytes came under the same id."""
        digest = each.passage.digest
        if not digest or digest == there.digest:
            return ()
        event = Event(
            name=EventName.SUBMISSION_ID_REUSED.value,
            at=now,
            message_id=there.id,
            actor=there.agent,
            facts={"digest": digest},
        )
        self._rest.append(PutEvent(event))
        return (event,)

    def changes(self) -> list[Change]:
        return [*self._messages, *self._legs.values(), *self._rest]


def _secret_blob(each: Examined) -> str:
    """Also of a redelivery: the worker that was to remove the blob may have died before it did."""
    return each.passage.digest if each.passage.secret and each.passage.payload else ""


def _lane(each: Examined) -> int:
    return 0 if each.passage.submission.urgency is Urgency.URGENT else 1


def _continues(each: Examined, there: MessageRecord) -> bool:
    """Whether this is the next attempt at a verdict that is still open, and not a redelivery of it."""
    return (
        each.deferred is not None and there.state is MessageState.DEFERRED and there.attempts == each.deferred.attempts
    )


def submission_of(record: MessageRecord, body: bytes | None) -> Submission:
    """The submission that a deferred record came from. Its identity was checked when it came."""
    return Submission(
        submission_id=record.submission_id,
        agent=record.agent,
        user_id=record.agent,
        type=record.type,
        urgency=record.urgency,
        digest=record.digest,
        size=record.size,
        body=body,
        received_at=record.received_at,
        redelivered=True,
        vouched="" if record.vouched is None else record.vouched.encoded(),
    )
