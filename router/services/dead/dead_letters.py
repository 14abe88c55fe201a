"""Dead letters on the hub's side: what the broker gave up on is kept and told, what was sent back takes its way again.

    dead queue ─► keep (bytes durable) ─► bury (one transaction) ─► ack      … `truc dead return` …
    returning, due ─► tried (counted, committed) ─► taken up (one transaction): settled, recorded, or queued once more

A letter that kills the worker when it is taken up is counted before: after `TRIES` it waits for somebody again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from edxml_schemas import codec
from edxml_schemas.contract import Header, MessageType, unbundled
from edxml_schemas.model import Document
from edxml_schemas.receipts import Receipt, decode_receipt, encode_receipt
from router.core.dead import DeadKind, DeadLetter, DeadState
from router.core.events import EventName
from router.core.ids import message_id_of, outbox_id_of
from router.core.leg_steps import Step, stepped
from router.core.records import (
    Change,
    Event,
    Leg,
    LegState,
    MoveLeg,
    OutboxItem,
    OutboxKind,
    PutDead,
    PutEvent,
    PutOutbox,
    Submission,
)
from router.core.submissions import DIGEST, submission_of
from router.ports import DeliveredReport, Payloads, PayloadUnavailable, Transaction
from router.services.carriage.relay import HUB_ACTOR, Relay
from router.services.carriage.tracking import Tracking
from router.services.chores import Done
from router.services.verdicts.ingest import Ingest

PORTION: Final = 20  # letters whose turn comes together
TRIES: Final = 3  # of one return
AGAIN: Final = timedelta(minutes=1)  # until a letter whose worker died on it, or whose bytes are away, is tried again
LETTER_FACT: Final = "dead_letter"


class DeadLetters:
    """`Chore` for what was sent back. One per worker."""

    name: Final = "dead-letters"

    def __init__(self, ingest: Ingest, relay: Relay, tracking: Tracking, payloads: Payloads) -> None:
        self._ingest = ingest
        self._relay = relay
        self._tracking = tracking
        self._payloads = payloads
        self._taken: list[str] = []

    # ── What died ───────────────────────────────────────────────────────────────────────────────────────────────────

    def keep(self, letters: Sequence[tuple[DeadLetter, bytes]]) -> Sequence[DeadLetter]:
        """Make the bytes durable, before a transaction; not those of a state secret. Raises PayloadUnavailable."""
        kept = [(letter, body) for letter, body in letters if not self._is_secret(body)]
        places = self._payloads.append([body for _, body in kept]) if kept else ()
        found = {letter.id: place for (letter, _), place in zip(kept, places, strict=True)}
        return [replace(letter, payload=found.get(letter.id, "")) for letter, _ in letters]

    def _is_secret(self, body: bytes) -> bool:
        """Whether a document that nobody has judged is marked as a state secret."""
        rules = self._ingest.policy.secrecy
        if rules is None:
            return False
        try:
            decoded = codec.decode(body, self._ingest.policy.limits)
        except Exception:
            return False  # what our code crashes on died for that very reason, and has to be kept to be understood
        return (
            isinstance(decoded, codec.Decoded)
            and isinstance(decoded.envelope, Document)
            and bool(rules.marks_in(decoded.envelope))
        )

    def bury(self, tx: Transaction, letters: Sequence[DeadLetter], *, now: datetime) -> Sequence[DeadLetter]:
        """Write letters and their events; those that are new, or died once more. The same death told twice is one."""
        there = dict(tx.dead_letters([each.id for each in letters]))
        told: list[DeadLetter] = []
        for each in letters:
            former = there.get(each.id)
            if former is not None and former.died_at == each.died_at:
                continue
            deaths = each.deaths if former is None else max(each.deaths, former.deaths + 1)
            there[each.id] = replace(each, deaths=deaths)
            told.append(there[each.id])
        messages = messages_of(tx, told)
        changes: list[Change] = [PutDead(each) for each in {each.id: each for each in told}.values()]
        for letter in told:
            facts = {"queue": letter.queue, "reason": letter.reason, "digest": letter.digest}
            name = EventName.DEAD_BURIED
            changes.append(dead_event(name, letter, messages[letter.id], now=now, actor=HUB_ACTOR, **facts))
        if changes:
            tx.apply(changes)
        return told

    # ── What was sent back ──────────────────────────────────────────────────────────────────────────────────────────

    def run(self, tx: Transaction, *, now: datetime) -> Done:
        """A portion: note which letters are tried now, or take up one of those."""
        if self._taken:
            items = self._take_up(tx, self._taken.pop(0), now=now)
            return Done(publish=items, more=True)
        changes: list[Change] = []
        for letter in tx.due_returns(now=now, limit=PORTION):
            if letter.attempts >= TRIES:
                changes += self._given_up(tx, letter, f"tried {letter.attempts} times", now=now)
            else:
                changes.append(PutDead(replace(letter, attempts=letter.attempts + 1, return_at=now + AGAIN)))
                self._taken.append(letter.id)
        if changes:
            tx.apply(changes)
        return Done(more=bool(self._taken))

    def _take_up(self, tx: Transaction, letter_id: str, *, now: datetime) -> Sequence[OutboxItem]:
        letter = tx.dead_letters([letter_id]).get(letter_id)
        if letter is None or letter.state is not DeadState.RETURNING:
            return ()  # somebody else did it, or it was decided anew
        if not letter.payload:
            tx.apply(self._given_up(tx, letter, "a state secret: its bytes were not kept", now=now))
            return ()
        try:
            body = self._payloads.read(letter.payload)
            outcome, items = self._act(tx, letter, body, now=now)
        except PayloadUnavailable:
            return ()  # its turn comes again
        if not outcome:
            return ()
        done = replace(letter, state=DeadState.RETURNED, return_at=None)
        message_id = messages_of(tx, [letter])[letter.id]
        name = EventName.DEAD_TAKEN_UP
        event = dead_event(name, letter, message_id, now=now, actor=HUB_ACTOR, outcome=outcome)
        tx.apply([PutDead(done), event])
        return items

    def _act(
        self, tx: Transaction, letter: DeadLetter, body: bytes, *, now: datetime
    ) -> tuple[str, Sequence[OutboxItem]]:
        """What became of it, in a word, and what is to be published; no word when it waits for somebody again."""
        match letter.kind:
            case DeadKind.SUBMISSION:
                return self._submit(tx, letter, body, now=now)
            case DeadKind.REPORT:
                report = report_in(letter)
                if report is not None:
                    return "recorded", self._tracking.record(tx, [report], now=now)
            case DeadKind.DELIVERY if letter.type == MessageType.RECEIPT:
                receipts = receipts_in(letter, body, now=now)
                if receipts:
                    tx.apply(map(PutOutbox, receipts))
                    return "queued", ()
            case DeadKind.DELIVERY:
                return self._deliver(tx, letter, now=now), ()
            case DeadKind.UNREADABLE:
                pass
        tx.apply(self._given_up(tx, letter, "nobody can tell what it was", now=now))
        return "", ()

    def _submit(
        self, tx: Transaction, letter: DeadLetter, body: bytes, *, now: datetime
    ) -> tuple[str, Sequence[OutboxItem]]:
        submission = submission_in(letter, body)
        if submission is None:
            tx.apply(self._given_up(tx, letter, "nobody can tell whose it was", now=now))
            return "", ()
        try:
            examined = self._ingest.examine(submission)
        except PayloadUnavailable:
            raise
        except Exception as problem:
            tx.apply(self._given_up(tx, letter, f"crashed again: {type(problem).__name__}", now=now))
            return "", ()
        kept = {(examined.message_id, examined.passage.digest): letter.payload}
        (settled,) = self._ingest.settle(tx, [examined], now=now, kept=kept)
        return settled.message.state.value, settled.outbox

    def _deliver(self, tx: Transaction, letter: DeadLetter, *, now: datetime) -> str:
        """Send the leg once more, by the way of a parked one: what died in an inbox is not on its way any more."""
        leg = tx.legs_by_id([letter.leg_id]).get(letter.leg_id) if letter.leg_id else None
        if leg is None:
            return "unknown leg"
        if leg.state is LegState.HANDED_OVER:
            parked = replace(leg, state=stepped(leg.state, Step.PARK), version=leg.version + 1)
            facts = {"recipient": leg.recipient, "attempts": str(letter.deaths)}
            tx.apply([MoveLeg(parked), _leg_event(EventName.LEG_PARKED, leg, HUB_ACTOR, now, facts)])
        elif leg.state is not LegState.PARKED:
            return leg.state.value  # there already, or on its way
        facts = {"recipient": leg.recipient, "reason": letter.note}
        tx.apply([_leg_event(EventName.LEG_RESENT, leg, letter.decided_by, now, facts)])
        self._relay.requeue(tx, [leg.id], now=now)
        return "queued"

    def _given_up(self, tx: Transaction, letter: DeadLetter, why: str, *, now: datetime) -> list[Change]:
        """It waits for somebody's decision again."""
        opened = replace(letter, state=DeadState.OPEN, return_at=None, deaths=letter.deaths + 1)
        message_id = messages_of(tx, [letter])[letter.id]
        facts = {"queue": letter.queue, "reason": why, "digest": letter.digest}
        return [
            PutDead(opened),
            dead_event(EventName.DEAD_BURIED, letter, message_id, now=now, actor=HUB_ACTOR, **facts),
        ]


