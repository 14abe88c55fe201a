"""The agent against the in-process broker and the hub's real decisions."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from agents.agent import Agent
from agents.errors import AgentBusy, UnknownLeg
from agents.memory_link import MemoryLink
from agents.spool import Spool, is_running
from edxml_schemas import codec, signatures
from edxml_schemas.findings import Finding, FindingCode
from edxml_schemas.model import Document, OtherInfo, StatusMessage
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.statuses import Priority, StatusCode
from router.adapters.memory_broker import MemoryBroker
from router.core.holds import Hold, HoldKind
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.envelopes import DECORATIVE_SIGNATURE, DOCUMENT_ID, SENDER, a_document, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41, NOW, RENAMED, Desk
from tests.support.waiting import until


@dataclass(slots=True)
class Country:
    """A hub, and an agent for each of its agents' names."""

    hub: Desk
    broker: MemoryBroker
    small: SmallHub
    agents: dict[str, Agent]

    @property
    def sender(self) -> Agent:
        return self.agents["vpcp"]

    @property
    def recipient(self) -> Agent:
        return self.agents["nghean"]

    def link(self, name: str) -> MemoryLink:
        return MemoryLink(self.broker, agent=name, user_id=name)

    @asynccontextmanager
    async def moving(self, *names: str) -> AsyncIterator[None]:
        """Hub and agents run."""
        chosen = names or ("vpcp", "nghean", "caobang")
        async with running(self.small.run(), *(self.agents[name].run(self.link(name)) for name in chosen)):
            yield


@pytest.fixture
def country(tmp_path: Path) -> Country:
    hub = Desk()
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    agents = {
        name: Agent(settings, Spool.open(settings.spool))
        for name in AGENT_NAMES
        for settings in [settings_of(name, hub, tmp_path)]
    }
    return Country(hub, broker, SmallHub(hub, broker), agents)


def codes_of(refused: object) -> list[FindingCode]:
    assert isinstance(refused, tuple)
    return [each.code for each in refused if isinstance(each, Finding)]


async def sent_and_accepted(agent: Agent, submission_id: object) -> None:
    assert isinstance(submission_id, str), submission_id

    async def accepted() -> bool:
        submission = agent.spool.submission(submission_id)
        return submission is not None and submission.outcome == "accepted"

    await until(accepted)


async def received(agent: Agent, count: int = 1) -> list[str]:
    """Leg ids, when so many documents are there."""

    async def there() -> bool:
        return len(await agent.receive(everything=True)) >= count

    await until(there)
    return [item.leg_id for item in await agent.receive(everything=True)]


async def statuses_at(agent: Agent, submission_id: str, *wanted: str) -> None:
    async def there() -> bool:
        said = agent.spool.statuses_about(submission_id=submission_id)
        return sorted(each.status_code for each in said) == sorted(wanted)

    await until(there)


