"""A file that only the mesh speaks for is held back, also one that was complete before a restart; the first leaf from Soulseek lets it go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from world import MBID, FakeOrigin, FakePeer, World, running, some_bytes

from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.proof.guard import Target
from slskdn_tui.model.aggregates import CanonicalStats, VariantStats
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF

SIZE = 12 * LEAF + 77


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await work

    asyncio.run(bounded())


def peers(data: bytes, *names: str) -> list[FakePeer]:
    made = [FakePeer(name, data) for name in names]
    for peer in made:
        peer.variant = replace(peer.variant, codec="FLAC", duration_ms=200_000)
    return made


async def held(swarm: Any) -> str:
    while not swarm.held:
        await asyncio.sleep(0.01)
    return str(swarm.held)


def test_two_who_agree_on_a_length_the_track_has_not_finish_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(SIZE)
        world = World(tmp_path, SIZE, target=Target(MBID, 260_000, "FLAC"))
        origin = FakeOrigin("anna", data, queued=True)
        async with running(world, origin) as (swarm, run):
            for peer in peers(data, "a1", "b2"):
                assert await swarm.add_peer(peer, peer.variant) == ""
            assert "2 of 2 peers agree, but it lasts 200 s, the track 260 s (proof 3)" in await held(swarm)
            await asyncio.sleep(0.2)  # time in which it would be told again, or end
            assert [event.words for event in world.told("proof", "missing")] == [swarm.held], "told once"
            assert swarm.status().done == SIZE - LEAF and not run.done()
            origin.go.set()
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == data and swarm.status().proof == "prefix"

    go(story())


def test_a_file_complete_before_a_restart_is_not_complete_without_a_proof(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(SIZE)
        world = World(tmp_path, SIZE, target=Target(MBID, 200_000, "FLAC"))
        async with running(world, FakeOrigin("anna", data, queued=True)) as (swarm, run):
            for peer in peers(data, "a1", "b2"):  # they agree, and it fits: proof (3)
                assert await swarm.add_peer(peer, peer.variant) == ""
            assert await run is SwarmEnd.COMPLETE

        again = await world.open()  # killed before it was placed: nobody is here now who agrees
        assert again.part.pieces.complete
        origin = FakeOrigin("anna", data, queued=True)
        again.use_origin(origin)
        run = asyncio.ensure_future(again.run())
        await held(again)
        await asyncio.sleep(0.2)  # time in which it would end
        assert not run.done()
        origin.go.set()
        assert await run is SwarmEnd.COMPLETE
        assert world.bytes() == data and origin.sent <= 2 * LEAF
        await again.stop()

    go(story())


def test_when_one_of_two_leaves_before_the_end_their_word_is_no_proof_any_more(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(SIZE)
        world = World(tmp_path, SIZE, target=Target(MBID, 200_000, "FLAC"))
        async with running(world, FakeOrigin("anna", data, queued=True)) as (swarm, run):
            stays, leaves = peers(data, "a1", "b2")
            stays._rate = leaves._rate = 1e6
            for peer in (stays, leaves):
                assert await swarm.add_peer(peer, peer.variant) == ""
            while swarm.status().by_mesh < 3 * LEAF:
                await asyncio.sleep(0.01)
            assert swarm.status().proof == "agree"
            leaves.lose()
            assert "1 of 2 peers agree" in await held(swarm)
            assert not run.done()
            (back,) = peers(data, "c3")
            assert await swarm.add_peer(back, back.variant) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == data

    go(story())


def test_a_head_of_the_file_proves_it_and_another_does_not(tmp_path: Path) -> None:
    async def story() -> None:
        info = bytes(range(34))
        data = b"fLaC\x80\0\0\x22" + info + some_bytes(SIZE - 42)
        world = World(tmp_path, SIZE)
        async with running(world, FakeOrigin("anna", data, queued=True)) as (swarm, run):
            peer = FakePeer("a1", data)
            peer.variant = replace(peer.variant, streaminfo=info.hex())
            assert await swarm.add_peer(peer, peer.variant) == ""
            await held(swarm)
            assert not swarm.head_probe(data[: LEAF - 1] + b"?") and not run.done()
            assert swarm.head_probe(data[:LEAF])
            assert await run is SwarmEnd.COMPLETE
            assert swarm.status().proof == "head" and world.bytes() == data

    go(story())


def said_by(known: int, variant_id: str) -> Any:
    """Aggregates in which so many known peers name this one variant."""

    async def canonical(recording: str, codec_profile: str) -> CanonicalStats:
        one = VariantStats(variant_id, SIZE, 200_000, known, 0, 0.9, 0.0)
        return CanonicalStats(recording, codec_profile, known, 0, 0.9, 0.0, None, SafeText(""), (one,))

    return canonical


def test_one_peer_and_known_peers_word_for_what_it_offers_are_a_proof(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(SIZE)
        (peer,) = peers(data, "a1")
        world = World(tmp_path, SIZE, target=Target(MBID, 200_000, "FLAC"), canonical=said_by(2, peer.variant.variant_id))
        async with running(world, FakeOrigin("anna", data, queued=True)) as (swarm, run):
            assert await swarm.add_peer(peer, peer.variant) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == data and swarm.status().proof == "agree"
            assert swarm.status().canonical == "canonical 0.90, 2 peers agree"

    go(story())


def test_strangers_who_agree_on_what_no_known_peer_names_finish_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        data, fake = some_bytes(SIZE), some_bytes(SIZE, 9)
        world = World(tmp_path, SIZE, target=Target(MBID, 200_000, "FLAC"), canonical=said_by(2, "f" * 64))
        origin = FakeOrigin("anna", data, queued=True)
        async with running(world, origin) as (swarm, run):
            for peer in peers(fake, "a1", "b2", "c3"):
                assert await swarm.add_peer(peer, peer.variant) == ""
            assert "3 of 2 peers agree, but 2 known peers name other variants of it (proof 3)" in await held(swarm)
            origin.go.set()
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == data

    go(story())


def test_nodes_of_one_network_are_one_voice(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(SIZE)
        world = World(tmp_path, SIZE, target=Target(MBID, 200_000, "FLAC"))
        async with running(world, FakeOrigin("anna", data, queued=True)) as (swarm, run):
            crowd = peers(data, "a1", "b2", "c3")
            for number, peer in enumerate(crowd):
                peer.host = f"127.1.9.{number + 1}"
                assert await swarm.add_peer(peer, peer.variant) == ""
            assert "1 of 2 peers agree" in await held(swarm)
            (elsewhere,) = peers(data, "d4")
            assert await swarm.add_peer(elsewhere, elsewhere.variant) == ""
            assert await run is SwarmEnd.COMPLETE

    go(story())
