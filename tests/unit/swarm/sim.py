"""A swarm on a virtual clock: links with rate and RTT, peers that stall, fade, lie or come back, driving the scheduler core as the shell does.

A peer's link is a queue: leaves are sent one after another at its rate, a round trip after they were asked; a cancel takes half a round trip
and spares what has not been sent yet, but for a send buffer that it cannot reach.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

from slskdn_tui.engine.swarm.piecemap import MESH, PieceMap
from slskdn_tui.engine.swarm.scheduler import Scheduler, Step
from slskdn_tui.model.ports import PeerLimits
from slskdn_tui.model.variant import LEAF

TICK = 0.05
BUFFER = 4
"""Leaves already in a socket buffer: a cancel is too late for them."""


@dataclass
class SimPeer:
    """`changes`: (time, bytes/s) from then on; 0 is a black hole. `lies`: every leaf is wrong."""

    name: str
    rate: float
    rtt: float
    changes: list[tuple[float, float]] = field(default_factory=list)
    lies: bool = False
    jitter: float = 0.0
    queue: deque[int] = field(default_factory=deque)
    sending: bool = False
    delivered: int = 0

    def rate_at(self, now: float) -> float:
        rate = self.rate
        for when, new in self.changes:
            if now >= when:
                rate = new
        return rate

    def ideal(self, start: float, stop: float) -> float:
        """Bytes this link could deliver between two times."""
        if self.lies:
            return 0.0
        total, at = 0.0, start
        for when in [*(when for when, _ in self.changes if start < when < stop), stop]:
            total += (when - at) * self.rate_at(at)
            at = when
        return total


class Sim:
    """Run with `run()`; afterwards `time`, `banned`, `scheduler.duplicate_bytes` tell how it went."""

    def __init__(self, size: int, peers: list[SimPeer], seed: int = 0, rate_cap: int | None = None) -> None:
        self.pieces = PieceMap(size, digests=True)
        self.scheduler = Scheduler(self.pieces, rate_cap=rate_cap)
        self.peers = {peer.name: peer for peer in peers}
        self.random = random.Random(seed)
        self.now = 100.0
        self.banned: set[str] = set()
        self.most_outstanding = 0
        self._events: list[tuple[float, int, str, str, int]] = []
        self._order = itertools.count()
        self.finished: float | None = None

    def _at(self, when: float, kind: str, name: str, leaf: int = 0) -> None:
        heapq.heappush(self._events, (when, next(self._order), kind, name, leaf))

    def run(self, limit: float = 600.0) -> float:
        """Seconds until the file is whole; AssertionError when it is not by `limit`."""
        start = self.now
        for name in self.peers:
            self.scheduler.add(name, PeerLimits(), 1.0, self.now)
            self._carry_out(self.scheduler.fill(name, self.now))
        self._at(self.now + TICK, "tick", "")
        while not self.pieces.complete:
            self.now, _, kind, name, leaf = heapq.heappop(self._events)
            assert self.now - start < limit, f"not finished after {limit} s: {self.pieces.done} of {self.pieces.size}"
            getattr(self, f"_{kind}")(name, leaf)
        self.finished = self.now - start
        return self.finished

    def ideal(self) -> float:
        """Seconds that the links would need at best."""
        low, high = 0.0, 1e6
        for _ in range(60):
            middle = (low + high) / 2
            if sum(peer.ideal(100.0, 100.0 + middle) for peer in self.peers.values()) >= self.pieces.size:
                high = middle
            else:
                low = middle
        return high

    def _tick(self, name: str, leaf: int) -> None:
        self._carry_out(self.scheduler.tick(self.now))
        self._at(self.now + TICK, "tick", "")
        self.most_outstanding = max([self.most_outstanding, *(lane.outstanding for lane in self.scheduler.lanes.values())])

    def _carry_out(self, step: Step) -> None:
        for cancel in step.cancels:
            for leaf in range(cancel.first, cancel.first + cancel.count):
                self._at(self.now + self.peers[cancel.node].rtt / 2, "cancel", cancel.node, leaf)
        for order in step.orders:
            for leaf in range(order.first, order.first + order.count):
                self._at(self.now + self.peers[order.node].rtt / 2, "ask", order.node, leaf)

    def _ask(self, name: str, leaf: int) -> None:
        peer = self.peers[name]
        peer.queue.append(leaf)
        self._send(peer)

    def _cancel(self, name: str, leaf: int) -> None:
        queue = self.peers[name].queue
        if leaf in itertools.islice(queue, BUFFER, None):
            queue.remove(leaf)

    def _send(self, peer: SimPeer) -> None:
        rate = peer.rate_at(self.now)
        if peer.sending or not peer.queue:
            return
        if rate <= 0:
            later = [when for when, new in peer.changes if when > self.now and new > 0]
            if later:
                self._at(min(later), "wake", peer.name)
            return
        peer.sending = True
        took = LEAF / rate * (1 + peer.jitter * self.random.random())
        self._at(self.now + took, "sent", peer.name, peer.queue.popleft())

    def _wake(self, name: str, leaf: int) -> None:
        self._send(self.peers[name])

    def _sent(self, name: str, leaf: int) -> None:
        peer = self.peers[name]
        peer.sending = False
        if peer.rate_at(self.now) > 0:
            self._at(self.now + peer.rtt / 2, "arrive", name, leaf)
        self._send(peer)

    def _arrive(self, name: str, leaf: int) -> None:
        peer = self.peers[name]
        if name in self.banned:
            return
        if peer.lies:
            self.banned.add(name)
            self.scheduler.remove(name)
            self._carry_out(self.scheduler.tick(self.now))
            return
        peer.delivered += LEAF
        self._carry_out(self.scheduler.delivered(name, leaf, self.pieces.length(leaf), MESH, self.now))
        self._carry_out(self.scheduler.fill(name, self.now))
