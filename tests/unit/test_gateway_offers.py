"""What document systems offer: once each however often they try, for their own organs, and with what it says marked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.arrivals import arrival_id
from agents.gateway.callers import Right
from agents.gateway.outcomes import Accepted, LeasedByOther, Marked, Taking
from edxml_schemas.contract import MessageType
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import Finding, FindingCode
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import ResponseFor, StatusMessage
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import StatusCode
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ, envelope_bytes
from tests.support.gateway import GatewayDesk, gateway_desk
from tests.support.hub_desk import H14, H41, RENAMED

LETTER = a_document(recipients=(an_organ(H41),))
OWN_LETTER = replace(
    LETTER,
    sender=an_organ(H41),
    recipients=(an_organ(H14),),
    document_id=DOCUMENT_ID.replace(SENDER, H41),
)
CONTENT = envelope_bytes(OWN_LETTER)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        yield made


def accepted(outcome: object) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def findings(outcome: object) -> list[FindingCode]:
    assert isinstance(outcome, tuple), outcome
    return [each.code for each in outcome if isinstance(each, Finding)]


def saying(code: StatusCode, about: ResponseFor | None = None, **changes: Any) -> bytes:
    response = about or ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    reason = "Không thuộc thẩm quyền" if code is StatusCode.RECEPTION_REFUSED else ""
    status: StatusMessage = a_status(
        sender=an_organ(H41), response_for=response, status_code=code.value, description=reason, **changes
    )
    return envelope_bytes(status)


# ── Once ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_client_that_tries_again_gets_the_same_submission(at: GatewayDesk) -> None:
    first = accepted(at.office.submit(at.caller(), CONTENT))
    again = accepted(at.office.submit(at.caller(key_id="key-after-rotation"), CONTENT))
    assert (first.repeated, again) == (False, Accepted(submission_id=first.submission_id, repeated=True))
    assert [each.submission_id for each in at.outgoing()] == [first.submission_id]


def test_requests_at_the_same_instant_are_one_submission(at: GatewayDesk) -> None:
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda _: accepted(at.office.submit(at.caller(), CONTENT)), range(6)))
    assert len({each.submission_id for each in outcomes}) == 1
    assert [each.repeated for each in outcomes].count(False) == 1


def test_what_the_hub_refused_may_be_offered_again_and_accepted_may_not(at: GatewayDesk) -> None:
    first = accepted(at.office.submit(at.caller(), CONTENT))
    at.answer(first.submission_id, ReceiptKind.REFUSED)
    second = accepted(at.office.submit(at.caller(), CONTENT))
    assert not second.repeated
    assert second.submission_id != first.submission_id
    at.answer(second.submission_id, ReceiptKind.ACCEPTED)
    assert accepted(at.office.submit(at.caller(), CONTENT)).submission_id == second.submission_id


def test_another_system_that_offers_the_same_makes_a_submission_of_its_own(at: GatewayDesk) -> None:
    first = accepted(at.office.submit(at.caller(), CONTENT))
    other = accepted(at.office.submit(at.caller(system_id="other"), CONTENT))
    assert other.submission_id != first.submission_id


def test_a_submission_id_of_the_callers_own_is_kept_and_not_used_twice(at: GatewayDesk) -> None:
    assert accepted(at.office.submit(at.caller(), CONTENT, submission_id="qlvb:7")).submission_id == "qlvb:7"
    assert accepted(at.office.submit(at.caller(), CONTENT, submission_id="qlvb:7")).repeated
    changed = envelope_bytes(replace(OWN_LETTER, subject="Việc khác"))
    for outcome in (
        at.office.submit(at.caller(), changed, submission_id="qlvb:7"),
        at.office.submit(at.caller(system_id="other"), CONTENT, submission_id="qlvb:7"),
        at.office.submit(at.caller(), changed, submission_id="../../etc"),
    ):
        assert isinstance(outcome, tuple)
        assert isinstance(outcome[0], DraftProblem)
    assert len(at.outgoing()) == 1


def test_what_was_offered_is_kept_beside_what_is_sent(at: GatewayDesk) -> None:
    outcome = accepted(at.office.submit(at.caller(), CONTENT))
    assert outcome.vouched is not None
    (sent,) = at.outgoing()
    assert (sent.caller, sent.vouched) == ("qlvb", outcome.vouched.vouched)
    assert at.spool.envelope(sent.original) == CONTENT
    assert at.spool.envelope(sent.digest) == outcome.vouched.package.content


def test_an_envelope_that_its_system_signed_travels_as_it_is(at: GatewayDesk) -> None:
    signed = at.hub.signed(OWN_LETTER, key=at.hub.keys[H41])
    assert accepted(at.office.submit(at.caller(), signed)).vouched is None
    (sent,) = at.outgoing()
    assert (sent.original, sent.vouched) == ("", None)
    assert at.spool.envelope(sent.digest) == signed


# ── Whose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_sends_for_an_organ_that_its_key_does_not_name(at: GatewayDesk) -> None:
    stranger = at.caller(organs=[RENAMED])
    assert findings(at.office.submit(stranger, CONTENT)) == [FindingCode.SENDER_AGENT]
    assert findings(at.office.submit(at.caller(), envelope_bytes(LETTER))) == [FindingCode.SENDER_AGENT]
    assert at.outgoing() == []


def test_a_key_that_lost_an_organ_learns_nothing_of_what_it_sent_for_it(at: GatewayDesk) -> None:
    first = accepted(at.office.submit(at.caller(), CONTENT))
    outcome = at.office.submit(at.caller(organs=[RENAMED]), CONTENT)
    assert findings(outcome) == [FindingCode.SENDER_AGENT]
    assert at.office.sent(at.caller(organs=[RENAMED]), name=first.submission_id) == []


def test_a_key_to_receive_sends_statuses_and_no_documents(at: GatewayDesk) -> None:
    at.deliver(LETTER)
    receiver = at.caller(Right.RECEIVE)
    assert isinstance(at.office.submit(receiver, CONTENT), tuple)
    assert isinstance(at.office.submit(receiver, saying(StatusCode.RECEIVED)), Accepted)
    assert isinstance(at.office.submit(at.caller(Right.READ), saying(StatusCode.ASSIGNED)), tuple)


def test_what_was_sent_is_told_with_what_became_of_it_newest_first(at: GatewayDesk) -> None:
    first = accepted(at.office.submit(at.caller(), CONTENT)).submission_id
    second = accepted(at.office.submit(at.caller(), envelope_bytes(replace(OWN_LETTER, subject="Hai")))).submission_id
    at.answer(first)
    told = at.office.sent(at.caller(), kind=MessageType.DOCUMENT)
    assert [each.submission.submission_id for each in told] == [second, first]
    assert [len(each.receipts) for each in told] == [0, 1]
    page = at.office.sent(at.caller(), after=told[0].submission.seq)
    assert [each.submission.submission_id for each in page] == [first]
    assert [each.submission.submission_id for each in at.office.sent(at.caller(), name=first)] == [first]


# ── Sizes and kinds ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_of_a_body_is_read_under_the_limit_of_envelopes(at: GatewayDesk, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(CONTENT)
    assert isinstance(at.office.submit(at.caller(), body), Accepted)
    with body.open("wb") as file:
        file.truncate(DEFAULT_LIMITS.envelope_bytes + 10)
    assert findings(at.office.submit(at.caller(), body)) == [FindingCode.XML_TOO_LARGE]


def test_the_envelope_says_what_it_is_whatever_the_caller_calls_it(at: GatewayDesk) -> None:
    accepted(at.office.submit(at.caller(), CONTENT, kind=MessageType.STATUS))
    (sent,) = at.outgoing()
    assert sent.type is MessageType.DOCUMENT


# ── Statuses of a system's own making ───────────────────────────────────────────────────────────────────────────────


def test_01_of_the_system_itself_is_the_one_01_and_takes_the_document(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    assert accepted(at.office.submit(at.caller(), saying(StatusCode.ARRIVED))).submission_id == arrival_id(leg)
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN, repeated=True)
    assert accepted(at.office.submit(at.caller(), saying(StatusCode.ARRIVED))).repeated
    assert at.codes_said(leg) == ["01"]


def test_01_of_the_system_after_ours_adds_nothing(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.take(at.caller(), leg)
    assert accepted(at.office.submit(at.caller(), saying(StatusCode.ARRIVED))).repeated
    assert at.codes_said(leg) == ["01"]


def test_01_that_the_hub_refused_may_be_said_again(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.take(at.caller(), leg)
    at.answer(arrival_id(leg), ReceiptKind.REFUSED)
    assert not accepted(at.office.submit(at.caller(), saying(StatusCode.ARRIVED))).repeated
    assert at.codes_said(leg) == ["01", "01"]


@pytest.mark.parametrize("code", [StatusCode.RECEIVED, StatusCode.PROCESSING, StatusCode.FINISHED])
def test_a_later_status_takes_the_document_with_01_before_it(at: GatewayDesk, code: StatusCode) -> None:
    leg = at.deliver(LETTER)
    accepted(at.office.submit(at.caller(), saying(code)))
    assert at.codes_said(leg) == ["01", code.value]
    item = at.spool.item(leg)
    assert item is not None
    assert item.taking(at.clock.now()) is Taking.TAKEN


def test_02_of_the_system_itself_gives_the_document_up_once(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    accepted(at.office.submit(at.caller(), saying(StatusCode.RECEPTION_REFUSED)))
    assert at.office.fail(at.caller(), leg, reason="x") == Marked(state=Taking.FAILED, repeated=True)
    assert at.codes_said(leg) == ["02"]


def test_a_status_finds_its_document_by_code_when_the_document_id_differs(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    about = ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", document_id="other")
    accepted(at.office.submit(at.caller(), saying(StatusCode.RECEIVED, about)))
    assert at.codes_said(leg) == ["01", "03"]


def test_a_status_finds_its_document_by_either_form_of_the_senders_code(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    about = ResponseFor(organ_id="G22", code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    accepted(at.office.submit(at.caller(), saying(StatusCode.RECEIVED, about)))
    assert at.codes_said(leg) == ["01", "03"]


def test_a_status_about_something_else_goes_to_the_hub_and_marks_nothing(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    about = ResponseFor(organ_id=H14, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    accepted(at.office.submit(at.caller(), saying(StatusCode.RECEIVED, about)))
    assert [(each.status_code, each.about_leg) for each in at.outgoing()] == [("03", "")]
    assert at.codes_said(leg) == []


def test_a_status_about_what_another_key_has_in_hand_goes_out_and_leaves_it_there(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.fetch(at.caller(key_id="key-2"), leg)
    accepted(at.office.submit(at.caller(), saying(StatusCode.RECEIVED)))
    assert at.codes_said(leg) == ["03"]
    assert isinstance(at.office.take(at.caller(), leg), LeasedByOther)
    at.clock.move(timedelta(hours=1))
    at.office.take(at.caller(), leg)
    assert at.codes_said(leg) == ["03", "01"]
