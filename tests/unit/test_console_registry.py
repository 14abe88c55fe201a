"""The registry's pages: the tree, agents, certificates, imports in two steps, mergers, applications."""

import base64
import io
import re
import zlib
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import Workbook

from edxml_schemas.trust import TrustMaterial
from router.core.applications import Application, ApplicationKind
from router.core.people import Role
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState
from router.services.registration.bureau import Bureau
from tests.support.console import MORNING, Browser, ConsoleHouse
from tests.support.pki import Pki

MINISTRY, OFFICE, DEEP, OTHER = "000.00.00.G01", "000.00.02.G01", "000.01.02.G01", "000.00.00.H41"
DAY = timedelta(days=1)
HEADING = "organ_id,name,parent,agent,phone,state\n"


class Trusted:
    """Trust material that a test gives."""

    def __init__(self, material: TrustMaterial) -> None:
        self._material = material

    def refresh(self) -> bool:
        return False

    def material(self) -> TrustMaterial:
        return self._material


@pytest.fixture
def house() -> ConsoleHouse:
    made = ConsoleHouse()
    made.store.put_agents([AgentRecord(name=each) for each in ("bo", "tinh", "chung")])
    made.store.put_organs(
        [
            OrganRecord(code=MINISTRY, name="Bộ Một", agent="bo"),
            OrganRecord(code=OFFICE, name="Cục Đường bộ", parent=MINISTRY, agent="bo", old_code="G01.CU"),
            OrganRecord(code=DEEP, name="Phòng Cầu", parent=OFFICE, agent="chung"),
            OrganRecord(code=OTHER, name="Tỉnh Nghệ An", agent="tinh"),
            OrganRecord(code="000.00.01.H41", name="Sở Xây dựng Nghệ An", parent=OTHER, agent="chung"),
        ]
    )
    return made


def codes(page: Any) -> list[str]:
    return [row["code"] for row in page["rows"]]


