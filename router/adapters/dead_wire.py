"""What a dead letter says of itself. RabbitMQ writes where, why and when into the header `x-death`, newest death first.

Reading never fails: what is not there or not readable is left empty, and the letter is kept all the same.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from edxml_schemas.contract import (
    AGENT_NAME,
    DEAD_QUEUE,
    DELIVERY_LIMIT,
    REPORT_QUEUE,
    Header,
    Urgency,
    agent_of_key,
    inbox_queue,
    ingest_queue,
)
from edxml_schemas.vouched import VOUCHED_CHARS
from router.adapters.wire import LEG_ID
from router.core.dead import DeadKind, DeadLetter
from router.core.ids import dead_letter_id_of
from router.core.submissions import submission_of, text_of

TEXT_CHARS: Final = 200
"""Of one name or value; longer ones are cut."""
PROPERTIES: Final = 40
"""Headers that are kept."""
DEATHS: Final = "x-death"
DELIVERY_LIMIT_REASON: Final = "delivery_limit"
INGEST_QUEUES: Final = {ingest_queue(each): each for each in Urgency}
INBOX_KEYS: Final = {f".{each.value}": each for each in Urgency}


def letter_of(
    *,
    routing_key: str,
    message_id: str | None,
    message_type: str | None,
    user_id: str | None,
    headers: Mapping[str, object],
    body: bytes,
    now: datetime,
) -> DeadLetter:
    """The letter without a reference to its bytes. `now` stands for the time of death when none can be read."""
    death = _last_death(headers)
    queue = _text(death.get("queue"))
    reason = _text(death.get("reason"))
    kind, agent, urgency = _route(queue, routing_key)
    digest = hashlib.sha256(body).hexdigest()
    leg_id = _text(headers.get(Header.LEG.value))
    submission = submission_of(
        routing_key=routing_key,
        submission_id=message_id,
        message_type=message_type,
        user_id=user_id,
        headers=headers,
        body=body,
        redelivered=True,
        received_at=now,
    )
    told = {
        "message_id": _text(message_id),
        "type": _text(message_type),
        "user_id": _text(user_id),
        **{_text(name): _shown(value) for name, value in list(headers.items())[:PROPERTIES] if name != DEATHS},
        **_note(headers),
    }
    return DeadLetter(
        id=dead_letter_id_of(queue, "\n".join((routing_key, _text(message_id), leg_id, digest))),
        kind=kind,
        queue=queue or DEAD_QUEUE,
        reason=reason,
        routing_key=_text(routing_key),
        agent=agent,
        user_id=None if user_id is None else _text(user_id),
        submission_id=submission.submission_id if submission is not None and kind is DeadKind.SUBMISSION else "",
        leg_id=leg_id if LEG_ID.fullmatch(leg_id) else "",
        type=_text(message_type),
        urgency=urgency,
        digest=digest,
        size=len(body),
        properties={name: value for name, value in told.items() if value},
        attempts=DELIVERY_LIMIT + 1 if reason == DELIVERY_LIMIT_REASON else 1,
        deaths=max(1, _number(death.get("count"))),
        died_at=_moment(death.get("time")) or now,
    )


def _route(queue: str, routing_key: str) -> tuple[DeadKind, str, Urgency]:
    """What it was, whose, and in which lane."""
    if queue in INGEST_QUEUES:
        agent = agent_of_key(routing_key)
        return (DeadKind.SUBMISSION if agent else DeadKind.UNREADABLE), agent, INGEST_QUEUES[queue]
    if queue == REPORT_QUEUE:
        return DeadKind.REPORT, routing_key if AGENT_NAME.fullmatch(routing_key) else "", Urgency.NORMAL
    for ending, urgency in INBOX_KEYS.items():
        agent = routing_key.removesuffix(ending)
        if routing_key.endswith(ending) and AGENT_NAME.fullmatch(agent) and queue == inbox_queue(agent, urgency):
            return DeadKind.DELIVERY, agent, urgency
    return DeadKind.UNREADABLE, "", Urgency.NORMAL


def _last_death(headers: Mapping[str, object]) -> Mapping[str, object]:
    deaths = headers.get(DEATHS)
    if not isinstance(deaths, list):
        return {}
    return next((each for each in deaths if isinstance(each, dict)), {})


def _moment(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _note(headers: Mapping[str, object]) -> dict[str, str]:
    """Who vouched, uncut: what is sent back has to say it as it said it before."""
    name = Header.VOUCHED.value
    note = text_of(headers.get(name))
    return {name: _without_nul(note[: VOUCHED_CHARS + 1])} if note else {}


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value
    return _clean(text) if isinstance(text, str) else ""


def _shown(value: object) -> str:
    return _text(value) if isinstance(value, str | bytes | bytearray) else _clean(repr(value))


def _clean(text: str) -> str:
    return _without_nul(text[:TEXT_CHARS])


def _without_nul(text: str) -> str:
    """No database takes it."""
    return text.replace("\x00", "�")
