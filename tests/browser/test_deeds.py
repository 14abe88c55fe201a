"""What people do about legs, organs, dead letters: each after a dry run, with a reason, and no more than was shown."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from router.core.dead import DeadState
from router.core.people import Role
from router.core.records import LegState
from tests.browser.walks import IMPORTED, WITH_AND_WITHOUT_SCRIPT, confirm, open_import_preview, open_resend_plan
from tests.support.browser import Town
from tests.support.console_country import AFTERNOON, CAO_BANG, NGHE_AN, WANTED_CODE

pytestmark = pytest.mark.browser


def legs_of(town: Town, message: str) -> list[LegState]:
    return [each.state for each in town.house.store.legs_of(message)]


def letter(town: Town, name: str) -> DeadState:
    with town.house.store.begin() as tx:
        state: DeadState = tx.dead_letters([name])[name].state
    return state


# ── Legs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT_SCRIPT
def test_one_leg_is_sent_once_more_from_its_document_after_a_dry_run_and_a_reason(
    own_country: Town, script: bool
) -> None:
    page = own_country.page(Role.OPERATOR, script=script)
    own_country.open(page, "/documents/m-wanted")
    page.get_by_role("button", name="Chuyển lại…").click()
    rows = page.locator(".plan tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(WANTED_CODE)
    assert legs_of(own_country, "m-wanted")[2] is LegState.PARKED
    page.locator(".plan form button[type=submit]").click()  # the reason is missing: the browser keeps it back
    expect(page.locator("textarea[name=reason]")).to_be_focused()
    confirm(page, "nơi nhận đã sửa kết nối")
    expect(page.locator("main [role=status]").first).to_contain_text("Đã chuyển lại 1 chặng")
    assert legs_of(own_country, "m-wanted")[2] is LegState.QUEUED
    told = [each for each in own_country.house.store.events_of("m-wanted") if each.name == "leg.resent"]
    assert [each.facts["reason"] for each in told] == ["nơi nhận đã sửa kết nối"]


def test_of_the_chosen_legs_one_that_moved_meanwhile_is_left_alone(own_country: Town) -> None:
    page = own_country.page(Role.OPERATOR)
    open_resend_plan(own_country, page, "41/BYT-DP")
    expect(page.locator(".plan tbody tr")).to_have_count(2)
    other = own_country.page(Role.OPERATOR)
    open_resend_plan(own_country, other)
    confirm(other, "người khác đã chuyển lại")
    confirm(page, "nơi nhận đã sửa kết nối")
    outcome = page.locator("main tbody tr")
    expect(outcome).to_have_count(2)
    expect(outcome.filter(has_text=WANTED_CODE)).to_contain_text("đã thay đổi từ khi hiển thị")
    expect(outcome.filter(has_text="41/BYT-DP")).to_contain_text("chuyển lại")
    resent = [each.name for each in own_country.house.store.events_of("m-wanted")].count("leg.resent")
    assert resent == 1
    assert legs_of(own_country, "m-late-0")[1] is LegState.QUEUED
    assert legs_of(own_country, "m-late-1")[1] is LegState.PARKED  # nobody chose it
    own_country.open(page, "/work/parked")
    expect(page.locator("main tbody tr", has_text=WANTED_CODE)).to_have_count(0)


def test_who_turns_back_after_the_dry_run_has_done_nothing(country: Town) -> None:
    page = country.page(Role.OPERATOR)
    open_resend_plan(country, page)
    page.get_by_role("link", name="Không làm, quay lại").click()
    expect(page.locator("h1")).to_have_text("Dừng, chờ quản trị")
    assert legs_of(country, "m-wanted")[2] is LegState.PARKED


# ── Organs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deliveries_to_an_organ_are_released_held_and_forwarded_without_a_script(own_country: Town) -> None:
    organ = "000.00.11.H14"
    page = own_country.page(Role.OPERATOR, script=False)
    own_country.open(page, f"/registry/organs/{organ}")
    page.get_by_role("button", name="Thôi giữ, thôi chuyển tiếp…").click()
    expect(page.locator(".plan tbody tr")).to_have_count(3)
    assert legs_of(own_country, "m-held-0") == [LegState.HELD]
    confirm(page, "nâng cấp xong")
    expect(page.locator("main [role=status]").first).to_be_visible()
    hold = page.locator("section", has=page.get_by_role("heading", name="Tạm giữ và chuyển tiếp"))
    expect(hold).to_contain_text("Không có.")  # a worker carries on with what was held
    assert organ not in own_country.house.store.registry().holds

    page.get_by_text("Tạm giữ…").click()
    until = AFTERNOON + timedelta(days=1)
    page.fill("#hold-until", f"{until:%Y-%m-%dT%H:%M}")
    page.locator("form[action*='/work/hold'] button[type=submit]").click()
    expect(page.locator(".plan")).to_contain_text("được giữ lại trên trục")
    confirm(page, "kiểm kê máy chủ")
    expect(hold).to_contain_text("kiểm kê máy chủ")

    page.get_by_text("Chuyển tiếp…", exact=True).click()
    page.fill("#forward-to", CAO_BANG)
    page.locator("form[action*='/work/forward'] button[type=submit]").click()
    expect(page.locator(".plan")).to_contain_text("Thay cho sắp xếp hiện có")
    confirm(page, "sáp nhập về tỉnh")
    expect(hold).to_contain_text(f"chuyển tiếp đến {CAO_BANG}")


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
    country.open(page, "/registry/import")
    text = f"organ_id,name,parent,state\n000.00.25.H41,Xã Mới,{NGHE_AN},nghỉ\n"
    page.set_input_files("#f-file", {"name": "so.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.locator("main form[action*='/registry/import'] button[type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("tbody")).to_contain_text("2")


# ── Dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────


def tick(page: Page, name: str) -> None:
    page.locator("main tbody tr", has_text=name).locator("input[type=checkbox]").check()


@WITH_AND_WITHOUT_SCRIPT
def test_a_dead_letter_is_given_back_and_another_discarded(own_country: Town, script: bool) -> None:
    page = own_country.page(Role.OPERATOR, script=script)
    own_country.open(page, "/work/dead")
    tick(page, "dead-gui")
    page.get_by_role("button", name="Xem trước trả lại").click()
    expect(page.locator(".plan tbody tr")).to_have_count(1)
    assert letter(own_country, "dead-gui") is DeadState.OPEN
    confirm(page, "đã sửa phần mềm")
    assert letter(own_country, "dead-gui") is DeadState.RETURNING
    tick(page, "dead-nhan")
    page.get_by_role("button", name="Xem trước bỏ").click()
    expect(page.locator(".plan.danger tbody tr")).to_have_count(1)
    confirm(page, "nơi nhận đã có bản khác")
    assert letter(own_country, "dead-nhan") is DeadState.DISCARDED
    expect(page.locator(".empty")).to_be_visible()
