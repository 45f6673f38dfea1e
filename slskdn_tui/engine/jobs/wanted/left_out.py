"""Tracks of a release that a job does not fetch: they are here already, or were not asked for. The job keeps the whole release all the same, since
folders are judged by it. Core: positions in the job's `details`.
"""

from __future__ import annotations

from collections.abc import Mapping

from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.jobs import TrackState

KEY = "left_out"
HERE, UNASKED = "here already", "not asked for"


def left_out(record: JobRecord) -> frozenset[int]:
    """Positions that are not fetched, whatever becomes of the job."""
    return frozenset(int(word) for word in record.details.get(KEY, "").split())


def leave_out(record: JobRecord, where: Mapping[int, str]) -> None:
    """Leave these positions out; each with the file that stands for it, "" where it was not asked for."""
    known = {entry.position: entry for entry in record.tracks}
    record.tracks = [known.get(track.position) or TrackRecord(track.position) for track in record.release.tracks]
    for entry in record.tracks:
        if entry.position in where:
            path = where[entry.position]
            entry.state, entry.placed, entry.reason = TrackState.DONE, path, HERE if path else UNASKED
    if where:
        record.details[KEY] = " ".join(str(position) for position in sorted(where))
