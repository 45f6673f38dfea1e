"""Who is told to look at what a search found."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.sources.seek import Seeker
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

ALBUM = SafeText("Album")


def test_a_track_that_comes_to_lack_a_source_while_the_search_waits_its_turn_looks_at_its_results_too() -> None:
    class Waiting(Seeker):
        """Its searches wait at the gate until they are let through."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.asked, self.through = asyncio.Event(), asyncio.Event()

        async def _search(self) -> None:
            self.asked.set()
            await self.through.wait()

    async def main() -> None:
        tracks = tuple(Track(number, 1, number, "r", ALBUM, ALBUM, None) for number in (1, 2))
        release = Release("m", "", ALBUM, ALBUM, "", "", "", "", SafeText(""), (), 1, tracks)
        entries = [TrackRecord(1, TrackState.NO_SOURCE), TrackRecord(2, TrackState.ACTIVE)]
        job = LiveJob.of(JobRecord("one", "mb_release", release, state=JobState.SEARCHING, tracks=entries))

        async def show(state: JobState, error: str) -> None: ...
        async def found() -> None: ...

        services: Any = SimpleNamespace(clock=VirtualClock())
        seeker = Waiting(services, job, lambda name: 0.0, show, lambda name, text, level: None, found)
        running = asyncio.create_task(seeker.run())
        job.changed.set()
        await seeker.asked.wait()
        entries[1].state = TrackState.NO_SOURCE
        seeker.through.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*(live.news.wait() for live in job.tracks))
        running.cancel()

    asyncio.run(main())
