"""What a neighbour can have this node do, without sockets: it is tried at its own address and listened to, once in ten minutes each."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from slskdn_tui.engine.overlay.frames import Kind
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.hood import TRY_EVERY_S, Hood
from slskdn_tui.engine.overlay.gossip.messages import MeshPeers, ReachAnswer, ReachRequest, ToldPeer
from slskdn_tui.engine.overlay.gossip.neighbours import Candidates
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.messages import decode, encode
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from tests.fakes.heard import FilledStock


class Neighbour:
    node_id, host, address, dialled, closed, writable = "b" * 64, "127.1.2.1", "127.1.2.1:4000", False, False, True

    def __init__(self) -> None:
        self.heard: list[tuple[Kind, bytes]] = []

    def tell(self, kind: Kind, request_id: int, body: bytes) -> None:
        self.heard.append((kind, body))


def test_a_neighbour_is_tried_and_listened_to_once_in_ten_minutes() -> None:
    async def main() -> None:
        clock, me, peer = VirtualClock(), NodeIdentity.ephemeral(), Neighbour()
        supervisor = Supervisor(clock)
        tried: list[tuple[str, int, str]] = []

        async def tries(host: str, port: int, node_id: str) -> bool:
            tried.append((host, port, node_id))
            return True

        gossip = Gossip(me.node_id, me, FilledStock(), clock, random.Random(1))
        hood = Hood(gossip, dict, lambda: 0, tries, Candidates(), AddressPolicy(["127.0.0.0/8"]), clock, supervisor)
        who: Any = peer

        async def says(port: int) -> None:
            hosts = ("127.1.3.1", "192.168.1.1", "0.0.0.0")  # the last two are no address that peers may have
            told = MeshPeers(peers=[ToldPeer(node_id="c" * 64, host=host, port=port) for host in hosts])
            hood.told(who, Kind.PEERS, 0, encode(told))
            hood.told(who, Kind.REACH_REQUEST, 0, encode(ReachRequest(port=port)))
            await clock.advance(1.0)

        for port in (4001, 4002, 4003):
            await says(port)
        assert tried == [(peer.host, 4001, peer.node_id)] and len(hood.candidates) == 1
        assert [decode(ReachAnswer, body).reached for kind, body in peer.heard if kind == Kind.REACH_ANSWER] == [True]
        assert hood.address(who) == (peer.host, 4001)
        await clock.advance(TRY_EVERY_S)
        await says(4004)
        assert len(tried) == 2 and len(hood.candidates) == 2
        await supervisor.stop()

    asyncio.run(main())
