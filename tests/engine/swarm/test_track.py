"""One track's swarm over in-memory peers and an origin with real bytes: what a user's file ends up as, and who is to blame."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from engine_world import SkippingClock
from world import FakeOrigin, FakePeer, World, some_bytes

from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.model.ports import OriginEnd, Window
from slskdn_tui.model.variant import LEAF

MIB = 1024 * 1024


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await work

    asyncio.run(bounded())


def test_a_soulseek_source_alone_gives_the_whole_file(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(700_001)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", data))
        assert await swarm.run() is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert swarm.origin_result == (OriginEnd.COMPLETE, "")
        status = swarm.status()
        assert (status.by_slsk, status.by_mesh, status.done) == (len(data), 0, len(data))
        assert set(status.cells(20)) == {"o"}
        await swarm.stop()
        assert world.store.records["job/1"].prefix == len(data)
        assert not world.failures

    go(story())


def test_the_stream_from_the_front_meets_the_overlay_from_the_back(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(6 * MIB + 5)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, rate=3e6)
        swarm.use_origin(origin)
        fast, slow = FakePeer("a1", data, rate=8e6), FakePeer("b2", data, rate=2e6)
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 3 * LEAF:
            await asyncio.sleep(0.01)
        assert await swarm.add_peer(fast, fast.variant) == ""
        assert await swarm.add_peer(slow, slow.variant) == ""
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert origin.started_at == [0], "one stream, never cut and restarted"
        assert origin.ended is not None and swarm.origin_result is not None and swarm.origin_result[0] is OriginEnd.ENOUGH
        first = fast.asked[0]
        assert first[0] + first[1] > len(data) - 5 * LEAF, "the overlay begins at the end"
        status = swarm.status()
        assert status.by_slsk >= 3 * LEAF and status.by_mesh > 0 and status.by_slsk + status.by_mesh == len(data)
        assert status.duplicate_bytes <= 8 * LEAF, status.duplicate_bytes // LEAF
        assert status.proof == "prefix"
        assert world.told("meet") and world.told("proof")
        await swarm.stop()
        assert not world.failures

    go(story())


def test_a_stalled_source_is_noticed_and_the_mesh_finishes_while_it_stays(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(3 * MIB)
        clock = SkippingClock()
        world = World(tmp_path, len(data), clock=clock, rescue=RescueThresholds(600, 0, 600, 60))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, stall_at=MIB + 1000)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        await origin.stalled.wait()
        assert not swarm.underperforming()
        clock.skip(61)
        assert swarm.underperforming().startswith("no byte for ")
        await asyncio.sleep(0.1)  # time in which it would be told again
        assert [event.source for event in world.told("stall")] == ["slsk:anna"], "told once"
        peer = FakePeer("a1", data)
        swarm.set_origin_share(0.1)
        assert await swarm.add_peer(peer, peer.variant) == ""
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert origin.ended == (OriginEnd.LOST, "cancelled") and swarm.origin_result is not None
        assert swarm.origin_result[0] is OriginEnd.ENOUGH, "it was kept until the ranges met"
        assert peer.sent <= len(data) - MIB + LEAF
        await swarm.stop()

    go(story())


def test_a_stall_that_makes_somebody_leave_at_once_is_told_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(3 * MIB)
        clock = SkippingClock()
        world = World(tmp_path, len(data), clock=clock, rescue=RescueThresholds(600, 0, 600, 60))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, stall_at=MIB + 1000)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        await origin.stalled.wait()
        assert not swarm.underperforming()
        clock.skip(61)
        swarm.abort()  # before the swarm itself has looked
        assert await run is SwarmEnd.ABORTED
        assert [event.words[:12] for event in world.told("stall")] == ["no byte for "]
        await swarm.stop()

    go(story())


def test_a_lying_peer_is_banned_and_no_wrong_byte_stays(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(4 * MIB + 77)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, queued=True)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        honest, other, liar = FakePeer("a1", data, rate=10e6), FakePeer("a2", data, rate=10e6), FakePeer("bad0", data, wrong=True)
        await origin.asked.wait()
        for peer in (liar, honest, other):  # two honest ones: one peer's word alone proves nothing
            assert await swarm.add_peer(peer, peer.variant) == ""
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert list(swarm.bans) == [liar.node_id]
        assert [event.source for event in world.told("ban")] == [liar.node_id]
        assert {event.variant_id for event in world.events if event.source == liar.node_id} == {liar.variant.variant_id}
        assert (liar.node_id, "CORRUPTION") in world.outcomes and (honest.node_id, "CORRUPTION") not in world.outcomes
        assert (await swarm.add_peer(liar, liar.variant)) != ""
        gave = {source.source: source.bytes for source in swarm.status().sources}
        assert gave[liar.node_id] == 0 and gave[honest.node_id] + gave[other.node_id] >= len(data)
        await swarm.stop()

    go(story())


def test_a_retagged_copy_contributes_no_byte(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(2 * MIB)
        retagged = some_bytes(500, 2) + data[500:]  # same length, other head
        longer = data + b"tag"
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, rate=2e6)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 2 * LEAF:
            await asyncio.sleep(0.01)
        good, other, third = FakePeer("a1", data), FakePeer("b2", retagged[:LEAF] + some_bytes(len(data) - LEAF, 3)), FakePeer("c3", longer)
        assert (await swarm.add_peer(other, other.variant)).startswith("other variant")
        assert (await swarm.add_peer(third, third.variant)).startswith("other variant")
        assert await swarm.add_peer(good, good.variant) == ""
        again = FakePeer("d4", retagged)
        assert (await swarm.add_peer(again, again.variant)).startswith("other variant")
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert other.asked == third.asked == again.asked == []
        await swarm.stop()

    go(story())


def test_a_variant_that_soulseek_contradicts_later_is_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        data, fake = some_bytes(2 * MIB), some_bytes(2 * MIB, 9)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, queued=True, rate=8e6)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        await origin.asked.wait()
        liars = [FakePeer(name, fake, rate=1e6, stop_after=4 * LEAF) for name in ("a1", "b2")]  # consistent lies about the same length
        for liar in liars:
            assert await swarm.add_peer(liar, liar.variant) == ""
        while swarm.status().by_mesh < 3 * LEAF:
            await asyncio.sleep(0.01)
        origin.go.set()
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert world.told("proof", "refused") and not swarm.bans
        assert swarm.status().by_mesh == 0
        await swarm.stop()

    go(story())


def test_soulseek_is_believed_against_two_who_agree_on_another_file(tmp_path: Path) -> None:
    class Head:
        def windows(self) -> tuple[Window, ...]:
            return (Window(0, 3 * LEAF, 5),)

    async def story() -> None:
        data, fake = some_bytes(2 * MIB), some_bytes(2 * MIB, 9)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        origin = FakeOrigin("anna", data, queued=True, rate=8e6)
        swarm.use_origin(origin)
        swarm.set_windows(Head())  # the player wants the head, so the mesh fills the front too
        run = asyncio.ensure_future(swarm.run())
        await origin.asked.wait()
        for liar in [FakePeer(name, fake, rate=1e6, stop_after=5 * LEAF) for name in ("a1", "b2")]:
            assert await swarm.add_peer(liar, liar.variant) == ""
        while not swarm.part.pieces.has(0, 3 * LEAF):
            await asyncio.sleep(0.01)
        assert swarm.status().proof == "agree"
        origin.go.set()
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert origin.started_at[-1] == 0 and len(origin.started_at) == 2, "it began anew at the front"
        assert world.told("overlap", "error") and world.told("proof", "refused")
        await swarm.stop()

    go(story())


def test_the_origin_is_held_at_its_share_while_the_mesh_delivers(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(3 * MIB)
        world = World(tmp_path, len(data), download_limit=lambda: 2_000_000)
        swarm = await world.open()
        origin = FakeOrigin("anna", data, rate=0.5e6)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < LEAF:
            await asyncio.sleep(0.01)
        swarm.set_origin_share(0.1)
        await asyncio.sleep(0.1)  # time in which it would be slowed down
        assert origin.rates == [], "alone it is not slowed down"
        peer = FakePeer("a1", data, rate=5e6)
        assert await swarm.add_peer(peer, peer.variant) == ""
        assert await run is SwarmEnd.COMPLETE
        assert origin.rates[0] == 200_000
        swarm.set_origin_share(None)
        await swarm.stop()
        assert world.bytes() == data

    go(story())


def test_wrong_bytes_from_soulseek_are_fetched_again_and_charged(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(2 * MIB)
        damaged = bytearray(data)
        damaged[3 * LEAF + 10] ^= 1
        damaged[9 * LEAF + 10] ^= 1
        world = World(tmp_path, len(data))
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", bytes(damaged), rate=3e6))
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 5 * LEAF:
            await asyncio.sleep(0.01)
        peer = FakePeer("a1", data, rate=2e6)
        assert await swarm.add_peer(peer, peer.variant) == ""
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data
        charged = world.told("chunk", "corruption")
        assert {(event.source, event.offset) for event in charged} == {("slsk:anna", 3 * LEAF), ("slsk:anna", 9 * LEAF)}
        assert ("slsk:anna", "CORRUPTION") in world.outcomes
        await swarm.stop()

    go(story())


def test_without_a_living_origin_or_a_proof_the_mesh_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(MIB)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        peer = FakePeer("a1", data)
        why = await swarm.add_peer(peer, peer.variant)
        assert why.startswith("guard: there is no Soulseek source") and "proof 1" in why
        assert peer.asked == [] and world.told("peer_refused")[0].words == why
        await swarm.stop()

    go(story())


def test_pause_keeps_what_came_and_resume_fetches_only_the_rest(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(4 * MIB)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", data, rate=2e6))
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 2 * LEAF:
            await asyncio.sleep(0.01)
        peer = FakePeer("a1", data, rate=4e6)
        assert await swarm.add_peer(peer, peer.variant) == ""
        while swarm.status().by_mesh < MIB:
            await asyncio.sleep(0.01)
        await swarm.stop()
        assert await run is SwarmEnd.ABORTED
        kept = swarm.status()
        assert kept.done >= MIB

        resumed = await world.open()
        assert resumed.status().done >= kept.done - LEAF
        origin, peer = FakeOrigin("anna", data, rate=2e6), FakePeer("a1", data, rate=8e6)
        resumed.use_origin(origin)
        again = asyncio.ensure_future(resumed.run())
        await origin.asked.wait()
        assert await resumed.add_peer(peer, peer.variant) == ""
        assert await again is SwarmEnd.COMPLETE
        assert world.bytes() == data
        assert origin.sent + peer.sent <= len(data) - kept.done + 12 * LEAF
        assert world.told("overlap", "ok")
        await resumed.stop()

    go(story())


def test_another_holder_with_other_bytes_never_reaches_the_file(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(MIB)
        world = World(tmp_path, len(data))
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", data, stall_at=5 * LEAF))
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 5 * LEAF:
            await asyncio.sleep(0.01)
        swarm.drop_origin()
        assert await run is SwarmEnd.ORIGIN_ENDED
        swarm.use_origin(FakeOrigin("bert", some_bytes(MIB, 5)))
        assert await swarm.run() is SwarmEnd.ORIGIN_ENDED
        assert swarm.origin_result is not None and swarm.origin_result[0] is OriginEnd.MISMATCH
        assert world.bytes()[: 5 * LEAF] == data[: 5 * LEAF]
        last = FakeOrigin("cleo", data)
        swarm.use_origin(last)
        assert await swarm.run() is SwarmEnd.COMPLETE
        assert last.started_at == [4 * LEAF]
        assert world.bytes() == data
        assert [extent.source for extent in swarm.part.pieces.extents] == ["slsk:anna", "slsk:cleo"]
        await swarm.stop()

    go(story())


def test_a_holder_with_another_size_is_refused_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, MIB)
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", some_bytes(MIB + 1)))
        assert await swarm.run() is SwarmEnd.ORIGIN_ENDED
        assert swarm.origin_result == (OriginEnd.MISMATCH, f"the file has {MIB + 1} bytes there, not {MIB}")
        await swarm.stop()

    go(story())


def test_a_peer_that_disconnects_is_replaced_by_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(3 * MIB)
        world = World(tmp_path, len(data), guard=False)
        swarm = await world.open()
        first, second = FakePeer("a1", data, rate=3e6), FakePeer("b2", data, rate=3e6)
        for peer in (first, second):
            assert await swarm.add_peer(peer, peer.variant) == ""
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < MIB:
            await asyncio.sleep(0.01)
        first.lose()
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data and world.told("peer_lost")
        await swarm.stop()

    go(story())


def test_all_peers_lost_ends_the_run_and_a_new_peer_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(2 * MIB)
        world = World(tmp_path, len(data), guard=False)
        swarm = await world.open()
        first = FakePeer("a1", data, rate=2e6)
        assert await swarm.add_peer(first, first.variant) == ""
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < 4 * LEAF:
            await asyncio.sleep(0.01)
        first.lose()
        assert await run is SwarmEnd.ORIGIN_ENDED
        second = FakePeer("b2", data)
        assert await swarm.add_peer(second, second.variant) == ""
        assert await swarm.run() is SwarmEnd.COMPLETE
        assert world.bytes() == data and second.sent < len(data)
        await swarm.stop()

    go(story())


@pytest.mark.parametrize("code", ["not_found", "rate_limited", "io_error"])
def test_a_peer_that_refuses_ranges_does_not_hold_the_file_up(tmp_path: Path, code: str) -> None:
    class Refusing(FakePeer):
        def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
            self.asked.append((offset, length))
            receiver = self._receivers[variant_id]
            asyncio.get_running_loop().call_soon(receiver.on_refused, self.node_id, offset, length, code)

    async def story() -> None:
        data = some_bytes(2 * MIB)
        world = World(tmp_path, len(data), guard=False)
        swarm = await world.open()
        refusing, honest = Refusing("b2", data), FakePeer("a1", data, rate=5e6)
        for peer in (refusing, honest):
            assert await swarm.add_peer(peer, peer.variant) == ""
        assert await swarm.run() is SwarmEnd.COMPLETE
        assert world.bytes() == data and not swarm.bans
        assert len(refusing.asked) < 200
        await swarm.stop()

    go(story())
