"""Timelines of jobs: the `JobTraces` table. Shells library.db."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import TraceEvent, plain_text
from slskdn_tui.model.variant import LEAF

_COLUMNS = (
    "job_id, time, kind, track_id, peer_id, source, variant_id, chunk_offset, chunk_length, result, rtt_ms, throughput_bps, words, data"
)


class TracesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, events: Sequence[TraceEvent]) -> None:
        """Store these in the order given; `seq` is given out here."""
        marks = ", ".join("?" * 14)
        await self._database.write_many(f"INSERT INTO JobTraces ({_COLUMNS}) VALUES ({marks})", [_values(event) for event in events])

    async def events(self, job_id: str) -> list[TraceEvent]:
        """The whole timeline of a job, in order."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS}, seq FROM JobTraces WHERE job_id = ? ORDER BY seq", (job_id,))
        return [_event(row) for row in rows]

    async def last(self, job_id: str) -> int:
        """The newest `seq` of a job, 0 without any: cheap enough to ask whether a view has changed."""
        return int((await self._database.fetch("SELECT max(seq) FROM JobTraces WHERE job_id = ?", (job_id,)))[0][0] or 0)

    async def jobs(self) -> list[str]:
        """Jobs that have a trace, the one with the newest entry first."""
        rows = await self._database.fetch("SELECT job_id FROM JobTraces GROUP BY job_id ORDER BY max(seq) DESC")
        return [row[0] for row in rows]

    async def wrong(self) -> tuple[int, int]:
        """Of all timelines kept: leaves taken back from peers as they were found out, but the one that gave each away, and chunks that came wrong."""
        rows = await self._database.fetch(
            "SELECT kind, count(*), sum(chunk_length) FROM JobTraces WHERE kind = 'ban' OR result = 'corruption' GROUP BY kind"
        )
        taken_back = sum(max(0, length // LEAF - count) for kind, count, length in rows if kind == "ban")
        return taken_back, sum(count for kind, count, _ in rows if kind == "chunk")

    async def trim(self, keep: int) -> int:
        """Keep the traces of the `keep` jobs with the newest entries; returns how many jobs' traces went."""
        old = (await self.jobs())[keep:]
        for job_id in old:
            await self.drop(job_id)
        return len(old)

    async def count(self, job_id: str) -> int:
        """How many entries a job has."""
        return int((await self._database.fetch("SELECT count(*) FROM JobTraces WHERE job_id = ?", (job_id,)))[0][0])

    async def roll(self, job_id: str, keep: int) -> None:
        """Keep the newest `keep` entries of a job, some rows a transaction."""
        edge = await self._database.fetch("SELECT seq FROM JobTraces WHERE job_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?", (job_id, keep))
        while edge and await self._database.execute(
            "DELETE FROM JobTraces WHERE seq IN (SELECT seq FROM JobTraces WHERE job_id = ? AND seq <= ? LIMIT 500)", (job_id, edge[0][0])
        ):
            pass

    async def drop(self, job_id: str) -> None:
        """Forget a job's timeline, some rows a transaction."""
        while await self._database.execute(
            "DELETE FROM JobTraces WHERE seq IN (SELECT seq FROM JobTraces WHERE job_id = ? LIMIT 500)", (job_id,)
        ):
            pass


def _event(row: tuple[Any, ...]) -> TraceEvent:
    *plain, data, seq = row
    return TraceEvent(*plain, json.loads(data), seq)  # type: ignore[call-arg]


def _values(event: TraceEvent) -> tuple[Any, ...]:
    return (
        event.job_id,
        event.time,
        event.kind,
        event.track_id,
        plain_text(event.peer_id),
        event.source,
        event.variant_id,
        event.chunk_offset,
        event.chunk_length,
        event.result,
        event.rtt_ms,
        event.throughput_bps,
        plain_text(event.words),
        json.dumps(event.data),
    )
