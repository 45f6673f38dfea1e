"""The Jobs list and one job whole, from live jobs. Core over plain state."""

from __future__ import annotations

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.trace.summary import TrackFacts
from slskdn_tui.engine.views.swarms import shown_state
from slskdn_tui.model.jobs import TrackState, constraint_lines
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import JobRow, JobTrackRow, JobView


def job_row(job: LiveJob) -> JobRow:
    record = job.record
    done = [live.done for live in job.wanted]
    return JobRow(
        key=job.job_id,
        version=0,
        job_id=job.job_id,
        type=record.type,
        title=record.release.title,
        artist=record.release.artist,
        state=job.doing,
        tracks_done=sum(live.record.state is TrackState.DONE for live in job.wanted),
        tracks_total=len(job.wanted),
        done=sum(done) / len(done) if done else 0.0,
        speed=sum(live.swarm.status().rate for live in job.tracks if live.swarm is not None),
        created_at=record.created_at,
        finished_at=record.finished_at,
        error=SafeText(record.error),
        overlay=record.constraints.use_overlay,
        release=record.release.mbid,
    )


def job_view(job: LiveJob, manifest: str) -> JobView:
    tracks = []
    for live in job.tracks:
        status = live.status
        tracks.append(
            JobTrackRow(
                key=str(live.track.position),
                version=0,
                position=live.track.position,
                disc=live.track.disc,
                number=live.track.number,
                title=live.track.title,
                length_ms=live.track.length_ms,
                state=shown_state(job, live, status),
                done=live.done,
                path=SafeText(live.record.placed, 4096),
                reason=SafeText(live.why),
            )
        )
    return JobView(
        version=0,
        job=job_row(job),
        release_mbid=job.record.release.mbid,
        constraints=constraint_lines(job.record.constraints),
        tracks=tuple(tracks),
        folder=SafeText(job.record.folder, 4096),
        manifest=SafeText(manifest, 4096),
    )


def track_facts(job: LiveJob) -> tuple[TrackFacts, ...]:
    """What the trace's summary says of each track beside its events."""
    return tuple(
        TrackFacts(
            live.track.position,
            live.track.title,
            shown_state(job, live, live.status),
            live.record.size,
        )
        for live in job.tracks
    )


def tracklist(release: Release) -> tuple[JobTrackRow, ...]:
    """A release's tracks as the new-job preview shows them."""
    return tuple(
        JobTrackRow(str(track.position), 0, track.position, track.disc, track.number, track.title, track.length_ms, "", 0.0)
        for track in release.tracks
    )
