"""Many downloaders at once behind shared uplinks, on one virtual clock: a Soulseek uploader with slots and a queue, and mesh nodes that serve everybody.

Each downloader is a `Sim`: the real scheduler and piece map. A node's uplink is shared as the upload desk shares it: the real token bucket and fair
queue, a slot a downloader (a quarter is kept for nodes known to be good, and here all are strangers). A rescued origin is held at `share` of the
downloader's whole rate, as `TrackSwarm` holds it. Soulseek's queue is first come, first served.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sim import START, Sim, SimOrigin, SimPeer

from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.peers.bandwidth import Limiter, Shares, TokenBucket
from slskdn_tui.engine.peers.metrics import RateWindow
from slskdn_tui.engine.swarm.piecemap import DONE
from slskdn_tui.engine.swarm.track import ORIGIN_FLOOR
from slskdn_tui.model.variant import LEAF

BLOCK = 16_384
BUFFERED = 262_144
"""Bytes of a Soulseek stream that both ends' buffers take while the reader is held back."""
Event = tuple[float, int, object, Callable[..., None], tuple[object, ...]]


@dataclass
class Clock:
    """The one heap of events all take part in."""

    now: float = START
    heap: list[Event] = field(default_factory=list)
    count: int = 0

    def at(self, when: float, who: object, what: Callable[..., None], *args: object) -> None:
        if when < math.inf:
            self.count += 1
            heapq.heappush(self.heap, (when, self.count, who, what, args))


class Node:
    """A mesh node that serves: `rate` bytes/s in all, `slots` downloaders at once."""

    def __init__(self, clock: Clock, name: str, rate: float, slots: int) -> None:
        self.clock, self.name, self.rate = clock, name, rate
        self.sent = 0
        self._free = slots - slots // 4
        self._held: dict[Swarm, float] = {}
        self._bucket = TokenBucket(rate, rate * Limiter.BURST_S, clock.now)
        self._shares = Shares()
        self._waiting: list[tuple[tuple[float, int], Swarm]] = []
        self._queued: set[Swarm] = set()
        self._busy = False

    def takes(self, swarm: Swarm) -> bool:
        """Has a slot, or gets one."""
        if swarm not in self._held and len(self._held) >= self._free:
            for other in [
                one for one, since in self._held.items() if self._idle(one) and self.clock.now - since > MeshLimits().slot_idle_s
            ]:
                del self._held[other]
        if swarm not in self._held and len(self._held) >= self._free:
            return False
        self._held[swarm] = self.clock.now
        return True

    def _idle(self, swarm: Swarm) -> bool:
        return not swarm.peers[self.name].queue

    def leaves(self, swarm: Swarm) -> None:
        self._held.pop(swarm, None)

    def wake(self, swarm: Swarm) -> None:
        """Something is in its queue."""
        if swarm not in self._queued:
            self._queued.add(swarm)
            heapq.heappush(self._waiting, (self._shares.ticket(swarm), swarm))
        if not self._busy:
            self._busy = True
            self.clock.at(self.clock.now + self._bucket.wait(1.0, self.clock.now), self, self._serve)

    def _serve(self) -> None:
        self._busy = False
        while self._waiting:
            _, swarm = heapq.heappop(self._waiting)
            self._queued.discard(swarm)
            peer = swarm.peers[self.name]
            if not peer.queue or swarm.finished is not None:
                continue
            leaf, _ = peer.queue.popleft()
            size = swarm.pieces.length(leaf)
            self._held[swarm] = self.clock.now
            self._bucket.debit(size, self.clock.now)
            self._shares.spend(swarm, size)
            self.sent += size
            self.clock.at(self.clock.now, swarm, swarm._leaf, peer, peer.session, leaf, size)
            if peer.queue:
                self.wake(swarm)
            break
        if self._waiting and not self._busy:
            self._busy = True
            self.clock.at(self.clock.now + self._bucket.wait(1.0, self.clock.now), self, self._serve)


class Uploader:
    """A Soulseek user: `slots` files at once, each at `rate` bytes/s; whoever waits is served in order."""

    def __init__(self, clock: Clock, slots: int, rate: float) -> None:
        self.clock, self.slots, self.rate = clock, slots, rate
        self.sent = 0
        self._queue: deque[Download] = deque()
        self._active: set[Download] = set()

    def ask(self, who: Download) -> None:
        self._queue.append(who)
        self._next()

    def leave(self, who: Download) -> None:
        """Has what it wanted."""
        if who in self._queue:
            self._queue.remove(who)
        self._active.discard(who)
        self._next()

    def _next(self) -> None:
        while self._queue and len(self._active) < self.slots:
            who = self._queue.popleft()
            self._active.add(who)
            who.begins(self)


class Download:
    """Who asks an uploader."""

    finished: float | None = None

    def begins(self, uploader: Uploader) -> None:
        raise NotImplementedError


class Plain(Download):
    """The whole file from Soulseek, and nothing else."""

    def __init__(self, clock: Clock, size: int) -> None:
        self.clock, self.size = clock, size

    def begins(self, uploader: Uploader) -> None:
        self.clock.at(self.clock.now + self.size / uploader.rate, self, self._done, uploader)

    def _done(self, uploader: Uploader) -> None:
        uploader.sent += self.size
        self.finished = self.clock.now - START
        uploader.leave(self)


