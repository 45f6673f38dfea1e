"""What the core hands back: datagrams to send, and what happened. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from slskdn_tui.engine.dht.store.items import Item
from slskdn_tui.engine.dht.wire.addresses import Address


class Send(NamedTuple):
    data: bytes
    address: Address


@dataclass(frozen=True, slots=True)
class Found:
    """New peers for a running look-up; `node` is who named them, None for our own store; `hops`: answers it took to get there."""

    op: int
    key: bytes
    peers: tuple[Address, ...]
    node: Address | None
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """A command is over. `answers`: nodes that answered `asked` queries; `stored`: nodes that took it; `peers`: peers found.

    `item`: what a get found (BEP 44); `scraped`: about how many (seeds, other peers) announced (BEP 33); `refused`: why nobody took it.
    """

    op: int
    kind: str
    key: bytes
    answers: int
    peers: int
    stored: int
    seconds: float
    refused: str = ""
    asked: int = 0
    item: Item | None = None
    scraped: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Pinged:
    """`node_id` is None when no answer came."""

    op: int
    address: Address
    node_id: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a node was asked for with BEP 51: some of its `num` keys, worth asking again after `interval` s; `keys` None without an answer."""

    op: int
    address: Address
    keys: tuple[bytes, ...] | None
    num: int = 0
    interval: int = 0


@dataclass(frozen=True, slots=True)
class Noted:
    """A fact for the log: `dht.waiting`, `dht.joined`, `dht.alone`, `dht.announced`, `dht.id`, `dht.reach`."""

    name: str
    text: str


Event = Found | Finished | Pinged | Sampled | Noted
Output = Send | Event
