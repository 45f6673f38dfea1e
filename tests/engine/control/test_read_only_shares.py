"""Who brought a finished track is told as truly after the engine has ended, and by the next one, as while it ran."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Album, World, completed

from slskdn_tui.engine.readonly import ReadOnlyEngine
from slskdn_tui.model.views import TrackView, ViewKey
from slskdn_tui.seam import EngineProtocol

pytestmark = pytest.mark.usefixtures("quick")


async def shares(engine: EngineProtocol, job_id: str) -> tuple[int, int, int]:
    view = await engine.snapshot(ViewKey("track", f"{job_id[:8]}/1"))
    assert isinstance(view, TrackView)
    return view.done, view.by_slsk, view.by_mesh


def test_a_finished_track_says_who_brought_it_also_without_and_in_the_next_engine(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            settings = world.settings("me")
            engine = await world.start("me", settings)
            job = await world.create(engine)
            await completed(job)
            size = album.tracks(1)[0].stat().st_size
            assert await shares(engine, job.job_id) == (size, size, 0)
            await engine.stop()
            stored = ReadOnlyEngine(world.paths("me"))
            await stored.start()
            assert await shares(stored, job.job_id) == (size, size, 0)
            await stored.stop()
            again = await world.start("me", settings)
            assert await shares(again, job.job_id) == (size, size, 0)

    asyncio.run(main())
