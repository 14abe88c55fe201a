"""What a worker takes in goes on coming, whatever ends a consumer."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from edxml_schemas.contract import Urgency
from router.adapters.memory_broker import MemoryBroker, MemorySubmission
from router.ports import BrokerUnavailable
from router.services.work.intake import Intake
from tests.support.agency import Fixed
from tests.support.envelopes import a_document
from tests.support.hub_desk import AGENTS, Desk
from tests.support.waiting import until


class Stumbling(MemoryBroker):
    """Its first consumer of every lane ends with `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(clock=Fixed(), agents=set(AGENTS.values()))
        self._error = error
        self._stumbled: set[Urgency] = set()

    async def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncGenerator[MemorySubmission, None]:
        if urgency not in self._stumbled:
            self._stumbled.add(urgency)
            raise self._error
        async for each in super().submissions(urgency, prefetch=prefetch):
            yield each


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), AttributeError("a mistake below"), StopAsyncIteration()])
async def test_a_lane_comes_back_after_its_consumer_ended(error: Exception) -> None:
    broker = Stumbling(error)
    sent = Desk().submission(a_document())
    await broker.submit(
        sent.agent,
        user_id=sent.agent,
        message_id=sent.submission_id,
        type=sent.type.value,
        urgency=sent.urgency.value,
        headers={},
        body=sent.body or b"",
    )
    intake = Intake(broker, prefetch=10, stopping=asyncio.Event())
    intake.start()
    try:

        async def there() -> bool:
            return intake.submissions_waiting

        await until(there)
    finally:
        await intake.stop()
