"""The routing table: who answered us, sorted by how far from our id. Core.

A bucket holds the nodes that share exactly `depth` leading bits with our id: what BEP 5's splitting of only our own
bucket ends in. Room is 128, 64, 32, 16, then k: the far buckets are where most look-ups start. Only nodes that answered
a query of ours get in, one an IP, and one a /24 in each bucket: who holds a network holds one seat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from slskdn_tui.engine.dht.addresses import Address, network24
from slskdn_tui.engine.dht.krpc import Node
from slskdn_tui.engine.dht.tokens import Rng

FIRST = (128, 64, 32, 16)
BITS = 160
BAD = 2  # failures in a row after which a node is not handed out
GONE = 5  # ... after which it leaves even when nobody takes its place
CACHE = 8


@dataclass(slots=True)
class Contact:
    """`seen`: when it last answered us, or queried us having answered before. `failures`: in a row."""

    id: bytes
    address: Address
    seen: float
    failures: int = 0
    key: int = field(init=False)
    net: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = int.from_bytes(self.id, "big")
        self.net = network24(self.address[0])

    @property
    def bad(self) -> bool:
        return self.failures >= BAD


@dataclass(slots=True)
class Bucket:
    """`contacts` by id as a number; `dead`: those of them that are bad; `nets`: who holds the seat of a /24."""

    contacts: dict[int, Contact] = field(default_factory=dict)
    dead: dict[int, Contact] = field(default_factory=dict)
    nets: dict[str, Contact] = field(default_factory=dict)
    spare: list[Contact] = field(default_factory=list)
    changed: float = float("-inf")
    visited: bool = False  # a look-up went there once: what joining alone brings is one-sided


class RoutingTable:
    def __init__(self, own_id: bytes, *, k: int = 8, good_for: float = 900.0, one_per_ip: bool = True, one_per_24: bool = True) -> None:
        self.own_id = own_id
        self._own = int.from_bytes(own_id, "big")
        self._k, self._good_for, self._one_per_ip = k, good_for, one_per_ip
        self._one_per_24 = one_per_24
        self._buckets: dict[int, Bucket] = {}
        self._by_id: dict[bytes, Contact] = {}
        self._by_host: dict[str, Contact] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._by_id.values())

    def get(self, node_id: bytes) -> Contact | None:
        return self._by_id.get(node_id)

    @property
    def usable(self) -> int:
        """Nodes that would be handed out."""
        return sum(not contact.bad for contact in self._by_id.values())

    @property
    def depth(self) -> int:
        """The deepest bucket with a node in it; -1 when empty."""
        return max((depth for depth, bucket in self._buckets.items() if bucket.contacts), default=-1)

    def room(self, depth: int) -> int:
        return max(self._k, FIRST[depth]) if depth < len(FIRST) else self._k

    def depth_of(self, node_id: bytes) -> int:
        """Leading bits shared with our id; `BITS` for our id itself."""
        return BITS - (int.from_bytes(node_id, "big") ^ self._own).bit_length()

    def is_good(self, contact: Contact, now: float) -> bool:
        return contact.failures == 0 and now - contact.seen <= self._good_for

    def wants(self, node_id: bytes, address: Address, now: float) -> bool:
        """Whether it would be worth a ping to verify a node that we only heard of."""
        depth = self.depth_of(node_id)
        if depth >= BITS or node_id in self._by_id:
            return False
        holder = self._by_host.get(address[0]) if self._one_per_ip else None
        if holder is not None and not holder.bad:
            return False
        bucket = self._buckets.get(depth)
        if bucket is not None and self._neighbour(bucket, address) is not None:
            return False
        return bucket is None or len(bucket.contacts) < self.room(depth) or bool(bucket.dead)

    def answered(self, node_id: bytes, address: Address, now: float) -> bool:
        """A node answered a query of ours: enter or refresh it. True when it is a new entry."""
        depth = self.depth_of(node_id)
        if depth >= BITS:
            return False
        known = self._by_id.get(node_id)
        if known is not None:
            if known.address != address:
                # The first holder of an id keeps it while it answers: else anyone could take its place.
                if not known.bad:
                    return False
                self._remove(known)
                return self._enter(Contact(node_id, address, now), depth, now)
            known.seen, known.failures = now, 0
            bucket = self._buckets[depth]
            bucket.changed = now
            bucket.dead.pop(known.key, None)
            return False
        holder = self._by_host.get(address[0]) if self._one_per_ip else self._at(address)
        if holder is not None:
            if holder.address != address and not holder.bad:
                return False
            self._remove(holder)  # the same socket under a new id (restarted), or a dead neighbour behind one IP
        return self._enter(Contact(node_id, address, now), depth, now)

    def queried(self, node_id: bytes, address: Address, now: float) -> None:
        """A node asked us something: one that answered before stays fresh by it."""
        contact = self._by_id.get(node_id)
        if contact is not None and contact.address == address and contact.failures == 0:
            contact.seen = now

    def failed(self, node_id: bytes | None, address: Address) -> None:
        """A query to it was not answered, or someone else's id answered there."""
        contact = self._by_id.get(node_id) if node_id is not None else self._at(address)
        if contact is None or contact.address != address:
            return
        contact.failures += 1
        if not contact.bad:
            return
        bucket = self._buckets[self.depth_of(contact.id)]
        bucket.dead[contact.key] = contact
        if bucket.spare or contact.failures >= GONE:
            self._remove(contact)
            self._promote(bucket)

    def closest(self, target: bytes, count: int, accept: Callable[[Contact], bool] | None = None) -> list[Node]:
        """At most `count` nodes that are not bad, nearest to `target` first."""
        goal = int.from_bytes(target, "big")
        shared = BITS - (goal ^ self._own).bit_length()
        found: list[Node] = []

        def collect(depths: list[int]) -> None:
            nearest = sorted([(key ^ goal, depth) for depth in depths for key in self._buckets[depth].contacts])
            for gap, depth in nearest:
                contact = self._buckets[depth].contacts[gap ^ goal]
                if contact.failures < BAD and (accept is None or accept(contact)):
                    found.append((contact.id, contact.address))
                    if len(found) >= count:
                        return

        # Everything in our bucket `shared` is nearer than all deeper buckets, which are nearer than `shared - 1`, and so on.
        if shared in self._buckets:
            collect([shared])
        if len(found) < count:
            collect([depth for depth in self._buckets if depth > shared])
        for depth in sorted((depth for depth in self._buckets if depth < shared), reverse=True):
            if len(found) >= count:
                break
            collect([depth])
        return found

    def stale_bucket(self, now: float) -> int | None:
        """The bucket that waited longest for a refresh, if any is due; one beyond the deepest is due too."""
        due: tuple[float, int] | None = None
        for depth in range(min(self.depth + 2, BITS)):
            bucket = self._buckets.get(depth)
            changed = bucket.changed if bucket is not None and bucket.visited else float("-inf")
            if now - changed > self._good_for and (due is None or (changed, depth) < due):
                due = (changed, depth)
        return due[1] if due else None

    def touch(self, depth: int, now: float) -> None:
        """A look-up refreshes this bucket now."""
        bucket = self._buckets.setdefault(depth, Bucket())
        bucket.changed, bucket.visited = now, True

    def random_in(self, depth: int, rng: Rng) -> bytes:
        """An id at random that shares exactly `depth` bits with ours."""
        low = BITS - depth - 1
        random = int.from_bytes(rng.randbytes(20), "big") & ((1 << low) - 1)
        return ((((self._own >> low) ^ 1) << low) | random).to_bytes(20, "big")

    def questionable(self, now: float) -> Contact | None:
        """The node that was silent longest, if it needs a ping: not good, not gone."""
        worst = min(self._by_id.values(), key=lambda c: (c.seen, c.id), default=None)
        return worst if worst is not None and now - worst.seen > self._good_for else None

    def _at(self, address: Address) -> Contact | None:
        if self._one_per_ip:
            contact = self._by_host.get(address[0])
            return contact if contact is not None and contact.address == address else None
        return next((contact for contact in self._by_id.values() if contact.address == address), None)

    def _neighbour(self, bucket: Bucket, address: Address) -> Contact | None:
        """A node that lives in the same /24 and holds this bucket's seat for it."""
        if not self._one_per_24:
            return None
        holder = bucket.nets.get(network24(address[0]))
        return holder if holder is not None and not holder.bad else None

    def _enter(self, contact: Contact, depth: int, now: float) -> bool:
        bucket = self._buckets.setdefault(depth, Bucket())
        if self._neighbour(bucket, contact.address) is not None:
            return False
        if len(bucket.contacts) >= self.room(depth):
            dead = max(bucket.dead.values(), key=lambda c: c.failures, default=None)
            if dead is None:
                bucket.spare = [c for c in bucket.spare if c.address[0] != contact.address[0] and c.id != contact.id]
                bucket.spare.append(contact)
                del bucket.spare[:-CACHE]
                return False
            self._remove(dead)
        bucket.changed = now
        self._insert(bucket, contact)
        return True

    def _insert(self, bucket: Bucket, contact: Contact) -> None:
        bucket.contacts[contact.key] = contact
        bucket.nets[contact.net] = contact
        self._by_id[contact.id] = contact
        self._by_host[contact.address[0]] = contact

    def _remove(self, contact: Contact) -> None:
        bucket = self._buckets[self.depth_of(contact.id)]
        del bucket.contacts[contact.key]
        bucket.dead.pop(contact.key, None)
        if bucket.nets.get(contact.net) is contact:
            del bucket.nets[contact.net]
        del self._by_id[contact.id]
        if self._by_host.get(contact.address[0]) is contact:
            del self._by_host[contact.address[0]]

    def _promote(self, bucket: Bucket) -> None:
        """The spare that answered last takes the free place; one whose host or id got in elsewhere meanwhile does not."""
        while bucket.spare:
            spare = bucket.spare.pop()
            taken = spare.id in self._by_id or (self._one_per_ip and spare.address[0] in self._by_host)
            if not taken and self._neighbour(bucket, spare.address) is None:
                self._insert(bucket, spare)
                return
