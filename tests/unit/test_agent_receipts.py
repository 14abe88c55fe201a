"""Receipts at the agent: the hub's count and are kept with their signature, others are set aside and told of."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from structlog.testing import CapturingLogger

from agents import cli
from agents.agent import Agent
from agents.connectors.folder_files import Settling
from agents.connectors.folder_out import FolderOut
from agents.desk import Desk
from agents.errors import UsageFault
from agents.hub_trust import load_hub_trust
from agents.intake import Intake, Unreadable
from agents.memory_link import MemoryLink
from agents.ports import Incoming
from agents.settings import Settings, load_settings
from agents.spool import Spool
from agents.spool.outbox import MOST_DOUBTFUL
from agents.spool.records import Submission, SubmissionState
from edxml_schemas import cli as edxml
from edxml_schemas.contract import MessageType, Urgency, bundled
from edxml_schemas.findings import FindingCode
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from edxml_schemas.signatures import Signer
from edxml_schemas.signed_receipts import ReceiptPen
from router.adapters.memory_broker import MemoryBroker
from tests.support.agency import AGENT_NAMES, Fixed, settings_of
from tests.support.envelopes import a_document
from tests.support.hub_desk import H14, H41, NOW
from tests.support.hub_desk import Desk as Hub

ADDRESSED = (H41, H14)


@dataclass(slots=True)
class Office:
    """A sender with one document on its way, and the hub's pen."""

    hub: Hub
    settings: Settings
    desk: Desk
    sent: str

    def intake(self, settings: Settings | None = None) -> Intake:
        used = settings or self.settings
        return Intake(
            used,
            self.desk.spool,
            keyring=self.desk.keyring,
            clock=Fixed(),
            log=self.desk.log,
            hub=load_hub_trust(used),
        )

    def words(self, kind: ReceiptKind = ReceiptKind.ACCEPTED, recipient: str = "", **changes: object) -> bytes:
        base = Receipt(
            receipt_id=f"{kind.value}-{recipient}",
            kind=kind,
            message_id="m-1",
            submission_id=self.sent,
            message_type="edoc",
            digest=self.submission.digest,
            size=self.submission.size,
            received_at=NOW,
            decided_at=NOW,
            legs=tuple(ReceiptLeg(recipient=each, leg_id=f"l-{each}") for each in ((recipient,) if recipient else ())),
        )
        return encode_receipt(replace(base, **changes))  # type: ignore[arg-type]  # fields by name

    def signed(self, kind: ReceiptKind = ReceiptKind.ACCEPTED, recipient: str = "", **changes: Any) -> bytes:
        return self.hub.pen.sign(self.words(kind, recipient, **changes))

    @property
    def submission(self) -> Submission:
        found = self.desk.spool.submission(self.sent)
        assert found is not None
        return found

    @property
    def answered(self) -> bool:
        return self.submission.state is SubmissionState.ANSWERED


def incoming(*bodies: bytes) -> tuple[Incoming, bytes]:
    body = bundled(bodies)
    message = Incoming(
        type=MessageType.RECEIPT,
        urgency=Urgency.NORMAL,
        message_id="b-1",
        leg_id="",
        recipient="",
        sender="",
        digest="",
        size=len(body),
        body=body,
    )
    return message, body


@pytest.fixture(scope="module")
def hub() -> Hub:
    return Hub()


@pytest.fixture
def office(hub: Hub, tmp_path: Path) -> Iterator[Office]:
    settings = settings_of("vpcp", hub, tmp_path)
    with Spool.open(settings.spool) as spool:
        desk = Desk(settings, spool, clock=Fixed())
        sent = desk.send(a_document(), submission_id="lan-gui-1", origin="outbox/cong-van")
        assert isinstance(sent, str), sent
        yield Office(hub, settings, desk, sent)


# ── Kept ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_of_the_hub_answers_and_is_kept_as_it_came_with_its_signer(office: Office) -> None:
    body = office.signed()
    assert office.intake().keep(*incoming(body))
    assert office.answered
    (kept,) = office.desk.spool.receipts_of(office.sent)
    assert (kept.body, kept.signer, kept.fingerprint) == (body, "Trục thử nghiệm", office.hub.hub_key.fingerprint)
    assert not office.intake().keep(*incoming(body))
    assert len(office.desk.spool.receipts_of(office.sent)) == 1


