"""The way into the console over HTTP: sign-in, cookies, tokens, hosts, headers, limits."""

from datetime import timedelta
from typing import Any

import pytest

from router.console.access.keeper import HEADERS
from router.console.access.origin import client_address, host_name, is_secure
from router.console.shell.addresses import local
from router.core.people import Role
from router.settings import Settings
from router.settings.console import ConsoleSettings
from tests.support.console import CHEAP, PASSWORD, SITE, ConsoleHouse, token_in

WRONG = "Sai mật khẩu 27"


def house_with(**console: Any) -> ConsoleHouse:
    return ConsoleHouse(settings=Settings(console=CHEAP.model_copy(update=console)))


@pytest.fixture
def house() -> ConsoleHouse:
    made = ConsoleHouse()
    made.add_person(Role.VIEWER, name="mai")
    return made


# ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_has_no_session_is_led_to_the_sign_in_and_back_to_the_page(house: ConsoleHouse) -> None:
    async with house.visitor() as browser:
        sent = await browser.get("/me?a=1&b=2")
        assert sent.headers["location"] == "/console/login?next=%2Fconsole%2Fme%3Fa%3D1%26b%3D2"
        form = await browser.client.get(sent.headers["location"])
        assert 'name="next" value="/console/me?a=1&amp;b=2"' in form.text

        answer = await browser.try_sign_in("mai", PASSWORD, wanted="/console/me?a=1&b=2")

        assert (answer.status_code, answer.headers["location"]) == (303, "/console/me?a=1&b=2")
        assert (await browser.get("/me")).status_code == 200
        assert (await browser.get("/login")).headers["location"] == "/console/"


async def test_the_cookie_of_a_session_is_out_of_reach_of_scripts_and_other_sites(house: ConsoleHouse) -> None:
    async with house.visitor() as browser:
        answer = await browser.sign_in("mai")
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith("truc-session=")]
    for part in ("HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Max-Age" not in cookie
    assert "Domain" not in cookie
    assert "Secure" not in cookie


async def test_with_https_cookies_are_bound_to_the_host_and_browsers_are_told_to_stay() -> None:
    house = house_with(public_url="https://truc.gov.vn")
    house.add_person(Role.VIEWER, name="mai")
    async with house.visitor(site="https://truc.gov.vn") as browser:
        answer = await browser.sign_in("mai")
        assert (await browser.get("/me")).status_code == 200
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-truc-session=")]
    assert "; Secure" in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "/console//evil.test",
        "/console/\\evil",
        "/console/\n/x",
        "/other",
        "/console/../x",
        "javascript:alert(1)",
        "/console/" + "x" * 3000,
    ],
)
async def test_nobody_is_led_elsewhere_after_the_sign_in(house: ConsoleHouse, wanted: str) -> None:
    assert local(wanted) == ""
    async with house.visitor() as browser:
        answer = await browser.try_sign_in("mai", PASSWORD, wanted=wanted)
    assert answer.headers["location"] == "/console/"


async def test_a_wrong_name_and_a_wrong_password_look_the_same(house: ConsoleHouse) -> None:
    shown = []
    for name in ("mai", "nobody"):
        async with house.visitor() as browser:
            answer = await browser.try_sign_in(name, WRONG)
            assert answer.status_code == 401
            shown.append(answer.text.replace(token_in(answer.text), ""))
            assert WRONG not in answer.text
    assert shown[0] == shown[1]


async def test_a_pause_says_how_long_it_lasts(house: ConsoleHouse) -> None:
    async with house.visitor() as browser:
        for _ in range(5):
            assert (await browser.try_sign_in("mai", WRONG)).status_code == 401
        paused = await browser.try_sign_in("mai", PASSWORD)
        assert (paused.status_code, paused.headers["retry-after"]) == (429, "15")
        assert "15 giây" in paused.text
        house.clock.pass_by(timedelta(seconds=15))
        assert (await browser.try_sign_in("mai", PASSWORD)).status_code == 303


