"""The search, the page of a document, and what can be taken from it."""

import hashlib
import re
import zipfile

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from edxml_schemas.evidence import package
from router.core.people import Role
from tests.browser.walks import WITH_AND_WITHOUT_SCRIPT
from tests.support.browser import Town
from tests.support.console_country import WANTED_CODE, WANTED_SUBJECT

pytestmark = pytest.mark.browser


@WITH_AND_WITHOUT_SCRIPT
@pytest.mark.parametrize("words", ["1234/ub", "dat dai kim lien"])
def test_a_document_is_found_by_a_part_of_its_number_and_by_words_without_marks(
    country: Town, words: str, script: bool
) -> None:
    page = country.page(Role.VIEWER, script=script)
    country.open(page, "/work")
    page.fill("#seek", words)
    page.press("#seek", "Enter")
    expect(page.locator("main")).to_contain_text(WANTED_SUBJECT)
    if page.locator("#matrix").count() == 0:  # several match: the list is shown
        page.locator("main a", has_text=WANTED_CODE).first.click()
    matrix = page.locator("#matrix tbody tr")
    expect(matrix).to_have_count(3)
    expect(matrix.nth(2)).to_contain_text("Bộ Y tế")
    assert page.locator(".timeline li").count() > 5


def test_a_document_without_a_match_says_so(country: Town) -> None:
    page = country.page(Role.VIEWER)
    country.open(page, "/search?q=khongcogidau")
    expect(page.locator(".empty")).to_be_visible()


# ── What stands in a document ───────────────────────────────────────────────────────────────────────────────────────


def taken(page: Page, link: Locator) -> Download:
    with page.expect_download() as coming:
        link.click()
    return coming.value


@WITH_AND_WITHOUT_SCRIPT
def test_who_may_open_contents_gets_the_bytes_that_were_signed_and_the_log_says_so(
    own_country: Town, script: bool
) -> None:
    signed = own_country.past.document
    page = own_country.page(Role.AUDITOR, script=script)
    own_country.open(page, f"/documents/{signed.id}")
    file = page.locator(".files > li")
    expect(file).to_contain_text("application/pdf")
    given = taken(page, file.get_by_role("link", name="Công văn 7816.pdf"))
    content = given.path().read_bytes()
    assert given.suggested_filename == "Công văn 7816.pdf"
    assert content.startswith(b"%PDF-1.7")
    expect(file.locator("code")).to_have_text(hashlib.sha256(content).hexdigest())
    envelope = taken(page, page.get_by_role("link", name="Gói tin gốc"))
    assert hashlib.sha256(envelope.path().read_bytes()).hexdigest() == signed.digest
    evidence = taken(page, page.get_by_role("link", name="Hồ sơ chứng cứ"))
    members = set(zipfile.ZipFile(evidence.path()).namelist())
    assert {package.SUMMARY, package.HUB} <= members
    page.reload()
    timeline = page.locator(".timeline")
    expect(timeline.locator("li", has_text="Mở nội dung văn bản")).to_have_count(2)
    expect(timeline.locator("li", has_text="Xuất hồ sơ chứng cứ")).to_have_count(1)


def test_who_may_not_open_contents_sees_names_sizes_and_digests_alone(country: Town) -> None:
    signed = country.past.document
    page = country.page(Role.OPERATOR)
    country.open(page, f"/documents/{signed.id}")
    expect(page.locator(".files > li")).to_contain_text("Công văn 7816.pdf")
    expect(page.locator(".files > li code")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    expect(page.locator("main a[download]")).to_have_count(0)
    for path in ("files/1", "envelope", "evidence"):
        assert country.open(page, f"/documents/{signed.id}/{path}").status == 403


def test_the_page_of_a_document_says_who_signed_it_and_what_speaks_of_it(country: Town) -> None:
    page = country.page(Role.VIEWER)
    country.open(page, f"/documents/{country.past.document.id}")
    signature = page.locator("section", has=page.get_by_role("heading", name="Chữ ký và chứng thư"))
    expect(signature).to_contain_text("chữ ký toàn vẹn")
    expect(signature).to_contain_text("ecdsa-sha256")
    related = page.locator("section", has=page.get_by_role("heading", name="Văn bản liên quan"))
    update = related.locator("tr", has_text="7820/VPCP-TTĐT")
    expect(update).to_contain_text("Được cập nhật bởi")
    expect(update).to_contain_text("Văn phòng Chính phủ")
    related.locator("summary").click()
    expect(related.locator("tr", has_text="02 Từ chối tiếp nhận")).to_contain_text("Cao Bằng")
    update.get_by_role("link", name="7820/VPCP-TTĐT").click()
    expect(page.locator("h1")).to_have_text("7820/VPCP-TTĐT")
    expect(page.locator("main")).to_contain_text("Nói về")
