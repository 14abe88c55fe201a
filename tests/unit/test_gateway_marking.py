"""Marks of document systems: cheap however large the letter, and only by the key that may and that has it in hand."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.arrivals import arrival_id
from agents.gateway.callers import Right
from agents.gateway.outcomes import Accepted, LeasedByOther, Marked, NotYours, Taking
from agents.spool import Spool
from agents.spool.schema import MIGRATIONS
from edxml_schemas import codec
from edxml_schemas.model import PromulgationInfo, ResponseFor, StatusMessage
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import StatusCode
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ, envelope_bytes
from tests.support.gateway import GatewayDesk, gateway_desk
from tests.support.hub_desk import H14, H41
from tests.support.spools import make_older

LETTER = a_document(recipients=(an_organ(H41),))
OWN = a_document(sender=an_organ(H41), recipients=(an_organ(H14),), document_id=DOCUMENT_ID.replace(SENDER, H41))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        yield made


def saying(code: StatusCode) -> bytes:
    about = ResponseFor(organ_id=SENDER, code=str(LETTER.code), document_id=DOCUMENT_ID)
    return envelope_bytes(
        a_status(sender=an_organ(H41), response_for=about, status_code=code.value, description="Không thuộc")
    )


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Digests of the envelopes that are read from now on."""
    seen: list[str] = []
    envelope = Spool.envelope

    def counted(self: Spool, digest: str) -> bytes:
        seen.append(digest)
        return envelope(self, digest)

    monkeypatch.setattr(Spool, "envelope", counted)
    return seen


def said_of(at: GatewayDesk, leg: str) -> list[StatusMessage]:
    decoded = [codec.decode(at.spool.envelope(each.digest)) for each in at.spool.submissions_about(leg)]
    return [each.envelope for each in decoded if isinstance(each, codec.Decoded)]  # type: ignore[misc]  # statuses only


# ── Without reading the letter ──────────────────────────────────────────────────────────────────────────────────────


def test_no_mark_reads_the_letter_again(at: GatewayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    legs = [at.deliver(LETTER) for _ in range(3)]
    seen = reads(monkeypatch)
    at.office.take(at.caller(), legs[0])
    at.office.fail(at.caller(), legs[1], reason="Không đọc được")
    at.office.report(at.caller(), legs[2], StatusCode.RECEIVED)
    assert [at.codes_said(leg) for leg in legs] == [["01"], ["02"], ["01", "03"]]
    assert seen == []


def test_a_status_names_the_document_as_its_sender_wrote_it(at: GatewayDesk) -> None:
    day = date(2026, 2, 28)
    leg = at.deliver(replace(LETTER, promulgation_info=PromulgationInfo(place="Hà Nội", promulgation_date=day)))
    at.office.take(at.caller(), leg)
    (status,) = said_of(at, leg)
    assert status.response_for == ResponseFor(
        organ_id=SENDER, code=str(LETTER.code), document_id=DOCUMENT_ID, promulgation_date=day
    )


def test_what_an_earlier_version_kept_is_read_once_however_many_mark_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gateway_desk(tmp_path) as at:
        leg = at.deliver(LETTER)
        folder = at.spool.folder
    gc.collect()
    make_older(folder, len(MIGRATIONS) - 1)
    with gateway_desk(tmp_path, hub=at.hub) as later:
        seen = reads(monkeypatch)
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda _: later.office.take(later.caller(), leg), range(8)))
        assert len(seen) == 1
        assert all(isinstance(each, Marked) for each in outcomes)
        assert later.codes_said(leg) == ["01"]


