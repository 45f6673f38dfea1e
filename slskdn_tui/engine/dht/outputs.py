"""What the core hands back: datagrams to send, and what happened. Core."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.engine.dht.addresses import Address


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes
    address: Address


@dataclass(frozen=True, slots=True)
class Found:
    """New peers for a running look-up; `node` is who named them, None for our own store."""

    op: int
    key: bytes
    peers: tuple[Address, ...]
    node: Address | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A command is over. `answers`: nodes that answered; `stored`: nodes that took the announce; `peers`: peers found."""

    op: int
    kind: str
    key: bytes
    answers: int
    peers: int
    stored: int
    seconds: float
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Pinged:
    """`node_id` is None when no answer came."""

    op: int
    address: Address
    node_id: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Noted:
    """A fact for the log: `dht.waiting`, `dht.joined`, `dht.alone`, `dht.announced`."""

    name: str
    text: str


Event = Found | Finished | Pinged | Noted
Output = Send | Event
