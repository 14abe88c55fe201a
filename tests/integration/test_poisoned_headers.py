"""Messages whose AMQP headers cannot be decoded: they cost their sender, and nobody else."""

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiormq
import pytest
from pamqp.commands import Basic

from edxml_schemas.contract import REPORT_EXCHANGE, SUBMIT_EXCHANGE, Urgency, report_key, submit_key
from edxml_schemas.findings import FindingCode
from edxml_schemas.receipts import ReceiptKind
from router.adapters.amqp_properties import HEADER_BYTES, properties_of
from router.adapters.sql.store import SqlStore
from router.core.records import LegState
from tests.support.broker import PrivateBroker
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, agent, hub_process
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
PATIENCE: Final = 60.0  # seconds
STRANGER: Final = RECIPIENT_AGENTS[-1]
GOOD: Final = 40  # documents


class Raw(Basic.Properties):
    """Properties as bytes: what another client library, or none, may write."""

    def __init__(self, wire: bytes) -> None:
        super().__init__(message_id="not-sent")
        self.wire = wire

    def marshal(self) -> bytes:
        return self.wire


def flags(*names: str) -> bytes:
    return struct.pack(">H", sum(Basic.Properties.flags[name] for name in names))


def table(entries: bytes) -> bytes:
    return struct.pack(">I", len(entries)) + entries


def nested(levels: int) -> bytes:
    entries = b""
    for _ in range(levels):
        entries = b"\x01a" + b"F" + table(entries)
    return table(entries)


POISONS: Final = {
    "a timestamp beyond all calendars": flags("headers") + table(b"\x01t" + b"T" + struct.pack(">Q", 2**63 - 1)),
    "a header's name that is no UTF-8": flags("headers") + table(b"\x02\xff\xfe" + b"t\x01"),
    "an id that is no UTF-8": flags("message_id") + b"\x02\xff\xfe",
    "tables within tables": flags("headers") + nested(900),
    "tables that just fit on a stack": flags("headers") + nested(300),
    "a header as large as a letter": flags("headers") + table((b"\x01v" + b"t\x01") * (HEADER_BYTES // 4)),
}


@pytest.fixture
def hub(tmp_path: Path, broker: PrivateBroker) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "hub", broker) as process:
        yield process


@pytest.mark.parametrize("wire", POISONS.values(), ids=POISONS)
def test_no_poison_is_handed_to_the_decoder(wire: bytes) -> None:
    fixed = struct.pack(">HHQ", 60, 0, 5)
    assert properties_of(fixed + wire) is None
    assert properties_of(fixed + flags("message_id") + b"\x02id") is not None


async def test_undecodable_headers_cost_only_their_sender(hub: HubProcess) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        submitted = [await sender.submit(hub.document(number)) for number in range(GOOD // 2)]
        await publish_poisons(hub.broker)
        submitted += [await sender.submit(hub.document(number)) for number in range(GOOD // 2, GOOD)]
        hub.start(workers=1)

        async def all_accepted() -> bool:
            return all(sender.receipts.get(each) for each in submitted)

        await until(all_accepted, patience=PATIENCE)
        kinds = {receipt.kind for each in submitted for receipt in sender.receipts[each]}
        assert kinds <= {ReceiptKind.ACCEPTED, ReceiptKind.HANDED_OVER, ReceiptKind.DELIVERED}

        async def all_reported() -> bool:
            return leg_states(hub) == {LegState.DELIVERED.value: GOOD * len(recipients)}

        await until(all_reported, patience=PATIENCE)
        stranger = recipients[-1]

        async def all_refused() -> bool:
            return len(stranger.receipts) == len(POISONS)

        await until(all_refused, patience=PATIENCE)
        for receipt in (receipt for each in stranger.receipts.values() for receipt in each):
            assert receipt.kind is ReceiptKind.REFUSED
            assert FindingCode.TRANSPORT_HEADERS in {each.code for each in receipt.findings}
    store = SqlStore(hub.database)

    async def only_the_reports_are_dead() -> bool:
        # Nobody is answered for a report: such a one ends alone.
        return len(store.find_dead()) == len(POISONS)

    await until(only_the_reports_are_dead, patience=PATIENCE)
    store.close()
    assert "broker-lost" not in hub.log.read_text("utf-8")
    assert hub.stop() == 0


async def publish_poisons(broker: PrivateBroker) -> None:
    """Every poison once as a submission and once as a report."""
    connection = await aiormq.connect(broker.agent_url(STRANGER))
    try:
        channel = await connection.channel()
        for number, wire in enumerate(POISONS.values()):
            body = f"poison {number}".encode()
            for exchange, key in (
                (SUBMIT_EXCHANGE, submit_key(STRANGER, Urgency.NORMAL)),
                (REPORT_EXCHANGE, report_key(STRANGER)),
            ):
                answer = await channel.basic_publish(
                    body, exchange=exchange, routing_key=key, properties=Raw(wire), mandatory=True, timeout=PATIENCE
                )
                assert isinstance(answer, Basic.Ack)
    finally:
        await connection.close()


def leg_states(hub: HubProcess) -> dict[str, int]:
    store = SqlStore(hub.database)
    try:
        return dict(store.backlog().legs)
    finally:
        store.close()
