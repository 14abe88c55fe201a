"""Publishing with confirms, a channel per agent, so that nobody waits for another's inbox.

An inbox may be full (the broker refuses), missing (the broker returns), or silent: a quorum queue without a leader
confirms nothing, and a channel with too much unconfirmed in it stops the broker from reading the whole connection. So
each agent has a channel of its own with a bounded number of messages under way, nobody waits longer than `PATIENCE` for
stragglers, and who was silent is left alone for a while (`core/silence.py`).

What was published and is not confirmed yet is remembered: asked for again, it is not published twice while its confirm
can still come.

A call writes the frames of all its messages at once and waits once for all confirms; the connection is aiormq's.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import aiormq
import aiormq.abc
from aiormq.abc import ChannelFrame

from edxml_schemas.contract import DELIVER_EXCHANGE, deliver_key
from router.adapters import wire
from router.adapters.amqp_deliveries import LOST
from router.adapters.amqp_frames import content_frames, publish_frame
from router.adapters.amqp_taps import Arrived, Tap
from router.core.records import OutboxItem
from router.core.silence import Silences
from router.ports import Placement

PATIENCE: Final = 3.0  # seconds for the confirms of one call
OPENING: Final = 10.0  # seconds for a channel to open
FORGET: Final = 60.0  # seconds after which an unconfirmed message will not be confirmed any more
IDLE_LANES: Final = 256  # channels kept open; each costs the broker some 30 KB
UNDER_WAY: Final = 390
"""Most messages unconfirmed on one channel. RabbitMQ stops reading the connection at 400 when their queue is stuck."""
REMEMBERED: Final = 10_000  # items whose confirm may still come
WRITE_BYTES: Final = 2**18  # of frames handed to the socket at once

Connect = Callable[[Tap], Coroutine[Any, Any, aiormq.Channel]]
"""Opens a channel with confirms whose confirms go to the tap."""


class Slip:
    """One message under way. `place` is None until the broker has spoken."""

    __slots__ = ("message_id", "place", "sent_at", "waiting")

    def __init__(self, message_id: str, sent_at: float, waiting: "Waiting") -> None:
        self.message_id = message_id
        self.sent_at = sent_at
        self.waiting = waiting
        self.place: Placement | None = None

    def settle(self, place: Placement) -> None:
        if self.place is None:
            self.place = place
            self.waiting.one_less()


class Waiting:
    """What one call waits for."""

    __slots__ = ("_done", "_open")

    def __init__(self) -> None:
        self._open = 0
        self._done = asyncio.get_running_loop().create_future()

    def one_more(self) -> None:
        self._open += 1

    def one_less(self) -> None:
        self._open -= 1
        if not self._open and not self._done.done():
            self._done.set_result(None)

    async def patiently(self, seconds: float) -> None:
        if self._open:
            await asyncio.wait((self._done,), timeout=seconds)


class Lane:
    """One agent's channel: `Tap` of its confirms."""

    def __init__(self, agent: str, silences: Silences) -> None:
        self.agent = agent
        self.channel: aiormq.Channel | None = None
        self._silences = silences
        self._tag = 0
        self._open: dict[int, Slip] = {}
        self._returned: set[str] = set()
        self._methods: dict[str, bytes] = {}
        self._freed = asyncio.Event()

    def attach(self, channel: aiormq.Channel) -> None:
        self.channel = channel
        channel.closing.add_done_callback(lambda _: self.lost())

    @property
    def alive(self) -> bool:
        return self.channel is not None and not self.channel.is_closed

    @property
    def under_way(self) -> int:
        return len(self._open)

    @property
    def oldest(self) -> float:
        """When the oldest unconfirmed message was sent; there is one."""
        return next(iter(self._open.values())).sent_at

    def frames(self, parcel: wire.Parcel, slip: Slip, channel: aiormq.Channel) -> Sequence[bytes]:
        """Pieces of the frames of one message, which counts as under way from now on."""
        item = parcel.item
        key = deliver_key(item.agent, item.urgency)
        method = self._methods.get(key)
        if method is None:
            method = self._methods[key] = publish_frame(channel.number, DELIVER_EXCHANGE, key)
        pieces = content_frames(
            channel.number,
            message_id=item.id,
            message_type=item.type.value,
            headers=wire.headers_of(item),
            body=parcel.body,
            frame_max=channel.connection.connection_tune.frame_max,
        )
        written = [method, *pieces]
        self._tag += 1
        self._open[self._tag] = slip
        slip.waiting.one_more()
        return written

    async def room_for(self, count: int) -> None:
        """Until so many more may be sent."""
        while self._open and self.under_way + count > UNDER_WAY:
            self._freed.clear()
            await self._freed.wait()

    def delivered(self, message: Arrived) -> None:
        """Nobody consumes on this channel."""

    def returned(self, message_id: str) -> None:
        self._returned.add(message_id)

    def confirmed(self, tag: int, *, multiple: bool, positive: bool) -> None:
        tags = [tag]
        if multiple:
            tags = []
            for each in self._open:
                if each > tag:
                    break
                tags.append(each)
        for each in tags:
            slip = self._open.pop(each, None)
            if slip is not None:
                slip.settle(self._place_of(slip, positive=positive))
        self._silences.heard(self.agent)
        self._freed.set()

    def lost(self) -> None:
        """The channel is gone, and with it the confirms of what was under way."""
        slips, self._open = list(self._open.values()), {}
        for slip in slips:
            slip.settle(Placement.LOST)
        self._freed.set()

    def _place_of(self, slip: Slip, *, positive: bool) -> Placement:
        if slip.message_id in self._returned:
            self._returned.discard(slip.message_id)
            return Placement.NO_INBOX
        return Placement.CONFIRMED if positive else Placement.FULL


