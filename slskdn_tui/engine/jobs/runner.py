"""All jobs of a profile: created, resumed after a restart, driven, ended. Shell; each job is one supervised task.

A job never fails for want of a source: it says so, waits, and searches again, since users come and go. It pauses itself when the disk is in trouble.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from slskdn_tui.engine.jobs.disk import DiskWatch
from slskdn_tui.engine.jobs.driver import Driver
from slskdn_tui.engine.jobs.folders import part_keyed
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.manifests.keeper import Keeper
from slskdn_tui.engine.jobs.manifests.recovery import Recovered, Recovery
from slskdn_tui.engine.jobs.notices.notices import Notices
from slskdn_tui.engine.jobs.placing.exchange import exchange_of
from slskdn_tui.engine.jobs.placing.placement import fill_in
from slskdn_tui.engine.jobs.refusals import AllHere, UnderWay, mendable
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.sources.history import UserHistory
from slskdn_tui.engine.jobs.wanted.for_cache import for_cache
from slskdn_tui.engine.jobs.wanted.left_out import leave_out, left_out
from slskdn_tui.engine.jobs.wanted.owned import owned
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.runtime.events import Level
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import one_begun
from slskdn_tui.model.jobs import ENDED, Constraints, JobState, JobType, TrackState
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText, counted

log = logging.getLogger(__name__)
DETAILED = 20
"""Ended jobs of which the sources' shares are still shown without the trace."""
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


