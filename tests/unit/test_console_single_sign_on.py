"""Single sign-on against a provider on this machine: what is believed, and what is not."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import ValidationError

from router.console.access.claims import identity_of
from router.core.people import Role
from router.core.registry import OrganRecord
from router.settings import Settings
from router.settings.console import OidcSettings
from tests.support.console import CHEAP, MORNING, Browser, ConsoleHouse
from tests.support.oidc_provider import CLIENT, SECRET, OidcProvider, running_provider

LAN = {"preferred_username": "lan", "name": "Nguyễn Thị Lan", "roles": ["nhan-vien", "truc-van-hanh"]}


class Meeting:
    """A console and a provider that know each other."""

    def __init__(self, provider: OidcProvider, **settings: Any) -> None:
        self.provider = provider
        provider.claims = dict(LAN)
        told = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "label": "SSO Chính phủ",
            "roles": {"truc-quan-tri": "administrator", "truc-van-hanh": "operator"},
        }
        oidc = OidcSettings.model_validate({**told, **settings})
        self.house = ConsoleHouse(settings=Settings(console=CHEAP, oidc=oidc))
        self.house.store.put_organs([OrganRecord(code="H41.08", name="Sở", old_code="000.00.08.H41")])

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        async with self.house.visitor() as browser:
            yield browser

    async def out(self, browser: Browser, wanted: str = "") -> str:
        """Where the provider sends the browser back to."""
        sent = await browser.get("/oidc/start", params={"next": wanted} if wanted else None)
        assert sent.status_code == 303, sent.text
        async with httpx.AsyncClient() as client:
            answered = await client.get(sent.headers["location"])
        return str(answered.headers["location"])

    async def sign_in(self, browser: Browser, wanted: str = "") -> httpx.Response:
        return await browser.client.get(await self.out(browser, wanted))

    def refusals(self) -> list[str]:
        return [each.facts["why"] for each in self.house.store.events_of("") if each.name == "session.refused"]


@pytest.fixture
def meet() -> Iterator[Callable[..., Meeting]]:
    with running_provider(lambda: MORNING) as provider:
        yield lambda **settings: Meeting(provider, **settings)


async def test_somebody_signs_in_at_the_provider_and_is_led_to_the_page_they_wanted(meet: Any) -> None:
    meeting = meet()
    async with meeting.browser() as browser:
        assert "SSO Chính phủ" in (await browser.get("/login")).text
        answer = await meeting.sign_in(browser, "/console/me?x=1")

        assert (answer.status_code, answer.headers["location"]) == (303, "/console/me?x=1")
        me = await browser.data("/me")
    assert (me["name"], me["display"], me["role"], me["root"]) == ("lan", "Nguyễn Thị Lan", "operator", None)
    assert me["sessions"][0]["how"] == "oidc"
    assert meeting.refusals() == []


async def test_the_request_to_the_provider_carries_state_nonce_and_challenge_anew_each_time(meet: Any) -> None:
    meeting = meet()
    async with meeting.browser() as browser:
        asked = []
        for _ in range(2):
            sent = await browser.get("/oidc/start")
            asked.append(parse_qs(urlsplit(sent.headers["location"]).query))
    first, second = asked
    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == ["http://127.0.0.1:8620/console/oidc/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


async def test_the_public_address_is_where_the_provider_sends_back_to(meet: Any) -> None:
    meeting = meet()
    console = CHEAP.model_copy(update={"public_url": "https://truc.gov.vn"})
    house = ConsoleHouse(settings=Settings(console=console, oidc=meeting.house.settings.oidc))
    async with house.visitor(site="https://truc.gov.vn") as browser:
        sent = await browser.get("/oidc/start")
    assert "redirect_uri=https%3A%2F%2Ftruc.gov.vn%2Fconsole%2Foidc%2Fcallback" in sent.headers["location"]
    assert sent.headers["set-cookie"].startswith("__Host-truc-flow=")


@pytest.mark.parametrize(
    "wrong",
    [
        {"override": {"iss": "http://127.0.0.1:1"}},
        {"override": {"iss": None}},
        {"override": {"aud": "another-client"}},
        {"override": {"aud": ["another-client"]}},
        {"override": {"aud": [CLIENT, "another-client"], "azp": "another-client"}},
        {"override": {"exp": int(MORNING.timestamp()) - 61}},
        {"override": {"exp": None}},
        {"override": {"nbf": int(MORNING.timestamp()) + 600}},
        {"override": {"iat": None}},
        {"override": {"nonce": "another"}},
        {"override": {"nonce": None}},
        {"override": {"sub": None}},
        {"override": {"sub": ""}},
        {"override": {"sub": 42}},
        {"override": {"at_hash": "another"}},
        {"signs_with": "key-1-of-somebody-else", "publishes": ("key-1",)},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
    ],
    ids=str,
)
async def test_an_id_token_that_does_not_fit_is_not_believed(meet: Any, wrong: dict[str, Any]) -> None:
    meeting = meet()
    for name, value in wrong.items():
        setattr(meeting.provider, name, value)
    async with meeting.browser() as browser:
        answer = await meeting.sign_in(browser)

        assert answer.status_code == 403
        assert (await browser.get("/me")).status_code == 303
    assert meeting.refusals() == ["untrue"]
    assert meeting.house.memories.people.users() == ()


async def test_a_signature_by_a_key_that_only_has_the_right_name_is_not_believed(meet: Any) -> None:
    from joserfc.jwk import RSAKey

    meeting = meet()
    false_key = RSAKey.generate_key(2048, parameters={"kid": "key-1"})
    meeting.provider.keys = lambda: {"keys": [false_key.as_dict(private=False)]}
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 403
    assert meeting.refusals() == ["untrue"]


async def test_a_new_key_of_the_provider_is_fetched_when_it_is_met(meet: Any) -> None:
    meeting = meet()
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 303
    meeting.provider.signs_with, meeting.provider.publishes = "key-2", ("key-2",)
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 403  # keys are not asked for at each stranger's wish
    meeting.house.clock.at = MORNING.replace(minute=5)
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 303
    assert meeting.provider.asked.count("/keys") == 2


async def test_an_answer_serves_only_the_browser_and_the_sign_in_it_belongs_to(meet: Any) -> None:
    meeting = meet()
    async with meeting.browser() as browser, meeting.browser() as other:
        address = await meeting.out(browser)
        assert (await other.client.get(address)).status_code == 403  # began no sign-in
        await meeting.out(other)
        assert (await other.client.get(address)).status_code == 403  # began another
        assert (await browser.client.get(address)).status_code == 303
        assert (await browser.client.get(address)).status_code == 403  # once
    assert meeting.refusals() == ["untrue"] * 3


@pytest.mark.parametrize("given", ["", "?error=access_denied", "?code=", "?code=x&state=", "?code=x&iss=http://evil"])
async def test_an_answer_without_code_or_state_is_refused(meet: Any, given: str) -> None:
    meeting = meet()
    async with meeting.browser() as browser:
        await meeting.out(browser)
        assert (await browser.get(f"/oidc/callback{given}")).status_code == 403


async def test_another_issuer_beside_the_code_is_refused(meet: Any) -> None:
    meeting = meet()
    async with meeting.browser() as browser:
        address = await meeting.out(browser)
        mixed = address.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2Fevil.test")
        assert mixed != address
        assert (await browser.client.get(mixed)).status_code == 403


@pytest.mark.parametrize("broken", ["/.well-known/openid-configuration", "/token", "/keys"])
async def test_a_provider_that_is_away_is_said_to_be(meet: Any, broken: str) -> None:
    meeting = meet()
    meeting.provider.broken = broken
    async with meeting.browser() as browser:
        started = await browser.get("/oidc/start")
        if started.status_code == 303:
            started = await meeting.sign_in(browser)
        assert started.status_code == 503
    assert meeting.refusals() == []


@pytest.mark.parametrize(
    "metadata", [{"issuer": "http://127.0.0.1:1"}, {"token_endpoint": None}, {"jwks_uri": "ftp://127.0.0.1/keys"}]
)
async def test_metadata_that_cannot_be_true_is_not_used(meet: Any, metadata: dict[str, Any]) -> None:
    meeting = meet()
    meeting.provider.metadata = metadata
    async with meeting.browser() as browser:
        assert (await browser.get("/oidc/start")).status_code == 503


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"roles": ["nhan-vien"]}, "no-role"),
        ({"roles": None}, "no-role"),
        ({"preferred_username": "Lan Nguyễn"}, "no-name"),
    ],
)
async def test_who_has_no_role_or_no_name_here_stays_outside(meet: Any, claims: dict[str, Any], why: str) -> None:
    meeting = meet()
    meeting.provider.claims |= claims
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 403
    assert meeting.refusals() == [why]


async def test_a_local_account_is_not_taken_over_by_its_name(meet: Any) -> None:
    meeting = meet()
    meeting.house.add_person(Role.ADMINISTRATOR, name="lan")
    async with meeting.browser() as browser:
        assert (await meeting.sign_in(browser)).status_code == 403
    assert meeting.refusals() == ["elsewhere"]


async def test_the_subtree_comes_from_a_claim_when_one_is_named(meet: Any) -> None:
    meeting = meet(root_claim="org.code", roots={"toan-truc": ""})
    known: tuple[tuple[str, str | None], ...]
    known = (("H41.08", "H41.08"), ("000.00.08.H41", "H41.08"), ("toan-truc", None))
    for given, root in known:
        meeting.provider.claims["org"] = {"code": given}
        async with meeting.browser() as browser:
            assert (await meeting.sign_in(browser)).status_code == 303
            told = (await browser.data("/me"))["root"]
        assert (told["code"] if told else None) == root
    for strange in ("H99", None, ""):
        meeting.provider.claims["org"] = {"code": strange}
        async with meeting.browser() as browser:
            assert (await meeting.sign_in(browser)).status_code == 403
    assert meeting.refusals() == ["no-root"] * 3


async def test_without_a_provider_there_is_no_way_to_one() -> None:
    async with ConsoleHouse().visitor() as browser:
        assert (await browser.get("/oidc/start")).status_code == 404
        assert "oidc" not in (await browser.get("/login")).text


def test_of_several_roles_the_first_in_the_settings_counts() -> None:
    settings = OidcSettings(
        issuer="https://sso", client_id="x", roles={"chief": Role.ADMINISTRATOR, "staff": Role.VIEWER}
    )
    claims = {"sub": "1", "roles": ["staff", "chief"]}
    assert identity_of(claims, settings, {}).role is Role.ADMINISTRATOR
    assert identity_of({"sub": "1", "roles": "staff"}, settings, {}).role is Role.VIEWER
    assert identity_of({"sub": "1", "roles": {"staff": 1}}, settings, {}).role is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://sso.gov.vn"},
        {"client_id": ""},
        {"scopes": ["profile"]},
        {"roles": {}},
        {"roles": {"x": "king"}},
    ],
)
def test_settings_that_could_let_nobody_or_anybody_in_are_refused(wrong: dict[str, Any]) -> None:
    good = {"issuer": "https://sso.gov.vn", "client_id": "x", "roles": {"x": "viewer"}}
    OidcSettings.model_validate(good)
    with pytest.raises(ValidationError):
        OidcSettings.model_validate({**good, **wrong})


def test_the_clients_secret_is_never_shown() -> None:
    oidc = OidcSettings.model_validate(
        {"issuer": "https://sso", "client_id": "x", "client_secret": SECRET, "roles": {"x": "viewer"}}
    )
    settings = Settings(oidc=oidc)
    assert SECRET not in str(settings.shown())
    assert SECRET not in repr(settings)
