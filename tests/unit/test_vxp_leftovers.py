"""What a reused service object still carries from earlier calls, and what of a call gets into the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.gateway.outcomes import Taking
from edxml_schemas.visible import visible
from tests.support.envelopes import a_document, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.vxp_client import Answer
from tests.support.vxp_house import House, a_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


def came(house: House, *legs: str, recipient: str = H41) -> None:
    for leg in legs:
        document = a_document(recipients=(an_organ(recipient),), document_id=f"id-{leg}")
        house.deliver(document, leg=leg, recipient=recipient)


def state(house: House, leg: str) -> Taking:
    item = house.desk.spool.item(leg)
    assert item is not None
    return item.taking(house.clock.at)


def a_letter(*recipients: str, sender: str = H41) -> bytes:
    return envelope_bytes(
        a_document(
            sender=an_organ(sender),
            recipients=tuple(map(an_organ, recipients)),
            document_id=f"{sender},2026/09/30,1/UBND",
        )
    )


def told(answer: Answer) -> tuple[str, str]:
    return answer.members["status"], answer.members["ErrorCode"]


# ── Two ids ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", ["done", "fail"])
def test_the_id_of_an_earlier_mark_does_not_stand_in_the_way_of_what_is_in_hand(house: House, first: str) -> None:
    came(house, "leg-1", "leg-2")
    client = house.client()
    assert told(client.mark("leg-1", first)) == ("OK", "0")
    client.envelope("leg-2")
    assert told(client.mark("leg-2", "done", name="docId")) == ("OK", "0")
    assert client.kept["docid"] == "leg-1"
    assert state(house, "leg-2") is Taking.TAKEN


def test_an_id_that_is_none_of_the_caller_s_gives_way_to_what_is_in_hand(house: House) -> None:
    came(house, "leg-1")
    came(house, "leg-9", recipient=RENAMED)
    for left_over in ("leg-9", "nothing"):
        client = house.client()
        client.kept["docid"] = left_over
        client.envelope("leg-1")
        assert told(client.mark("leg-1", "processing", name="docId")) == ("OK", "0"), left_over
    assert state(house, "leg-9") is Taking.NEW


def test_while_both_are_open_the_spelling_of_marks_counts(house: House) -> None:
    came(house, "leg-1", "leg-2")
    client = house.client()
    client.envelope("leg-2")
    assert told(client.mark("leg-1", "done")) == ("OK", "0")
    assert (state(house, "leg-1"), state(house, "leg-2")) == (Taking.TAKEN, Taking.LEASED)


def test_a_mark_that_may_be_about_either_of_two_open_documents_marks_none_and_names_both(house: House) -> None:
    came(house, "leg-1", "leg-2")
    client = house.client()
    client.envelope("leg-1")
    assert told(client.mark("leg-1", "processing")) == ("OK", "0")
    client.envelope("leg-2")
    answer = client.mark("leg-2", "done", name="docId")  # byte for byte what `docid` alone would have sent
    assert told(answer) == ("FAIL", "21")
    assert all(each in answer.members["ErrorDesc"] for each in ("docid là leg-1", "docId là leg-2"))
    assert (state(house, "leg-1"), state(house, "leg-2")) == (Taking.LEASED, Taking.LEASED)
    client.kept["docid"] = "leg-2"
    assert told(client.mark("leg-2", "done", name="docId")) == ("OK", "0")
    client.envelope("leg-1")
    assert told(client.mark("leg-1", "done")) == ("OK", "0")
    assert (state(house, "leg-1"), state(house, "leg-2")) == (Taking.TAKEN, Taking.TAKEN)


def test_who_fetches_all_and_then_marks_all_is_understood(house: House) -> None:
    legs = ["leg-1", "leg-2", "leg-3"]
    came(house, *legs)
    client = house.client()
    for mark in ("processing", "done"):
        for leg in legs:
            client.envelope(leg)
        for leg in legs:
            assert told(client.mark(leg, mark)) == ("OK", "0")
    assert [state(house, leg) for leg in legs] == [Taking.TAKEN] * 3


def test_who_fetches_two_and_marks_one_twice_is_understood(house: House) -> None:
    came(house, "leg-1", "leg-2")
    client = house.client()
    for leg in ("leg-1", "leg-2"):
        client.envelope(leg)
    for mark in ("processing", "done"):
        assert told(client.mark("leg-1", mark)) == ("OK", "0")
    assert (state(house, "leg-1"), state(house, "leg-2")) == (Taking.TAKEN, Taking.LEASED)


def test_what_is_not_in_this_caller_s_hand_is_not_marked_in_place_of_another(house: House) -> None:
    came(house, "leg-1", "leg-2", "leg-3")
    client = house.client()
    client.mark("leg-1", "done")
    house.client("khac").envelope("leg-3")
    for other in ("leg-2", "leg-3"):
        client.kept["docId"] = other
        assert told(client.mark("leg-1", "done")) == ("OK", "0")
    assert (state(house, "leg-2"), state(house, "leg-3")) == (Taking.NEW, Taking.LEASED)


# ── `from` and `to` ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "left_over", [{"to": f'["{RENAMED}"]'}, {"to": "none"}, {"to": "[]"}, {"from": H14}, {"from": RENAMED}]
)
def test_the_envelope_decides_whose_it_is_and_where_it_goes(
    house: House, capsys: pytest.CaptureFixture[str], left_over: dict[str, str]
) -> None:
    client = house.client(organs=[H41, RENAMED])
    answer = client.send(a_letter(H14), **{"from": H41, "to": f'["{H14}"]'} | left_over)
    assert told(answer) == ("OK", "0")
    submission = house.desk.spool.submission(answer.members["DocId"])
    assert submission is not None
    assert (submission.organ, submission.recipients) == (H41, (H14,))
    assert "vxp.addressing-ignored" in capsys.readouterr().out


def test_what_agrees_is_not_told_of(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(house.client().send(a_letter(H14), sender=H41, to=[H14])) == ("OK", "0")
    assert "vxp.addressing-ignored" not in capsys.readouterr().out


def test_the_log_of_a_difference_is_short_and_has_codes_alone(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    strange = ["A" * 64, "V/v kế hoạch", "x\n[error] forged", *(f"H{number}" for number in range(5000))]
    assert told(house.client().send(a_letter(H14), sender="B" * 40, to=strange)) == ("OK", "0")
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "vxp.addressing-ignored" in each]
    assert len(line) < 1000
    assert not any(each in line for each in ("AAAA", "BBBB", "kế hoạch", "forged"))


def test_no_left_over_sender_makes_a_letter_of_another_organ_pass(house: House) -> None:
    client = house.client()
    assert told(client.send(a_letter(H14, sender=RENAMED), sender=H41)) == ("FAIL", "15")
    assert house.desk.spool.find_submissions() == []


# ── The log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_in_the_place_of_the_system_id_is_not_logged(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    key = house.client()
    for claimed in (key.secret, f"x.{key.secret}", "kh ông có", "x" * 150):
        client = house.client()
        client.kept["systemid"] = claimed
        assert told(client.received()) == ("FAIL", "15")
        log = capsys.readouterr().out
        assert "vxp.not-believed" in log
        assert claimed not in log
        assert visible(claimed) not in log


def test_a_system_that_nobody_knows_is_logged_by_its_name(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    client = house.client()
    client.kept["systemid"] = "vxp.saas.99"
    client.received()
    assert "claims=vxp.saas.99" in capsys.readouterr().out
