"""Nodes tell each other what they have: adverts in rounds, descriptors, and what of it is healed when some was missed. Shell over the neighbours.

A round makes this node's own advert when something changed, passes on what came since the last one to whoever does not have it yet, and asks
for what a delta was built on. On connecting, and every ten minutes with one neighbour, both say how far they know whom, so that nothing stays missed.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from slskdn_tui.engine.overlay.frames import Kind
from slskdn_tui.engine.overlay.gossip.messages import (
    MAX_HOPS,
    MAX_WANTED,
    Advertised,
    AdvertRequest,
    Descriptor,
    DescriptorQuery,
    Known,
    SignedAdvert,
    Signer,
    seal,
    unseal,
)
from slskdn_tui.engine.overlay.gossip.shelf import Shelf, ShelfLimits, Taken, fitting
from slskdn_tui.engine.overlay.messages import decode, encode
from slskdn_tui.engine.peers.bandwidth import TokenBucket
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.heard import HeardDescriptor, HeardVariant, ObservationSink, Voice

log = logging.getLogger(__name__)
ROUND_S = 2.0
ADVERT_TTL_S = 7200
HEAL_EVERY_S = 600.0
DESCRIBE_EVERY_S = 600.0
ADVERT_CAP = 44 * 1024
"""Bytes of variants in one advert: a delta may name as many that are gone besides."""
ANSWER_CAP = 1024 * 1024
"""Bytes of adverts that answer one request, and what a neighbour may send in a burst; `INCOMING_BYTES_S` goes on for ever."""
INCOMING_BYTES_S = 64 * 1024.0
INCOMING_BURST = 4.0 * ANSWER_CAP
REQUESTS_S = 1.0
REQUESTS_BURST = 16.0


class Neighbour(Protocol):
    """A connected node (`OverlayPeer`)."""

    @property
    def node_id(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def writable(self) -> bool:
        """False while it does not take what was sent."""
        ...

    def tell(self, kind: Kind, request_id: int, body: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Serving:
    """How this node serves: free `slots`, its cap in kbit/s or None, whether it is a warm `cache`."""

    slots: int = 0
    bandwidth_kbps: int | None = None
    cache: bool = False


class Stock(Protocol):
    """What this node has and tells of: the user's choice, at most 100 recordings of it to strangers."""

    def active(self) -> Sequence[HeardVariant]:
        """What is advertised, most active first."""
        ...

    def moving(self) -> Sequence[HeardVariant]:
        """What was asked for, sent or finished within the last minutes."""
        ...

    def find(self, release: str, recordings: Sequence[str]) -> Sequence[HeardVariant]: ...
    def serving(self) -> Serving: ...


@dataclass(slots=True)
class _Near:
    peer: Neighbour
    bytes_in: TokenBucket
    requests: TokenBucket
    known: dict[str, int] = field(default_factory=dict)
    """node id to the sequence this neighbour has, as far as it is known"""


