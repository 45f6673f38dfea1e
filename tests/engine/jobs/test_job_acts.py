"""What a user does to a running job: pause, resume, cancel, run again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, act, completed, until

pytestmark = pytest.mark.usefixtures("quick")


def test_an_album_is_fetched_from_soulseek_alone_and_is_bit_identical(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            assert mono.total == sum(path.stat().st_size for path in album.tracks(2))

    asyncio.run(main())


def test_a_paused_job_keeps_its_bytes_and_a_resumed_one_goes_on_after_them(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            await until(lambda: mono.total == 5 * LEAF, "five leaves are sent", job)
            await until(lambda: job.tracks[0].done * album.tracks(1)[0].stat().st_size >= 5 * LEAF, "five leaves have come", job)
            assert (await act(engine, "pause", job)).ok
            assert job.record.state == "paused" and not job.runs
            assert not (await act(engine, "rerun", job)).ok
            mono.let_go()
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth
            (name,) = mono.starts
            assert mono.starts[name] == [0, 4 * LEAF]  # one leaf of overlap is compared

    asyncio.run(main())
