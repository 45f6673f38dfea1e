"""How much of a MusicBrainz release is here already. Core, and a shell that looks at jobs, the disk and the index once a view.

A track is here when a job placed it for this very release, or when its recording is here: placed for another release, or tagged so in the library.
Without a tracklist only what jobs placed for the release itself counts, since nobody else is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.jobs import JobType, TrackState
from slskdn_tui.model.music import Track
from slskdn_tui.model.views import CandidateRow

Tracklist = Sequence[Track]


@dataclass(frozen=True, slots=True)
class Here:
    """What is on disk: positions by release MBID, and recording MBIDs."""

    positions: Mapping[str, frozenset[int]] = field(default_factory=dict)
    recordings: frozenset[str] = frozenset()


def owned_share(mbid: str, count: int, tracks: Tracklist | None, here: Here) -> float:
    """0-1 of the release `mbid`. `tracks` is its tracklist (extras do not count), None when only its `count` is known."""
    placed = here.positions.get(mbid, frozenset())
    wanted = [track for track in tracks or () if not track.optional]
    if wanted:
        return round(sum(track.position in placed or track.recording_mbid in here.recordings for track in wanted) / len(wanted), 4)
    return round(min(1.0, len(placed) / count), 4) if count > 0 else 0.0


def placed_tracks(records: Iterable[JobRecord]) -> list[tuple[str, Track, str]]:
    """(release MBID, track, path) of every track that a job of a release placed."""
    found = []
    for record in records:
        if record.release.mbid:
            by_position = {track.position: track for track in record.release.tracks if not track.optional}
            found += [
                (record.release.mbid, by_position[entry.position], entry.placed)
                for entry in record.tracks
                if entry.state is TrackState.DONE and entry.placed and entry.position in by_position
            ]
    return found


def tracklists(records: Iterable[JobRecord]) -> dict[str, Tracklist]:
    """Whole tracklists that jobs know, by release MBID; the job of one recording knows only that."""
    return {record.release.mbid: record.release.tracks for record in records if record.type == JobType.RELEASE and record.release.mbid}


def here_of(placed: Iterable[tuple[str, Track, str]], library: Iterable[str]) -> Here:
    positions: dict[str, set[int]] = {}
    recordings = set(library)
    for mbid, track, _ in placed:
        positions.setdefault(mbid, set()).add(track.position)
        recordings.add(track.recording_mbid)
    recordings.discard("")
    return Here({mbid: frozenset(numbers) for mbid, numbers in positions.items()}, frozenset(recordings))


async def with_owned(engine: Parts, rows: Sequence[CandidateRow]) -> tuple[CandidateRow, ...]:
    """The rows with what is owned of each. MusicBrainz is not asked: tracklists are those of jobs and of its kept answers."""
    records = [job.record for job in engine.runner.jobs()]
    known = tracklists(records)
    for row in rows:
        if row.mbid not in known and (release := await engine.music.kept_release(row.mbid)) is not None:
            known[row.mbid] = release.tracks
    shown = {row.mbid for row in rows}
    wanted = {track.recording_mbid for row in rows for track in known.get(row.mbid, ()) if track.recording_mbid}
    placed = [each for each in placed_tracks(records) if each[0] in shown or each[1].recording_mbid in wanted]

    held = await engine.store.files.held_recordings(sorted(wanted))

    def still_there() -> tuple[list[tuple[str, Track, str]], set[str]]:
        return [each for each in placed if Path(each[2]).is_file()], {recording for recording, path in held if Path(path).is_file()}

    there, recordings = await asyncio.get_running_loop().run_in_executor(engine.disk, still_there)
    here = here_of(there, recordings)
    return tuple(replace(row, owned=owned_share(row.mbid, row.tracks, known.get(row.mbid), here)) for row in rows)