async def preview(browser: Browser, data: bytes, name: str = "so.csv") -> Any:
    token = await browser.token()
    return await browser.client.post(
        "/console/registry/import?dry=1",
        data={"form": token},
        files={"file": (name, data)},
        headers={"Accept": "application/json"},
    )


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    page = book.create_sheet("so", 0)
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_tree_opens_branch_by_branch(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        assert codes(await browser.data("/registry")) == [MINISTRY, OTHER]
        below = await browser.data(f"/registry?below={MINISTRY}")
        assert codes(below) == [OFFICE]
        assert below["rows"][0]["children"] == 1
        deep = await browser.data(f"/registry?below={OFFICE}")
        assert [each["code"] for each in deep["way"]] == [MINISTRY]
        assert (await browser.get(f"/registry?below={OFFICE}")).status_code == 200


async def test_organs_are_found_by_name_without_marks_by_code_and_by_former_code(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        for query in ("cuc duong", "ĐƯỜNG bộ", "00.02.g01", "g01.cu"):
            found = codes(await browser.data(f"/registry?q={query}"))
            assert OFFICE in found, query
        assert codes(await browser.data("/registry?q=nothing")) == []


async def test_long_branches_come_in_pages(house: ConsoleHouse) -> None:
    house.store.put_organs([OrganRecord(code=f"X{n:03}", name="x", parent=OTHER) for n in range(120)])
    async with house.browser(Role.VIEWER) as browser:
        for start in (f"/registry?below={OTHER}", "/registry?q=x"):
            found: list[str] = []
            path = start
            while path:
                page = await browser.data(path)
                found += codes(page)
                path = page["next"].removeprefix("/console")
            assert len(found) == len(set(found)) >= 121 - (start.endswith("q=x"))


async def test_a_ministry_sees_its_own_subtree_on_every_page_and_twin(house: ConsoleHouse) -> None:
    async with house.browser(Role.ADMINISTRATOR, root=MINISTRY) as browser:
        assert codes(await browser.data("/registry")) == [MINISTRY]
        assert codes(await browser.data("/registry?q=0")) == [MINISTRY, OFFICE, DEEP]
        agents = await browser.data("/registry/agents")
        assert {row["name"]: row["organs"] for row in agents["rows"]} == {"bo": 2, "chung": 1}
        for path in (
            "/registry",
            "/registry?q=n",
            "/registry/agents",
            "/registry/certificates",
            "/registry/applications",
        ):
            page = await browser.get(path)
            assert page.status_code == 200, path
            assert "Nghệ An" not in page.text, path
            assert OTHER not in page.text, path
        for path in (f"/registry?below={OTHER}", f"/registry/organs/{OTHER}", "/registry/organs/nothing"):
            assert (await browser.get(path)).status_code == 404, path
        for path in (f"/registry.json?below={OTHER}", f"/registry/organs/{OTHER}.json"):
            assert (await browser.get(path)).status_code == 404, path
        assert (await browser.get(f"/registry/organs/{DEEP}")).status_code == 200


async def test_an_organ_is_found_by_its_former_code_too(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, root=MINISTRY) as browser:
        page = await browser.data("/registry/organs/G01.CU")
        assert page["organ"]["code"] == OFFICE
        assert page["children"] == 1


async def test_certificates_stand_in_the_order_of_their_end_with_their_standing() -> None:
    pki = Pki(MORNING)
    keys = {
        "soon": pki.issue("Sắp hết", not_after=MORNING + 20 * DAY),
        "good": pki.issue("Còn hạn", not_after=MORNING + 300 * DAY),
        "revoked": pki.issue("Thu hồi", not_after=MORNING + 200 * DAY),
    }
    pki.issuing.revoke(keys["revoked"], MORNING - DAY)
    material = TrustMaterial(anchors=(pki.root.cert,), intermediates=pki.chain, crls=pki.crls())
    house = ConsoleHouse()
    house.store.put_organs([OrganRecord(code=MINISTRY, name="Bộ"), OrganRecord(code=OTHER, name="Tỉnh")])
    for name, key in keys.items():
        organ = OTHER if name == "good" else MINISTRY
        pem = key.cert_pem.decode()
        record = CertificateRecord(organ=organ, fingerprint=key.fingerprint, subject=name, pem=pem)
        house.store.put_certificates([record])
    bureau = Bureau(house.store, house.memories.registry_desk, Trusted(material))
    house = ConsoleHouse(house.memories, bureau=bureau)
    async with house.browser(Role.VIEWER) as browser:
        page = await browser.data("/registry/certificates")
        assert [(row["subject"], row["standing"]) for row in page["rows"]] == [
            ("soon", "soon"),
            ("revoked", "revoked"),
            ("good", "good"),
        ]
        within = await browser.data("/registry/certificates?within=30")
        assert [row["subject"] for row in within["rows"]] == ["soon"]
        organ = await browser.data(f"/registry/organs/{OTHER}")
        assert [row["standing"] for row in organ["certificates"]] == ["good"]
        assert (await browser.get(f"/registry/organs/{OTHER}")).status_code == 200
        assert (await browser.get("/registry/certificates")).status_code == 200
    async with house.browser(Role.VIEWER, root=OTHER) as browser:
        page = await browser.data("/registry/certificates")
        assert [row["subject"] for row in page["rows"]] == ["good"]


# ── Importing ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_an_import_shows_its_differences_and_writes_exactly_these(house: ConsoleHouse, kind: str) -> None:
    rows = [
        ("organ_id", "name", "parent", "agent", "phone", "state"),
        (OFFICE, "Cục Đường sắt", MINISTRY, "bo", "", ""),
        (OTHER, "Tỉnh Nghệ An", "", "tinh", "", "locked"),
        ("000.00.09.G01", "Vụ Mới", MINISTRY, "bo", 12345, None),
    ]
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows)
    data = text.encode() if kind == "csv" else sheet(*rows)
    async with house.browser(Role.REGISTRAR, name="lan") as browser:
        plan = (await preview(browser, data, f"so.{kind}")).json()
        assert [(row["kind_code"], row["code"]) for row in plan["rows"]] == [
            ("changed", OFFICE),
            ("ended", OTHER),
            ("added", "000.00.09.G01"),
        ]
        assert plan["rows"][0]["fields"] == [{"name": "name", "before": "Cục Đường bộ", "after": "Cục Đường sắt"}]
        assert house.store.registry().organs[OFFICE].name == "Cục Đường bộ"
        done = await browser.act("/registry/import", plan["carry"], reason="quyết định 12")
        assert done.status_code == 200, done.text
    organs = house.store.registry().organs
    assert organs[OFFICE].name == "Cục Đường sắt"
    assert organs[OTHER].state is OrganState.LOCKED
    assert organs["000.00.09.G01"].phone == "12345"
    [told] = [each for each in house.store.events_of("") if each.name == "registry.changed"]
    assert told.actor == "user:lan"
    assert told.facts["reason"] == "quyết định 12"
    assert (told.facts["added"], told.facts["changed"], told.facts["ended"]) == ("1", "1", "1")


async def test_nothing_is_written_when_the_registry_or_the_file_is_another(house: ConsoleHouse) -> None:
    data = (HEADING + f"{OFFICE},Tên mới,{MINISTRY},bo,,\n").encode()
    async with house.browser(Role.REGISTRAR) as browser:
        plan = (await preview(browser, data)).json()
        house.store.put_organs([OrganRecord(code=OFFICE, name="Ai đó đã đổi", parent=MINISTRY, agent="bo")])
        assert (await browser.act("/registry/import", plan["carry"])).status_code == 409
        plan = (await preview(browser, data)).json()
        other = base64.urlsafe_b64encode(zlib.compress(data.replace("Tên mới".encode(), b"Khac"))).decode()
        assert (await browser.act("/registry/import", {**plan["carry"], "carried": other})).status_code == 409
        assert house.store.registry().organs[OFFICE].name == "Ai đó đã đổi"
        for broken in ("", "x", "€", base64.urlsafe_b64encode(zlib.compress(b"x" * 100)[:-6]).decode()):
            answer = await browser.act("/registry/import", {**plan["carry"], "carried": broken})
            assert answer.status_code == 400, broken


async def test_a_faulty_file_is_told_line_by_line(house: ConsoleHouse) -> None:
    async with house.browser(Role.REGISTRAR) as browser:
        answer = await preview(browser, (HEADING + f"{OFFICE},,{MINISTRY},BO!,,\n").encode())
        assert answer.status_code == 422
        assert {(each["line"], each["column"]) for each in answer.json()["problems"]} == {(2, "name"), (2, "agent")}
        for data in (b"", b"\xff", b"PK\x03\x04nothing", b"a,b\n"):
            assert (await preview(browser, data)).status_code == 422


async def test_an_import_reaches_no_further_than_the_subtree(house: ConsoleHouse) -> None:
    rows = {
        "another's organ": f"{OTHER},Chiếm,,tinh,,",
        "another's parent": f"{OFFICE},Cục Đường bộ,{OTHER},bo,,",
        "a new one below another": f"000.00.07.H41,Mới,{OTHER},bo,,",
        "a code of another's space": f"000.00.07.H41,Mới,{MINISTRY},bo,,",
        "a new root": "000.00.00.G77,Bộ mới,,bo,,",
        "an agent that others use": f"{OFFICE},Cục Đường bộ,{MINISTRY},chung,,",
        "an agent of another": f"{OFFICE},Cục Đường bộ,{MINISTRY},tinh,,",
        "the root of the subtree": f"{MINISTRY},Bộ Một,{OFFICE},bo,,",
        "a circle": f"{OFFICE},Cục Đường bộ,{DEEP},bo,,",
        "a new agent": f"{OFFICE},Cục Đường bộ,{MINISTRY},moi,,",
    }
    before = house.store.registry().version
    async with house.browser(Role.ADMINISTRATOR, root=MINISTRY) as browser:
        for what, row in rows.items():
            answer = await preview(browser, (HEADING + row + "\n").encode())
            assert answer.status_code == 422, what
        alias = f"organ_id,name,parent,old_code\n{OFFICE},Cục Đường bộ,{MINISTRY},000.00.08.H41\n"
        assert (await preview(browser, alias.encode())).status_code == 422
        assert house.store.registry().version == before
        new = f"000.00.05.G01,Vụ Năm,{MINISTRY},bo,,\n000.01.05.G01,Phòng,000.00.05.G01,bo,,\n"
        own = f"{new}{OFFICE},Mới,{MINISTRY},bo,,\n"
        plan = (await preview(browser, (HEADING + own).encode())).json()
        assert [row["kind_code"] for row in plan["rows"]] == ["added", "added", "changed"]
        assert (await browser.act("/registry/import", plan["carry"])).status_code == 200


async def test_what_was_previewed_by_one_cannot_be_written_by_one_who_sees_less(house: ConsoleHouse) -> None:
    async with house.browser(Role.REGISTRAR) as browser:
        plan = (await preview(browser, (HEADING + f"{OTHER},Chiếm,,tinh,,\n").encode())).json()
    async with house.browser(Role.REGISTRAR, root=MINISTRY) as browser:
        assert (await browser.act("/registry/import", plan["carry"])).status_code == 409
    assert house.store.registry().organs[OTHER].name == "Tỉnh Nghệ An"


async def test_only_those_who_keep_the_registry_change_it(house: ConsoleHouse) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        async with house.browser(role) as browser:
            assert (await preview(browser, HEADING.encode())).status_code == 403
            for path in ("import", "lock", "unlock", "merge", "applications/approve", "applications/reject"):
                assert (await browser.act(f"/registry/{path}", {"organ": OFFICE})).status_code == 403
            for path in ("import", "merge", "applications"):
                assert (await browser.get(f"/registry/{path}")).status_code == 403


# ── Organs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_organ_is_locked_and_unlocked_as_it_was_seen(house: ConsoleHouse) -> None:
    async with house.browser(Role.REGISTRAR, root=MINISTRY, name="lan") as browser:
        plan = (await browser.plan("/registry/lock", {"organ": OFFICE})).json()
        assert (await browser.act("/registry/lock", plan["carry"], reason="giải thể")).status_code == 200
        organ = house.store.registry().organs[OFFICE]
        assert (organ.state, organ.reason) == (OrganState.LOCKED, "giải thể")
        assert (await browser.act("/registry/lock", plan["carry"])).status_code == 409
        plan = (await browser.plan("/registry/unlock", {"organ": OFFICE})).json()
        house.store.put_agents([AgentRecord(name="another")])
        assert (await browser.act("/registry/unlock", plan["carry"])).status_code == 409
        plan = (await browser.plan("/registry/unlock", {"organ": OFFICE})).json()
        assert (await browser.act("/registry/unlock", plan["carry"])).status_code == 200
        assert house.store.registry().organs[OFFICE].state is OrganState.ACTIVE
        assert (await browser.plan("/registry/lock", {"organ": OTHER})).status_code == 404
    told = [(each.facts["what"], each.actor) for each in house.store.events_of("") if each.name == "registry.changed"]
    assert told == [("lock", "user:lan"), ("unlock", "user:lan")]


async def test_a_merger_forwards_from_its_date_on(house: ConsoleHouse) -> None:
    async with house.browser(Role.REGISTRAR, root=MINISTRY, name="lan") as browser:
        fields = {"organ": f"{OFFICE}, {DEEP}", "to": MINISTRY, "since": "2026-07-01"}
        plan = (await browser.plan("/registry/merge", fields)).json()
        assert [row["code"] for row in plan["rows"]] == [OFFICE, DEEP]
        done = await browser.act("/registry/merge", plan["carry"], reason="nghị quyết")
        assert done.status_code == 200, done.text
        holds = house.store.registry().holds
        assert {each.to for each in holds.values()} == {MINISTRY}
        assert set(holds) == {OFFICE, DEEP}
        assert all(each.since.isoformat() == "2026-06-30T17:00:00+00:00" for each in holds.values())
        assert (await browser.act("/registry/merge", plan["carry"])).status_code == 409
        for wrong in ({**fields, "to": OTHER}, {**fields, "organ": OTHER}):
            assert (await browser.plan("/registry/merge", wrong)).status_code == 404
        assert (await browser.plan("/registry/merge", {**fields, "since": ""})).status_code == 400
        assert (await browser.get("/registry/merge")).status_code == 200
        assert (await browser.get("/registry/import")).status_code == 200


# ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────────


def application(number: int, code: str, parent: str, **changes: Any) -> Application:
    filled: dict[str, Any] = {"agent": "bo", "kind": ApplicationKind.REGISTER, "name": f"Mới {number}"}
    return Application(
        id=f"0000000{number}-app",
        reference=str(number),
        code=code,
        parent=parent,
        applied_at=MORNING,
        **filled | changes,
    )


async def test_applications_are_listed_approved_and_rejected(house: ConsoleHouse) -> None:
    for each in (
        application(1, "000.00.05.G01", MINISTRY),
        application(2, "000.00.06.G01", MINISTRY),
        application(3, "000.00.05.H41", OTHER, agent="tinh"),
        application(4, "000.00.06.H41", MINISTRY),
        application(5, DEEP, "", kind=ApplicationKind.END, agent="chung"),
    ):
        house.store.put_application(each, most_open=100)
    async with house.browser(Role.REGISTRAR, root=MINISTRY, name="lan") as browser:
        page = await browser.data("/registry/applications")
        assert {row["id"][7] for row in page["rows"]} == {"1", "2", "5"}
        assert (await browser.get("/registry/applications")).status_code == 200
        fields = {"application": "00000001-app"}
        plan = (await browser.plan("/registry/applications/approve", fields)).json()
        assert plan["rows"][0]["code"] == "000.00.05.G01"
        done = await browser.act("/registry/applications/approve", plan["carry"], reason="đủ hồ sơ")
        assert done.status_code == 200, done.text
        assert house.store.registry().organs["000.00.05.G01"].agent == "bo"
        assert (await browser.act("/registry/applications/approve", plan["carry"])).status_code == 409
        rejected = await browser.act("/registry/applications/reject", {"application": "00000002-app"}, reason="trùng")
        assert rejected.status_code == 200
        for number in (3, 4):
            for verb in ("approve", "reject"):
                answer = await browser.act(f"/registry/applications/{verb}", {"application": f"0000000{number}-app"})
                assert answer.status_code == 404
        page = await browser.data("/registry/applications?state=rejected")
        assert [(row["note"], row["decided_by"]) for row in page["rows"]] == [("trùng", "user:lan")]
    told = [each.facts["what"] for each in house.store.events_of("") if each.name == "registry.changed"]
    assert told == ["approve", "reject"]


async def test_plans_are_pages_whose_forms_do_what_they_show(house: ConsoleHouse) -> None:
    house.store.put_application(application(1, "000.00.05.G01", MINISTRY), most_open=100)
    async with house.browser(Role.REGISTRAR) as browser:
        token = await browser.token()
        data = (HEADING + f"{OFFICE},Tên mới,{MINISTRY},bo,,\n").encode()
        page = await browser.client.post(
            "/console/registry/import?dry=1", data={"form": token}, files={"file": ("so.csv", data)}
        )
        assert page.status_code == 200, page.text[:500]
        assert "Cục Đường bộ" in page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        done = await browser.client.post("/console/registry/import", data={**hidden, "reason": "đổi tên"})
        assert (done.status_code, done.headers["location"]) == (303, "/console/registry")
        assert house.store.registry().organs[OFFICE].name == "Tên mới"
        for path, fields in (
            ("lock", {"organ": OFFICE}),
            ("merge", {"organ": OFFICE, "to": MINISTRY, "since": "2026-07-01"}),
            ("applications/approve", {"application": "00000001-app"}),
            ("applications/reject", {"application": "00000001-app"}),
        ):
            page = await browser.post(f"/registry/{path}?dry=1", fields)
            assert page.status_code == 200, (path, page.text[:300])
            assert f'action="/console/registry/{path}"' in page.text
        for path in ("import", "merge", "applications", "agents", "certificates"):
            assert (await browser.get(f"/registry/{path}")).status_code == 200, path
        faulty = await browser.client.post(
            "/console/registry/import?dry=1", data={"form": token}, files={"file": ("so.csv", b"x")}
        )
        assert faulty.status_code == 422
        assert "organ_id" in faulty.text


async def test_the_topmost_organ_of_a_subtree_stays_below_what_is_above_it(house: ConsoleHouse) -> None:
    async with house.browser(Role.REGISTRAR, root=OFFICE) as browser:
        away = f"000.00.09.G01,Vụ,{OFFICE},bo,,\n{OFFICE},Cục Đường bộ,000.00.09.G01,,,\n"
        answer = await preview(browser, (HEADING + away).encode())
        assert answer.status_code == 422
        assert {each["column"] for each in answer.json()["problems"]} >= {"parent"}
        below = f"{DEEP},Phòng Hầm,{OFFICE},,,\n"
        assert (await preview(browser, (HEADING + below).encode())).status_code == 200


async def test_nobody_puts_an_organ_below_itself(house: ConsoleHouse) -> None:
    async with house.browser(Role.ADMINISTRATOR) as browser:
        for circle in (f"{OFFICE},Cục,{DEEP},,,\n", f"{MINISTRY},Bộ,{DEEP},,,\n", "A1,a,B1,,,\nB1,b,A1,,,\n"):
            answer = await preview(browser, (HEADING + circle).encode())
            assert answer.status_code == 422, circle
            assert all(each["column"] == "parent" for each in answer.json()["problems"])
