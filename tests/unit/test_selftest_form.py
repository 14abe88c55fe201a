"""What passes for a self-test of the link: a document that says nothing else. Everything else somebody sees."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.gateway.outcomes import Received
from agents.memory_link import MemoryLink
from agents.spool import Spool
from agents.spool.form import LARGEST, NAME_CHARS, SUBJECT, has_form, has_form_bytes
from agents.spool.schema import MIGRATIONS
from agents.tidying import KEEP
from edxml_schemas import codec
from edxml_schemas.drafts import draft_from_mapping
from edxml_schemas.model import Code, Document, Organ, ResponseFor, SignerInfo, TraceHeader
from edxml_schemas.statuses import StatusCode
from router.adapters.memory_broker import MemoryBroker
from tests.support.agency import AGENT_NAMES, Fixed, running
from tests.support.envelopes import SENDER, a_status, an_attachment, an_organ
from tests.support.gateway import GatewayDesk, gateway_desk
from tests.support.hub_desk import H14, H41
from tests.support.spools import make_older
from tests.support.waiting import until

CODE = Code(code_number="0123456789abcdef", code_notation="KIEMTRA")
OUTLINES = len(MIGRATIONS) - 1
"""The version of spools before the form was looked at."""


def a_self_test(sender: str = SENDER, to: str = H41) -> Document:
    """As the sending side makes one."""
    draft = draft_from_mapping(
        {
            "from": {"organ_id": sender, "organ_name": "Văn phòng"},
            "to": [{"organ_id": to}],
            "code": {"code_number": CODE.code_number, "code_notation": CODE.code_notation},
            "subject": SUBJECT,
        },
        now=datetime(2026, 10, 1, 2, tzinfo=UTC),
    )
    assert isinstance(draft, Document)
    return draft


LETTERS: list[dict[str, Any]] = [
    {"subject": "Về việc nâng lương"},
    {"content": "Yêu cầu bồi thường trong 5 ngày"},
    {"attachments": (an_attachment(b"%PDF-1.4"),)},
    {"recipients": (Organ(organ_id=H41), Organ(organ_id=H14))},
    {"recipients": (Organ(organ_id=H41, organ_name="Yêu cầu bồi thường"),)},
    {"sender": Organ(organ_id=SENDER, organ_name="x" * (NAME_CHARS + 1))},
    {"code": replace(CODE, code_number="12")},
    {"code": replace(CODE, code_notation="KIEMTRA-UB")},
    {"document_id": f"{SENDER},2026/10/01,12/UB"},
    {"to_places": ("Yêu cầu bồi thường",)},
    {"signer_info": SignerInfo(full_name="Nguyễn Văn A")},
    {"trace_headers": (TraceHeader(organ_id="Yêu cầu bồi thường"),)},
]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        yield made


def test_what_the_sending_side_makes_has_the_form_before_and_after_the_wire() -> None:
    made = a_self_test()
    content = codec.encode(made)
    assert has_form(made, size=len(content))
    assert has_form_bytes(content)
    assert has_form(replace(made, content=""), size=len(content))
    assert not has_form(made, size=LARGEST + 1)
    assert not has_form_bytes(b"<no/>")


@pytest.mark.parametrize("changes", LETTERS, ids=",".join)
def test_a_document_that_says_anything_else_is_a_letter(changes: dict[str, Any]) -> None:
    assert not has_form(replace(a_self_test(), **changes), size=1)


def test_a_letter_in_the_dress_of_a_self_test_is_shown_and_nothing_is_said_of_it_unasked(at: GatewayDesk) -> None:
    attached = an_attachment(b"%PDF-1.4\n" + b"x" * 5000)
    leg = at.deliver(replace(a_self_test(), content="Quá hạn coi như chấp nhận", attachments=(attached,)))
    assert [each.item.leg_id for each in at.office.received(at.caller(), kind=None)] == [leg]
    assert isinstance(at.office.find(at.caller(), leg), Received)
    assert [each.leg_id for each in (*at.desk.receive(), *at.spool.unexported())] == [leg, leg]
    assert at.codes_said(leg) == []
    at.office.report(at.caller(), leg, StatusCode.RECEIVED)
    assert [each.status_code for each in at.outgoing()] == ["01", "03"]


def test_a_self_test_is_nobodys_letter_and_gets_01_by_itself(at: GatewayDesk) -> None:
    leg = at.deliver(a_self_test())
    assert at.office.received(at.caller(), kind=None, everything=True) == []
    assert [*at.desk.receive(), *at.spool.unexported(), *at.outgoing()] == []
    assert at.codes_said(leg) == ["01"]


def test_what_is_sent_is_hidden_by_the_same_form_with_what_is_said_of_it(at: GatewayDesk) -> None:
    test = a_self_test(sender=H41, to=SENDER)
    letter = replace(test, content="Quá hạn coi như chấp nhận", document_id=f"{H41},2026/10/01,1/UB")
    for each in (test, letter):
        assert isinstance(at.desk.send(each), str)
    assert [each.document_id for each in at.outgoing()] == [letter.document_id]
    for each in (test, letter):
        about = ResponseFor(organ_id=H41, document_id=each.document_id, code=str(CODE))
        at.deliver(a_status(sender=an_organ(SENDER), response_for=about, status_code="03"))
    (shown,) = at.office.received(at.caller(), kind=None)
    assert shown.item.about_document_id == letter.document_id


async def test_who_only_receives_self_tests_is_rid_of_them_after_a_time_and_keeps_the_letters(at: GatewayDesk) -> None:
    at.deliver(a_self_test())
    letter = at.deliver(replace(a_self_test(), content="Quá hạn coi như chấp nhận"))
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    link = MemoryLink(broker, agent="nghean", user_id="nghean")

    async def told() -> bool:
        return not at.spool.unreported()

    async def rid() -> bool:
        kept = [*at.spool.documents(taken=None, self_tests=True), *at.spool.find_submissions(self_tests=True)]
        return not kept

    async with running(at.agent.run(link)):
        await until(told)
    assert not await rid()
    at.clock.move(KEEP + timedelta(days=1))
    async with running(at.agent.run(link)):
        await until(rid)
    assert [each.leg_id for each in at.spool.documents(taken=None)] == [letter]


def test_an_older_spool_keeps_its_self_tests_hidden_and_shows_the_letters_it_hid(tmp_path: Path) -> None:
    with gateway_desk(tmp_path) as at:
        hidden = at.deliver(a_self_test())
        letter = at.deliver(replace(a_self_test(), content="Quá hạn coi như chấp nhận"))
        folder = at.spool.folder
    make_older(folder, OUTLINES)
    with Spool.open(folder) as spool:
        assert [each.leg_id for each in spool.documents()] == [letter]
        assert [each.leg_id for each in spool.documents(self_tests=True)] == [hidden]
        assert [each.status_code for each in spool.find_submissions(self_tests=True)] == ["01"]
