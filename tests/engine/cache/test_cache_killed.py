"""A cache whose engine is killed, or stopped at the worst moment: what it fetches goes on, is judged, and is counted once."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cache_world import CacheWorld, ask, holds, recording
from engine_world import LEAF, Album, World, put, sha, until

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.cache.shelf import MARK, Shelf
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.engine.soulseek.shares.index import ShareReader
from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.slow
ROOM = 1_000_000
"""One track of the album, not two."""


async def say(engine: RemoteEngine, name: str, **args: str) -> None:
    result = await engine.submit(Command(f"cache.{name}", args))
    assert result.ok, result


async def held(engine: RemoteEngine, wanted: str) -> CacheView:
    """Until the cache holds it and its job is gone."""
    async with asyncio.timeout(240):
        while True:
            view = await engine.snapshot(ViewKey("cache"))
            assert isinstance(view, CacheView) and view.bytes <= ROOM
            if [row.state for row in view.rows if row.recording == wanted] == ["held"] and not any(
                row.state == "fetching" for row in view.rows
            ):
                return view
            await asyncio.sleep(0.1)


def committed(paths: Paths) -> int:
    """Bytes of the file under way that the dead engine had made durable."""
    with contextlib.closing(sqlite3.connect(f"file:{paths.state_db}?mode=ro", uri=True)) as db:
        return sum(have for (have,) in db.execute("SELECT prefix FROM Transfers"))


def in_folder(paths: Paths) -> set[str]:
    return {path.name for path in (paths.data / "warm").iterdir()}


def test_an_engine_killed_while_the_cache_fetches_goes_on_and_counts_once(tmp_path: Path, album: Album) -> None:
    async def story() -> None:
        async with World(tmp_path, album, tracks=2) as world:
            mono = await world.holder("mono_lith", album.tracks(2)[1:])
            put(tmp_path / "shared", album.tracks(3)[2:])
            paths = world.configure(
                "cache",
                warm_cache={"enabled": True, "max_storage_gb": ROOM / 1e9},
                soulseek={"share": [str(tmp_path / "shared")], "search_results": 1},  # there is one user: a search ends when he answered
                rescue={"no_bytes_s": 60.0},
            )
            first, second = recording(1), recording(2)
            name, size = album.tracks(2)[1].name, album.tracks(2)[1].stat().st_size
            put(paths.data / "warm", {f"{first}.flac": album.tracks(1)[0].read_bytes()})  # of a database that was lost
            child = await world.serve("cache")
            engine = await world.attach("cache")
            assert (await held(engine, first)).held == 1
            mono.hold(6 * LEAF, name)
            await say(engine, "pin", recording=second)  # takes the place of what is not pinned
            await until(lambda: mono.sent.get(name, 0) >= 6 * LEAF and committed(paths) >= 3 * LEAF, "it is half way and on disk")
            child.process.kill()
            await child.process.wait()
            had = committed(paths)
            assert in_folder(paths) <= {MARK, f"{first}.flac"}
            child = await world.serve("cache")
            await until(lambda: len(mono.starts[name]) == 2, "it goes on by itself")
            assert mono.starts[name][1] >= had - LEAF
            mono.let_go()
            # killed again the moment it stands in the folder, wherever that catches the engine
            await until(lambda: f"{second}.flac" in in_folder(paths), "it is placed")
            child.process.kill()
            await child.process.wait()
            await world.serve("cache")
            view = await held(await world.attach("cache"), second)
            (row,) = view.rows
            assert (row.size, row.pinned) == (size, True) and row.title and "copy" in row.note
            assert (view.held, view.fetched, view.evicted) == (1, 1, 1), view
            assert view.bytes_fetched == size
            assert in_folder(paths) == {MARK, f"{second}.flac"} and sha(paths.data / "warm" / f"{second}.flac") == world.truth[1]
            assert mono.sent[name] <= size + LEAF + (6 * LEAF - had), "only what was not on disk comes again"
            assert not list(paths.incomplete.rglob("*.part*")) and world.music("cache") == []
            assert ShareReader(paths.data / "shares.db").totals() == (1, 1), "what is shared is the folder that is shared"
            # and by the command line it becomes the library's
            move = ("cache", "move", second[:8])
            said = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "slskdn_tui", "--profile", str(paths.profile), *move, stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(60):
                words, _ = await said.communicate()
            assert said.returncode == 0 and b"is in the library" in words, words
            assert world.music("cache") == world.truth[1:] and in_folder(paths) == {MARK}

    asyncio.run(story())


def test_a_copy_placed_right_before_a_stop_is_judged_before_it_is_offered(
    tmp_path: Path, album: Album, prompt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            settings = world.settings("cache", warm_cache={"enabled": True, "min_popularity_threshold": 1})
            engine = await world.start("cache", settings)
            wanted = recording(1)
            path = engine.warm.shelf.folder / f"{wanted}.flac"

            async def dies(shelf: Shelf, path: Path, recording: str) -> bool:
                await asyncio.Event().wait()
                return True

            with monkeypatch.context() as patched:
                patched.setattr(Shelf, "arrived", dies)
                (one,) = await world.peers(engine, 1)
                await ask([one], wanted)
                await until(path.exists, "it is placed, and nobody knows of it")
                await engine.stop()
            engine = await world.start("cache", settings)
            file = engine.warm.shelf.file(wanted)
            assert file is not None and (file.settled or not engine.warm.shelf.find((wanted,)))
            await holds(engine, wanted)
            await until(lambda: engine.warm.shelf.find((wanted,)), "it is offered")
            assert file.title and "copy" in file.consensus
            (day,) = await engine.store.cache.days()
            assert (day.fetched, day.bytes_fetched) == (1, path.stat().st_size)
            # another recording by that name, found after a stop, is let go and never offered
            await engine.stop()
            other = engine.warm.shelf.folder / f"{recording(2)}.flac"
            whole_minutes_of_silence(other)
            engine = await world.start("cache", settings)
            assert engine.warm.shelf.find((recording(2),)) == ()
            await until(lambda: world.said("cache", "cache.refused"), "it is refused")
            assert "MusicBrainz says" in world.said("cache", "cache.refused")[0] and not other.exists()

    asyncio.run(story())


def whole_minutes_of_silence(path: Path) -> None:
    made = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo", "-t", "60", str(path)]
    subprocess.run(made, check=True, timeout=60)