def test_what_nobody_can_read_is_put_aside_without_a_word(at: GatewayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    leg = at.deliver(b"<no-envelope/>")
    seen = reads(monkeypatch)
    assert at.office.fail(at.caller(), leg, reason="x") == Marked(state=Taking.FAILED)
    assert (at.codes_said(leg), seen) == ([], [])


# ── By hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("code", "said"), [("03", ["01", "03"]), ("05", ["01", "05"]), ("01", ["01"])])
def test_a_status_that_is_said_by_hand_takes_the_document_and_says_01_once(
    at: GatewayDesk, code: str, said: list[str]
) -> None:
    leg = at.deliver(LETTER)
    told = at.desk.report(leg, StatusCode(code))
    assert isinstance(told, str)
    assert at.desk.receive() == []
    assert at.office.received(at.caller(), kind=None) == []
    at.desk.take(leg)
    assert at.codes_said(leg) == said
    assert told in {each.submission_id for each in at.outgoing()}


def test_a_refusal_by_hand_takes_nothing(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    assert isinstance(at.desk.report(leg, StatusCode.RECEPTION_REFUSED, reason="Gửi nhầm"), str)
    assert [each.leg_id for each in at.desk.receive()] == [leg]
    assert at.codes_said(leg) == ["02"]


# ── In another key's hands ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [StatusCode.ARRIVED, StatusCode.RECEPTION_REFUSED])
def test_01_and_02_about_what_another_key_has_in_hand_do_not_go_out(at: GatewayDesk, code: StatusCode) -> None:
    leg, holder = at.deliver(LETTER), at.caller(key_id="key-2", system_id="other")
    at.office.fetch(holder, leg)
    assert isinstance(at.office.submit(at.caller(), saying(code)), LeasedByOther)
    assert at.outgoing() == []
    assert at.office.take(holder, leg) == Marked(state=Taking.TAKEN)
    assert at.codes_said(leg) == ["01"]


def test_01_and_02_go_out_when_the_other_keys_lease_has_ended(at: GatewayDesk) -> None:
    leg = at.deliver(LETTER)
    at.office.fetch(at.caller(key_id="key-2"), leg)
    assert isinstance(at.office.submit(at.caller(), saying(StatusCode.RECEPTION_REFUSED)), LeasedByOther)
    at.clock.move(timedelta(days=2))
    assert isinstance(at.office.submit(at.caller(), saying(StatusCode.RECEPTION_REFUSED)), Accepted)
    assert at.codes_said(leg) == ["02"]


# ── Rights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [StatusCode.ARRIVED, StatusCode.RECEPTION_REFUSED])
def test_a_key_that_only_sends_neither_takes_nor_refuses_a_document(at: GatewayDesk, code: StatusCode) -> None:
    leg, sender = at.deliver(LETTER), at.caller(Right.SEND)
    assert isinstance(at.office.report(sender, leg, code, reason="x"), tuple)
    assert isinstance(at.office.submit(sender, saying(code)), tuple)
    assert at.outgoing() == []
    assert at.office.count(at.caller(), kind=None) == 1


def test_a_key_that_only_sends_says_later_statuses_and_leaves_the_document_to_others(at: GatewayDesk) -> None:
    leg, sender = at.deliver(LETTER), at.caller(Right.SEND)
    assert isinstance(at.office.report(sender, leg, StatusCode.RECEIVED), Accepted)
    assert isinstance(at.office.submit(sender, saying(StatusCode.PROCESSING)), Accepted)
    assert at.codes_said(leg) == ["03", "05"]
    assert at.office.take(at.caller(), leg) == Marked(state=Taking.TAKEN)
    assert arrival_id(leg) in {each.submission_id for each in at.outgoing()}


def test_a_key_of_an_organ_that_the_agent_no_longer_has_reaches_nothing_of_it(at: GatewayDesk) -> None:
    gone = "000.01.99.H41"
    leg = at.deliver(a_document(recipients=(an_organ(gone),)), recipient=gone)
    for organs in ([gone], [gone, H41]):
        caller = at.caller(organs=organs, key_id=f"key-{len(organs)}")
        assert at.office.received(caller, kind=None, everything=True) == []
        assert at.office.count(caller, kind=None) == 0
        answers: tuple[Any, ...] = (
            at.office.find(caller, leg),
            at.office.fetch(caller, leg),
            at.office.take(caller, leg),
            at.office.fail(caller, leg, reason="x"),
            at.office.report(caller, leg, StatusCode.RECEIVED),
        )
        assert set(answers) == {NotYours(leg_id=leg)}
    refused = at.office.submit(at.caller(organs=[gone]), envelope_bytes(OWN))
    assert isinstance(refused, tuple)
    assert "agent.toml" in str(getattr(refused[0], "en", ""))
    assert isinstance(at.office.submit(at.caller(organs=[gone, H41]), envelope_bytes(OWN)), Accepted)
    assert at.codes_said(leg) == []


# ── A resend ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_delivered_to_nobody_may_be_offered_again(at: GatewayDesk) -> None:
    content = envelope_bytes(OWN)
    first = at.office.submit(at.caller(), content)
    assert isinstance(first, Accepted)
    at.answer(first.submission_id)
    at.answer(first.submission_id, ReceiptKind.HANDED_OVER)
    assert at.office.submit(at.caller(), content) == Accepted(submission_id=first.submission_id, repeated=True)
    at.answer(first.submission_id, ReceiptKind.NOT_DELIVERED)
    again = at.office.submit(at.caller(), content)
    assert isinstance(again, Accepted)
    assert (again.repeated, again.submission_id != first.submission_id) == (False, True)
    assert at.office.submit(at.caller(), content) == Accepted(submission_id=again.submission_id, repeated=True)


def test_what_one_of_two_recipients_got_is_not_sent_again(at: GatewayDesk) -> None:
    content = envelope_bytes(replace(OWN, recipients=(an_organ(H14), an_organ(SENDER))))
    first = at.office.submit(at.caller(), content)
    assert isinstance(first, Accepted)
    at.answer(first.submission_id, ReceiptKind.NOT_DELIVERED)  # of the first recipient
    assert at.office.submit(at.caller(), content) == Accepted(submission_id=first.submission_id, repeated=True)


# ── Folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_folders_of_large_envelopes_are_there_and_synced_before_anything_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: dict[int, str] = {}
    synced: list[str] = []
    real_open, real_sync = os.open, os.fsync

    def noted(path: Any, *rest: Any, **named: Any) -> int:
        descriptor = real_open(path, *rest, **named)
        opened[descriptor] = str(path)
        return descriptor

    def sync(descriptor: int) -> None:
        synced.append(opened.get(descriptor, ""))
        real_sync(descriptor)

    monkeypatch.setattr(os, "open", noted)
    monkeypatch.setattr(os, "fsync", sync)
    folder = tmp_path / "spool"
    for _ in range(2):
        synced.clear()
        with Spool.open(folder):
            assert len([each for each in (folder / "envelopes").iterdir() if each.is_dir()]) == 256
        assert {str(folder / "envelopes"), str(folder), str(tmp_path)} <= set(synced)
