"""What comes from Soulseek while a variant is being bound to: between the look at the bytes and the record on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from world import FakeOrigin, FakePeer, World, some_bytes

from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.model.part import PartRecord
from slskdn_tui.model.ports import OriginEnd, Window
from slskdn_tui.model.variant import LEAF

MIB = 1024 * 1024


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


class SlowStore(MemoryPartStore):
    """The first record that names a variant takes until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.binding, self.go = asyncio.Event(), asyncio.Event()

    async def put(self, record: PartRecord) -> None:
        if record.variant is not None:
            self.binding.set()
            await self.go.wait()
        await super().put(record)


def test_a_leaf_that_contradicts_a_variant_while_it_is_bound_to_drops_it_and_charges_nobody_else(tmp_path: Path) -> None:
    async def story() -> None:
        data, fake = some_bytes(2 * MIB), some_bytes(2 * MIB, 9)
        store = SlowStore()
        world = World(tmp_path, len(data), store=store)
        swarm = await world.open()
        origin = FakeOrigin("anna", data, queued=True, rate=8e6)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        await origin.asked.wait()
        other = FakePeer("b2", fake, rate=1e6)
        adding = asyncio.ensure_future(swarm.add_peer(other, other.variant))
        await store.binding.wait()
        origin.go.set()
        while swarm.part.pieces.prefix < LEAF:
            await asyncio.sleep(0.01)
        store.go.set()
        assert "other variant" in await adding and not swarm.members
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data and other.asked == []
        assert ("slsk:anna", "CORRUPTION") not in world.outcomes, "its bytes are right"
        assert not world.failures
        await swarm.stop()

    go(story())


def test_a_copy_that_goes_on_as_soulseek_began_and_then_lies_does_not_make_soulseek_the_liar(tmp_path: Path) -> None:
    class Head:
        def windows(self) -> tuple[Window, ...]:
            return (Window(0, LEAF, 5),)

    async def story() -> None:
        data = some_bytes(2 * MIB)
        fake = data[: LEAF - 100] + some_bytes(2 * MIB, 9)[LEAF - 100 :]
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, rate=8e6, stall_at=8192)
        swarm.use_origin(origin)
        swarm.set_windows(Head())
        run = asyncio.ensure_future(swarm.run())
        await origin.stalled.wait()
        for liar in [FakePeer(name, fake, rate=1e6, stop_after=3 * LEAF) for name in ("a1", "b2")]:  # two who agree are believed, for now
            assert await swarm.add_peer(liar, liar.variant) == ""
        while not swarm.part.pieces.has(0, LEAF):  # in the middle of which Soulseek is
            await asyncio.sleep(0.01)
        origin.go_on(len(data))
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data and not world.failures
        assert swarm.origin_result is not None and swarm.origin_result[0] is OriginEnd.COMPLETE
        await swarm.stop()

    go(story())
