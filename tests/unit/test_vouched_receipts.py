"""The hub keeps who vouched with the message, and says it on its receipts, in the trace and in the evidence."""

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from agents.agent import Agent
from agents.memory_link import MemoryLink
from agents.packaging import submission
from agents.spool import Spool
from agents.spool.records import StoredReceipt
from edxml_schemas.contract import Header, Urgency, ingest_queue
from edxml_schemas.evidence import package
from edxml_schemas.evidence.container import unpack
from edxml_schemas.evidence.records import MESSAGE_FIELDS, words_digest
from edxml_schemas.evidence.verdict import CheckName
from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from edxml_schemas.signed_receipts import HubTrust, SignedReceipt, open_receipt
from edxml_schemas.vouched import VOUCHED_CHARS, Repair, Vouched
from router.adapters.dead_wire import DEATHS, letter_of
from router.adapters.memory_broker import MemoryBroker
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.adapters.wire import submission_of
from router.commands.trace import trace as trace_command
from router.core.proof import message_digest, message_json, message_values
from router.core.receipts import made_again
from router.core.records import MessageState, PutMessage
from router.services.dead.dead_letters import submission_in
from router.services.tracing import as_dict, trace_of
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.envelopes import SENDER, a_document, envelope_bytes
from tests.support.hub_desk import H41, NOW, Desk, found, receipt_in
from tests.support.provable import ProvableHub
from tests.support.records import message
from tests.support.vouching import SYSTEM, Counter, counter
from tests.support.waiting import until

NOTE = Vouched(
    system=SYSTEM, digest=hashlib.sha256(b"as it came").hexdigest(), size=10, repairs=("leading-bytes", "a-new-one")
)


# ── On the way in ───────────────────────────────────────────────────────────────────────────────────────────────────


def arrived(note: object) -> str:
    read = submission_of(
        routing_key="normal.vpcp",
        submission_id="s-1",
        message_type="edoc",
        user_id="vpcp",
        headers={Header.DIGEST.value: "ab" * 32, Header.SIZE.value: 1, Header.VOUCHED.value: note},
        body=b"x",
        redelivered=False,
        received_at=NOW,
    )
    assert read is not None
    return read.vouched


def test_the_header_is_read_as_text_and_bounded() -> None:
    assert arrived(NOTE.encoded()) == NOTE.encoded()
    assert arrived(NOTE.encoded().encode()) == NOTE.encoded()
    assert arrived(None) == ""
    assert len(arrived("x" * 10_000)) == VOUCHED_CHARS + 1


@pytest.mark.parametrize("note", [7, b"", "", {"system": "x"}, True, "no note", "x" * 10_000])
def test_a_note_that_cannot_be_read_refuses_the_message_and_is_named(note: object) -> None:
    desk = Desk()
    settled = desk.send(a_document(), vouched=arrived(note))
    assert settled.message.state is MessageState.REFUSED
    assert found(settled) == (FindingCode.TRANSPORT_HEADERS,)
    assert dict(settled.message.findings[0].facts)["header"] == Header.VOUCHED.value
    assert settled.message.vouched is None


def test_a_dead_letter_keeps_the_note_whole_and_goes_its_way_with_it() -> None:
    long = replace(NOTE, system="x" * 100, repairs=tuple(f"repair-number-{n}" for n in range(16)))
    letter = letter_of(
        routing_key="normal.vpcp",
        message_id="s-1",
        message_type="edoc",
        user_id="vpcp",
        headers={Header.VOUCHED.value: long.encoded(), DEATHS: [{"queue": ingest_queue(Urgency.NORMAL)}]},
        body=b"x",
        now=NOW,
    )
    again = submission_in(letter, b"x")
    assert again is not None
    assert again.vouched == long.encoded()


# ── Record and receipts ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_accepted_message_remembers_it_and_its_receipt_says_it() -> None:
    desk = Desk()
    settled = desk.send(a_document(), vouched=NOTE.encoded())
    assert settled.message.state is MessageState.ACCEPTED
    assert settled.message.vouched == NOTE
    assert receipt_in(settled.outbox).vouched == NOTE


def test_a_refused_message_and_its_receipt_say_it_too() -> None:
    settled = Desk().send(b"<edXML/>", vouched=NOTE.encoded())
    assert settled.message.vouched == receipt_in(settled.outbox).vouched == NOTE


