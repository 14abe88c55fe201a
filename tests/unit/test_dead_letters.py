"""Dead letters: kept with their bytes, told, sent back once, discarded, and never lost in between."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from edxml_schemas.contract import Header, MessageType, Urgency, bundled, inbox_queue, ingest_queue
from router.adapters.dead_wire import DEATHS, letter_of
from router.core.dead import DeadKind, DeadLetter, DeadState
from router.core.records import LegState, OutboxItem, OutboxKind, PutDead, Submission
from router.ports import PayloadUnavailable
from router.services.dead.dead_care import Decided, discard, explain, give_back, select
from router.services.dead.dead_letters import AGAIN, TRIES, DeadLetters
from router.services.verdicts.ingest import Examined
from tests.support.envelopes import a_lean_document
from tests.support.hub_desk import H41, NOW, Desk

DIED = NOW.replace(microsecond=0) - timedelta(minutes=5)
LATER = NOW + timedelta(minutes=1)


class Office:
    """A desk with the parts that handle dead letters."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.letters = DeadLetters(self.desk.ingest, self.desk.relay, self.desk.tracking, self.desk.payloads)

    def bury(self, *dead: tuple[DeadLetter, bytes], now: datetime = NOW) -> Sequence[DeadLetter]:
        kept = self.letters.keep(dead)
        with self.desk.store.begin() as tx:
            return self.letters.bury(tx, kept, now=now)

    def bury_document(self, number: int = 1) -> DeadLetter:
        return self.bury(self.died(self.submission(number)))[0]

    def submission(self, number: int = 1) -> Submission:
        return self.desk.submission(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{number}"))

    def died(
        self, said: Submission, *, at: datetime = DIED, reason: str = "delivery_limit"
    ) -> tuple[DeadLetter, bytes]:
        """The letter that a submission becomes."""
        body = said.body or b""
        letter = letter_of(
            routing_key=f"normal.{said.agent}",
            message_id=said.submission_id,
            message_type=said.type.value,
            user_id=said.user_id,
            headers={
                Header.DIGEST.value: said.digest,
                Header.SIZE.value: said.size,
                DEATHS: [{"queue": ingest_queue(Urgency.NORMAL), "reason": reason, "time": at, "count": 1}],
            },
            body=body,
            now=NOW,
        )
        return letter, body

    def run(self, *, now: datetime = LATER) -> list[OutboxItem]:
        """The chore until nothing is left; what is to be published."""
        items: list[OutboxItem] = []
        more = True
        while more:
            with self.desk.store.begin() as tx:
                done = self.letters.run(tx, now=now)
            items += done.publish
            more = done.more
        return items

    def give_back(self, *letters: DeadLetter, per_second: float = 10, now: datetime = NOW) -> Sequence[Decided]:
        ids = [each.id for each in letters]
        return give_back(self.desk.store, ids, actor="admin:lan", reason="đã sửa lỗi", now=now, per_second=per_second)

    def now_is(self, letter: DeadLetter) -> DeadLetter:
        (found,) = self.desk.store.find_dead(letter.id, state=None)
        return found

    def events(self) -> list[tuple[str, str, Mapping[str, str]]]:
        rows = self.desk.store.events_after(0, limit=1000)
        return [(each.name, each.actor, orjson.loads(each.facts)) for each in rows if each.name.startswith("dead.")]


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_buried_letter_keeps_its_bytes_and_is_told(office: Office) -> None:
    said = office.submission()
    (letter,) = office.bury(office.died(said))
    assert office.desk.payloads.read(letter.payload) == said.body
    assert office.now_is(letter) == letter
    (event,) = office.events()
    assert event == (
        "dead.buried",
        "hub",
        {
            "dead_letter": letter.id,
            "queue": ingest_queue(Urgency.NORMAL),
            "reason": "delivery_limit",
            "digest": said.digest,
        },
    )


def test_the_same_death_told_twice_is_one(office: Office) -> None:
    dead = office.died(office.submission())
    office.bury(dead)
    assert not office.bury(dead)
    assert len(office.events()) == 1


def test_a_second_death_opens_the_same_letter_again(office: Office) -> None:
    said = office.submission()
    (letter,) = office.bury(office.died(said))
    discard(office.desk.store, [letter.id], actor="admin:lan", reason="thử", now=NOW)
    (again,) = office.bury(office.died(said, at=DIED + timedelta(hours=1)))
    assert (again.id, again.deaths, again.state) == (letter.id, 2, DeadState.OPEN)
    assert len(office.desk.store.find_dead()) == 1


def test_letters_of_one_portion_that_are_the_same_are_one(office: Office) -> None:
    said = office.submission()
    office.bury(office.died(said), office.died(said))
    assert len(office.desk.store.find_dead()) == 1
    assert len(office.events()) == 1


def test_a_returned_submission_is_settled_once_and_kept_once(office: Office) -> None:
    letter = office.bury_document()
    assert office.give_back(letter)[0].done
    items = office.run()
    (message,) = office.desk.store.find(letter.submission_id)
    assert (message.state.value, message.payload) == ("accepted", letter.payload)
    assert {each.kind for each in items} == {OutboxKind.DELIVERY, OutboxKind.RECEIPT}
    assert office.now_is(letter).state is DeadState.RETURNED
    assert office.run() == []


def test_a_second_return_changes_nothing(office: Office) -> None:
    letter = office.bury_document()
    office.give_back(letter)
    (twice,) = office.give_back(letter, now=LATER)
    assert not twice.done
    office.run()
    before = office.desk.store.events_after(0, limit=1000)
    (thrice,) = office.give_back(letter, now=LATER)
    assert (thrice.done, thrice.letter.state) == (False, DeadState.RETURNED)
    assert office.run() == []
    assert office.desk.store.events_after(0, limit=1000) == before


def test_what_was_settled_after_all_is_not_settled_again(office: Office) -> None:
    said = office.submission()
    (settled,) = office.desk.settle(said)
    (letter,) = office.bury(office.died(said))
    office.give_back(letter)
    assert office.run() == []
    assert [each.id for each in office.desk.store.find(said.submission_id)] == [settled.message.id]
    assert office.now_is(letter).state is DeadState.RETURNED
    assert office.events()[0][2]["dead_letter"] == letter.id
    assert "dead.buried" in office.desk.events(settled.message)


def test_returns_come_one_after_the_other_at_the_wanted_rate(office: Office) -> None:
    letters = [office.bury_document(number) for number in range(4)]
    office.give_back(*letters, per_second=2)
    turns = [office.now_is(each).return_at for each in letters]
    assert turns == [NOW + timedelta(seconds=0.5 * number) for number in range(4)]
    office.run(now=NOW + timedelta(seconds=0.6))
    states = [office.now_is(each).state for each in letters]
    assert states == [DeadState.RETURNED] * 2 + [DeadState.RETURNING] * 2


def test_every_decision_says_who_and_why(office: Office) -> None:
    returned, discarded = office.bury_document(1), office.bury_document(2)
    office.give_back(returned)
    discard(office.desk.store, [discarded.id], actor="admin:hoa", reason="trùng", now=NOW)
    office.run()
    told = [(name, actor, facts.get("reason", facts.get("outcome"))) for name, actor, facts in office.events()[2:]]
    assert told == [
        ("dead.returned", "admin:lan", "đã sửa lỗi"),
        ("dead.discarded", "admin:hoa", "trùng"),
        ("dead.taken-up", "hub", "accepted"),
    ]
    letter = office.now_is(discarded)
    assert (letter.state, letter.decided_by, letter.note) == (DeadState.DISCARDED, "admin:hoa", "trùng")
    assert office.desk.payloads.read(letter.payload)


def test_a_discarded_letter_is_not_returned(office: Office) -> None:
    letter = office.bury_document()
    discard(office.desk.store, [letter.id], actor="admin:hoa", reason="trùng", now=NOW)
    assert not office.give_back(letter)[0].done
    assert office.run() == []


def test_what_still_crashes_waits_for_somebody_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = office.bury_document()

    def crash(*_: object, **__: object) -> Examined:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(office.desk.ingest, "examine", crash)
    told = explain(office.desk.store, office.desk.ingest, office.desk.payloads, letter, now=NOW)
    assert (told.outcome, told.detail) == ("crashes", "ZeroDivisionError: a bug")
    office.give_back(letter)
    assert office.run() == []
    again = office.now_is(letter)
    assert (again.state, again.deaths) == (DeadState.OPEN, 2)
    assert office.events()[-1][2]["reason"] == "crashed again: ZeroDivisionError"


def test_a_letter_that_kills_the_worker_is_given_up_after_some_tries(office: Office) -> None:
    letter = office.bury_document()
    office.give_back(letter)
    now = LATER
    for _ in range(TRIES):
        with office.desk.store.begin() as tx:
            assert (
                DeadLetters(office.desk.ingest, office.desk.relay, office.desk.tracking, office.desk.payloads)
                .run(tx, now=now)
                .more
            )  # and the worker that noted it dies before it takes it up
        now += AGAIN
    assert office.run(now=now) == []
    again = office.now_is(letter)
    assert (again.state, again.return_at) == (DeadState.OPEN, None)
    assert not office.desk.store.find(letter.submission_id)


def test_bytes_that_are_away_postpone_a_return(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = office.bury_document()
    office.give_back(letter)
    read = office.desk.payloads.read

    def away(reference: str) -> bytes:
        raise PayloadUnavailable(reference)

    monkeypatch.setattr(office.desk.payloads, "read", away)
    assert office.run() == []
    assert office.now_is(letter).state is DeadState.RETURNING
    monkeypatch.setattr(office.desk.payloads, "read", read)
    assert office.run(now=LATER + AGAIN)
    assert office.now_is(letter).state is DeadState.RETURNED


def test_what_an_explanation_says_is_what_a_return_does_and_nothing_is_written(office: Office) -> None:
    good = office.bury_document()
    said = office.submission(2)
    body = (said.body or b"").replace(b"<", b"<<", 1)
    (bad,) = office.bury(office.died(replace(said, body=body)))
    before = office.desk.store.events_after(0, limit=1000)
    told = [explain(office.desk.store, office.desk.ingest, office.desk.payloads, each, now=NOW) for each in (good, bad)]
    assert office.desk.store.events_after(0, limit=1000) == before
    assert not office.desk.store.find(good.submission_id)
    office.give_back(good, bad)
    office.run()
    states = [office.desk.store.find(each.submission_id)[0].state.value for each in (good, bad)]
    assert [each.outcome for each in told] == states == ["accepted", "refused"]
    assert told[1].findings
    again = explain(office.desk.store, office.desk.ingest, office.desk.payloads, good, now=NOW)
    assert again.outcome == "known"


def test_a_returned_report_makes_its_leg_delivered(office: Office) -> None:
    message = office.desk.accept(a_lean_document())
    leg = office.desk.leg(message, H41)
    headers = {
        Header.LEG.value: leg.id,
        Header.DIGEST.value: message.digest,
        DEATHS: [{"queue": "edxml.reports", "reason": "delivery_limit", "time": DIED}],
    }
    letter = letter_of(
        routing_key=leg.agent,
        message_id=None,
        message_type="delivered",
        user_id=None,
        headers=headers,
        body=b"",
        now=NOW,
    )
    (buried,) = office.bury((letter, b""))
    assert buried.kind is DeadKind.REPORT
    office.give_back(buried)
    office.run()
    assert office.desk.leg(message, H41).state is LegState.DELIVERED
    assert "dead.buried" in office.desk.events(message)


def delivery(office: Office, leg_id: str, agent: str, *, kind: str = "edoc", body: bytes = b"") -> DeadLetter:
    """What died in an inbox, buried."""
    queue = inbox_queue(agent, Urgency.NORMAL)
    headers = {Header.LEG.value: leg_id, DEATHS: [{"queue": queue, "reason": "delivery_limit", "time": DIED}]}
    letter = letter_of(
        routing_key=f"{agent}.normal",
        message_id="o-1",
        message_type=kind,
        user_id=None,
        headers=headers,
        body=body,
        now=NOW,
    )
    return office.bury((letter, body))[0]


def test_a_delivery_that_died_in_an_inbox_is_sent_once_more(office: Office) -> None:
    settled = office.desk.send(a_lean_document())
    office.desk.confirm(settled.outbox)
    leg = office.desk.leg(settled.message, H41)
    assert leg.state is LegState.HANDED_OVER
    letter = delivery(office, leg.id, leg.agent)
    office.give_back(letter)
    office.run()
    assert office.desk.leg(settled.message, H41).state is LegState.QUEUED
    (item,) = [
        each for each in office.desk.lease(now=LATER) if each.leg_id == leg.id and each.kind is OutboxKind.DELIVERY
    ]
    assert office.desk.relay.load(item) == office.desk.payloads.read(settled.message.payload)
    assert office.desk.events(settled.message)[-4:] == ["leg.parked", "leg.resent", "leg.queued", "dead.taken-up"]


def test_a_delivery_that_arrived_after_all_is_left_alone(office: Office) -> None:
    settled = office.desk.send(a_lean_document())
    office.desk.confirm(settled.outbox)
    leg = office.desk.leg(settled.message, H41)
    letter = delivery(office, leg.id, leg.agent)
    office.desk.report(leg)
    office.give_back(letter)
    office.run()
    assert office.desk.leg(settled.message, H41).state is LegState.DELIVERED
    assert office.events()[-1][2]["outcome"] == "delivered"


def test_receipts_that_died_in_an_inbox_are_sent_once_more(office: Office) -> None:
    settled = office.desk.send(a_lean_document())
    (receipt,) = [each for each in settled.outbox if each.kind is OutboxKind.RECEIPT]
    office.desk.confirm(settled.outbox)
    letter = delivery(office, "", receipt.agent, kind=MessageType.RECEIPT.value, body=bundled([receipt.body]))
    office.give_back(letter)
    office.run()
    again = [
        each for each in office.desk.lease(now=LATER) if each.kind is OutboxKind.RECEIPT and each.body == receipt.body
    ]
    assert [each.agent for each in again] == [receipt.agent]


def test_what_nobody_can_tell_waits_for_somebody(office: Office) -> None:
    letter = letter_of(routing_key="", message_id=None, message_type=None, user_id=None, headers={}, body=b"?", now=NOW)
    (buried,) = office.bury((letter, b"?"))
    assert explain(office.desk.store, office.desk.ingest, office.desk.payloads, buried, now=NOW).outcome == "unreadable"
    office.give_back(buried)
    assert office.run() == []
    assert office.now_is(buried).state is DeadState.OPEN


def test_letters_are_selected_by_the_beginning_of_their_id_or_by_a_query(office: Office) -> None:
    first, second = office.bury_document(1), office.bury_document(2)
    found, unclear = select(office.desk.store, [first.id[:8], "", "zzz"], None)
    assert ([each.id for each in found], unclear) == ([first.id], ["", "zzz"])
    found, _ = select(office.desk.store, [], "delivery_limit", state=DeadState.OPEN)
    assert {each.id for each in found} == {first.id, second.id}
    assert not select(office.desk.store, [], "expired")[0]


def test_a_state_secret_that_died_is_told_and_its_bytes_are_not_kept() -> None:
    office = Office()
    secret = office.desk.submission(a_lean_document(subject="TUYỆT MẬT: kế hoạch"))
    (letter,) = office.bury(office.died(secret))
    assert letter.payload == ""
    assert office.desk.payloads.references() == ()
    with office.desk.store.begin() as tx:
        tx.apply([PutDead(replace(letter, state=DeadState.RETURNING, return_at=NOW))])
    for _ in range(2):
        with office.desk.store.begin() as tx:
            office.letters.run(tx, now=LATER)
    (after,) = office.desk.store.find_dead(state=None)
    assert after.state is DeadState.OPEN
