"""The broker: can it be reached, does the topology stand as the contract says, are the hub's rights just enough?"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection

from edxml_schemas.contract import DEAD_QUEUE
from router.adapters import topology
from router.adapters.amqp import AmqpBroker
from router.adapters.amqp_deliveries import LOST
from router.doctor.diagnosis import Diagnosis, bad, good, mended, warning
from router.errors import redacted
from router.ports import BrokerUnavailable
from router.settings import Settings

PART: Final = "broker"
TIMEOUT: Final = 10.0  # seconds for one question


async def look(settings: Settings, broker: AmqpBroker, agents: Iterable[str], *, repair: bool) -> list[Diagnosis]:
    """Asks with the hub's own user; changes nothing unless `repair`, which declares what is missing."""
    url = redacted(settings.amqp_url)
    try:
        connection = await aio_pika.connect(settings.amqp_url, timeout=TIMEOUT)
    except LOST as problem:
        return [
            bad(
                PART,
                f"Không nối được RabbitMQ {url}: {type(problem).__name__}",
                f"Cannot connect to RabbitMQ {url}: {type(problem).__name__}",
                remedy_vi="kiểm tra RabbitMQ có chạy không, và amqp_url (người dùng, mật khẩu, cổng)",
                remedy_en="check that RabbitMQ is running, and amqp_url (user, password, port)",
            )
        ]
    async with connection:
        names = sorted(agents)
        found = await _queues(connection, broker, names, repair=repair)
        found += await _rights(connection)
        found += await _dead(connection)
    return found or [
        good(PART, f"RabbitMQ {url}: đủ hàng đợi, quyền vừa đủ", f"RabbitMQ {url}: all queues, right rights")
    ]


async def _queues(
    connection: AbstractConnection, broker: AmqpBroker, agents: list[str], *, repair: bool
) -> list[Diagnosis]:
    missing = [name for name in topology.queues(agents) if await _fault_of(connection, name) is not None]
    if missing and repair:
        try:
            await broker.ping()  # connecting declares the shared topology
            await broker.ensure_inboxes(agents)
        except BrokerUnavailable as problem:
            return [bad(PART, f"Không tạo được hàng đợi: {problem}", f"Cannot declare queues: {problem}")]
        return [mended(PART, f"Đã tạo lại hàng đợi: {_some(missing)}", f"Declared queues: {_some(missing)}")]
    if missing:
        return [
            bad(
                PART,
                f"Thiếu hàng đợi: {_some(missing)}",
                f"Missing queues: {_some(missing)}",
                remedy_vi="chạy truc doctor --repair (truc run cũng tự tạo)",
                remedy_en="run truc doctor --repair (truc run declares them, too)",
                repairable=True,
            )
        ]
    return await _arguments(connection, topology.queues(agents))


async def _fault_of(connection: AbstractConnection, queue: str) -> str | None:
    """Why a queue cannot be looked at; None when it is there."""
    channel = await connection.channel()
    try:
        amqp = await channel.get_underlay_channel()
        await amqp.queue_declare(queue, passive=True, timeout=TIMEOUT)
    except aiormq.ChannelNotFoundEntity as problem:
        return str(problem)
    except LOST as problem:
        return f"{type(problem).__name__}"
    else:
        await channel.close()
        return None


async def _arguments(connection: AbstractConnection, wanted: Mapping[str, Mapping[str, object]]) -> list[Diagnosis]:
    """A queue that stands with other arguments refuses to be declared with ours."""
    other = []
    for name, arguments in wanted.items():
        channel = await connection.channel()
        try:
            amqp = await channel.get_underlay_channel()
            await amqp.queue_declare(name, durable=True, arguments={**arguments}, timeout=TIMEOUT)  # type: ignore[dict-item]  # text and numbers, which an AMQP table may hold
        except aiormq.ChannelPreconditionFailed:
            other.append(name)
        except LOST:
            return [bad(PART, f"Không xem được hàng đợi {name}", f"Cannot look at the queue {name}")]
        else:
            await channel.close()
    if not other:
        return []
    return [
        bad(
            PART,
            f"Hàng đợi được tạo với tham số khác: {_some(other)}",
            f"Queues stand with other arguments than the contract's: {_some(other)}",
            remedy_vi="chuyển hết thông điệp, xóa các hàng đợi ấy rồi chạy truc doctor --repair",
            remedy_en="empty and delete these queues, then run truc doctor --repair",
        )
    ]


async def _rights(connection: AbstractConnection) -> list[Diagnosis]:
    """The hub's user needs `edxml.…` and nothing else."""
    foreign = f"truc-doctor-{uuid.uuid4().hex}"
    channel = await connection.channel()
    try:
        amqp = await channel.get_underlay_channel()
        await amqp.queue_declare(foreign, exclusive=True, auto_delete=True, timeout=TIMEOUT)
    except aiormq.ChannelAccessRefused:
        return []
    except LOST as problem:
        return [warning(PART, f"Không thử được quyền: {problem}", f"Could not try the rights: {problem}")]
    await amqp.queue_delete(foreign, timeout=TIMEOUT)
    await channel.close()
    return [
        warning(
            PART,
            "Người dùng của trục có nhiều quyền hơn cần thiết trên RabbitMQ",
            "The hub's user has more rights on RabbitMQ than it needs",
            remedy_vi="đặt quyền ^edxml\\. cho configure, write, read (truc broker definitions ghi sẵn)",
            remedy_en="set its rights to ^edxml\\. for configure, write and read (truc broker definitions writes them)",
        )
    ]


async def _dead(connection: AbstractConnection) -> list[Diagnosis]:
    channel = await connection.channel()
    try:
        amqp = await channel.get_underlay_channel()
        stated = await amqp.queue_declare(DEAD_QUEUE, passive=True, timeout=TIMEOUT)
    except LOST:
        return []  # named among the missing queues
    await channel.close()
    if not stated.message_count:
        return []
    return [
        warning(
            PART,
            f"{stated.message_count} thông điệp chết chưa được trục nhận về",
            f"{stated.message_count} dead letters that no worker has taken in yet",
            remedy_vi="chạy truc run rồi xem truc dead list",
            remedy_en="run truc run, then look at truc dead list",
        )
    ]


def _some(names: list[str], most: int = 5) -> str:
    more = f" … (+{len(names) - most})" if len(names) > most else ""
    return ", ".join(names[:most]) + more
