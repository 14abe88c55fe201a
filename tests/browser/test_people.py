"""Who comes in, what each may see and do, in which language, and with keys alone."""

import pytest
from playwright.sync_api import Page, expect

from router.core.people import Role
from router.core.records import LegState
from tests.browser.walks import WITH_AND_WITHOUT_SCRIPT
from tests.support.browser import PHONE, Town, sign_in
from tests.support.console_country import CAO_BANG, HEALTH, NGHE_AN, ORGANS, WANTED_CODE

pytestmark = pytest.mark.browser


@WITH_AND_WITHOUT_SCRIPT
def test_somebody_signs_in_reads_and_signs_out(own_country: Town, script: bool) -> None:
    page = own_country.visit(script=script)
    own_country.open(page, "/work/parked")
    expect(page.locator("#f-password")).to_be_visible()
    sign_in(page, own_country, own_country.house.add_person(Role.VIEWER))
    expect(page.locator("h1")).to_be_visible()
    page.locator(".who summary").click()
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.locator("#f-password")).to_be_visible()
    own_country.open(page, "/overview")
    expect(page.locator("#f-password")).to_be_visible()


def test_a_wrong_password_is_told_and_nothing_else(own_country: Town) -> None:
    page = own_country.visit()
    for name in (own_country.house.add_person(Role.VIEWER), "nobody"):
        own_country.open(page, "/login")
        page.fill("#f-name", name)
        page.fill("#f-password", "sai mật khẩu rồi 12")
        page.locator("main form button[type=submit]").click()
        expect(page.get_by_role("alert")).to_be_visible()
    assert [each for each in page.context.cookies() if "session" in str(each.get("name"))] == []


# ── Roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_viewer_is_offered_nothing_to_do(country: Town) -> None:
    page = country.page(Role.VIEWER)
    for path in ("/work/parked", "/work/dead", "/work/letters/dead-gui", "/registry", "/registry/organs/000.00.11.H14"):
        country.open(page, path)
        assert page.locator("main form[method=post]").count() == 0, path
        assert page.locator("main input[type=checkbox]").count() == 0, path
    country.open(page, "/work")
    assert page.locator(".rail a[href*='/users']").count() == 0
    for path in ("/users", "/registry/import"):
        answer = country.open(page, path)
        assert answer is not None
        assert answer.status == 403, path


def test_what_belongs_to_others_is_not_there(country: Town) -> None:
    page = country.page(Role.OPERATOR, root=CAO_BANG)
    for path in (f"/registry/organs/{NGHE_AN}", "/documents/m-000", f"/statistics?organ={NGHE_AN}"):
        assert country.open(page, path).status == 404, path
    country.open(page, "/registry")
    expect(page.locator("main tbody tr")).to_have_count(1)
    country.open(page, "/documents/m-wanted")
    expect(page.locator("#matrix tbody tr")).to_have_count(1)  # a recipient sees its own leg
    expect(page.locator("main")).not_to_contain_text("Chi cục Dân số")


def test_a_viewer_of_a_ministry_sees_its_own_subtree_and_nothing_else_on_pages_and_twins(country: Town) -> None:
    page = country.page(Role.VIEWER, root=HEALTH)
    own = {each.code for each in ORGANS if HEALTH in (each.code, each.parent)}
    store = country.house.store
    theirs = {each: {leg.recipient for leg in store.legs_of(f"m-{each}")} for each in ("000", "001", "002", "003")}
    others = [each for each, to in theirs.items() if not own & {store.message(f"m-{each}").sender, *to}]
    assert others
    for name in (f"/documents/m-{others[0]}", f"/registry/organs/{NGHE_AN}", f"/statistics?organ={NGHE_AN}"):
        path, mark, query = name.partition("?")
        assert country.open(page, name).status == 404, name
        assert page.request.get(country.address(f"{path}.json{mark}{query}")).status == 404, name
    found = page.request.get(country.address("/search.json?q=ubnd&limit=100")).json()["documents"]
    assert found
    for row in found:  # either it is theirs, or what is shown of it is theirs
        to = {each["code"] for each in row["recipients"]["shown"]}
        assert row["sender"]["code"] in own or (to and to <= own), row["code"]
    for kind in ("overdue", "parked", "held", "refused", "dead"):
        for row in page.request.get(country.address(f"/work/{kind}.json")).json()["rows"]:
            at_home = row["agent"] == "bo-y-te" or row["sender"]["code"] in own
            assert at_home or row["recipient"]["code"] in own, (kind, row)
    country.open(page, "/registry")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page.locator("main")).not_to_contain_text("Nghệ An")


# ── Language, keys, phone ───────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
def test_the_language_is_switched_and_kept(country: Town, script: bool) -> None:
    page = country.page(Role.VIEWER, script=script)
    country.open(page, "/work/parked?organ=" + NGHE_AN)
    assert page.locator("html").get_attribute("lang") == "vi"
    page.locator(".who summary").click()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html[lang=en]")).to_be_attached()
    assert page.url.endswith(f"/work/parked?organ={NGHE_AN}")
    country.open(page, "/registry")
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
    country.open(page, "/work/parked")
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


def step_to(page: Page, wanted: str, *, most: int = 60) -> None:
    """Tab until what has the focus fits a selector; every stop on the way is seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        assert stop["seen"], stop
        assert stop["inside"], stop
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"{wanted} is not reached with keys")


def test_keys_lead_over_the_skip_link_to_the_search_its_first_result_and_what_can_be_done(country: Town) -> None:
    page = country.page(Role.OPERATOR)
    country.open(page, "/work")
    step_to(page, "a.skip", most=1)
    step_to(page, "#seek", most=4)
    page.keyboard.type("ubnd")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=ubnd")
    step_to(page, "a.skip", most=1)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    step_to(page, "table.documents tbody tr:first-child a", most=8)
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)
    country.open(page, "/documents/m-wanted")
    step_to(page, "#matrix button")
    page.keyboard.press("Enter")
    expect(page.locator(".plan tbody tr")).to_have_count(1)


def test_a_leg_is_sent_with_keys_alone(own_country: Town) -> None:
    page = own_country.page(Role.OPERATOR)
    own_country.open(page, "/work/parked")
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
    country.open(page, "/work/overdue")
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