def test_receipts_about_legs_are_kept_with_their_recipients_and_answer_nothing(office: Office) -> None:
    kinds = (ReceiptKind.HANDED_OVER, ReceiptKind.DELIVERED, ReceiptKind.NOT_DELIVERED)
    office.intake().keep(*incoming(*(office.signed(kind, H41) for kind in kinds)))
    kept = office.desk.spool.receipts_of(office.sent)
    assert {(each.kind, each.recipient) for each in kept} == {(kind.value, H41) for kind in kinds}
    assert not office.answered


def test_without_a_pinned_certificate_receipts_count_and_are_told_as_unverified(office: Office) -> None:
    open_minded = office.settings.model_copy(update={"hub_certificate": None})
    office.intake(open_minded).keep(*incoming(office.words()))
    assert office.answered
    (kept,) = office.desk.spool.receipts_of(office.sent)
    assert (kept.signer, kept.fingerprint) == ("", "")


async def test_an_agent_without_the_hubs_certificate_says_so_when_it_starts(office: Office) -> None:
    for certificate, told in ((None, True), (office.settings.hub_certificate, False)):
        agent = Agent(office.settings.model_copy(update={"hub_certificate": certificate}), office.desk.spool)
        heard = CapturingLogger()
        agent.desk.log = heard
        stop = asyncio.Event()
        stop.set()
        broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
        await agent.run(MemoryLink(broker, agent="vpcp", user_id="vpcp"), stop=stop)
        assert ("receipts.unverified" in [call.args[0] for call in heard.calls]) is told


# ── Set aside ───────────────────────────────────────────────────────────────────────────────────────────────────────


def forgeries(office: Office) -> dict[str, tuple[bytes, FindingCode]]:
    stranger = office.hub.pki.self_signed("Trục giả")
    good = office.signed()
    return {
        "unsigned": (office.words(), FindingCode.SIGNATURE_MISSING),
        "altered": (good.replace(b"<Kind>accepted", b"<Kind>refused"), FindingCode.SIGNATURE_DIGEST),
        "by a stranger": (
            ReceiptPen(Signer(stranger.key, stranger.cert)).sign(office.words()),
            FindingCode.TRUST_UNKNOWN_ISSUER,
        ),
        "late": (office.signed(decided_at=NOW + timedelta(days=4_000)), FindingCode.TRUST_EXPIRED),
        "no receipt": (b"<edXML/>", FindingCode.SIGNATURE_MISSING),
        "no XML": (b"nothing", FindingCode.XML_NOT_XML),
    }


@pytest.mark.parametrize("case", ["unsigned", "altered", "by a stranger", "late", "no receipt", "no XML"])
def test_what_the_hub_did_not_sign_does_not_count_and_is_kept_apart(office: Office, case: str) -> None:
    body, code = forgeries(office)[case]
    assert not office.intake().keep(*incoming(body))
    assert not office.answered
    assert office.desk.spool.receipts_of(office.sent) == []
    (aside,) = office.desk.spool.doubtful_receipts()
    assert aside.body == body
    assert code.value in aside.findings.split("\n")


def test_an_acceptance_of_other_bytes_under_the_same_id_does_not_answer(office: Office) -> None:
    office.intake().keep(*incoming(office.signed(digest="0" * 64)))
    assert not office.answered
    (aside,) = office.desk.spool.doubtful_receipts(office.sent)
    assert aside.findings == FindingCode.TRANSPORT_DIGEST.value
    office.intake().keep(*incoming(office.signed(ReceiptKind.REFUSED, digest="0" * 64)))
    assert office.answered  # a refusal may be about bytes that never arrived whole


def test_a_receipt_of_a_submission_that_is_not_here_is_kept_all_the_same(office: Office) -> None:
    assert office.intake().keep(*incoming(office.signed(submission_id="cua-may-cu")))
    assert len(office.desk.spool.receipts_of("cua-may-cu")) == 1


def test_a_forgery_does_not_keep_its_neighbours_from_counting(office: Office) -> None:
    office.intake().keep(*incoming(office.words(), office.signed(), b"nothing"))
    assert office.answered
    assert len(office.desk.spool.doubtful_receipts()) == 2