class Swarm(Sim, Download):
    """One downloader of the mesh: it waits in the uploader's queue and is served by all nodes meanwhile."""

    def __init__(self, clock: Clock, size: int, nodes: list[Node], rtt: float, share: float, begin: float, seed: int) -> None:
        super().__init__(size, [SimPeer(node.name, node.rate, rtt, sorts=True, join=START + begin) for node in nodes], seed)
        self.clock, self.share, self.begin = clock, share, begin
        self.nodes = {node.name: node for node in nodes}
        self.by_mesh = RateWindow(START, 3.0)
        self.uploader: Uploader | None = None
        self._read = 0
        self._began = math.inf
        for peer in self.peers.values():
            self._at(peer.join, self._come, peer)
        self._at(START + begin, self._tick)

    def _at(self, when: float, what: Callable[..., None], *args: object) -> None:
        self.clock.at(when, self, what, *args)

    def turn(self) -> None:
        """What is asked once all that came at this moment was taken in."""
        if self._hungry:
            self._feed()

    def _asked(self, peer: SimPeer, session: int, first: int, count: int, priority: int) -> None:
        if session == peer.session and peer.present and not self.nodes[peer.name].takes(self):
            self._refused(peer, session, first, count, "rate_limited")
            return
        super()._asked(peer, session, first, count, priority)

    def _send(self, peer: SimPeer) -> None:
        if peer.queue:
            self.nodes[peer.name].wake(self)

    def _leaf(self, peer: SimPeer, session: int, leaf: int, size: int) -> None:
        self.by_mesh.add(self.now, size)
        super()._leaf(peer, session, leaf, size)
        self._look()

    def _look(self) -> None:
        if self.finished is None and self.pieces.complete:
            self.finished = self.now - START
            for node in self.nodes.values():
                node.leaves(self)
            self._close()

    def _close(self) -> None:
        """The file is whole, or the stream has ended, or the place in the queue is given back. What was not read yet lies in the sockets' buffers: it was sent, too."""
        assert self.uploader is not None
        sendable = self.uploader.rate * (self.now - self._began) - self._read if self._began < self.now else 0.0
        self.uploader.sent += int(max(0.0, min(BUFFERED, sendable, self.pieces.size - self._position)))
        self._began = math.inf
        self.uploader.leave(self)

    def begins(self, uploader: Uploader) -> None:
        """Its place came up: the stream goes on from the first byte that is missing, capped."""
        self.now = self.clock.now
        self._position = next((leaf for leaf in range(self.pieces.leaves) if self.pieces.status[leaf] != DONE), 0) * LEAF
        self._began = self.now
        self.origin = SimOrigin(uploader.rate)
        self.pieces.stream = self._position
        self._block_soon()

    def _block_soon(self) -> None:
        assert self.uploader is not None
        mesh = self.by_mesh.rate(self.now)
        cap = max(ORIGIN_FLOOR, self.share * (mesh + self._meter.rate(self.now))) if mesh > 0 else math.inf
        size = min(BLOCK, LEAF - self._position % LEAF, self.pieces.size - self._position)
        self._at(self.now + size / min(self.uploader.rate, cap), self._block, size)

    def _stream(self) -> None:
        """The next block; it reads on over what the mesh has brought, until the file is whole."""
        if self.origin is not None and self.finished is None:
            self._block_soon()

    def _block(self, size: int) -> None:
        if self.finished is None and self.origin is not None:
            assert self.uploader is not None
            self.uploader.sent += size
            self._read += size
            super()._block(size)
            self._look()
            if self.origin is None and self.finished is None:
                self._close()

    def _tick(self) -> None:
        if self.finished is None:
            super()._tick()


@dataclass
class Result:
    """Seconds until each downloader was done, in order, and bytes by who sent them."""

    times: list[float]
    origin: int
    nodes: int
    duplicates: int = 0

    @property
    def median(self) -> float:
        middle = len(self.times) // 2
        return self.times[middle] if len(self.times) % 2 else (self.times[middle - 1] + self.times[middle]) / 2


def turn(clock: Clock) -> None:
    """Until nothing happens any more."""
    heap = clock.heap
    while heap:
        clock.now, _, who, what, args = heapq.heappop(heap)
        if isinstance(who, Swarm):
            who.now = clock.now
        what(*args)
        if isinstance(who, Swarm) and (not heap or heap[0][0] > clock.now or heap[0][2] is not who):
            who.turn()


def plain(count: int, size: int, slots: int, slot_rate: float) -> Result:
    """All from the uploader's queue."""
    clock = Clock()
    uploader = Uploader(clock, slots, slot_rate)
    everybody = [Plain(clock, size) for _ in range(count)]
    for one in everybody:
        uploader.ask(one)
    turn(clock)
    return Result(sorted(one.finished or math.inf for one in everybody), uploader.sent, 0)


def with_nodes(
    count: int, size: int, slots: int, slot_rate: float, nodes: int, node_rate: float, node_slots: int, rtt: float = 0.04, share: float = 0.1,
    begins: Sequence[float] = (), seed: int = 0,
) -> Result:  # fmt: skip
    """`nodes` have the file already; everybody is in the uploader's queue at once, and asks the nodes at second `begins` (by default within the first)."""
    clock, rng = Clock(), random.Random(seed)
    begins = begins or [rng.random() for _ in range(count)]
    uploader = Uploader(clock, slots, slot_rate)
    servers = [Node(clock, f"cache{number}", node_rate, node_slots) for number in range(nodes)]
    everybody = [Swarm(clock, size, servers, rtt, share, begin, seed + number) for number, begin in enumerate(begins)]
    for one in everybody:
        one.uploader = uploader
        uploader.ask(one)
    turn(clock)
    times = sorted(one.finished if one.finished is not None else math.inf for one in everybody)
    return Result(times, uploader.sent, sum(node.sent for node in servers), sum(one.duplicates for one in everybody))