def test_receipts_about_one_recipient_leave_it_to_the_first() -> None:
    desk = Desk()
    settled = desk.send(a_document(), vouched=NOTE.encoded())
    handed = desk.confirm(settled.outbox)
    told = [decode_receipt(each.body) for each in (*handed, *desk.report(desk.leg(settled.message, H41)))]
    assert {each.kind for each in told if isinstance(each, Receipt)} == {ReceiptKind.HANDED_OVER, ReceiptKind.DELIVERED}
    assert all(isinstance(each, Receipt) and each.vouched is None for each in told)


def test_receipts_are_made_again_with_it_byte_for_byte() -> None:
    desk = Desk()
    settled = desk.send(a_document(), vouched=NOTE.encoded())
    (sent,) = [each for each in settled.outbox if each.kind.value == "receipt"]
    again = made_again(settled.message, desk.store.legs_of(settled.message.id), ())
    assert again[sent.id] == sent.body


def test_a_verdict_that_waits_still_says_it_in_the_end() -> None:
    desk = Desk()
    desk.trust.now_trusted = desk.material(())
    waiting = desk.send(a_document(), vouched=NOTE.encoded()).message
    assert (waiting.state, waiting.vouched) == (MessageState.DEFERRED, NOTE)
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    later = NOW + timedelta(hours=1)

    with desk.store.begin() as tx:
        due = desk.upkeep.due(tx, now=later, limit=10)
    retried = [desk.upkeep.examine(each, now=later) for each in due]
    with desk.store.begin() as tx:
        (settled,) = desk.upkeep.settle(tx, retried, now=later)

    assert (settled.message.state, settled.message.vouched) == (MessageState.ACCEPTED, NOTE)
    assert receipt_in(settled.outbox).vouched == NOTE


def test_the_digest_of_a_record_without_a_note_is_what_it_always_was() -> None:
    plain = message("plain")
    assert len(message_values(plain)) == len(MESSAGE_FIELDS)
    assert message_digest(plain) == words_digest(tuple(message_values(plain)))
    assert "vouched" not in message_json(plain)
    assert message_digest(replace(plain, vouched=NOTE)) != message_digest(plain)
    assert message_json(replace(plain, vouched=NOTE))["vouched"] == [
        SYSTEM,
        NOTE.digest,
        10,
        ["leading-bytes", "a-new-one"],
    ]


# ── Trace ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_trace_tells_who_vouched_and_what_was_done() -> None:
    desk = Desk()
    noted = as_dict(trace_of(desk.store, desk.send(a_document(), vouched=NOTE.encoded()).message))
    told = json.loads(json.dumps(noted))["message"]["vouched"]
    assert (told["system"], told["digest"], told["size"]) == (SYSTEM, NOTE.digest, 10)
    assert [each["name"] for each in told["repairs"]] == ["leading-bytes", "a-new-one"]
    assert told["repairs"][0]["text"]["vi"] == "bỏ byte thừa trước XML"