def submission_in(letter: DeadLetter, body: bytes) -> Submission | None:
    """The submission that a letter was, received when it died; None when nobody can tell whose it was."""
    return submission_of(
        routing_key=letter.routing_key,
        submission_id=letter.properties.get("message_id"),
        message_type=letter.type,
        user_id=letter.user_id,
        headers=letter.properties,
        body=body,
        redelivered=True,
        received_at=letter.died_at,
    )


def report_in(letter: DeadLetter) -> DeliveredReport | None:
    """The report that a letter was; None when it cannot be read."""
    digest = letter.properties.get(Header.DIGEST.value, "")
    if not (letter.leg_id and letter.agent and DIGEST.fullmatch(digest)):
        return None
    return DeliveredReport(leg_id=letter.leg_id, agent=letter.agent, digest=digest, at=letter.died_at)


def receipts_in(letter: DeadLetter, body: bytes, *, now: datetime) -> Sequence[OutboxItem]:
    """The receipts that a letter carried, as outbox items with their words; empty when they cannot be read."""
    found = [decode_receipt(each) for each in unbundled(body) or ()]
    receipts = [each for each in found if isinstance(each, Receipt)]
    if len(receipts) < len(found):
        return ()
    return [
        OutboxItem(
            id=outbox_id_of(f"dead-{letter.id}-{letter.deaths}-{now.isoformat()}", each.receipt_id),
            kind=OutboxKind.RECEIPT,
            type=MessageType.RECEIPT,
            agent=letter.agent,
            urgency=letter.urgency,
            message_id=each.message_id,
            created_at=now,
            leased_until=now,
            leg_id=each.legs[0].leg_id if len(each.legs) == 1 else "",
            submission_id=each.submission_id,
            sender=each.sender,
            body=encode_receipt(each),
        )
        for each in receipts
    ]


