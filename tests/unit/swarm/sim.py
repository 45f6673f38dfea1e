"""A swarm on a virtual clock: links, peers of every character and an origin's stream, driving a scheduler as `mesh_side` and `track` drive it.

A peer's side is kept in the client's time: what is asked at t can begin to arrive at t + RTT, and a cancel sent at t spares what would not have
begun by t + RTT, but for leaves that are in a send buffer already. Bytes start as TCP does, doubling each round trip from 14 KiB.
The scheduler under test is told what arrives, who is gone, and that a leaf's digest was wrong (the peer is removed); never who lies.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from slskdn_tui.engine.peers.metrics import RateWindow
from slskdn_tui.engine.peers.reputation import ChunkOutcome, Standing
from slskdn_tui.engine.swarm.piecemap import DONE, FREE, MESH, SLSK, PieceMap
from slskdn_tui.engine.swarm.plan.lanes import Lane
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from slskdn_tui.engine.swarm.plan.steps import Step
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF

START = 100.0
TICK = 0.05
BUFFER = 2
"""Leaves already in a socket's send buffer: a cancel is too late for them."""
FIRST_FLIGHT = 14_600
QUEUE_S = 0.15
IDLE_S = 1.0
"""After so long without sending, TCP starts anew."""
STRANDED_RATE = 100_000
DAY = 1_700_000_000.0


class Schedules(Protocol):
    """What a swarm asks of a scheduler."""

    lanes: dict[str, Lane]
    duplicate_bytes: int

    def add(self, node: str, limits: PeerLimits, reputation: float, now: float) -> Lane: ...
    def remove(self, node: str) -> list[tuple[int, int]]: ...
    def fill(self, node: str, now: float) -> Step: ...
    def hungry(self, node: str) -> bool: ...
    def delivered(self, node: str, leaf: int, size: int, plane: int, now: float) -> Step: ...
    def landed(self, leaf: int, plane: int, now: float) -> Step: ...
    def refused(self, node: str, first: int, count: int, code: str, now: float) -> Step: ...
    def lag(self, seconds: float) -> None: ...
    def tick(self, now: float) -> Step: ...


@dataclass
class SimPeer:
    """One peer and its link: `rate` bytes/s, `rtt` s.

    `changes`: (time, bytes/s) from then on; 0 is a black hole. `wrong`: which leaves it sends wrong; `lies`: every one. `has`: leaves it has (None: all).
    `join`, `leave`, `again`: when it comes, goes, comes back. `patience`: requests it queues, beyond which it says rate_limited. `sorts`: urgent ones
    first. `fails`: share of requests answered with io_error. `jitter`: a leaf takes up to so many times longer. `promise`: bytes/s it can be held to.
    """

    name: str
    rate: float
    rtt: float
    changes: list[tuple[float, float]] = field(default_factory=list)
    lies: bool = False
    jitter: float = 0.0
    wrong: Callable[[int], bool] | None = None
    has: frozenset[int] | None = None
    join: float = START
    leave: float = math.inf
    again: float = math.inf
    patience: int = 1 << 30
    sorts: bool = False
    fails: float = 0.0
    reputation: float = 1.0
    # state
    present: bool = False
    session: int = 0
    queue: deque[tuple[int, int]] = field(default_factory=deque)
    busy: bool = False
    flight: float = FIRST_FLIGHT
    idle_since: float = 0.0
    delivered: int = 0
    asked: int = 0
    duplicates: int = 0
    served_wrong: bool = False
    standing: Standing = field(default_factory=Standing)
    timeouts: int = 0

    @property
    def honest(self) -> bool:
        return not self.lies and self.wrong is None

    @property
    def steady(self) -> bool:
        """It can be held to its rate from start to end."""
        return self.honest and not self.changes and self.has is None and self.join <= START and self.leave == math.inf and not self.fails

    def underway(self, now: float) -> float:
        """Bytes that had left it, or were in its send buffer, each time that it stopped and later went on: no cancel reaches those."""
        resumed = sum(new > 0 and self.rate_at(when - 1e-6) == 0 for when, new in self.changes if when <= now)
        return resumed * ((BUFFER + 1) * LEAF + self.rate * self.rtt)

    def rate_at(self, now: float) -> float:
        rate = self.rate
        for when, new in self.changes:
            if now >= when:
                rate = new
        return rate

    def sent_at(self, size: float, start: float) -> float:
        """When `size` bytes begun at `start` are through; inf in a black hole without end."""
        at, rate = start, self.rate_at(start)
        for when, new in self.changes:
            if when <= at:
                continue
            could = (when - at) * rate
            if could >= size:
                break
            size, at, rate = size - could, when, new
        return at + size / rate if rate > 0 else math.inf

    def ideal(self, start: float, stop: float) -> float:
        """Bytes this link could deliver between two times."""
        if not self.honest:
            return 0.0
        return sum(
            carried(self.rate, self.changes, max(a, start), min(b, stop)) for a, b in ((self.join, self.leave), (self.again, math.inf))
        )


