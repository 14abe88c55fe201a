"""The judge of the misfortune rig sees what is lost, doubled, altered, stuck or illegal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.arrivals import arrival_id
from router.core.ids import leg_id_of, message_id_of
from tests.soak.evidence import AgentSays, Evidence, HubSays, Incoming, Leg, Message, Outgoing
from tests.soak.judgement import Wrong, judge
from tests.soak.ledger import Entry, Fate, Ledger

DOCUMENT = message_id_of("a", "s-1")
LEG = leg_id_of(DOCUMENT, "H2")
STATUS = message_id_of("b", arrival_id(LEG))
BACK = leg_id_of(STATUS, "H1")


def message(agent: str, submission_id: str, kind: str, digest: str) -> Message:
    return Message(
        id=message_id_of(agent, submission_id),
        submission_id=submission_id,
        agent=agent,
        type=kind,
        state="accepted",
        digest=digest,
        sender="H1",
        document_id="d-1",
        duplicate_of="",
        codes=frozenset(),
    )


def sent(submission_id: str, kind: str, digest: str, *, about: str = "", status: str = "") -> Outgoing:
    return Outgoing(
        submission_id=submission_id,
        type=kind,
        state="answered",
        outcome="accepted",
        duplicate=False,
        digest=digest,
        about_leg=about,
        status_code=status,
    )


def leg(leg_id: str, message_id: str, recipient: str, agent: str, status: str) -> Leg:
    return Leg(
        id=leg_id,
        message_id=message_id,
        recipient=recipient,
        agent=agent,
        state="delivered",
        status=status,
        alarmed=False,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    kept = Ledger(tmp_path / "ledger.jsonl")
    kept.enter(
        Entry(
            submission_id="s-1",
            agent="a",
            sender="H1",
            recipients=("H2",),
            document_id="d-1",
            digest="11",
            size=1,
            urgent=False,
            fate=Fate.ACCEPTED,
        )
    )
    return kept


def what_happened() -> Evidence:
    """One document from H1 at agent a to H2 at agent b, which answers 01."""
    there, back = leg(LEG, DOCUMENT, "H2", "b", "01"), leg(BACK, STATUS, "H1", "a", "")
    life = ["leg.queued", "leg.handed-over", "leg.delivered"]
    hub = HubSays(
        messages={
            each.id: each for each in (message("a", "s-1", "edoc", "11"), message("b", arrival_id(LEG), "status", "22"))
        },
        legs={LEG: there, BACK: back},
        legs_of={DOCUMENT: [there], STATUS: [back]},
        statuses={LEG: ["01"]},
        events={
            (DOCUMENT, ""): ["message.accepted"],
            (STATUS, ""): ["message.accepted"],
            (DOCUMENT, LEG): life,
            (STATUS, BACK): life,
        },
        outbox=0,
        dead=[],
    )
    sender = AgentSays(
        outbox={"s-1": sent("s-1", "edoc", "11")},
        inbox={BACK: Incoming(leg_id=BACK, type="status", recipient="H1", digest="22", status_code="01")},
        receipts={"s-1": [("accepted", (LEG,)), ("handed-over", (LEG,)), ("delivered", (LEG,))]},
        damaged=frozenset(),
    )
    recipient = AgentSays(
        outbox={arrival_id(LEG): sent(arrival_id(LEG), "status", "22", about=LEG, status="01")},
        inbox={LEG: Incoming(leg_id=LEG, type="edoc", recipient="H2", digest="11", status_code="")},
        receipts={arrival_id(LEG): [("accepted", (BACK,))]},
        damaged=frozenset(),
    )
    return Evidence(hub=hub, agents={"a": sender, "b": recipient})


def test_a_document_that_arrived_once_is_in_order(ledger: Ledger) -> None:
    judgement = judge(what_happened(), ledger)
    assert judgement.good, judgement.faults
    assert judgement.counts["documents submitted"] == judgement.counts["  accepted"] == 1
    assert judgement.counts["legs of what was accepted"] == judgement.counts["  delivered"] == 2


def with_hub(**changes: object) -> Evidence:
    found = what_happened()
    return replace(found, hub=replace(found.hub, **changes))  # type: ignore[arg-type]  # the test names the fields


def with_agent(name: str, **changes: object) -> Evidence:
    found = what_happened()
    changed = replace(found.agents[name], **changes)  # type: ignore[arg-type]  # as above
    return replace(found, agents={**found.agents, name: changed})


def with_leg(**changes: object) -> Evidence:
    found = what_happened().hub
    there = replace(found.legs[LEG], **changes)  # type: ignore[arg-type]  # as above
    return with_hub(legs={**found.legs, LEG: there}, legs_of={**found.legs_of, DOCUMENT: [there]})


def got_twice() -> Evidence:
    inbox = what_happened().agents["b"].inbox
    return with_agent("b", inbox={**inbox, "other": replace(inbox[LEG], leg_id="other")})


def other_bytes() -> Evidence:
    inbox = what_happened().agents["b"].inbox
    return with_agent("b", inbox={LEG: replace(inbox[LEG], digest="33")})


def refused() -> Evidence:
    found = what_happened().hub
    return with_hub(messages={**found.messages, DOCUMENT: replace(found.messages[DOCUMENT], state="refused")})


def two_verdicts() -> Evidence:
    found = what_happened().hub
    return with_hub(events={**found.events, (DOCUMENT, ""): ["message.accepted", "message.refused"]})


@pytest.mark.parametrize(
    ("happened", "wrong"),
    [
        (lambda: with_hub(messages={}, legs={}, legs_of={}, statuses={}), Wrong.LOST),
        (lambda: with_agent("b", inbox={}), Wrong.LOST),
        (lambda: with_agent("b", outbox={}), Wrong.LOST),
        (lambda: with_agent("a", receipts={"s-1": [("accepted", (LEG,))]}), Wrong.LOST),
        (lambda: with_agent("a", outbox={"s-1": replace(sent("s-1", "edoc", "11"), state="published")}), Wrong.LOST),
        (got_twice, Wrong.DOUBLED),
        (lambda: with_agent("a", receipts={"s-1": [("accepted", ()), ("refused", ())]}), Wrong.DOUBLED),
        (lambda: with_agent("a", receipts={"s-1": [("delivered", (LEG,))] * 2}), Wrong.DOUBLED),
        (other_bytes, Wrong.ALTERED),
        (lambda: with_agent("b", damaged=frozenset({"11"})), Wrong.ALTERED),
        (lambda: with_leg(state="handed-over"), Wrong.STUCK),
        (lambda: with_leg(state="handed-over", alarmed=True), Wrong.LATE),
        (lambda: with_hub(outbox=1), Wrong.STUCK),
        (lambda: with_hub(dead=["letter"]), Wrong.LATE),
        (refused, Wrong.ILLEGAL),
        (two_verdicts, Wrong.ILLEGAL),
        (lambda: with_leg(recipient="H3"), Wrong.ILLEGAL),
        (lambda: with_leg(status="03"), Wrong.ILLEGAL),
        (lambda: with_hub(statuses={}), Wrong.ILLEGAL),
    ],
)
def test_what_is_wrong_is_seen(happened: Callable[[], Evidence], wrong: Wrong, ledger: Ledger) -> None:
    judgement = judge(happened(), ledger)
    assert not judgement.good
    assert judgement.tally[wrong] > 0, judgement.faults


def test_twins_count_once(ledger: Ledger) -> None:
    twins = [replace(ledger.entries["s-1"], submission_id=each, fate=Fate.TWIN, group="g") for each in ("s-1", "s-2")]
    for each in twins:
        ledger.enter(each)
    found = what_happened()
    second = message("a", "s-2", "edoc", "11")
    hub = replace(found.hub, messages={**found.hub.messages, second.id: second})
    assert judge(replace(found, hub=hub), ledger).tally[Wrong.DOUBLED] > 0
