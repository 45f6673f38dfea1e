"""Records what the scheduler decides, job by job. Shells the `JobTraces` table: callers only append to memory, a task writes in batches."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter, deque
from typing import Any

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.database import BATCH
from slskdn_tui.engine.store.library.traces import TracesTable
from slskdn_tui.engine.store.records import TraceEvent

log = logging.getLogger(__name__)

WRITE_EVERY_S = 1.0
LIMIT = 100_000
"""Events waiting in memory at most; more are dropped and counted (the disk is full, or fails)."""
JOB_EVENTS = 100_000
"""Events kept of one job: a rolling log, so that a job which lasts for weeks does not fill the disk. 6 GiB fetched leaf by leaf have so many."""


class TraceRecorder:
    """One for the engine. Make it on the running loop. What waits is written when the supervisor stops, which must be before the store closes."""

    def __init__(
        self,
        table: TracesTable,
        clock: Clock,
        supervisor: Supervisor,
        *,
        keep_jobs: int = 100,
        limit: int = LIMIT,
        job_events: int = JOB_EVENTS,
    ) -> None:
        self._table = table
        self._clock = clock
        self._keep_jobs = keep_jobs
        self._limit = limit
        self._waiting: deque[TraceEvent] = deque()
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._job_events = job_events
        self._written: dict[str, int] = {}  # job -> events of it on disk
        self._lost = 0
        self._task = supervisor.keep("trace", self._run)

    @property
    def lost(self) -> int:
        """Events dropped because they could not be written."""
        return self._lost

    def add(
        self,
        job_id: str,
        *,
        kind: str,
        track_id: int = 0,
        peer_id: str = "",
        source: str = "",
        variant_id: str = "",
        chunk_offset: int = 0,
        chunk_length: int = 0,
        result: str = "",
        rtt_ms: float | None = None,
        throughput_bps: float | None = None,
        words: str = "",
        **data: Any,
    ) -> None:
        """Note an event of now. Never blocks, never fails; `data` is whatever else is JSON."""
        if len(self._waiting) >= self._limit:
            self._lost += 1
            return
        time = self._clock.wall().timestamp()
        self._waiting.append(
            TraceEvent(
                job_id,
                time,
                kind,
                track_id,
                peer_id,
                source,
                variant_id,
                chunk_offset,
                chunk_length,
                result,
                rtt_ms,
                throughput_bps,
                words,
                data,
            )
        )
        self._wake.set()

    async def events(self, job_id: str) -> list[TraceEvent]:
        """The job's whole timeline so far, in order."""
        await self.flush()
        return await self._table.events(job_id)

    async def last(self, job_id: str) -> int:
        """Grows when the job's timeline does; 0 while it is empty."""
        await self.flush()
        return await self._table.last(job_id)

    async def flush(self) -> None:
        """Write all that waits. Raises OSError when the disk does; what could not be written goes on waiting."""
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._table.append(batch)
                except (OSError, sqlite3.Error):
                    self._waiting.extendleft(reversed(batch))
                    raise
                await self._retain(Counter(event.job_id for event in batch))

    async def close(self) -> None:
        """Stop the task; what waits is written first."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _retain(self, written: Counter[str]) -> None:
        """When a job writes its first entry, the oldest trace beyond `keep_jobs` goes; of a job with too many entries, its oldest, a tenth at a time."""
        if not written.keys() <= self._written.keys():
            await self._table.trim(self._keep_jobs)
        for job_id, count in written.items():
            before = self._written.get(job_id)
            total = self._written[job_id] = await self._table.count(job_id) if before is None else before + count
            if total > self._job_events * 1.1:
                await self._table.roll(job_id, self._job_events)
                self._written[job_id] = self._job_events

    async def _run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                await self._clock.sleep(WRITE_EVERY_S)
                self._wake.clear()
                try:
                    await self.flush()
                except (OSError, sqlite3.Error):
                    self._wake.set()  # tried again after the supervisor's back-off
                    raise
        except asyncio.CancelledError:
            try:
                await self.flush()
            except (OSError, sqlite3.Error) as error:
                log.error("%d trace events could not be written: %s", len(self._waiting), error)
            raise
