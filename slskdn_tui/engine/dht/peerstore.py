"""Peers that others announced to us, by key: quotas and expiry. Core."""

from __future__ import annotations

from dataclasses import dataclass, field

from slskdn_tui.engine.dht.addresses import Address
from slskdn_tui.engine.dht.tokens import Rng


@dataclass(slots=True)
class _Shelf:
    peers: dict[Address, float] = field(default_factory=dict)  # address -> when it expires
    by_host: dict[str, int] = field(default_factory=dict)


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

    @property
    def keys(self) -> int:
        return len(self._shelves)

    @property
    def size(self) -> int:
        return sum(len(shelf.peers) for shelf in self._shelves.values())

    def has_room(self, key: bytes, host: str) -> bool:
        """Whether an announce of `key` from `host` would be taken; where not, no token is given out."""
        shelf = self._shelves.get(key)
        if shelf is None:
            return self._held.get(host, 0) < self._keys_per_host and (len(self._shelves) < self._keys or self._worst(key) is not None)
        if host in shelf.by_host:
            return True
        return len(shelf.peers) < self._peers and self._held.get(host, 0) < self._keys_per_host

    def add(self, key: bytes, address: Address, now: float) -> bool:
        """Store or renew; False when a quota forbids it."""
        host = address[0]
        shelf = self._shelves.get(key)
        if shelf is not None and address in shelf.peers:
            shelf.peers[address] = now + self._expiry
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
        held = shelf.by_host.get(host, 0)
        if held >= self._per_host or len(shelf.peers) >= self._peers:
            return False
        if not held:
            self._held[host] = self._held.get(host, 0) + 1
        shelf.by_host[host] = held + 1
        shelf.peers[address] = now + self._expiry
        return True

    def get(self, key: bytes, now: float) -> list[Address]:
        """Unexpired addresses of `key`, oldest first."""
        shelf = self._shelves.get(key)
        return [address for address, until in shelf.peers.items() if until > now] if shelf else []

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
                del self._shelves[key]
        return gone

    def _drop_peer(self, shelf: _Shelf, address: Address) -> None:
        host = address[0]
        del shelf.peers[address]
        shelf.by_host[host] -= 1
        if not shelf.by_host[host]:
            del shelf.by_host[host]
            self._held[host] -= 1
            if not self._held[host]:
                del self._held[host]

    def _drop_key(self, key: bytes) -> None:
        shelf = self._shelves.pop(key)
        for address in list(shelf.peers):
            self._drop_peer(shelf, address)

    def _worst(self, key: bytes) -> bytes | None:
        """The stored key farthest from our id, if farther than `key`: whoever looks for it asks closer nodes first."""
        distance = int.from_bytes(key, "big") ^ self._own
        worst = max(self._shelves, key=lambda stored: int.from_bytes(stored, "big") ^ self._own, default=None)
        if worst is None or int.from_bytes(worst, "big") ^ self._own <= distance:
            return None
        return worst