class JobRunner:
    """Owns every `LiveJob`. Mutations end in the database and the manifest before they answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._jobs: dict[str, LiveJob] = {}
        self._coming = asyncio.Lock()
        self._importing = asyncio.Lock()
        """Held from the look whether a job is there already until it is: who asks twice at once must not get two."""
        limits = services.settings.downloads
        self._history = UserHistory(services.store.user_history, services.clock)
        self._keeper = Keeper(services)
        self._recovery = Recovery(self._keeper.manifests, services.paths.incomplete, limits)
        self.disk_watch = DiskWatch(services, lambda: self._jobs.values(), self._well_again)
        self._notices = Notices(services.settings, services.clock, services.supervisor, services.bus)
        self._driver = Driver(services, self._history, save=self._keeper.save, show=self._set, tell=self._tell, gets_from=self._gets_from)

    # Start and stop ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Every stored job comes back, and every unfinished one that only its manifest knows; those that were running go on by themselves."""
        await self._history.load()
        self._services.folders.gone(self._services.paths.incomplete)
        loop, disk, store = asyncio.get_running_loop(), self._services.disk, self._services.store
        restored = any(damage.restored for damage in store.damage)
        for record in await store.jobs.load_all():
            before = record.state
            found = await loop.run_in_executor(disk, partial(self._recovery.mend, record, restored=restored))
            for track in record.tracks:
                if track.state in _BETWEEN:
                    track.state = TrackState.PENDING
            job = self._jobs[record.job_id] = LiveJob.of(record)
            if found.words or record.state is not before:
                await self._save(job)
            if found.words:
                self._tell(job, "job.mended", f"the database was older than what is on disk{found.words}", level="warning")
            self._notices.send(record, partial(self._save, job))
            if job.runs:
                self._start(job)
        await self._rebuild()
        ended = [job_id for job_id, job in self._jobs.items() if job.record.state in (JobState.COMPLETED, JobState.CANCELLED)]
        for job_id in await loop.run_in_executor(disk, self._recovery.left_behind, ended):
            await self._drop_parts(self._jobs[job_id])

    async def _rebuild(self) -> None:
        """Jobs that the database does not know come back from their manifests on disk: a lost or damaged state.db costs no job."""
        loop = asyncio.get_running_loop()
        wanted, errors = await loop.run_in_executor(self._services.disk, self._recovery.unknown, tuple(self._jobs))
        for error in errors:
            self._services.bus.publish("job.not_rebuilt", "job", str(error), level="error")
        for imported in wanted:
            try:
                job, found = await self._take(imported)
                self._tell(job, "job.rebuilt", f"rebuilt from its manifest{found.words}", level="warning")
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
        job = one_begun(reference, self._jobs.values(), lambda job: job.job_id, "jobs")
        if job is None:
            raise UserError("not_found", f"no job {reference!r}", "`slskdn jobs list` shows them")
        return job

    # Acting -----------------------------------------------------------------------------------------------------

    async def create(
        self,
        release: Release,
        constraints: Constraints,
        kind: JobType = JobType.RELEASE,
        details: Mapping[str, str] = MappingProxyType({}),
        left: Mapping[int, str] | None = None,
    ) -> LiveJob:
        """A new job that fetches all of the release but what is `left` out: positions, each with the file that stands for it or ""; None for what
        is owned already (`downloads.skip_owned`).

        An unfinished job for tracks of the same release is refused, since both would fetch the same files, and one of which all is owned.
        """
        if left is None:
            left = await self._owned(release, constraints)
        wanted = {track.position for track in release.tracks} - set(left)
        record = JobRecord(str(uuid.uuid4()), kind.value, release, constraints, details=dict(details))
        leave_out(record, left)
        async with self._coming:
            for job in self._jobs.values():
                theirs = {live.track.position for live in job.wanted}
                same = job.record.release.mbid == release.mbid and not for_cache(job.record)
                if same and job.record.state not in ENDED and wanted & theirs:
                    raise UnderWay(job, release, whole=wanted <= theirs)
            return await self.add(record)

    async def _owned(self, release: Release, constraints: Constraints) -> Mapping[int, str]:
        rule, files = self._services.settings.downloads.skip_owned, self._services.store.files
        if rule == "off":
            return {}
        found: list[LibraryFile] = []
        if rule == "edition":
            found = await files.of_release(release.mbid) if release.mbid else []
        else:
            for recording in dict.fromkeys(track.recording_mbid for track in release.tracks if track.recording_mbid):
                found += await files.of_recording(recording)
        loop = asyncio.get_running_loop()
        there = await loop.run_in_executor(self._services.disk, lambda: [file for file in found if os.path.isfile(file.path)])
        here = owned(release, there, rule, constraints)
        if here and all(track.position in here for track in release.tracks if not track.optional):
            raise AllHere(release, here)
        return here

    async def import_manifest(self, text: str, name: str) -> LiveJob:
        """Recreate a job from its manifest and go on from what is on disk."""
        loop = asyncio.get_running_loop()
        wanted = await loop.run_in_executor(self._services.disk, manifests.read, text, name)
        async with self._importing:  # not `_coming`: what is on the disk already is read whole, and other jobs need not wait for that
            known = self._jobs.get(wanted.job_id)
            if known is not None and known.record.state not in ENDED:
                raise UserError(
                    "refused",
                    f"job {wanted.job_id[:8]} is here already ({known.record.state})",
                    "cancel it first, or give the manifest another job_id",
                )
            return (await self._take(wanted))[0]

    async def _take(self, wanted: manifests.Imported) -> tuple[LiveJob, Recovered]:
        fill_in(wanted.record, self._services.settings.downloads)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._services.disk, self._recovery.take_up, wanted.record, wanted)
        return await self.add(wanted.record), found

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
        self._tell(job, "job.created", f"{record.whose}: {counted(len(job.tracks), 'file' if record.type == JobType.FILES else 'track')}")
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

    async def _well_again(self, job: LiveJob) -> None:
        """The folders of a job that paused itself can be used again."""
        try:
            await self._set(job, JobState.NEW)
        except (OSError, sqlite3.Error) as error:  # the database's disk is in trouble still
            job.record.state, job.record.error = JobState.PAUSED, str(SafeText(str(error)))
            return
        self._tell(job, "job.resumed", "its folders can be written again; going on")
        self._start(job)

    async def cancel(self, job: LiveJob) -> None:
        """End a job and delete its partial files; finished tracks stay."""
        if job.record.state in ENDED:
            raise UserError("refused", f"the job is {job.record.state} already", "")
        await self._halt(job)
        await self._set(job, JobState.CANCELLED)
        await self._drop_parts(job)
        self._tell(job, "job.cancelled", "cancelled; partial files deleted, finished tracks stay")

    async def forget(self, job: LiveJob) -> None:
        """An ended job is gone from the list; what it placed stays."""
        if job.record.state in ENDED and self._jobs.pop(job.job_id, None) is not None:
            await self._keeper.forget(job)

    async def rerun(self, job: LiveJob) -> None:
        """Start an ended job again: tracks whose file is still in place stay done."""
        if job.record.state not in ENDED:
            raise UserError("refused", f"the job is {job.record.state}", "only an ended job can be run again")
        left = left_out(job.record)
        placed = {track.placed for track in job.record.tracks if track.placed}
        there = await asyncio.get_running_loop().run_in_executor(
            self._services.disk, lambda: {path for path in placed if Path(path).is_file()}
        )
        if job.record.state not in ENDED:
            raise UserError("refused", "the job was started again meanwhile", "")
        for track in job.record.tracks:
            if track.position not in left and track.placed not in there:
                track.state, track.placed, track.reason = TrackState.PENDING, "", ""
        job.record.finished_at, job.record.error = "", ""
        self._notices.again(job.record)
        await self._set(job, JobState.NEW)
        self._tell(job, "job.rerun", "started again")
        self._start(job)

    async def move(self, job: LiveJob, step: int) -> None:
        """Up (-1) or down (+1) in the queue, past the next job that has not ended."""
        order = self.jobs()
        index = order.index(job)
        past = [at for at, each in enumerate(order) if (at - index) * step > 0 and each.record.state not in ENDED]
        if not past:
            raise UserError("refused", f"the job is the {'first' if step < 0 else 'last'} in the queue already", "")
        other = past[-1] if step < 0 else past[0]
        order[index], order[other] = order[other], order[index]
        for position, each in enumerate(order, start=1):
            if each.record.queue_position != position:
                each.record.queue_position = position
                await self._services.store.jobs.save(each.record)

    def manifest(self, job: LiveJob) -> str:
        """The job's manifest as it stands now."""
        return manifests.write(job.record)

    def manifest_path(self, job: LiveJob) -> Path:
        return self._keeper.manifest_path(job)

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
            if trouble := mendable(cause):
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
            live.swarm, live.waiting, live.rescue = None, None, None
            if live.record.state in _BETWEEN:
                live.record.state = TrackState.PENDING

    async def _drive(self, job: LiveJob) -> None:
        if await self._driver.run(job):
            await self._complete(job)
            return
        self._let_go(job)
        reason = next((live.record.reason for live in job.missing if live.record.reason), "the disk is in trouble")
        await self._pause_for(job, reason)

    def _gets_from(self, username: str, since: float) -> bool:
        return any(job.gets_from(username, since) for job in self._jobs.values())

    async def _pause_for(self, job: LiveJob, trouble: str) -> None:
        try:
            await self._set(job, JobState.PAUSED, trouble)
        except (OSError, sqlite3.Error) as error:  # the very disk that is full; it is paused all the same
            log.warning("the pause could not be stored: %s", error)
        how = f"it goes on by itself when that is mended, or at once by `slskdn jobs resume {job.job_id[:8]}`"
        self._tell(job, "job.disk", f"paused: {trouble}; {how}", level="error")

    def _exchange(self, record: JobRecord) -> None:
        """In a thread: what a kill kept from going into the trash goes now."""
        for entry in record.tracks:
            exchange = exchange_of(self._services, record, entry.position)
            if exchange is not None and entry.placed and entry.placed != exchange.fix.replaces and exchange.due:
                exchange.retire(Path(entry.placed))

    async def _complete(self, job: LiveJob) -> None:
        await asyncio.get_running_loop().run_in_executor(self._services.disk, self._exchange, job.record)
        job.record.finished_at = iso(self._services.clock.wall())
        await self._set(job, JobState.COMPLETED)
        await self._drop_parts(job)
        self._tell(
            job,
            "job.completed",
            f"{job.record.whose}: complete, {job.record.whole(len(job.wanted))}",
        )

    async def _drop_parts(self, job: LiveJob) -> None:
        folder = self._services.paths.incomplete / job.job_id
        for path in sorted(folder.glob("*.part")) if folder.is_dir() else []:
            if (named := part_keyed(path)) is not None:
                await self._services.store.parts.drop(f"{job.job_id}/{named[0]}/{named[1]}")
        await asyncio.get_running_loop().run_in_executor(self._services.disk, lambda: shutil.rmtree(folder, ignore_errors=True))

    async def _set(self, job: LiveJob, state: JobState, error: str = "") -> None:
        job.record.state, job.record.error = state, str(SafeText(error))
        if state in ENDED:
            self._slim(job)
        self._notices.mark(job.record)
        await self._save(job)
        self._notices.send(job.record, partial(self._save, job))

    def _slim(self, job: LiveJob) -> None:
        """Of an ended job only what is stored is kept in memory; how its tracks came stays to be seen for the newest ones."""
        job.candidates = ()
        ended = [each for each in self._jobs.values() if each.record.state in ENDED]
        for old in ended[:-DETAILED]:
            for live in old.tracks:
                live.last = None

    async def _save(self, job: LiveJob) -> None:
        await self._keeper.save(job)

    def _tell(self, job: LiveJob, name: str, text: str, level: Level = "info") -> None:
        self._services.bus.publish(name, "job", text, level=level, job_id=job.job_id)
        self._services.trace.add(job.job_id, kind="job", result=str(job.record.state), words=text)
