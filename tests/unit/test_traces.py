"""Trace ids: derived from what a document is called, the same at hub and agents, and on everything said of it."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from agents.spool.records import NewDelivery
from agents.trail import trace_of_delivery, trace_of_submission
from edxml_schemas import traces
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.evidence.container import unpack
from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.model import ResponseFor
from edxml_schemas.receipts import Receipt, decode_receipt, encode_receipt
from router import logs
from router.core.people import Scope
from router.core.receipts import receipt_words
from router.core.records import MessageState, OutboxItem, OutboxKind
from router.core.search import wanted_by
from router.core.search_question import Question, Reading
from router.core.search_terms import DocumentFacts, entry_of
from router.core.traces import trace_of
from router.services import tracing
from router.services.traces import trace_in, traces_of
from router.services.work.batch import Batch, tell
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import H41, NOW, Desk, receipt_in
from tests.support.provable import ProvableHub
from tests.unit.test_search_words import BOOK

TRACE = traces.trace_id(SENDER, DOCUMENT_ID)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def receipts_in(items: tuple[OutboxItem, ...] | list[OutboxItem]) -> list[Receipt]:
    read = [decode_receipt(each.body) for each in items if each.kind is OutboxKind.RECEIPT]
    return [each for each in read if isinstance(each, Receipt)]


# ── The derivation ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_derivation_never_changes() -> None:
    text = "urn:vn:truc-lien-thong:trace:1:document\n3:G22\n39:" + DOCUMENT_ID
    assert len(DOCUMENT_ID) == 39
    assert hashlib.sha256(text.encode()).hexdigest()[:32] == TRACE == "35305c6a278d4edd877a32aaa095ca8d"


@pytest.mark.parametrize("code", ["000.00.12.H41", "H41.12", " h41.12 ", "000.00.12.h41"])
def test_every_form_of_a_code_gives_the_same_id(code: str) -> None:
    assert traces.trace_id(code, "1") == traces.trace_id("H41.12", "1")


def test_what_is_named_otherwise_has_another_id() -> None:
    made = {
        traces.trace_id("H41", "1"),
        traces.trace_id("H41", "2"),
        traces.trace_id("H14", "1"),
        traces.trace_id("H41\n1:1", ""),
        traces.submission_trace_id("H41", "1"),
    }
    assert len(made) == 5
    assert all(map(traces.is_trace_id, made))


@pytest.mark.parametrize("text", ["0" * 32, "g" * 32, "1" * 31, "A" * 32, ""])
def test_what_the_standard_does_not_allow_is_no_trace_id(text: str) -> None:
    assert not traces.is_trace_id(text)


def test_a_text_that_is_no_unicode_has_an_id_all_the_same() -> None:
    assert traces.is_trace_id(traces.trace_id("\udcff", "\ud800"))
    assert len(traces.root_span_id(TRACE)) == traces.SPAN_DIGITS


def test_an_envelope_names_the_document_that_it_is_or_that_it_is_about() -> None:
    assert traces.document_of(a_document()) == (SENDER, DOCUMENT_ID)
    about = ResponseFor(organ_id=SENDER, document_id=DOCUMENT_ID)
    assert traces.document_of(a_status(sender=an_organ(H41), response_for=about)) == (SENDER, DOCUMENT_ID)
    asked = ResponseFor(organ_id=H41, document_id=DOCUMENT_ID)
    asks = a_status(sender=an_organ(SENDER), status_code="13", response_for=asked)
    assert traces.document_of(asks) == (SENDER, DOCUMENT_ID)


# ── On the hub ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_that_is_said_about_a_document_has_its_trace_id(desk: Desk) -> None:
    sent = desk.send(a_document())
    told = [*sent.outbox, *desk.confirm(sent.outbox), *desk.report(desk.leg(sent.message, H41))]
    status = desk.send(
        a_status(sender=an_organ(H41), response_for=ResponseFor(organ_id=SENDER, document_id=DOCUMENT_ID))
    )
    again = desk.send(a_document())
    assert (sent.trace, status.trace, again.trace) == (TRACE, TRACE, TRACE)
    receipts = receipts_in([*told, *status.outbox, *again.outbox])
    assert len({each.kind for each in receipts}) == 3
    assert {each.trace_id for each in receipts} == {TRACE}
    shown = tracing.as_dict(tracing.trace_of(desk.store, sent.message))
    timeline = shown["timeline"]
    assert isinstance(timeline, list)
    assert {each["trace_id"] for each in timeline} == {TRACE} == {shown["trace_id"]}


def test_a_status_that_names_its_document_by_number_has_the_documents_id(desk: Desk) -> None:
    document = desk.accept(a_document())
    named = replace(a_status().response_for, organ_id=SENDER, document_id="khác")
    status = desk.send(a_status(sender=an_organ(H41), response_for=named))
    assert status.message.about == document.id
    assert status.trace == receipt_in(status.outbox).trace_id == TRACE
    assert trace_in(desk.store, status.message) == TRACE
    with desk.store.begin() as tx:
        assert traces_of(tx, [document, status.message]) == {document.id: TRACE, status.message.id: TRACE}


def test_a_refused_status_is_found_under_the_document_that_it_speaks_of(desk: Desk) -> None:
    desk.accept(a_document())
    status = desk.send(a_status(sender=an_organ("000.00.00.H14"), status_code="15"))
    assert status.message.state is MessageState.REFUSED
    assert status.trace == receipt_in(status.outbox).trace_id == trace_in(desk.store, status.message) == TRACE


def test_what_names_no_document_has_a_trace_of_its_own(desk: Desk) -> None:
    first, second = desk.send(b"<edXML/>"), desk.send(b"<edXML/>")
    assert first.trace == traces.submission_trace_id("vpcp", first.message.submission_id)
    assert first.trace == receipt_in(first.outbox).trace_id != second.trace


def test_the_line_about_a_message_names_its_trace(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    try:
        settled = desk.send(a_document())
        tell(logs.logger("worker"), Batch(), [settled], publishing=0, examining=0, committing=0)
        assert json.loads(capsys.readouterr().err)["trace_id"] == TRACE
    finally:
        structlog.reset_defaults()


def test_a_document_is_searched_for_by_its_trace_id(desk: Desk) -> None:
    document = desk.accept(a_document())
    entry = entry_of(DocumentFacts(message=document, legs=()), BOOK)
    wanted = wanted_by(Question(text=TRACE.upper()), BOOK, inside=lambda _: ())
    assert [reading for _, reading in wanted.readings] == [Reading.TRACE]
    assert all(any(part.has(entry.fixed) for part in clause) for clause in wanted.whole)
    assert wanted.told_by_index(Scope(frozenset()))


# ── Receipts and evidence ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_of_an_earlier_hub_is_one_as_well(desk: Desk) -> None:
    receipt = receipt_in(desk.send(a_document()).outbox)
    earlier = decode_receipt(encode_receipt(replace(receipt, trace_id="")))
    assert isinstance(earlier, Receipt)
    assert (earlier.trace_id, replace(earlier, trace_id=TRACE)) == ("", receipt)
    assert not isinstance(decode_receipt(encode_receipt(replace(receipt, trace_id="no id"))), Receipt)


def test_evidence_holds_the_id_and_receipts_that_were_sent_before_there_were_any() -> None:
    hub = ProvableHub(quiet=True)
    desk = hub.desk
    settled = desk.send(a_document())
    old_id, words = receipt_words(
        settled.message,
        desk.store.legs_of(settled.message.id),
        kind=receipt_in(settled.outbox).kind,
        decided_at=settled.message.decided_at,
        trace="",
    )
    digest = hashlib.sha256(words).hexdigest()
    sent = [replace(each, body=words, digest=digest) if each.id == old_id else each for each in settled.outbox]
    desk.confirm(desk.confirm(sent, now=NOW + timedelta(minutes=1)), now=NOW + timedelta(minutes=1))
    hub.document = settled.message
    hub.seal()
    package = hub.package()
    assert verify(package, Known(hub_certificates=(desk.hub_key.cert,), anchors=(desk.pki.root.cert,))).failed == ()
    members = unpack(package)
    assert json.loads(members["evidence.json"])["trace_id"] == TRACE
    receipts = [each for name, each in members.items() if "receipt" in name and name.endswith(".xml")]
    assert sorted(TRACE.encode() in each for each in receipts) == [False, True, True]


# ── At the agents ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_agents_reckon_the_same_id_as_the_hub(desk: Desk) -> None:
    from agents.packaging import Package, submission

    document, status = a_document(), a_status(sender=an_organ(H41))
    status = replace(status, response_for=ResponseFor(organ_id=SENDER, document_id=DOCUMENT_ID))
    for envelope in (document, status):
        new = submission(Package(content=b"", envelope=envelope), submission_id="1", now=NOW)
        assert trace_of_submission("vpcp", new) == TRACE
    came = NewDelivery(
        leg_id="leg",
        message_id="m",
        type=MessageType.DOCUMENT,
        urgency=Urgency.NORMAL,
        recipient=H41,
        sender=SENDER,
        envelope=b"",
        digest="",
        received_at=NOW,
        document_id=DOCUMENT_ID,
    )
    assert trace_of_delivery(came) == TRACE
    told = replace(came, type=MessageType.STATUS, status_code="03", sender=H41, recipient=SENDER, document_id="")
    assert trace_of_delivery(replace(told, about_document_id=DOCUMENT_ID)) == TRACE
    asked = replace(told, status_code="13", sender=SENDER, recipient=H41, about_document_id=DOCUMENT_ID)
    assert trace_of_delivery(asked) == TRACE
    assert trace_of(desk.accept(document)) == TRACE
