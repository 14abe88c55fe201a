"""What every store must do: in memory, on SQLite, on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.vouched import Vouched
from router.core.ids import message_id_of
from router.core.records import (
    Answer,
    Change,
    DropOutbox,
    LegState,
    MessageRecord,
    MessageState,
    MoveLeg,
    OutboxKind,
    PutAnswer,
    PutEvent,
    PutLeg,
    PutMessage,
    PutOutbox,
    PutStatus,
    RecallState,
)
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState
from router.ports import Store, StoreConflict, StoreUnavailable
from tests.support.records import MINUTE, NOON, digest_of, event, leg, message, outbox_item, status


def write(store: Store, *changes: Change) -> None:
    with store.begin() as transaction:
        transaction.apply(changes)


FULL = message(
    "full",
    state=MessageState.DEFERRED,
    urgency=Urgency.URGENT,
    content_digest=digest_of("content"),
    sender="000.00.01.H41",
    document_id="000.00.01.H41,2026/03/02,7816",
    code="7816/VPCP-TTĐT",
    subject="V/v kết nối, liên thông «văn bản»",
    doc_type=2,
    priority=3,
    promulgation_date=date(2026, 3, 1),
    due_date=date(2026, 4, 1),
    status_code="03",
    about="m-earlier",
    certificate=digest_of("certificate"),
    duplicate_of="m-before",
    retry_at=NOON + MINUTE,
    attempts=3,
    findings=(
        finding(FindingCode.TRUST_REVOCATION_UNKNOWN, line=7, xpath="/edXML:edXML", value="ố", limit=5, name="x"),
        finding(FindingCode.COMPAT_TRACE_ORGAN),
    ),
    vouched=Vouched(system="vxp.saas.02", digest=digest_of("original"), size=7, repairs=("leading-bytes", "another")),
)


def test_a_message_comes_back_as_it_went_in(store: Store) -> None:
    write(store, PutMessage(FULL), PutMessage(message("bare")))

    assert store.message(FULL.id) == FULL
    assert store.message("m-bare") == message("bare")
    assert store.message("m-nobody") is None


def test_a_leg_a_status_and_an_event_come_back_as_they_went_in(store: Store) -> None:
    full = leg(
        FULL,
        "full",
        ordinal=3,
        state=LegState.DELIVERED,
        handed_over_at=NOON + MINUTE,
        delivered_at=NOON + 2 * MINUTE,
        status="03",
        status_at=NOON + 3 * MINUTE,
        reason="gửi nhầm",
        recall=RecallState.REQUESTED,
        version=4,
    )
    said = status(FULL.id, full.id, said_at=NOON, description="đã nhận", staff="Bà Hà")
    happened = event("leg.delivered", FULL.id, leg_id=full.id, actor="so-y-te", facts={"lý do": "không"})
    write(store, PutMessage(FULL), PutLeg(full), PutStatus(said), PutEvent(happened))

    assert store.legs_of(FULL.id) == (full,)
    assert store.statuses_of([full.id]) == (said,)
    assert store.events_of(FULL.id) == (happened,)


def test_times_keep_their_microseconds_and_their_zone(store: Store) -> None:
    first = datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    write(store, PutMessage(message("old", received_at=first)))

    found = store.message("m-old")

    assert found is not None
    assert found.received_at == first
    assert found.received_at.tzinfo is UTC


def test_a_transaction_sees_what_it_wrote_itself(store: Store) -> None:
    with store.begin() as transaction:
        transaction.apply([PutMessage(FULL), PutLeg(leg(FULL, "1"))])

        assert transaction.messages([FULL.id, "m-nobody"]) == {FULL.id: FULL}
        assert transaction.legs_by_id(["l-1"]) == {"l-1": leg(FULL, "1")}


def test_an_exception_takes_everything_back(store: Store) -> None:
    kept = message("kept")
    write(store, PutMessage(kept), PutLeg(leg(kept, "1")), PutOutbox(outbox_item("kept")))

    with pytest.raises(ZeroDivisionError), store.begin() as transaction:  # noqa: PT012  the block is the transaction
        gone = message("gone")
        transaction.apply(
            [
                PutMessage(gone),
                PutLeg(leg(gone, "2")),
                PutStatus(status(gone.id, "l-1")),
                PutEvent(event("message.accepted", gone.id)),
                PutOutbox(outbox_item("gone")),
                DropOutbox("o-kept"),
                MoveLeg(leg(kept, "1", state=LegState.HANDED_OVER, version=1)),
            ]
        )
        _ = 1 // 0

    assert store.message("m-gone") is None
    assert store.legs_of("m-gone") == ()
    assert store.statuses_of(["l-1"]) == ()
    assert store.events_of("m-gone") == ()
    assert store.legs_of(kept.id) == (leg(kept, "1"),)
    assert store.backlog().outbox == 1


def test_a_redelivered_message_is_found_and_its_second_copy_refused(store: Store) -> None:
    write(store, PutMessage(message("1")))

    with store.begin() as transaction:
        assert set(transaction.messages(["m-1", "m-2"])) == {"m-1"}
    with pytest.raises(StoreConflict):
        write(store, PutMessage(message("1", subject="other")))

    assert store.message("m-1") == message("1")


def test_a_conflict_can_be_handled_as_an_unavailable_store(store: Store) -> None:
    write(store, PutMessage(message("1")))

    with pytest.raises(StoreUnavailable):
        write(store, PutMessage(message("1")))


def test_a_deferred_message_is_replaced_when_it_is_decided(store: Store) -> None:
    write(store, PutMessage(FULL))
    decided = replace(FULL, state=MessageState.ACCEPTED, retry_at=None, attempts=4, findings=())

    write(store, PutMessage(decided))

    assert store.message(FULL.id) == decided
    with pytest.raises(StoreConflict):
        write(store, PutMessage(decided))


@pytest.mark.parametrize("doubled", ["leg", "status", "outbox"])
def test_nothing_is_written_twice(store: Store, doubled: str) -> None:
    sent = message("1")
    changes: dict[str, Change] = {
        "leg": PutLeg(leg(sent, "1")),
        "status": PutStatus(status(sent.id, "l-1")),
        "outbox": PutOutbox(outbox_item("1")),
    }
    write(store, PutMessage(sent), *changes.values())

    with pytest.raises(StoreConflict):
        write(store, PutEvent(event("again", sent.id)), changes[doubled])

    assert store.events_of(sent.id) == ()


@pytest.mark.parametrize("batch", [4, 5, 300])
def test_one_doubled_row_refuses_a_batch_of_any_size(store: Store, batch: int) -> None:
    sent = message("1")
    legs = [leg(sent, f"{n}", ordinal=n, recipient=f"H{n}") for n in range(batch)]
    write(store, PutMessage(sent), PutLeg(legs[-1]))

    with pytest.raises(StoreConflict):
        write(store, PutEvent(event("x", sent.id)), *(PutLeg(each) for each in legs))

    assert store.legs_of(sent.id) == (legs[-1],)
    assert store.events_of(sent.id) == ()


def test_a_large_batch_of_awkward_texts_and_bytes_comes_back_as_it_went_in(store: Store) -> None:
    awkward = ["\\N", "\t", "a\nb", "\\.", '"', "'", "ố", "\U0001f409", "\\x41", ""]
    events = [event("x", "m-1", actor=each, facts={each: each}) for each in awkward]
    items = [outbox_item(str(n), body=each.encode() + b"\x00\\", sender=each) for n, each in enumerate(awkward)]
    write(store, *(PutEvent(each) for each in events), *(PutOutbox(each) for each in items))

    assert store.events_of("m-1") == tuple(events)
    with store.begin() as transaction:
        leased = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=99)
    assert [(each.sender, each.body) for each in leased] == [(each.sender, each.body) for each in items]


def test_a_leg_without_its_message_is_refused(store: Store) -> None:
    with pytest.raises(StoreConflict):
        write(store, PutLeg(leg(message("nobody"), "1")))


def test_a_status_without_its_leg_is_refused(store: Store) -> None:
    write(store, PutMessage(message("1")))

    with pytest.raises(StoreConflict):
        write(store, PutStatus(status("m-1", "l-nobody")))


def test_one_status_message_may_speak_of_several_legs(store: Store) -> None:
    sent = message("1")
    write(store, PutMessage(sent), PutLeg(leg(sent, "1")), PutLeg(leg(sent, "2", ordinal=1, recipient="H30")))

    write(store, PutStatus(status(sent.id, "l-2")), PutStatus(status(sent.id, "l-1")))

    assert [each.leg_id for each in store.statuses_of(["l-1", "l-2"])] == ["l-2", "l-1"]


def test_a_leg_moves_when_nobody_moved_it_in_between(store: Store) -> None:
    sent = message("1")
    start = leg(sent, "1")
    write(store, PutMessage(sent), PutLeg(start))
    handed_over = replace(start, state=LegState.HANDED_OVER, handed_over_at=NOON, version=1)
    delivered = replace(handed_over, state=LegState.DELIVERED, delivered_at=NOON + MINUTE, version=2)

    write(store, MoveLeg(handed_over), MoveLeg(delivered))

    assert store.legs_of(sent.id) == (delivered,)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_leg_that_somebody_else_moved_is_a_conflict(store: Store, version: int) -> None:
    sent = message("1")
    write(store, PutMessage(sent), PutLeg(leg(sent, "1")), MoveLeg(leg(sent, "1", version=1)))

    with pytest.raises(StoreConflict):
        write(store, PutEvent(event("x", sent.id)), MoveLeg(leg(sent, "1", state=LegState.PARKED, version=version)))

    assert store.legs_of(sent.id)[0].state is LegState.QUEUED
    assert store.events_of(sent.id) == ()


def test_moving_a_leg_that_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(StoreConflict):
        write(store, MoveLeg(leg(message("1"), "nobody", version=1)))


def test_legs_come_in_the_order_of_recipients(store: Store) -> None:
    sent, other = message("1"), message("2")
    legs = [leg(sent, f"{9 - n}", ordinal=n, recipient=f"H{n}") for n in range(5)]
    write(store, PutMessage(sent), PutMessage(other), *(PutLeg(each) for each in reversed(legs)))

    with store.begin() as transaction:
        assert transaction.legs([sent.id, other.id, "m-nobody"]) == {sent.id: tuple(legs)}
        assert transaction.legs_by_id(["l-9", "l-nobody"]) == {"l-9": legs[0]}
    assert store.legs_of(sent.id) == tuple(legs)


def test_a_transaction_with_nothing_to_do_is_fine(store: Store) -> None:
    with store.begin() as transaction:
        transaction.apply([])
        assert transaction.messages([]) == {}
        assert transaction.documents([]) == ()
        assert transaction.legs([]) == {}
    write(store, DropOutbox("o-nobody"))


def test_lists_of_any_length_are_answered(store: Store) -> None:
    write(store, PutMessage(message("1", document_id="d-1")), PutMessage(message("2", document_id="d-40000")))
    many = [f"d-{n}" for n in range(40_001)]

    with store.begin() as transaction:
        assert {each.id for each in transaction.documents(many)} == {"m-1", "m-2"}
        assert transaction.legs(many) == {}


# ── What deciding asks ──────────────────────────────────────────────────────────────────────────────────────────────


def some_documents() -> tuple[MessageRecord, ...]:
    same = {"document_id": "d-1", "sender": "H41", "code": "1/UBND", "content_digest": digest_of("c")}
    return (
        message("younger", received_at=NOON + MINUTE, promulgation_date=date(2026, 3, 2), **same),
        message("older", promulgation_date=date(2026, 3, 1), **same),
        message("refused", state=MessageState.REFUSED, **same),
        message("status", type=MessageType.STATUS, **same),
        message("other", document_id="d-2", sender="H42", code="1/UBND", content_digest=digest_of("d")),
        message("empty"),
    )


def test_documents_are_found_by_id_oldest_first_and_only_accepted_ones(store: Store) -> None:
    write(store, *(PutMessage(each) for each in some_documents()))

    with store.begin() as transaction:
        assert [each.id for each in transaction.documents(["d-1", "d-3"])] == ["m-older", "m-younger"]
        assert transaction.documents([""]) == ()


def test_messages_are_found_by_signed_content_whatever_their_type(store: Store) -> None:
    write(store, *(PutMessage(each) for each in some_documents()))

    with store.begin() as transaction:
        found = transaction.messages_with_content([digest_of("c")])
        assert [each.id for each in found] == ["m-older", "m-status", "m-younger"]
        assert transaction.messages_with_content([""]) == ()


def test_documents_are_found_by_sender_code_and_day(store: Store) -> None:
    write(store, *(PutMessage(each) for each in some_documents()))

    with store.begin() as transaction:
        any_day = transaction.documents_by_code("H41", "1/UBND", None)
        one_day = transaction.documents_by_code("H41", "1/UBND", date(2026, 3, 2))
        assert [each.id for each in any_day] == ["m-older", "m-younger"]
        assert [each.id for each in one_day] == ["m-younger"]
        assert transaction.documents_by_code("H43", "1/UBND", None) == ()


def test_deferred_messages_come_when_their_time_has_come(store: Store) -> None:
    def deferred(name: str, retry_at: datetime) -> MessageRecord:
        return message(name, state=MessageState.DEFERRED, retry_at=retry_at)

    write(
        store,
        PutMessage(deferred("later", NOON + MINUTE)),
        PutMessage(deferred("now", NOON)),
        PutMessage(deferred("before", NOON - MINUTE)),
        PutMessage(message("accepted", retry_at=NOON - MINUTE)),
    )

    with store.begin() as transaction:
        assert [each.id for each in transaction.due_deferred(now=NOON, limit=10)] == ["m-before", "m-now"]
        assert [each.id for each in transaction.due_deferred(now=NOON, limit=1)] == ["m-before"]


# ── The outbox ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outbox_item_comes_back_as_it_went_in(store: Store) -> None:
    item = outbox_item(
        "full",
        kind=OutboxKind.RECEIPT,
        type=MessageType.RECEIPT,
        urgency=Urgency.URGENT,
        leg_id="l-1",
        submission_id="s-1",
        sender="H41",
        recipient="H30",
        digest=digest_of("x"),
        size=5_000_000_000,
        payload="blob:x",
        claim=True,
        body=b"\x00<xml/>\xff",
        attempts=2,
    )
    write(store, PutOutbox(item))

    with store.begin() as transaction:
        (leased,) = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=10)

    assert leased == replace(item, leased_until=NOON + MINUTE, attempts=3)


def test_leases_go_to_urgent_items_first_then_to_the_oldest(store: Store) -> None:
    write(
        store,
        PutOutbox(outbox_item("young", created_at=NOON - MINUTE)),
        PutOutbox(outbox_item("old", created_at=NOON - 2 * MINUTE)),
        PutOutbox(outbox_item("urgent-young", urgency=Urgency.URGENT)),
        PutOutbox(outbox_item("urgent-old", urgency=Urgency.URGENT, created_at=NOON - MINUTE)),
        PutOutbox(outbox_item("taken", urgency=Urgency.URGENT, leased_until=NOON + timedelta(seconds=1))),
    )

    with store.begin() as transaction:
        first = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=3)
        rest = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=3)

    assert [each.id for each in first] == ["o-urgent-old", "o-urgent-young", "o-old"]
    assert [each.id for each in rest] == ["o-young"]


def test_a_leased_item_is_not_given_twice_until_the_lease_runs_out(store: Store) -> None:
    write(store, PutOutbox(outbox_item("1")))

    with store.begin() as transaction:
        assert len(transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=9)) == 1
    with store.begin() as transaction:
        assert transaction.lease_outbox(now=NOON + timedelta(seconds=59), lease_for=MINUTE, limit=9) == ()
    with store.begin() as transaction:
        (again,) = transaction.lease_outbox(now=NOON + MINUTE, lease_for=MINUTE, limit=9)

    assert again.attempts == 2
    assert again.leased_until == NOON + 2 * MINUTE


def test_a_dropped_item_is_gone_and_a_lease_rolled_back_is_free_again(store: Store) -> None:
    write(store, PutOutbox(outbox_item("1")), PutOutbox(outbox_item("2")))
    with pytest.raises(ZeroDivisionError), store.begin() as transaction:  # noqa: PT012  the block is the transaction
        transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=9)
        _ = 1 // 0

    write(store, DropOutbox("o-1"))

    with store.begin() as transaction:
        (left,) = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=9)
    assert (left.id, left.attempts) == ("o-2", 1)


# ── What people ask ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "m-full",
        "s-full",
        "000.00.01.H41,2026/03/02,7816",
        "7816/VPCP-TTĐT",
        "7816",
        "7816/VPCP",
        "7816/",
        "000.00.01.H41",
        "000.00.02.H30",
        "  7816 ",
    ],
)
def test_a_message_is_found_by_everything_it_is_known_by(store: Store, query: str) -> None:
    other = message("other", code="78/UBND", document_id="d", sender="H42")
    write(
        store,
        PutMessage(FULL),
        PutLeg(leg(FULL, "1")),
        PutLeg(leg(FULL, "2", ordinal=1, recipient="000.00.02.H30")),
        PutMessage(other),
        PutLeg(leg(other, "3", recipient="H1")),
    )

    assert [each.id for each in store.find(query)] == ["m-full"]


@pytest.mark.parametrize("query", ["", "   ", "781", "816", "/", "%", "7816/X", "000.00.01", "' OR 1=1 --", "m-full%"])
def test_what_means_nothing_finds_nothing(store: Store, query: str) -> None:
    write(store, PutMessage(FULL), PutLeg(leg(FULL, "1")), PutMessage(message("bare")))

    assert store.find(query) == ()


def test_a_submission_is_found_by_its_id_whatever_became_of_it(store: Store) -> None:
    store.put_agents([AgentRecord(name="so-y-te"), AgentRecord(name="so-xay-dung")])
    submitted = [
        message(state.value, id=message_id_of(agent, "lan-1"), submission_id="lan-1", agent=agent, state=state)
        for state, agent in zip(MessageState, ("so-y-te", "so-xay-dung", "la"), strict=True)
    ]
    write(store, *map(PutMessage, submitted), PutMessage(message("other")))

    assert {each.id for each in store.find("lan-1")} == {each.id for each in submitted}
    assert store.find("lan-2") == ()


def test_the_newest_are_found_first_and_no_more_than_asked_for(store: Store) -> None:
    sent = [message(f"{n:02}", sender="H41", received_at=NOON + n * MINUTE) for n in range(6)]
    to_it = message("to", sender="H42", received_at=NOON + 10 * MINUTE)
    write(store, *(PutMessage(each) for each in sent), PutMessage(to_it), PutLeg(leg(to_it, "1", recipient="H41")))

    assert [each.id for each in store.find("H41", limit=3)] == ["m-to", "m-05", "m-04"]
    assert len(store.find("H41")) == 7


def test_events_keep_the_order_in_which_they_were_written(store: Store) -> None:
    names = [f"event.{n}" for n in range(30)]
    write(store, *(PutEvent(event(name, "m-1", at=NOON - n * MINUTE)) for n, name in enumerate(names[:15])))
    write(store, PutEvent(event("other", "m-2")))
    write(store, *(PutEvent(event(name, "m-1", at=NOON)) for name in names[15:]))

    assert [each.name for each in store.events_of("m-1")] == names


def test_statuses_keep_the_order_in_which_they_were_accepted(store: Store) -> None:
    sent = message("1")
    codes = ["06", "01", "05", "03"]
    reports = [message(f"r{n}", type=MessageType.STATUS) for n in range(4)]
    write(store, PutMessage(sent), PutLeg(leg(sent, "1")), *(PutMessage(each) for each in reports))
    for report, code in zip(reports, codes, strict=True):
        write(store, PutStatus(status(report.id, "l-1", code)))

    assert [each.code for each in store.statuses_of(["l-1", "l-2"])] == codes
    assert store.statuses_of([]) == ()


def test_what_speaks_of_a_message_is_found_oldest_first(store: Store) -> None:
    write(
        store,
        PutMessage(message("1")),
        PutMessage(message("update", about="m-1", received_at=NOON + 2 * MINUTE)),
        PutMessage(message("status", about="m-1", type=MessageType.STATUS, received_at=NOON + MINUTE)),
    )

    assert [each.id for each in store.messages_about("m-1")] == ["m-status", "m-update"]
    assert store.messages_about("") == ()


def test_what_answers_a_document_is_found_by_its_id_or_its_code_newest_first(store: Store) -> None:
    def answer(name: str, *, place: int = 0, document_id: str = "", code: str = "", organ: str = "") -> PutAnswer:
        return PutAnswer(Answer(message_id=f"m-{name}", place=place, document_id=document_id, code=code, organ=organ))

    write(
        store,
        *(PutMessage(message(name, received_at=NOON + n * MINUTE)) for n, name in enumerate("abcd")),
        answer("a", document_id="H1,2026/03/02,1"),
        answer("b", code="1/X", organ="H1"),
        answer("b", place=1, document_id="H1,2026/03/02,1"),
        answer("c", document_id="another", code="2/X"),
        answer("d"),
    )

    def found(*, document_id: str = "", code: str = "", limit: int = 9) -> list[tuple[str, int]]:
        named = store.answers_naming(document_id=document_id, code=code, limit=limit)
        return [(sent.id, said.place) for sent, said in named]

    assert set(found(document_id="H1,2026/03/02,1", code="1/X")) == {("m-b", 0), ("m-b", 1), ("m-a", 0)}
    assert [each for each, _ in found(document_id="H1,2026/03/02,1", code="2/X")] == ["m-c", "m-b", "m-a"]
    assert found(code="1/X", limit=1) == [("m-b", 0)]
    assert found() == found(document_id="nobody", code="no") == []


def test_the_backlog_counts_by_state(store: Store) -> None:
    assert store.backlog().outbox == 0
    assert store.backlog().oldest_outbox is None
    sent = message("1")
    write(
        store,
        PutMessage(sent),
        PutMessage(message("2", state=MessageState.REFUSED)),
        PutMessage(message("3", state=MessageState.REFUSED)),
        PutLeg(leg(sent, "1")),
        PutOutbox(outbox_item("1")),
        PutOutbox(outbox_item("2", created_at=NOON - MINUTE)),
    )

    counted = store.backlog()

    assert counted.messages == {"accepted": 1, "refused": 2}
    assert counted.legs == {"queued": 1}
    assert (counted.outbox, counted.oldest_outbox) == (2, NOON - MINUTE)


def claimed(name: str, **fields: Any) -> MessageRecord:
    """An accepted document that came as a claim check."""
    digest = fields.pop("digest", digest_of(name))
    return message(name, digest=digest, payload=f"blob:{digest}", **fields)


def test_only_parties_to_an_accepted_message_may_read_its_bytes(store: Store) -> None:
    sent = claimed("1", agent="sender")
    refused = claimed("2", agent="sender", state=MessageState.REFUSED)
    inline = message("3", agent="sender")
    write(
        store,
        PutMessage(sent),
        PutMessage(refused),
        PutMessage(inline),
        PutLeg(leg(sent, "1", agent="receiver")),
        PutLeg(leg(refused, "2", agent="receiver")),
    )

    assert store.may_read(agent="sender", digest=sent.digest)
    assert store.may_read(agent="receiver", digest=sent.digest)
    assert not store.may_read(agent="stranger", digest=sent.digest)
    assert not store.may_read(agent="", digest=sent.digest)
    assert not store.may_read(agent="sender", digest=refused.digest)
    assert not store.may_read(agent="receiver", digest=refused.digest)
    assert not store.may_read(agent="receiver", digest=digest_of("nothing"))
    assert not store.may_read(agent="sender", digest=inline.digest)


def test_bytes_that_two_senders_sent_may_be_read_by_the_parties_of_both(store: Store) -> None:
    one, two = claimed("1", agent="a", digest=digest_of("x")), claimed("2", agent="b", digest=digest_of("x"))
    write(store, PutMessage(one), PutMessage(two), PutLeg(leg(two, "1", agent="c")))

    assert [store.may_read(agent=each, digest=digest_of("x")) for each in "abcd"] == [True, True, True, False]


def test_a_blob_is_claimed_by_what_was_accepted_or_is_deferred(store: Store) -> None:
    claims = {
        state: message(
            state.value, state=state, digest=digest_of(state.value), payload=f"blob:{digest_of(state.value)}"
        )
        for state in MessageState
    }
    beside = message("inline", digest=digest_of("inline"), payload="seg:worker-1-1.seg:0:5")
    write(store, *map(PutMessage, (*claims.values(), beside)))

    asked = {digest_of(each) for each in ("inline", "nothing", *(state.value for state in MessageState))}
    expected = {digest_of(state.value) for state in (MessageState.ACCEPTED, MessageState.DEFERRED)}
    assert store.claimed_blobs(asked) == expected
    assert store.claimed_blobs([]) == set()


# ── Registry ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_registry_is_one_view_whose_version_grows_with_every_change(store: Store) -> None:
    empty = store.registry()
    store.put_agents([AgentRecord(name="so-y-te", title="Sở Y tế", token_hash=digest_of("secret"))])
    store.put_organs(
        [OrganRecord(code="H41.1", name="Sở Y tế", parent="H41", old_code="000.00.01.H41", agent="so-y-te")]
    )
    store.put_certificates([CertificateRecord(organ="H41.1", fingerprint="ab", subject="CN=x", pem="PEM")])

    now = store.registry()

    assert empty.version < now.version
    assert now.agents["so-y-te"].token_hash == digest_of("secret")
    assert now.organ("000.00.01.H41") == now.organs["H41.1"]
    assert now.may_sign("H41.1", "ab")
    assert not now.may_sign("H41.1", "cd")
    assert empty.organs == {}


def test_a_change_replaces_a_record_and_leaves_the_others(store: Store) -> None:
    store.put_organs([OrganRecord(code="H1", name="Một"), OrganRecord(code="H2", name="Hai")])

    store.put_organs([OrganRecord(code="H2", name="Hai", state=OrganState.LOCKED, reason="giải thể")])

    registry = store.registry()
    assert registry.organs["H1"].state is OrganState.ACTIVE
    assert registry.organs["H2"].reason == "giải thể"


def test_a_transaction_sees_the_registry_of_its_time(store: Store) -> None:
    store.put_organs([OrganRecord(code="H1", name="Một")])
    with store.begin() as transaction:
        assert transaction.registry().organs["H1"].state is OrganState.ACTIVE
    store.put_organs([OrganRecord(code="H1", name="Một", state=OrganState.LOCKED)])
    with store.begin() as transaction:
        assert transaction.registry().organs["H1"].state is OrganState.LOCKED


def test_an_unchanged_registry_is_not_read_again(store: Store) -> None:
    store.put_organs([OrganRecord(code="H1", name="Một")])

    assert store.registry() is store.registry()
    with store.begin() as transaction:
        assert transaction.registry() is store.registry()


def test_an_agent_that_is_switched_off_stays_off(store: Store) -> None:
    store.put_agents([AgentRecord(name="a", active=False)])

    assert store.registry().agents["a"].active is False


def test_certificates_are_bound_and_unbound(store: Store) -> None:
    bound = [CertificateRecord(organ="H1", fingerprint=each, subject=f"CN={each}", pem=each) for each in ("ab", "cd")]
    store.put_certificates(bound)
    store.put_certificates([CertificateRecord(organ="H2", fingerprint="ab", subject="CN=ab", pem="ab")])

    store.drop_certificates("H1", ["ab", "nothing"])

    assert store.certificates_of("H1") == (bound[1],)
    assert store.registry().certificates == {"H1": frozenset({"cd"}), "H2": frozenset({"ab"})}


def test_a_store_that_is_there_answers_a_ping(store: Store) -> None:
    store.ping()
