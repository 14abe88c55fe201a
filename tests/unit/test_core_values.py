"""Ids, policy, verdict, routing and the catalogue of events."""

import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import FindingCode, codes, finding
from router.core import events
from router.core.events import EVENTS, EventName
from router.core.ids import leg_id_of, message_id_of, outbox_id_of
from router.core.policy import Policy
from router.core.records import Submission
from router.core.registry import AgentRecord, OrganRecord, OrganState, Registry
from router.core.routing import Hop, identity_faults, present_code, route, sender_faults, speaker_of
from router.core.verdict import Verdict, verdict_of

ROUTER = Path(__file__).parents[2] / "router"
NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)

REGISTRY = Registry.of(
    version=1,
    organs=[
        OrganRecord(code="A", name="A", agent="one"),
        OrganRecord(code="B", name="B", agent="two", old_code="OLD-B"),
        OrganRecord(code="NOBODY", name="N"),
        OrganRecord(code="ASLEEP", name="S", agent="three"),
        OrganRecord(code="LOCKED", name="L", agent="one", state=OrganState.LOCKED, reason="sáp nhập"),
    ],
    agents=[AgentRecord(name="one"), AgentRecord(name="two"), AgentRecord(name="three", active=False)],
    bindings=[("A", "f1"), ("B", "f2")],
)


def test_an_id_follows_from_what_it_names_and_is_a_uuid_of_version_5() -> None:
    space = uuid5(NAMESPACE_URL, "urn:vn:truc-lien-thong:message")
    assert message_id_of("one", "s-1") == str(uuid5(space, "3:one\ns-1"))
    assert UUID(leg_id_of("m", "A")).version == 5


def test_ids_of_different_things_differ() -> None:
    made = {
        message_id_of("a", "b"),
        message_id_of("ab", ""),
        message_id_of("a\nb", "c"),
        message_id_of("a", "b\nc"),
        leg_id_of("a", "b"),
        outbox_id_of("a", "b"),
    }
    assert len(made) == 6


def test_an_id_can_be_made_of_text_that_is_not_unicode() -> None:
    assert message_id_of("one", "\udcff") != message_id_of("one", "\udcfe")


def test_waits_for_an_open_verdict_double_up_to_a_bound() -> None:
    policy = Policy(defer_first=timedelta(minutes=1), defer_longest=timedelta(minutes=5))
    waits = [policy.retry_after(attempt) / timedelta(minutes=1) for attempt in (0, 1, 2, 3, 4, 1000)]
    assert waits == [1, 1, 2, 4, 5, 5]


def test_a_fault_refuses_although_something_else_is_open() -> None:
    fault, note, question = (
        (finding(code),)
        for code in (
            FindingCode.SENDER_UNKNOWN,
            FindingCode.COMPAT_BUSSINESS_MISSING,
            FindingCode.TRUST_REVOCATION_UNKNOWN,
        )
    )
    assert verdict_of(fault, open_questions=question, duplicate=True) is Verdict.REFUSE
    assert verdict_of(note, open_questions=question, duplicate=False) is Verdict.DEFER
    assert verdict_of(note, open_questions=question, duplicate=True) is Verdict.DUPLICATE
    assert verdict_of(note, open_questions=(), duplicate=True) is Verdict.DUPLICATE
    assert verdict_of(note, open_questions=(), duplicate=False) is Verdict.ACCEPT


def test_every_recipient_that_cannot_be_addressed_is_named() -> None:
    hops, findings = route(REGISTRY, ["A", "NONE", "LOCKED", "NEVER", "NOBODY"], now=NOW)
    assert hops == (Hop("A", "one"), Hop("NOBODY", ""))
    assert [(each.code, each.value) for each in findings] == [
        (FindingCode.RECIPIENT_UNKNOWN, "NONE"),
        (FindingCode.RECIPIENT_LOCKED, "LOCKED"),
        (FindingCode.RECIPIENT_UNKNOWN, "NEVER"),
        (FindingCode.RECIPIENT_NO_AGENT, "NOBODY"),
    ]


def test_a_former_code_leads_to_the_present_organ() -> None:
    assert route(REGISTRY, ["OLD-B"], now=NOW) == ((Hop("B", "two"),), ())
    assert present_code(REGISTRY, "OLD-B") == "B"
    assert present_code(REGISTRY, "?") == "?"


def test_two_codes_of_one_organ_are_one_recipient_named_twice() -> None:
    hops, findings = route(REGISTRY, ["B", "OLD-B"], now=NOW)
    assert hops == (Hop("B", "two"),)
    assert codes(findings) == (FindingCode.RECIPIENT_REPEATED,)


def test_an_organ_whose_agent_sleeps_has_nobody_who_carries_for_it() -> None:
    assert route(REGISTRY, ["ASLEEP"], now=NOW)[0] == (Hop("ASLEEP", ""),)


def test_a_sender_is_judged_on_everything_at_once() -> None:
    assert sender_faults(REGISTRY, "A", agent="one", fingerprint="f1") == ()
    assert sender_faults(REGISTRY, "OLD-B", agent="two", fingerprint="f2") == ()
    assert codes(sender_faults(REGISTRY, "?", agent="one", fingerprint="f1")) == (FindingCode.SENDER_UNKNOWN,)
    assert codes(sender_faults(REGISTRY, "LOCKED", agent="two", fingerprint="f1")) == (
        FindingCode.SENDER_LOCKED,
        FindingCode.SENDER_AGENT,
        FindingCode.SENDER_CERTIFICATE,
    )


def test_without_a_good_signature_the_certificate_is_not_judged() -> None:
    assert sender_faults(REGISTRY, "A", agent="one", fingerprint="") == ()


@pytest.mark.parametrize(
    ("agent", "user_id", "required", "good"),
    [
        ("one", "one", True, True),
        ("one", None, True, False),
        ("one", None, False, True),
        ("one", "two", False, False),
        ("none", "none", True, False),
        ("three", "three", True, False),
    ],
)
def test_the_speaker_must_be_the_agent_of_the_routing_key(
    agent: str, user_id: str | None, required: bool, good: bool
) -> None:
    submission = Submission(
        submission_id="s",
        agent=agent,
        user_id=user_id,
        type=MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        digest="",
        size=0,
        body=b"",
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert (identity_faults(REGISTRY, submission, require_user_id=required) == ()) is good
    assert speaker_of(submission) == (user_id or agent)


def test_every_event_name_has_a_row_with_words_in_both_languages() -> None:
    assert list(EVENTS) == [each.value for each in EventName]
    assert all(row.vi and row.en for row in EVENTS.values())
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", name) for name in EVENTS)


def test_the_readme_has_the_catalogue_of_events_as_it_is() -> None:
    assert events.table() in (ROUTER / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_every_rule_that_an_operator_may_set() -> None:
    readme = (ROUTER / "README.md").read_text(encoding="utf-8")
    assert [each.name for each in fields(Policy) if f"`{each.name}`" not in readme] == []


def test_an_event_row_names_each_fact_once() -> None:
    assert [row.name for row in EVENTS.values() if len(set(row.facts)) != len(row.facts)] == []


def test_the_readme_names_every_room() -> None:
    readme = (ROUTER / "README.md").read_text(encoding="utf-8")
    rooms = [each.parent for each in ROUTER.rglob("__init__.py") if each.parent != ROUTER]
    named = {"versions", "sql"}  # inside a room that is named
    assert [each.name for each in rooms if f"{each.name}/" not in readme and each.name not in named] == []
