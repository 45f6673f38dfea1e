"""What a node allows itself and others: all numbers in one place, and the buckets that hold them. Core."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from slskdn_tui.engine.dht.wire.addresses import Address, holder


@dataclass(frozen=True, slots=True)
class DhtLimits:
    """Times in seconds, sizes in bytes. The defaults are the design's (docs/protocol/dht.md, "Numbers")."""

    k: int = 8
    alpha: int = 5
    burst: float = 10.0
    """datagrams to or queries from one IP at once ..."""
    per_second: float = 2.0
    """... and in the long run"""
    output_bytes_s: float = 8000.0
    output_burst_s: float = 3.0
    max_reply: int = 1024
    max_item_reply: int = 1400
    """of an answer that carries a BEP 44 item"""
    amplification: float = 4.0
    """a reply to an unproven sender is at most so many times its query"""
    rto_start: float = 1.0
    rto_min: float = 0.25
    rto_max: float = 2.0
    hard_timeout: float = 10.0
    token_period: float = 300.0
    peer_expiry: float = 2700.0
    keys: int = 2000
    peers_per_key: int = 500
    one_per_ip: bool = True
    one_per_24: bool = True
    """one node of a /24 in a bucket and in a look-up"""
    two_sets: bool = True
    """a look-up also ends with the k nearest whose id fits their address (BEP 42)"""
    node_good: float = 900.0
    """a node that answered within this is good; a bucket that did not change for as long is refreshed"""
    self_lookup: float = 600.0
    tick: float = 5.0
    idle_tick: float = 15.0
    """between two looks at what is due, when the last found nothing"""
    probation: float = 300.0
    """so long after joining a node that nobody reaches unasked takes itself to be behind a NAT; four times as long where it knows few"""
    nat_hole: float = 300.0
    """a host that we wrote to within this may have come in through a NAT: its query proves nothing"""
    lookups: int = 8
    """look-ups at once ..."""
    waiting_lookups: int = 256
    """... and waiting their turn"""
    publications: int = 101
    """keys kept announced: the channel and at most 100 recordings"""
    candidates: int = 100
    values: int = 1000
    """peers collected by one look-up"""
    items: int = 700
    """BEP 44 items of each kind ..."""
    item_expiry: float = 7200.0
    samples: int = 20
    """keys in a sample (BEP 51) ..."""
    sample_interval: float = 21600.0
    """... and how long it stays the same"""


ROOMY = DhtLimits(burst=10_000.0, per_second=10_000.0, output_bytes_s=100_000_000.0)
"""For benches and tests on loopback, where many nodes share one machine: traffic shaping off, all else as designed."""


class PerAddress:
    """A token bucket for each of the latest `most` hosts."""

    def __init__(self, burst: float, rate: float, most: int = 4096) -> None:
        self._burst, self._rate, self._most = burst, rate, most
        self._hosts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hosts)

    def _level(self, host: str, now: float) -> float:
        level, at = self._hosts.get(host, (self._burst, now))
        return min(self._burst, level + (now - at) * self._rate)

    def take(self, host: str, now: float) -> bool:
        """Use one; False when the host has none left. All of an IPv6 /64 is one host."""
        host = holder(host)
        hosts = self._hosts
        known = hosts.get(host)
        if known is None:
            hosts[host] = (self._burst - 1.0, now)
            if len(hosts) > self._most:
                hosts.popitem(last=False)
            return True
        level = min(self._burst, known[0] + (now - known[1]) * self._rate)
        hosts.move_to_end(host)
        if level < 1.0:
            hosts[host] = (level, now)
            return False
        hosts[host] = (level - 1.0, now)
        return True

    def used(self, host: str, now: float, within: float) -> bool:
        """Whether the host had one in the last `within` seconds."""
        known = self._hosts.get(holder(host))
        return known is not None and now - known[1] <= within

    def wait(self, host: str, now: float) -> float:
        """Seconds until `take` succeeds; 0 when it would now."""
        return max(0.0, (1.0 - self._level(holder(host), now)) / self._rate)


class OutputCap:
    """Bytes out. Replies leave a quarter of the burst to our own queries, so a flood cannot silence us."""

    def __init__(self, rate: float, burst_s: float, now: float) -> None:
        self._rate = rate
        self._burst = rate * burst_s
        self._level = self._burst
        self._at = now

    def _refill(self, now: float) -> None:
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)

    def take(self, size: int, now: float, *, reply: bool = False) -> bool:
        self._refill(now)
        if self._level - size < (self._burst / 4 if reply else 0.0):
            return False
        self._level -= size
        return True

    def wait(self, size: int, now: float) -> float:
        """Seconds until a query of `size` may go."""
        self._refill(now)
        return max(0.0, (size - self._level) / self._rate)


class Proven:
    """Addresses that lately showed they receive what is sent to them: they answered a query of ours or echoed a token."""

    def __init__(self, life: float = 600.0, most: int = 2048) -> None:
        self._life, self._most = life, most
        self._until: OrderedDict[Address, float] = OrderedDict()

    def add(self, address: Address, now: float) -> None:
        self._until[address] = now + self._life
        self._until.move_to_end(address)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def __len__(self) -> int:
        return len(self._until)

    def has(self, address: Address, now: float) -> bool:
        return self._until.get(address, now) > now
