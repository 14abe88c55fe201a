"""The yardstick: one process, aio-pika, uvloop; consume, publish with confirm, ack. No XML, no database, no checks.

python -m tests.benchmarks.raw_relay URL SOURCE_QUEUE EXCHANGE ROUTING_KEY
"""

import asyncio
import sys

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

WINDOW = 200  # deliveries in the relay's hands; above 50 more makes no difference


async def relay(url: str, source: str, exchange_name: str, routing_key: str) -> None:
    """Relay until killed: every delivery is acknowledged only after the broker confirmed its copy."""
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    await channel.set_qos(prefetch_count=WINDOW)
    exchange = await channel.get_exchange(exchange_name, ensure=False)
    queue = await channel.get_queue(source, ensure=False)

    async def pass_on(message: AbstractIncomingMessage) -> None:
        copy = aio_pika.Message(
            message.body,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message.message_id,
            headers=message.headers,
        )
        await exchange.publish(copy, routing_key, mandatory=True)
        await message.ack()

    await queue.consume(pass_on)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(relay(*sys.argv[1:5]))
