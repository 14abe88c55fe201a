"""What is told of signatures and envelopes, whatever the envelope is."""

import hashlib

import pytest

from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.vouched import Repair, Vouched
from router.adapters.memory_payloads import MemoryPayloads
from router.core.organ_book import OrganBook
from router.core.people import EVERYTHING, Role, Scope
from router.core.records import MessageRecord, MessageState, PutMessage
from router.services.documents import envelopes as module
from router.services.documents.dossier import Dossiers, Relation
from router.services.documents.envelopes import Envelopes, Reading
from router.services.documents.headers import header_fields
from router.services.documents.telling import RELATION_TEXT, dossier_as_dict
from router.services.documents.trust_words import STANDING_TEXT, Standing, standing_of
from tests.support.document_house import H41, SENDER, DocumentHouse
from tests.support.envelopes import a_document, a_status, an_attachment, an_organ, envelope_bytes
from tests.support.hub_desk import NOW, Desk
from tests.support.records import digest_of, message


@pytest.mark.parametrize(
    ("state", "codes", "certificate", "standing"),
    [
        (MessageState.ACCEPTED, (), "ab", Standing.GOOD),
        (MessageState.ACCEPTED, (FindingCode.RECIPIENT_NO_AGENT,), "ab", Standing.GOOD),
        (MessageState.DEFERRED, (FindingCode.TRUST_REVOCATION_UNKNOWN,), "ab", Standing.UNKNOWN),
        (MessageState.REFUSED, (FindingCode.TRUST_REVOCATION_UNKNOWN,), "ab", Standing.UNKNOWN),
        (MessageState.REFUSED, (FindingCode.TRUST_REVOKED,), "ab", Standing.BAD),
        (MessageState.REFUSED, (FindingCode.SENDER_CERTIFICATE,), "ab", Standing.BAD),
        (MessageState.REFUSED, (FindingCode.SIGNATURE_MISSING,), "", Standing.BROKEN),
        (MessageState.REFUSED, (FindingCode.SIGNATURE_SEVERAL, FindingCode.TRUST_EXPIRED), "", Standing.BROKEN),
        (MessageState.REFUSED, (FindingCode.RECIPIENT_REPEATED,), "ab", Standing.GOOD),
        (MessageState.REFUSED, (FindingCode.XML_DTD,), "", Standing.NOT_ASKED),
    ],
)
def test_a_signature_stands_as_the_record_says(
    state: MessageState, codes: tuple[FindingCode, ...], certificate: str, standing: Standing
) -> None:
    record = message("1", state=state, findings=tuple(map(finding, codes)), certificate=certificate)

    assert standing_of(record) is standing


def test_every_standing_and_relation_has_words() -> None:
    assert set(STANDING_TEXT) == set(Standing)
    assert set(RELATION_TEXT) == set(Relation)
    assert set(module.Reading) == set(Reading)


