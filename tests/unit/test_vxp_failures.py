"""Whatever goes wrong, a client of the VXP dialect gets an answer that it can read."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.errors import SpoolUnavailable
from agents.gateway import vxp
from agents.gateway.settings import VxpOptions
from agents.gateway.vxp.faults import ErrorCode
from agents.gateway.vxp.routes import DOWNLOAD, EMPTY
from tests.support.hub_desk import H41
from tests.support.vxp_client import Answer, Header
from tests.support.vxp_house import DirectClient, House, a_house

OPERATIONS = sorted(EMPTY)
WITH_CONTENT = sorted(set(OPERATIONS) - {DOWNLOAD})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


def call(client: DirectClient, path: str, headers: list[Header] | None = None, body: bytes = b"{}") -> Answer:
    method = "GET" if path == DOWNLOAD else "POST"
    return client.exchange(method, path, client.headers() if headers is None else headers, body)


def failed(answer: Answer, path: str, code: int) -> dict[str, Any]:
    """The members: the three that every answer has, and those that a client of the operation reads."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    members = answer.members
    assert (members["status"], members["ErrorCode"]) == ("FAIL", str(code)), members
    for name, value in EMPTY[path].items():
        assert members[name] == json.loads(json.dumps(value))
    return members


def test_a_call_that_is_not_signed_gets_an_answer(house: House) -> None:
    client = house.client()
    unsigned = [each for each in client.headers() if each[0] != "XroadVnpt-hash-header"]
    for path in OPERATIONS:
        assert "XroadVnpt-systemid" in failed(call(client, path, []), path, 15)["ErrorDesc"]
        failed(call(client, path, unsigned), path, 15)


def test_a_wrong_secret_a_revoked_key_and_an_unknown_system_get_one_answer(house: House) -> None:
    wrong, known = house.client(secret="sai"), house.client("co-that")
    house.gateway.access.revoke(house.keys["co-that"].key_id, now=house.clock.at)
    nobody = DirectClient("localhost", 0, "khong-co", "sai", house.clock.at, app=house.app)
    for path in OPERATIONS:
        answers = [call(each, path) for each in (wrong, known, nobody)]
        failed(answers[0], path, 15)
        assert len({each.body for each in answers}) == 1


def test_a_key_that_ran_out_is_no_key(house: House) -> None:
    client = house.client("ngan", expires_at=house.clock.at + timedelta(hours=1))
    assert client.received().members["status"] == "OK"
    house.pass_time(timedelta(hours=1))
    failed(client.received(), "/getReceivedEdocList", 15)


def test_both_secrets_count_while_a_key_is_rotated(house: House) -> None:
    old = house.client()
    new = house.gateway.access.rotate(house.keys["vxp.saas.02"].key_id, overlap=timedelta(days=1), now=house.clock.at)
    assert new is not None
    for client in (old, house.client(secret=new.secret)):
        assert client.received().members["status"] == "OK"
    house.pass_time(timedelta(days=2))
    assert house.client(secret=new.secret).received().members["status"] == "OK"
    failed(old.received(), "/getReceivedEdocList", 15)


def test_a_service_object_serves_for_days_and_then_says_what_to_do(house: House) -> None:
    client = house.client()
    house.pass_time(timedelta(days=6))
    assert client.received().members["status"] == "OK"
    house.pass_time(timedelta(days=2))
    assert "timestamp_age" in failed(client.received(), "/getReceivedEdocList", 15)["ErrorDesc"]


def test_how_old_a_time_stamp_may_be_is_a_setting(tmp_path: Path) -> None:
    with a_house(tmp_path, vxp={"timestamp_age": 3600}) as house:
        client = house.client()
        house.pass_time(timedelta(hours=2))
        failed(client.received(), "/getReceivedEdocList", 15)


