"""Dialect B: an envelope sent as a form, durable or refused in words, and never half."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from agents.errors import SpoolUnavailable, UsageFault
from agents.gateway.callers import Right
from agents.gateway.lgsp.refusals import TOLD, told
from agents.spool.records import SubmissionKind
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.signatures import Signer, sign
from tests.support.access import make_cheap
from tests.support.envelopes import (
    DECORATIVE_SIGNATURE,
    SENDER,
    a_document,
    a_status,
    an_organ,
    envelope_bytes,
)
from tests.support.hub_desk import H14, H41
from tests.support.lgsp_client import House, LgspClient, NotSentAnswer, SentAnswer, a_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_cheap(monkeypatch)
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def vpcp(house: House) -> LgspClient:
    return await house.client("vpcp", SENDER)


def nothing_kept(house: House) -> bool:
    """Neither a submission nor a file on its way."""
    left = list(house.gateway.incoming.iterdir()) if house.gateway.incoming.exists() else []
    return not left and not house.spool.find_submissions(limit=10)


def files_in(folder: Path) -> set[Path]:
    """All but those of the spool's envelopes, which are named by their digests."""
    return {path for path in folder.rglob("*") if "spool/envelopes" not in str(path)}


async def refusal(client: LgspClient, content: bytes, kind: str = "edoc") -> NotSentAnswer:
    """The answer to something that must be refused for good."""
    answer = await client.send(content, kind)
    assert isinstance(answer, NotSentAnswer), answer
    assert client.status == 200
    assert answer.data.errorCode is not None
    assert answer.data.errorDesc == answer.message
    return answer


# ── Accepted ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_signed_document_is_kept_byte_for_byte(house: House, vpcp: LgspClient) -> None:
    content = house.hub.signed(a_document())
    answer = await vpcp.send(content)
    assert isinstance(answer, SentAnswer)
    submission = house.spool.submission(answer.docId)
    assert submission is not None
    assert (submission.kind, submission.recipients) == (SubmissionKind.DOCUMENT, (H41, H14))
    assert house.spool.envelope(submission.digest) == content
    assert list(house.gateway.incoming.iterdir()) == []


@pytest.mark.parametrize("signature", ["", DECORATIVE_SIGNATURE])
async def test_an_envelope_of_a_system_that_cannot_sign_is_vouched_for(
    house: House, vpcp: LgspClient, signature: str
) -> None:
    content = envelope_bytes(signature=signature)
    answer = await vpcp.send(content)
    assert isinstance(answer, SentAnswer)
    submission = house.spool.submission(answer.docId)
    assert submission is not None
    assert submission.vouched is not None
    assert house.spool.envelope(submission.original) == content


async def test_a_status_goes_to_the_sender_of_the_document(house: House) -> None:
    nghean = await house.client("nghean", H41)
    leg = house.deliver(a_document())
    answer = await nghean.send(envelope_bytes(a_status()), "status")
    assert isinstance(answer, SentAnswer)
    assert [each.status_code for each in house.spool.submissions_about(leg)] == ["01", "03"]


async def test_the_same_again_after_a_lost_answer_is_the_same_docid(house: House, vpcp: LgspClient) -> None:
    content = envelope_bytes()
    answers = [await vpcp.send(content, file_name=f"{number}.xml") for number in range(3)]
    assert len({each.model_dump_json() for each in answers}) == 1
    assert len(house.spool.find_submissions(limit=10)) == 1


async def test_what_the_hub_refused_may_be_sent_again(house: House, vpcp: LgspClient) -> None:
    content = envelope_bytes()
    first = await vpcp.send(content)
    assert isinstance(first, SentAnswer)
    house.at.answer(first.docId, ReceiptKind.REFUSED)
    second = await vpcp.send(content)
    assert isinstance(second, SentAnswer)
    assert first.docId != second.docId


@pytest.mark.parametrize(
    "file_name",
    ["../../../etc/cron.d/x", "C:\\vb.xml", "Công văn số 7816.SIGNED.XML", "x" * 1000 + ".edxml", "a\r\nb.xml", ".xml"],
)
async def test_no_file_name_leads_anywhere(vpcp: LgspClient, tmp_path: Path, file_name: str) -> None:
    before = files_in(tmp_path)
    assert isinstance(await vpcp.send(envelope_bytes(), file_name=file_name), SentAnswer)
    assert {path.name for path in files_in(tmp_path) - before} <= {"incoming"}


# ── Refused ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"", "10"),
        (b"%PDF-1.7 Cong van", "10"),
        (b"<edXML/>", "22"),
        (envelope_bytes(replace(a_document(), recipients=())), "22"),
        (envelope_bytes(a_document(sender=an_organ("000.00.00.G99"))), "15"),
    ],
)
async def test_a_fault_is_final_with_its_number_and_its_remedy(
    house: House, vpcp: LgspClient, content: bytes, number: str
) -> None:
    answer = await refusal(vpcp, content)
    assert (answer.data.docId, answer.data.status, answer.data.errorCode) == (None, "FAIL", number)
    assert "Đề nghị" in answer.message
    assert nothing_kept(house)


async def test_a_tampered_signature_is_refused_and_not_signed_over(house: House, vpcp: LgspClient) -> None:
    content = house.hub.signed(a_document()).replace("Kết nối,".encode(), "Ngắt nối,".encode())
    assert "signature.digest-mismatch" in (await refusal(vpcp, content)).message


