"""Fifty nodes on 127.1.N.1, each connected with some eight: everybody hears of all within three rounds, and then there is little to say."""

from __future__ import annotations

import asyncio
import random

import pytest
from overlay_world import dial, run, until, world

from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.limits import MeshLimits
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.model.heard import HeardVariant
from tests.fakes.heard import FilledStock, full

NODES, NEIGHBOURS, RECORDINGS = 50, 8, 20
MINUTES = 130
"""More than one time to live of an advert: what is said to stay known is in it."""
PING = 9 + 22
"""Bytes of a PING: the frame's header, and TLS around it."""


def has(number: int) -> list[HeardVariant]:
    """What a node offers: recordings that nobody else has."""
    return [full(number * 100 + each) for each in range(RECORDINGS)]


async def settled(meshes: list[Mesh]) -> list[int]:
    """Bytes each node received so far, once nothing more is on its way."""
    before, same = list[int](), 0
    while same < 3:  # one look may have met a machine that stood still
        now = [sum(peer.wire_bytes for peer in mesh.peers.values()) for mesh in meshes]
        before, same = now, same + 1 if now == before else 0
        await asyncio.sleep(0.1)
    return before


@pytest.mark.slow
def test_adverts_reach_fifty_nodes_within_three_rounds_and_a_node_at_rest_hears_less_than_20_kb_a_minute() -> None:
    async def body() -> None:
        clock, rng = VirtualClock(), random.Random(3)
        async with world() as there:
            talks, meshes = [], []
            for number in range(1, NODES + 1):
                who = NodeIdentity.ephemeral()
                talks.append(Gossip(who.node_id, who, FilledStock(has(number)), clock, random.Random(number)))
                meshes.append(await there.node(number, identity=who, talk=talks[-1]))
            for one, mesh in enumerate(meshes):
                while len(mesh.peers) < NEIGHBOURS:
                    other = meshes[rng.randrange(NODES)]
                    if other is not mesh and other.identity.node_id not in mesh.peers:
                        await dial(mesh, other)
                        await until(lambda one=one, other=other: meshes[one].identity.node_id in other.peers)  # type: ignore[misc]
            await settled(meshes)
            for _ in range(3):
                for talk in talks:
                    talk.round()
                await settled(meshes)
            ids = [mesh.identity.node_id for mesh in meshes]
            missing = [(place, of) for place, talk in enumerate(talks) for of in ids if len(talk.shelf.variants(of)) != RECORDINGS]
            assert not missing, f"{len(missing)} of {NODES * NODES} not heard"

            before = await settled(meshes)
            for _ in range(MINUTES // 5):
                await clock.advance(300)
                for talk in talks:
                    talk.round()
            spent = [now - then for now, then in zip(await settled(meshes), before, strict=True)]
            pings = 2 * PING * 60 / MeshLimits().ping_s * max(len(mesh.peers) for mesh in meshes)
            assert max(spent) / MINUTES + pings < 20_000, f"{max(spent) / MINUTES:.0f} and {pings:.0f} bytes a node and minute"
            assert all(len(talk.shelf.variants(of)) == RECORDINGS for talk in talks for of in ids), "and all are known still"

    run(body, 600)
