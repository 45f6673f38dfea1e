"""Over sockets: whether others can dial a node, and how nodes come to know the peers of their peers."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

from overlay_world import PERMIT, World, dial, run, until, world

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.mesh_finder import MeshFinder
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.hood import Hood
from slskdn_tui.engine.overlay.gossip.neighbours import Candidates
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.runtime.clock import SystemClock
from tests.fakes.heard import FilledStock


class Node:
    """A mesh with its neighbourhood; behind NAT it names a port where nobody listens."""

    mesh: Mesh

    def __init__(self, there: World, closed_port: int = 0) -> None:
        me, clock = NodeIdentity.ephemeral(), SystemClock()
        self.me = me
        self.gossip = Gossip(me.node_id, me, FilledStock(), clock, random.Random(1))
        self.hood = Hood(
            self.gossip,
            lambda: self.mesh.peers,
            lambda: closed_port or self.mesh.port,
            lambda host, port, node_id: self.mesh.answers(host, port, node_id),
            Candidates(),
            AddressPolicy(PERMIT),
            clock,
            there.supervisor,
        )

    @classmethod
    async def start(cls, there: World, number: int, **more: Any) -> Node:
        made = cls(there, **more)
        made.mesh = await there.node(number, identity=made.me, talk=made.hood)
        return made

    def finder(self, *known: tuple[str, tuple[str, int]]) -> MeshFinder:
        return MeshFinder(
            Settings(), self.mesh, None, SystemClock(), random.Random(1), tuple, lambda event, words: None, gossip=self.gossip,
            hood=self.hood, known=lambda: known,
        )  # fmt: skip


def test_peers_of_peers_are_dialled_once_somebody_could_reach_them() -> None:
    async def main() -> None:
        async with world() as there:
            first, middle, last = [await Node.start(there, number) for number in (1, 2, 3)]
            await dial(first.mesh, middle.mesh)
            await until(lambda: first.hood.reach.yes == 1)  # the middle one dialled back and met the same node
            assert first.finder().status == "1 neighbour, 1 reachable; others can reach you"
            await dial(last.mesh, middle.mesh)
            await until(lambda: len(last.hood.candidates) == 1)
            looking = asyncio.ensure_future(last.finder().keep_neighbours())
            await until(lambda: first.me.node_id in last.mesh.peers)
            looking.cancel()

    run(main)


def test_a_node_behind_nat_says_so_and_is_not_told_to_others() -> None:
    async def main() -> None:
        async with world() as there:
            with socket.socket() as taken:
                taken.bind(("127.1.4.1", 0))  # bound and not listening: whoever dials it is refused
                hidden = await Node.start(there, 4, closed_port=taken.getsockname()[1])
                one, two, other = [await Node.start(there, number) for number in (1, 2, 3)]
                assert not hidden.finder().seeker
                await dial(hidden.mesh, one.mesh)
                await dial(hidden.mesh, two.mesh)
                await until(lambda: hidden.hood.reach.no == 2)
                finder = hidden.finder()
                assert (
                    finder.seeker
                    and finder.status == "2 neighbours, 2 reachable; you are behind NAT: others cannot dial you, you dial them"
                )
                assert one.hood.address(one.mesh.peers[hidden.me.node_id]) is None
                await dial(other.mesh, one.mesh)
                await until(lambda: other.hood.reach.yes == 1)
                assert len(other.hood.candidates) == 0

    run(main)


def test_nodes_met_in_an_earlier_run_are_dialled_without_any_dht() -> None:
    async def main() -> None:
        async with world() as there:
            old, me = [await Node.start(there, number) for number in (1, 2)]
            looking = asyncio.ensure_future(me.finder((old.me.node_id, ("127.1.1.1", old.mesh.port))).keep_neighbours())
            await until(lambda: old.me.node_id in me.mesh.peers)
            looking.cancel()

    run(main)


def test_another_node_at_that_address_is_not_taken_for_the_one_that_asked() -> None:
    async def main() -> None:
        async with world() as there:
            one, other = [await Node.start(there, number) for number in (1, 2)]
            assert await one.mesh.answers("127.1.2.1", other.mesh.port, other.me.node_id)
            assert not await one.mesh.answers("127.1.2.1", other.mesh.port, one.me.node_id)

    run(main)