def messages_of(tx: Transaction, letters: Sequence[DeadLetter]) -> dict[str, str]:
    """The hub's messages that letters speak of, by the letters' ids; empty where there is none."""
    named = {each.id: message_id_of(each.agent, each.submission_id) for each in letters if each.submission_id}
    messages = tx.messages(set(named.values()))
    legs = tx.legs_by_id({each.leg_id for each in letters if each.leg_id})
    found: dict[str, str] = {}
    for letter in letters:
        leg = legs.get(letter.leg_id)
        message_id = named.get(letter.id, "")
        found[letter.id] = leg.message_id if leg is not None else message_id if message_id in messages else ""
    return found


def dead_event(
    name: EventName, letter: DeadLetter, message_id: str, *, now: datetime, actor: str, **facts: str
) -> PutEvent:
    """An event about a letter."""
    return PutEvent(
        Event(
            name=name.value,
            at=now,
            message_id=message_id,
            leg_id=letter.leg_id if message_id else "",
            actor=actor,
            facts={LETTER_FACT: letter.id, **facts},
        )
    )


def _leg_event(name: EventName, leg: Leg, actor: str, now: datetime, facts: dict[str, str]) -> PutEvent:
    return PutEvent(Event(name=name.value, at=now, message_id=leg.message_id, leg_id=leg.id, actor=actor, facts=facts))
