"""A copy that known peers come to agree on takes the place of the one the cache holds, and never a worse one, nor under somebody's hands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cache_world import CacheWorld, fetch, holds, recording
from engine_world import LEAF, Album, put, sha, until

from slskdn_tui.engine.cache.shelf import COMING, MARK
from slskdn_tui.engine.content.digests import LeafDigests
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.model.heard import HeardVariant, Voice
from slskdn_tui.model.variant import Variant

pytestmark = pytest.mark.slow


async def held(world: CacheWorld, album: Album) -> Engine:
    """An engine whose cache holds the first track with other tags, popular enough to stay."""
    put(world.paths("cache").data / "warm", {f"{recording(1)}.flac": album.tracks(1, retagged=True)[0].read_bytes()})
    engine = await world.cache(rescue={"no_bytes_s": 60.0})
    await until(lambda: engine.warm.shelf.recordings() == [recording(1)], "it is offered")
    return engine


async def agree(engine: Engine, data: bytes) -> None:
    """Two known peers of the mesh have these bytes, and know them for good."""
    assert engine.aggregates is not None and engine.warm.fetcher is not None
    digests = LeafDigests()
    digests.update(data)
    profile = next(iter(engine.warm.shelf.variants(recording(1)).values()))
    heard = HeardVariant(Variant(digests.finish(), "file", len(data), recording(1), "FLAC", profile, score=0.9))
    for number in (1, 2):
        node = f"{number:02x}" * 32
        engine.book.outcome(node, ChunkOutcome.OK)
        engine.aggregates.advertised(Voice(node, f"127.9.{number}.1"), [heard], (), whole=True)
    await engine.aggregates.flush()
    engine.warm.fetcher.wake()


def in_folder(engine: Engine) -> set[str]:
    return {path.name for path in engine.warm.shelf.folder.rglob("*") if path.is_file()}


def test_the_copy_peers_agree_on_replaces_the_one_held_once_nobody_reads_that(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album, tracks=1) as world:
            old, new = (album.tracks(1, retagged)[0].read_bytes() for retagged in (True, False))
            other = await world.holder("other", album.tracks(1, retagged=True))
            origin = await world.holder("mono_lith")
            origin.hold(2 * LEAF)
            engine = await held(world, album)
            one, two = await world.peers(engine, 2)
            (variant, *_) = await one.offers((recording(1),))
            await agree(engine, new)
            await until(lambda: origin.total >= 2 * LEAF, "the better one is half way")
            assert await fetch(two, recording(1)) == sha(old), "what is held is served meanwhile"
            reader = engine.warm.shelf.open(variant.variant_id)  # over a socket it would be closed when nothing is asked of it for 5 s
            assert reader is not None and reader.read(0, LEAF) == old[:LEAF]
            origin.let_go()
            waits = engine.warm.shelf.coming / f"{recording(1)}.flac"
            fetcher = engine.warm.fetcher
            assert fetcher is not None
            await until(lambda: fetcher.job is not None and fetcher.job.record.state == "completed" and waits.exists(), "it waits")
            await fetcher.look()
            assert waits.exists() and engine.warm.shelf.find((recording(1),))[0] == variant
            assert reader.read(0, variant.length) == old
            reader.close()
            await until(lambda: world.said("cache", "cache.replaced"), "then it is replaced")
            await holds(engine, recording(1))
            await until(lambda: engine.warm.shelf.recordings() == [recording(1)], "and offered")
            assert await fetch(two, recording(1)) == sha(new) and in_folder(engine) == {MARK, f"{recording(1)}.flac"}
            assert (origin.total, other.total) == (len(new), 0)
            (day,) = await engine.store.cache.days()
            assert (day.fetched, day.bytes_fetched, day.evicted) == (1, len(new), 0)
            await fetcher.look()
            assert engine.runner.jobs() == [], "there is nothing better"

    asyncio.run(story())


def test_another_file_of_that_size_does_not_replace_it_and_it_is_not_tried_again(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album, tracks=1) as world:
            old, new = (album.tracks(1, retagged)[0].read_bytes() for retagged in (True, False))
            at = new.lower().index(b"title=") + len(b"title=")
            forged = new[:at] + bytes([new[at] ^ 0x01]) + new[at + 1 :]  # a letter of its tags
            origin = await world.holder("mono_lith", {album.tracks(1)[0].name: forged})
            engine = await held(world, album)
            await engine.warm.shelf.pin(recording(1))
            await agree(engine, new)
            assert engine.warm.fetcher is not None
            await engine.warm.fetcher.look()
            assert engine.runner.jobs() == [], "a pin stays as it is"
            await engine.warm.shelf.unpin(recording(1))
            await until(lambda: world.said("cache", "cache.refused"), "it is refused")
            await holds(engine, recording(1))
            (one,) = await world.peers(engine, 1)
            assert await fetch(one, recording(1)) == sha(old) and in_folder(engine) == {MARK, f"{recording(1)}.flac"}
            assert not list((engine.warm.shelf.folder / COMING).iterdir())
            await engine.warm.fetcher.look()
            assert engine.runner.jobs() == [] and origin.total == len(forged), "it rests"

    asyncio.run(story())
