"""Peers that others announced to us, by key: quotas and expiry. Core."""

from __future__ import annotations

from dataclasses import dataclass, field

from slskdn_tui.engine.dht.store.bloom import Bloom
from slskdn_tui.engine.dht.wire.addresses import Address, holder
from slskdn_tui.engine.dht.wire.chance import Rng


@dataclass(slots=True)
class _Shelf:
    peers: dict[Address, float] = field(default_factory=dict)  # address -> when it expires
    by_host: dict[str, int] = field(default_factory=dict)
    seeds: set[Address] = field(default_factory=set)


class PeerStore:
    """At most `keys` keys of `peers` addresses; an address lives `expiry` seconds after its last announce.

    One host may hold `per_host` ports of a key and `keys_per_host` keys, so that one machine cannot fill the store.
    """

    def __init__(
        self,
        own_id: bytes,
        *,
        keys: int = 2000,
        peers: int = 500,
        expiry: float = 2700.0,
        per_host: int = 4,
        keys_per_host: int = 128,
    ) -> None:
        self._own = int.from_bytes(own_id, "big")
        self._keys, self._peers, self._expiry = keys, peers, expiry
        self._per_host, self._keys_per_host = per_host, keys_per_host
        self._shelves: dict[bytes, _Shelf] = {}
        self._held: dict[str, int] = {}  # host -> number of keys it holds
        self._farthest: bytes | None = None  # of the keys held, while it is known
        self._sample: tuple[bytes, ...] = ()
        self._sampled = float("-inf")

    @property
    def keys(self) -> int:
        return len(self._shelves)

    @property
    def size(self) -> int:
        return sum(len(shelf.peers) for shelf in self._shelves.values())

    def rename(self, own_id: bytes) -> None:
        """We have a new id: other keys are far now."""
        self._own, self._farthest = int.from_bytes(own_id, "big"), None

    def has_room(self, key: bytes, host: str) -> bool:
        """Whether an announce of `key` from `host` would be taken; where not, no token is given out."""
        host = holder(host)
        shelf = self._shelves.get(key)
        if shelf is None:
            return self._held.get(host, 0) < self._keys_per_host and (len(self._shelves) < self._keys or self._worst(key) is not None)
        if host in shelf.by_host:
            return True
        return len(shelf.peers) < self._peers and self._held.get(host, 0) < self._keys_per_host

    def add(self, key: bytes, address: Address, now: float, *, seed: bool = False) -> bool:
        """Store or renew; False when a quota forbids it. `seed`: it says that it has the whole (BEP 33)."""
        host = holder(address[0])
        shelf = self._shelves.get(key)
        if shelf is not None and address in shelf.peers:
            shelf.peers[address] = now + self._expiry
            (shelf.seeds.add if seed else shelf.seeds.discard)(address)
            return True
        if not self.has_room(key, host):
            return False
        if shelf is None:
            if len(self._shelves) >= self._keys:
                worst = self._worst(key)
                if worst is None:
                    return False
                self._drop_key(worst)
            shelf = self._shelves[key] = _Shelf()
            if self._farthest is not None and self._distance(key) > self._distance(self._farthest):
                self._farthest = key
        held = shelf.by_host.get(host, 0)
        if held >= self._per_host or len(shelf.peers) >= self._peers:
            return False
        if not held:
            self._held[host] = self._held.get(host, 0) + 1
        shelf.by_host[host] = held + 1
        shelf.peers[address] = now + self._expiry
        if seed:
            shelf.seeds.add(address)
        return True

    def has(self, key: bytes) -> bool:
        return key in self._shelves

    def get(self, key: bytes, now: float) -> list[Address]:
        """Unexpired addresses of `key`, oldest first."""
        shelf = self._shelves.get(key)
        return [address for address, until in shelf.peers.items() if until > now] if shelf else []

    def filters(self, key: bytes, now: float) -> tuple[bytes, bytes]:
        """BEP 33's bloom filters of `key`: (seeds, other peers), 256 bytes each."""
        seeds, others = Bloom(), Bloom()
        shelf = self._shelves.get(key)
        for address in self.get(key, now):
            (seeds if shelf is not None and address in shelf.seeds else others).add(address[0])
        return seeds.data, others.data

    def sample_keys(self, most: int, interval: float, rng: Rng, now: float) -> tuple[bytes, ...]:
        """BEP 51: at most `most` keys at random; the same ones for `interval` seconds, unless there were fewer than could be."""
        if now - self._sampled >= interval or len(self._sample) < min(most, len(self._shelves)):
            keys = list(self._shelves)
            for index in range(min(most, len(keys))):
                other = index + rng.randrange(len(keys) - index)
                keys[index], keys[other] = keys[other], keys[index]
            self._sample, self._sampled = tuple(keys[:most]), now
        return self._sample

    def sample(self, key: bytes, most: int, rng: Rng, now: float) -> list[Address]:
        """At most `most` of them, at random where there are more, so that every announcer is seen by someone."""
        peers = self.get(key, now)
        for index in range(min(most, len(peers))):
            other = index + rng.randrange(len(peers) - index)
            peers[index], peers[other] = peers[other], peers[index]
        return peers[:most]

    def expire(self, now: float) -> int:
        """Forget what is too old; returns how many addresses went."""
        gone = 0
        for key in list(self._shelves):
            shelf = self._shelves[key]
            for address in [address for address, until in shelf.peers.items() if until <= now]:
                self._drop_peer(shelf, address)
                gone += 1
            if not shelf.peers:
                self._forget(key)
        return gone

    def _drop_peer(self, shelf: _Shelf, address: Address) -> None:
        host = holder(address[0])
        del shelf.peers[address]
        shelf.seeds.discard(address)
        shelf.by_host[host] -= 1
        if not shelf.by_host[host]:
            del shelf.by_host[host]
            self._held[host] -= 1
            if not self._held[host]:
                del self._held[host]

    def _forget(self, key: bytes) -> _Shelf:
        if key == self._farthest:
            self._farthest = None
        return self._shelves.pop(key)

    def _drop_key(self, key: bytes) -> None:
        shelf = self._forget(key)
        for address in list(shelf.peers):
            self._drop_peer(shelf, address)

    def _distance(self, key: bytes) -> int:
        return int.from_bytes(key, "big") ^ self._own

    def _worst(self, key: bytes) -> bytes | None:
        """The stored key farthest from our id, if farther than `key`: whoever looks for it asks closer nodes first."""
        if self._farthest is None and self._shelves:
            self._farthest = max(self._shelves, key=self._distance)
        if self._farthest is None or self._distance(self._farthest) <= self._distance(key):
            return None
        return self._farthest
