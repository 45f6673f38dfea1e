"""A small network of `DhtCore`s on a virtual clock: delays, loss, dead nodes; the same seed gives the same trace hash."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Event, Finished, Found, Output, Send
from slskdn_tui.engine.dht.wire.addresses import Address

PERMIT = ["127.0.0.0/8"]


def address_of(number: int) -> Address:
    """One /24 a node."""
    return f"127.{1 + number // 250}.{number % 250}.1", 6881


class SimNet:
    def __init__(self, seed: int, *, loss: float = 0.0, delay: float = 0.02, limits: DhtLimits | None = None) -> None:
        self.now = 1000.0
        self.rng = random.Random(seed)
        self.loss, self.delay = loss, delay
        self.limits = limits or DhtLimits()
        self.nodes: dict[Address, DhtCore] = {}
        self.dead: set[Address] = set()
        self.events: dict[Address, list[Event]] = {}
        self.datagrams = 0
        self.on_send: Callable[[Address, Send], None] | None = None
        self._heap: list[tuple[float, int, Address, Address | None, bytes]] = []
        self._count = 0
        self._timer_at: dict[Address, float] = {}
        self._trace = hashlib.blake2b(digest_size=16)

    @property
    def trace_hash(self) -> str:
        return self._trace.hexdigest()

    def add(self, number: int, bootstrap: list[Address] | None = None, **options: object) -> DhtCore:
        address = address_of(number)
        rng = random.Random(self.rng.getrandbits(64))
        limits = options.pop("limits", self.limits)
        core = DhtCore(now=self.now, rng=rng, limits=limits, permit=PERMIT, bootstrap=bootstrap or [], **options)  # type: ignore[arg-type]
        self.nodes[address] = core
        self.events[address] = []
        self.apply(address, core.start(self.now, address))
        return core

    def apply(self, source: Address, outputs: list[Output]) -> None:
        for output in outputs:
            if not isinstance(output, Send):
                self.events[source].append(output)
                continue
            self.datagrams += 1
            self._trace.update(repr((round(self.now, 6), source, output.address)).encode() + output.data)
            if self.on_send is not None:
                self.on_send(source, output)
            if self.rng.random() >= self.loss:
                self._push(self.now + self.delay * (0.5 + self.rng.random()), output.address, source, output.data)
        deadline = self.nodes[source].deadline
        if deadline is not None and deadline < self._timer_at.get(source, float("inf")):
            self._timer_at[source] = deadline
            self._push(deadline, source, None, b"")

    def _push(self, when: float, to: Address, source: Address | None, data: bytes) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, to, source, data))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass; True as soon as `until` holds."""
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end:
            if until is not None and until():
                return True
            when, _, to, source, data = heapq.heappop(self._heap)
            self.now = max(self.now, when)
            node = self.nodes.get(to)
            if source is None and node is not None:
                self._timer_at.pop(to, None)
                self.apply(to, node.on_timer(self.now))
            elif source is not None and node is not None and to not in self.dead and source not in self.dead:
                self.apply(to, node.on_datagram(self.now, data, source))
        self.now = max(self.now, end) if until is None else self.now
        return until is not None and until()

    def get_peers(self, number: int, key: bytes, want: int | None = None) -> tuple[list[Address], Finished]:
        address = address_of(number)
        op, outputs = self.nodes[address].get_peers(self.now, key, want)
        return self._await(address, op, outputs)

    def announce(self, number: int, key: bytes, port: int) -> Finished:
        address = address_of(number)
        op, outputs = self.nodes[address].announce(self.now, key, port)
        return self._await(address, op, outputs)[1]

    def _await(self, address: Address, op: int, outputs: list[Output]) -> tuple[list[Address], Finished]:
        self.apply(address, outputs)

        def finished() -> list[Finished]:
            return [event for event in self.events[address] if isinstance(event, Finished) and event.op == op]

        assert self.run(120.0, lambda: bool(finished())), "the search never ended"
        peers = [peer for event in self.events[address] if isinstance(event, Found) and event.op == op for peer in event.peers]
        return peers, finished()[0]


def network(seed: int, count: int, *, settle: float = 60.0, **options: object) -> SimNet:
    """`count` nodes that joined through the first, a quarter second apart."""
    net = SimNet(seed, **options)  # type: ignore[arg-type]
    first = address_of(0)
    for number in range(count):
        net.add(number, [] if number == 0 else [first])
        net.run(0.25)
    net.run(settle)
    return net
