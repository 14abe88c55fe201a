"""What stands on the broker, and who may do what there: made from the wire contract, in one place.

Two ways to the same topology: `definitions` is the JSON that an administrator imports once (users, rights, exchanges,
queues, bindings; `rabbitmqctl import_definitions`, or `load_definitions` in rabbitmq.conf), and `declare` is what the
hub does with its own rights at every start, so that a queue somebody deleted is there again.

Rights: an agent configures nothing, writes to the submit and report exchanges under its own routing keys only (topic
permissions), and reads its own two inboxes. The hub owns everything called `edxml.…` and nothing else.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

from edxml_schemas.contract import (
    AGENT_NAME,
    DEAD_ARGUMENTS,
    DEAD_EXCHANGE,
    DEAD_QUEUE,
    DELIVER_EXCHANGE,
    QUORUM_ARGUMENTS,
    REPORT_EXCHANGE,
    REPORT_QUEUE,
    SUBMIT_EXCHANGE,
    Urgency,
    deliver_key,
    inbox_queue,
    ingest_queue,
)

HUB_USER: Final = "hub"
OWN_NAMES: Final = r"^edxml\."
NOTHING: Final = "^$"

EXCHANGES: Final[Mapping[str, str]] = {
    SUBMIT_EXCHANGE: "topic",
    DELIVER_EXCHANGE: "direct",
    REPORT_EXCHANGE: "topic",
    DEAD_EXCHANGE: "fanout",
}

Binding = tuple[str, str, str]
"""Exchange, queue, routing key."""


def password_hash(password: str, *, salt: bytes | None = None) -> str:
    """RabbitMQ's salted SHA-256 of a password (`rabbit_password_hashing_sha256`): the broker never sees the text."""
    grain = secrets.token_bytes(4) if salt is None else salt
    return base64.b64encode(grain + hashlib.sha256(grain + password.encode()).digest()).decode("ascii")


def queues(agents: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
    """Every queue with its arguments."""
    found: dict[str, Mapping[str, object]] = {DEAD_QUEUE: DEAD_ARGUMENTS, REPORT_QUEUE: QUORUM_ARGUMENTS}
    for urgency in Urgency:
        found[ingest_queue(urgency)] = QUORUM_ARGUMENTS
        for agent in agents:
            found[inbox_queue(agent, urgency)] = QUORUM_ARGUMENTS
    return found


def bindings(agents: Iterable[str]) -> tuple[Binding, ...]:
    """Every binding, as exchange, queue, routing key."""
    return (
        (DEAD_EXCHANGE, DEAD_QUEUE, ""),
        (REPORT_EXCHANGE, REPORT_QUEUE, "#"),
        *((SUBMIT_EXCHANGE, ingest_queue(urgency), f"{urgency.value}.*") for urgency in Urgency),
        *(
            (DELIVER_EXCHANGE, inbox_queue(agent, urgency), deliver_key(agent, urgency))
            for agent in agents
            for urgency in Urgency
        ),
    )


def definitions(
    *, hub_password: str, agent_passwords: Mapping[str, str], vhost: str = "/", hub_user: str = HUB_USER
) -> dict[str, object]:
    """RabbitMQ's definitions document. Raises ValueError for an agent name that the contract does not allow."""
    agents = sorted(agent_passwords)
    for agent in agents:
        if not AGENT_NAME.fullmatch(agent) or agent == hub_user:
            raise ValueError(f"not an agent's name: {agent!r}")
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            _user(hub_user, hub_password),
            *(_user(agent, agent_passwords[agent]) for agent in agents),
        ],
        "permissions": [
            _permission(hub_user, vhost, configure=OWN_NAMES, write=OWN_NAMES, read=OWN_NAMES),
            *(
                _permission(
                    agent,
                    vhost,
                    configure=NOTHING,
                    write=r"^edxml\.(submit|report)$",
                    read=rf"^edxml\.inbox\.{agent}\.(urgent|normal)$",
                )
                for agent in agents
            ),
        ],
        "topic_permissions": [
            right
            for agent in agents
            for right in (
                _topic_permission(agent, vhost, SUBMIT_EXCHANGE, rf"^(urgent|normal)\.{agent}$"),
                _topic_permission(agent, vhost, REPORT_EXCHANGE, rf"^{agent}$"),
            )
        ],
        "exchanges": [
            {"name": name, "vhost": vhost, "type": kind, "durable": True, "auto_delete": False, "arguments": {}}
            for name, kind in EXCHANGES.items()
        ],
        "queues": [
            {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": dict(arguments)}
            for name, arguments in queues(agents).items()
        ],
        "bindings": [
            {
                "source": exchange,
                "vhost": vhost,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for exchange, queue, key in bindings(agents)
        ],
    }


async def declare(channel: AbstractChannel) -> None:
    """Exchanges, ingest, report and dead-letter queues. Inboxes are `declare_inboxes`."""
    for name, kind in EXCHANGES.items():
        await channel.declare_exchange(name, ExchangeType(kind), durable=True)
    await _declare_queues(channel, queues(()), bindings(()))


async def declare_inboxes(channel: AbstractChannel, agents: Iterable[str]) -> None:
    """Both inboxes of every agent, bound to the deliver exchange."""
    names = tuple(agents)
    shared = queues(())
    own = {name: arguments for name, arguments in queues(names).items() if name not in shared}
    await _declare_queues(channel, own, tuple(each for each in bindings(names) if each[1] in own))


async def _declare_queues(
    channel: AbstractChannel, wanted: Mapping[str, Mapping[str, object]], bound: Iterable[Binding]
) -> None:
    amqp = await channel.get_underlay_channel()
    for name, arguments in wanted.items():
        await amqp.queue_declare(name, durable=True, arguments={**arguments})  # type: ignore[dict-item]  # our values are text and numbers, pamqp's field-value type lists what an AMQP table may hold
    for exchange, queue, key in bound:
        await amqp.queue_bind(queue, exchange, key)


def _user(name: str, password: str) -> dict[str, object]:
    return {
        "name": name,
        "password_hash": password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }


def _permission(user: str, vhost: str, *, configure: str, write: str, read: str) -> dict[str, object]:
    return {"user": user, "vhost": vhost, "configure": configure, "write": write, "read": read}


def _topic_permission(user: str, vhost: str, exchange: str, write: str) -> dict[str, object]:
    return {"user": user, "vhost": vhost, "exchange": exchange, "write": write, "read": NOTHING}
