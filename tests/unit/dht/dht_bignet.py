"""A big network of `DhtCore`s on a virtual clock: public addresses, NATs, loss, churn, delays a pair, Sybils. Same seed, same trace hash.

What is simulated: one-way delays that are log-normal a pair (median 40 ms, sigma 0.6: a median RTT of 80 ms), datagrams lost each way, NATs
that let in only who was written to within a minute, sessions of exponential length whose nodes vanish unannounced and are replaced by
newcomers that join by the protocol. The first generation's tables are filled as if it had run for long.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.machine.core import DhtCore
from slskdn_tui.engine.dht.machine.outputs import Finished, Found, Output, Send
from slskdn_tui.engine.dht.machine.reach import AGAIN, Reachable
from slskdn_tui.engine.dht.routing.ids import make_id
from slskdn_tui.engine.dht.wire import krpc
from slskdn_tui.engine.dht.wire.addresses import Address

HOLE = 60.0
DELAYS = 1 << 14
STEP = 1.0  # the first generation starts within so many minutes


@dataclass(slots=True)
class Seek:
    """One look-up. Times in seconds since it began; `asked`: queries sent; `stored`: nodes that took an announce."""

    key: bytes
    began: float
    first: float | None = None
    hops: int = 0
    done: float | None = None
    asked: int = 0
    stored: int = 0


@dataclass(slots=True)
class Home:
    """A node's place: `holes`: to whom its NAT is open, and until when; None without NAT. `seeks` by the core's number for it."""

    number: int
    address: Address
    core: DhtCore | Liar
    holes: dict[Address, float] | None = None
    seeks: dict[int, Seek] = field(default_factory=dict)
    timer: float = math.inf


@dataclass(frozen=True, slots=True)
class Figures:
    """Of many look-ups; milliseconds; `asked` and `hops` are means."""

    lookups: int
    found: int
    first_ms: tuple[float, float, float]
    done_ms: tuple[float, float]
    asked: float
    hops: float

    @property
    def success(self) -> float:
        return self.found / self.lookups

    def __str__(self) -> str:
        first, done = "/".join(f"{ms:.0f}" for ms in self.first_ms), "/".join(f"{ms:.0f}" for ms in self.done_ms)
        return f"{100 * self.success:.2f} % of {self.lookups}, first value {first} ms, done {done} ms, {self.asked:.1f} queries, {self.hops:.2f} hops"


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else math.nan


class Liar:
    """A Sybil next to a key: answers every query with its accomplices and a token, stores nothing, asks nothing."""

    deadline = None

    def __init__(self, node_id: bytes, others: list[krpc.Node]) -> None:
        self.node_id, self._others = node_id, others

    def on_datagram(self, now: float, data: bytes, address: Address) -> list[Output]:
        message = krpc.decode(data)
        if not isinstance(message, krpc.Query):
            return []
        return [Send(krpc.encode_reply(message.tid, self.node_id, nodes=self._others, token=b"lie"), address)]

    def on_timer(self, now: float) -> list[Output]:
        return []


class BigNet:
    """`nat`: share of nodes behind one; `loss`: of datagrams, each way; `session`: mean seconds a node lives, 0 for ever."""

    def __init__(
        self, seed: int, *, nat: float = 0.3, loss: float = 0.02, session: float = 3600.0, limits: DhtLimits | None = None
    ) -> None:
        self.now = 1000.0
        self.rng = random.Random(seed)
        self.nat, self.loss, self.session, self.limits = nat, loss, session, limits or DhtLimits()
        self.homes: dict[Address, Home] = {}
        self.alive: list[Address] = []
        self.open: list[Address] = []
        self.datagrams = self.events = self._births = self._count = 0
        self._heap: list[tuple[float, int, Address | Callable[[], None], Address | None, bytes]] = []
        self._delays = [0.04 * math.exp(0.6 * self.rng.gauss(0.0, 1.0)) for _ in range(DELAYS)]
        self._trace = hashlib.blake2b(digest_size=16)

    @property
    def trace_hash(self) -> str:
        return self._trace.hexdigest()

    # -- who lives ---------------------------------------------------------------------------------------------------

    def _new(self, bootstrap: list[Address], closed: bool) -> Home:
        n = self._births
        self._births += 1
        address = (f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.{1 + self.rng.randrange(254)}", 6881)
        rng = random.Random(self.rng.getrandbits(64))
        core = DhtCore(now=self.now, rng=rng, node_id=make_id(address[0], rng), limits=self.limits, bootstrap=bootstrap)
        home = self.homes[address] = Home(n, address, core, {} if closed else None)
        self.alive.append(address)
        if not closed:
            self.open.append(address)
        if self.session:
            self.at(self.now + self.rng.expovariate(1 / self.session), lambda: self._die(address))
        return home

    def populate(self, count: int) -> None:
        """The first generation: tables filled with what is true, everybody started within a minute."""
        homes = [self._new([], number * 61 % 100 < 100 * self.nat) for number in range(count)]
        ids = sorted((int.from_bytes(self.homes[address].core.node_id, "big"), address) for address in self.open)
        keys = [key for key, _ in ids]
        for home in homes:
            core = home.core
            assert isinstance(core, DhtCore)
            own = int.from_bytes(core.node_id, "big")
            for depth in range(60):
                span = 159 - depth
                low = ((own >> span) ^ 1) << span
                places = range(bisect_left(keys, low), bisect_left(keys, low + (1 << span)))
                room = core.table.room(depth)
                for index in self.rng.sample(places, min(len(places), room + room // 4)):
                    core.table.answered(keys[index].to_bytes(20, "big"), ids[index][1], self.now - self.rng.random() * 600)
                core.table.touch(depth, self.now - self.rng.random() * 900)
                if len(places) == 0 and bisect_left(keys, (own >> span) << span) >= bisect_left(keys, ((own >> span) + 1) << span) - 1:
                    break
            core.reach.state = Reachable.OPEN if home.holes is None else Reachable.CLOSED
            core.reach._until = self.now + self.rng.random() * AGAIN
            core._wire.read_only = home.holes is not None
            self.at(self.now + self.rng.random() * 60 * STEP, lambda home=home: self._start(home))  # type: ignore[misc]

    def _start(self, home: Home) -> None:
        if home.address in self.homes and isinstance(home.core, DhtCore):
            self.apply(home, home.core.start(self.now, home.address))

    def _die(self, address: Address) -> None:
        home = self.homes.pop(address)
        for places in (self.alive, self.open) if home.holes is None else (self.alive,):
            index = places.index(address)
            places[index] = places[-1]
            places.pop()
        first = [self.open[self.rng.randrange(len(self.open))] for _ in range(3)]
        self._start(self._new(first, self.rng.random() < self.nat))

    def sybils(self, key: bytes, count: int, *, spread: bool, which: int) -> None:
        """Liars right beside `key`, in one /24 or each in its own, known to every honest node that has room for them."""
        hosts = [f"{150 + which % 40}.{number}.{which // 40}.7" if spread else f"150.0.{which}.{number + 1}" for number in range(count)]
        nodes = [(key[:19] + bytes([key[19] ^ (number + 1)]), (host, 6881)) for number, host in enumerate(hosts)]
        for index, (node_id, address) in enumerate(nodes):
            self.homes[address] = Home(1_000_000 + which * count + index, address, Liar(node_id, nodes[:8]))
            for other in self.alive:
                core = self.homes[other].core
                assert isinstance(core, DhtCore)
                core.table.answered(node_id, address, self.now)

    # -- the wires and the clock -------------------------------------------------------------------------------------

    def apply(self, home: Home, outputs: list[Output]) -> None:
        rng, trace = self.rng, self._trace
        for output in outputs:
            if type(output) is Send:
                data, to = output
                self.datagrams += 1
                trace.update(b"%d %s %s %d" % (int(self.now * 1e6), home.address[0].encode(), to[0].encode(), to[1]) + data)
                if home.holes is not None:
                    home.holes[to] = self.now + HOLE
                other = self.homes.get(to)
                if rng.random() >= self.loss and other is not None:
                    a, b = (home.number, other.number) if home.number < other.number else (other.number, home.number)
                    self._push(self.now + self._delays[(a * 2654435761 ^ b * 40503) % DELAYS], to, home.address, data)
            elif home.seeks:
                self._note(home, output)
        deadline = home.core.deadline
        if deadline is not None and deadline < home.timer:
            home.timer = deadline
            self._push(deadline, home.address, None, b"")

    def _note(self, home: Home, event: object) -> None:
        if isinstance(event, Found) and event.op in home.seeks:
            seek = home.seeks[event.op]
            if seek.first is None:
                seek.first, seek.hops = self.now - seek.began, event.hops
        elif isinstance(event, Finished) and event.op in home.seeks:
            seek = home.seeks.pop(event.op)
            seek.done, seek.asked, seek.stored = self.now - seek.began, event.asked, event.stored

    def at(self, when: float, work: Callable[[], None]) -> None:
        """Do something then."""
        self._push(when, work, None, b"")

    def _push(self, when: float, to: Address | Callable[[], None], source: Address | None, data: bytes) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, to, source, data))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end, heap = self.now + seconds, self._heap
        while heap and heap[0][0] <= end:
            when, _, to, source, data = heapq.heappop(heap)
            self.now = when
            self.events += 1
            if not isinstance(to, tuple):
                to()
                continue
            home = self.homes.get(to)
            if home is None:
                continue
            if source is None:
                home.timer = math.inf
                self.apply(home, home.core.on_timer(when))
            elif home.holes is None or home.holes.get(source, 0.0) >= when:
                self.apply(home, home.core.on_datagram(when, data, source))
        self.now = end

    # -- what is measured --------------------------------------------------------------------------------------------

    def anyone(self) -> Home:
        """An honest node that is alive, at random."""
        return self.homes[self.alive[self.rng.randrange(len(self.alive))]]

    def announce(self, key: bytes, home: Home | None = None) -> Seek:
        return self._seek(key, home or self.anyone(), 7000)

    def look_up(self, key: bytes, home: Home | None = None) -> Seek:
        return self._seek(key, home or self.anyone(), 0)

    def _seek(self, key: bytes, home: Home, port: int) -> Seek:
        assert isinstance(home.core, DhtCore)
        seek = Seek(key, self.now)
        op, outputs = home.core.announce(self.now, key, port) if port else home.core.get_peers(self.now, key)
        home.seeks[op] = seek
        self.apply(home, outputs)
        return seek

    def look_up_all(self, keys: list[bytes], times: int = 1, over: float = 30.0) -> Figures:
        """Each key `times` times from nodes at random, spread over `over` seconds; a node that dies meanwhile does not count."""
        seeks: list[Seek] = []
        work = [key for key in keys for _ in range(times)]
        for place, key in enumerate(work):
            self.at(self.now + over * place / len(work), lambda key=key: seeks.append(self.look_up(key)))  # type: ignore[misc]
        self.run(over + 30.0)
        ended = [seek for seek in seeks if seek.done is not None]
        found = [seek for seek in ended if seek.first is not None]
        first = [1000 * seek.first for seek in found if seek.first is not None]
        done = [1000 * seek.done for seek in ended if seek.done is not None]
        return Figures(
            len(ended),
            len(found),
            (quantile(first, 0.5), quantile(first, 0.9), quantile(first, 0.99)),
            (quantile(done, 0.5), quantile(done, 0.9)),
            sum(seek.asked for seek in ended) / max(1, len(ended)),
            sum(seek.hops for seek in found) / max(1, len(found)),
        )


def keys(seed: int, count: int) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(20) for _ in range(count)]
