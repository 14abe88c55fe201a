"""The directory over the VXP dialect: lists in which nothing is null, and applications that the hub decides."""

import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agents.gateway.callers import Right
from agents.gateway.directory.records import Progress
from agents.gateway.vxp.agencies import agency_row, wanted_of
from agents.gateway.vxp.faults import Fault
from agents.gateway.vxp.wire import list_pieces
from edxml_schemas.organ_list import ListedOrgan
from tests.support.hub_desk import H14, H41
from tests.support.organ_lists import refill
from tests.support.vxp_house import House, a_house

COUNTRY = (
    ListedOrgan(code=H14, name="UBND tỉnh Cao Bằng", email="vanthu@caobang.gov.vn", connected=True, version=3),
    ListedOrgan(code=H41, name="UBND tỉnh Nghệ An", connected=True, version=1),
    ListedOrgan(code="H41.08", name="Sở Y tế", parent=H41, old_code="000.00.08.H41", version=2),
    ListedOrgan(code="H99.01", name="Đã đổi mã", version=1),
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        tell(made, COUNTRY, version=3)
        yield made


def tell(house: House, organs: Sequence[ListedOrgan], *, version: int) -> None:
    """What the hub says of the organs that may be written to."""
    refill(house.gateway.directory, organs, version=version, now=house.clock.at)


def by_code(rows: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {row["code"]: row for row in rows}


def test_every_organ_that_may_be_written_to_is_listed_and_nothing_is_null(house: House) -> None:
    rows = house.client().agencies().members["data"]
    assert {row["code"] for row in rows} == {each.code for each in COUNTRY}
    assert all(isinstance(value, str) for row in rows for value in row.values())
    listed = by_code(rows)
    assert listed[H14]["mail"] == "vanthu@caobang.gov.vn"
    assert listed[H14]["pid"] == ""
    unit = listed["H41.08"]
    assert (unit["name"], unit["oldCode"], unit["code102"]) == ("Sở Y tế", "000.00.08.H41", "000.00.08.H41")
    assert unit["pid"] == listed[H41]["id"]


def test_before_the_first_synchronisation_no_list_is_given_that_somebody_might_believe(tmp_path: Path) -> None:
    with a_house(tmp_path) as house:
        for operation in ("getAgenciesList", "getAgenciesListQD20", "getSynchronizeUnit"):
            answer = house.client().agencies(operation).members
            assert (answer["status"], answer["ErrorCode"], answer["data"]) == ("FAIL", "20", [])
            assert "đồng bộ" in answer["ErrorDesc"]


def test_one_level_may_be_asked_for(house: House) -> None:
    client = house.client()
    top = client.agencies("getAgenciesListQD20", level="1").members["data"]
    assert {row["code"] for row in top} == {H14, H41}
    below = house.client().agencies("getAgenciesListQD20", level="2").members["data"]
    assert {row["code"] for row in below} == {"H41.08", "H99.01"}
    assert len(house.client().agencies("getAgenciesListQD20").members["data"]) == len(COUNTRY)
    assert len(client.agencies().members["data"]) == len(COUNTRY)  # the level that was left over counts for nothing
    for level in ("0", "x", "-1", "99", "१"):
        wrong = client.agencies("getAgenciesListQD20", level=level).members
        assert (wrong["ErrorCode"], wrong["data"]) == ("21", [])


def test_synchronisation_tells_of_organs_that_ended_too_in_the_types_that_clients_read(house: House) -> None:
    tell(house, COUNTRY[1:], version=4)
    rows = by_code(house.client().agencies("getSynchronizeUnit").members["data"])
    ended, present = rows[H14], rows[H41]
    assert (ended["deleted"], present["deleted"]) == (True, False)
    assert present == {
        "id": present["id"],
        "code": H41,
        "name": "UBND tỉnh Nghệ An",
        "pid": "",
        "mail": "",
        "version": 1,
        "centerCode": "",
        "deleted": False,
        "modifyDate": "2026/10/01 09:00:00",
        "isAgency": True,
    }
    assert rows["H41.08"]["isAgency"] is False


def test_a_country_of_agencies_is_listed_without_being_in_memory(house: House) -> None:
    many = [ListedOrgan(code=f"H41.{number:06d}", name="Đơn vị", parent=H41) for number in range(5_000)]
    tell(house, many, version=5)
    client = house.client()
    answer = client.agencies()
    assert len(answer.members["data"]) == len(many)
    pieces = list_pieces(map(agency_row, house.gateway.directory.stream()))
    next(pieces)
    tracemalloc.start()
    total = sum(len(piece) for piece in pieces)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 500_000
    assert most < total / 2


def test_a_registration_is_recorded_and_the_hub_decides(house: House) -> None:
    client = house.client()
    wanted = {
        "id": "",
        "pcode": H41,
        "code": "H41.09",
        "name": "Sở Tư pháp",
        "mail": "",
        "mobile": 912345678,
        "fax": "",
    }
    answer = client.register(wanted).members
    assert answer["status"] == "OK"
    assert "chờ" in answer["ErrorDesc"]
    assert client.register(wanted).members["status"] == "OK"
    (application,) = house.gateway.directory.applications()
    assert (application.code, application.parent, application.name) == ("H41.09", H41, "Sở Tư pháp")
    assert (application.phone, application.applicant) == ("912345678", "vxp.saas.02")
    assert application.progress is Progress.WAITING
    assert client.register(wanted | {"code": H14}).members["status"] == "OK"  # it is there already
    assert len(house.gateway.directory.applications()) == 1


@pytest.mark.parametrize(
    "data", [{}, {"code": "H41.09"}, {"code": None, "name": "x"}, {"code": "H41.09", "name": "x", "mail": "khong"}]
)
def test_a_registration_that_cannot_be_is_told(house: House, data: dict[str, object]) -> None:
    answer = house.client().register(data).members
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", "21")
    assert "ề nghị" in answer["ErrorDesc"]


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"\xff", b"[" * 50_000, b'{"code":["x"]}', b'{"code":true}'])
def test_a_registration_that_is_no_object_of_texts_is_told(body: bytes) -> None:
    assert isinstance(wanted_of(body), Fault)


def test_a_registration_that_is_too_long_is_told(house: House) -> None:
    answer = house.client().register({"code": "H41.09", "name": "x" * 70_000}).members
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", "21")


def test_only_an_organ_of_the_caller_can_be_given_up(house: House) -> None:
    client = house.client()
    assert client.remove(H41).members["status"] == "OK"
    another, nobody = client.remove(H14).members, client.remove("H77").members
    assert another["status"] == "FAIL"
    assert another == nobody
    assert [each.code for each in house.gateway.directory.applications()] == [H41]
    client.kept.pop("AgencyCode")
    assert "AgencyCode" in client.remove("").members["ErrorDesc"]


def test_a_key_that_may_not_send_applies_for_nothing(house: House) -> None:
    reader = house.client("doc", rights=[Right.READ, Right.RECEIVE])
    assert reader.register({"code": "H41.09", "name": "x"}).members["ErrorCode"] == "15"
    assert reader.remove(H41).members["ErrorCode"] == "15"
    assert len(reader.agencies().members["data"]) == len(COUNTRY)
