"""The cache's engine is killed at every step of an exchange and of a move into the library: then there is one copy, and the tables say where."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cache_world import CacheWorld, fetch, recording
from engine_world import TIMEOUT, Album, put, sha, until
from test_cache_better import agree, in_folder
from test_cache_move import HERE, mounted
from test_cache_move import mounts as mounts  # a fixture

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.cache.move import MOVING
from slskdn_tui.engine.cache.shelf import MARK, Shelf
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.soulseek.shares.index import ShareReader
from slskdn_tui.lab.children import die_with_parent

pytestmark = pytest.mark.slow
CHILD = Path(__file__).with_name("dying.py")
WANTED = recording(1)
EXCHANGE = (
    "library.offers:LibraryOffers.remove",  # nothing has happened yet
    "cache.shelf:_swap",  # the old one is in no table
    "cache.shelf:sync_folder",  # the new one is in its place
    "store.library.cache_files:CacheFilesTable.tell",  # it is hashed
    "store.state.cache:CacheTable.count",  # it is judged
    "jobs.runner:JobRunner.forget",  # it is counted
)
MOVE = (
    ("jobs.placing.place:_settle", ""),  # where it goes is noted
    ("jobs.placing.place:os.unlink", ".flac"),  # it has two names
    ("jobs.placing.place:_done", ""),  # it is in the library, and in none of its tables
    ("cache.shelf:Shelf.moved", ""),  # it is in the library's
    ("store.state.cache:CacheTable.unpin", ""),  # it is not in the cache's any more
    ("store.state.choices:ChoicesTable.drop", ""),  # all but the note of it
)


class CutWorld(CacheWorld):
    """One profile, brought back to how it was `kept` as often as it is cut."""

    def __init__(self, root: Path, album: Album) -> None:
        super().__init__(root, album, tracks=1)
        self.profile, self._kept = root / "cache", root / "kept"
        self._child: asyncio.subprocess.Process | None = None

    def configure_cache(self, **sections: Any) -> None:
        put(self.root / "shared", self.album.tracks(3)[2:])
        soulseek = {"share": [str(self.root / "shared")]}
        self.given = self.values(
            "cache", warm_cache={"enabled": True}, overlay={"upload_slots": 40}, rescue={"no_bytes_s": 60.0}, soulseek=soulseek, **sections
        )

    async def up(self) -> Engine:
        return await self.start("cache", Settings.model_validate(self.given))

    def keep(self) -> None:
        """The profile as it is now; what it holds of music keeps its inode."""
        _copy(self.profile, self._kept)

    async def cut(self, point: str, of: str = "", command: tuple[str, dict[str, Any]] | None = None) -> None:
        """The profile as it was kept, and an engine on it that dies there."""
        shutil.rmtree(self.profile)
        _copy(self._kept, self.profile)
        job = {"profile": str(self.paths("cache").profile), "settings": self.given, "point": point, "of": of, "command": command or []}
        if self._child is None:
            pipe = asyncio.subprocess.PIPE
            self._child = await asyncio.create_subprocess_exec(
                sys.executable, str(CHILD), stdin=pipe, stdout=pipe, preexec_fn=die_with_parent
            )
            self._stack.push_async_callback(self._end)
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps(job).encode() + b"\n")
        async with asyncio.timeout(TIMEOUT):
            ended = await self._child.stdout.readline()
        assert int(ended) == signal.SIGKILL, (point, ended)

    async def _end(self) -> None:
        assert self._child is not None
        self._child.kill()
        await self._child.communicate()

    def shared(self) -> tuple[int, int]:
        return ShareReader(self.paths("cache").data / "shares.db").totals()


def _copy(source: Path, target: Path) -> None:
    def one(here: str, there: str) -> None:
        os.link(here, there) if here.endswith(".flac") else shutil.copy2(here, there)

    def sockets(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]

    shutil.copytree(source, target, copy_function=one, ignore=sockets, symlinks=True)


def test_killed_at_any_step_of_an_exchange_it_ends_with_the_better_copy_alone(
    tmp_path: Path, album: Album, prompt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with CutWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            old, new = (album.tracks(1, retagged)[0].read_bytes() for retagged in (True, False))
            put(world.paths("cache").data / "warm", {f"{WANTED}.flac": old})
            world.configure_cache()

            async def later(*args: object) -> str:
                return "later"

            with monkeypatch.context() as patched:
                patched.setattr(Shelf, "exchange", later)
                engine = await world.up()
                await until(lambda: engine.warm.shelf.recordings() == [WANTED], "it is offered")
                await agree(engine, new)
                fetcher, waits = engine.warm.fetcher, engine.warm.shelf.coming / f"{WANTED}.flac"
                assert fetcher is not None
                await until(lambda: fetcher.job is not None and fetcher.job.record.state == "completed" and waits.exists(), "it waits")
                await engine.stop()
            world.keep()
            for point in EXCHANGE:
                await world.cut(point)
                assert world.shared() == (1, 1), "the folder that is shared"
                engine = await world.up()
                await until(lambda engine=engine: engine.runner.jobs() == [], f"{point}: its job is gone")
                await until(lambda engine=engine: engine.warm.shelf.recordings() == [WANTED], f"{point}: it is offered")
                assert in_folder(engine) == {MARK, f"{WANTED}.flac"} and sha(engine.warm.shelf.folder / f"{WANTED}.flac") == sha(new), point
                (kept,) = await engine.store.cache_files.files()
                assert (kept.recording, kept.size, kept.settled) == (WANTED, len(new), True), point
                (day,) = await engine.store.cache.days()
                assert (day.fetched, day.bytes_fetched, day.evicted) == (1, len(new), 0), point
                (one,) = await world.peers(engine, 1, first=1 + EXCHANGE.index(point))
                assert await fetch(one, WANTED) == sha(new) and world.shared() == (1, 1) and world.music("cache") == [], point
                await engine.stop()

    asyncio.run(story())


async def moved(world: CutWorld, music: Path, point: str) -> None:
    """After a kill at this point and a new start: the library has it, alone."""
    assert world.shared() == (1, 1), "the folder that is shared"
    engine = await world.up()
    placed = music / HERE / world.album.tracks(1)[0].name
    await until(lambda: engine.warm.shelf.files() == () and placed.exists(), f"{point}: it is moved")
    async with asyncio.timeout(TIMEOUT):
        while await engine.store.choices.under(MOVING):
            await asyncio.sleep(0.02)
    found = [path for top in {world.profile, music} for path in top.rglob("*") if path.is_file() and path.suffix in (".flac", ".slskdn")]
    assert set(found) == {placed} and sha(placed) == world.truth[0], point
    assert [file.path for file in await engine.store.files.of_recording(WANTED)] == [str(placed)], point
    assert await engine.store.cache_files.files() == [] and engine.warm.shelf.pins == await engine.store.cache.pins() == {}, point
    assert engine.warm.fetcher is not None
    await engine.warm.fetcher.look()
    assert engine.runner.jobs() == [] and world.shared() == (1, 1), point
    await engine.stop()


async def ready(world: CutWorld) -> None:
    """The cache holds the first track, pinned."""
    put(world.paths("cache").data / "warm", {f"{WANTED}.flac": world.album.tracks(1)[0].read_bytes()})
    engine = await world.up()
    await until(lambda: engine.warm.shelf.recordings() == [WANTED], "it is offered")
    await engine.warm.shelf.pin(WANTED)
    await engine.stop()
    world.keep()


def test_killed_at_any_step_of_a_move_it_is_in_the_library_alone_after_the_next_start(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CutWorld(tmp_path, album) as world:
            world.configure_cache()
            await ready(world)
            for point, of in MOVE:
                await world.cut(point, of, ("cache.move", {"recording": WANTED}))
                await moved(world, tmp_path / "cache" / "music", point)

    asyncio.run(story())


def test_killed_while_it_is_copied_to_another_disk_nothing_of_half_of_it_is_left(
    tmp_path: Path, album: Album, prompt: None, mounts: ExitStack
) -> None:
    disk = tmp_path / "library"
    mounts.enter_context(mounted(disk, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))

    async def story() -> None:
        async with CutWorld(tmp_path, album) as world:
            world.configure_cache(downloads={"folder": str(disk), "free_space_mib": 1})
            await ready(world)
            await world.cut("jobs.placing.place:shutil.copyfileobj", command=("cache.move", {"recording": WANTED}))
            assert list(disk.rglob("*.slskdn")), "it had begun"
            await moved(world, disk, "copying")

    asyncio.run(story())