def test_the_command_line_tells_it_in_words(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    upgrade(url)
    store = SqlStore(url)
    with store.begin() as tx:
        tx.apply([PutMessage(message("1", vouched=NOTE)), PutMessage(message("2"))])
    store.close()
    config = tmp_path / "truc.toml"
    config.write_text('database_url = "sqlite:///hub.db"\n', encoding="utf-8")
    app = typer.Typer()
    app.command()(trace_command)

    with_note, without = (CliRunner().invoke(app, [each, "--config", str(config)]).stdout for each in ("m-1", "m-2"))

    for text in (SYSTEM, NOTE.digest, "bỏ byte thừa trước XML / stray bytes before the XML removed", "a-new-one"):
        assert text in with_note
    assert "vouched" not in without


# ── Evidence ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hub() -> ProvableHub:
    return ProvableHub(quiet=True)


@pytest.fixture(scope="module")
def whole(hub: ProvableHub) -> bytes:
    settled = hub.desk.send(a_document(), vouched=NOTE.encoded())
    hub.desk.confirm(settled.outbox)
    hub.seal()
    return hub.package(settled.message)


def checked(hub: ProvableHub, data: bytes) -> set[CheckName]:
    known = Known(hub_certificates=(hub.desk.hub_key.cert,), anchors=(hub.desk.pki.root.cert,))
    return {each.name for each in verify(data, known).failed}


def resealed(hub: ProvableHub, data: bytes, change: Any) -> bytes:
    members = {name: each for name, each in unpack(data).items() if name not in (package.MANIFEST, package.SIGNATURE)}
    told = orjson.loads(members[package.EVIDENCE])
    change(told)
    members[package.EVIDENCE] = orjson.dumps(told)
    return package.seal_members([*members.items()], signer=hub.desk.pen.signer)


def test_evidence_proves_who_vouched_and_its_summary_says_it(hub: ProvableHub, whole: bytes) -> None:
    assert checked(hub, whole) == set()
    members = unpack(whole)
    assert orjson.loads(members[package.EVIDENCE])["format"] == "truc-evidence/2"
    page = members[package.SUMMARY].decode()
    for text in ("Tác nhân ký thay cho hệ thống", SYSTEM, NOTE.digest, "bỏ byte thừa trước XML; a-new-one"):
        assert text in page


def test_evidence_of_what_nobody_vouched_for_is_of_the_first_format() -> None:
    plain = ProvableHub(quiet=True)
    settled = plain.desk.send(a_document())
    plain.desk.confirm(settled.outbox)
    plain.seal()
    members = unpack(plain.package(settled.message))
    told = orjson.loads(members[package.EVIDENCE])
    assert told["format"] == "truc-evidence/1"
    assert all(set(each) == set(MESSAGE_FIELDS) for each in told["messages"])
    assert "ký thay" not in members[package.SUMMARY].decode()


LIES: dict[str, tuple[Any, CheckName]] = {
    "another system": (lambda told: told["messages"][0]["vouched"].__setitem__(0, "other"), CheckName.RECORDS),
    "no note": (lambda told: told["messages"][0].pop("vouched"), CheckName.CONTENTS),
    "a note that is none": (lambda told: told["messages"][0].__setitem__("vouched", ["x"]), CheckName.CONTENTS),
    "a note of wrong values": (lambda told: told["messages"][0]["vouched"].__setitem__(1, "x"), CheckName.CONTENTS),
    "repairs that are none": (lambda told: told["messages"][0]["vouched"].__setitem__(3, [1]), CheckName.CONTENTS),
    "the first format": (lambda told: told.__setitem__("format", "truc-evidence/1"), CheckName.CONTENTS),
    "another format": (lambda told: told.__setitem__("format", "truc-evidence/3"), CheckName.CONTENTS),
}


@pytest.mark.parametrize(("change", "check"), LIES.values(), ids=LIES)
def test_a_lie_about_who_vouched_is_seen(hub: ProvableHub, whole: bytes, change: Any, check: CheckName) -> None:
    assert check in checked(hub, resealed(hub, whole, change))


# ── From a document system that cannot sign to the hub's signed receipt ─────────────────────────────────────────────


@pytest.fixture
def office(tmp_path: Path) -> tuple[Desk, Counter]:
    hub = Desk()
    return hub, counter(tmp_path, [SENDER], key=hub.keys[SENDER])


async def test_a_legacy_envelope_is_accepted_and_the_signed_receipt_says_who_vouched(
    office: tuple[Desk, Counter], tmp_path: Path
) -> None:
    hub, desk = office
    dirty = b"1212" + envelope_bytes(a_document()) + b"\0"
    told = desk.vouched(dirty)
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    with Spool.open(tmp_path / "vpcp") as spool:
        agent = Agent(settings_of("vpcp", hub, tmp_path), spool, clock=Fixed())
        new = submission(told.package, submission_id="s-1", now=NOW)
        spool.add_submission(replace(new, original=told.original, vouched=told.vouched))
        link = MemoryLink(broker, agent="vpcp", user_id="vpcp")

        def accepted() -> list[StoredReceipt]:
            return [each for each in spool.receipts_of("s-1") if each.kind == "accepted"]

        async with running(SmallHub(hub, broker).run(), agent.run(link)):
            await until(lambda: asyncio.to_thread(lambda: bool(accepted())))
        (receipt,) = accepted()
    opened = open_receipt(receipt.body, HubTrust.from_pem(hub.hub_key.cert_pem))
    assert isinstance(opened, SignedReceipt), codes(opened) if isinstance(opened, tuple) else opened
    assert opened.receipt.kind is ReceiptKind.ACCEPTED
    note = opened.receipt.vouched
    assert note == told.vouched
    assert note is not None
    assert note.digest == hashlib.sha256(dirty).hexdigest()
    assert note.repairs == (Repair.LEADING_BYTES, Repair.TRAILING_BYTES, Repair.SIGNATURE_ADDED)
    desk.desk.spool.close()
