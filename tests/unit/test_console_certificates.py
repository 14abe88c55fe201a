"""One certificate at a time: bound and taken away on an organ's page and at the terminal, shown first; and the keys."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from edxml_schemas.trust import TrustMaterial
from router.adapters.hub_key import make_hub_key
from router.app.keys import own_keys
from router.app.parts import migrate, open_store
from router.cli import app
from router.core.people import Role
from router.core.registry import CertificateRecord, OrganRecord
from router.services.registration.bureau import Bureau
from router.services.registration.certificates import CERTIFICATE_BYTES
from router.services.registration.keyring import OwnKeys
from router.settings import load_settings
from tests.support.console import MORNING, Browser, ConsoleHouse
from tests.support.pki import Credential, Pki
from tests.unit.test_console_registry import DAY, MINISTRY, OFFICE, OTHER, Trusted

BIND, UNBIND = "/registry/certificates/bind", "/registry/certificates/unbind"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(MORNING)


@pytest.fixture(scope="module")
def key(pki: Pki) -> Credential:
    return pki.issue("Cục Đường bộ", not_after=MORNING + 400 * DAY)


@pytest.fixture
def house(pki: Pki) -> ConsoleHouse:
    made = ConsoleHouse()
    made.store.put_organs(
        [
            OrganRecord(code=MINISTRY, name="Bộ"),
            OrganRecord(code=OFFICE, name="Cục", parent=MINISTRY),
            OrganRecord(code=OTHER, name="Tỉnh"),
        ]
    )
    return with_trust(made, pki)


def with_trust(house: ConsoleHouse, pki: Pki) -> ConsoleHouse:
    material = TrustMaterial(anchors=(pki.root.cert,), intermediates=pki.chain, crls=pki.crls())
    bureau = Bureau(house.store, house.memories.registry_desk, Trusted(material))
    return ConsoleHouse(house.memories, bureau=bureau)


def bind_to(house: ConsoleHouse, organ: str, key: Credential) -> None:
    pem = key.cert_pem.decode()
    record = CertificateRecord(organ=organ, fingerprint=key.fingerprint, subject="CN=x", pem=pem)
    house.store.put_certificates([record])


async def upload(browser: Browser, data: bytes, organ: str = OFFICE) -> Any:
    files = {"file": ("c.pem", data)}
    return await browser.post(f"{BIND}?dry=1", {"organ": organ}, files=files, headers={"Accept": "application/json"})


@pytest.mark.parametrize("form", ["pem", "der"])
async def test_a_certificate_is_shown_and_then_bound_with_its_event(
    house: ConsoleHouse, key: Credential, form: str
) -> None:
    data = key.cert_pem if form == "pem" else key.cert.public_bytes(Encoding.DER)
    async with house.browser(Role.REGISTRAR, root=MINISTRY, name="lan") as browser:
        plan = (await upload(browser, data)).json()
        (row,) = plan["rows"]
        assert row["subject"] == key.cert.subject.rfc4514_string()
        assert (row["standing_code"], row["key"], row["fingerprint"]) == ("good", "P-256", key.fingerprint)
        assert row["path"].count("→") == 2
        assert house.store.certificates_of(OFFICE) == ()
        assert (await browser.act(BIND, plan["carry"], reason="")).status_code == 400
        done = await browser.act(BIND, plan["carry"], reason="công văn 12")
        assert done.status_code == 200, done.text
        assert [each.fingerprint for each in house.store.certificates_of(OFFICE)] == [key.fingerprint]
        again = await upload(browser, data)
        assert again.status_code == 409
        page = await browser.get(f"/registry/organs/{OFFICE}")
        assert "còn hạn" in page.text
    told = house.store.events_of("")[-1]
    assert (told.actor, told.facts["what"], told.facts["organ"]) == ("user:lan", "certificate-bound", OFFICE)
    assert (told.facts["digest"], told.facts["reason"]) == (key.fingerprint, "công văn 12")


async def test_a_certificate_is_taken_away_after_it_was_shown(house: ConsoleHouse, key: Credential) -> None:
    bind_to(house, OFFICE, key)
    async with house.browser(Role.REGISTRAR, name="lan") as browser:
        fields = {"organ": OFFICE, "fingerprint": key.fingerprint}
        plan = (await browser.plan(UNBIND, fields)).json()
        assert plan["danger"]
        assert any("không còn chứng thư nào" in note["vi"] for note in plan["notes"])
        assert (await browser.act(UNBIND, plan["carry"], reason="lộ khóa")).status_code == 200
        assert (await browser.plan(UNBIND, fields)).status_code == 409
    assert house.store.certificates_of(OFFICE) == ()
    assert house.store.events_of("")[-1].facts["what"] == "certificate-unbound"


async def test_what_stands_against_a_certificate_is_said_and_a_useless_one_is_not_bound(pki: Pki) -> None:
    house = ConsoleHouse()
    house.store.put_organs([OrganRecord(code=OFFICE, name="Cục")])
    revoked = pki.issue("Thu hồi")
    pki.issuing.revoke(revoked, MORNING - DAY)
    house = with_trust(house, pki)
    cases = {
        "revoked": (revoked, False),
        "expired": (pki.issue("Cũ", not_before=MORNING - 9 * DAY, not_after=MORNING - DAY), False),
        "bad": (pki.self_signed("Tự ký"), True),
        "soon": (pki.issue("Sắp", not_after=MORNING + 5 * DAY), True),
    }
    async with house.browser(Role.REGISTRAR) as browser:
        for standing, (each, possible) in cases.items():
            plan = (await upload(browser, each.cert_pem)).json()
            assert (plan["rows"][0]["standing_code"], plan["possible"]) == (standing, possible)
            assert plan["notes"] or standing == "soon"
            done = await browser.act(BIND, plan["carry"])
            assert (done.status_code == 200) == possible, standing


async def test_who_has_it_already_is_told_as_far_as_the_asker_sees(house: ConsoleHouse, key: Credential) -> None:
    bind_to(house, MINISTRY, key)
    bind_to(house, OTHER, key)
    async with house.browser(Role.REGISTRAR) as browser:
        assert (await upload(browser, key.cert_pem)).json()["rows"][0]["holders"] == sorted([MINISTRY, OTHER])
    async with house.browser(Role.REGISTRAR, root=MINISTRY) as browser:
        answer = await upload(browser, key.cert_pem)
        assert answer.json()["rows"][0]["holders"] == [MINISTRY]
        assert OTHER not in answer.text
        assert (await upload(browser, key.cert_pem, organ=OTHER)).status_code == 404


@pytest.mark.parametrize(
    "make",
    [
        lambda _: b"no certificate",
        lambda _: b"",
        lambda key: key.cert_pem + key.cert_pem,
        lambda key: key.cert_pem + key.key_pem,
        lambda key: key.cert_pem + b"x" * CERTIFICATE_BYTES,
        lambda key: key.cert.public_bytes(Encoding.DER)[:-1],
    ],
    ids=["text", "empty", "two", "key", "large", "cut"],
)
async def test_what_is_not_one_certificate_is_refused(
    house: ConsoleHouse, key: Credential, make: Callable[[Credential], bytes]
) -> None:
    async with house.browser(Role.REGISTRAR) as browser:
        assert (await upload(browser, make(key))).status_code == 409
        huge = await browser.post(
            f"{BIND}?dry=1", {"organ": OFFICE}, files={"file": ("c", b"x" * CERTIFICATE_BYTES * 5)}
        )
        assert huge.status_code == 413


async def test_nothing_is_written_when_the_registry_or_the_certificate_is_another(
    house: ConsoleHouse, pki: Pki, key: Credential
) -> None:
    async with house.browser(Role.REGISTRAR) as browser:
        plan = (await upload(browser, key.cert_pem)).json()
        swapped = {**plan["carry"], "carried": [pki.issue("Khác").cert_pem.decode()]}
        assert (await browser.act(BIND, swapped)).status_code == 409
        house.store.put_organs([OrganRecord(code="X1", name="x")])
        assert (await browser.act(BIND, plan["carry"])).status_code == 409
    assert house.store.certificates_of(OFFICE) == ()


# ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_keys_are_listed_for_who_sees_the_whole_hub(house: ConsoleHouse, pki: Pki) -> None:
    hub, former = pki.self_signed("Trục"), pki.self_signed("Trục cũ")
    made = ConsoleHouse(
        house.memories, bureau=house.rooms.bureau, own_keys=lambda: OwnKeys(hub=hub.cert, former=(former.cert,))
    )
    for role in (Role.REGISTRAR, Role.AUDITOR, Role.ADMINISTRATOR):
        async with made.browser(role) as browser:
            data = await browser.data("/registry/keys")
            uses = [each["use"] for each in data["entries"]]
            assert uses == sorted(uses, key=["hub", "former", "anchor", "intermediate", "crl"].index)
            assert {"hub", "former", "anchor", "intermediate", "crl"} == set(uses)
            assert all(each["until"] for each in data["entries"])
            assert data["problem"] is None
            page = await browser.get("/registry/keys")
            assert (page.status_code, "PRIVATE" in page.text) == (200, False)
    async with made.browser(Role.ADMINISTRATOR, root=MINISTRY) as browser:
        assert (await browser.get("/registry/keys")).status_code == 404
        assert 'href="/console/registry/keys"' not in (await browser.get("/registry")).text


async def test_a_hub_without_its_certificate_says_so_on_the_page(house: ConsoleHouse, tmp_path: Path) -> None:
    config = tmp_path / "truc.toml"
    config.write_text('database_url = "sqlite:///hub.db"\n', "utf-8")
    settings = load_settings(config)
    made = ConsoleHouse(house.memories, bureau=house.rooms.bureau, own_keys=lambda: own_keys(settings))
    async with made.browser(Role.AUDITOR) as browser:
        assert "Không đọc được chứng thư của trục" in (await browser.get("/registry/keys")).text
    make_hub_key(key=tmp_path / "hub/hub.key.pem", certificate=tmp_path / "hub/hub.cert.pem", name="T", now=MORNING)
    assert own_keys(settings).hub is not None


# ── At the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_terminal_does_the_same(tmp_path: Path) -> None:
    config = tmp_path / "truc.toml"
    config.write_text('database_url = "sqlite:///hub.db"\n', "utf-8")
    settings = load_settings(config)
    migrate(settings)
    store = open_store(settings)
    store.put_organs([OrganRecord(code="H41", name="Tỉnh")])
    pki = Pki(datetime.now(UTC))
    pki.write(tmp_path / "trust")
    pki.write_crls(tmp_path / "trust" / "crls")
    key = pki.issue("Tỉnh")
    file = tmp_path / "c.pem"
    file.write_bytes(key.cert_pem)

    def truc(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*words, "--config", str(config)])
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in words else done

    planned = truc("registry", "certificate", "add", "H41", str(file), "--dry-run", "--json")
    assert (planned["done"], planned["fingerprint"]) == (False, key.fingerprint)
    assert store.certificates_of("H41") == ()
    done = truc("registry", "certificate", "add", "h41", str(file), "--reason", "cv 12", "--by", "lan", "--json")
    assert (done["done"], done["standing"]) == (True, "good")
    truc("registry", "certificate", "add", "H41", str(file), "--reason", "cv 12", code=1)
    (listed,) = truc("registry", "certificate", "list", "--json")
    assert (listed["organ"], listed["standing"]) == ("H41", "good")
    assert truc("registry", "certificate", "list", "H41", "--within", "1", "--json") == []
    truc("registry", "certificate", "list", "X", code=1)
    uses = {each["use"] for each in truc("keys", "--json")["entries"]}
    assert {"anchor", "intermediate", "crl"} <= uses
    assert truc("keys").exit_code == 0
    truc("registry", "certificate", "remove", "H41", "", "--reason", "x", code=1)
    removed = truc("registry", "certificate", "remove", "H41", key.fingerprint[:12], "--reason", "x", "--json")
    assert (removed["done"], removed["remaining"]) == (True, 0)
    told = [each.facts["what"] for each in store.events_of("")]
    assert told == ["certificate-bound", "certificate-unbound"]
    store.close()
