"""Looks for what a job's tracks lack: at once when a track first lacks a source, then in a quarter of an hour, and less and less often while nothing
is found. Shell; one task a job.

It also says how the job stands: searching while every track waits for a source, active as soon as one has one. A job never fails for want of a
source: users come and go, and whoever is known but away is waited for by the track itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.sources.files_job import look_again
from slskdn_tui.engine.jobs.sources.search import Found, Wanted, find_album
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.jobs.wanted.for_cache import only_size
from slskdn_tui.engine.music.verdict import positions
from slskdn_tui.engine.runtime.backoff import doubled
from slskdn_tui.engine.runtime.clock import until
from slskdn_tui.engine.runtime.events import Level
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobState, JobType, TrackState
from slskdn_tui.model.text import counted, lasting

log = logging.getLogger(__name__)
SEARCH_AGAIN_S = 900.0
"""A track without a source is searched for again after this long; the gate refuses the same query within five minutes anyway."""
MOST_AGAIN_S = 4 * 3600.0
"""Each search in vain doubles that, up to this: fifty rare albums would else keep the gate full for weeks."""
LOOK_S = 1.0
"""How long tracks have to look at what a search found, before it is said which of them lack a source."""
OFFLINE_LOOK_S = 1.0
"""How often a job that waits for the login looks at why."""


class Seeker:
    """`show(state, error)` stores how the job stands, `tell(name, text, level)` says it, `found` is awaited after each search."""

    def __init__(
        self,
        services: Services,
        job: LiveJob,
        history: Callable[[str], float],
        show: Callable[[JobState, str], Awaitable[None]],
        tell: Callable[[str, str, Level], None],
        found: Callable[[], Awaitable[None]],
    ) -> None:
        self._services = services
        self._job = job
        self._history = history
        self._show = show
        self._tell = tell
        self._found = found
        self._searched: float | None = None
        self._vain = 0
        self._unfound: frozenset[int] = frozenset()
        self._told = ""
        self._short, self._hint = "", ""

    async def run(self) -> None:
        """Until cancelled."""
        job, clock = self._job, self._services.clock
        await job.changed.wait()
        while True:
            job.changed.clear()
            lacking = self._lacking()
            if not _positions(lacking) <= self._unfound:
                self._vain = 0  # another track lacks a source now
            if lacking and self._left() <= 0:
                await self._search()
                self._searched = clock.now()
                lacking = self._lacking()  # the gate may have kept it for minutes: who came to lack one meanwhile was searched for, too
                for live in lacking:
                    live.looked.clear()
                    live.news.set()
                await self._found()
                with suppress(TimeoutError):  # who has a source now says so before we say who has none
                    async with asyncio.timeout(LOOK_S):
                        for live in lacking:
                            await live.looked.wait()
                self._unfound = _positions(self._lacking())
                self._vain = self._vain + 1 if _positions(lacking) <= self._unfound else 0
                continue
            await self._stand(lacking)
            await until(job.changed, clock, self._left() if lacking else None)

    def _lacking(self) -> list[LiveTrack]:
        return [live for live in self._job.tracks if live.record.state is TrackState.NO_SOURCE and not live.track.optional]

    def _again(self) -> float:
        return doubled(SEARCH_AGAIN_S, max(0, self._vain - 1), MOST_AGAIN_S)

    def _left(self) -> float:
        return 0.0 if self._searched is None else self._searched + self._again() - self._services.clock.now()

    async def _stand(self, lacking: list[LiveTrack]) -> None:
        job = self._job
        wanted = sum(live.record.state is not TrackState.DONE and not live.track.optional for live in job.tracks)
        state = JobState.SEARCHING if lacking and len(lacking) == wanted else JobState.ACTIVE
        count = f"{len(lacking)} {'track' if len(lacking) == 1 else 'tracks'}"
        why, hint = f": {self._short}" if self._short else "", f"; {self._hint}" if self._hint else ""
        words = f"no source for {count}{why}; searching again in {lasting(self._again())}{hint}" if lacking else ""
        if (state, words) != (job.record.state, job.record.error):
            await self._show(state, words)
        if words and words != self._told:
            self._tell("job.no_source", words, "warning")
        self._told = words

    async def _search(self) -> None:
        services, job = self._services, self._job
        teller = Teller(services.bus, services.trace, job.job_id, 0, job.record.release.title)
        while True:
            await self._online()
            await self._show(JobState.SEARCHING, "")
            try:
                if job.record.type == JobType.FILES:
                    job.candidates = await look_again(services, job)
                    teller.trace("search", words=f"files of the same name and size at {counted(len(job.candidates), 'user')}")
                    return
                found = await find_album(services, self._wanted(), self._history, lambda words: teller.trace("search", words=words))
                break
            except UserError as error:  # the login was lost for good while asking
                log.info("search ended: %s", error.message)
        job.candidates = found.candidates
        self._short, self._hint = str(found.plan.short), str(found.plan.hint)
        self._say(found, teller)

    def _wanted(self) -> Wanted:
        job = self._job
        release = replace(job.record.release, tracks=tuple(live.track for live in job.required))
        done = [live for live in job.required if live.record.state is TrackState.DONE]
        return Wanted(
            release,
            job.record.constraints,
            alone=job.record.type == JobType.RECORDING,
            begun=frozenset((live.record.username, live.record.path) for live in done if live.record.username),
            done=frozenset(live.track.position for live in done),
            size=only_size(job.record),
        )

    def _say(self, found: Found, teller: Teller) -> None:
        """What the search led to, in the log, and in the trace who gives what."""
        plan = found.plan
        if plan.kind == "none":
            self._tell(
                "job.search",
                f"{counted(found.users, 'user')} answered, none fits {self._job.record.release.title}: {plan.words}",
                "warning",
            )
            return
        for name, tracks in plan.candidates[0].sources:
            words = f"tracks {positions(tracks)} of a mix" if plan.kind == "mix" else str(plan.words)
            teller.trace("candidate", source=f"slsk:{name}", result="chosen", words=words)
        teller.log("job.search", "job", f"{counted(found.users, 'user')} answered; {plan.words}")

    async def _online(self) -> None:
        """Until logged in. An account that is refused or in use elsewhere is waited for as well: what to do about it is said, once."""
        plane, told = self._services.soulseek, ""
        while plane.state != "online":
            if (words := plane.state_words) != told:
                told = words
                await self._show(JobState.SEARCHING, words)
                self._tell("job.waiting", f"waiting for Soulseek: {words}", "warning")
            try:
                async with asyncio.timeout(OFFLINE_LOOK_S):
                    await plane.wait_online()
            except (TimeoutError, UserError):
                await self._services.clock.sleep(OFFLINE_LOOK_S)


def _positions(tracks: Iterable[LiveTrack]) -> frozenset[int]:
    return frozenset(live.track.position for live in tracks)
