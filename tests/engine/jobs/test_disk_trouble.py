"""Disks that fill, fail, turn read-only or vanish: the job pauses, says so wherever the user looks, and goes on when it is mended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine_world import LEAF, Album, Holder, World, act, completed, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs import disk
from slskdn_tui.engine.jobs.folders import LocalFolders
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.model.views import JobsView, StatusView, SwarmsView, ViewKey

sys.path.append(str(Path(__file__).parents[1] / "swarm"))
from crash_world import Ext4, cannot_cut

MIB = 1024 * 1024


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def can_mount(folder: Path) -> bool:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        return False
    run("umount", str(folder))
    return True


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[ExitStack]:
    """Whatever is mounted below it is gone after the test. Skipped where nothing can be mounted."""
    probe = tmp_path / "probe"
    probe.mkdir()
    if not can_mount(probe):
        pytest.skip("mounting a tmpfs needs root and CAP_SYS_ADMIN")
    with ExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOOK_S", 0.1)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    run("mount", *options, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


async def begun(world: World) -> tuple[Holder, Engine, LiveJob]:
    """A job whose only track stands at three leaves."""
    mono = await world.holder("mono_lith")
    mono.hold(3 * LEAF)
    engine = await world.engine("me", rescue={"no_bytes_s": 60.0})
    job = await world.create(engine)
    await until(lambda: job.tracks[0].swarm and job.tracks[0].swarm.part.pieces.prefix == 3 * LEAF, "three leaves are there", job)
    return mono, engine, job


async def paused(world: World, engine: Engine, job: LiveJob, *words: str) -> None:
    """It paused with these words in the list of jobs, on Swarms, in the status, the log."""
    await until(lambda: job.in_trouble, "the job pauses itself", job)
    await until(lambda: world.said("me", "job.disk"), "it is told")
    jobs, swarms, status = [await engine.snapshot(ViewKey(name)) for name in ("jobs", "swarms", "status")]
    assert isinstance(jobs, JobsView) and isinstance(swarms, SwarmsView) and isinstance(status, StatusView)
    (disk_part,) = [part for part in status.parts if part.name == "disk"]
    assert disk_part.state == "failing"
    for said in (jobs.rows[0].error, swarms.rows[0].reason, disk_part.words, world.said("me", "job.disk")[0]):
        assert all(word in said for word in words), said


async def whole(world: World, mono: Holder, engine: Engine, job: LiveJob, least: int) -> None:
    """It goes on by itself, and nobody was asked again for what was committed but the overlap of one leaf."""
    await completed(job)
    assert world.music() == world.truth
    (starts,) = mono.starts.values()
    assert starts[0] == 0 and all(start >= least - LEAF for start in starts[1:]), starts
    status = await engine.snapshot(ViewKey("status"))
    assert isinstance(status, StatusView) and not [part for part in status.parts if part.name == "disk"]
    assert any("going on" in words for words in world.said("me", "job.resumed"))


def test_a_disk_that_fills_pauses_the_job_until_there_is_room(tmp_path: Path, album: Album, quick: None, mounts: ExitStack) -> None:
    incomplete = tmp_path / "me" / "profile" / "data" / "incomplete"
    mounts.enter_context(mounted(incomplete, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono, engine, job = await begun(world)
            (incomplete / "ballast").write_bytes(bytes(5 * MIB // 2))
            mono.hold(4 * LEAF)
            mono.let_go()
            await paused(world, engine, job, "the disk is full")
            told = len(world.said("me", "job.disk"))
            await asyncio.sleep(0.5)  # five looks at the disk
            assert job.in_trouble and len(world.said("me", "job.disk")) == told, "it does not try before there is room"
            (incomplete / "ballast").unlink()
            await whole(world, mono, engine, job, 3 * LEAF)
            assert list(incomplete.iterdir()) == []

    asyncio.run(main())


@pytest.mark.parametrize("vanish", ["moved away", "unmounted"])
def test_a_folder_that_vanishes_pauses_the_job_and_is_not_made_anew(
    tmp_path: Path, album: Album, quick: None, vanish: str, request: pytest.FixtureRequest
) -> None:
    incomplete, real = tmp_path / "me" / "profile" / "data" / "incomplete", tmp_path / "real"
    away: Callable[[], None] = lambda: incomplete.rename(real)  # noqa: E731
    back: Callable[[], None] = lambda: real.rename(incomplete)  # noqa: E731
    words = "gone"
    if vanish == "unmounted":
        mounts: ExitStack = request.getfixturevalue("mounts")
        mounts.enter_context(mounted(real, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))
        mounts.enter_context(mounted(incomplete, "--bind", str(real)))
        away = lambda: run("umount", "-l", str(incomplete))  # noqa: E731
        back = lambda: run("mount", "--bind", str(real), str(incomplete))  # noqa: E731

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono, engine, job = await begun(world)
            await job.tracks[0].swarm.part.flush()  # type: ignore[union-attr]
            away()
            mono.hold(4 * LEAF)
            mono.let_go()
            await paused(world, engine, job, words)
            result = await act(engine, "resume", job)  # by hand it is tried at once, and says what is wrong
            assert result.ok
            await until(lambda: job.in_trouble and job.task is not None and job.task.done(), "it is paused again", job)
            assert "gone" in job.record.error or "not mounted any more" in job.record.error
            assert not incomplete.exists() or not list(incomplete.iterdir()), "nothing is begun on another disk"
            back()
            await whole(world, mono, engine, job, 3 * LEAF)

    asyncio.run(main())


def test_a_read_only_disk_pauses_the_job_until_it_can_be_written(tmp_path: Path, album: Album, quick: None, mounts: ExitStack) -> None:
    incomplete = tmp_path / "me" / "profile" / "data" / "incomplete"
    mounts.enter_context(mounted(incomplete, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine("me")
            run("mount", "-o", "remount,ro", str(incomplete))
            job = await world.create(engine)
            await paused(world, engine, job, "read-only")
            run("mount", "-o", "remount,rw", str(incomplete))
            await whole(world, mono, engine, job, 0)

    asyncio.run(main())


def test_a_download_folder_that_cannot_be_written_costs_no_second_fetch(
    tmp_path: Path, album: Album, quick: None, mounts: ExitStack
) -> None:
    music = tmp_path / "me" / "music"
    mounts.enter_context(mounted(music, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine("me")
            run("mount", "-o", "remount,ro", str(music))
            job = await world.create(engine)
            await paused(world, engine, job, "Read-only file system")
            size = album.tracks(1)[0].stat().st_size
            assert mono.total == size
            run("mount", "-o", "remount,rw", str(music))
            await completed(job)
            assert world.music() == world.truth and mono.total <= size + LEAF

    asyncio.run(main())


def test_a_disk_that_fails_pauses_the_job_until_it_is_mounted_anew(tmp_path: Path, album: Album, quick: None) -> None:
    if why := cannot_cut():
        pytest.skip(why)
    (tmp_path / "ext4").mkdir()

    async def main(ext4: Ext4) -> None:
        async with World(tmp_path, album, tracks=1) as world:
            os.symlink(ext4.folder, _data(world) / "incomplete")
            mono, engine, job = await begun(world)
            await job.tracks[0].swarm.part.flush()  # type: ignore[union-attr]
            ext4.cut()
            mono.hold(4 * LEAF)
            mono.let_go()
            await paused(world, engine, job, "input/output error")
            ext4.unmount()
            ext4.mount()
            await whole(world, mono, engine, job, 3 * LEAF)

    with Ext4(tmp_path / "ext4") as ext4:
        asyncio.run(main(ext4))


def _data(world: World) -> Path:
    data = world.paths("me").data
    data.mkdir(parents=True)
    return data


def test_a_folder_never_seen_is_not_said_to_be_gone(tmp_path: Path) -> None:
    folders = LocalFolders()
    assert folders.gone(tmp_path / "later") == ""
    (tmp_path / "later").mkdir()
    assert folders.gone(tmp_path / "later") == ""
    (tmp_path / "later").rmdir()
    assert "gone" in folders.gone(tmp_path / "later") and "make it again" in folders.gone(tmp_path / "later")


def test_a_job_that_pauses_again_at_once_is_tried_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOOK_S", 30.0)
    clock, tried = VirtualClock(), []

    async def story() -> None:
        job = SimpleNamespace(job_id="j", in_trouble=True)

        async def resume(which: object) -> None:
            tried.append(clock.now() - 1000.0)

        with ThreadPoolExecutor(1) as pool:
            watch = disk.DiskWatch(SimpleNamespace(clock=clock, disk=pool), lambda: [job], resume)  # type: ignore[arg-type,list-item]
            monkeypatch.setattr(watch, "trouble", lambda job: "")
            for _ in range(120):
                await clock.advance(30)
                await watch.look()
            job.in_trouble = False
            await clock.advance(1000)
            await watch.look()
            job.in_trouble, before = True, len(tried)
            await watch.look()
            assert len(tried) == before + 1, "after a good quarter of an hour it is tried at once again"

    asyncio.run(story())
    waits = [round(later - sooner) for sooner, later in pairwise(tried[:-1])]
    assert waits[:6] == [60, 120, 240, 480, 900, 900] and set(waits[6:]) <= {900}
