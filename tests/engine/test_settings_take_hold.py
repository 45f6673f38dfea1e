"""A line of the settings reaches the part it is about: told by what that part then does, or says it does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, Album, World, completed, until

from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command

PATIENT: dict[str, Any] = {"queued_s": 600.0, "no_bytes_s": 600.0}


@pytest.mark.usefixtures("quick")
def test_no_more_tracks_move_from_one_user_than_are_allowed(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT, downloads={"parallel": 4, "per_user": 1})
            job = await world.create(engine)
            await until(lambda: mono.total == 5 * LEAF, "one file moves", job)
            await until(lambda: sum(live.waiting is not None for live in job.tracks) == 2, "two wait in the queue", job)
            assert sum(live.swarm is not None for live in job.tracks) == 1
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


def test_searches_traces_and_the_cache_follow_their_lines(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            engine = await world.engine(
                soulseek={"search_window": 1},
                trace={"keep_jobs": 2},
                warm_cache={"eviction": "lru", "keep_days": 3.0, "max_storage_gb": 2.0, "min_popularity_threshold": 7},
            )
            await engine.soulseek.wait_online()
            first = await engine.submit(Command("search.ask", {"query": "first"}))
            search = engine.soulseek.searches.get(first.data["search"])
            await until(lambda: search.state != "waiting", "the first was sent")
            assert (await engine.submit(Command("search.ask", {"query": "second"}))).ok
            status = await engine.snapshot(ViewKey("status"))
            assert isinstance(status, StatusView) and status.search_wait > 150, "one search in 220 s"
            for number in range(4):
                engine.trace.add(f"j{number}", kind="job")
                await engine.trace.flush()
            assert await engine.store.traces.jobs() == ["j3", "j2"]
            cache = await engine.snapshot(ViewKey("cache"))
            assert isinstance(cache, CacheView)
            assert (cache.eviction, cache.keep_days, cache.most, cache.threshold) == ("lru", 3.0, 2_000_000_000, 7)

    asyncio.run(main())
