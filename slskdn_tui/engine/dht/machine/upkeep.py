"""What a node does unasked: join, refresh, check silent nodes, keep its announces alive. Core: decides, does nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from slskdn_tui.engine.dht.limits import DhtLimits
from slskdn_tui.engine.dht.routing.table import RoutingTable
from slskdn_tui.engine.dht.wire.addresses import Address
from slskdn_tui.engine.dht.wire.chance import Rng
from slskdn_tui.engine.dht.wire.krpc import Node

SHALLOW = 4  # a table less deep than this looks for its neighbourhood more often
HEARD = 64
VERIFIED_A_TICK = 2
RIPE = 90.0  # from being heard of to being verified: by then a NAT that let only us in has shut
JOIN_FIRST, JOIN_MOST = 1.0, 300.0


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
        self._heard: OrderedDict[bytes, tuple[Address, float]] = OrderedDict()

    def heard(self, node_id: bytes, address: Address, now: float) -> None:
        """A node that we do not know asked us something: to be verified by a ping after `RIPE` seconds."""
        if node_id in self._heard or len(self._heard) >= HEARD:
            return
        self._heard[node_id] = (address, now + RIPE)

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
            every = 1.0 if table.depth < SHALLOW else 1.5
            if now >= self._next_self + (every - 1.0) * self._limits.self_lookup:
                chores.append(Join())
            elif (depth := table.stale_bucket(now)) is not None:
                chores.append(Refresh(depth))
            silent = table.questionable(now)
            if silent is not None:
                chores.append(Ping(silent.id, silent.address))
            doubted = table.doubted()
            if doubted is not None and doubted is not silent:
                chores.append(Ping(doubted.id, doubted.address))
        asked = 0
        while self._heard and asked < VERIFIED_A_TICK and next(iter(self._heard.values()))[1] <= now:
            node_id, (address, _) = self._heard.popitem(last=False)
            if table.wants(node_id, address):
                chores.append(Ping(node_id, address))
                asked += 1
        return chores


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
