"""In-memory overlay peers and an origin that carry real bytes, for driving `TrackSwarm` without sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.events import SwarmEnd, SwarmEvent
from slskdn_tui.engine.swarm.plan.cost import Tunables
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.ports import ChunkReceiver, OriginEnd, OriginSink, OriginState, PeerLimits
from slskdn_tui.model.variant import LEAF, Variant

MBID = "00000000-0000-0000-0000-000000000000"


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def leaves_of(data: bytes) -> tuple[bytes, ...]:
    return tuple(leaf_digest(data[at : at + LEAF]) for at in range(0, len(data), LEAF))


def variant_of(data: bytes, **more: object) -> Variant:
    return Variant(variant_id("file", len(data), leaves_of(data)), "file", len(data), MBID, **more)  # type: ignore[arg-type]


class FakePeer:
    """Serves `data` (claimed to be `claims`) at `rate` bytes/s; `wrong` flips a byte in every leaf; `stop_after` bytes it goes silent."""

    def __init__(
        self,
        name: str,
        data: bytes,
        *,
        claims: bytes | None = None,
        rate: float = 50e6,
        rtt: float = 0.002,
        wrong: bool = False,
        stop_after: int | None = None,
    ) -> None:
        self.node_id = name * (64 // len(name))
        self.host = name  # a network of its own
        self.limits = PeerLimits()
        self.closed = False
        self.data = data
        self.claims = claims if claims is not None else data
        self.variant = variant_of(self.claims)
        self.sent = 0
        self.asked: list[tuple[int, int]] = []
        self.cancelled: list[str] = []
        self._rate, self._rtt, self._wrong, self._stop_after = rate, rtt, wrong, stop_after
        self._receivers: dict[str, ChunkReceiver] = {}
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._unwanted: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def holds(self, variant_id: str) -> bool:
        return True

    async def offers(self, recordings: Sequence[str]) -> tuple[Variant, ...]:
        return (self.variant,)

    async def digests(self, variant: Variant) -> tuple[bytes, ...]:
        await asyncio.sleep(self._rtt)
        return leaves_of(self.claims)

    def attach(self, variant_id: str, receiver: ChunkReceiver) -> None:
        self._receivers[variant_id] = receiver
        self._task = asyncio.ensure_future(self._serve(variant_id))

    def detach(self, variant_id: str) -> None:
        self._receivers.pop(variant_id, None)
        if self._task is not None:
            self._task.cancel()

    def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
        assert variant_id == self.variant.variant_id and offset % LEAF == 0 and length <= 16 * LEAF
        self.asked.append((offset, length))
        for at in range(offset, offset + length, LEAF):
            self._unwanted.discard(at)
            self._queue.put_nowait(at)

    def cancel(self, variant_id: str, offset: int | None = None, length: int | None = None, *, reason: str = "swarm_rebalanced") -> None:
        self.cancelled.append(reason)
        if offset is not None and length is not None:
            self._unwanted.update(range(offset, offset + length, LEAF))

    def lose(self) -> None:
        self.closed = True
        for receiver in list(self._receivers.values()):
            receiver.on_lost(self.node_id, "reset by peer")

    async def _serve(self, variant_id: str) -> None:
        await asyncio.sleep(self._rtt)
        while True:
            at = await self._queue.get()
            if at in self._unwanted:
                self._unwanted.discard(at)
                continue
            leaf = bytearray(self.data[at : at + LEAF])
            if self._stop_after is not None and self.sent + len(leaf) > self._stop_after:
                await asyncio.Event().wait()
            await asyncio.sleep(len(leaf) / self._rate)
            if self._wrong:
                leaf[len(leaf) // 2] ^= 0x55
            self.sent += len(leaf)
            if (receiver := self._receivers.get(variant_id)) is not None:
                receiver.on_leaves(self.node_id, [(at, memoryview(leaf))])


class FakeOrigin:
    """Sends `data` from the offset the sink asks for, `block` bytes a time at `rate`; `stall_at` bytes of the file it sends no more; `queued`: it never starts."""

    def __init__(
        self, username: str, data: bytes, *, rate: float = 20e6, block: int = 8192, stall_at: int | None = None, queued: bool = False
    ) -> None:
        self.username, self.path, self.size = username, f"@@x\\{username}.flac", len(data)
        self.data = data
        self.rates: list[int | None] = []
        self.started_at: list[int] = []
        self.sent = 0
        self.ended: tuple[OriginEnd, str] | None = None
        self.stalled = asyncio.Event()
        self.asked = asyncio.Event()
        self.ready = self.asked if stall_at is None else self.stalled
        self.go = asyncio.Event()
        if not queued:
            self.go.set()
        self._rate, self._block, self._stall_at = rate, block, stall_at
        self._moved = asyncio.Event()

    def go_on(self, stall_at: int) -> None:
        """Send up to there; it may have to be further than before."""
        self._stall_at = stall_at
        self._moved.set()
        self._moved = asyncio.Event()

    async def fetch(self, sink: OriginSink) -> tuple[OriginEnd, str]:
        try:
            self.ended = await self._fetch(sink)
        except asyncio.CancelledError:
            self.ended = (OriginEnd.LOST, "cancelled")
            raise
        return self.ended

    async def _fetch(self, sink: OriginSink) -> tuple[OriginEnd, str]:
        sink.status(OriginState.QUEUED, 3)
        self.asked.set()
        await self.go.wait()
        try:
            at = sink.start(self.size)
        except ValueError as error:
            return OriginEnd.MISMATCH, str(error)
        self.started_at.append(at)
        sink.status(OriginState.ACTIVE)
        while at < self.size:
            while self._stall_at is not None and at >= self._stall_at:
                self.stalled.set()
                await self._moved.wait()
            block = self.data[at : at + self._block]
            await asyncio.sleep(len(block) / self._rate)
            self.sent += len(block)
            at += len(block)
            if not await sink.write(block):
                return OriginEnd.ENOUGH, ""
        return OriginEnd.COMPLETE, ""

    def set_rate(self, bytes_per_s: int | None) -> None:
        self.rates.append(bytes_per_s)


class World:
    """A part file in `folder` and a swarm over it; `events` are all that was told."""

    def __init__(
        self, folder: object, size: int, *, store: MemoryPartStore | None = None, clock: Clock | None = None, **settings: object
    ) -> None:
        self.path = f"{folder}/track.part"
        self.size = size
        self.store = store or MemoryPartStore()
        self.clock = clock or SystemClock()
        self.supervisor = Supervisor(self.clock, lambda part, error: self.failures.append(error))
        self.events: list[SwarmEvent] = []
        self.outcomes: list[tuple[str, str]] = []
        self.failures: list[BaseException] = []
        self.settings = settings
        self.swarm: TrackSwarm

    async def open(self) -> TrackSwarm:
        part = await PartFile.open(self.path, self.size, "job/1", self.store, self.clock)
        known: dict[str, object] = {"tunables": Tunables(), "rescue": RescueThresholds(), "reputation": lambda node: 1.0}
        known.update(self.settings)
        self.swarm = TrackSwarm(
            part,
            clock=self.clock,
            supervisor=self.supervisor,
            observe=self.events.append,
            on_outcome=lambda node, outcome: self.outcomes.append((node, outcome.name)),
            **known,  # type: ignore[arg-type]
        )
        return self.swarm

    def told(self, kind: str, result: str | None = None) -> list[SwarmEvent]:
        return [event for event in self.events if event.kind == kind and (result is None or event.result == result)]

    def bytes(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()


@asynccontextmanager
async def running(world: World, origin: FakeOrigin) -> AsyncIterator[tuple[TrackSwarm, asyncio.Task[SwarmEnd]]]:
    """A swarm with this origin, under way: it has come as far as the origin gets, or waits in its queue. Stopped at the end."""
    swarm = await world.open()
    swarm.use_origin(origin)
    run = asyncio.ensure_future(swarm.run())
    await origin.ready.wait()
    try:
        yield swarm, run
    finally:
        await swarm.stop()
