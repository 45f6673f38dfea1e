"""What a user did and heard, counted for `slskdn stats` where nothing else keeps it: the `Usage` table. Shells state.db; never sent."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.engine.store.database import Database

log = logging.getLogger(__name__)
Kind = Literal["manifest_exported", "manifest_imported", "trace_viewed", "stream", "stream_stalled", "stall"]


@dataclass(frozen=True, slots=True)
class Uses:
    """`jobs` counts all jobs and parent jobs, `own_jobs` those with a trace of their own; `exported` and `viewed` are among them."""

    own_jobs: int
    jobs: int
    exported: int
    viewed: int
    times: dict[str, int]
    """How often, by `Kind`."""


class UsageTable:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: set[str] = set()

    async def count(self, kind: Kind, subject: str = "") -> None:
        """Once more. Never fails: a figure for people matters less than what it counts."""
        try:
            await self._database.execute(
                "INSERT INTO Usage VALUES (?, ?, 1) ON CONFLICT (kind, subject) DO UPDATE SET times = times + 1", (kind, subject)
            )
        except (OSError, sqlite3.Error) as error:
            log.warning("%s could not be counted: %s", kind, error)

    async def viewed(self, job_id: str) -> None:
        """Somebody looks at a job's trace; asked many times a second while it is on screen."""
        if job_id not in self._seen:
            self._seen.add(job_id)
            await self.count("trace_viewed", job_id)

    async def totals(self) -> Uses:
        return await self._database.read(_totals)


def _totals(connection: sqlite3.Connection) -> Uses:
    def one(query: str) -> int:
        return int(connection.execute(query).fetchone()[0])

    own, parents = one("SELECT count(*) FROM Jobs"), one("SELECT count(*) FROM ParentJobs")
    there = "AND (subject IN (SELECT job_id FROM Jobs) OR subject IN (SELECT parent_id FROM ParentJobs))"
    return Uses(
        own,
        own + parents,
        one(f"SELECT count(*) FROM Usage WHERE kind = 'manifest_exported' {there}"),
        one(f"SELECT count(*) FROM Usage WHERE kind = 'trace_viewed' {there}"),
        dict(connection.execute("SELECT kind, sum(times) FROM Usage GROUP BY kind")),
    )
