"""Parent jobs of a profile: kept, driven, resumed after a restart. Shell over the runner, the store and the manifests on disk.

A parent owns no transfer: it starts a job a release (`pace.py` says when), notes how each ended, and is complete when all have ended. A job says whose it
is (`details["parent"]`), so that a kill between its creation and the note of it makes no second one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.manifests import parents as manifest
from slskdn_tui.engine.jobs.parents.pace import Child, may_start, waiting
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.engine.jobs.refusals import AllHere, UnderWay
from slskdn_tui.engine.jobs.runner import JobRunner
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.runtime.durable import replace_durably
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import one_begun
from slskdn_tui.model.jobs import ENDED, JobState, JobType
from slskdn_tui.model.parents import PARENT_ENDED, Member, Outcome, ParentRecord, ParentState
from slskdn_tui.model.text import SafeText, counted

log = logging.getLogger(__name__)
LOOK_S = 1.0
AGAIN_S = 30.0
"""After MusicBrainz could not be asked."""
PARENT = "parent"
_OUTCOMES: Mapping[JobState, Outcome] = {JobState.COMPLETED: "completed", JobState.FAILED: "failed", JobState.CANCELLED: "cancelled"}


class ParentRunner:
    """`owned` tells files here by release MBID; `searches_waiting` how many searches stand at the gate; `may_search` whether the network is there at all."""

    def __init__(
        self,
        services: Services,
        runner: JobRunner,
        owned: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]],
        searches_waiting: Callable[[], int],
        may_search: Callable[[], bool],
    ) -> None:
        self._services = services
        self._runner = runner
        self._owned = owned
        self._searches_waiting = searches_waiting
        self._may_search = may_search
        self._records: dict[str, ParentRecord] = {}
        self._started: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        """Why a parent does not go on just now, by its id."""
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while a job or a parent is started or all are stopped: nothing is started of what was just stopped, and nothing twice."""
        self._folder = services.paths.jobs / "parents"

    # Looking ----------------------------------------------------------------------------------------------------

    def all(self) -> list[ParentRecord]:
        """The oldest first; those made in one second as they came (after a restart by id)."""
        return sorted(self._records.values(), key=lambda record: record.created_at)

    def find(self, reference: str) -> ParentRecord | None:
        """The parent whose id begins so; None for none. UserError when several do."""
        return one_begun(reference, self._records.values(), lambda record: record.parent_id, "parent jobs")

    def job(self, member: Member) -> LiveJob | None:
        try:
            return self._runner.find(member.job_id) if member.job_id else None
        except UserError:
            return None

    def manifest_path(self, record: ParentRecord) -> Path:
        return self._folder / f"{record.parent_id}.yaml"

    # Start and stop ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Every stored parent comes back, and every one that only its manifest knows."""
        for record in await self._services.store.parents.load_all():
            self._records[record.parent_id] = record
        for path, text in await asyncio.get_running_loop().run_in_executor(self._services.disk, self._manifests):
            try:
                record = manifest.read(text, str(path))
            except UserError as error:
                log.warning("%s", error)
                continue
            if record.parent_id not in self._records:
                await self._keep(record)
                self._tell(record, "parent.rebuilt", "rebuilt from its manifest")

    def _manifests(self) -> list[tuple[Path, str]]:
        found = []
        for path in sorted(self._folder.glob("*.yaml")):
            if path.stem not in self._records:
                try:
                    found.append((path, path.read_text("utf-8")))
                except (OSError, UnicodeDecodeError) as error:
                    log.warning("%s cannot be read: %s", path, error)
        return found

    async def run(self) -> None:
        """Drive all of them for ever; supervised by the engine."""
        while True:
            self._news.clear()
            active = [record for record in self.all() if record.state is ParentState.ACTIVE]
            for record in active:
                await self._step(record)
            if active:
                await self._services.clock.sleep(LOOK_S)
            else:
                await self._news.wait()

    # Acting -----------------------------------------------------------------------------------------------------

    async def create(self, record: ParentRecord) -> ParentRecord:
        """A new parent. UserError `refused` while one for the same is under way or there is nothing in it, `usage` for an unknown destination."""
        base_folder(self._services.settings.downloads, record.destination)
        if not record.members:
            raise UserError("refused", f"there is nothing to get of {record.title}", "the filter or the scope leaves nothing")
        async with self._turn:
            for other in self._records.values():
                if other.state not in PARENT_ENDED and (other.type, other.subject, other.scope) == (
                    record.type,
                    record.subject,
                    record.scope,
                ):
                    raise UserError(
                        "refused", f"parent job {other.parent_id[:8]} gets {other.title} ({other.scope}) already", "cancel it first"
                    )
            record.parent_id = record.parent_id or str(uuid.uuid4())
            record.created_at = record.created_at or iso(self._services.clock.wall())
            await self._keep(record)
        self._tell(record, "parent.created", f"{counted(len(record.members), 'release')} wanted")
        self._news.set()
        return record

    async def import_manifest(self, text: str, name: str) -> ParentRecord:
        """Recreate a parent from its manifest; its jobs are found again by their ids, others are started anew."""
        record = manifest.read(text, name)
        if record.parent_id in self._records and self._records[record.parent_id].state not in PARENT_ENDED:
            raise UserError(
                "refused", f"parent job {record.parent_id[:8]} is here already", "cancel it first, or give the manifest another parent_id"
            )
        record.state, record.finished_at = ParentState.ACTIVE, ""
        return await self.create(record)

    async def pause(self, record: ParentRecord) -> None:
        """It starts nothing more, and its jobs are paused."""
        self._refuse_ended(record)
        async with self._turn:
            record.state = ParentState.PAUSED
            for job in self._jobs(record):
                if job.runs:
                    await self._runner.pause(job)
        await self._keep(record)
        self._tell(record, "parent.paused", "paused")

    async def resume(self, record: ParentRecord) -> None:
        if record.state is not ParentState.PAUSED:
            raise UserError("refused", f"the parent job is {record.state}, not paused", "")
        record.state = ParentState.ACTIVE
        for job in self._jobs(record):
            if job.record.state is JobState.PAUSED:
                await self._runner.resume(job)
        await self._keep(record)
        self._news.set()
        self._tell(record, "parent.resumed", "resumed")

    async def cancel(self, record: ParentRecord) -> None:
        """It ends, and with it those of its jobs that have not."""
        self._refuse_ended(record)
        async with self._turn:
            record.state, record.finished_at = ParentState.CANCELLED, iso(self._services.clock.wall())
            for job in self._jobs(record):
                if job.record.state not in ENDED:
                    await self._runner.cancel(job)
        self._note(record)
        await self._keep(record)
        self._tell(record, "parent.cancelled", "cancelled; what is complete stays")

    @staticmethod
    def _refuse_ended(record: ParentRecord) -> None:
        if record.state in PARENT_ENDED:
            raise UserError("refused", f"the parent job is {record.state}", "")

    def _jobs(self, record: ParentRecord) -> list[LiveJob]:
        """Its own ones; a job that it merely found under way stays as it is."""
        return [job for member in record.members if (job := self.job(member)) is not None and self._owns(record, job)]

    @staticmethod
    def _owns(record: ParentRecord, job: LiveJob) -> bool:
        return job.record.details.get(PARENT) == record.parent_id

    # Driving ----------------------------------------------------------------------------------------------------

    async def _step(self, record: ParentRecord) -> None:
        changed = self._note(record)
        if all(member.outcome for member in record.members):
            record.state, record.finished_at = ParentState.COMPLETED, iso(self._services.clock.wall())
            got = sum(member.outcome in ("completed", "here") for member in record.members)
            await self._keep(record)
            self.notes.pop(record.parent_id, None)
            self._tell(record, "parent.completed", f"complete, {got} of {counted(len(record.members), 'release')} are here")
            return
        if await self._start_next(record) or changed:
            await self._keep(record)

    def _note(self, record: ParentRecord) -> bool:
        """How its jobs stand, and which job is already there for a release that has none noted; True when something changed."""
        mine = {job.record.release.mbid: job for job in self._runner.jobs() if self._owns(record, job)}
        changed = False
        for member in record.members:
            job = self.job(member) or mine.get(member.release_mbid)
            if job is None:
                if member.job_id and not member.outcome:
                    member.job_id, changed = "", True  # gone from the database with its manifest: start it anew
                continue
            outcome = _OUTCOMES.get(job.record.state, "")
            reason = job.record.error if outcome in ("failed", "cancelled") else ""
            if (member.job_id, member.outcome, member.reason) != (job.job_id, outcome, reason):
                member.job_id, member.outcome, member.reason, changed = job.job_id, outcome, reason, True
        return changed

    async def _start_next(self, record: ParentRecord) -> bool:
        """Start one more, if its turn has come; True when a member changed."""
        now = self._services.clock.now()
        left = waiting(record.members)
        if not left or now < self._not_before.get(record.parent_id, 0.0):
            return False
        if not self._may_search():
            self.notes[record.parent_id] = f"waits for Soulseek: {self._services.soulseek.state_words or self._services.soulseek.state}"
            return False
        children = [
            Child(job.record.state, now - self._started.get(job.job_id, 0.0)) for member in record.members if (job := self.job(member))
        ]
        if not may_start(children, self._searches_waiting(), max(2, self._services.settings.downloads.parallel)):
            return False
        for member in left:
            try:
                if await self._start(record, member):
                    self.notes.pop(record.parent_id, None)
                    return True
            except UserError as error:
                if error.code == "not_found":
                    member.outcome, member.reason = "failed", str(error.message)
                    return True
                self.notes[record.parent_id] = str(error.message)
                self._not_before[record.parent_id] = now + AGAIN_S
                return False
        return False

    async def _start(self, record: ParentRecord, member: Member) -> bool:
        """False when another job fetches a part of it, so that it has to wait for that one. UserError as MusicBrainz' client."""
        release = await self._services.music.release(member.release_mbid)
        member.title, member.artist, member.date, member.tracks = release.title, release.artist, release.date, len(release.tracks)
        here = (await self._owned([release.mbid])).get(release.mbid, 0)
        if here >= len(release.tracks) and not record.again:
            member.outcome = "here"
            return True
        details = {PARENT: record.parent_id, **({"destination": record.destination} if record.destination else {})}
        async with self._turn:
            if record.state is not ParentState.ACTIVE:  # while MusicBrainz was asked
                return False
            try:
                job = await self._runner.create(release, record.constraints, JobType.RELEASE, details, {} if record.again else None)
            except AllHere:  # on other releases, or all but what a job would not fetch
                member.outcome = "here"
                return True
            except UnderWay as error:
                member.reason = str(error.message)
                member.job_id = error.job_id if error.whole else ""
                return error.whole
            member.job_id, member.reason = job.job_id, ""
            self._started[job.job_id] = self._services.clock.now()
            return True

    async def _keep(self, record: ParentRecord) -> None:
        """The database first, then the manifest."""
        await self._services.store.parents.save(record)
        self._records[record.parent_id] = record
        text = manifest.write(record)

        def work() -> None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_durably(self.manifest_path(record), text.encode())

        try:
            await asyncio.get_running_loop().run_in_executor(self._services.disk, work)
        except OSError as error:
            log.warning(
                "the manifest of parent job %s cannot be written: %s", record.parent_id[:8], error.strerror or os.strerror(error.errno or 0)
            )

    def _tell(self, record: ParentRecord, name: str, words: str) -> None:
        self._services.bus.publish(name, "job", SafeText(f"{record.title} ({record.scope}): {words}"), job_id=record.parent_id)
