"""What people do with the console, in a real browser, with script and without."""

import pytest
from playwright.sync_api import Page, expect

from router.core.people import Role
from router.core.records import LegState
from tests.browser.walks import IMPORTED, open_import_preview, open_resend_plan
from tests.support.browser import PHONE, Town, sign_in
from tests.support.console_country import CAO_BANG, NGHE_AN, WANTED_CODE, WANTED_SUBJECT

pytestmark = pytest.mark.browser

WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["with-script", "without"])


def confirm(page: Page, reason: str) -> None:
    page.fill("textarea[name=reason]", reason)
    page.locator(".plan form button[type=submit]").click()


# ── The way in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
def test_somebody_signs_in_reads_and_signs_out(own_country: Town, script: bool) -> None:
    page = own_country.visit(script=script)
    page.goto(own_country.address("/work/parked"))
    expect(page.locator("#f-password")).to_be_visible()
    sign_in(page, own_country, own_country.house.add_person(Role.VIEWER))
    expect(page.locator("h1")).to_be_visible()
    page.locator(".who summary").click()
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.locator("#f-password")).to_be_visible()
    page.goto(own_country.address("/overview"))
    expect(page.locator("#f-password")).to_be_visible()


def test_a_wrong_password_is_told_and_nothing_else(own_country: Town) -> None:
    page = own_country.visit()
    for name in (own_country.house.add_person(Role.VIEWER), "nobody"):
        page.goto(own_country.address("/login"))
        page.fill("#f-name", name)
        page.fill("#f-password", "sai mật khẩu rồi 12")
        page.locator("main form button[type=submit]").click()
        expect(page.get_by_role("alert")).to_be_visible()
    assert [each for each in page.context.cookies() if "session" in str(each.get("name"))] == []


# ── Documents ───────────────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
@pytest.mark.parametrize("words", ["1234/ub", "dat dai kim lien"])
def test_a_document_is_found_by_a_part_of_its_number_and_by_words_without_marks(
    country: Town, words: str, script: bool
) -> None:
    page = country.page(Role.VIEWER, script=script)
    page.goto(country.address("/work"))
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
    page.goto(country.address("/search?q=khongcogidau"))
    expect(page.locator(".empty")).to_be_visible()


# ── Deeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
def test_a_parked_leg_is_sent_once_more_after_a_dry_run_and_a_reason(own_country: Town, script: bool) -> None:
    page = own_country.page(Role.OPERATOR, script=script)
    open_resend_plan(own_country, page)
    expect(page.locator(".plan tbody tr")).to_have_count(1)
    expect(page.locator(".plan tbody tr")).to_contain_text(WANTED_CODE)
    assert own_country.house.store.legs_of("m-wanted")[2].state is LegState.PARKED
    page.locator(".plan form button[type=submit]").click()  # the reason is missing: the browser keeps it back
    expect(page.locator("textarea[name=reason]")).to_be_focused()
    confirm(page, "nơi nhận đã sửa kết nối")
    expect(page.locator("main [role=status]")).to_be_visible()
    assert own_country.house.store.legs_of("m-wanted")[2].state is LegState.QUEUED
    told = [each for each in own_country.house.store.events_of("m-wanted") if each.name == "leg.resent"]
    assert [each.facts["reason"] for each in told] == ["nơi nhận đã sửa kết nối"]
    expect(page.locator("main tbody tr", has_text=WANTED_CODE)).to_have_count(0)


