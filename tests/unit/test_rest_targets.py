"""Where webhooks may go: nobody makes the agent knock on doors that only it can reach."""

from collections.abc import Sequence

import pytest

from agents.gateway.rest.targets import Barred, Target, is_ordinary, target_of, url_of

PUBLIC = "93.184.215.14"


def at(*addresses: str) -> object:
    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001  the port's signature
        return addresses

    return resolve


async def target(url: str, *addresses: str, trusted: Sequence[str] = ()) -> Target | Barred:
    return await target_of(url, trusted=trusted, resolve=at(*addresses))  # type: ignore[arg-type]  # a function, above


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "10.1.2.3", "192.168.1.9", "172.16.0.1", "2001:db8:1::1", "fd12:3456::1", "2001:db8::5efe:10.1.2.3"],
)
def test_other_machines_of_public_and_private_networks_are_ordinary(address: str) -> None:
    assert is_ordinary(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104  named, not bound to
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.0.192",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "2001:db8::5efe:127.0.0.1",
        "2001:db8::200:5efe:169.254.169.254",
        "fd12:3456::5efe:100.100.100.200",
        "no address",
    ],
)
def test_this_machine_its_link_and_what_leads_there_in_other_clothes_are_not(address: str) -> None:
    assert not is_ordinary(address)


async def test_the_address_that_was_looked_at_is_the_one_that_is_called() -> None:
    found = await target("https://Hook.Example:8443/nhan?a=1", PUBLIC)
    assert isinstance(found, Target)
    assert str(found.url) == f"https://{PUBLIC}:8443/nhan?a=1"
    assert (found.host, found.authority) == ("hook.example", "hook.example:8443")


@pytest.mark.parametrize("addresses", [(), ("127.0.0.1",), (PUBLIC, "127.0.0.1"), (PUBLIC, "::1")])
async def test_one_barred_address_bars_the_host(addresses: Sequence[str]) -> None:
    assert isinstance(await target("https://hook.example/", *addresses), Barred)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:127.0.0.1]/",
    ],
)
async def test_this_machine_by_any_spelling_is_not_called(url: str) -> None:
    assert isinstance(await target_of(url, trusted=()), Barred)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook.example",
        "http://hook.example/",
        "ftp://hook.example/",
        "file:///etc/passwd",
        "https://user:secret@hook.example/",
        "https://hook.example/#x",
        "https:///x",
        "https://" + "a" * 300,
        "https://hook.example:99999/",
        "https://hook.example:0/",
        "https://\x00/",
        "gopher://hook.example/",
    ],
)
def test_only_https_urls_without_names_and_passwords_have_the_form(url: str) -> None:
    assert isinstance(url_of(url, trusted=()), Barred)


async def test_a_host_that_the_administrator_names_may_be_anywhere_and_speak_http() -> None:
    for trusted in (["hook.lan"], ["HOOK.LAN:8080"]):
        found = await target("http://hook.lan:8080/nhan", "127.0.0.1", trusted=trusted)
        assert isinstance(found, Target)
        assert str(found.url) == "http://127.0.0.1:8080/nhan"
    assert isinstance(await target("http://hook.lan/", "127.0.0.1", trusted=["hook.lan:8080"]), Barred)
    assert isinstance(await target("http://other.lan:8080/", "127.0.0.1", trusted=["hook.lan"]), Barred)


async def test_a_host_without_an_address_says_so() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError(host, port)

    found = await target_of("https://hook.example/", trusted=(), resolve=nowhere)
    assert isinstance(found, Barred)
    assert "hook.example" in found.vi
