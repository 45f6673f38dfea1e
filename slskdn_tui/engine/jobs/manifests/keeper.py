"""Keeps jobs: the database first, then the manifest. Shell. Many tracks that change at once cost one write, not one each."""

from __future__ import annotations

import asyncio
from pathlib import Path

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.manifests.manifest_files import ManifestFiles
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.wanted.for_cache import for_cache


class Keeper:
    """`manifests` are its files. Errors are the store's (OSError, sqlite3.Error) and the file system's (OSError)."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.manifests = ManifestFiles(services.paths.jobs)
        self._locks: dict[str, asyncio.Lock] = {}
        self._asked: dict[str, int] = {}
        self._kept: dict[str, int] = {}

    async def save(self, job: LiveJob) -> None:
        """Returns when the record as it is now, or newer, is stored. Who comes while a save runs shares the next one."""
        mark = self._asked[job.job_id] = self._asked.get(job.job_id, 0) + 1
        async with self._locks.setdefault(job.job_id, asyncio.Lock()):
            if self._kept.get(job.job_id, 0) >= mark:
                return
            upto = self._asked[job.job_id]
            await self._services.store.jobs.save(job.record)
            if not for_cache(job.record):
                await asyncio.get_running_loop().run_in_executor(self._services.disk, self.manifests.keep, job.record)
            self._kept[job.job_id] = upto

    async def forget(self, job: LiveJob) -> None:
        """As if it had never been; its manifest, if it has one, stays."""
        await self._services.store.jobs.drop(job.job_id)
        self._locks.pop(job.job_id, None)
        self._asked.pop(job.job_id, None)
        self._kept.pop(job.job_id, None)

    def manifest_path(self, job: LiveJob) -> Path:
        return self.manifests.path(job.record)