def test_a_forged_receipt_does_not_stand_in_the_way_of_the_real_one(office: Office) -> None:
    office.intake().keep(*incoming(office.words()))
    office.intake().keep(*incoming(office.signed()))
    assert office.answered
    (kept,) = office.desk.spool.receipts_of(office.sent)
    assert kept.signer == "Trục thử nghiệm"


def test_the_same_forgery_is_kept_once_and_no_more_than_so_many(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_DOUBTFUL == 1000
    monkeypatch.setattr("agents.spool.outbox.MOST_DOUBTFUL", 3)
    for number in (1, 1, 2, 3, 4):
        office.intake().keep(*incoming(office.words(receipt_id=str(number))))
    assert len(office.desk.spool.doubtful_receipts()) == 3


def test_a_message_that_holds_nothing_is_unreadable(office: Office) -> None:
    message, _ = incoming(b"x")
    with pytest.raises(Unreadable):
        office.intake().keep(message, b"")


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_path_of_the_certificate_is_relative_to_the_settings(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "truc.pem").write_bytes(hub.hub_key.cert_pem)
    values = {"name": "vpcp", "hub_certificate": "truc.pem", "organs": [{"organ_id": "000.00.00.G22"}]}
    (tmp_path / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    settings = load_settings(tmp_path)
    assert settings.hub_certificate == tmp_path / "truc.pem"
    assert load_hub_trust(settings) is not None


@pytest.mark.parametrize("content", [None, b"", b"nothing"])
def test_a_certificate_that_cannot_be_used_ends_the_agent_with_words(
    office: Office, tmp_path: Path, content: bytes | None
) -> None:
    place = tmp_path / "truc.pem"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(UsageFault) as told:
        load_hub_trust(office.settings.model_copy(update={"hub_certificate": place}))
    assert "hub_certificate" in told.value.vi
    assert "hub_certificate" in told.value.en


def test_an_authoritys_certificate_needs_the_hubs_name(office: Office, tmp_path: Path) -> None:
    place = tmp_path / "ca.pem"
    place.write_bytes(office.hub.pki.issuing.credential.cert_pem)
    key = office.hub.pki.issue("Trục quốc gia")
    settings = office.settings.model_copy(update={"hub_certificate": place})
    with pytest.raises(UsageFault):
        load_hub_trust(settings)
    named = settings.model_copy(update={"hub_name": "Trục quốc gia"})
    office.intake(named).keep(*incoming(ReceiptPen(Signer(key.key, key.cert)).sign(office.words())))
    assert office.answered


# ── Shown ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_result_file_tells_who_signed_each_receipt(office: Office, tmp_path: Path) -> None:
    root = tmp_path / "folder"
    out = FolderOut(root, office.desk, settling=Settling(timedelta(0)))
    out.prepare()
    office.intake().keep(*incoming(office.signed(), office.signed(ReceiptKind.HANDED_OVER, H41)))
    out.show()
    told = json.loads((root / "outbox" / "cong-van.result.json").read_text("utf-8"))
    assert told["state"] == "accepted"
    assert [(each["kind"], each["recipient"], each["signed_by"]) for each in told["receipts"]] == [
        ("accepted", "", "Trục thử nghiệm"),
        ("handed-over", H41, "Trục thử nghiệm"),
    ]
    assert {each["certificate"] for each in told["receipts"]} == {office.hub.hub_key.fingerprint}


@dataclass(frozen=True, slots=True)
class Printed:
    code: int
    out: str
    err: str


@pytest.fixture
def run(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    values = office.settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
    config = office.settings.spool.parent / "agent.toml"
    config.write_text(tomli_w.dumps(values | {"resend_after": 600, "settle": 0.05}), encoding="utf-8")

    def _run(tool: Any, *arguments: object) -> Printed:
        named = ("--config", str(config)) if tool is cli else ()
        monkeypatch.setattr(sys, "argv", ["x", *map(str, arguments), *named])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            tool.main()
        printed = capsys.readouterr()
        return Printed(int(ended.value.code or 0), printed.out, printed.err)

    return _run


def test_status_shows_how_far_each_leg_is_and_counts_what_was_set_aside(
    office: Office, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intake().keep(
        *incoming(
            office.signed(),
            office.signed(ReceiptKind.DELIVERED, H41),
            office.signed(ReceiptKind.HANDED_OVER, H41),
            office.signed(ReceiptKind.NOT_DELIVERED, H14),
            office.words(),
        )
    )
    shown = run(cli, "status", "--json")
    (told,) = json.loads(shown.out)
    assert {each["kind"] for each in told["receipts"]} == {"accepted", "delivered", "handed-over", "not-delivered"}
    assert [each["codes"] for each in told["doubtful_receipts"]] == [["signature.missing"]]
    assert "1 biên nhận không tin được" in shown.err
    assert "signature.missing" in shown.err
    monkeypatch.setenv("COLUMNS", "300")
    table = run(cli, "status").out
    assert f"{H41}: nơi nhận đã lưu / durable at the recipient" in table
    assert f"{H14}: CHƯA chuyển được / NOT delivered" in table
    assert "in the recipient's inbox" not in table


def test_receipts_become_files_that_anybody_can_verify(office: Office, run: Any, tmp_path: Path) -> None:
    bodies = [office.signed(), office.signed(ReceiptKind.DELIVERED, H41)]
    office.intake().keep(*incoming(*bodies))
    assert run(cli, "status", office.sent, "--receipts", tmp_path / "bien-nhan").code == 0
    files = sorted((tmp_path / "bien-nhan" / office.sent).iterdir())
    assert {each.read_bytes() for each in files} == set(bodies)
    for each in files:
        told = run(edxml, "verify-receipt", each, "--hub-cert", office.settings.hub_certificate)
        assert told.code == 0
        assert "Trục thử nghiệm" in told.out


def test_a_submission_id_that_is_no_file_name_stays_inside_the_folder(office: Office, run: Any, tmp_path: Path) -> None:
    odd = "../../etc/passwd"
    office.desk.send(a_document(), submission_id=odd)
    kept = office.desk.spool.submission(odd)
    assert kept is not None
    office.intake().keep(*incoming(office.signed(submission_id=odd, digest=kept.digest)))
    assert run(cli, "status", odd, "--receipts", tmp_path / "a" / "b").code == 0
    assert len([each for each in tmp_path.rglob("*accepted*.xml") if (tmp_path / "a" / "b") in each.parents]) == 1
    assert len(list(tmp_path.rglob("*accepted*.xml"))) == 1


# ── edxml verify-receipt ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_receipt_is_told_in_both_languages_and_as_json(office: Office, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "bien-nhan.xml"
    file.write_bytes(office.signed(ReceiptKind.HANDED_OVER, H41))
    certificate = office.settings.hub_certificate
    told = run(edxml, "verify-receipt", file, "--hub-cert", certificate)
    assert told.code == 0
    for text in ("biên nhận do “Trục thử nghiệm” ký", "signed by “Trục thử nghiệm”", "handed over", H41, "09:00:00"):
        assert text in told.out
    shown = json.loads(run(edxml, "verify-receipt", file, "--hub-cert", certificate, "--json").out)
    assert (shown["valid"], shown["signed_by"]) == (True, "Trục thử nghiệm")
    assert shown["receipt"]["kind"] == "handed-over"
    assert shown["certificate"]["fingerprint"] == office.hub.hub_key.fingerprint


def test_a_forged_receipt_exits_1_with_the_reason(office: Office, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "bien-nhan.xml"
    certificate = office.settings.hub_certificate
    for body, code in forgeries(office).values():
        file.write_bytes(body)
        told = run(edxml, "verify-receipt", file, "--hub-cert", certificate)
        assert told.code == 1
        assert code.value in told.out
        shown = run(edxml, "verify-receipt", file, "--hub-cert", certificate, "--json")
        assert shown.code == 1
        assert json.loads(shown.out)["valid"] is False


def test_a_refusal_shows_what_the_hub_found(office: Office, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "bien-nhan.xml"
    settled = office.hub.send(b"<edXML/>")
    file.write_bytes(office.hub.relay.load(settled.outbox[0]))
    told = run(edxml, "verify-receipt", file, "--hub-cert", office.settings.hub_certificate)
    assert told.code == 0
    assert all(each.code.value in told.out for each in settled.message.findings)


@pytest.mark.parametrize("certificate", ["khong-co.pem", "rubbish"])
def test_a_certificate_that_is_none_exits_2(office: Office, run: Any, tmp_path: Path, certificate: str) -> None:
    file = tmp_path / "bien-nhan.xml"
    file.write_bytes(office.signed())
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    assert run(edxml, "verify-receipt", file, "--hub-cert", tmp_path / certificate).code == 2