@pytest.mark.parametrize("trouble", ["crash", "away"])
def test_a_call_that_crashes_gets_an_answer_without_the_program_s_words(
    house: House, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.client()
    monkeypatch.setattr(type(house.gateway.throttle), "admit", _crash if trouble == "crash" else _away)
    for path in WITH_CONTENT:
        members = failed(call(client, path), path, 20)
        assert "bí mật" not in members["ErrorDesc"]


@pytest.mark.parametrize("trouble", ["crash", "away"])
def test_a_download_that_crashes_has_no_content(house: House, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client()
    client.kept["docId"] = "leg-1"
    monkeypatch.setattr(type(house.gateway.office), "fetch", _crash if trouble == "crash" else _away)
    answer = call(client, DOWNLOAD)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["xroadvnpt-errorcode"] == "20"


def test_trouble_with_a_list_is_told_before_its_first_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client()
    monkeypatch.setattr(type(house.gateway.office), "received", _away)
    failed(client.received(), "/getReceivedEdocList", 20)


def test_a_client_that_calls_too_fast_is_told_how_long_to_wait(house: House) -> None:
    client = house.client("nhanh", per_minute=2)
    for _ in range(2):
        assert client.received().members["status"] == "OK"
    answer = client.received()
    failed(answer, "/getReceivedEdocList", 20)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert call(client, DOWNLOAD).body == b""


def test_the_wrong_method_gets_an_answer(house: House) -> None:
    client = house.client()
    for path in WITH_CONTENT:
        answer = client.exchange("GET", path, client.headers(), None)
        failed(answer, path, answer.members["ErrorCode"])
    assert client.exchange("POST", DOWNLOAD, client.headers(), b"").body == b""


def test_what_is_no_operation_is_not_found(house: House) -> None:
    client = house.client()
    answer = client.exchange("POST", "/khong-co", client.headers(), b"")
    assert answer.status == 404
    assert answer.members["status"] == "FAIL"


def test_a_body_that_nobody_needs_is_of_no_account(house: House) -> None:
    client = house.client()
    for body in (b"", b"{}", b"[", b"\xff" * 70_000):
        assert call(client, "/getReceivedEdocList", body=body).members["status"] == "OK"


def test_arguments_of_earlier_calls_do_not_disturb_later_ones(house: House) -> None:
    client = house.client()
    client.kept |= {
        "from": H41,
        "to": '["x"]',
        "docId": "leg-9",
        "status": "done",
        "level": "x",
        "AgencyCode": "x",
        "hash-file": "0",
        "filePath": "C:\\van ban\\den",
    }
    for answer in (client.received(), client.sent(), client.count(), client.received("status")):
        assert answer.members["status"] == "OK"


def test_no_secret_and_no_letter_is_in_what_is_logged(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    client = house.client()
    client.received()
    call(house.client(secret="sai"), "/getReceivedEdocList")
    call(client, "/updateStatus")
    told = capsys.readouterr()
    assert "vxp.not-believed" in told.out
    assert "vxp.refused" in told.out
    for hidden in (house.keys["vxp.saas.02"].secret, "hash-header"):
        assert hidden not in told.out + told.err


def _crash(*_: object, **__: object) -> Any:
    raise RuntimeError("bí mật của chương trình")


def _away(*_: object, **__: object) -> Any:
    raise SpoolUnavailable("bí mật của đĩa")


def test_the_readme_names_every_operation_setting_and_error_number() -> None:
    text = (Path(str(vxp.__file__)).parent / "README.md").read_text("utf-8")
    for path in OPERATIONS:
        assert f"{'GET' if path == DOWNLOAD else 'POST'} {path}`" in text, path
    for setting in VxpOptions.model_fields:
        assert f"| `{setting}` |" in text, setting
    for number in set(ErrorCode) - {ErrorCode.SUCCESS, ErrorCode.RECIPIENT, ErrorCode.RECIPIENT_LOCKED}:
        assert f"| {int(number)} |" in text, number
