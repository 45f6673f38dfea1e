"""What an engine remembers of a node is what its overlay acts on: who is blocked, and who has delivered before."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from engine_world import Album, World

from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.peers.reputation import ChunkOutcome


def test_a_blocked_node_is_not_let_in_and_one_that_delivered_has_the_slots_kept_for_such(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path, Album(tmp_path, tmp_path)) as world:
            engine = await world.engine(soulseek={"enabled": False})
            other = await world.engine("other", soulseek={"enabled": False})
            assert engine.mesh is not None and other.mesh is not None and other.identity is not None
            node, slots = other.identity.node_id, engine.settings.overlay.upload_slots
            assert engine.mesh.desk.free(node) < slots, "some are kept for others"
            engine.book.outcome(node, ChunkOutcome.OK)
            assert engine.mesh.desk.free(node) == slots
            await engine.book.block(node)
            host, _, port = engine.settings.overlay.listen.rpartition(":")
            with pytest.raises((MeshError, OSError)):
                await other.mesh.dial(host, int(port), named=True)
            assert not engine.mesh.peers
            await engine.book.unblock(node)
            async with asyncio.timeout(60):
                while not other.mesh.peers:
                    with contextlib.suppress(MeshError, OSError):  # a busy machine may not answer in time
                        await other.mesh.dial(host, int(port), named=True)

    asyncio.run(main())
