"""Drives one job: its tracks side by side, the search for those that lack a source, its extras last. Shell; inside the job's task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.placing.extras import add_extras
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.sources.history import UserHistory
from slskdn_tui.engine.jobs.sources.seek import Seeker
from slskdn_tui.engine.jobs.track.slots import Slots
from slskdn_tui.engine.jobs.track.track_task import TrackTask
from slskdn_tui.engine.runtime.events import Level
from slskdn_tui.model.jobs import JobState, TrackState

EXTRAS_S = 600.0
"""How long a job whose tracks are all there waits for its extras."""


class Driver:
    """Of all jobs; the slots are shared. `save` stores a job, `show` how it stands, `tell` says it; `gets_from`: whether some job has had bytes of a
    user since then."""

    def __init__(
        self,
        services: Services,
        history: UserHistory,
        *,
        save: Callable[[LiveJob], Awaitable[None]],
        show: Callable[[LiveJob, JobState, str], Awaitable[None]],
        tell: Callable[[LiveJob, str, str, Level], None],
        gets_from: Callable[[str, float], bool],
    ) -> None:
        self._services = services
        self._history = history
        limits = services.settings.downloads
        self._slots = Slots(limits.parallel, limits.per_user, limits.queued)
        self._save = save
        self._show = show
        self._tell = tell
        self._gets_from = gets_from

    async def run(self, job: LiveJob) -> bool:
        """Every track looks after itself, a seeker searches for those that lack a source, until all are placed, and every extra placed or given up. False: a track had to pause."""
        job.changed.clear()
        running: dict[int, asyncio.Task[TrackState]] = {}
        async with asyncio.TaskGroup() as group:

            def start(extras: bool) -> None:
                for live in job.missing:
                    # An extra waits for the tracks: one that hangs would hold the only slot a user gives us.
                    if live.track.position not in running and (extras or not live.track.optional):
                        name = f"track {job.job_id[:8]}/{live.track.position}"
                        running[live.track.position] = group.create_task(self._track(job, live), name=name)

            async def found() -> None:
                await add_extras(self._services, job)

            seeker = group.create_task(self._seeker(job, found).run(), name=f"seek {job.job_id[:8]}")
            start(extras=False)
            whole = await _all_done([running[live.track.position] for live in job.required if live.track.position in running])
            if whole:
                await found()
                start(extras=True)
                extras = {
                    running[live.track.position]: live for live in job.tracks if live.track.optional and live.track.position in running
                }
                if extras:
                    await self._give_up(job, extras)
            for task in (seeker, *running.values()):
                task.cancel()
        return whole

    async def _track(self, job: LiveJob, live: LiveTrack) -> TrackState:
        return await TrackTask(self._services, job, live, self._slots, self._history, lambda: self._save(job), self._gets_from).run()

    def _seeker(self, job: LiveJob, found: Callable[[], Awaitable[None]]) -> Seeker:
        return Seeker(self._services, job, self._history.score, partial(self._show, job), partial(self._tell, job), found)

    async def _give_up(self, job: LiveJob, extras: dict[asyncio.Task[TrackState], LiveTrack]) -> None:
        """Extras have a while after the last track; what failed by then is told and left out."""
        await asyncio.wait(extras, timeout=EXTRAS_S)
        for task in extras:
            task.cancel()
        await asyncio.wait(extras)
        for live in extras.values():
            if live.state is not TrackState.DONE:
                live.record.state = TrackState.FAILED
                words = f"{live.track.title} is left out: {live.record.reason or 'it did not come in time'}; {job.record.release.title} is whole without it"
                self._services.bus.publish("extra.failed", "job", words, job_id=job.job_id, track=live.track.position)


async def _all_done(tasks: Sequence[asyncio.Task[TrackState]]) -> bool:
    """Wait for all; False as soon as one had to pause."""
    waiting = set(tasks)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if any(task.result() is TrackState.PAUSED for task in done):
            return False
    return True
