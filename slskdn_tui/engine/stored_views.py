"""Views made of stored records alone, for an engine that does not run. Core: records in, views out; all versions are 0, `versions.py` gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from slskdn_tui.engine.jobs.wanted.left_out import left_out
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.engine.swarm.piecemap import bits, cells
from slskdn_tui.model.jobs import ENDED, TrackState, constraint_lines
from slskdn_tui.model.music import Track
from slskdn_tui.model.part import Layout, PartRecord
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF
from slskdn_tui.model.views import JobRow, JobTrackRow, JobView, LogRow, SwarmRow, TrackView

MAP_CELLS = 240
LEVELS = ("info", "warning", "error")
_LEVELS: Mapping[str, Literal["info", "warning", "error"]] = {"WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}


@dataclass(frozen=True, slots=True)
class Progress:
    """What lies on disk of one track. `codes` has a character a leaf: `o` from Soulseek, `m` verified from the mesh, `.` missing."""

    size: int
    done: int = 0
    by_slsk: int = 0
    by_mesh: int = 0
    codes: bytes = b""

    @property
    def share(self) -> float:
        return self.done / self.size if self.size else 0.0


def progress(record: PartRecord, has_digests: bool) -> Progress:
    """Bytes that count: verified leaves once digests are known, before that what the origin sent."""
    layout = record.layout if has_digests else Layout.whole(record.size)
    leaves = layout.leaves
    codes = bytearray(b"." * leaves)
    verified = set(bits(record.bitmap, leaves)) if has_digests else set()
    by = {"o": 0, "m": 0}
    for leaf in range(leaves):
        start, stop = layout.span(leaf)
        from_origin = sum(max(0, min(stop, extent.stop) - max(start, extent.start)) for extent in record.extents)
        if has_digests:
            if leaf in verified:
                code = "o" if from_origin >= stop - start else "m"
                by[code] += stop - start
                codes[leaf] = ord(code)
        elif record.prefix > start:
            by["o"] += min(stop, record.prefix) - start
            codes[leaf] = ord("o")
    there = max(0, record.prefix - layout.stop)
    by["o"] += min(record.prefix, layout.start) + there
    head, tail = b"o" * -(-layout.start // LEAF), b"o" * (there // LEAF) if there < layout.tail else b"o" * -(-layout.tail // LEAF)
    whole = head + bytes(codes) + tail.ljust(-(-layout.tail // LEAF), b".")
    return Progress(record.size, by["o"] + by["m"], by["o"], by["m"], whole)


def by_track(parts: Iterable[tuple[PartRecord, bool]]) -> dict[tuple[str, int], Progress]:
    """Progress by (job id, position), from records whose key is `JOB/POSITION/SIZE`; of several files of a track the fullest."""
    found: dict[tuple[str, int], Progress] = {}
    for record, has_digests in parts:
        job_id, _, rest = record.key.partition("/")
        position = rest.partition("/")[0]
        if not position.isdecimal() or record.size <= 0:
            continue
        made = progress(record, has_digests)
        key = (job_id, int(position))
        if key not in found or made.done > found[key].done:
            found[key] = made
    return found


Parts = Mapping[tuple[str, int], Progress]


def track_share(job: JobRecord, track: TrackRecord, parts: Parts) -> float:
    if track.state is TrackState.DONE:
        return 1.0
    there = parts.get((job.job_id, track.position))
    return there.share if there else 0.0


def job_row(job: JobRecord, parts: Parts) -> JobRow:
    extras = {track.position for track in job.release.tracks if track.optional} | left_out(job)
    tracks = [track for track in job.tracks if track.position not in extras]
    shares = [track_share(job, track, parts) for track in tracks]
    return JobRow(
        key=job.job_id,
        version=0,
        job_id=job.job_id,
        type=job.type,
        title=job.release.title,
        artist=job.release.artist,
        state=str(job.state),
        tracks_done=sum(track.state is TrackState.DONE for track in tracks),
        tracks_total=len(tracks),
        done=sum(shares) / len(shares) if shares else 0.0,
        speed=0.0,
        created_at=job.created_at,
        finished_at=job.finished_at,
        error=SafeText(job.error),
        overlay=job.constraints.use_overlay,
        release=job.release.mbid,
    )


def job_view(job: JobRecord, parts: Parts, manifest: str) -> JobView:
    facts = {track.position: track for track in job.release.tracks}
    rows = [_job_track(facts[entry.position], entry, track_share(job, entry, parts)) for entry in job.tracks if entry.position in facts]
    return JobView(
        0,
        job_row(job, parts),
        job.release.mbid,
        constraint_lines(job.constraints),
        tuple(rows),
        SafeText(job.folder, 4096),
        SafeText(manifest, 4096),
    )


def _job_track(track: Track, entry: TrackRecord, share: float) -> JobTrackRow:
    return JobTrackRow(
        key=str(track.position),
        version=0,
        position=track.position,
        disc=track.disc,
        number=track.number,
        title=track.title,
        length_ms=track.length_ms,
        state=str(entry.state),
        done=share,
        path=SafeText(entry.placed, 4096),
        reason=SafeText(entry.reason),
    )


def swarm_rows(jobs: Sequence[JobRecord], parts: Parts) -> list[SwarmRow]:
    """The Swarms tree of jobs that have not ended: albums and tracks, with the source chosen last."""
    rows: list[SwarmRow] = []
    for job in jobs:
        if job.state in ENDED:
            continue
        row = job_row(job, parts)
        rows.append(
            SwarmRow(
                job.job_id, 0, 0, row.title, row.artist, row.state, row.done, reason=row.error, job_id=job.job_id, children=len(job.tracks)
            )
        )
        titles = {track.position: track.title for track in job.release.tracks}
        rows += [
            SwarmRow(
                f"{job.job_id}/{entry.position}",
                0,
                1,
                titles.get(entry.position, SafeText("")),
                SafeText(entry.username),
                str(entry.state),
                track_share(job, entry, parts),
                reason=SafeText(entry.reason),
                job_id=job.job_id,
                track=entry.position,
            )
            for entry in job.tracks
        ]
    return rows


def track_view(job: JobRecord, entry: TrackRecord, parts: Parts, traced: tuple[int, int] = (0, 0)) -> TrackView:
    """`traced` is what the trace says came from Soulseek and from the mesh; of a finished file nothing else knows it."""
    facts = {track.position: track for track in job.release.tracks}.get(entry.position)
    there = parts.get((job.job_id, entry.position), _ended(entry, traced))
    return TrackView(
        version=0,
        job_id=job.job_id,
        track=entry.position,
        title=facts.title if facts else SafeText(""),
        album=job.release.title,
        recording=facts.recording_mbid if facts else "",
        state=str(entry.state),
        size=there.size,
        done=there.done,
        by_slsk=there.by_slsk,
        by_mesh=there.by_mesh,
        length_ms=facts.length_ms if facts else None,
        cells=cells(there.codes, min(MAP_CELLS, len(there.codes))),
    )


def _ended(entry: TrackRecord, traced: tuple[int, int]) -> Progress:
    return Progress(entry.size, entry.size, *traced) if entry.state is TrackState.DONE else Progress(entry.size)


def log_rows(lines: Iterable[str], first: int) -> list[LogRow]:
    """Rows of the log file's lines (`engine/logs.py`), numbered from `first`; a line that is no record belongs to the one before and is left out."""
    rows = []
    for number, line in enumerate(lines, first):
        fields = line.split(None, 3)
        if len(fields) != 4 or line[:1].isspace():
            continue
        try:
            moment = datetime.fromisoformat(fields[0]).astimezone(UTC)
        except ValueError:
            continue
        rows.append(
            LogRow(
                str(number), 0, moment.strftime("%Y-%m-%dT%H:%M:%SZ"), _part(fields[2]), _LEVELS.get(fields[1], "info"), SafeText(fields[3])
            )
        )
    return rows


def filter_log(rows: Iterable[LogRow], words: str) -> list[LogRow]:
    """As the running engine filters: `part:NAME`, `level:NAME` (that and above), and words that the text must hold."""
    wanted = words.split()
    part = next((word[5:] for word in wanted if word.startswith("part:")), "")
    level = next((word[6:] for word in wanted if word.startswith("level:")), "")
    rest = [word.casefold() for word in wanted if not word.startswith(("part:", "level:"))]
    least = LEVELS.index(level) if level in LEVELS else 0
    return [
        row
        for row in rows
        if (not part or row.part == part) and LEVELS.index(row.level) >= least and all(word in row.text.casefold() for word in rest)
    ]


def _part(logger: str) -> str:
    """The domain a logger belongs to: `slskdn_tui.engine.swarm.track` is `swarm`."""
    names = logger.split(".")
    return names[2] if names[:2] == ["slskdn_tui", "engine"] and len(names) > 2 else names[-1]