async def test_a_document_arrives_byte_for_byte_and_the_arrival_is_told_by_itself(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send(a_document())
        await sent_and_accepted(country.sender, sent)
        (leg,) = await received(country.recipient)
        taken = await country.recipient.take(leg)
        assert isinstance(sent, str)
        mine = country.sender.spool.submission(sent)
        assert mine is not None
        assert hashlib.sha256(taken.envelope).hexdigest() == mine.digest
        assert taken.item.sender == SENDER
        await statuses_at(country.sender, sent, "01", "01")


async def test_who_receives_for_another_organ_takes_the_document_and_speaks_in_its_own_name(country: Country) -> None:
    country.hub.store.put_hold(Hold(organ=H41, kind=HoldKind.FORWARD, since=NOW, to=H14, reason="sáp nhập"))
    async with country.moving():
        sent = await country.sender.send(a_document(recipients=(an_organ(H41),)))
        await sent_and_accepted(country.sender, sent)
        (leg,) = await received(country.agents["caobang"])
        assert (await country.agents["caobang"].take(leg)).item.recipient == H14
        assert isinstance(sent, str)
        await statuses_at(country.sender, sent, "01")
    assert not await country.recipient.receive(everything=True)


async def test_an_unsigned_draft_is_signed_with_the_key_of_its_sender(country: Country) -> None:
    sent = await country.sender.send(envelope_bytes(a_document(), signature=DECORATIVE_SIGNATURE))
    assert isinstance(sent, str)
    submission = country.sender.spool.submission(sent)
    assert submission is not None
    parsed = parse(country.sender.spool.envelope(submission.digest))
    assert isinstance(parsed, Parsed)
    signed = signatures.check_integrity(parsed)
    assert isinstance(signed, signatures.Signed)
    assert signed.fingerprint == country.hub.keys[SENDER].fingerprint


async def test_a_soundly_signed_envelope_is_sent_as_it_is(country: Country) -> None:
    content = country.hub.signed(a_document())
    sent = await country.sender.send(content)
    assert isinstance(sent, str)
    submission = country.sender.spool.submission(sent)
    assert submission is not None
    assert country.sender.spool.envelope(submission.digest) == content


async def test_a_broken_signature_is_not_signed_over(country: Country) -> None:
    content = country.hub.signed(a_document(subject="Nguyên văn")).replace("Nguyên văn".encode(), "Đã sửa".encode())
    assert FindingCode.SIGNATURE_DIGEST in codes_of(await country.sender.send(content))
    assert not country.sender.spool.find_submissions()


async def test_an_organ_of_somebody_else_is_refused_before_it_is_kept(country: Country) -> None:
    refused = await country.recipient.send(a_document())
    assert codes_of(refused) == [FindingCode.SENDER_AGENT]


async def test_an_envelope_with_schema_faults_is_refused_with_all_of_them(country: Country) -> None:
    content = envelope_bytes(a_document()).replace(b"edXML:Subject", b"edXML:Sujet")
    assert codes_of(await country.sender.send(content))


async def test_the_same_submission_id_twice_is_one_submission(country: Country) -> None:
    first = await country.sender.send(a_document(), submission_id="lan-1")
    second = await country.sender.send(a_document(), submission_id="lan-1")
    assert first == second == "lan-1"
    assert len(country.sender.spool.find_submissions()) == 1


async def test_a_status_chain_reaches_the_sender(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send(a_document(recipients=(an_organ(H41),)))
        assert isinstance(sent, str)
        (leg,) = await received(country.recipient)
        for code in (StatusCode.RECEIVED, StatusCode.ASSIGNED, StatusCode.FINISHED):
            said = await country.recipient.report(leg, code)
            await sent_and_accepted(country.recipient, said)
        await statuses_at(country.sender, sent, "01", "03", "04", "06")


async def test_a_status_names_the_original_and_its_sender(country: Country) -> None:
    async with country.moving():
        await country.sender.send(a_document(recipients=(an_organ(H41),)))
        (leg,) = await received(country.recipient)
    said = await country.recipient.report(leg, StatusCode.RECEPTION_REFUSED, reason="Gửi nhầm nơi nhận")
    assert isinstance(said, str)
    submission = country.recipient.spool.submission(said)
    assert submission is not None
    decoded = codec.decode(country.recipient.spool.envelope(submission.digest))
    assert isinstance(decoded, codec.Decoded)
    status = decoded.envelope
    assert isinstance(status, StatusMessage)
    assert (status.sender.organ_id, status.response_for.organ_id) == (H41, SENDER)
    assert (status.response_for.document_id, status.description) == (DOCUMENT_ID, "Gửi nhầm nơi nhận")


async def test_a_refusal_without_a_reason_is_not_sent(country: Country) -> None:
    async with country.moving():
        await country.sender.send(a_document(recipients=(an_organ(H41),)))
        (leg,) = await received(country.recipient)
    assert codes_of(await country.recipient.report(leg, StatusCode.RECEPTION_REFUSED)) == [FindingCode.STATUS_REASON]


async def test_a_recipient_cannot_ask_for_a_recall(country: Country) -> None:
    async with country.moving():
        await country.sender.send(a_document(recipients=(an_organ(H41),)))
        (leg,) = await received(country.recipient)
    refused = await country.recipient.report(leg, StatusCode.RECALL_REQUESTED, reason="x")
    assert codes_of(refused) == [FindingCode.STATUS_NOT_SENDER]


async def test_a_status_about_an_unknown_leg_says_so(country: Country) -> None:
    with pytest.raises(UnknownLeg):
        await country.recipient.report("khong-co", StatusCode.RECEIVED)


async def test_a_recall_reaches_the_recipient_and_its_answer_comes_back(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send(a_document(recipients=(an_organ(H41),)))
        await sent_and_accepted(country.sender, sent)
        (leg,) = await received(country.recipient)
        recall = await country.sender.recall(DOCUMENT_ID, H41, reason="Sai số liệu")
        await sent_and_accepted(country.sender, recall)

        async def told() -> bool:
            return [each.status_code for each in country.recipient.spool.statuses_about(leg_id=leg)] == ["13"]

        await until(told)
        await sent_and_accepted(country.recipient, await country.recipient.report(leg, StatusCode.CHANGE_ACCEPTED))
        assert isinstance(sent, str)
        await statuses_at(country.sender, sent, "01", "15")


async def test_a_recall_needs_a_reason_and_a_recipient_of_the_document(country: Country) -> None:
    await country.sender.send(a_document(recipients=(an_organ(H41),)))
    assert codes_of(await country.sender.recall(DOCUMENT_ID, H41, reason="")) == [FindingCode.STATUS_REASON]
    assert codes_of(await country.sender.recall(DOCUMENT_ID, H14, reason="x")) == [FindingCode.STATUS_NOT_RECIPIENT]


async def test_one_agent_shows_a_document_to_each_of_its_organs(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send(a_document(recipients=(an_organ(H41), an_organ(RENAMED))))
        await sent_and_accepted(country.sender, sent)
        await received(country.recipient, 2)
        items = await country.recipient.receive()
    assert {item.recipient for item in items} == {H41, RENAMED}
    assert len({item.digest for item in items}) == 1


async def test_what_is_taken_is_not_listed_again_and_can_be_taken_again(country: Country) -> None:
    async with country.moving():
        await country.sender.send(a_document(recipients=(an_organ(H41),)))
        (leg,) = await received(country.recipient)
    first = await country.recipient.take(leg)
    assert await country.recipient.receive() == []
    assert (await country.recipient.take(leg)).envelope == first.envelope


async def test_a_refusal_of_the_hub_comes_back_with_its_findings(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send(a_document(recipients=(an_organ("000.00.00.H97"),)))
        assert isinstance(sent, str)

        async def refused() -> bool:
            return country.sender.spool.submission(sent).outcome == "refused"  # type: ignore[union-attr]  # it is there

        await until(refused)
        (story,) = await country.sender.sent(sent)
    assert b"recipient.unknown" in story.receipts[0].body


async def test_what_was_spooled_while_the_broker_was_away_is_sent_when_it_is_back(country: Country) -> None:
    country.broker.go_down()
    async with country.moving():
        sent = await country.sender.send(a_document())
        country.broker.come_back()
        await sent_and_accepted(country.sender, sent)
        await received(country.recipient)


async def test_losing_the_broker_in_between_loses_and_doubles_nothing(country: Country) -> None:
    async with country.moving():
        for number in range(20):
            document = a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", recipients=(an_organ(H41),))
            assert isinstance(await country.sender.send(document), str)
            if number % 5 == 4:
                country.broker.go_down()
                country.broker.come_back()
        await received(country.recipient, 20)

        async def all_answered() -> bool:
            return all(each.outcome == "accepted" for each in country.sender.spool.find_submissions())

        await until(all_answered)
        items = await country.recipient.receive()
    assert len(items) == len({item.document_id for item in items}) == 20


async def test_urgent_documents_go_before_older_ones(country: Country) -> None:
    slow = [await country.sender.send(_document(number, Priority.NORMAL)) for number in range(3)]
    urgent = await country.sender.send(_document(9, Priority.FLASH))
    due = country.sender.spool.due(now=country.sender.desk.clock.now(), limit=10)
    assert [each.submission_id for each in due] == [urgent, *slow]


async def test_a_published_submission_without_an_answer_is_published_again(country: Country) -> None:
    settings = country.sender.settings.model_copy(update={"resend_after": timedelta(milliseconds=100)})
    agent = Agent(settings, country.sender.spool)
    async with running(agent.run(country.link("vpcp"))):
        sent = await agent.send(a_document())

        async def twice() -> bool:
            return country.sender.spool.submission(str(sent)).attempts >= 2  # type: ignore[union-attr]  # it is there

        await until(twice)
    async with country.moving():
        await sent_and_accepted(country.sender, sent)
        assert len(await received(country.recipient)) == 1


async def test_raw_bytes_are_published_as_they_are(country: Country) -> None:
    async with country.moving():
        sent = await country.sender.send_raw(b"not an envelope")

        async def refused() -> bool:
            submission = country.sender.spool.submission(sent)
            return submission is not None and submission.outcome == "refused"

        await until(refused)


async def test_two_processes_cannot_run_the_same_agent(country: Country) -> None:
    async with country.moving():

        async def runs() -> bool:
            return is_running(country.sender.spool.folder)

        await until(runs)
        with pytest.raises(AgentBusy):
            await asyncio.wait_for(country.sender.run(country.link("vpcp")), 10)


async def test_a_graceful_stop_ends_the_agent(country: Country) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(country.sender.run(country.link("vpcp"), stop=stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_a_document_for_an_organ_without_a_key_is_kept_and_told_when_the_key_is_there(
    country: Country,
) -> None:
    bare = country.recipient.settings
    keyless = bare.model_copy(
        update={"organs": tuple(organ.model_copy(update={"key": None, "cert": None}) for organ in bare.organs)}
    )
    without = Agent(keyless, country.recipient.spool)
    async with running(country.small.run(), country.sender.run(country.link("vpcp"))):
        sent = await country.sender.send(a_document(recipients=(an_organ(H41),)))
        async with running(without.run(country.link("nghean"))):
            await received(without)
        assert isinstance(sent, str)
        assert not country.sender.spool.statuses_about(submission_id=sent)
        async with running(country.recipient.run(country.link("nghean"))):
            await statuses_at(country.sender, sent, "01")


def _document(number: int, priority: Priority) -> Document:
    document = a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP")
    return replace(document, other_info=OtherInfo(priority=priority))
