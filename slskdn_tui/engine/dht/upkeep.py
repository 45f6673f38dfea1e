"""What a node does unasked: join, refresh, check silent nodes, keep its announces alive. Core: decides, does nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from slskdn_tui.engine.dht.addresses import Address
from slskdn_tui.engine.dht.krpc import Node
from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.routing import RoutingTable
from slskdn_tui.engine.dht.tokens import Rng

SHALLOW = 4  # a table less deep than this looks for its neighbourhood more often
HEARD = 64
VERIFIED_A_TICK = 2
JOIN_FIRST, JOIN_MOST = 1.0, 300.0
RETRY_FIRST, RETRY_MOST = 5.0, 120.0


@dataclass(frozen=True, slots=True)
class Join:
    """Look up our own id."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Look up an id at random in this bucket."""

    depth: int


@dataclass(frozen=True, slots=True)
class Ping:
    node_id: bytes
    address: Address


Chore = Join | Refresh | Ping


class Upkeep:
    def __init__(self, rng: Rng, limits: DhtLimits, now: float) -> None:
        self._rng, self._limits = rng, limits
        self._next_self = now
        self.next_join = now
        self._join_wait = JOIN_FIRST
        self._heard: OrderedDict[bytes, Address] = OrderedDict()

    def heard(self, node_id: bytes, address: Address) -> None:
        """A node that we do not know asked us something: to be verified by a ping when there is time."""
        self._heard[node_id] = address
        if len(self._heard) > HEARD:
            self._heard.popitem(last=False)

    def soon(self, now: float) -> None:
        """Someone to join through turned up: do not wait out the back-off."""
        self.next_join = self._next_self = now
        self._join_wait = JOIN_FIRST

    def joining(self, now: float) -> None:
        """A look-up of our own id starts now; if nobody answers, the next is due at `next_join`."""
        self._next_self = now + self._limits.self_lookup * (0.9 + 0.2 * self._rng.random())
        self.next_join = now + self._join_wait * (0.9 + 0.2 * self._rng.random())
        self._join_wait = min(JOIN_MOST, self._join_wait * 2)

    def joined(self) -> None:
        self._join_wait = JOIN_FIRST

    def chores(self, table: RoutingTable, seeds: bool, now: float) -> list[Chore]:
        """What is due. `seeds`: whether there is anyone to join through."""
        chores: list[Chore] = []
        if not table.usable:
            if seeds and now >= self.next_join:
                chores.append(Join())
        else:
            every = 1.0 if table.depth < SHALLOW else 3.0
            if now >= self._next_self + (every - 1.0) * self._limits.self_lookup:
                chores.append(Join())
            elif (depth := table.stale_bucket(now)) is not None:
                chores.append(Refresh(depth))
            silent = table.questionable(now)
            if silent is not None:
                chores.append(Ping(silent.id, silent.address))
        for _ in range(min(VERIFIED_A_TICK, len(self._heard))):
            node_id, address = self._heard.popitem(last=False)
            if table.wants(node_id, address, now):
                chores.append(Ping(node_id, address))
        return chores


@dataclass(slots=True)
class _Publication:
    port: int
    every: float
    spread: float
    due: float
    retry: float = RETRY_FIRST
    running: bool = False


class Publications:
    """Keys that are kept announced: again after `every` plus up to `spread` seconds; sooner when nobody took it."""

    def __init__(self, rng: Rng, most: int) -> None:
        self._rng, self._most = rng, most
        self._keys: dict[bytes, _Publication] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, key: bytes, port: int, every: float, spread: float, now: float) -> None:
        """ValueError when there are too many: nobody may announce a whole library."""
        if key not in self._keys and len(self._keys) >= self._most:
            raise ValueError(f"at most {self._most} keys are kept announced")
        self._keys[key] = _Publication(port, every, spread, now)

    def drop(self, key: bytes) -> None:
        self._keys.pop(key, None)

    def due(self, now: float) -> list[tuple[bytes, int]]:
        """What to announce now; each waits for `result` before it is due again."""
        ready = [(key, item) for key, item in self._keys.items() if item.due <= now and not item.running]
        for _, item in ready:
            item.running = True
        return [(key, item.port) for key, item in ready]

    def result(self, key: bytes, stored: int, now: float) -> None:
        item = self._keys.get(key)
        if item is None:
            return
        item.running = False
        if stored:
            item.due, item.retry = now + item.every + item.spread * self._rng.random(), RETRY_FIRST
        else:
            item.due, item.retry = now + item.retry, min(RETRY_MOST, item.retry * 2)

    def wake(self, now: float) -> None:
        """We joined: what nobody took before is tried again now."""
        for item in self._keys.values():
            if item.retry > RETRY_FIRST:
                item.due, item.retry = now, RETRY_FIRST

    @property
    def next(self) -> float | None:
        return min((item.due for item in self._keys.values() if not item.running), default=None)


def clean_nodes(nodes: Iterable[tuple[str, str, int]]) -> list[Node]:
    """Saved nodes (id in hex, host, port) as values; what does not parse is left out."""
    clean: list[Node] = []
    for text, host, port in nodes:
        try:
            node_id = bytes.fromhex(text)
        except ValueError:
            continue
        if len(node_id) == 20:
            clean.append((node_id, (host, port)))
    return clean