async def test_one_address_signs_in_only_so_often_and_others_are_not_concerned() -> None:
    house = house_with(sign_ins_per_minute=3)
    house.add_person(Role.VIEWER, name="mai")
    async with house.visitor() as browser, house.visitor(address="198.51.100.9") as other:
        answers = [(await browser.try_sign_in("nobody", WRONG)).status_code for _ in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert (await other.try_sign_in("mai", PASSWORD)).status_code == 303


async def test_a_sign_out_ends_the_session_also_for_who_kept_the_cookie(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, name="mai") as browser:
        kept = browser.client.cookies["truc-session"]
        answer = await browser.post("/logout", {})
        assert answer.headers["location"] == "/console/login"
        assert "truc-session" not in browser.client.cookies
        browser.client.cookies.set("truc-session", kept)
        assert (await browser.get("/me")).status_code == 303


async def test_a_cookie_that_somebody_else_made_up_is_no_session(house: ConsoleHouse) -> None:
    async with house.visitor() as browser:
        await browser.sign_in("mai")
        known = browser.client.cookies["truc-session"]
        for made_up in ("x", known[:-1], known[::-1], "0" * 43):
            browser.client.cookies.delete("truc-session")
            browser.client.cookies.set("truc-session", made_up)
            assert (await browser.get("/me")).status_code == 303


async def test_a_sign_out_needs_the_token_so_that_nobody_else_can_do_it(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, name="mai") as browser:
        assert (await browser.post("/logout", {}, token="0" * 64)).status_code == 403
        assert (await browser.get("/me")).status_code == 200


async def test_a_first_password_has_to_be_changed_before_anything_else(house: ConsoleHouse) -> None:
    async with house.browser(Role.ADMINISTRATOR, name="moi", must_change=True) as browser:
        for path in ("/me", "/users", "/"):
            assert (await browser.get(path)).headers["location"] == "/console/me/password"
        assert (await browser.get("/users.json")).status_code == 403
        token = token_in((await browser.get("/me/password")).text)
        assert (await browser.post("/users/add?dry=1", {"name": "x"}, token=token)).status_code == 303
        new = "Gió lớn qua đồng bằng 9"
        for fields in (
            {"old": PASSWORD, "new": new, "again": "khác"},
            {"old": WRONG, "new": new, "again": new},
            {"old": PASSWORD, "new": "ngắn", "again": "ngắn"},
            {},
        ):
            assert (await browser.post("/me/password", fields, token=token)).status_code == 422
        before = browser.client.cookies["truc-session"]
        done = await browser.post("/me/password", {"old": PASSWORD, "new": new, "again": new}, token=token)

        assert done.status_code == 303
        assert browser.client.cookies["truc-session"] != before
        assert (await browser.get("/users")).status_code == 200
    async with house.visitor() as browser:
        assert (await browser.try_sign_in("moi", PASSWORD)).status_code == 401
        await browser.sign_in("moi", new)


async def test_other_sessions_are_shown_and_ended(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, name="mai") as here, house.browser(Role.VIEWER, name="mai") as there:
        sessions = (await here.data("/me"))["sessions"]
        assert sorted(each["present"] for each in sessions) == [False, True]
        assert (await here.post("/me/sessions/end", {})).status_code == 303
        assert (await there.get("/me")).status_code == 303
        assert "1 phiên" in (await here.get("/me")).text


async def test_a_hub_without_accounts_says_how_to_make_the_first() -> None:
    house = ConsoleHouse()
    async with house.visitor() as browser:
        assert "truc user add" in (await browser.get("/login")).text
        house.add_person(Role.VIEWER)
        assert "truc user add" not in (await browser.get("/login")).text


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_form_without_this_browsers_token_is_not_taken(house: ConsoleHouse) -> None:
    async with house.visitor() as browser, house.visitor() as other:
        foreign = token_in((await other.get("/login")).text)
        own = token_in((await browser.get("/login")).text)
        assert foreign != own
        for token in ("", foreign, own[:-1], own + "0", "ế" * 64):
            answer = await browser.post("/login", {"name": "mai", "password": PASSWORD}, token=token)
            assert answer.status_code == 403
        assert (await browser.post("/login", {"name": "mai", "password": PASSWORD}, token=own)).status_code == 303
        assert (await browser.post("/me/sessions/end", {}, token=own)).status_code == 403  # from before the sign-in


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_form_that_comes_from_another_site_is_not_taken(house: ConsoleHouse, headers: dict[str, str]) -> None:
    async with house.browser(Role.VIEWER, name="mai") as browser:
        assert (await browser.post("/me/sessions/end", {}, headers=headers)).status_code == 403
        same = {"Origin": SITE, "Sec-Fetch-Site": "same-origin"}
        assert (await browser.post("/me/sessions/end", {}, headers=same)).status_code == 303


async def test_a_form_is_bounded_whatever_it_says_about_itself(house: ConsoleHouse) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b"x" * 2**16

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with house.visitor() as browser:
        url = "/console/login"
        assert (await browser.client.post(url, data={"name": "x" * 20_000})).status_code == 413
        assert (await browser.client.post(url, content=endless(), headers=form)).status_code == 413
        lied = {**form, "Content-Length": "-5"}
        assert (await browser.client.post(url, content=b"a=b", headers=lied)).status_code == 413
        assert (await browser.client.post(url, content=b"{}", headers={"Content-Type": "text/x"})).status_code == 415
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await browser.client.post(url, content=b"nonsense", headers=broken)).status_code in (400, 403)