@WITH_AND_WITHOUT_SCRIPT
def test_a_file_is_imported_after_its_differences_were_shown(own_country: Town, script: bool) -> None:
    page = own_country.page(Role.REGISTRAR, script=script)
    open_import_preview(own_country, page, IMPORTED)
    rows = page.locator(".plan tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="000.00.24.H41")).to_contain_text("Nam Đàn")
    assert own_country.house.store.registry().organ("000.00.24.H41") is None
    confirm(page, "theo nghị quyết sắp xếp đơn vị")
    expect(page.locator("main [role=status]")).to_be_visible()
    registry = own_country.house.store.registry()
    assert registry.organs["000.00.24.H41"].name == "Ủy ban nhân dân xã Nam Đàn"
    assert registry.organs["000.00.21.H41"].name == "Ủy ban nhân dân phường Thành Vinh"


def test_a_faulty_file_changes_nothing_and_is_told_line_by_line(country: Town) -> None:
    page = country.page(Role.REGISTRAR)
    page.goto(country.address("/registry/import"))
    text = f"organ_id,name,parent,state\n000.00.25.H41,Xã Mới,{NGHE_AN},nghỉ\n"
    page.set_input_files("#f-file", {"name": "so.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.locator("main form[action*='/registry/import'] button[type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("tbody")).to_contain_text("2")


# ── Roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_viewer_is_offered_nothing_to_do(country: Town) -> None:
    page = country.page(Role.VIEWER)
    for path in ("/work/parked", "/work/dead", "/work/letters/dead-gui", "/registry", "/registry/organs/000.00.11.H14"):
        page.goto(country.address(path))
        assert page.locator("main form[method=post]").count() == 0, path
        assert page.locator("main input[type=checkbox]").count() == 0, path
    page.goto(country.address("/work"))
    assert page.locator(".rail a[href*='/users']").count() == 0
    for path in ("/users", "/registry/import"):
        answer = page.goto(country.address(path))
        assert answer is not None
        assert answer.status == 403, path


def test_what_belongs_to_others_is_not_there(country: Town) -> None:
    page = country.page(Role.OPERATOR, root=CAO_BANG)
    for path in (f"/registry/organs/{NGHE_AN}", "/documents/m-000", f"/statistics?organ={NGHE_AN}"):
        answer = page.goto(country.address(path))
        assert answer is not None
        assert answer.status == 404, path
    page.goto(country.address("/registry"))
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.goto(country.address("/documents/m-wanted"))
    expect(page.locator("#matrix tbody tr")).to_have_count(1)  # a recipient sees its own leg
    expect(page.locator("main")).not_to_contain_text("Chi cục Dân số")


# ── Language, keys, phone ───────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
def test_the_language_is_switched_and_kept(country: Town, script: bool) -> None:
    page = country.page(Role.VIEWER, script=script)
    page.goto(country.address("/work/parked?organ=" + NGHE_AN))
    assert page.locator("html").get_attribute("lang") == "vi"
    page.locator(".who summary").click()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html[lang=en]")).to_be_attached()
    assert page.url.endswith(f"/work/parked?organ={NGHE_AN}")
    page.goto(country.address("/registry"))
    expect(page.locator("html[lang=en]")).to_be_attached()
    expect(page.locator("h1")).to_have_text("Registry")


FOCUS = """() => {
  const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
  return {
    order: [...document.querySelectorAll("*")].indexOf(it),
    text: (it.textContent || it.name || "").trim().slice(0, 40),
    tag: it.tagName,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 1 && box.height > 1,
    inside: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
  };
}"""


def test_keys_alone_go_through_a_page_in_its_order_and_are_seen(country: Town) -> None:
    page = country.page(Role.OPERATOR)
    page.goto(country.address("/work/parked"))
    page.keyboard.press("Tab")
    first = page.evaluate(FOCUS)
    assert first["text"] == "Đến nội dung chính"
    assert first["seen"]
    assert first["inside"]
    stops = [first]
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["tag"] == "BODY" or stop["order"] < stops[-1]["order"]:
            break
        stops.append(stop)
    assert [each for each in stops if not each["seen"] or not each["inside"]] == []
    assert {"INPUT", "A", "BUTTON", "SELECT", "SUMMARY"} <= {each["tag"] for each in stops}
    assert len(stops) > 20


def test_the_skip_link_leads_to_the_content(country: Town) -> None:
    page = country.page(Role.OPERATOR)
    page.goto(country.address("/work/parked"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_leg_is_sent_with_keys_alone(own_country: Town) -> None:
    page = own_country.page(Role.OPERATOR)
    page.goto(own_country.address("/work/parked"))
    page.locator("main tbody tr", has_text=WANTED_CODE).locator("input[type=checkbox]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")  # sends the form that the box is in
    page.locator("textarea[name=reason]").focus()
    page.keyboard.type("đã gọi nơi nhận")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main [role=status]")).to_be_visible()
    assert own_country.house.store.legs_of("m-wanted")[2].state is LegState.QUEUED


def test_on_a_phone_a_list_is_read_without_scrolling_sideways(country: Town) -> None:
    page = country.page(Role.OPERATOR, size=PHONE)
    page.goto(country.address("/work/overdue"))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    row = page.locator("main tbody tr").first.bounding_box()
    assert row is not None
    assert row["x"] >= 0
    assert row["x"] + row["width"] <= PHONE[0]
    assert page.locator(".rail a[aria-current]").is_visible()
    page.locator(".who summary").click()
    menu = page.locator(".who-menu").bounding_box()
    assert menu is not None
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= PHONE[0]