async def test_a_pair_sends_for_its_own_organs_alone(house: House) -> None:
    caobang = await house.client("caobang", H14)
    answer = await refusal(caobang, house.hub.signed(a_document()))
    assert answer.data.errorCode == "15"
    assert nothing_kept(house)


@pytest.mark.parametrize("rights", [[Right.READ], [Right.RECEIVE]])
async def test_a_key_without_the_right_sends_no_document(house: House, rights: list[Right]) -> None:
    client = await house.client("chi-nhan", SENDER, rights=rights)
    assert "quyền" in (await refusal(client, envelope_bytes())).message
    assert nothing_kept(house)


async def test_another_s_signature_under_one_s_own_name_is_not_made_good(house: House, vpcp: LgspClient) -> None:
    other = house.hub.keys[H14]
    content = sign(envelope_bytes(), Signer(other.key, other.cert, house.hub.pki.chain))
    answer = await vpcp.send(content)
    if isinstance(answer, SentAnswer):  # sound in itself: whose certificate it is, is the hub's to judge
        submission = house.spool.submission(answer.docId)
        assert submission is not None
        assert house.spool.envelope(submission.digest) == content


async def test_an_envelope_beyond_the_limit_is_refused_before_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cheap(monkeypatch)
    async with a_house(tmp_path, body_limit=20_000) as house:
        client = await house.client("vpcp", SENDER)
        answer = await client.send(b"<" + b"x" * 30_000)
        assert isinstance(answer, NotSentAnswer)
        assert (client.status, answer.data.errorCode) == (200, "10")
        assert "dung lượng" in answer.message
        assert nothing_kept(house)


def test_many_faults_are_told_with_the_number_of_the_first_error() -> None:
    note = finding(FindingCode.COMPAT_BUSSINESS_MISSING)
    fault = finding(FindingCode.SCHEMA_MISSING, line=7, xpath="//edXML:Subject")
    words = told((note, *[fault] * 15))
    assert (words.number, words.passing) == (22, False)
    assert words.text.count("[schema.missing-element, dòng 7]") == TOLD
    assert "5 lỗi khác" in words.text


def test_a_fault_that_may_pass_is_no_refusal() -> None:
    passing = finding(FindingCode.TRUST_REVOCATION_UNKNOWN)
    assert told((passing,)).passing
    assert not told((passing, finding(FindingCode.XML_EMPTY))).passing
    draft = DraftProblem(where="key", source="", vi="a", en="b", remedy_vi="c", remedy_en="d")
    assert not told((draft,)).passing
    assert told((draft,)).number == 10


# ── Trouble that passes ─────────────────────────────────────────────────────────────────────────────────────────────


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [SpoolUnavailable("disk full"), OSError(28, "No space left on device"), UsageFault("khóa", "key")],
)
async def test_trouble_of_the_agent_s_own_is_no_refusal(
    house: House, vpcp: LgspClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(type(house.gateway.office), "submit", raising(error))
    answer = await vpcp.send(envelope_bytes())
    assert isinstance(answer, NotSentAnswer)
    assert (vpcp.status, answer.data.errorCode) == (503, None)
    assert int(vpcp.headers["retry-after"]) > 0
    assert nothing_kept(house)


async def test_a_disk_that_takes_nothing_is_no_refusal(vpcp: LgspClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.gateway.lgsp.sending.receive_body", raising(OSError(28, "No space left on device")))
    answer = await vpcp.send(envelope_bytes())
    assert isinstance(answer, NotSentAnswer)
    assert (vpcp.status, answer.data.errorCode) == (503, None)


async def test_code_that_crashes_is_no_refusal_and_tells_no_secrets(
    house: House, vpcp: LgspClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(house.gateway.office), "submit", raising(RuntimeError("secret of the house")))
    answer = await vpcp.send(envelope_bytes())
    assert isinstance(answer, NotSentAnswer)
    assert (vpcp.status, answer.data.errorCode) == (500, None)
    assert "secret" not in answer.message


async def test_a_half_form_is_no_refusal(house: House, vpcp: LgspClient) -> None:
    request = vpcp.http.build_request(
        "POST",
        "/v1/sendEdoc",
        files={"edocFile": ("x", envelope_bytes())},
        data={"messageType": "edoc"},
        headers=vpcp.keys(),
    )
    body = await request.aread()
    cut = {**vpcp.keys(), "content-type": request.headers["content-type"]}
    answer = vpcp.sent(await vpcp.http.post("/v1/sendEdoc", content=body[: len(body) // 2], headers=cut))
    assert isinstance(answer, NotSentAnswer)
    assert (vpcp.status, answer.data.errorCode) == (503, None)
    assert nothing_kept(house)


async def test_a_client_that_goes_away_leaves_nothing_behind(house: House, vpcp: LgspClient) -> None:
    begin = b'--x\r\nContent-Disposition: form-data; name="edocFile"\r\n\r\n<edXML'
    coming: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": begin, "more_body": True}]
    headers = {**vpcp.keys(), "content-type": "multipart/form-data; boundary=x"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/sendEdoc",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gateway.test", 80),
        "scheme": "http",
    }

    async def receive() -> Message:
        return coming.pop()

    async def send(_: Message) -> None:
        pass

    await house.app(scope, receive, send)
    assert nothing_kept(house)
