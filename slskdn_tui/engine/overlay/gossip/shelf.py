"""The adverts this node knows: one chain of signed messages a node, a snapshot and the deltas on it. Core.

Bounded whatever is sent: chains, variants a node, nodes a source (the neighbour's address they came through), bytes in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from slskdn_tui.engine.overlay.gossip.messages import MAX_VARIANTS, Advert, Advertised, SignedAdvert
from slskdn_tui.engine.overlay.messages import encode
from slskdn_tui.model.heard import HeardVariant

MAX_CHAIN = 16
"""Messages of one node until its next snapshot."""
MAX_FUTURE_S = 300
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShelfLimits:
    nodes: int = 2000
    nodes_a_source: int = 250
    """nodes first heard of through one address"""
    bytes_a_node: int = 256 * 1024
    bytes: int = 32 * MIB


class Taken(StrEnum):
    """What became of an advert."""

    NEW = "new"
    OLD = "old"
    GAP = "gap"  # builds on something that is not here: ask for it
    EXPIRED = "expired"
    OVER = "over"  # over a quota


@dataclass(slots=True)
class _Node:
    source: str
    chain: list[SignedAdvert] = field(default_factory=list)
    variants: dict[str, HeardVariant] = field(default_factory=dict)
    size: int = 0

    @property
    def sequence(self) -> int:
        return self.chain[-1].advert.sequence

    @property
    def standing(self) -> int:
        """The sequence after which nothing changed: signs of life may follow it."""
        return next(each.advert.sequence for each in reversed(self.chain) if each.advert.changes)

    @property
    def until(self) -> int:
        last = self.chain[-1].advert
        return last.made_at + last.ttl_s


class Shelf:
    """Times are unix seconds. `own` is this node, whose adverts come from itself alone and never run out."""

    def __init__(self, own: str, limits: ShelfLimits | None = None) -> None:
        self._own = own
        self._limits = limits or ShelfLimits()
        self._nodes: dict[str, _Node] = {}
        self._sources: Counter[str] = Counter()
        self._keys: dict[bytes, str] = {}  # raw Ed25519 key to node id
        self.size = 0

    def __len__(self) -> int:
        """Nodes whose adverts are known, this one included."""
        return len(self._nodes)

    def take(self, signed: SignedAdvert, source: str, now: int) -> Taken:
        """Keep an advert that came through `source` (an address, "" for this node's own)."""
        advert, node = signed.advert, self._nodes.get(signed.node_id)
        if (signed.node_id == self._own) != (source == ""):
            return Taken.OLD  # its own adverts come back to a node
        if advert.made_at + advert.ttl_s <= now or advert.made_at > now + MAX_FUTURE_S:
            return Taken.EXPIRED
        if node is not None and advert.sequence <= node.sequence:
            return Taken.OLD
        if advert.base and (node is None or advert.base not in (node.sequence, node.standing)):
            return Taken.GAP
        variants = {} if node is None or not advert.base else dict(node.variants)
        for gone in advert.gone:
            variants.pop(gone, None)
        variants.update((each.variant_id, each.heard()) for each in advert.variants)
        # A sign of life is let go with the next message: a node at rest stays one snapshot, which is never said again.
        chain = (
            [signed]
            if node is None or not advert.base
            else [*(each for each in node.chain if each.advert.sequence <= node.standing), signed]
        )
        size = sum(len(each.sealed) for each in chain)
        before = node.size if node is not None else 0
        limits = self._limits
        if len(variants) > MAX_VARIANTS or len(chain) > MAX_CHAIN or size > limits.bytes_a_node:
            return Taken.OVER
        if self.size - before + size > limits.bytes:
            return Taken.OVER
        if node is None:
            if len(self._nodes) >= limits.nodes or self._sources[source] >= limits.nodes_a_source:
                return Taken.OVER
            node = self._nodes[signed.node_id] = _Node(source)
            self._sources[source] += 1
            self._keys[signed.sealed[:32]] = signed.node_id
        node.chain, node.variants, node.size = chain, variants, size
        self.size += size - before
        return Taken.NEW

    def same(self, sealed: bytes) -> SignedAdvert | None:
        """The advert of these very bytes, when it is here: most come from several neighbours, and a signature need be checked once."""
        node = self._nodes.get(self._keys.get(sealed[:32], ""))
        return next((signed for signed in reversed(node.chain) if signed.sealed == sealed), None) if node is not None else None

    def since(self, node_id: str, sequence: int) -> tuple[SignedAdvert, ...]:
        """What follows `sequence` of a node's adverts; all of its chain when that is older."""
        node = self._nodes.get(node_id)
        if node is None or sequence >= node.sequence:
            return ()
        known = sequence >= node.chain[0].advert.sequence  # one between two links was a sign of life
        return tuple(signed for signed in node.chain if not known or signed.advert.sequence > sequence)

    def sequences(self) -> dict[str, int]:
        return {node_id: node.sequence for node_id, node in self._nodes.items()}

    def sequence(self, node_id: str) -> int:
        """0 for a node that is not known."""
        node = self._nodes.get(node_id)
        return node.sequence if node is not None else 0

    def variants(self, node_id: str) -> dict[str, HeardVariant]:
        """By variant id, what a node advertises now."""
        node = self._nodes.get(node_id)
        return dict(node.variants) if node is not None else {}

    def having(self, recording: str) -> tuple[str, ...]:
        """Other nodes that advertise this recording."""
        return tuple(
            node_id
            for node_id, node in self._nodes.items()
            if node_id != self._own and any(each.variant.recording_mbid == recording for each in node.variants.values())
        )

    def expire(self, now: int) -> tuple[str, ...]:
        """Forget who was not heard of in time; who that was."""
        gone = tuple(node_id for node_id, node in self._nodes.items() if node.until <= now and node_id != self._own)
        for node_id in gone:
            node = self._nodes.pop(node_id)
            self.size -= node.size
            del self._keys[node.chain[0].sealed[:32]]
            self._sources[node.source] -= 1
        self._sources = +self._sources
        return gone

    def renewal_due(self, now: int) -> bool:
        """Whether half the time of this node's own last advert is over."""
        node = self._nodes.get(self._own)
        return node is None or now >= node.until - node.chain[-1].advert.ttl_s // 2

    def next_own(self, offered: Sequence[HeardVariant], now: int, *, ttl_s: int, cap: int) -> Advert | None:
        """What this node has to say now that it offers these: a snapshot, a delta, an empty delta as sign of life when half of `ttl_s` is over, or None.

        Of more than fit into `cap` bytes of JSON the first are told. The sequence is in milliseconds since 1970, so that it grows across restarts.
        """
        node = self._nodes.get(self._own)
        wanted = {each.variant_id: each for each in fitting(offered, cap)}
        last = node.sequence if node is not None else 0
        sequence = max(last + 1, now * 1000)
        if node is None or len(node.chain) >= MAX_CHAIN or node.size > self._limits.bytes_a_node // 2:
            return Advert(sequence=sequence, made_at=now, ttl_s=ttl_s, variants=tuple(wanted.values()))
        fresh = tuple(each for variant_id, each in wanted.items() if node.variants.get(variant_id) != each.heard())
        gone = tuple(variant_id for variant_id in node.variants if variant_id not in wanted)
        if not fresh and not gone and not self.renewal_due(now):
            return None
        return Advert(sequence=sequence, base=node.standing, made_at=now, ttl_s=ttl_s, variants=fresh, gone=gone)


def fitting(offered: Sequence[HeardVariant], cap: int) -> list[Advertised]:
    """As many of these, in order, as `cap` bytes of JSON and one message hold; what cannot be named is left out."""
    told: list[Advertised] = []
    size = 256
    for heard in offered:
        try:
            each = Advertised.of(heard)
        except ValueError:
            continue
        size += len(encode(each)) + 1
        if size > cap or len(told) == MAX_VARIANTS:
            break
        told.append(each)
    return told
