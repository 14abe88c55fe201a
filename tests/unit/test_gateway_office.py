"""The office: whose documents a system may see and take, and what its sender hears of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from agents.arrivals import arrival_id
from agents.gateway.callers import Right
from agents.gateway.office import LONGEST_LEASE
from agents.gateway.outcomes import Accepted, Fetched, LeasedByOther, Marked, NotYours, Taking
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import Finding, FindingCode
from edxml_schemas.model import ResponseFor
from edxml_schemas.statuses import StatusCode
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ
from tests.support.gateway import GatewayDesk, gateway_desk
from tests.support.hub_desk import H14, H41, RENAMED

LETTER = a_document(recipients=(an_organ(H41),))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        yield made


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def legs(found: object) -> list[str]:
    assert isinstance(found, list)
    return [each.item.leg_id for each in found]


def test_what_waits_is_listed_oldest_first_and_in_pages(at: GatewayDesk) -> None:
    came = [at.deliver(LETTER) for _ in range(3)]
    first = at.office.received(at.caller(), kind=MessageType.DOCUMENT, limit=2)
    rest = at.office.received(at.caller(), kind=MessageType.DOCUMENT, after=first[-1].item.seq)
    assert legs(first) + legs(rest) == came
    assert at.office.count(at.caller(), kind=MessageType.DOCUMENT) == 3


def test_a_taken_document_is_not_listed_any_more_but_found_in_the_history(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.take(at.caller(), leg)
    assert legs(at.office.received(at.caller(), kind=None)) == []
    assert legs(at.office.received(at.caller(), kind=None, everything=True)) == [leg]
    assert legs(at.office.received(at.caller(), kind=None, state=Taking.TAKEN)) == [leg]


def test_lists_are_bounded_by_the_time_of_arrival(at: GatewayDesk) -> None:
    early = at.deliver(LETTER)
    at.clock.move(timedelta(days=1))
    late = at.deliver(LETTER)
    now = at.clock.now()
    assert legs(at.office.received(at.caller(), kind=None, since=now)) == [late]
    assert legs(at.office.received(at.caller(), kind=None, until=now)) == [early]


def test_a_caller_sees_its_own_organs_and_no_others(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    stranger = at.caller(organs=[RENAMED], key_id="key-2")
    assert legs(at.office.received(stranger, kind=None)) == []
    assert legs(at.office.received(at.caller(), kind=None, organ=RENAMED)) == []
    assert at.office.count(stranger, kind=None) == 0
    for answer in (
        at.office.find(stranger, leg),
        at.office.about(stranger, leg),
        at.office.fetch(stranger, leg),
        at.office.lease(stranger, leg),
        at.office.take(stranger, leg),
        at.office.fail(stranger, leg, reason="x"),
        at.office.report(stranger, leg, StatusCode.RECEIVED),
    ):
        assert answer == NotYours(leg_id=leg)
    assert at.office.find(at.caller(), "no-such-leg") == NotYours(leg_id="no-such-leg")
    assert legs(at.office.received(at.caller(), kind=None)) == [leg]


def test_a_key_to_read_sees_what_came_and_cannot_take_it(at: GatewayDesk) -> None:
    leg, reader = at.deliver(LETTER), at.caller(Right.READ)
    assert legs(at.office.received(reader, kind=None)) == [leg]
    for answer in (at.office.fetch(reader, leg), at.office.take(reader, leg), at.office.lease(reader, leg)):
        assert answer == NotYours(leg_id=leg)
    assert isinstance(at.office.report(reader, leg, StatusCode.RECEIVED), tuple)


# ── Two systems, one document ───────────────────────────────────────────────────────────────────────────────────────


def test_what_one_key_fetched_no_other_gets_until_the_lease_ends(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    one, other = at.caller(), at.caller(key_id="key-2")
    fetched = at.office.fetch(one, leg)
    assert isinstance(fetched, Fetched)
    assert fetched.lease_until is not None
    for answer in (at.office.fetch(other, leg), at.office.lease(other, leg), at.office.take(other, leg)):
        assert answer == LeasedByOther(leg_id=leg, until=fetched.lease_until)
    at.clock.at = fetched.lease_until
    assert isinstance(at.office.fetch(other, leg), Fetched)
    assert isinstance(at.office.take(one, leg), LeasedByOther)


def test_a_client_that_died_while_downloading_gets_the_document_again(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    first = at.office.fetch(at.caller(), leg)
    again = at.office.fetch(at.caller(), leg)
    assert isinstance(first, Fetched)
    assert isinstance(again, Fetched)
    assert again.envelope == first.envelope
    (listed,) = at.office.received(at.caller(), kind=None)
    assert listed.state is Taking.LEASED


def test_of_many_keys_that_ask_at_once_one_gets_the_document(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    keys = [at.caller(key_id=f"key-{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda caller: at.office.fetch(caller, leg), keys))
    assert sorted(type(each).__name__ for each in answers) == ["Fetched"] + ["LeasedByOther"] * 7


def test_no_lease_is_for_ever(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    fetched = at.office.fetch(at.caller(), leg, lease=timedelta(days=999))
    assert isinstance(fetched, Fetched)
    assert fetched.lease_until == at.clock.now() + LONGEST_LEASE


def test_what_was_taken_may_be_fetched_again_by_any_key_of_the_organ(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.take(at.caller(), leg)
    again = at.office.fetch(at.caller(key_id="key-2"), leg)
    assert isinstance(again, Fetched)
    assert again.lease_until is None


# ── Taken, failed, reported ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_sender_hears_that_it_arrived_when_it_is_taken_and_not_before(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.fetch(at.caller(), leg)
    assert at.outgoing() == []
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN)
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN, repeated=True)
    assert at.codes_said(leg) == ["01"]


def test_with_arrived_kept_the_sender_hears_it_at_once_and_once(tmp_path: Path) -> None:
    with gateway_desk(tmp_path, arrived="kept") as at:
        leg = at.deliver(LETTER)
        assert at.codes_said(leg) == ["01"]
        at.office.take(at.caller(), leg)
        assert isinstance(at.office.report(at.caller(), leg, StatusCode.ARRIVED), Accepted)
        assert at.codes_said(leg) == ["01"]


def test_what_the_command_line_takes_is_taken_too(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.fetch(at.caller(), leg)
    at.desk.take(leg)
    assert at.codes_said(leg) == ["01"]
    assert legs(at.office.received(at.caller(), kind=None)) == []


def test_what_the_folder_lays_out_is_taken_too(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    item = at.spool.item(leg)
    assert item is not None
    at.desk.laid_out(item)
    at.desk.laid_out(item)
    assert at.codes_said(leg) == ["01"]


def test_a_failed_document_is_refused_towards_its_sender_with_the_reason_and_listed_no_more(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    assert at.office.fail(at.caller(), leg, reason="Không đọc được tệp") == Marked(state=Taking.FAILED)
    assert at.office.fail(at.caller(), leg, reason="again") == Marked(state=Taking.FAILED, repeated=True)
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.FAILED, repeated=True)
    assert at.codes_said(leg) == ["02"]
    assert legs(at.office.received(at.caller(), kind=None)) == []


def test_a_failure_without_a_reason_is_refused_and_changes_nothing(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    refused = at.office.fail(at.caller(), leg, reason="  ")
    assert isinstance(refused, tuple)
    assert [each.code for each in refused if isinstance(each, Finding)] == [FindingCode.STATUS_REASON]
    assert legs(at.office.received(at.caller(), kind=None)) == [leg]


def test_who_reports_a_later_code_has_the_document_so_that_01_goes_before_it(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    for code in (StatusCode.RECEIVED, StatusCode.PROCESSING, StatusCode.FINISHED):
        assert isinstance(at.office.report(at.caller(), leg, code), Accepted)
    assert at.codes_said(leg) == ["01", "03", "05", "06"]
    assert legs(at.office.received(at.caller(), kind=None)) == []


def test_the_same_report_again_is_one_submission(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    first = at.office.report(at.caller(), leg, StatusCode.RECEIVED)
    again = at.office.report(at.caller(), leg, StatusCode.RECEIVED)
    assert isinstance(first, Accepted)
    assert again == Accepted(submission_id=first.submission_id, repeated=True)


def test_13_is_not_the_recipients_to_say(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    refused = at.office.report(at.caller(), leg, StatusCode.RECALL_REQUESTED, reason="x")
    assert isinstance(refused, tuple)
    assert at.outgoing() == []


def test_a_status_that_came_is_listed_and_taken_without_a_word_to_anybody(at: GatewayDesk) -> None:
    said = a_status(sender=an_organ(SENDER), response_for=ResponseFor(organ_id=H41, document_id="X", code="1/A"))
    leg = at.deliver(said)
    assert legs(at.office.received(at.caller(), kind=MessageType.DOCUMENT)) == []
    assert legs(at.office.received(at.caller(), kind=MessageType.STATUS)) == [leg]
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN)
    assert at.office.report(at.caller(), leg, StatusCode.RECEIVED) == NotYours(leg_id=leg)
    assert at.outgoing() == []


def test_what_is_known_of_a_delivery_names_what_was_said_of_it(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.report(at.caller(), leg, StatusCode.RECEIVED)
    about = at.office.about(at.caller(), leg)
    assert not isinstance(about, NotYours)
    assert [each.status_code for each in about.said] == ["01", "03"]
    assert about.received.state is Taking.TAKEN


def test_a_missing_key_of_the_organ_delays_01_until_there_is_one(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as at:
        keyless = tuple(each.model_copy(update={"key": None, "cert": None}) for each in at.desk.settings.organs)
        whole, bare = at.desk.settings, at.desk.settings.model_copy(update={"organs": keyless})
        leg = at.deliver(LETTER)
        at.desk.keyring._settings = bare
        assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN)
        assert at.codes_said(leg) == []
        at.desk.keyring._settings = whole
        assert at.desk.arrivals.send_late() == 1
        assert [each.submission_id for each in at.outgoing()] == [arrival_id(leg)]


def test_what_nobody_took_yet_is_not_a_late_arrival(at: GatewayDesk) -> None:
    at.deliver(LETTER)
    assert at.desk.arrivals.send_late() == 0


def test_another_organ_of_the_same_agent_has_a_leg_of_its_own(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as at:
        both = a_document(recipients=(an_organ(H41), an_organ(RENAMED)))
        one, other = at.deliver(both, recipient=H41), at.deliver(both, recipient=RENAMED)
        caller = at.caller(organs=[H41])
        at.office.take(caller, one)
        assert at.office.take(caller, other) == NotYours(leg_id=other)
        assert at.office.find(at.caller(organs=[H14]), one) == NotYours(leg_id=one)
        assert DOCUMENT_ID