# ── The wall ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_answer_has_the_headers_also_the_bad_ones(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, name="mai") as browser:
        answers = [
            await browser.get("/me"),
            await browser.get("/me.json"),
            await browser.get("/nowhere"),
            await browser.get("/users"),
            await browser.get("/-/static/console.css"),
            await browser.client.get("/console/me", headers={"Host": "evil.test"}),
            await browser.get(f"/me?q={'x' * 9000}"),
            await browser.post("/me/sessions/end", {}, token="x"),
            await browser.client.delete("/console/me"),
        ]
    assert [each.status_code for each in answers] == [200, 200, 404, 403, 200, 400, 414, 403, 405]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["cache-control"] == ("no-cache" if "css" in str(answer.url) else "no-store")
        assert "strict-transport-security" not in answer.headers


def test_the_policy_lets_nothing_in_from_outside_and_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    for word in ("unsafe", "http", "data:", "*", "nonce"):
        assert word not in policy
    for word in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert word in policy


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8620", 200),
        ("localhost:9", 200),
        ("TRUC.gov.vn", 200),
        ("noi-bo.bo.gov.vn:8443", 200),
        ("[::1]:8620", 200),
        ("evil.test", 400),
        ("truc.gov.vn.evil.test", 400),
        ("evil.test:x", 400),
        ("a@localhost", 400),
        ("", 400),
    ],
)
async def test_the_console_answers_by_its_own_names_only(host: str, status: int) -> None:
    house = house_with(public_url="https://truc.gov.vn", hosts=("noi-bo.bo.gov.vn",))
    async with house.visitor() as browser:
        answer = await browser.client.get("/console/login", headers={"Host": host})
    assert answer.status_code == status


NETWORKS = ConsoleSettings(trusted_proxies=("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")).proxies


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "1.2.3.4", "203.0.113.5"),  # says so itself
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the first was written by who asked
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("", "1.2.3.4", ""),
    ],
)
def test_an_address_is_believed_as_far_as_trusted_proxies_wrote_it(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, NETWORKS) == address


def test_https_is_believed_from_trusted_proxies_or_the_settings() -> None:
    assert is_secure("10.0.0.1", "http", "https", NETWORKS, public=False)
    assert not is_secure("203.0.113.5", "http", "https", NETWORKS, public=False)
    assert not is_secure("10.0.0.1", "http", "https, http", NETWORKS, public=False)
    assert is_secure("203.0.113.5", "https", "", NETWORKS, public=False)
    assert is_secure("203.0.113.5", "http", "", NETWORKS, public=True)


@pytest.mark.parametrize(
    ("header", "host"),
    [("A.b:80", "a.b"), ("[::1]:80", "[::1]"), ("[::1", ""), ("a b", ""), ("a:b", ""), ("ế.vn", ""), ("[::1]x", "")],
)
def test_a_host_header_is_read_strictly(header: str, host: str) -> None:
    assert host_name(header) == host


async def test_failures_are_counted_by_the_address_behind_a_trusted_proxy() -> None:
    house = house_with(trusted_proxies=("10.0.0.0/8",), sign_ins_per_minute=2)
    async with house.visitor(address="10.0.0.1") as browser:
        form = token_in((await browser.get("/login")).text)

        async def attempt(forwarded: str) -> int:
            fields = {"name": "x", "password": "y"}
            sent = await browser.post("/login", fields, token=form, headers={"X-Forwarded-For": forwarded})
            return sent.status_code

        assert [await attempt("198.51.100.1") for _ in range(3)] == [401, 401, 429]
        assert await attempt("198.51.100.2") == 401
        assert await attempt("198.51.100.2, 198.51.100.1") == 429


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "truc.gov.vn"},
        {"public_url": "https://truc.gov.vn/console"},
        {"hosts": ["a b"]},
        {"trusted_proxies": ["10.0.0.1/8"]},
        {"trusted_proxies": ["proxy"]},
        {"session_hours": 0},
        {"unknown": 1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ConsoleSettings.model_validate(wrong)


async def test_refusals_stand_in_the_log_with_who_and_what_but_not_without_end(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, name="mai") as browser:
        for _ in range(40):
            assert (await browser.get("/users")).status_code == 403
    told = [each for each in house.store.events_of("") if each.name == "access.refused"]
    assert len(told) == 30
    assert (told[0].actor, dict(told[0].facts)) == (
        "user:mai",
        {"user": "mai", "right": "administer", "path": "/console/users", "address": "192.0.2.7"},
    )