def carried(rate: float, changes: list[tuple[float, float]], start: float, stop: float) -> float:
    """Bytes a link with these changes can carry between two times."""
    total, at = 0.0, start
    for when, new in [*changes, (stop, 0.0)]:
        if start < when <= stop:
            total, at = total + (when - at) * rate, when
        if when <= stop:
            rate = new
    return total


@dataclass
class SimOrigin:
    """A Soulseek stream from the front: `rate` bytes/s with `changes`, `wrong` leaves, over at `ends` (time). `unproven`: until it has brought a whole
    right leaf, one leaf is kept for it."""

    rate: float
    changes: list[tuple[float, float]] = field(default_factory=list)
    wrong: frozenset[int] = frozenset()
    ends: float = math.inf
    unproven: bool = False


class Sim:
    """Run with `run()`; afterwards `finished`, `banned`, `duplicates` and the peers tell how it went."""

    def __init__(
        self,
        size: int,
        peers: Iterable[SimPeer],
        seed: int = 0,
        rate_cap: int | None = None,
        *,
        scheduler: Callable[[PieceMap], Schedules] | None = None,
        origin: SimOrigin | None = None,
        freezes: Iterable[tuple[float, float]] = (),
        downlink: float = math.inf,
        bans: bool = True,
        tcp: bool = False,
        limits: PeerLimits = PeerLimits(),
        watch: Callable[[Sim, Step], None] | None = None,
    ) -> None:
        self.pieces = PieceMap(size, digests=True)
        self.scheduler: Schedules = scheduler(self.pieces) if scheduler else Scheduler(self.pieces, rate_cap=rate_cap)
        self.peers = {peer.name: peer for peer in peers}
        self._stream_link = origin
        self.origin, self.freezes, self.downlink = origin, sorted(freezes), downlink
        self.bans, self.tcp, self.limits, self.watch = bans, tcp, limits, watch
        self.random = random.Random(seed)
        self.now = START
        self.banned: set[str] = set()
        self.duplicates = 0
        self.most_outstanding = 0
        self.finished: float | None = None
        self.last_free = START
        self.stranded = 0.0  # the longest that a leaf waited at a peer that had been quick and was a black hole then
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._n = 0
        self._hungry: set[str] = set()
        self._ticked = START
        self._down_free = 0.0
        self._meter = RateWindow(START, 3.0)
        self._position = self._gathered = 0
        self._confirmed = False

    # the loop

    def _at(self, when: float, what: Callable[..., None], *args: object) -> None:
        if when < math.inf:
            self._n += 1
            heapq.heappush(self._heap, (when, self._n, what, args))

    def run(self, limit: float = 600.0) -> float:
        """Seconds until the file is whole; AssertionError when it is not by `limit`."""
        for peer in self.peers.values():
            self._at(peer.join, self._come, peer)
            self._at(peer.leave, self._go, peer)
            self._at(peer.again, self._come, peer)
        if self.origin is not None:
            self.pieces.stream = 0
            self.pieces.reserve(self.origin.unproven)
            self._at(self.origin.ends, self._origin_over)
            self._stream()
        self._at(START + TICK, self._tick)
        heap, pieces = self._heap, self.pieces
        while not pieces.complete:
            if self._hungry and heap[0][0] > self.now:
                self._feed()
                continue
            when, _, what, args = heapq.heappop(heap)
            self.now = when
            self.events += 1
            if when - START > limit:
                raise AssertionError(f"not finished after {limit:.1f} s: {pieces.done} of {pieces.size}")
            what(*args)
        self.finished = self.now - START
        return self.finished

    def _late(self, what: Callable[..., None], *args: object) -> bool:
        """Our own loop does not turn: what comes now is seen when it does again."""
        while self.freezes and self.now >= sum(self.freezes[0]):
            del self.freezes[0]
        if self.freezes and self.now >= self.freezes[0][0]:
            self._at(sum(self.freezes[0]), what, *args)
            return True
        return False

    def _tick(self) -> None:
        if self.freezes and self._late(self._tick):
            return
        late, self._ticked = self.now - self._ticked - TICK, self.now
        if late > TICK:
            self.scheduler.lag(late)
        if self.origin is not None:
            self.pieces.stream_rate = self._meter.rate(self.now)
            self.pieces.reserve(self.origin.unproven and not self._confirmed)
        self._carry_out(self.scheduler.tick(self.now))
        self._at(self.now + TICK, self._tick)
        if self.pieces.status.find(FREE) >= 0:
            self.last_free = self.now
        for lane in self.scheduler.lanes.values():
            peer = self.peers[lane.node]
            if lane.asks and not lane.strikes and peer.rate > STRANDED_RATE and peer.rate_at(self.now) <= 0:
                self.stranded = max(self.stranded, self.now - max(lane.heard, lane.asks[0].sent))
        self.most_outstanding = max([self.most_outstanding, *(lane.outstanding for lane in self.scheduler.lanes.values())])

    def _feed(self) -> None:
        hungry, self._hungry = self._hungry, set()
        for name in hungry:
            self._carry_out(self.scheduler.fill(name, self.now))

    def _carry_out(self, step: Step) -> None:
        if not (step.cancels or step.ended or step.orders):
            return
        if self.watch is not None:
            self.watch(self, step)
        for cancel in step.cancels:
            peer = self.peers[cancel.node]
            self._at(self.now + peer.rtt, self._cancel, peer, peer.session, cancel.first, cancel.count)
        for ended in step.ended:
            if ended.whole:
                self._count(self.peers[ended.node], ended.outcome)
        for order in step.orders:
            peer = self.peers[order.node]
            peer.asked += order.count
            self._at(self.now + peer.rtt, self._asked, peer, peer.session, order.first, order.count, order.priority)

    def _count(self, peer: SimPeer, outcome: ChunkOutcome) -> None:
        peer.standing = peer.standing.after(outcome, DAY + self.now)
        peer.timeouts += outcome is ChunkOutcome.TIMEOUT

    # peers

    def _come(self, peer: SimPeer) -> None:
        if peer.name in self.banned or peer.present:
            return
        peer.present = True
        peer.session += 1
        peer.queue.clear()
        peer.busy, peer.flight = False, FIRST_FLIGHT
        self.scheduler.add(peer.name, self.limits, peer.reputation, self.now)
        self._carry_out(self.scheduler.fill(peer.name, self.now))

    def _go(self, peer: SimPeer) -> None:
        if not peer.present:
            return
        peer.present = False
        if self.scheduler.lanes[peer.name].asks:
            self._count(peer, ChunkOutcome.ERROR)
        self.scheduler.remove(peer.name)
        self._carry_out(self.scheduler.tick(self.now))

    def _asked(self, peer: SimPeer, session: int, first: int, count: int, priority: int) -> None:
        if session != peer.session or not peer.present:
            return
        code = ""
        if peer.rate_at(self.now) <= 0:
            pass  # a black hole refuses nothing
        elif peer.has is not None and not all(leaf in peer.has for leaf in range(first, first + count)):
            code = "not_found"
            if count > 1:  # what it has of the range it sends
                for leaf in range(first, first + count):
                    self._asked(peer, session, leaf, 1, priority)
                return
        elif len(peer.queue) >= peer.patience:
            code = "rate_limited"
        elif peer.fails and self.random.random() < peer.fails:
            code = "io_error"
        if code:
            self._refused(peer, session, first, count, code)
            return
        if priority and peer.sorts:
            at = next((index for index, (_, other) in enumerate(peer.queue) if other < priority), len(peer.queue))
            for leaf in range(first + count - 1, first - 1, -1):
                peer.queue.insert(at, (leaf, priority))
        else:
            peer.queue.extend((leaf, priority) for leaf in range(first, first + count))
        self._send(peer)

    def _refused(self, peer: SimPeer, session: int, first: int, count: int, code: str) -> None:
        if session != peer.session or not peer.present or (self.freezes and self._late(self._refused, peer, session, first, count, code)):
            return
        self._carry_out(self.scheduler.refused(peer.name, first, count, code, self.now))

    def _cancel(self, peer: SimPeer, session: int, first: int, count: int) -> None:
        if session == peer.session and len(peer.queue) > BUFFER:
            kept = list(peer.queue)
            peer.queue = deque(one for at, one in enumerate(kept) if at < BUFFER or not first <= one[0] < first + count)

    def _send(self, peer: SimPeer) -> None:
        """Begin with the next leaf of its queue."""
        if peer.busy or not peer.queue:
            return
        leaf, _ = peer.queue.popleft()
        peer.busy = True
        size = self.pieces.length(leaf)
        work = size * (1 + peer.jitter * self.random.random()) if peer.jitter else size
        done = peer.sent_at(work, self.now)
        if self.tcp:
            if self.now - peer.idle_since > IDLE_S:
                peer.flight = FIRST_FLIGHT
            if peer.flight < peer.rate * peer.rtt:
                done = max(done, self.now + peer.rtt * math.log1p(size / peer.flight))
                peer.flight += size
        self._at(done, self._sent, peer, peer.session, leaf, size)

    def _sent(self, peer: SimPeer, session: int, leaf: int, size: int) -> None:
        if session != peer.session or not peer.present:
            return
        peer.idle_since = self.now
        if self.downlink < math.inf:  # all share our own line; when its queue is full, TCP holds the senders back
            self._down_free = max(self._down_free, self.now) + size / self.downlink
            self._at(self._down_free, self._leaf, peer, session, leaf, size)
            room = max(QUEUE_S, size / self.downlink)
            if self._down_free - self.now > room:
                self._at(self._down_free - room, self._next, peer, session)
                return
        else:
            self._leaf(peer, session, leaf, size)
        self._next(peer, session)

    def _next(self, peer: SimPeer, session: int) -> None:
        if session == peer.session and peer.present:
            peer.busy = False
            self._send(peer)

    def _leaf(self, peer: SimPeer, session: int, leaf: int, size: int) -> None:
        if session != peer.session or not peer.present or (self.freezes and self._late(self._leaf, peer, session, leaf, size)):
            return
        if peer.lies or (peer.wrong is not None and peer.wrong(leaf)):
            self._wrong(peer, leaf)
            return
        if self.pieces.status[leaf] == DONE:
            self.duplicates += size
            peer.duplicates += size
        else:
            peer.delivered += size
        self._carry_out(self.scheduler.delivered(peer.name, leaf, size, MESH, self.now))
        if self.pieces.status.find(FREE) >= 0:
            self.last_free = self.now
        if self.scheduler.hungry(peer.name):
            self._hungry.add(peer.name)

    def _wrong(self, peer: SimPeer, leaf: int) -> None:
        """Its digest differs: out, as `MeshSide._ban` does it."""
        peer.served_wrong = True
        self.pieces.failed.add(leaf)
        if not self.bans:  # as if the leaf had not come
            self._carry_out(self.scheduler.refused(peer.name, leaf, 1, "io_error", self.now))
            return
        self._count(peer, ChunkOutcome.CORRUPTION)
        self.banned.add(peer.name)
        self.scheduler.remove(peer.name)
        peer.present = False
        self._carry_out(self.scheduler.tick(self.now))

    # the origin

    def _stream(self) -> None:
        """The next block of the stream, as `OriginStream._take` books it."""
        origin, pieces = self.origin, self.pieces
        assert origin is not None
        size = min(LEAF // 4 if origin.rate < 300_000 else LEAF, LEAF - self._position % LEAF, pieces.size - self._position)
        link = SimPeer("origin", origin.rate, 0.0, origin.changes)
        self._at(link.sent_at(size, self.now), self._block, size)

    def _block(self, size: int) -> None:
        pieces, origin = self.pieces, self.origin
        if origin is None or self.now >= origin.ends or (self.freezes and self._late(self._block, size)):
            return
        self._meter.add(self.now, size)
        at, self._position = self._position, self._position + size
        pieces.stream = self._position if self._position < pieces.size else None
        leaf = at // LEAF
        _, stop = pieces.span(leaf)
        if pieces.status[leaf] == DONE:
            self._gathered = 0
        else:
            pieces.extend(at, self._position, "slsk:origin")
            self._gathered += size
            if self._position == stop:
                whole, self._gathered = self._gathered == pieces.length(leaf), 0
                if whole and leaf not in origin.wrong:
                    self._confirmed = True
                    self._carry_out(self.scheduler.landed(leaf, SLSK, self.now))
                elif whole:
                    pieces.fail(leaf)
        if self._position < pieces.size:
            self._stream()
        else:
            self._origin_over()

    def _origin_over(self) -> None:
        if self.origin is not None:
            self.pieces.stream = None
            self.pieces.reserve(False) if self._confirmed else None
            self.origin = None

    # what was possible

    def ideal(self) -> float:
        """Seconds that the honest links, the stream and our own line would need at best, with all known beforehand."""
        low, high = 0.0, 1e4
        for _ in range(40):
            middle = (low + high) / 2
            could = sum(peer.ideal(START, START + middle) for peer in self.peers.values())
            if self._stream_link is not None:
                stop = min(START + middle, self._stream_link.ends)
                could += carried(self._stream_link.rate, self._stream_link.changes, START, stop)
            if min(could, self.downlink * middle) >= self.pieces.size:
                high = middle
            else:
                low = middle
        return high