class Gossip:
    """One a node. `sinks` is a live list; `signer` is the node's identity, `own` its node id; `asked(recordings)` is told what neighbours want."""

    def __init__(
        self,
        own: str,
        signer: Signer,
        stock: Stock,
        clock: Clock,
        rng: random.Random,
        sinks: Sequence[ObservationSink] = (),
        *,
        asked: Callable[[Sequence[str]], None] = lambda recordings: None,
        blocked: Callable[[str], bool] = lambda node_id: False,
        limits: ShelfLimits | None = None,
    ) -> None:
        self.shelf = Shelf(own, limits)
        self.counters: Counter[str] = Counter()
        self.rounds = 0
        self._own = own
        self._signer = signer
        self._stock = stock
        self._clock = clock
        self._rng = rng
        self._sinks = sinks
        self._asked = asked
        self._blocked = blocked
        self._near: dict[str, _Near] = {}
        self._fresh: list[SignedAdvert] = []
        self._gaps: dict[tuple[str, str], int] = {}  # (neighbour, node) to the sequence that is here
        self._described: dict[str, tuple[HeardDescriptor, float]] = {}
        self._told: Sequence[HeardVariant] | None = None
        self._heal_at = self._describe_at = clock.now() + HEAL_EVERY_S  # on connecting everybody is asked anyhow

    # what others ask

    def descriptor(self, node_id: str) -> HeardDescriptor | None:
        """The last one of this node, while it holds."""
        found = self._described.get(node_id)
        return found[0] if found is not None and found[1] > self._clock.now() else None

    # the mesh's calls

    def connected(self, peer: Neighbour) -> None:
        now = self._clock.now()
        near = _Near(peer, TokenBucket(INCOMING_BYTES_S, INCOMING_BURST, now), TokenBucket(REQUESTS_S, REQUESTS_BURST, now))
        self._near[peer.node_id] = near
        self._ask(near)
        self._tell(near, Kind.DESCRIPTOR, 0, self._describe(()))

    def lost(self, peer: Neighbour) -> None:
        near = self._near.get(peer.node_id)
        if near is not None and near.peer is peer:
            del self._near[peer.node_id]
            self._described.pop(peer.node_id, None)

    def told(self, peer: Neighbour, kind: Kind, request_id: int, body: bytes) -> None:
        """A frame of a neighbour. ProtocolError when it is malformed: the connection ends."""
        near = self._near.get(peer.node_id)
        if near is None or near.peer is not peer:
            return
        if kind == Kind.ADVERT:
            self._advert(near, body)
        elif kind == Kind.DESCRIPTOR:
            self._heard_descriptor(near, decode(Descriptor, body))
        elif not near.requests.take(1.0, self._clock.now()):
            self.counters["requests over quota"] += 1
        elif kind == Kind.ADVERT_REQUEST:
            self._answer(near, decode(AdvertRequest, body))
        elif kind == Kind.DESCRIPTOR_QUERY:
            query = decode(DescriptorQuery, body)
            found = self._stock.find(query.mb_release_id, query.recordings)
            self._tell(near, Kind.DESCRIPTOR, request_id, self._describe(found, query.mb_release_id))

    def asked(self, peer: Neighbour, recordings: Sequence[str]) -> None:
        """A neighbour's `mesh_cache_job` names these."""
        self._asked(recordings)
        for sink in self._sinks:
            sink.wanted(Voice(peer.node_id, peer.host), recordings)

    # this node's own

    def completed(self, variants: Sequence[HeardVariant]) -> None:
        """Tell every neighbour of what was just finished."""
        body = self._describe(variants)
        for near in self._near.values():
            self._tell(near, Kind.DESCRIPTOR, 0, body)

    async def run(self) -> None:
        """Rounds, for ever; supervised by the engine."""
        while True:
            self.round()
            await self._clock.sleep(ROUND_S * self._rng.uniform(0.9, 1.1))

    def round(self) -> None:
        self.rounds += 1
        now, wall = self._clock.now(), int(self._clock.wall().timestamp())
        for node_id in self.shelf.expire(wall):
            for near in self._near.values():
                near.known.pop(node_id, None)  # so that no stream of invented nodes, each for a second, stays in memory
            for sink in self._sinks:
                sink.expired(node_id)
        active = self._stock.active()
        advert = None
        if active is not self._told or self.shelf.renewal_due(wall):  # an unchanged stock is the same object: at rest a round costs nothing
            self._told = active
            advert = self.shelf.next_own(active, wall, ttl_s=ADVERT_TTL_S, cap=ADVERT_CAP)
        if advert is not None:
            signed = seal(advert, self._signer)
            if self.shelf.take(signed, "", wall) is Taken.NEW:
                self._fresh.append(signed)
        fresh, self._fresh = self._fresh, []
        gaps, self._gaps = self._gaps, {}
        for near in list(self._near.values()):
            for signed in fresh:
                self._pass_on(near, signed)
            wanted = [Known(node_id=node, sequence=have) for (peer, node), have in gaps.items() if peer == near.peer.node_id]
            for start in range(0, len(wanted), MAX_WANTED):
                self._tell(near, Kind.ADVERT_REQUEST, 0, encode(AdvertRequest(wanted=wanted[start : start + MAX_WANTED])))
        if self._near and now >= self._heal_at:
            self._heal_at = now + HEAL_EVERY_S
            self._ask(self._rng.choice(list(self._near.values())))
        if now >= self._describe_at:
            self._describe_at = now + DESCRIBE_EVERY_S
            if moving := self._stock.moving():
                self.completed(moving)

    # in between

    def _tell(self, near: _Near, kind: Kind, request_id: int, body: bytes) -> None:
        if not near.peer.closed:
            self.counters["bytes"] += len(body) + 9
            near.peer.tell(kind, request_id, body)

    def _pass_on(self, near: _Near, signed: SignedAdvert) -> None:
        """To a neighbour that does not have it, unless it came far enough; one that takes nothing now asks later."""
        advert = signed.advert
        if near.peer.node_id == signed.node_id or near.known.get(signed.node_id, 0) >= advert.sequence or not near.peer.writable:
            return
        if signed.node_id != self._own and signed.hops >= MAX_HOPS:
            return
        near.known[signed.node_id] = advert.sequence
        self._tell(near, Kind.ADVERT, 0, signed.body if signed.node_id == self._own else signed.passed_on())

    def _ask(self, near: _Near) -> None:
        known = self.shelf.sequences()
        some = self._rng.sample(sorted(known), min(len(known), MAX_WANTED))
        wanted = [Known(node_id=node_id, sequence=known[node_id]) for node_id in some]
        self._tell(near, Kind.ADVERT_REQUEST, 0, encode(AdvertRequest(wanted=wanted, others=len(known) <= MAX_WANTED)))

    def _answer(self, near: _Near, request: AdvertRequest) -> None:
        wanted = {each.node_id: each.sequence for each in request.wanted}
        near.known.update((node, sequence) for node, sequence in wanted.items() if self.shelf.sequence(node))
        if request.others:
            wanted |= {node_id: 0 for node_id in self.shelf.sequences() if node_id not in wanted}
        left = ANSWER_CAP
        for node_id, sequence in wanted.items():
            if node_id == near.peer.node_id:
                continue
            near.known.pop(node_id, None) if sequence < self.shelf.sequence(node_id) else None
            for signed in self.shelf.since(node_id, sequence):
                left -= len(signed.sealed)
                if left < 0:
                    return
                self._pass_on(near, signed)

    def _advert(self, near: _Near, body: bytes) -> None:
        if not near.bytes_in.take(float(len(body)), self._clock.now()):
            self.counters["adverts over quota"] += 1
            return
        signed = self.shelf.same(body[1:]) or unseal(body)
        advert, node_id = signed.advert, signed.node_id
        if node_id == self._own or self._blocked(node_id):
            return
        taken = self.shelf.take(signed, near.peer.host, int(self._clock.wall().timestamp()))
        self.counters[f"adverts {taken}"] += 1
        if taken is Taken.GAP:
            self._gaps[near.peer.node_id, node_id] = self.shelf.sequence(node_id)
        if taken in (Taken.NEW, Taken.OLD):
            near.known[node_id] = max(near.known.get(node_id, 0), advert.sequence)
        if taken is not Taken.NEW:
            return
        self._fresh.append(signed)
        voice = Voice(node_id, near.peer.host, node_id == near.peer.node_id)
        variants = tuple(each.heard() for each in advert.variants)
        for sink in self._sinks:
            sink.advertised(voice, variants, tuple(advert.gone), whole=not advert.base)

    def _describe(self, variants: Sequence[HeardVariant], release: str = "") -> bytes:
        how = self._stock.serving()
        told: list[Advertised] = fitting(variants, ADVERT_CAP)
        return encode(
            Descriptor(
                mb_release_id=release, variants=tuple(told), slots=how.slots, bandwidth_kbps=how.bandwidth_kbps, cache=how.cache
            )
        )  # fmt: skip

    def _heard_descriptor(self, near: _Near, message: Descriptor) -> None:
        if not message.ttl_s:
            return
        heard = message.heard()
        self._described[near.peer.node_id] = heard, self._clock.now() + message.ttl_s
        for sink in self._sinks:
            sink.described(Voice(near.peer.node_id, near.peer.host), heard)
