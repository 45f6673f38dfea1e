"""What a user says to the cache, and what `cache status` answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cache_world import CacheWorld, holds, recording
from engine_world import Album, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result


async def say(engine: Engine, name: str, **args: Any) -> Result:
    return await engine.submit(Command(f"cache.{name}", args))


async def status(engine: Engine | ReadOnlyEngine) -> CacheView:
    view = await engine.snapshot(ViewKey("cache"))
    assert isinstance(view, CacheView)
    return view


def test_switch_size_and_threshold_hold_over_a_restart(tmp_path: Path, album: Album) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            settings = world.settings("me")
            engine = await world.start("me", settings)
            before = await status(engine)
            assert not before.on and not engine.warm.shelf.folder.exists()
            assert (await say(engine, "on")).ok and (await say(engine, "size", gb=2.5)).ok and (await say(engine, "threshold", peers=3)).ok
            assert (await say(engine, "size", gb=0.0)).code == "usage" and (await say(engine, "threshold", peers=0)).code == "usage"
            assert "cache" in engine.mesh.hello().features and engine._serving().cache  # type: ignore[union-attr]
            await engine.stop()
            engine = await world.start("me", settings)
            view = await status(engine)
            assert (view.on, view.most, view.threshold) == (True, 2_500_000_000, 3)
            assert (await say(engine, "off")).ok and "cache" not in engine.mesh.hello().features  # type: ignore[union-attr]

    asyncio.run(story())


def test_without_an_overlay_it_cannot_be_turned_on(tmp_path: Path, album: Album) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            engine = await world.engine("me", overlay={"enabled": False}, soulseek={"enabled": False})
            answer = await say(engine, "on")
            assert answer.code == "refused" and "overlay.enabled" in str(answer.hint)
            assert not (await status(engine)).on

    asyncio.run(story())


def test_a_folder_of_the_library_is_refused_and_nothing_is_kept_there(tmp_path: Path, album: Album) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            inside = tmp_path / "me" / "music" / "warm"
            engine = await world.engine("me", warm_cache={"folder": str(inside)}, soulseek={"enabled": False})
            answer = await say(engine, "on")
            assert answer.code == "disk" and "a folder of its own" in str(answer.message)
            assert not inside.exists() and "lie in each other" in (await status(engine)).words

    asyncio.run(story())


@pytest.mark.slow
def test_a_pin_is_fetched_though_nobody_asks_stays_and_goes_once_unpinned(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            engine = await world.cache()
            wanted = recording(2)
            assert (await say(engine, "pin", recording=f"https://musicbrainz.org/recording/{wanted}")).ok
            await holds(engine, wanted)
            (row,) = (await status(engine)).rows
            assert (row.recording, row.state, row.pinned, row.title) == (wanted, "held", True, engine.warm.shelf.files()[0].title)
            refused = await say(engine, "evict", recording=wanted[:8])
            assert refused.code == "refused" and "unpin" in str(refused.hint)
            assert "1 recording stay" in str((await say(engine, "evict", all=True)).message)
            assert (await say(engine, "unpin", recording=wanted[:8])).ok
            gone = await say(engine, "evict", recording=wanted[:8])
            assert gone.ok and gone.data["bytes"] == row.size, gone
            assert list(engine.warm.shelf.folder.glob("*.flac")) == [] and (await status(engine)).rows == ()
            assert (await say(engine, "evict", recording=wanted)).code == "not_found"
            assert (await say(engine, "evict")).code == "usage" and (await say(engine, "pin", recording="no such")).code == "usage"
            (day,) = await engine.store.cache.days()
            assert (day.fetched, day.evicted) == (1, 1)

    asyncio.run(story())


@pytest.mark.slow
def test_what_is_held_is_there_after_a_restart_and_is_told_without_an_engine(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            settings = world.settings("cache", warm_cache={"enabled": True})
            engine = await world.start("cache", settings)
            wanted = recording(1)
            await say(engine, "pin", recording=wanted)
            await holds(engine, wanted)
            (there,) = engine.warm.shelf.find((wanted,))[:1]
            await engine.stop()
            stored = ReadOnlyEngine(world.paths("cache"))
            await stored.start()
            view = await status(stored)
            assert [(row.recording, row.pinned) for row in view.rows] == [(wanted, True)] and "no engine runs" in view.words
            await stored.stop()
            # a file that the index lost is hashed again, one that is gone is forgotten
            folder = world.paths("cache").data / "warm"
            (folder / f"{recording(2)}.flac").write_bytes(album.tracks(2)[1].read_bytes())
            engine = await world.start("cache", settings)
            assert engine.warm.shelf.find((wanted,))[:1] == (there,)
            assert engine.warm.shelf.file(recording(2)) is not None
            await engine.stop()
            (folder / f"{wanted}.flac").unlink()
            engine = await world.start("cache", settings)
            assert engine.warm.shelf.file(wanted) is None and engine.warm.shelf.find((wanted,)) == ()
            assert json.dumps(engine.warm.shelf.pins)  # the pin stays, so that it is fetched again
            await until(lambda: engine.warm.shelf.file(wanted) is not None, "the pin is back")

    asyncio.run(story())


@pytest.mark.slow
def test_a_disk_that_is_not_mounted_costs_nothing_that_was_held(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            disk = tmp_path / "disk"
            settings = world.settings("cache", warm_cache={"enabled": True, "folder": str(disk)})
            engine = await world.start("cache", settings)
            wanted = recording(1)
            await say(engine, "pin", recording=wanted)
            await holds(engine, wanted)
            await engine.stop()
            disk.rename(tmp_path / "elsewhere")
            disk.mkdir()  # the bare mount point
            engine = await world.start("cache", settings)
            view = await status(engine)
            assert "mount its disk" in view.words and len(view.rows) == 1
            assert engine.warm.shelf.find((wanted,)) == () and not engine._serving().cache
            disk.rmdir()
            (tmp_path / "elsewhere").rename(disk)
            assert engine.warm.fetcher is not None
            await engine.warm.fetcher.look()
            assert engine.warm.shelf.find((wanted,)) and engine.warm.shelf.trouble == ""

    asyncio.run(story())
