"""How full the disk of a folder is. Shell: it is looked at in a thread, and a disk that hangs holds up nobody who only wants to see how things stand."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import Executor
from pathlib import Path

from slskdn_tui.engine.runtime.clock import Clock

LOOK_EVERY_S = 2.0
FIRST_S = 0.5
"""How long the first answer may take; after that what was known last is told."""


class DiskUse:
    def __init__(self, folder: Path, executor: Executor, clock: Clock) -> None:
        self._folder = folder
        self._executor = executor
        self._clock = clock
        self._looked = float("-inf")
        self._looking: asyncio.Future[float | None] | None = None
        self._known: float | None = None

    async def share(self) -> float | None:
        """Share in use, to the percent: the status line must not change with every block. None while nothing is known."""
        now = self._clock.now()
        if self._looking is None and now - self._looked >= LOOK_EVERY_S:
            first, self._looked = self._looked < 0, now
            self._looking = asyncio.get_running_loop().run_in_executor(self._executor, _used, self._folder)
            if first:
                await asyncio.wait({self._looking}, timeout=FIRST_S)
        if self._looking is not None and self._looking.done():
            self._known, self._looking = self._looking.result(), None
        return self._known


def _used(folder: Path) -> float | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return round(usage.used / usage.total, 2)
