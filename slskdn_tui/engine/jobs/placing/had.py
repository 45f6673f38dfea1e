"""Whether an album that is wanted is here already: a job that completed placed it, and its files are still there. Core, and a look at the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from slskdn_tui.engine.jobs.wanted.for_cache import for_cache
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.jobs import JobState, TrackState


@dataclass(frozen=True, slots=True)
class Had:
    """The job that has it, and the folder that holds all of it, or the file."""

    job_id: str
    path: str


def had(records: Iterable[JobRecord], mbid: str, positions: Collection[int], there: Callable[[str], bool]) -> Had | None:
    """The newest completed job of the release `mbid` that placed all these positions, if every one of their files is `there`."""
    jobs = [
        record
        for record in records
        if mbid and record.release.mbid == mbid and record.state is JobState.COMPLETED and not for_cache(record)
    ]
    for record in sorted(jobs, key=lambda record: record.finished_at, reverse=True):
        placed = {
            entry.position: entry.placed
            for entry in record.tracks
            if entry.position in positions and entry.state is TrackState.DONE and entry.placed
        }
        if positions and len(placed) == len(positions) and all(there(path) for path in placed.values()):
            paths = list(placed.values())
            return Had(record.job_id, paths[0] if len(paths) == 1 else os.path.commonpath([os.path.dirname(path) for path in paths]))
    return None


def placed_counts(records: Iterable[JobRecord], is_file: Callable[[str], bool]) -> dict[str, int]:
    """How many tracks of each release jobs placed that are still there, by release MBID; asks the disk."""
    found: dict[str, set[int]] = {}
    for record in records:
        if for_cache(record):
            continue
        extras = {track.position for track in record.release.tracks if track.optional}
        for entry in record.tracks:
            if (
                record.release.mbid
                and entry.state is TrackState.DONE
                and entry.placed
                and entry.position not in extras
                and is_file(entry.placed)
            ):
                found.setdefault(record.release.mbid, set()).add(entry.position)
    return {mbid: len(positions) for mbid, positions in found.items()}
