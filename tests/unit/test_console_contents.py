"""What can be taken from a document, and how hostile texts are shown."""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.model import Code
from router.adapters.payloads import FilePayloads
from router.core.people import Role
from router.core.records import PutEvent, PutMessage
from tests.support.console import Browser
from tests.support.document_house import SENDER, DocumentHouse
from tests.support.envelopes import A_PDF, a_document, an_attachment
from tests.support.records import event, message

HOSTILE = (
    "\u202egnud\u0007 <script>alert(1)</script> <img src=x onerror=alert(2)> {{ 7*7 }} \" ' & " + "rất dài " * 2000
)


@pytest.fixture(scope="module")
def shared() -> DocumentHouse:
    """One that tests only read."""
    return DocumentHouse()


@pytest.fixture
def house() -> DocumentHouse:
    """One of its own for a test that changes something."""
    return DocumentHouse()


@pytest.fixture
async def administrator(shared: DocumentHouse) -> AsyncIterator[Browser]:
    async with shared.console.browser(Role.ADMINISTRATOR) as browser:
        yield browser


def ids(found: Any) -> list[str]:
    return [each["message_id"] for each in found["documents"]]


def page_of(house: DocumentHouse) -> str:
    return f"/documents/{house.hub.document.id}"


# ── Contents ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_attachments_are_told_with_sizes_and_digests(shared: DocumentHouse, administrator: Browser) -> None:
    (file,) = (await administrator.data(page_of(shared)))["files"]

    assert (file["name"], file["type"], file["size"]) == ("Công văn 7816.pdf", "application/pdf", len(A_PDF))
    assert len(file["digest"]) == 64


async def test_an_attachment_is_given_out_and_written_down(house: DocumentHouse) -> None:
    async with house.console.browser(Role.AUDITOR, name="kiemtoan") as browser:
        answer = await browser.get(f"{page_of(house)}/files/1")
        digest = (await browser.data(page_of(house)))["files"][0]["digest"]
        none = [(await browser.get(f"{page_of(house)}/files/{place}")).status_code for place in ("0", "2", "999999999")]

    assert answer.content == A_PDF
    assert answer.headers["content-type"] == "application/octet-stream"
    named = answer.headers["content-disposition"]
    assert named.startswith('attachment; filename="C-ng-v-n-7816.pdf"; filename*=UTF-8')
    assert "C%C3%B4ng%20v%C4%83n%207816.pdf" in named
    assert none == [404, 404, 404]
    (said,) = house.events("content.opened")
    assert said == {"what": "attachment 1", "digest": digest, "address": "192.0.2.7", "actor": "user:kiemtoan"}


async def test_the_envelope_is_given_out_byte_for_byte(house: DocumentHouse) -> None:
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        answer = await browser.get(f"{page_of(house)}/envelope")

    assert answer.content == house.payloads.read(house.hub.document.payload)
    assert house.events("content.opened")[0]["digest"] == house.hub.document.digest


async def test_the_evidence_holds_and_is_written_down(house: DocumentHouse) -> None:
    async with house.console.browser(Role.AUDITOR, root=SENDER) as browser:
        await browser.get(f"{page_of(house)}/files/1")
        answer = await browser.get(f"{page_of(house)}/evidence")

    assert answer.status_code == 200
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert verify(answer.content, Known(hub_certificates=(house.desk.hub_key.cert,))).good
    assert len(house.events("evidence.exported")) == 1


async def test_evidence_that_does_not_hold_is_not_given_out(house: DocumentHouse) -> None:
    tables = house.store._tables
    leg = next(iter(house.store.legs_of(house.hub.document.id)))
    tables.legs[leg.id] = replace(leg, status="06")  # behind the hub's back
    async with house.console.browser(Role.AUDITOR) as browser:
        answer = await browser.get(f"{page_of(house)}/evidence")

    assert answer.status_code == 409
    assert house.events("evidence.exported") == []


async def test_hostile_names_become_safe_file_names(house: DocumentHouse) -> None:
    name = '../../etc/\u202epasswd\r\nSet-Cookie: x="1".pdf'
    sent = house.desk.accept(
        a_document(document_id=f"{SENDER},2026/10/01,6/H", attachments=(an_attachment(attachment_name=name),))
    )
    async with house.console.browser(Role.AUDITOR) as browser:
        told = await browser.data(f"/documents/{sent.id}")
        answer = await browser.get(f"/documents/{sent.id}/files/1")

    assert "/" not in told["files"][0]["name"]
    assert "\u202e" not in told["files"][0]["name"]
    assert answer.content == A_PDF
    assert "set-cookie" not in answer.headers
    assert ".." not in answer.headers["content-disposition"].partition("filename*")[0].replace(".pdf", "")


async def test_hostile_texts_are_shown_harmlessly(house: DocumentHouse) -> None:
    sent = house.desk.send(
        a_document(
            subject=HOSTILE.replace("\u0007", "")[:60],
            document_id=f"{SENDER},2026/10/01,<b>7</b>",
            code=Code(code_number="8", code_notation="<i>'\"&"),
            other_info=replace(a_document().other_info, typer_notation="<script>alert(3)</script>"),
        )
    ).message
    odd = message("odd", sender=SENDER, subject=HOSTILE, code=HOSTILE[:3000], document_id=HOSTILE[:3000])
    odd = replace(odd, submission_id=HOSTILE[:500], vouched=None)
    said = event("leg.resent", odd.id, actor="admin:<b>", facts={"reason": HOSTILE})
    with house.store.begin() as tx:
        tx.apply([PutMessage(odd), PutEvent(event("message.accepted", odd.id)), PutEvent(said)])
    house.index()
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        pages = [
            await browser.get(path)
            for path in (
                f"/documents/{sent.id}",
                f"/documents/{odd.id}",
                "/search",
                "/search?subject=dai",
                "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
                "/search?organ=%3Cscript%3E&q=%22%3E%3Cu%3E&list=1",
            )
        ]
        assert ids(await browser.data("/search?subject=rat+dai")) == [odd.id]

    for page in pages:
        assert page.status_code == 200
        for harm in ("<script>alert", "<img src=x", "\u202e", "\u0007", "<b>7</b>", "<u>"):
            assert harm not in page.text, harm
        assert len(page.text) < 200_000
    assert "{{ 7*7 }}" in pages[1].text


async def test_kept_bytes_that_were_altered_are_called_so(house: DocumentHouse) -> None:
    document = house.hub.document
    house.payloads._kept[document.payload] = b"<other/>"
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        told = await browser.data(page_of(house))
        gone = await browser.get(f"{page_of(house)}/envelope")

    assert (told["reading"]["state"], told["files"], told["signature"]) == ("altered", [], None)
    assert gone.status_code == 404


async def test_a_page_stands_without_its_payload(house: DocumentHouse, tmp_path: Any) -> None:
    room = house.console.rooms.documents
    room.dossiers._envelopes._payloads = FilePayloads(tmp_path, "nobody")
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        told = await browser.data(page_of(house))
        page = await browser.get(page_of(house))

    assert (told["reading"]["state"], page.status_code) == ("away", 200)
    assert len(told["matrix"]["rows"]) == 3


async def test_pages_are_in_the_language_that_was_chosen(shared: DocumentHouse, administrator: Browser) -> None:
    administrator.client.cookies.set("truc-language", "en", path="/console")
    for path, text in ((page_of(shared), "Recipients × statuses"), ("/search", "The hub&#39;s verdict")):
        assert text in (await administrator.get(path)).text
