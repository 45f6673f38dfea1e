"""All jobs of a profile: created, resumed after a restart, driven, ended. Shell; each job is one supervised task.

A job never fails for want of a source: it says so, waits, and searches again, since users come and go. It pauses itself when the disk is in trouble.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from slskdn_tui.config.files import read_text
from slskdn_tui.engine.jobs import manifests
from slskdn_tui.engine.jobs.extras import add_extras
from slskdn_tui.engine.jobs.files_job import look_again
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.manifest_files import ManifestFiles
from slskdn_tui.engine.jobs.notices import Notices
from slskdn_tui.engine.jobs.placement import fill_in
from slskdn_tui.engine.jobs.search import find_album
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.slots import Slots
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.jobs.track_task import TrackTask
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.runtime.events import Level
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.engine.swarm.part_file import DiskTrouble
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import ENDED, Constraints, JobState, JobType, TrackState
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
EXTRAS_S = 600.0
"""How long a job whose tracks are all there waits for its extras."""
SEARCH_AGAIN_S = 900.0
"""A job without a source searches again after this long; the gate refuses the same query within five minutes anyway."""
OFFLINE_LOOK_S = 1.0
"""How often a job that waits for the login looks at why."""
_BETWEEN = frozenset(
    {
        TrackState.ACTIVE,
        TrackState.QUEUED,
        TrackState.STALLED,
        TrackState.RESCUE,
        TrackState.VERIFYING,
        TrackState.PAUSED,
        TrackState.NO_SOURCE,
    }
)


def _mendable(error: Exception) -> str:
    """What to say of a failure that is the disk's or the user's to mend, not a defect; empty for a defect."""
    match error:
        case UserError():
            return f"{error.message}; {error.hint}" if error.hint else str(error.message)
        case DiskTrouble():
            return error.words
        case OSError():
            return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    return ""


class JobRunner:
    """Owns every `LiveJob`. Mutations end in the database and the manifest before they answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._jobs: dict[str, LiveJob] = {}
        self._slots = Slots(services.settings.downloads.parallel)
        self._failures: Counter[str] = Counter()
        self._manifests = ManifestFiles(services.paths.jobs)
        self._notices = Notices(services.settings, services.clock, services.supervisor, services.bus)
        self._saving = asyncio.Lock()

    # Start and stop ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Every stored job comes back; those that were running go on by themselves."""
        for record in await self._services.store.jobs.load_all():
            for track in record.tracks:
                if track.state in _BETWEEN:
                    track.state = TrackState.PENDING
            job = self._jobs[record.job_id] = LiveJob.of(record)
            self._notices.send(record, partial(self._save, job))
            if job.runs:
                self._start(job)
        if not self._jobs:
            await self._rebuild()

    async def _rebuild(self) -> None:
        """With a database that knows no job, the manifests on disk do: a lost or damaged state.db costs no job."""
        loop = asyncio.get_running_loop()
        for path in await loop.run_in_executor(self._services.disk, self._manifests.unfinished):
            try:
                text = await loop.run_in_executor(self._services.disk, read_text, path)
                job = await self.import_manifest(text, str(path))
                self._tell(job, "job.rebuilt", f"rebuilt from its manifest {path.name}", level="warning")
            except UserError as error:
                self._services.bus.publish("job.not_rebuilt", "job", str(error), level="error")

    async def stop(self) -> None:
        """Let go of everything; states stay as they are, so a restart goes on."""
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Looking ----------------------------------------------------------------------------------------------------

    def jobs(self) -> list[LiveJob]:
        return sorted(self._jobs.values(), key=lambda job: (job.record.queue_position, job.record.created_at, job.job_id))

    def find(self, reference: str) -> LiveJob:
        """The job whose id begins so; UserError when none or several do."""
        fits = [job for job in self._jobs.values() if job.job_id.startswith(reference.lower())] if reference else []
        if len(fits) == 1:
            return fits[0]
        if not fits:
            raise UserError("not_found", f"no job {reference!r}", "`slskdn jobs list` shows them")
        raise UserError("usage", f"{len(fits)} jobs begin with {reference!r}", "give more of the id")

    # Acting -----------------------------------------------------------------------------------------------------

    async def create(
        self, release: Release, constraints: Constraints, kind: JobType = JobType.RELEASE, details: dict[str, str] | None = None
    ) -> LiveJob:
        """A new job; an unfinished job for the same release is refused, since both would fetch the same files."""
        for job in self._jobs.values():
            if job.record.release.mbid == release.mbid and job.record.state not in ENDED:
                raise UserError("refused", f"job {job.job_id[:8]} already fetches {release.title}", "resume it, or cancel it first")
        return await self.add(JobRecord(str(uuid.uuid4()), kind.value, release, constraints, details=dict(details or {})))

    async def import_manifest(self, text: str, name: str) -> LiveJob:
        """Recreate a job from its manifest and go on from what is on disk."""
        loop = asyncio.get_running_loop()
        wanted = await loop.run_in_executor(self._services.disk, manifests.read, text, name)
        known = self._jobs.get(wanted.job_id)
        if known is not None and known.record.state not in ENDED:
            raise UserError(
                "refused",
                f"job {wanted.job_id[:8]} is here already ({known.record.state})",
                "cancel it first, or give the manifest another job_id",
            )
        settings = self._services.settings.downloads
        fill_in(wanted.record, settings)
        await loop.run_in_executor(self._services.disk, self._manifests.already_placed, wanted.record, wanted.finished, settings)
        return await self.add(wanted.record)

    async def add(self, record: JobRecord) -> LiveJob:
        """A new job from its record, last in the queue; folder, templates, date and tracks are filled in where it has none. UserError for an unknown destination."""
        fill_in(record, self._services.settings.downloads)
        job_id = record.job_id
        record.created_at = record.created_at or iso(self._services.clock.wall())
        record.queue_position = max((job.record.queue_position for job in self._jobs.values()), default=0) + 1
        job = LiveJob.of(record)
        try:
            await self._save(job)
        except OSError:
            if job_id not in self._jobs:  # refused is refused: it must not turn up after a restart
                await self._services.store.jobs.drop(job_id)
            raise
        self._jobs[job_id] = job
        self._tell(job, "job.created", f"{record.release.artist} – {record.release.title}: {len(job.tracks)} tracks")
        self._start(job)
        return job

    async def pause(self, job: LiveJob) -> None:
        """Stop the transfers; everything on disk stays."""
        if job.record.state in ENDED:
            raise UserError("refused", f"the job is {job.record.state}", "`slskdn jobs rerun` starts an ended job again")
        await self._halt(job)
        await self._set(job, JobState.PAUSED)
        self._tell(job, "job.paused", "paused; everything on disk stays")

    async def resume(self, job: LiveJob) -> None:
        """Go on. A login that was refused or taken over is tried again: whoever resumes wants that."""
        if job.record.state is not JobState.PAUSED:
            raise UserError("refused", f"the job is {job.record.state}, not paused", "")
        if self._services.soulseek.state in ("kicked", "refused"):
            self._services.soulseek.reconnect()
        await self._set(job, JobState.NEW)
        self._tell(job, "job.resumed", "resumed")
        self._start(job)

    async def cancel(self, job: LiveJob) -> None:
        """End a job and delete its partial files; finished tracks stay."""
        if job.record.state in ENDED:
            raise UserError("refused", f"the job is {job.record.state} already", "")
        await self._halt(job)
        await self._set(job, JobState.CANCELLED)
        await self._drop_parts(job)
        self._tell(job, "job.cancelled", "cancelled; partial files deleted, finished tracks stay")

    async def rerun(self, job: LiveJob) -> None:
        """Start an ended job again: tracks whose file is still in place stay done."""
        if job.record.state not in ENDED:
            raise UserError("refused", f"the job is {job.record.state}", "only an ended job can be run again")
        for track in job.record.tracks:
            if not (track.placed and Path(track.placed).is_file()):
                track.state, track.placed, track.reason = TrackState.PENDING, "", ""
        job.record.finished_at, job.record.error = "", ""
        self._notices.again(job.record)
        await self._set(job, JobState.NEW)
        self._tell(job, "job.rerun", "started again")
        self._start(job)

    async def move(self, job: LiveJob, step: int) -> None:
        """Up (-1) or down (+1) in the queue."""
        order = self.jobs()
        index = order.index(job)
        other = index + step
        if not 0 <= other < len(order):
            raise UserError("refused", "the job is at the end of the queue already", "")
        order[index], order[other] = order[other], order[index]
        for position, each in enumerate(order, start=1):
            if each.record.queue_position != position:
                each.record.queue_position = position
                await self._services.store.jobs.save(each.record)

    def manifest(self, job: LiveJob) -> str:
        """The job's manifest as it stands now."""
        return manifests.write(job.record)

    def manifest_path(self, job: LiveJob) -> Path:
        return self._manifests.path(job.record)

    # Driving ----------------------------------------------------------------------------------------------------

    def _start(self, job: LiveJob) -> None:
        if job.task is None or job.task.done():
            job.task = self._services.supervisor.spawn(f"job {job.job_id[:8]}", self._guarded(job))

    async def _guarded(self, job: LiveJob) -> None:
        """What the user can mend pauses the job; a defect ends it, says so, and leaves what is on disk (the supervisor logs it)."""
        try:
            await self._drive(job)
        except Exception as error:
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self._let_go(job)
            if trouble := _mendable(cause):
                await self._pause_for(job, trouble)
                return
            await self._set(job, JobState.FAILED, f"{type(cause).__name__}: {cause}")
            self._tell(job, "job.failed", f"failed: {job.record.error}; `slskdn jobs rerun` goes on from what is on disk", level="error")
            raise

    async def _halt(self, job: LiveJob) -> None:
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
        job.task = None
        self._let_go(job)

    @staticmethod
    def _let_go(job: LiveJob) -> None:
        for live in job.tracks:
            live.swarm, live.rescue = None, None
            if live.record.state in _BETWEEN:
                live.record.state = TrackState.PENDING

    async def _drive(self, job: LiveJob) -> None:
        """Search, fetch, and again, until every track is placed, and every extra placed or given up."""
        while True:
            if all(live.state is TrackState.DONE for live in job.required):
                await add_extras(self._services, job)
            missing = job.missing
            if not missing:
                await self._complete(job)
                return
            if any(not live.record.username or live.state is TrackState.NO_SOURCE for live in missing if not live.track.optional):
                await self._search(job)
                await add_extras(self._services, job)
                missing = job.missing
            await self._set(job, JobState.ACTIVE, job.record.error)
            states = await self._fetch(job, missing)
            if TrackState.PAUSED in states:
                self._let_go(job)
                await self._pause_for(job, next((live.record.reason for live in missing if live.record.reason), "the disk is in trouble"))
                return
            if TrackState.NO_SOURCE in states:
                if self._services.soulseek.state != "online":
                    continue  # the search waits for the login and says why; then everybody is asked anew
                lacking = sum(state is TrackState.NO_SOURCE for state in states)
                await self._set(
                    job, JobState.SEARCHING, f"no source for {lacking} tracks; searching again in {int(SEARCH_AGAIN_S // 60)} minutes"
                )
                self._tell(job, "job.no_source", job.record.error, level="warning")
                await self._services.clock.sleep(SEARCH_AGAIN_S)

    async def _pause_for(self, job: LiveJob, trouble: str) -> None:
        await self._set(job, JobState.PAUSED, trouble)
        self._tell(job, "job.disk", f"paused: {trouble}; `slskdn jobs resume {job.job_id[:8]}` goes on", level="error")

    async def _online(self, job: LiveJob) -> None:
        """Until logged in. An account that is refused or in use elsewhere is waited for as well: what to do about it is said, once."""
        plane, told = self._services.soulseek, ""
        while plane.state != "online":
            if (words := plane.state_words) != told:
                told = words
                await self._set(job, JobState.SEARCHING, words)
                self._tell(job, "job.waiting", f"waiting for Soulseek: {words}", level="warning")
            try:
                async with asyncio.timeout(OFFLINE_LOOK_S):
                    await plane.wait_online()
            except (TimeoutError, UserError):
                await self._services.clock.sleep(OFFLINE_LOOK_S)

    async def _search(self, job: LiveJob) -> None:
        services = self._services
        tell = Teller(services.bus, services.trace, job.job_id, 0, job.record.release.title)
        while True:
            await self._online(job)
            await self._set(job, JobState.SEARCHING)
            try:
                if job.record.type == JobType.FILES:
                    job.candidates = await look_again(services, job)
                    return
                release = replace(job.record.release, tracks=tuple(live.track for live in job.required))
                found = await find_album(
                    services, release, job.record.constraints, self._history, lambda words: tell.trace("search", words=words)
                )
                break
            except UserError as error:  # the login was lost for good while asking
                log.info("search ended: %s", error.message)
        job.candidates = found.candidates
        best = found.candidates[0] if found.candidates else None
        if best is None:
            self._tell(job, "job.search", f"{found.users} users answered, none fits {job.record.release.title}", level="warning")
            return
        words = f"{best.username}: {best.why}"
        tell.trace("candidate", source=f"slsk:{best.username}", result="chosen", words=words)
        tell.log("job.search", "job", f"{found.users} users answered; {words}")

    def _history(self, username: str) -> float:
        """1.0 for a user who never failed us, less with each failure."""
        return 1.0 / (1 + self._failures[username])

    async def _fetch(self, job: LiveJob, missing: Sequence[LiveTrack]) -> list[TrackState]:
        async def one(live: LiveTrack) -> TrackState:
            async with self._slots.place(lambda: (job.record.queue_position, live.track.position)):
                task = TrackTask(self._services, job, live, lambda: self._save(job))
                state = await task.run()
                if state is not TrackState.DONE and live.record.username:
                    self._failures[live.record.username] += 1
                return state

        async with asyncio.TaskGroup() as group:
            tasks = {
                live.track.position: group.create_task(one(live), name=f"track {job.job_id[:8]}/{live.track.position}") for live in missing
            }
            extras = {tasks[live.track.position]: live for live in missing if live.track.optional}
            if needed := set(tasks.values()) - set(extras):
                await asyncio.wait(needed)
            if extras:
                await self._give_up(job, extras, whole=all(live.state is TrackState.DONE for live in job.required))
        return [task.result() for task in tasks.values() if task not in extras]

    async def _give_up(self, job: LiveJob, extras: dict[asyncio.Task[TrackState], LiveTrack], whole: bool) -> None:
        """Extras have a while after the last track; what failed by then is told and left out. While tracks are missing it is tried again with them."""
        await asyncio.wait(extras, timeout=EXTRAS_S if whole else 0)
        for task in extras:
            task.cancel()
        await asyncio.wait(extras)
        for live in extras.values():
            if live.state is not TrackState.DONE:
                live.record.state = TrackState.FAILED if whole else TrackState.PENDING
                if whole:
                    words = f"{live.track.title} is left out: {live.record.reason or 'it did not come in time'}; {job.record.release.title} is whole without it"
                    self._services.bus.publish("extra.failed", "job", words, job_id=job.job_id, track=live.track.position)

    async def _complete(self, job: LiveJob) -> None:
        job.record.finished_at = iso(self._services.clock.wall())
        await self._set(job, JobState.COMPLETED)
        await self._drop_parts(job)
        self._tell(
            job, "job.completed", f"{job.record.release.artist} – {job.record.release.title}: complete, {len(job.required)} tracks verified"
        )

    async def _drop_parts(self, job: LiveJob) -> None:
        folder = self._services.paths.incomplete / job.job_id
        for path in sorted(folder.glob("*.part")) if folder.is_dir() else []:
            position, _, size = path.stem.partition("-")
            await self._services.store.parts.drop(f"{job.job_id}/{int(position)}/{size}")
        await asyncio.get_running_loop().run_in_executor(self._services.disk, lambda: shutil.rmtree(folder, ignore_errors=True))

    async def _set(self, job: LiveJob, state: JobState, error: str = "") -> None:
        job.record.state, job.record.error = state, str(SafeText(error))
        self._notices.mark(job.record)
        await self._save(job)
        self._notices.send(job.record, partial(self._save, job))

    async def _save(self, job: LiveJob) -> None:
        async with self._saving:
            await self._services.store.jobs.save(job.record)
            await asyncio.get_running_loop().run_in_executor(self._services.disk, self._manifests.keep, job.record)

    def _tell(self, job: LiveJob, name: str, text: str, *, level: Level = "info") -> None:
        self._services.bus.publish(name, "job", text, level=level, job_id=job.job_id)
        self._services.trace.add(job.job_id, kind="job", result=str(job.record.state), words=text)
