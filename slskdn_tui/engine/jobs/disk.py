"""Folders that vanish and disks that fail: whether a job's folders can be used, and jobs that go on once they can again. Shell over the file system."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from slskdn_tui.engine.jobs.folders import part_path
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.runtime.backoff import doubled
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble

LOOK_S = 30.0
"""How often the folders of paused jobs are looked at; a job that pauses again at once is tried at intervals that double up to `MOST_S`."""
MOST_S = 900.0


def usable(folder: Path, free: int) -> str:
    """Why `folder` cannot be written with `free` bytes to spare; empty when it can. Blocking: a block is written, synced and gone again."""
    try:
        space = os.statvfs(folder)
        if space.f_bavail * space.f_frsize < free:
            raise OSError(errno.ENOSPC, "")
        with tempfile.TemporaryFile(dir=folder, prefix=".slskdn-") as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return DiskTrouble.of(error, str(folder)).words
    return ""


def _unreserved(part: Path, size: int) -> int:
    """Bytes that a partial file still has to reserve."""
    try:
        return max(0, size - part.stat().st_blocks * 512)
    except OSError:
        return size


class DiskWatch:
    """Looks after jobs that paused themselves (paused, with a reason): `resume` is called for one whose folders can be used again."""

    def __init__(self, services: Services, jobs: Callable[[], Iterable[LiveJob]], resume: Callable[[LiveJob], Awaitable[None]]) -> None:
        self._services = services
        self._jobs = jobs
        self._resume = resume
        self._tries: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        while True:
            await self._services.clock.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """One round."""
        now = self._services.clock.now()
        for job in list(self._jobs()):
            tries, last = self._tries.get(job.job_id, (0, -math.inf))
            if not job.in_trouble:
                if now - last > MOST_S:
                    self._tries.pop(job.job_id, None)
            elif now - last >= doubled(LOOK_S, tries, MOST_S):
                loop = asyncio.get_running_loop()
                if not await loop.run_in_executor(self._services.disk, self.trouble, job) and job.in_trouble:
                    self._tries[job.job_id] = tries + 1, now
                    await self._resume(job)

    def trouble(self, job: LiveJob) -> str:
        """Why the job's folders cannot be used, with room for the largest partial file still to be made; empty when they can. Blocking."""
        incomplete, folder = self._services.paths.incomplete, Path(job.record.folder)
        floor = self._services.settings.downloads.free_space_mib << 20
        if why := self._services.folders.gone(incomplete) or self._services.folders.gone(folder):
            return why
        missing = (live.record for live in job.missing)
        largest = max((_unreserved(part_path(incomplete, job.job_id, each.position, each.size), each.size) for each in missing), default=0)
        return usable(incomplete, floor + largest) or (usable(folder, 0) if folder.is_dir() else "")