# ── Envelopes ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CountedPayloads(MemoryPayloads):
    """Says how often it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def read(self, reference: str) -> bytes:
        self.reads += 1
        return super().read(reference)


def kept(payloads: MemoryPayloads, data: bytes, name: str = "1") -> MessageRecord:
    (reference,) = payloads.append([data])
    return message(name, payload=reference, digest=hashlib.sha256(data).hexdigest())


def test_an_envelope_is_read_once() -> None:
    payloads = CountedPayloads()
    envelopes = Envelopes(payloads)
    record = kept(payloads, Desk().signed(a_document()))

    first, second = envelopes.facts_of(record), envelopes.facts_of(record)

    assert first is second
    assert payloads.reads == 1
    assert first.signature is not None
    assert first.signature.intact
    assert first.header == a_document(attachments=(), manifest=first.header.manifest)  # type: ignore[union-attr]


def test_few_envelopes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    payloads = CountedPayloads()
    envelopes = Envelopes(payloads)
    records = [kept(payloads, envelope_bytes(a_document(subject=f"{n}")), f"{n}") for n in range(3)]
    for record in (*records, records[2], records[0]):
        envelopes.facts_of(record)

    assert payloads.reads == 4


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        (b"", Reading.NO_ENVELOPE),
        (b"no xml at all", Reading.NO_ENVELOPE),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", Reading.NO_ENVELOPE),
        (b"<edXML/>", Reading.READ),
        (envelope_bytes(a_document()), Reading.READ),
    ],
)
def test_whatever_is_kept_is_told_without_a_crash(data: bytes, reading: Reading) -> None:
    payloads = MemoryPayloads()

    facts = Envelopes(payloads).facts_of(kept(payloads, data))

    assert facts.reading is reading
    assert facts.signature is None or not facts.signature.intact
    if data == b"<edXML/>":
        assert facts.header is None


def test_what_is_not_kept_is_told_so() -> None:
    envelopes = Envelopes(MemoryPayloads())

    assert envelopes.facts_of(message("1", payload="")).reading is Reading.NOT_KEPT
    assert envelopes.facts_of(message("2", payload="seg:gone:0:1")).reading is Reading.AWAY
    assert envelopes.attachment(message("1", payload=""), 1) is None
    assert envelopes.raw(message("1", payload="")) is None


def test_an_attachment_that_cannot_be_had_says_why() -> None:
    payloads = MemoryPayloads()
    broken = an_attachment(encoded="@@@", attachment_name="Hỏng.pdf")
    record = kept(payloads, envelope_bytes(a_document(attachments=(broken,))))
    envelopes = Envelopes(payloads)

    (file,) = envelopes.facts_of(record).files

    assert (file.name, file.size, file.digest) == ("Hỏng.pdf", None, "")
    assert [each.code for each in file.faults] == [FindingCode.ATTACHMENT_BASE64]
    assert envelopes.attachment(record, 1) is None


def test_the_header_of_a_status_is_told() -> None:
    fields = {each["name"]: each["value"] for each in header_fields(a_status())}

    assert fields["StatusCode"] == a_status().status_code
    assert SENDER in fields["ResponseFor"] or H41 in fields["ResponseFor"]


def test_very_long_fields_are_cut() -> None:
    fields = header_fields(a_document(sender=an_organ(organ_add="x" * 10_000), to_places=("Nơi",) * 5000))

    assert max(len(each["value"]) for each in fields) <= 1001


# ── Who vouched, and who sees what ──────────────────────────────────────────────────────────────────────────────────


async def test_who_vouched_for_a_system_that_cannot_sign_is_told() -> None:
    house = DocumentHouse()
    note = Vouched(
        system="vxp.saas.02", digest=digest_of("x"), size=4096, repairs=(Repair.SIGNATURE_ADDED, Repair.LEADING_BYTES)
    )
    with house.store.begin() as tx:
        tx.apply([PutMessage(message("vouched", sender=SENDER, vouched=note))])
    async with house.console.browser(Role.VIEWER) as browser:
        told = await browser.data("/documents/m-vouched")
        page = (await browser.get("/documents/m-vouched")).text

    assert told["vouched"]["system"] == "vxp.saas.02"
    for text in ("vxp.saas.02", "ký thay (bản gốc không có chữ ký)", "bỏ byte thừa trước XML"):
        assert text in page


async def test_a_parked_leg_can_be_sent_again_from_the_page() -> None:
    house = DocumentHouse()
    path = f"/documents/{house.hub.document.id}"
    async with house.console.browser(Role.OPERATOR) as browser:
        row = (await browser.data(path))["matrix"]["rows"][2]
        assert f'value="{row["shown"]}"' in (await browser.get(path)).text
        plan = await browser.plan("/work/legs/resend", {"leg": row["shown"]})
    async with house.console.browser(Role.VIEWER) as browser:
        assert "/work/legs/resend" not in (await browser.get(path)).text

    assert plan.status_code == 200
    assert plan.json()["carry"]["leg"] == [row["shown"]]


def test_a_dossier_of_nobody_is_none() -> None:
    house = DocumentHouse()
    dossiers: Dossiers = house.console.rooms.documents.dossiers

    for message_id in ("", "m-nobody", "\x00", "x" * 10_000):
        assert dossiers.of(message_id, EVERYTHING) is None
        assert dossiers.seen(message_id, EVERYTHING) is None
    assert dossiers.of(house.hub.document.id, Scope(frozenset())) is None


def test_a_dossier_is_told_for_every_kind_of_message() -> None:
    house = DocumentHouse()
    dossiers: Dossiers = house.console.rooms.documents.dossiers
    book: OrganBook = dossiers.book()
    messages = house.store.find(house.hub.document.document_id, limit=100)

    assert len(messages) > 5
    for each in messages:
        dossier = dossiers.of(each.id, EVERYTHING)
        assert dossier is not None
        assert dossier_as_dict(dossier, book, now=NOW)["message"]["message_id"] == each.id