class Publishing:
    """All lanes of one connection."""

    def __init__(self, connect: Connect, *, silences: Silences, patience: float = PATIENCE) -> None:
        self._connect = connect
        self._silences = silences
        self._patience = patience
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._late: OrderedDict[str, Slip] = OrderedDict()
        self._writing = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        """Per item what became of it, after all confirms or `patience`. Raises what aiormq raises."""
        placed: list[Placement] = [Placement.SILENT] * len(items)
        fresh = [place for place in range(len(items)) if not self._known(items[place][0].id, place, placed)]
        if len(fresh) < len(items):
            parcels = [
                wire.Parcel(each.item, tuple(fresh[place] for place in each.places), each.body)
                for each in wire.parcels_of([items[place] for place in fresh])
            ]
        else:
            parcels = list(wire.parcels_of(items))
        waiting = Waiting()
        sent = await self._send(parcels, waiting)
        await waiting.patiently(self._patience)
        now = self._now()
        for parcel, slip in sent:
            if slip.place is None:
                self._silences.silent(parcel.item.agent, now=now)
                for place in parcel.places:
                    self._late[items[place][0].id] = slip
            for place in parcel.places:
                placed[place] = slip.place or Placement.SILENT
        while len(self._late) > REMEMBERED:
            self._late.popitem(last=False)
        self._close_idle()
        return placed

    # ── Below ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _known(self, item_id: str, place: int, placed: list[Placement]) -> bool:
        """Whether an item was published by a former call, and is in its queue or may still turn out to be."""
        slip = self._late.get(item_id) if self._late else None
        if slip is None:
            return False
        if slip.place is None and self._now() - slip.sent_at < FORGET:
            return True
        del self._late[item_id]
        if slip.place is not Placement.CONFIRMED:
            return False
        placed[place] = Placement.CONFIRMED
        return True

    async def _send(self, parcels: Sequence[wire.Parcel], waiting: Waiting) -> list[tuple[wire.Parcel, Slip]]:
        groups: dict[str, list[wire.Parcel]] = {}
        for parcel in parcels:
            groups.setdefault(parcel.item.agent, []).append(parcel)
        ready = [(lane, groups[lane.agent]) for lane in await self._lanes_of(list(groups))]
        full = [lane.room_for(len(own)) for lane, own in ready if len(own) + lane.under_way > UNDER_WAY]
        if full:
            await asyncio.wait([asyncio.ensure_future(each) for each in full], timeout=self._patience)
        sent: list[tuple[wire.Parcel, Slip]] = []
        try:
            async with asyncio.timeout(OPENING), self._writing:  # tags count what is written, in its order
                await self._write(ready, sent, waiting)
        except BaseException:
            for lane, _ in ready:
                self._end(lane)  # its tags and the broker's may differ now
            raise
        return sent

    async def _write(
        self,
        ready: Sequence[tuple[Lane, Sequence[wire.Parcel]]],
        sent: list[tuple[wire.Parcel, Slip]],
        waiting: Waiting,
    ) -> None:
        """To the connection's own queue of frames; one entry may hold those of several channels."""
        pieces: list[bytes] = []
        size, now = 0, self._now()
        queue = None
        for lane, own in ready:
            channel = lane.channel
            if channel is None or channel.is_closed:
                continue
            queue = channel.write_queue
            for parcel in own[: self._room(lane)]:
                slip = Slip(parcel.item.id, now, waiting)
                pieces += lane.frames(parcel, slip, channel)
                sent.append((parcel, slip))
                size += len(parcel.body)
                if size > WRITE_BYTES:
                    await queue.put(ChannelFrame(b"".join(pieces), should_close=False))
                    pieces, size = [], 0
        if pieces and queue is not None:
            await queue.put(ChannelFrame(b"".join(pieces), should_close=False))

    def _room(self, lane: Lane) -> int:
        """Messages that may be sent now. One that was silent is tried with a single one."""
        return 1 if self._silences.suspects(lane.agent) else max(0, UNDER_WAY - lane.under_way)

    async def _lanes_of(self, agents: Sequence[str]) -> Sequence[Lane]:
        """Open lanes of those that are not left alone."""
        now = self._now()
        wanted = [agent for agent in agents if not self._silences.leaves_out(agent, now=now)]
        missing = []
        for agent in wanted:
            lane = self._lanes.get(agent)
            if lane is not None and lane.under_way and now - lane.oldest > FORGET:
                self._end(lane)
                lane = None
            if lane is None or not lane.alive:
                missing.append(agent)
        if missing:
            async with asyncio.timeout(OPENING):
                await asyncio.gather(*(self._open(agent) for agent in missing))
        found = []
        for agent in wanted:
            lane = self._lanes[agent]
            self._lanes.move_to_end(agent)
            if not (self._silences.suspects(agent) and lane.under_way):
                found.append(lane)
        return found

    async def _open(self, agent: str) -> None:
        lane = Lane(agent, self._silences)
        lane.attach(await self._connect(lane))
        there = self._lanes.get(agent)
        if there is not None and there.alive:
            self._end(lane)  # another call was quicker
        else:
            self._lanes[agent] = lane

    def _close_idle(self) -> None:
        """The least recently used ones beyond so many."""
        if len(self._lanes) <= IDLE_LANES:
            return
        for agent, lane in list(self._lanes.items())[: len(self._lanes) - IDLE_LANES]:
            if not lane.under_way:
                del self._lanes[agent]
                self._end(lane)

    def _end(self, lane: Lane) -> None:
        """Closed beside the work: what is under way on it counts as lost at once."""
        if self._lanes.get(lane.agent) is lane:
            del self._lanes[lane.agent]
        lane.lost()
        channel = lane.channel
        if channel is None or channel.is_closed:
            return

        async def close() -> None:
            with contextlib.suppress(*LOST):
                await channel.close(timeout=OPENING)

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @staticmethod
    def _now() -> float:
        """Seconds of the loop's own clock, which does not jump."""
        return asyncio.get_running_loop().time()
