"""A walk through every address of the whole console: who gets what, with which headers, and nothing of others.

New parts are walked by themselves, because the addresses come from the routes.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import Final

import httpx
import pytest

from router.console import house as house_module
from router.console.access import part as access
from router.console.access.keeper import HEADERS
from router.console.house import parts_of
from router.console.shell.page import GuardedRoute
from router.core.people import RIGHTS, Right, Role
from router.core.work_lists import WorkKind
from tests.support.console import Browser, ConsoleHouse
from tests.support.two_provinces import FOREIGN, OWN, SECRETS, fill

QUERIES: Final = (
    *("", "?q=77/HB", "?organ=H42", "?root=H42", "?below=H42&document_id=d-far"),
    "?recipient=H42.01&sender=H42&agent=noi-xa",
)
FIELDS: Final = ("leg", "message", "organ", "code", "id", "letter", "dead", "agent", "to", "name", "document")
OF_NOBODY: Final = frozenset(
    {
        *("/me", "/me/password"),  # the reader's own
        "/work",  # numbers, which test_console_work counts
        *("/registry/import", "/registry/merge", "/registry/keys"),  # forms; the hub's own
        *(
            "/statistics/export.xlsx",
            "/documents/{message}/files/{place:int}",
            "/documents/{message}/envelope",
        ),
        "/documents/{message}/evidence",
    }
)
"""Pages that show nothing of any organ, and files in which no word can be looked for."""
SAYS_NO_ORGAN: Final = frozenset({"month", "to", "from", "actor", "finding", "notation", "number", "subject"})
"""Texts that narrow what is seen anyway: of the search, each is tested with its scope."""
PARAMETERS: Final = frozenset({"message", "letter", "place", "kind", "code", "alarm", "name", "deed"})
STRANGE_PARAMETER: Final = "khong-co"


@pytest.fixture
def house(tmp_path: Path) -> ConsoleHouse:
    made = ConsoleHouse.on_sqlite(tmp_path)
    fill(made)
    return made


def routes_of(house: ConsoleHouse) -> list[GuardedRoute]:
    parts = [*parts_of(house.rooms), access.part(house.rooms)]
    found = [route for part in parts for route in part.routes]
    assert all(isinstance(route, GuardedRoute) for route in found)
    return [route for route in found if isinstance(route, GuardedRoute)]


def addresses(route: GuardedRoute, values: tuple[str, ...]) -> Iterator[str]:
    """A route's path with each of the values in each parameter; a number is 1, a kind is a work list's."""
    path = re.sub(r"{\w+:int}", "1", route.path)
    parameter = r"{(\w+)(?::path)?}"
    choices = [WorkKind if name == "kind" and len(values) > 1 else values for name in re.findall(parameter, path)]
    for chosen in product(*choices):
        filled = iter(chosen)
        yield re.sub(parameter, lambda _: next(filled), path)  # noqa: B023  used up at once


def first(route: GuardedRoute) -> str:
    return next(addresses(route, (STRANGE_PARAMETER,)))


async def ask(browser: Browser, route: GuardedRoute, path: str) -> httpx.Response:
    """The route as somebody uses it who has a page open."""
    if route.method == "POST":
        return await browser.post(f"{path}?dry=1", {}, token=browser.client.headers.get("x-token", ""))
    return await browser.get(path)


@pytest.fixture
async def by_role(house: ConsoleHouse) -> AsyncIterator[dict[Role, Browser]]:
    async with AsyncExitStack() as stack:
        browsers = {role: await stack.enter_async_context(house.browser(role)) for role in Role}
        for browser in browsers.values():
            browser.client.headers["x-token"] = await browser.token()
        yield browsers


def missing(answer: httpx.Response) -> list[str]:
    """What a good answer would have in its headers."""
    wrong = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
    return wrong if answer.headers.get("cache-control") == "no-store" else [*wrong, "cache-control"]


async def test_without_a_session_every_address_leads_to_the_sign_in(house: ConsoleHouse) -> None:
    faults = []
    async with house.visitor() as browser:
        for route in routes_of(house):
            answer = await ask(browser, route, first(route))
            wanted = 401 if route.twin or route.method == "POST" else 303
            led = answer.headers.get("location", "").startswith("/console/login") if wanted == 303 else True
            if answer.status_code != wanted or not led or missing(answer):
                faults.append((route.method, route.path, answer.status_code, missing(answer)))
    assert faults == []


async def test_every_role_gets_what_its_rights_say_on_page_and_twin(
    house: ConsoleHouse, by_role: dict[Role, Browser]
) -> None:
    faults = []
    for route, (role, browser) in product(routes_of(house), by_role.items()):
        answer = await ask(browser, route, first(route))
        allowed = route.right in RIGHTS[role]
        sent_away = answer.headers.get("location", "").startswith(("/console/login", "/console/me/password"))
        served = answer.status_code not in (401, 403, 405, 500, 503) and not sent_away
        good = served if allowed else answer.status_code == 403
        if not good or missing(answer):
            faults.append((role, route.method, route.path, answer.status_code, missing(answer)))
    assert faults == []


async def test_no_form_is_taken_without_its_token(house: ConsoleHouse, by_role: dict[Role, Browser]) -> None:
    browser, faults = by_role[Role.ADMINISTRATOR], []
    forms = [route for route in routes_of(house) if route.method == "POST"]
    for route, token, query in product(forms, ("", "0" * 64), ("", "?dry=1")):
        answer = await browser.post(f"{first(route)}{query}", {"reason": "x"}, token=token)
        if answer.status_code != 403 or missing(answer):
            faults.append((route.path, answer.status_code))
    assert faults == []


def test_every_page_has_its_twin_with_the_same_right(house: ConsoleHouse) -> None:
    rights = {route.path: route.right for route in routes_of(house) if route.method == "GET" and not route.file}
    twins = {path.removesuffix(".json"): right for path, right in rights.items() if path.endswith(".json")}
    pages = {path: right for path, right in rights.items() if not path.endswith(".json")}
    without = [path for path in pages if path not in twins]
    assert without == ["/me/password"]  # nothing is on it but fields
    assert {path: pages[path] for path in twins} == twins


def test_what_changes_something_is_not_for_who_only_reads(house: ConsoleHouse) -> None:
    own = {"/me/sessions/end", "/me/password"}
    readers = RIGHTS[Role.VIEWER] | RIGHTS[Role.AUDITOR]
    faults = [
        route.path
        for route in routes_of(house)
        if route.method == "POST" and route.path not in own and route.right in readers - {Right.CONTENT}
    ]
    assert faults == []


async def test_the_administrator_of_a_province_finds_nothing_of_another_on_any_page_or_twin(
    house: ConsoleHouse,
) -> None:
    """Page, twin, file and plan; by every id that the other has, and by every filter that pages share."""
    faults = []
    async with house.browser(Role.ADMINISTRATOR, root="H41") as browser:
        browser.client.headers["x-token"] = await browser.token()
        for route in routes_of(house):
            paths = addresses(route, (*FOREIGN, *OWN) if "{" in route.path else ("",))
            for path in paths:
                if route.method == "GET":
                    one_thing = "{" in route.path and "{kind}" not in route.path
                    answers = [await browser.get(f"{path}{query}") for query in (QUERIES[:1] if one_thing else QUERIES)]
                else:
                    fields = {name: list(FOREIGN) for name in FIELDS}
                    answers = [await browser.post(f"{path}?dry=1", fields, token=browser.client.headers["x-token"])]
                for answer in answers:
                    told = [word for word in SECRETS if word in answer.text]
                    if told or answer.status_code in (401, 403, 500):
                        faults.append((route.method, str(answer.url), answer.status_code, told))
    assert faults == []


async def test_who_sees_everything_finds_the_others_on_every_page_that_is_about_organs(house: ConsoleHouse) -> None:
    """Else the walk above would prove nothing. A new page has to show something of H42 here, or stand in OF_NOBODY."""
    blank = set()
    async with house.browser(Role.ADMINISTRATOR) as browser:
        for route in routes_of(house):
            if route.method == "GET" and route.path.removesuffix(".json") not in OF_NOBODY:
                paths = addresses(route, FOREIGN) if "{" in route.path else [route.path]
                answers = [await browser.get(path) for path in paths]
                if not any(word in answer.text for answer in answers for word in SECRETS):
                    blank.add(route.path)
    assert blank == set()


def test_every_filter_and_field_of_the_console_is_among_those_that_are_walked() -> None:
    """A page or an action that asks for something by a new name fails here, until it is walked with what is foreign."""
    texts = [each.read_text("utf-8") for each in Path(house_module.__file__).parent.rglob("*.py")]
    asked = {name for text in texts for name in re.findall(r'text_asked\(\s*request,\s*"(\w+)"', text)}
    assert asked - set(re.findall(r"[?&](\w+)=", "".join(QUERIES))) - SAYS_NO_ORGAN == set()
    assert set(re.findall(r"{(\w+)", "".join(route_paths()))) <= PARAMETERS


def route_paths() -> list[str]:
    return [each.path for each in routes_of(ConsoleHouse())]


async def test_every_page_keeps_to_the_rules_of_the_frame(house: ConsoleHouse) -> None:
    """No style or script, nothing from elsewhere, one heading, ids once, labels that lead somewhere, two languages."""
    faults = []
    async with house.browser(Role.ADMINISTRATOR) as browser:
        for language, route in product(("vi", "en"), routes_of(house)):
            if route.method != "GET" or route.twin:
                continue
            await browser.get(f"/-/looks?language={language}")
            for path in addresses(route, OWN if "{" in route.path else ("",)):
                answer = await browser.get(path)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    faults += [(path, language, fault) for fault in _faults_of(answer.text, language)]
    assert faults == []


def _faults_of(page: str, language: str) -> Iterator[str]:
    if re.search(r"\sstyle=|<style|\son\w+=\"|javascript:", page):
        yield "style or script"
    if re.search(r'(?:\ssrc|<link[^>]*\shref|<form[^>]*\saction)="(?!/console/)', page):
        yield "from elsewhere"
    if not page.startswith(f'<!doctype html>\n<html lang="{language}"'):
        yield "language"
    if page.count("<h1") != 1:
        yield "headings"
    ids = re.findall(r'\sid="([^"]+)"', page)
    if len(ids) != len(set(ids)):
        yield f"ids {sorted(each for each in ids if ids.count(each) > 1)}"
    targets = re.findall(r'<label[^>]* for="([^"]+)"', page) + re.findall(r'aria-describedby="([^"]+)"', page)
    if not set(targets) <= set(ids):
        yield f"labels {sorted(set(targets) - set(ids))}"
    if re.search(r"<img(?![^>]*\salt=)|<svg(?![^>]*(?:aria-hidden|role=))", page):
        yield "a picture without words"
    if "{{" in page or "{%" in page or "Words(" in page:
        yield "template"
    for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
        if 'name="form"' not in form:
            yield "a form without token"
