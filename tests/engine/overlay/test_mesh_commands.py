"""`slskdn mesh status|peers|dial`: what a user is told, over real sockets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from overlay_world import host_of, run, until, world
from test_neighbourhood import Node

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.handlers import mesh as handlers
from slskdn_tui.model.errors import UserError


def engine_of(node: Node) -> Any:
    return SimpleNamespace(
        mesh=node.mesh,
        gossip=node.gossip,
        hood=node.hood,
        finder=node.finder(),
        settings=Settings(),
        book=SimpleNamespace(reputation=lambda node_id: 1.0),
    )


def test_a_dialled_node_is_listed_and_the_words_say_how_this_one_stands() -> None:
    async def main() -> None:
        async with world() as there:
            me, other = [await Node.start(there, number) for number in (1, 2)]
            engine = engine_of(me)
            alone = await handlers.peers(engine, {})
            assert str(alone.message) == "nobody is connected" and alone.data["peers"] == []
            dialled = await handlers.dial(engine, {"address": f"{other.me.node_id}@{host_of(other.mesh)}:{other.mesh.port}"})
            assert dialled.ok and dialled.data["node_id"] == other.me.node_id
            await until(lambda: me.hood.reach.yes == 1 and me.gossip.descriptor(other.me.node_id) is not None)
            other.gossip.round()
            await until(lambda: other.me.node_id in me.gossip.shelf.sequences())
            listed = await handlers.peers(engine, {})
            assert listed.data["peers"][0] | {"client": ""} == {
                "node_id": other.me.node_id,
                "address": f"127.1.2.1:{other.mesh.port}",
                "dialled": True,
                "reachable": True,
                "client": "",
                "recordings": 0,
                "free_slots": 3,
                "reputation": 1.0,
            }
            assert "dialled; tells of 0 recordings, 3 slots free; reputation 1.00" in listed.data["text"]
            status = await handlers.status(engine, {})
            lines = status.data["text"].splitlines()
            assert lines[0] == "1 neighbour, 1 reachable; others can reach you"
            assert lines[1].startswith("adverts of 1 other node are known; this node tells of 0 recordings (overlay.offer: shared")
            assert status.data["others_reach_us"] is True and status.data["neighbours"] == 1

    run(main)


def test_what_cannot_be_dialled_is_refused_with_what_to_do() -> None:
    async def main() -> None:
        async with world() as there:
            me, other = [await Node.start(there, number) for number in (1, 2)]
            engine = engine_of(me)
            for address, code in (
                ("nonsense", "config"),
                (f"{me.me.node_id[::-1]}@127.1.2.1:{other.mesh.port}", "network"),
                (f"127.1.1.1:{me.mesh.port}", "network"),
            ):
                with pytest.raises(UserError) as refused:
                    await handlers.dial(engine, {"address": address})
                assert refused.value.code == code and refused.value.hint
            engine.mesh = None
            for handler in (handlers.status, handlers.peers):
                with pytest.raises(UserError, match="the overlay is off"):
                    await handler(engine, {})

    run(main)
