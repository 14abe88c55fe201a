"""What a dead letter says of itself, whatever stands in its headers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.contract import Header, Urgency, inbox_queue, ingest_queue
from router.adapters.dead_wire import DEATHS, TEXT_CHARS, letter_of
from router.core.dead import DeadKind, DeadLetter, DeadState

NOW = datetime(2026, 5, 4, 1, 2, 3, tzinfo=UTC)
DIED = datetime(2026, 5, 4, 1, 0, 0, tzinfo=UTC)
LEG = "11111111-2222-5333-8444-555555555555"
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300) | st.binary(max_size=300) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=6,
)


def death(queue: str, reason: str = "delivery_limit", **more: object) -> dict[str, object]:
    return {"queue": queue, "reason": reason, "count": 1, "time": DIED, **more}


def letter(routing_key: str, queue: str, *, body: bytes = b"<edXML/>", **changes: Any) -> DeadLetter:
    given: dict[str, Any] = {
        "routing_key": routing_key,
        "message_id": "s-1",
        "message_type": "edoc",
        "user_id": "so-y-te",
        "headers": {DEATHS: [death(queue)]},
        "body": body,
        "now": NOW,
    }
    return letter_of(**{**given, **changes})


def test_a_submission_that_crashed_the_hub_names_its_agent_and_itself() -> None:
    found = letter("urgent.so-y-te", ingest_queue(Urgency.URGENT))
    assert (found.kind, found.state) == (DeadKind.SUBMISSION, DeadState.OPEN)
    assert (found.agent, found.submission_id, found.urgency) == ("so-y-te", "s-1", Urgency.URGENT)
    assert (found.queue, found.reason) == (ingest_queue(Urgency.URGENT), "delivery_limit")
    assert (found.deaths, found.attempts, found.died_at) == (1, 6, DIED)


def test_a_report_and_a_delivery_name_their_leg() -> None:
    headers = {Header.LEG.value: LEG}
    report = letter("so-y-te", "edxml.reports", headers={**headers, DEATHS: [death("edxml.reports", "rejected")]})
    inbox = inbox_queue("so-y-te", Urgency.NORMAL)
    delivery = letter("so-y-te.normal", inbox, headers={**headers, DEATHS: [death(inbox)]})
    assert (report.kind, report.agent, report.leg_id, report.attempts) == (DeadKind.REPORT, "so-y-te", LEG, 1)
    assert (delivery.kind, delivery.agent, delivery.leg_id) == (DeadKind.DELIVERY, "so-y-te", LEG)
    assert delivery.submission_id == ""


@pytest.mark.parametrize(
    ("routing_key", "queue"),
    [
        ("normal.Không", ingest_queue(Urgency.NORMAL)),
        ("so-y-te.normal", inbox_queue("so-tu-phap", Urgency.NORMAL)),
        ("so-y-te.slow", inbox_queue("so-y-te", Urgency.NORMAL)),
        ("", ""),
    ],
)
def test_what_nobody_can_tell_is_kept_as_unreadable(routing_key: str, queue: str) -> None:
    assert letter(routing_key, queue).kind is DeadKind.UNREADABLE


def test_the_last_death_is_the_one_that_counts() -> None:
    deaths = [death(ingest_queue(Urgency.NORMAL), "rejected", count=3), death("elsewhere")]
    found = letter("normal.so-y-te", "", headers={DEATHS: deaths})
    assert (found.queue, found.reason, found.deaths) == (ingest_queue(Urgency.NORMAL), "rejected", 3)


def test_the_same_message_is_the_same_letter_and_others_are_not() -> None:
    queue = ingest_queue(Urgency.NORMAL)
    first = letter("normal.so-y-te", queue)
    assert letter("normal.so-y-te", queue, now=DIED).id == first.id
    others = (
        letter("normal.so-y-te", queue, body=b"other"),
        letter("normal.so-y-te", queue, message_id="s-2"),
        letter("normal.so-tu-phap", queue),
        letter("urgent.so-y-te", ingest_queue(Urgency.URGENT)),
    )
    assert len({first.id, *(each.id for each in others)}) == 5


def test_without_a_time_it_died_when_it_was_found() -> None:
    assert letter("normal.so-y-te", "", headers={}).died_at == NOW
    assert letter("normal.so-y-te", "", headers={DEATHS: [{"time": "yesterday"}]}).died_at == NOW


TEXT = st.none() | st.text(max_size=300)
TOLD = st.fixed_dictionaries(
    {
        "routing_key": st.text(max_size=300),
        "message_id": TEXT,
        "message_type": TEXT,
        "user_id": TEXT,
        "headers": st.dictionaries(
            st.sampled_from([DEATHS, *map(str, Header)]) | st.text(max_size=300), VALUES, max_size=5
        ),
        "body": st.binary(max_size=50),
    }
)


@given(TOLD)
def test_no_header_whatsoever_keeps_a_letter_from_being_kept(told: dict[str, Any]) -> None:
    found = letter_of(**told, now=NOW)
    assert found.size == len(told["body"])
    assert found.queue
    texts = [found.queue, found.reason, found.routing_key, found.agent, found.submission_id, found.type]
    texts += [text for pair in found.properties.items() for text in pair]
    assert all(len(each) <= TEXT_CHARS and "\x00" not in each for each in texts)
    assert found.died_at.tzinfo is not None


@given(st.dictionaries(st.just(DEATHS), VALUES))
def test_no_death_whatsoever_keeps_a_letter_from_being_kept(headers: dict[str, object]) -> None:
    assert letter("normal.so-y-te", "", headers=headers).kind is DeadKind.UNREADABLE
