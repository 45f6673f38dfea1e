"""Rescue (roadmap 1.4): when a Soulseek transfer underperforms, ask the mesh who has the recording and let peers fill the missing ranges.

Shell between one track's swarm and the mesh. The origin stays alive at low priority; the guard inside the swarm decides whether a peer may deliver.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.ports import ChunkPeer
from slskdn_tui.model.variant import Variant

log = logging.getLogger(__name__)
OFFER_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one round of asking gave: peers now delivering, and every refusal in words."""

    taken: tuple[str, ...]
    refused: tuple[str, ...]
    looked: str


class Rescuer:
    """Asks the mesh for one track. Remembers who was asked, so a second round only meets new peers or new offers."""

    def __init__(self, services: Services, recording: str, tell: Callable[[str, str, str], None]) -> None:
        self._services = services
        self._recording = recording
        self._tell = tell  # (kind, source, words) into the trace
        self._settled: set[tuple[str, str]] = set()
        self.delivering: set[str] = set()

    @property
    def unavailable(self) -> str:
        return self._services.finder.unavailable

    async def ask(self, swarm: TrackSwarm) -> Asked:
        """One round: find peers, negotiate, hand fitting ones to the swarm."""
        peers, looked = await self._services.finder.who_has(self._recording)
        book = self._services.book
        welcome = [peer for peer in peers if not book.blocked(peer.node_id)]
        # One that is avoided is asked when nobody else is there: every leaf is verified, so it can only waste time.
        fresh = [peer for peer in welcome if not book.avoided(peer.node_id)] or welcome
        known = {node_id for node_id, variant in self._settled if not variant} | set(swarm.bans)
        left_out = [peer.node_id for peer in peers if peer not in fresh and peer.node_id not in known]
        self._settled.update((node_id, "") for node_id in left_out)  # said once
        avoided = [f"{short_node_id(node_id)}: avoided, {book.avoided(node_id) or 'blocked by you'}" for node_id in left_out]
        offers = await asyncio.gather(*(self._offers(peer) for peer in fresh))
        wanted = _by_popularity([(peer, variant) for peer, variants in zip(fresh, offers, strict=True) for variant in variants])
        taken, refused = [], avoided
        for peer, variant in wanted:
            if (peer.node_id, variant.variant_id) in self._settled or peer.closed:
                continue
            why = await swarm.add_peer(peer, variant)
            self._settled.add((peer.node_id, variant.variant_id))
            if why:
                refused.append(f"{short_node_id(peer.node_id)}: {why}")
            else:
                taken.append(peer.node_id)
                self.delivering.add(peer.node_id)
        return Asked(tuple(taken), tuple(refused), looked)

    def forget_refusals(self) -> None:
        """A new swarm or a new proof: peers that were settled may be asked again."""
        self._settled.clear()

    async def _offers(self, peer: ChunkPeer) -> tuple[Variant, ...]:
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                return await peer.offers((self._recording,))
        except (TimeoutError, OSError, ValueError) as error:
            log.info("%s gave no offer: %s", short_node_id(peer.node_id), error)
            self._tell("peer_refused", peer.node_id, f"no offer: {error or 'time-out'}")
            return ()


def _by_popularity(pairs: list[tuple[ChunkPeer, Variant]]) -> list[tuple[ChunkPeer, Variant]]:
    """Offers of the variant that most peers have first: before any proof that one is the best guess."""
    count: dict[str, int] = {}
    for _, variant in pairs:
        count[variant.variant_id] = count.get(variant.variant_id, 0) + 1
    return sorted(pairs, key=lambda pair: (-count[pair[1].variant_id], pair[1].variant_id, pair[0].node_id))
