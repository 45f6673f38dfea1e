"""Copies that differ in their tags deliver one file: bit for bit the donor's, most of it from them, whatever its format; and nothing false gets in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from world import FakeOrigin, FakePeer, World, leaves_of, running, some_bytes, variant_of

from slskdn_tui.engine.content.digests import variant_id
from slskdn_tui.engine.content.region import find
from slskdn_tui.engine.swarm.disk.verify import verify_file
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.proof.evidence import HEADLESS
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.ports import ChunkReceiver, OriginEnd
from slskdn_tui.model.variant import LEAF, Variant
from tests.fakes.region_files import ape, encoded, flac_blocks, id3v1, id3v2, m4a, picture, reader

KIB = 1024


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await work

    asyncio.run(bounded())


def audio(data: bytes) -> bytes:
    region = find(reader(data), len(data))
    return data[region.start : region.start + region.length]


def both(data: bytes) -> tuple[Variant, Variant]:
    """What a node offers of a file: itself and its region."""
    inner = audio(data)
    at = data.find(b"fLaC")
    more = {"streaminfo": data[at + 8 : at + 42].hex()} if at >= 0 else {}
    file = variant_of(data, **more)
    return file, Variant(variant_id("region", len(inner), leaves_of(inner)), "region", len(inner), file.recording_mbid, **more)  # type: ignore[arg-type]


class Tagged(FakePeer):
    """Offers its file and the region in it; `forgets` after so many requests: its tags were edited, so it has not got them any more."""

    def __init__(self, name: str, data: bytes, *, forgets: int | None = None, **more: Any) -> None:
        super().__init__(name, data, **more)
        self.variants = both(data)
        self._bytes = dict(zip((variant.variant_id for variant in self.variants), (data, audio(data)), strict=True))
        self._forgets, self._asked = forgets, 0

    async def digests(self, variant: Variant) -> tuple[bytes, ...]:
        return leaves_of(self._bytes[variant.variant_id])

    def attach(self, variant_id: str, receiver: ChunkReceiver) -> None:
        self.data, self.variant = self._bytes[variant_id], next(each for each in self.variants if each.variant_id == variant_id)
        self._queue = asyncio.Queue()
        super().attach(variant_id, receiver)

    def request(self, variant_id: str, offset: int, length: int, *, priority: int = 0, deadline_ms: int = 0) -> None:
        self._asked += 1
        if self._forgets is not None and self._asked > self._forgets:
            receiver = self._receivers[variant_id]
            asyncio.get_running_loop().call_soon(receiver.on_refused, self.node_id, offset, length, "not_found")
        else:
            super().request(variant_id, offset, length, priority=priority, deadline_ms=deadline_ms)


class Slow(World):
    """A world whose origin is found to be slow at once."""

    def __init__(self, folder: object, size: int, **more: Any) -> None:
        super().__init__(folder, size, rescue=RescueThresholds(60, 1000, 60, 0.2), **more)


async def arrived(swarm: TrackSwarm, size: int) -> None:
    while swarm.status().done < size:
        await asyncio.sleep(0.002)


def stalling(donor: bytes) -> FakeOrigin:
    """Sends the head, one leaf of audio and a bit, and no more."""
    return FakeOrigin("anna", donor, rate=400_000, stall_at=find(reader(donor), len(donor)).start + LEAF + 4000)


def gave(swarm: TrackSwarm, peers: Sequence[FakePeer]) -> int:
    by = {source.source: source.bytes for source in swarm.status().sources}
    return sum(by.get(peer.node_id, 0) for peer in peers)


FLAC = encoded("flac", 8.0)
MP3 = id3v2(0)[:0] + encoded("mp3", 60.0)
AUDIO = picture(20 * LEAF + 77, 9)
SETS: dict[str, tuple[bytes, list[bytes]]] = {
    "flac": (
        flac_blocks(FLAC, (4, bytes(900)), (1, bytes(4096))),
        [
            flac_blocks(FLAC),
            flac_blocks(FLAC, (6, picture(90_000)), (1, bytes(77))),
            id3v2(500) + flac_blocks(FLAC, (4, bytes(70_000))) + id3v1(),
        ],
    ),
    "mp3": (id3v2(2000) + MP3 + id3v1(), [audio(MP3), id3v2(70_000) + MP3, bytes(9) + MP3 + ape(300) + id3v1()]),
    "mp3 ape": (MP3 + ape(5000), [audio(MP3) + id3v1(), id3v2(10) + MP3, id3v2(90_000) + audio(MP3)]),
    "m4a": (m4a(AUDIO, b"x" * 500, first=True), [m4a(AUDIO), m4a(AUDIO, picture(80_000), first=True), m4a(AUDIO, wide=True, free=40)]),
    "m4a behind": (m4a(AUDIO, picture(3000)), [m4a(AUDIO, first=True), m4a(AUDIO, picture(80_000)), m4a(AUDIO, wide=True, free=40)]),
}


@pytest.mark.parametrize("name", SETS)
def test_three_copies_with_other_tags_give_most_of_the_file_and_it_is_the_donors(tmp_path: Path, name: str) -> None:
    donor, copies = SETS[name]
    region = find(reader(donor), len(donor))
    assert len({len(copy) for copy in copies} | {len(donor)}) == 4 and all(audio(copy) == audio(donor) for copy in copies)

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, rate=20_000, block=4096)
        async with running(world, origin) as (swarm, run):
            await arrived(swarm, region.start + 1)
            origin._rate = 300_000
            await arrived(swarm, region.start + LEAF)
            origin._rate = 20_000
            peers = [Tagged(letter, copy, rate=4e6) for letter, copy in zip(("a1", "b2", "c3"), copies, strict=True)]
            for peer in peers:
                assert await swarm.add_peer(peer, *peer.variants) == ""
            assert {member.variant.kind for member in swarm.members.values()} == {"region"}
            while not swarm.part.pieces.tail_only and not run.done():
                await asyncio.sleep(0.002)
            origin._rate = 20e6
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor
            assert gave(swarm, peers) >= 0.85 * len(donor) and all(peer.sent for peer in peers)
            status = swarm.status()
            assert status.by_mesh + status.by_slsk == len(donor) and status.proof == "prefix" and set(status.codes) <= set(b"om")
            tail = len(donor) - region.start - region.length
            assert origin.started_at == ([0, len(donor) - tail - LEAF] if tail else [0]), (
                "one stream, and one resumption where there is a tail"
            )
            assert len(world.told("meet")) == 1 and not world.told("overlap", "error")
        checked = verify_file(world.path, world.store.records["job/1"])
        assert checked.ok and checked.variant_id == peers[0].variants[1].variant_id and "slsk:anna" in checked.words
        assert not world.failures and not swarm.bans

    go(story())


@pytest.mark.parametrize("queued", [True, False])
def test_until_the_head_has_come_a_region_is_refused_and_may_be_asked_again(tmp_path: Path, queued: bool) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, rate=50_000, block=512, queued=queued)
        async with running(world, origin) as (swarm, run):
            if not queued:
                await arrived(swarm, 1)
            peer = Tagged("a1", copies[0])
            assert await swarm.add_peer(peer, *peer.variants) == HEADLESS
            assert not peer.asked and HEADLESS in {event.words for event in world.told("peer_refused")}
            origin.go.set()
            origin._rate = 1e6
            await arrived(swarm, 6000)
            origin._rate = 50_000
            assert await swarm.add_peer(peer, *peer.variants) == ""
            origin._rate = 20e6
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and peer.sent

    go(story())


def test_a_head_from_another_holder_and_one_tagged_copy_prove_and_finish_the_file_while_the_origin_queues(tmp_path: Path) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, queued=True)
        async with running(world, origin) as (swarm, run):
            peer = Tagged("a1", copies[0])
            assert swarm.take_head("slsk:ben", donor[:LEAF])
            assert not swarm.take_head("slsk:cleo", b"?" * LEAF), "the first is the file's"
            assert await swarm.add_peer(peer, *peer.variants) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and swarm.status().proof == "head" and origin.sent == 0
            assert {source.source for source in swarm.status().sources} >= {"slsk:ben", peer.node_id}

    go(story())


def test_without_a_proof_a_region_is_never_placed(tmp_path: Path) -> None:
    donor, copies = SETS["mp3"]  # no STREAMINFO: the head alone proves nothing

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, queued=True)
        async with running(world, origin) as (swarm, run):
            assert swarm.take_head("slsk:ben", donor[:LEAF])
            peer = Tagged("a1", copies[0])
            assert await swarm.add_peer(peer, *peer.variants) == ""
            while not swarm.held:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)  # time in which it would end
            assert not run.done() and "no whole leaf came from Soulseek (proof 1)" in swarm.held
            origin.go.set()
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and swarm.status().proof == "prefix"

    go(story())


@pytest.mark.parametrize("begun", [5000, 0])
def test_audio_that_soulseek_contradicts_leaves_no_byte(tmp_path: Path, begun: int) -> None:
    donor, _ = SETS["flac"]
    region = find(reader(donor), len(donor))
    other = donor[: region.start] + some_bytes(region.length, 4)  # the same head, STREAMINFO and length, and other audio

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, stall_at=region.start + begun)
        async with running(world, origin) as (swarm, run):
            liars = [Tagged(letter, flac_blocks(other, (4, bytes(size))), rate=50e6) for letter, size in (("a1", 5), ("b2", 9))]
            for liar in liars:
                assert await swarm.add_peer(liar, *liar.variants) == ""
            if begun:
                while swarm.decision.allowed:
                    await asyncio.sleep(0.01)
                assert "another file" in swarm.decision.words
            else:
                while swarm.status().by_mesh < 4 * LEAF:
                    await asyncio.sleep(0.01)
            honest = FakeOrigin("ben", donor, rate=20e6)
            swarm.use_origin(honest)
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor
            assert swarm.status().by_mesh == 0 and world.told("proof", "refused")
            assert {(await swarm.add_peer(liar, *liar.variants)) for liar in liars} == {"the file needs no more peers"}

    go(story())


REFUSALS: dict[str, tuple[Callable[[], bytes], str]] = {
    "another encoding": (lambda: flac_blocks(encoded("flac", 8.0, 2), (4, bytes(10))), "other variant:"),
    "longer": (lambda: SETS["flac"][0] + b"more", "bytes of audio, not"),
    "no FLAC": (lambda: SETS["mp3"][0], "other variant:"),
}


@pytest.mark.parametrize("which", REFUSALS)
def test_what_is_not_the_same_audio_is_refused_in_words(tmp_path: Path, which: str) -> None:
    donor, _ = SETS["flac"]
    make, words = REFUSALS[which]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            peer = Tagged("a1", make())
            why = await swarm.add_peer(peer, *peer.variants)
            assert words in why and not swarm.members and not peer.asked, why
            swarm.use_origin(FakeOrigin("ben", donor))
            assert await run is SwarmEnd.COMPLETE and world.bytes() == donor

    go(story())


def test_of_a_whole_copy_and_one_cut_short_the_whole_one_is_taken(tmp_path: Path) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            cut, whole = Tagged("c0", copies[0][: -3 * LEAF], rate=4e6), Tagged("a1", copies[1], rate=1e6)
            assert await swarm.add_peer(cut, *cut.variants) == "" and swarm.part.pieces.layout.tail == 3 * LEAF
            while swarm.status().by_mesh < 2 * LEAF:
                await asyncio.sleep(0.005)
            assert await swarm.add_peer(whole, *whole.variants) == "" and swarm.part.pieces.layout.tail == 0
            assert swarm.status().by_mesh >= LEAF and list(swarm.members) == [whole.node_id]
            assert await run is SwarmEnd.COMPLETE and world.bytes() == donor

    go(story())


def test_a_file_that_becomes_whole_while_a_copy_with_other_tags_is_taken_ends_well(tmp_path: Path) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, rate=400_000, stall_at=find(reader(donor), len(donor)).start + 3 * LEAF)
        async with running(world, origin) as (swarm, run):
            exact = Tagged("e0", donor, rate=20e6)
            tagged = Tagged("a1", copies[0])
            real = swarm.part.hash_leaves

            async def late(*args: Any) -> Any:
                if not run.done() and swarm.part.variant is not None and tagged.node_id not in swarm.members:
                    while not swarm.part.pieces.complete:
                        await asyncio.sleep(0.001)
                    for _ in range(20):  # what ends the swarm has its turns
                        await asyncio.sleep(0)
                return await real(*args)

            assert await swarm.add_peer(exact, *exact.variants) == ""
            swarm.part.hash_leaves = late  # type: ignore[method-assign]
            why = await swarm.add_peer(tagged, *tagged.variants)
            assert why in ("", "the file needs no more peers")
            assert await run is SwarmEnd.COMPLETE and world.bytes() == donor and not swarm.bans

    go(story())


def test_a_liar_among_tagged_copies_is_banned(tmp_path: Path) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            liar = Tagged("bad0", copies[0], wrong=True, rate=3e6)
            honest = [Tagged(letter, copy, rate=3e6) for letter, copy in zip(("a1", "b2"), copies[1:], strict=True)]
            for peer in (liar, *honest):
                assert await swarm.add_peer(peer, *peer.variants) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and list(swarm.bans) == [liar.node_id]
            (ban,) = world.told("ban")
            assert ban.source == liar.node_id and (ban.offset - find(reader(donor), len(donor)).start) % LEAF == 0
            assert gave(swarm, honest) >= 0.85 * len(donor) and gave(swarm, [liar]) == 0

    go(story())


def test_a_copy_whose_tags_are_edited_midway_drops_out_and_the_others_go_on(tmp_path: Path) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            edited, stays = Tagged("a1", copies[0], rate=3e6, forgets=2), Tagged("b2", copies[1], rate=2e6)
            for peer in (edited, stays):
                assert await swarm.add_peer(peer, *peer.variants) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and not swarm.bans and edited.sent and stays.sent
            assert {event.words for event in world.told("chunk", "error")} == {"not_found"}, (
                "of the four leaves asked at first two are refused"
            )

    go(story())


@pytest.mark.parametrize("first", ["exact", "tagged"])
def test_the_same_file_and_tagged_copies_deliver_side_by_side(tmp_path: Path, first: str) -> None:
    donor, copies = SETS["flac"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            exact = Tagged("e0", donor, rate=4e6)
            tagged = [Tagged(letter, copy, rate=4e6) for letter, copy in zip(("a1", "b2"), copies[:2], strict=True)]
            order = [exact, *tagged] if first == "exact" else [*tagged, exact]
            assert await swarm.add_peer(order[0], *order[0].variants) == ""
            assert swarm.part.variant is not None and swarm.part.variant.kind == ("file" if first == "exact" else "region")
            while swarm.status().by_mesh < 2 * LEAF:
                await asyncio.sleep(0.005)
            before = swarm.status().by_mesh
            for peer in order[1:]:
                assert await swarm.add_peer(peer, *peer.variants) == ""
            assert swarm.part.variant.kind == "region" and len(swarm.members) == 3, "the one who had the whole file gives its audio"
            assert swarm.status().by_mesh >= before - 2 * LEAF, "what was verified is verified still"
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and all(peer.sent for peer in order)
            assert sum(peer.sent for peer in order) <= len(donor) + 4 * LEAF, "what was on its way comes twice, no more"
        assert verify_file(world.path, world.store.records["job/1"]).ok

    go(story())


def test_a_file_that_is_there_whole_is_preferred_to_its_region(tmp_path: Path) -> None:
    donor, _ = SETS["mp3"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = stalling(donor)
        async with running(world, origin) as (swarm, run):
            exact = Tagged("e0", donor)
            assert await swarm.add_peer(exact, *exact.variants) == ""
            assert await run is SwarmEnd.COMPLETE
            assert world.bytes() == donor and origin.started_at == [0], "nobody has to be asked for the tail"

    go(story())


def test_a_stop_in_the_middle_fetches_no_verified_byte_again(tmp_path: Path) -> None:
    donor, copies = SETS["mp3"]
    region = find(reader(donor), len(donor))

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        origin = FakeOrigin("anna", donor, stall_at=region.start + LEAF + 500)
        async with running(world, origin) as (swarm, run):
            peer = Tagged("a1", copies[0], rate=1e6, stop_after=5 * LEAF)
            assert await swarm.add_peer(peer, *peer.variants) == ""
            while swarm.status().by_mesh < 4 * LEAF:
                await asyncio.sleep(0.01)
            kept = swarm.status().by_mesh
            await swarm.part.flush()
            swarm.abort()
            await run
            swarm.part._release()  # killed
            for task in (swarm._origin_task,):
                assert task is not None
                task.cancel()

            again = Slow(tmp_path, len(donor), store=world.store)
            swarm = await again.open()
            assert swarm.status().by_mesh == kept and swarm.part.pieces.layout.start == region.start
            ben = FakeOrigin("ben", donor, rate=20_000)
            swarm.use_origin(ben)
            run = asyncio.ensure_future(swarm.run())
            other = Tagged("b2", copies[1], rate=4e6)
            assert await swarm.add_peer(other, *other.variants) == ""
            assert other.variants[1] == peer.variants[1]
            while not swarm.part.pieces.tail_only:
                await asyncio.sleep(0.005)
            assert other.sent <= region.length - LEAF - kept + LEAF
            ben._rate = 20e6
            assert await run is SwarmEnd.COMPLETE
            assert again.bytes() == donor

    go(story())


def test_the_tail_comes_from_the_next_holder_when_the_first_is_gone(tmp_path: Path) -> None:
    donor, copies = SETS["mp3"]

    async def story() -> None:
        world = Slow(tmp_path, len(donor))
        swarm = await world.open()

        class Breaks(FakeOrigin):
            async def _fetch(self, sink: Any) -> tuple[OriginEnd, str]:
                await super()._fetch(sink)
                return OriginEnd.LOST, "gone"

        origin = Breaks("anna", donor, rate=400_000, stall_at=4000 + LEAF)
        swarm.use_origin(origin)
        run = asyncio.ensure_future(swarm.run())
        await origin.stalled.wait()
        peer = Tagged("a1", copies[0])
        assert await swarm.add_peer(peer, *peer.variants) == ""
        swarm.drop_origin()
        assert await run is SwarmEnd.ORIGIN_ENDED, "nobody here can give what stands behind the audio"
        assert swarm.tail_only and swarm.held.startswith("all but the last 128 bytes is here")
        assert (await swarm.add_peer(Tagged("b2", copies[1]), *both(copies[1]))) == "the file needs no more peers"
        ben = FakeOrigin("ben", donor)
        swarm.use_origin(ben)
        assert await swarm.run() is SwarmEnd.COMPLETE
        assert world.bytes() == donor and ben.started_at == [len(donor) - 128 - LEAF]
        await swarm.stop()

    go(story())
