"""The routing table: who answered us, sorted by how far from our id. Core.

A bucket holds the nodes that share exactly `depth` leading bits with our id: what BEP 5's splitting of only our own
bucket ends in. Room is 128, 64, 32, 16, then k: the far buckets are where most look-ups start. Only nodes that answered
a query of ours get in, one an IP, and one a network in each bucket: who holds a network holds one seat. In a full bucket
a node whose id fits its address (BEP 42) takes the seat of one whose does not.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace

from slskdn_tui.engine.dht.routing.ids import is_valid
from slskdn_tui.engine.dht.wire.addresses import Address, holder, network, pack
from slskdn_tui.engine.dht.wire.chance import Rng

FIRST = (128, 64, 32, 16)
BITS = 160
BAD = 2  # failures in a row after which a node is out of use; after one it is not handed out until it answers again
GONE = 5  # ... after which it leaves even when nobody takes its place
CACHE = 8
PATIENT = 12.0  # longer than any answer takes


@dataclass(slots=True, eq=False)
class Contact:
    """`seen`: when it last answered us, or queried us having answered before. `failures`: in a row. `packed`: its compact form.

    `far`: it lives in one of the wide buckets, where look-ups begin and one dead node among many costs little.
    """

    id: bytes
    address: Address
    seen: float
    failures: int = 0
    far: bool = False
    key: int = field(init=False)
    net: str = field(init=False)
    valid: bool = field(init=False)
    packed: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.key = int.from_bytes(self.id, "big")
        self.net = network(self.address[0])
        self.valid = is_valid(self.id, self.address[0])
        self.packed = self.id + pack(self.address)

    @property
    def bad(self) -> bool:
        return self.failures >= BAD

    @property
    def node(self) -> tuple[bytes, Address]:
        return self.id, self.address


@dataclass(slots=True)
class Bucket:
    """`contacts` by id as a number; `dead`: those of them that are bad; `nets`: who holds the seat of a network."""

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
        self._by_key: dict[int, Contact] = {}
        self._live: list[int] = []  # keys of contacts without a failure, sorted
        self._valid: list[int] = []  # ... of those whose id fits their address
        self._checks: list[tuple[float, int, Contact]] = []  # a heap: not before then is a contact due
        self._entered = 0
        self._bad = 0
        self._doubted: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._by_id.values())

    def get(self, node_id: bytes) -> Contact | None:
        return self._by_id.get(node_id)

    @property
    def usable(self) -> int:
        """Nodes that are not bad."""
        return len(self._by_id) - self._bad

    @property
    def good(self) -> int:
        """Nodes that answered the last time they were asked."""
        return len(self._live)

    @property
    def depth(self) -> int:
        """The deepest bucket with a node in it; -1 when empty."""
        return max((depth for depth, bucket in self._buckets.items() if bucket.contacts), default=-1)

    def rename(self, own_id: bytes) -> None:
        """We have a new id: everybody gets the place that follows from it."""
        contacts = list(self._by_id.values())
        self.__init__(own_id, k=self._k, good_for=self._good_for, one_per_ip=self._one_per_ip, one_per_24=self._one_per_24)  # type: ignore[misc]
        for contact in contacts:
            if not contact.bad:
                contact.failures = 0
                self._enter(contact, self.depth_of(contact.id), contact.seen)

    def room(self, depth: int) -> int:
        return max(self._k, FIRST[depth]) if depth < len(FIRST) else self._k

    def depth_of(self, node_id: bytes) -> int:
        """Leading bits shared with our id; `BITS` for our id itself."""
        return BITS - (int.from_bytes(node_id, "big") ^ self._own).bit_length()

    def wants(self, node_id: bytes, address: Address) -> bool:
        """Whether it would be worth a ping to verify a node that we only heard of."""
        if node_id in self._by_id:
            return False
        host = self._by_host.get(holder(address[0])) if self._one_per_ip else None
        if host is not None and not host.bad:
            return False
        depth = self.depth_of(node_id)
        if depth >= BITS:
            return False
        bucket = self._buckets.get(depth)
        if bucket is None:
            return True
        if self._neighbour(bucket, address) is not None:
            return False
        return len(bucket.contacts) < self.room(depth) or bool(bucket.dead)

    def answered(self, node_id: bytes, address: Address, now: float) -> bool:
        """A node answered a query of ours: enter or refresh it. True when it is a new entry."""
        known = self._by_id.get(node_id)
        if known is not None:
            depth = self.depth_of(node_id)
            if known.address != address:
                # The first holder of an id keeps it while it answers: else anyone could take its place.
                if not known.bad:
                    return False
                self._remove(known)
                return self._enter(Contact(node_id, address, now), depth, now)
            known.seen = now
            if known.failures:
                self._revive(known)
            bucket = self._buckets[depth]
            bucket.changed = now
            return False
        depth = self.depth_of(node_id)
        if depth >= BITS:
            return False
        host = self._by_host.get(holder(address[0])) if self._one_per_ip else self._at(address)
        if host is not None:
            if host.address != address and not host.bad:
                return False
            self._remove(host)  # the same socket under a new id (restarted), or a dead neighbour behind one IP
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
        if contact.failures == 0:
            self._hide(contact)
            self._doubted[contact.id] = None
        contact.failures += 1
        if not contact.bad:
            return
        if contact.failures == BAD:
            self._bad += 1
        bucket = self._buckets[self.depth_of(contact.id)]
        bucket.dead[contact.key] = contact
        if bucket.spare or contact.failures >= GONE:
            self._remove(contact)
            self._promote(bucket)

    def closest(self, target: bytes, count: int, but: Address | None = None) -> list[Contact]:
        """At most `count` nodes to hand out, nearest to `target` first, `but` left out; at most half of them with ids that fit
        no address where there are others: the rest of the network stays in sight behind a crowd of Sybils.
        """
        goal = int.from_bytes(target, "big")
        found = self._nearest(self._live, goal, count, but)
        if len(self._valid) == len(self._live):
            return found
        strangers = [contact for contact in found if not contact.valid]
        if 2 * len(strangers) <= count:
            return found
        fit = self._nearest(self._valid, goal, count - count // 2, but)
        chosen = fit + strangers[: count - len(fit)]
        return sorted(chosen, key=lambda contact: contact.key ^ goal)

    def seeds(self, target: bytes, count: int) -> list[Contact]:
        """As `closest`, for our own look-ups; where too few are good, those that failed once or more may have come back."""
        found = self.closest(target, count)
        if len(found) < count:
            goal = int.from_bytes(target, "big")
            doubtful = sorted((contact for contact in self if 0 < contact.failures < BAD), key=lambda contact: contact.key ^ goal)
            found += doubtful[: count - len(found)]
        return found

    def _nearest(self, keys: list[int], goal: int, count: int, but: Address | None) -> list[Contact]:
        """All that share the longest prefix that enough share are nearer than all others: only those are sorted."""
        need = count + (but is not None)
        size = len(keys)
        low, high = 0, size
        if size > 2 * need:
            bits = (size // need).bit_length()
            while bits > 0:
                span = BITS - bits
                first = (goal >> span) << span
                low = bisect_left(keys, first)
                high = bisect_left(keys, first + (1 << span), low)
                if high - low >= need:
                    break
                bits -= 1
            else:
                low, high = 0, size
            while high - low > 4 * need and bits < BITS:
                bits += 1
                span = BITS - bits
                first = (goal >> span) << span
                lower = bisect_left(keys, first, low, high)
                upper = bisect_left(keys, first + (1 << span), lower, high)
                if upper - lower < need:
                    break
                low, high = lower, upper
        by_key = self._by_key
        found = [by_key[gap ^ goal] for gap in sorted([key ^ goal for key in keys[low:high]])[:need]]
        if but is not None:
            found = [contact for contact in found if contact.address != but]
        return found[:count]

    def stale_bucket(self, now: float) -> int | None:
        """The bucket that waited longest for a refresh, if any is due; one beyond the deepest is due too, once.

        The deepest ones, of k nodes together, are what a look-up of our own id covers: after their first visit they are left to it.
        """
        due: tuple[float, int] | None = None
        covered = 0
        for depth in reversed(range(min(self.depth + 2, BITS))):
            bucket = self._buckets.get(depth)
            covered += len(bucket.contacts) if bucket is not None else 0
            if bucket is not None and bucket.visited and covered <= self._k:
                continue
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

    def doubted(self) -> Contact | None:
        """A node that failed to answer since it was last good, once each time: to be asked again before anyone is told of it."""
        while self._doubted:
            node_id = next(iter(self._doubted))
            del self._doubted[node_id]
            contact = self._by_id.get(node_id)
            if contact is not None and contact.failures == 1:
                return contact
        return None

    def questionable(self, now: float) -> Contact | None:
        """A node whose turn for a ping came: silent for `good_for`, twice as long in the wide buckets; the same not again for `PATIENT` s."""
        checks = self._checks
        while checks and checks[0][0] < now:
            _, turn, contact = checks[0]
            if self._by_key.get(contact.key) is not contact:
                heappop(checks)
                continue
            due = self._due(contact)
            if due >= now:
                heapreplace(checks, (due, turn, contact))
                continue
            heapreplace(checks, (now + PATIENT, turn, contact))
            return contact
        return None

    def _due(self, contact: Contact) -> float:
        return contact.seen + self._good_for * (1 + contact.far)

    def _at(self, address: Address) -> Contact | None:
        if self._one_per_ip:
            contact = self._by_host.get(holder(address[0]))
            return contact if contact is not None and contact.address == address else None
        return next((contact for contact in self._by_id.values() if contact.address == address), None)

    def _neighbour(self, bucket: Bucket, address: Address) -> Contact | None:
        """A node that lives in the same network and holds this bucket's seat for it."""
        if not self._one_per_24:
            return None
        seat = bucket.nets.get(network(address[0]))
        return seat if seat is not None and not seat.bad else None

    def _enter(self, contact: Contact, depth: int, now: float) -> bool:
        bucket = self._buckets.setdefault(depth, Bucket())
        if self._neighbour(bucket, contact.address) is not None:
            return False
        if len(bucket.contacts) >= self.room(depth):
            loser = max(bucket.dead.values(), key=lambda c: c.failures, default=None)
            if loser is None and contact.valid:
                loser = next((c for c in bucket.contacts.values() if not c.valid), None)
            if loser is None:
                bucket.spare = [c for c in bucket.spare if c.address[0] != contact.address[0] and c.id != contact.id]
                bucket.spare.append(contact)
                del bucket.spare[:-CACHE]
                return False
            self._remove(loser)
        bucket.changed = now
        contact.far = depth < len(FIRST)
        self._insert(bucket, contact)
        return True

    def _insert(self, bucket: Bucket, contact: Contact) -> None:
        bucket.contacts[contact.key] = contact
        bucket.nets[contact.net] = contact
        self._by_id[contact.id] = self._by_key[contact.key] = contact
        self._by_host[holder(contact.address[0])] = contact
        self._entered += 1
        heappush(self._checks, (self._due(contact), self._entered, contact))
        self._show(contact)

    def _remove(self, contact: Contact) -> None:
        bucket = self._buckets[self.depth_of(contact.id)]
        del bucket.contacts[contact.key]
        bucket.dead.pop(contact.key, None)
        if bucket.nets.get(contact.net) is contact:
            del bucket.nets[contact.net]
        del self._by_id[contact.id], self._by_key[contact.key]
        if self._by_host.get(holder(contact.address[0])) is contact:
            del self._by_host[holder(contact.address[0])]
        if contact.failures == 0:
            self._hide(contact)
        self._bad -= contact.bad

    def _revive(self, contact: Contact) -> None:
        self._bad -= contact.bad
        contact.failures = 0
        self._buckets[self.depth_of(contact.id)].dead.pop(contact.key, None)
        self._show(contact)

    def _show(self, contact: Contact) -> None:
        insort(self._live, contact.key)
        if contact.valid:
            insort(self._valid, contact.key)

    def _hide(self, contact: Contact) -> None:
        del self._live[bisect_left(self._live, contact.key)]
        if contact.valid:
            del self._valid[bisect_left(self._valid, contact.key)]

    def _promote(self, bucket: Bucket) -> None:
        """The spare that answered last takes the free place; one whose host or id got in elsewhere meanwhile does not."""
        while bucket.spare:
            spare = bucket.spare.pop()
            taken = spare.id in self._by_id or (self._one_per_ip and holder(spare.address[0]) in self._by_host)
            if not taken and self._neighbour(bucket, spare.address) is None:
                self._insert(bucket, spare)
                return
