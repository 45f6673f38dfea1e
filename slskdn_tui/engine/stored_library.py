"""The library and its trash as views, for an engine that does not run: nothing is scanned, checked or fetched. Shell over the store and the disk."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.library.fix.trash import Trash
from slskdn_tui.engine.library.health.doctor import Doctor
from slskdn_tui.engine.library.roots import library_roots
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.variants import KnownVariants
from slskdn_tui.engine.views.library import LibraryViews
from slskdn_tui.engine.views.trash import trash_view
from slskdn_tui.model.views import Snapshot, ViewKey


class NoJobs:
    """No job runs."""

    def jobs(self) -> list[LiveJob]:
        return []


class StoredLibrary:
    """`LibraryParts` whose scanner and doctor stand still: they say how they were left."""

    def __init__(self, store: Store, paths: Paths, settings: Settings, clock: Clock) -> None:
        roots = library_roots(settings)
        self.store, self.clock = store, clock
        self.disk = ThreadPoolExecutor(1, thread_name_prefix="stored library")
        self.trash = Trash(roots)
        self.doctor = Doctor(store, clock, self.disk)
        self.scanner = Scanner(
            store.files, store.choices, paths.library_db, lambda: [os.path.realpath(root) for root in roots],
            clock, EventBus(clock), Supervisor(clock), schedule=settings.library.schedule,
        )  # fmt: skip
        self.runner = NoJobs()
        self.variants = KnownVariants(store, clock, None)
        self._views = LibraryViews(self)

    async def view(self, key: ViewKey) -> Snapshot:
        if key.screen == "trash":
            return await trash_view(self, key)
        await self.scanner.load()
        return await self._views.library(key)

    def close(self) -> None:
        self.scanner.close()
        self.disk.shutdown(wait=False, cancel_futures=True)
