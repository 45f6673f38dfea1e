"""Jobs and their tracks. Shells state.db (synchronous=FULL)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import JobRecord, TrackRecord, keep_text, plain_text, read_text
from slskdn_tui.model.jobs import Constraints, JobState, TrackState
from slskdn_tui.model.music import Release

_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
_CONSTRAINTS: TypeAdapter[Constraints] = TypeAdapter(Constraints)
_JOB = "job_id, type, release, constraints, state, queue_position, created_at, finished_at, error, folder, details"
_TRACK = "position, state, username, path, size, placed, reason, blake3"


class JobsTable:
    """The jobs there are, ended ones too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, job: JobRecord) -> None:
        """The job and all its tracks, in one transaction. What the caller changes afterwards is not seen."""
        row = (
            job.job_id,
            job.type,
            _RELEASE.dump_json(job.release).decode(),
            _CONSTRAINTS.dump_json(job.constraints).decode(),
            job.state.value,
            job.queue_position,
            job.created_at,
            job.finished_at,
            plain_text(job.error),
            keep_text(job.folder),
            json.dumps(job.details),
        )
        tracks = [_track_row(job.job_id, track) for track in job.tracks]

        def work(connection: sqlite3.Connection) -> None:
            changes = ", ".join(f"{name} = excluded.{name}" for name in _JOB.split(", ")[1:])
            connection.execute(f"INSERT INTO Jobs ({_JOB}) VALUES ({_marks(11)}) ON CONFLICT (job_id) DO UPDATE SET {changes}", row)
            connection.execute("DELETE FROM Tracks WHERE job_id = ?", (job.job_id,))
            connection.executemany(f"INSERT INTO Tracks (job_id, {_TRACK}) VALUES ({_marks(9)})", tracks)

        await self._database.write(work)

    async def load_all(self) -> list[JobRecord]:
        """All jobs by their place in the queue, then by age."""
        return await self._database.read(lambda connection: _load(connection, "", ()))

    async def get(self, job_id: str) -> JobRecord | None:
        found = await self._database.read(lambda connection: _load(connection, "WHERE job_id = ?", (job_id,)))
        return found[0] if found else None

    async def drop(self, job_id: str) -> None:
        await self._database.execute("DELETE FROM Jobs WHERE job_id = ?", (job_id,))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _track_row(job_id: str, track: TrackRecord) -> tuple[Any, ...]:
    return (
        job_id,
        track.position,
        track.state.value,
        keep_text(track.username),
        keep_text(track.path),
        track.size,
        keep_text(track.placed),
        plain_text(track.reason),
        track.blake3,
    )


def _load(connection: sqlite3.Connection, where: str, parameters: Sequence[Any]) -> list[JobRecord]:
    connection.execute("BEGIN")  # jobs and tracks of the same moment
    try:
        rows = connection.execute(f"SELECT {_JOB} FROM Jobs {where} ORDER BY queue_position, created_at, job_id", parameters).fetchall()
        tracks = connection.execute(f"SELECT job_id, {_TRACK} FROM Tracks {where} ORDER BY job_id, position", parameters).fetchall()
    finally:
        connection.execute("COMMIT")
    by_job: dict[str, list[TrackRecord]] = {}
    for job_id, position, state, username, path, size, placed, reason, blake3 in tracks:
        by_job.setdefault(job_id, []).append(
            TrackRecord(position, TrackState(state), read_text(username), read_text(path), size, read_text(placed), reason, blake3)
        )
    return [
        JobRecord(
            job_id,
            kind,
            _RELEASE.validate_json(release),
            _CONSTRAINTS.validate_json(constraints),
            JobState(state),
            place,
            created,
            finished,
            error,
            by_job.get(job_id, []),
            read_text(folder),
            json.loads(details),
        )
        for job_id, kind, release, constraints, state, place, created, finished, error, folder, details in rows
    ]
