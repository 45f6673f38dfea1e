"""What the cache holds becomes a file of the library, or stays what it was."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import overlay_world
import pytest
from cache_world import CacheWorld, fetch, recording
from engine_world import LEAF, Album, put, sha, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.engine.soulseek.shares.index import ShareReader
from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result

sys.path.append(str(Path(__file__).parents[1] / "jobs"))
from test_disk_trouble import mounted, run
from test_disk_trouble import mounts as mounts  # a fixture

HERE = "Plone/For Beginner Piano (1999)"


async def say(engine: Engine, name: str, **args: Any) -> Result:
    return await engine.submit(Command(f"cache.{name}", args))


async def held(engine: Engine | ReadOnlyEngine) -> tuple[int, int]:
    """Files and bytes that count as the cache's."""
    view = await engine.snapshot(ViewKey("cache"))
    assert isinstance(view, CacheView)
    return len(view.rows), view.bytes


async def with_cached(world: CacheWorld, *positions: int, **sections: Any) -> Engine:
    """An engine whose cache holds these tracks; its downloads are shared."""
    folder = world.paths("cache").data / "warm"
    put(folder, {f"{recording(at)}.flac": world.album.tracks(at)[at - 1].read_bytes() for at in positions})
    music = sections.pop("music", world.root / "cache" / "music")
    shared = {"share": [str(music)], **sections.pop("soulseek", {})}
    engine = await world.cache(soulseek=shared, downloads={"folder": str(music), "free_space_mib": 1}, **sections)
    await until(lambda: engine.warm.shelf.files() and not engine.warm.shelf.unsettled(), "it is judged")
    return engine


def test_a_moved_recording_is_the_librarys_and_whoever_reads_it_reads_on(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            engine = await with_cached(world, 1)
            wanted, size = recording(1), album.tracks(1)[0].stat().st_size
            one, two = await world.peers(engine, 2)
            (variant, *_) = await one.offers((wanted,))
            got = overlay_world.Collector(variant, await one.digests(variant))
            one.attach(variant.variant_id, got)
            one.request(variant.variant_id, 0, LEAF)
            await until(lambda: got.got, "the first leaf came")
            assert (await say(engine, "pin", recording=wanted)).ok and await held(engine) == (1, size)
            answer = await say(engine, "move", recording=wanted[:8])
            assert answer.ok and answer.data["offered"], answer
            path = Path(answer.data["path"])
            assert path.parent == tmp_path / "cache" / "music" / HERE and sha(path) == world.truth[0]
            assert await held(engine) == (0, 0) and not engine.warm.shelf.pins and engine.warm.shelf.find((wanted,)) == ()
            for offset in range(LEAF, size, LEAF):
                one.request(variant.variant_id, offset, min(LEAF, size - offset))
            await until(lambda: got.complete, "who read it has it whole")
            assert await fetch(two, wanted) == world.truth[0], "and the next one gets it from the library"
            assert [file.path for file in await engine.store.files.of_recording(wanted)] == [str(path)]
            shares = ShareReader(engine.paths.data / "shares.db")
            await until(lambda: shares.totals() == (1, 1), "and Soulseek, which never got it from the cache")
            assert (await say(engine, "move", recording=wanted)).code == "not_found"
            await engine.stop()
            stored = ReadOnlyEngine(world.paths("cache"))
            await stored.start()
            assert await held(stored) == (0, 0)
            await stored.stop()

    asyncio.run(story())


def test_a_file_in_its_place_is_never_overwritten_and_the_same_one_is_not_kept_twice(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            engine = await with_cached(world, 1, 2)
            first = await say(engine, "move", recording=recording(1))
            there = Path(first.data["path"]).with_name(album.tracks(2)[1].name)  # by the jobs' template
            there.write_bytes(b"mine")
            answer = await say(engine, "move", recording=recording(2))
            assert answer.code == "refused" and str(there) in str(answer.message), answer
            (one,) = await world.peers(engine, 1)
            assert there.read_bytes() == b"mine" and (await held(engine))[0] == 1 and await fetch(one, recording(2)) == world.truth[1]
            there.write_bytes(album.tracks(2)[1].read_bytes())
            answer = await say(engine, "move", recording=recording(2))
            assert answer.ok and answer.data["path"] == str(there), answer
            assert (
                await held(engine) == (0, 0) and not list(engine.warm.shelf.folder.glob("*.flac")) and world.music("cache") == world.truth
            )

    asyncio.run(story())


@pytest.mark.slow
def test_a_full_or_unwritable_library_refuses_it_and_nothing_is_lost(tmp_path: Path, album: Album, prompt: None, mounts: ExitStack) -> None:
    disk = tmp_path / "library"
    mounts.enter_context(mounted(disk, "-t", "tmpfs", "-o", "size=3m", "tmpfs"))

    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            engine = await with_cached(world, 1, music=disk)
            wanted, size = recording(1), album.tracks(1)[0].stat().st_size
            (one,) = await world.peers(engine, 1)

            async def refused(words: str) -> None:
                answer = await say(engine, "move", recording=wanted)
                assert answer.code == "disk" and words in str(answer.message), answer
                assert await held(engine) == (1, size) and await fetch(one, wanted) == world.truth[0]
                assert [path for path in disk.rglob("*") if path.is_file() and path.name != "ballast"] == []

            (disk / "ballast").write_bytes(bytes(1_900_000))
            await refused("no room")
            (disk / "ballast").unlink()
            run("mount", "-o", "remount,ro", str(disk))
            await refused("Read-only file system")
            run("mount", "-o", "remount,rw", str(disk))
            answer = await say(engine, "move", recording=wanted)
            assert answer.ok and sha(Path(answer.data["path"])) == world.truth[0] and await held(engine) == (0, 0)

    asyncio.run(story())
