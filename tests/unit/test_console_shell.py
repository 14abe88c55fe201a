"""The frame of the console: pages and twins, plans and deeds, language, errors, and how it is drawn."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.routing import Route

from router.console.shell import charts, formats
from router.console.shell.addresses import href
from router.console.shell.app import build_console
from router.console.shell.rooms import Part
from router.console.shell.words import Language, Words
from router.core.people import RIGHTS, Right, Role
from tests.support.console import Browser, ConsoleHouse
from tests.support.letters import house_of_letters, letters

SHELL: Final = Path(__file__).resolve().parents[2] / "router" / "console"


@pytest.fixture
def house(tmp_path: Path) -> ConsoleHouse:
    return house_of_letters(tmp_path)


@pytest.fixture
async def browser(house: ConsoleHouse) -> AsyncIterator[Browser]:
    async with house.browser(Role.OPERATOR) as made:
        yield made


# ── Pages and twins ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_twin_is_exactly_the_data_of_its_page(browser: Browser) -> None:
    page = await browser.get("/letters?q=thư")
    twin = await browser.data("/letters?q=thư")

    assert twin == {
        "q": "thư",
        "letters": [{"id": "1", "subject": "Thư & <một>", "at": "2026-03-02T01:00:00+00:00", "urgent": True}],
        "day": "2026-03-02",
        "words": {"vi": "Thư từ", "en": "Letters"},
        "many": ["a", "b"],
        "took": 90.0,
    }
    assert "Thư &amp; &lt;một&gt;" in page.text
    assert "02/03/2026 08:00" in page.text
    assert 'href="/console/letters.json?q=th%C6%B0"' in page.text


async def test_a_parameter_in_the_path_does_not_swallow_the_twin(browser: Browser) -> None:
    assert (await browser.data("/letters/1"))["id"] == "1"
    assert "letter 1" in (await browser.get("/letters/1")).text


async def test_what_is_not_there_and_what_is_outside_look_the_same(browser: Browser) -> None:
    answers = [await browser.get(f"/letters/{each}") for each in ("2", "9")]  # outside, not there
    assert {each.status_code for each in answers} == {404}
    assert answers[0].text.replace("letters%2F2", "") == answers[1].text.replace("letters%2F9", "")
    twins = [await browser.get(f"/letters/{each}.json") for each in ("2", "9")]
    assert twins[0].json() == twins[1].json()
    assert twins[0].json()["status"] == 404


async def test_a_file_is_given_as_one_to_be_kept(browser: Browser) -> None:
    answer = await browser.get("/letters/all.csv")
    assert answer.content == b"a;b"
    assert answer.headers["content-disposition"] == "attachment; filename=\"a-b-.csv\"; filename*=UTF-8''a%20b%22.csv"
    assert answer.headers["content-type"].startswith("text/csv")


async def test_pages_say_in_which_language_they_are_and_keep_to_it(browser: Browser) -> None:
    assert '<html lang="vi"' in (await browser.get("/letters")).text
    chosen = await browser.get("/-/looks?language=en&look=dark&next=/console/letters?q=x")
    assert chosen.headers["location"] == "/console/letters?q=x"
    page = (await browser.get("/letters")).text
    assert '<html lang="en" data-look="dark"' in page
    assert "<h1>Letters</h1>" in page
    assert "Sign out" in page
    again = await browser.get("/-/looks?language=klingon&look=pink&next=https://evil.test")
    assert again.headers["location"] == "/console/"
    assert '<html lang="en" data-look="dark"' in (await browser.get("/letters")).text


async def test_the_navigation_shows_what_somebody_may_see_and_where_they_are(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        page = (await browser.get("/letters/1")).text
        assert re.search(
            r'href="/console/letters" aria-current="page">\s*<span>Thư từ</span> <b class="number">3</b>', page
        )
        assert "/console/secret" not in page
        assert (await browser.get("/")).headers["location"] == "/console/letters"
    async with house.browser(Role.AUDITOR) as browser:
        assert "/console/secret" in (await browser.get("/letters")).text


async def test_the_numbers_in_the_navigation_are_counted_once_in_a_while(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        for _ in range(3):
            await browser.get("/letters")
        assert letters(house).counted == 1
        house.clock.pass_by(timedelta(seconds=6))
        await browser.get("/letters")
        assert letters(house).counted == 2


# ── Plans and deeds ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_deed_is_shown_first_then_confirmed_with_a_reason(browser: Browser, house: ConsoleHouse) -> None:
    shown = await browser.post("/letters/burn?dry=1", {"letter": ["1", "2"]})
    assert shown.status_code == 200
    assert letters(house).burnt == []
    assert "Đúng 1 mục" in shown.text
    assert '<input type="hidden" name="letter" value="1">' in shown.text
    assert 'name="letter" value="2"' not in shown.text  # outside the scope, and not even shown
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.text.rpartition("<form")[2]))

    without = await browser.client.post(href("/letters/burn"), data={**form, "reason": "  "})
    assert without.status_code == 400
    done = await browser.client.post(href("/letters/burn"), data={**form, "reason": " trời\n rét  "})

    assert (done.status_code, done.headers["location"]) == (303, "/console/letters?burnt=1")
    assert letters(house).burnt == [("1", "user:operator", "trời rét")]
    page = await browser.get("/letters")
    assert "Đã đốt 1 thư." in page.text
    assert "Đã đốt 1 thư." not in (await browser.get("/letters")).text


async def test_a_message_that_somebody_else_wrote_is_not_shown(browser: Browser) -> None:
    for forged in ("VGluIGdp4bqj.0000", "x", ".", "===.x", "ế.ế"):
        browser.client.cookies.set("truc-flash", forged.encode("ascii", "replace").decode())
        assert "Tin giả" not in (await browser.get("/letters")).text


async def test_plans_and_deeds_speak_json_to_who_asks_for_it(browser: Browser) -> None:
    plan = (await browser.plan("/letters/burn", {"letter": ["1"]})).json()
    assert plan["carry"] == {"letter": ["1"]}
    assert plan["columns"] == [{"key": "subject", "heading": {"vi": "Trích yếu", "en": "Subject"}}]
    assert plan["possible"] is True
    done = (await browser.act("/letters/burn", plan["carry"])).json()
    assert done == {"done": {"vi": "Đã đốt 1 thư.", "en": "Burnt 1."}, "to": "/console/letters?burnt=1"}
    refused = await browser.act("/letters/burn", {"letter": ["7"]})
    assert (refused.status_code, refused.json()["says"]["en"]) == (409, "No such letters.")


async def test_a_reason_is_one_line_that_nobodys_screen_is_fooled_by(browser: Browser, house: ConsoleHouse) -> None:
    await browser.act("/letters/burn", {"letter": ["1"]}, reason="x\u202e" + "y" * 600)
    (_, _, reason) = letters(house).burnt[0]
    assert reason.startswith("x\\u202ey")
    assert len(reason) == 500


async def test_a_deed_without_the_right_is_refused_before_it_is_looked_at(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        for path in ("/letters/burn", "/letters/burn?dry=1"):
            assert (await browser.post(path, {"letter": ["1"], "reason": "x"})).status_code == 403
    assert letters(house).asked == 0


async def test_a_file_comes_with_its_form(browser: Browser) -> None:
    token = await browser.token()
    answer = await browser.client.post(
        href("/letters/send", {"dry": 1}),
        data={"form": token, "to": "H41"},
        files={"file": ("thư.csv", "nội dung".encode(), "text/csv")},
        headers={"Accept": "application/json"},
    )
    assert answer.json()["rows"] == [{"name": "thư.csv", "size": 10, "to": "H41"}]
    large = await browser.client.post(
        href("/letters/send", {"dry": 1}), data={"form": token}, files={"file": ("x", b"x" * 70_000, "text/csv")}
    )
    assert large.status_code == 413


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/letters?q=" + "x" * 201, 400, "200"),
        ("/letters?size=0", 400, "size"),
        ("/letters?size=１", 400, "size"),
        ("/letters?size=99999999999999999999999", 400, "size"),
        ("/letters?day=2026-02-30", 400, "day"),
        ("/letters?role=king", 400, "role"),
        ("/nowhere", 404, "404"),
        ("/letters/1/", 404, "404"),
        ("/broken", 500, "mã"),
        ("/away", 503, "503"),
    ],
)
async def test_what_goes_wrong_is_said_in_words_on_page_and_twin(
    browser: Browser, path: str, status: int, word: str
) -> None:
    page = await browser.get(path)
    assert page.status_code == status
    assert word in page.text
    assert "Traceback" not in page.text
    assert "bí mật bên trong" not in page.text
    twin = await browser.get(path.replace("?", ".json?", 1) if "?" in path else f"{path}.json")
    assert twin.status_code == status
    assert {"status", "says"} == set(twin.json())


async def test_a_mistake_of_ours_has_a_number_that_stands_in_the_log(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await browser.get("/broken")
    (number,) = re.findall(r"mã ([0-9a-f]{12})", page.text)
    logged = capsys.readouterr()
    assert number in logged.out + logged.err


async def test_a_page_without_right_names_the_right(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        page = await browser.get("/secret")
        assert (page.status_code, "audit" in page.text) == (403, True)


def test_a_part_that_does_not_ask_who_comes_is_not_taken() -> None:
    house = ConsoleHouse()

    async def open_door(_: Request) -> Any:
        return None

    with pytest.raises(TypeError, match="open"):
        build_console(house.rooms, [Part(name="open", routes=[Route("/open", open_door)])])


# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_component_and_chart_can_be_drawn_in_both_languages(browser: Browser) -> None:
    for language in Language:
        await browser.get(f"/-/looks?language={language.value}&next=/console/letters")
        page = (await browser.get("/gallery")).text
        for part in ("<svg", "timeline", 'class="pill good"', "<meter", "<figure", "stat-value", 'class="pager"'):
            assert part in page
        assert "{{" not in page


async def test_pages_hold_no_style_no_script_and_nothing_from_elsewhere(browser: Browser) -> None:
    for path in ("/letters", "/letters/1", "/gallery", "/me", "/me/password"):
        page = (await browser.get(path)).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page)
        assert re.findall(r"<script[^>]*>", page) == re.findall(
            r'<script src="/console/-/static/console\.js\?v=[0-9a-f]{16}" defer>', page
        )
        assert not re.search(r'(?:src|href|action)="(?!/console|#)', page)
        assert page.count("<h1") == 1
        assert '<a class="skip" href="#content">' in page


def test_templates_hold_no_style_and_no_unescaped_text() -> None:
    found = list(SHELL.rglob("templates/*.html"))
    assert len(found) > 5
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|\son(?:click|change|load|submit)=|\|\s*safe|autoescape", text), path


async def test_labels_lead_to_fields_and_ids_are_unique(browser: Browser) -> None:
    for path in ("/gallery", "/me/password", "/letters"):
        page = (await browser.get(path)).text
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        for target in re.findall(r'<label for="([^"]+)"', page) + re.findall(r'aria-describedby="([^"]+)"', page):
            assert target in ids


def test_colours_can_be_read_in_light_and_dark() -> None:
    css = (SHELL / "shell" / "static" / "console.css").read_text(encoding="utf-8")
    light = _colours(css.partition(":root {")[2].partition("}")[0])
    auto = _colours(css.partition(':root:not([data-look="light"]) {')[2].partition("}")[0])
    dark = _colours(css.partition(':root[data-look="dark"] {')[2].partition("}")[0])
    assert auto == dark
    assert dark.keys() <= light.keys()
    for name, colours in (("light", light), ("dark", {**light, **dark})):
        for ink, grounds in PAIRS.items():
            for ground in grounds:
                contrast = _contrast(colours[ink], colours[ground])
                assert contrast >= 4.5, (name, ink, ground, round(contrast, 2))
        for shape in ("strong-line", "focus", "accent", *(f"series-{number}" for number in range(6))):
            for ground in ("ground", "surface"):
                contrast = _contrast(colours[shape], colours[ground])
                assert contrast >= 3, (name, shape, ground, round(contrast, 2))


PAIRS: Final = {
    "ink": ("ground", "surface", "raised", "sunken", "accent-soft"),
    "soft": ("ground", "surface", "raised", "sunken"),
    "accent": ("ground", "surface", "raised", "accent-soft"),
    "accent-ink": ("accent",),
    **{tone: (f"{tone}-ground",) for tone in ("good", "wait", "warn", "idle")},
    "bad": ("bad-ground", "surface", "ground"),
}


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block))


def _contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_assets_are_kept_for_good_under_their_version_and_asked_anew_without(browser: Browser) -> None:
    page = (await browser.get("/letters")).text
    for address in re.findall(r'"(/console/-/static/[^"]+)"', page):
        assert "immutable" in (await browser.client.get(address)).headers["cache-control"]
        plain = await browser.client.get(address.partition("?")[0])
        assert plain.headers["cache-control"] == "no-cache"
    assert (await browser.get("/-/static/nothing.css")).status_code == 404
    assert (await browser.get("/-/static/..%2fapp.py")).status_code == 404
    assert ".letters-own" in (await browser.get("/-/static/console.css")).text


def test_values_are_written_as_people_write_them() -> None:
    vi, en = Language.VI, Language.EN
    at = datetime(2026, 11, 25, 1, 0, 5, tzinfo=UTC)
    assert formats.moment(at) == formats.moment("2026-11-25T01:00:05+00:00") == "25/11/2026 08:00"
    assert formats.moment(at, seconds=True) == "25/11/2026 08:00:05"
    assert formats.moment(None) == formats.moment("") == formats.day(None) == "–"
    assert formats.day(date(2026, 11, 25)) == formats.day("2026-11-25") == "25/11/2026"
    assert (formats.count(1234567), formats.count(1234567, en), formats.count(2.5)) == ("1.234.567", "1,234,567", "2,5")
    assert (formats.size(512), formats.size(1536, en), formats.size(3 * 2**30)) == ("512 B", "1.5 KiB", "3 GiB")
    assert (formats.percent(0.975), formats.percent(None)) == ("97,5 %", "–")
    assert (formats.span(93_784, vi), formats.span(timedelta(seconds=59), en)) == ("1 ngày 2 giờ", "59 s")
    assert formats.ago(at, at + timedelta(minutes=5)) == "5 phút trước"
    assert formats.ago(at, at - timedelta(hours=2), en) == "in 2 h"
    assert formats.ago(at, at) == "vừa xong"
    assert formats.shown([Words("a", "b"), True, None, 1.0, at, date(2026, 1, 2)], en) == (
        "b, yes, –, 1, 25/11/2026 08:00, 02/01/2026"
    )
    assert formats.shown({"vi": "x", "en": "y"}) == "x"


def test_charts_stay_in_their_box_whatever_they_are_given() -> None:
    for values in ([], [0], [0, 0], [1e9, 3], [-5, float("nan"), float("inf"), 2.5], list(range(100))):
        labels = [str(number) for number in range(len(values))]
        drawn = charts.bar_chart(labels, [values, values])
        assert all(0 <= bar.y <= bar.y + bar.height <= charts.HEIGHT for bar in drawn.bars)
        assert all(charts.LEFT <= bar.x <= charts.WIDTH for bar in drawn.bars)
        assert len(drawn.labels) <= charts.MOST_LABELS
        lines = charts.line_chart(labels, [values])
        assert len(lines.lines) == bool(values)
        assert charts.spark(values).points.count(",") in (0, len(values))
    assert charts.ring(2).dash == charts.ring(1).round
    assert [charts.nice_top(most) for most in (0, 3, 5, 11, 99, 240)] == [4, 4, 5, 20, 100, 250]


def test_addresses_are_written_so_that_values_stay_values() -> None:
    assert href("/a b/ế", {"q": "x&y=z", "none": None, "empty": "", "many": ["1", "2"]}) == (
        "/console/a%20b/%E1%BA%BF?q=x%26y%3Dz&many=1&many=2"
    )


def test_json_of_nothing_we_know_is_a_mistake() -> None:
    from router.console.shell.frame import json_answer

    assert json.loads(bytes(json_answer({"path": Path("/x"), "set": {"b", "a"}}).body)) == {
        "path": "/x",
        "set": ["a", "b"],
    }
    with pytest.raises(TypeError):
        json_answer({"x": object()})


def test_the_readme_says_which_role_may_do_what_and_names_components_that_are_there() -> None:
    readme = (SHELL / "README.md").read_text(encoding="utf-8")
    assert f"| role | {' | '.join(Right)} |" in readme
    for role, rights in RIGHTS.items():
        marks = " | ".join("●" if each in rights else "" for each in Right)
        assert f"| `{role}` | {marks} |".replace("|  ", "| ") in readme
    for room, name in re.findall(r"`(ui|chart)\.(?!html)(\w+)`", readme):
        file = "ui.html" if room == "ui" else "charts.html"
        assert f"macro {name}(" in (SHELL / "shell" / "templates" / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("command", ["user", "console", "audit"])
def test_the_readme_names_the_commands(command: str) -> None:
    assert f"`truc {command} " in (SHELL / "README.md").read_text(encoding="utf-8")
