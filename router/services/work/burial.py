"""Takes dead letters from the broker's hands: bytes durable, one transaction, and only then the answer."""

from collections.abc import Awaitable, Callable, Sequence

from edxml_schemas.traces import submission_trace_id
from router.core.dead import DeadLetter
from router.logs import logger
from router.ports import Broker, BrokerUnavailable, Clock, DeadDelivery, Store, Transaction
from router.services.dead.dead_letters import DeadLetters, messages_of
from router.services.traces import traces_of
from router.services.work.retries import Patience


class Burial:
    """One per worker; runs at every upkeep look."""

    def __init__(
        self,
        letters: DeadLetters,
        *,
        store: Store,
        broker: Broker,
        clock: Clock,
        patiently: Patience,
        take: Callable[[], Awaitable[Sequence[DeadDelivery]]],
    ) -> None:
        self._letters = letters
        self._store = store
        self._broker = broker
        self._clock = clock
        self._patiently = patiently
        self._take = take
        self._log = logger("burial")

    async def run(self) -> None:
        """Everything that has arrived."""
        while arrived := await self._take():
            await self._bury(arrived)

    async def _bury(self, arrived: Sequence[DeadDelivery]) -> None:
        try:
            buried = await self._patiently(lambda: self._transact(arrived))
        except Exception:
            self._log.exception("burial-crashed", letters=[each.letter.id for each in arrived])
            if len(arrived) > 1:
                for each in arrived:
                    await self._bury([each])
            return  # unanswered: the broker hands it out again when this connection ends
        if buried is None:
            return
        try:
            await self._broker.ack(arrived)
        except BrokerUnavailable as problem:
            self._log.warning("answers-lost", count=len(arrived), reason=str(problem))
        for letter, trace in buried:
            self._log.warning(
                "dead-letter",
                trace_id=trace,
                letter=letter.id,
                kind=letter.kind.value,
                queue=letter.queue,
                reason=letter.reason,
            )

    def _transact(self, arrived: Sequence[DeadDelivery]) -> Sequence[tuple[DeadLetter, str]]:
        kept = self._letters.keep([(each.letter, each.body) for each in arrived])
        with self._store.begin() as tx:
            buried = self._letters.bury(tx, kept, now=self._clock.now())
            return [(each, _trace_of(tx, each)) for each in buried]


def _trace_of(tx: Transaction, letter: DeadLetter) -> str:
    """The trace id of what died: of the message that it belongs to, else of what names no document."""
    named = messages_of(tx, [letter])[letter.id]
    message = tx.messages([named]).get(named) if named else None
    if message is None:
        speaker = letter.user_id if letter.user_id is not None else letter.agent
        return submission_trace_id(speaker, letter.submission_id)
    return traces_of(tx, [message])[message.id]
