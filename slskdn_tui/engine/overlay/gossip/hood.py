"""The neighbourhood: peers tell each other of nodes that can be dialled, and try whether they can dial each other. Shell over the neighbours.

It is what the mesh talks to: what is not its own goes to the gossip."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from slskdn_tui.engine.overlay.frames import Kind
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.messages import MAX_TOLD_PEERS, MeshPeers, ReachAnswer, ReachRequest, ToldPeer
from slskdn_tui.engine.overlay.gossip.neighbours import Address, Candidates, Reach
from slskdn_tui.engine.overlay.messages import decode, encode
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.ids import short_node_id

log = logging.getLogger(__name__)
TRY_EVERY_S = 600.0
"""One neighbour is tried, and its list of peers taken, so often at most."""
TRIES_AT_ONCE = 4
MOST_REMEMBERED = 1000


class Hood:
    """A `Talk`. `peers` is the mesh's live map; `port` gives this node's listening port (0: none); `tries(host, port, node_id)` whether that node answers there."""

    def __init__(
        self,
        gossip: Gossip,
        peers: Callable[[], Mapping[str, OverlayPeer]],
        port: Callable[[], int],
        tries: Callable[[str, int, str], Awaitable[bool]],
        candidates: Candidates,
        policy: AddressPolicy,
        clock: Clock,
        supervisor: Supervisor,
    ) -> None:
        self.reach = Reach()
        self.candidates = candidates
        self._gossip = gossip
        self._peers = peers
        self._port = port
        self._tries = tries
        self._policy = policy
        self._clock = clock
        self._supervisor = supervisor
        self._reached: dict[str, Address] = {}  # nodes that answered when they were tried
        self._tried: dict[str, float] = {}
        self._listened: dict[str, float] = {}
        self._asked: set[str] = set()
        self._places = asyncio.Semaphore(TRIES_AT_ONCE)

    def address(self, peer: OverlayPeer) -> Address | None:
        """Where this neighbour can be dialled, as far as this node knows by its own doing."""
        if peer.dialled:
            return peer.host, int(peer.address.rpartition(":")[2])
        return self._reached.get(peer.node_id)

    def lost(self, peer: OverlayPeer) -> None:
        self._asked.discard(peer.node_id)
        self._gossip.lost(peer)

    def asked(self, peer: OverlayPeer, recordings: Sequence[str]) -> None:
        self._gossip.asked(peer, recordings)

    def connected(self, peer: OverlayPeer) -> None:
        self._gossip.connected(peer)
        if not peer.dialled:
            self.reach = Reach(self.reach.inbound + 1, self.reach.yes, self.reach.no)
        told = [
            ToldPeer(node_id=other.node_id, host=where[0], port=where[1])
            for other in self._peers().values()
            if other is not peer and (where := self.address(other)) is not None
        ]
        if told:
            peer.tell(Kind.PEERS, 0, encode(MeshPeers(peers=told[-MAX_TOLD_PEERS:])))
        if self._port() and self.reach.reachable is None:
            self._asked.add(peer.node_id)
            peer.tell(Kind.REACH_REQUEST, 0, encode(ReachRequest(port=self._port())))

    def told(self, peer: OverlayPeer, kind: Kind, request_id: int, body: bytes) -> None:
        """A frame of a neighbour. ProtocolError when it is malformed."""
        if kind == Kind.PEERS:
            if self._often(self._listened, peer.node_id):
                return
            for each in decode(MeshPeers, body).peers:
                if self._policy.allows(each.host, each.port):
                    self.candidates.heard("peers", (each.host, each.port), each.node_id)
        elif kind == Kind.REACH_REQUEST:
            port = decode(ReachRequest, body).port
            if not self._often(self._tried, peer.node_id) and self._policy.allows(peer.host, port):
                self._supervisor.spawn(f"reach {peer.node_id[:8]}", self._try(peer, port))
        elif kind == Kind.REACH_ANSWER:
            reached = decode(ReachAnswer, body).reached
            if peer.node_id in self._asked:
                self._asked.discard(peer.node_id)
                self.reach = Reach(self.reach.inbound, self.reach.yes + reached, self.reach.no + (not reached))
                log.info("%s %s dial this node", short_node_id(peer.node_id), "can" if reached else "cannot")
        else:
            self._gossip.told(peer, kind, request_id, body)

    async def _try(self, peer: OverlayPeer, port: int) -> None:
        """Only the address the peer itself comes from is dialled: nobody can be pointed at others."""
        async with self._places:
            reached = await self._tries(peer.host, port, peer.node_id)
        if reached:
            self._reached[peer.node_id] = (peer.host, port)
            _bound(self._reached)
        peer.tell(Kind.REACH_ANSWER, 0, encode(ReachAnswer(reached=reached)))

    def _often(self, last: dict[str, float], node_id: str) -> bool:
        now = self._clock.now()
        if node_id in last and now - last[node_id] < TRY_EVERY_S:
            return True
        last.pop(node_id, None)
        last[node_id] = now
        _bound(last)
        return False


def _bound(kept: dict[str, float] | dict[str, Address]) -> None:
    while len(kept) > MOST_REMEMBERED:
        del kept[next(iter(kept))]
