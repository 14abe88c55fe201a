"""Dying between any two steps: every effect of a worker or an agent is a step, and at the chosen one it is killed.

`Life` counts. What is wrapped here asks it before and after every effect; from the fatal step on every effect raises
`Killed`, which nothing in the product catches: a dead process does nothing more. An open transaction rolls back then,
as a database does when its client is gone, and what was not acknowledged is for the broker to hand out again.
"""

import threading
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from itertools import groupby
from typing import Any, cast

from edxml_schemas.contract import Urgency
from router.core.records import OutboxItem
from router.ports import Broker, Payloads, Store


class Killed(BaseException):
    """The process is gone."""


Point = tuple[str, int]
"""A step by its name, and which of that name, from 1."""


class Life:
    """Ends at the step `last`, never when it is None. Safe for several threads."""

    def __init__(self, last: Point | None = None) -> None:
        self._last = last
        self._lock = threading.Lock()
        self.dead = False
        self.seen: Counter[str] = Counter()

    def step(self, name: str) -> None:
        """Raises Killed here, and from here on."""
        with self._lock:
            if not self.dead:
                self.seen[name] += 1
                self.dead = (name, self.seen[name]) == self._last
            if self.dead:
                raise Killed(name)

    def points(self, *, most: int | None = None) -> list[Point]:
        """Every step that was taken; of those of one name at most so many."""
        return [
            (name, number)
            for name, count in self.seen.items()
            for number in range(1, (count if most is None else min(count, most)) + 1)
        ]


class _Stepping:
    """Hands everything on to `inner`. A call is a step, and its return another one when it leaves something behind."""

    def __init__(self, inner: Any, life: Life, name: str, *, lasting: bool = True) -> None:
        self._inner = inner
        self._life = life
        self._name = name
        self._lasting = lasting

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value
        step, life = f"{self._name}.{name}", self._life
        if iscoroutinefunction(value):

            @wraps(value)
            async def later(*arguments: Any, **named: Any) -> Any:
                life.step(step)
                result = await value(*arguments, **named)
                life.step(f"{step}!")
                return result

            return later

        @wraps(value)
        def now(*arguments: Any, **named: Any) -> Any:
            life.step(step)
            result = value(*arguments, **named)
            if self._lasting:
                life.step(f"{step}!")
            return result

        return now


class _MortalTransaction(_Stepping):
    """Changes of one kind are a step. Killed between two of them, none of them is there."""

    def apply(self, changes: Iterable[Any]) -> None:
        for kind, some in groupby(changes, key=type):
            self._life.step(f"tx.apply {kind.__name__}")
            self._inner.apply(list(some))


class _MortalStore(_Stepping):
    @contextmanager
    def begin(self) -> Iterator[Any]:
        self._life.step("store.begin")
        with self._inner.begin() as transaction:
            yield _MortalTransaction(transaction, self._life, "tx", lasting=False)
            self._life.step("store.commit")
        self._life.step("store.commit!")


class _MortalBroker(_Stepping):
    """Messages are published, and acknowledged, one by one."""

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> list[Any]:
        results: list[Any] = []
        for pair in items:
            self._life.step(f"broker.publish {pair[0].kind.value}")
            results += await self._inner.publish([pair])
        self._life.step("broker.publish!")
        return results

    async def ack(self, deliveries: Sequence[Any]) -> None:
        for delivery in deliveries:
            self._life.step("broker.ack")
            await self._inner.ack([delivery])
        self._life.step("broker.ack!")

    async def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncGenerator[Any, None]:
        async with aclosing(self._inner.submissions(urgency, prefetch=prefetch)) as arriving:
            async for delivery in arriving:
                self._life.step("broker.take submission")
                yield delivery

    async def reports(self, *, prefetch: int) -> AsyncGenerator[Any, None]:
        async with aclosing(self._inner.reports(prefetch=prefetch)) as arriving:
            async for delivery in arriving:
                self._life.step("broker.take report")
                yield delivery

    def dead_letters(self, *, prefetch: int) -> AsyncGenerator[Any, None]:
        return cast("AsyncGenerator[Any, None]", self._inner.dead_letters(prefetch=prefetch))


def mortal_store(store: Store, life: Life) -> Store:
    return cast("Store", _MortalStore(store, life, "store"))


def mortal_broker(broker: Broker, life: Life) -> Broker:
    return cast("Broker", _MortalBroker(broker, life, "broker"))


def mortal_payloads(payloads: Payloads, life: Life) -> Payloads:
    return cast("Payloads", _Stepping(payloads, life, "payloads"))
