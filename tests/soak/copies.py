"""Messages that come twice: published once more with an agent's own rights, as a client that lost a confirm would."""

from collections.abc import Sequence
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel

from agents.spool import Spool
from edxml_schemas.contract import (
    CLAIM_THRESHOLD,
    REPORT_EXCHANGE,
    SUBMIT_EXCHANGE,
    Header,
    MessageType,
    Urgency,
    report_key,
    submit_key,
)
from tests.soak.ledger import Entry
from tests.soak.players import Players
from tests.soak.stage import Stage

CONFIRM: Final = 30.0  # seconds


async def copy_submissions(stage: Stage, players: Players, entries: Sequence[Entry]) -> int:
    """Publish submissions once more, under their ids; how many. Claim checks are left out: their upload may be to
    come."""
    copied = 0
    for entry in entries:
        if entry.size > CLAIM_THRESHOLD:
            continue
        body = players.desks[entry.agent].spool.envelope(entry.digest)
        message = aio_pika.Message(
            body,
            message_id=entry.submission_id,
            type=MessageType.DOCUMENT.value,
            user_id=entry.agent,
            headers={Header.DIGEST.value: entry.digest, Header.SIZE.value: entry.size},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        key = submit_key(entry.agent, Urgency.URGENT if entry.urgent else Urgency.NORMAL)
        await _publish(stage, entry.agent, SUBMIT_EXCHANGE, key, [message])
        copied += 1
    players.ledger.copies += copied
    return copied


async def copy_reports(stage: Stage, players: Players, agent: str, *, limit: int) -> int:
    """Publish an agent's latest reports once more; how many."""
    spool: Spool = players.desks[agent].spool
    messages = [
        aio_pika.Message(
            b"",
            message_id=item.leg_id,
            type=MessageType.DELIVERED.value,
            user_id=agent,
            headers={
                Header.LEG.value: item.leg_id,
                Header.MESSAGE.value: item.message_id,
                Header.DIGEST.value: item.digest,
            },
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        for item in spool.documents(taken=None, limit=5000)[-limit:]
    ]
    await _publish(stage, agent, REPORT_EXCHANGE, report_key(agent), messages)
    players.ledger.copies += len(messages)
    return len(messages)


async def _publish(stage: Stage, agent: str, exchange: str, key: str, messages: Sequence[aio_pika.Message]) -> None:
    async with await aio_pika.connect(stage.broker_url(agent)) as connection:
        channel: AbstractChannel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        to = await channel.get_exchange(exchange, ensure=False)
        for message in messages:
            await to.publish(message, key, mandatory=True, timeout=CONFIRM)
