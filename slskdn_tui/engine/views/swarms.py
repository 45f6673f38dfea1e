"""The Swarms tree and the details of one track, from live jobs. Core over plain state: reads, never changes."""

from __future__ import annotations

from collections.abc import Iterable

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.swarm.events import SourceStatus, SwarmStatus
from slskdn_tui.engine.swarm.states import DState
from slskdn_tui.engine.trace.summary import show_source
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.jobs import ENDED, JobState, JobType, TrackState
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import LogRow, PeerRow, SwarmRow, TrackView

CELLS = 512
"""Cells of a chunk map; a screen joins them to its width."""
_STATES: dict[str, str] = {
    DState.NEW: "asked",
    DState.NEGOTIATING: "asked",
    DState.READY: "ready",
    DState.REQUESTING: "active",
    DState.DRAINING: "active",
    DState.VERIFYING: "verify",
    DState.COMPLETED: "done",
    DState.ABORTED: "left",
    "complete": "done",
    "user_cancelled": "left",
    "policy_change": "other file",
    "error": "lost",
}
"""A source's state on screen, from the downloader's state towards a mesh peer or the reason it was parted with; others say themselves."""


def shown_state(job: LiveJob, live: LiveTrack, status: SwarmStatus | None) -> str:
    """The word for a track: what its swarm does, not only what the database last heard."""
    state = live.record.state
    if live.waiting is not None and live.waiting.state is OriginState.CONNECTING:
        return "connect"
    if live.swarm is None or status is None or state in (TrackState.DONE, TrackState.VERIFYING):
        return str(TrackState.PAUSED) if state is TrackState.PENDING and job.record.state is JobState.PAUSED else str(state)
    if live.rescue is not None:
        return str(TrackState.RESCUE)
    if status.origin_state is OriginState.QUEUED:
        return str(TrackState.QUEUED)
    if status.origin_state is OriginState.CONNECTING:
        return "connect"
    return str(TrackState.STALLED) if live.swarm.underperforming() else str(TrackState.ACTIVE)


def job_rows(job: LiveJob) -> list[SwarmRow]:
    """Album, tracks, sources of one job."""
    release = job.record.release
    rows: list[SwarmRow] = []
    size = done = 0.0
    speed = 0.0
    names: set[str] = set()
    for live in job.tracks:
        status = live.status
        track_rows = _track_rows(job, live, status)
        rows += track_rows
        size += 1
        done += track_rows[0].done
        speed += track_rows[0].speed
        names |= {source.source for source in status.sources if source.bytes or live.swarm} if status else set()
    share = done / size if size else 0.0
    left = _bytes_left(job)
    album = SwarmRow(
        key=job.job_id,
        version=0,
        level=0,
        title=job.record.label,
        source=release.artist if job.record.type == JobType.FILES else SafeText(_count(len(names), "source") if names else "-"),
        state=job.doing,
        done=share,
        speed=speed,
        eta=left / speed if left and speed > 1 else None,
        reason=SafeText(job.record.error),
        job_id=job.job_id,
        children=len(job.tracks),
    )
    return [album, *rows]


def _bytes_left(job: LiveJob) -> int:
    left = 0
    for live in job.tracks:
        if live.swarm is not None:
            status = live.swarm.status()
            left += status.size - status.done
        elif live.record.state is not TrackState.DONE:
            left += live.record.size
    return left


def _track_rows(job: LiveJob, live: LiveTrack, status: SwarmStatus | None) -> list[SwarmRow]:
    key = f"{job.job_id}/{live.track.position}"
    sources = [source for source in status.sources if source.bytes or live.swarm] if status else []
    row = SwarmRow(
        key=key,
        version=0,
        level=1,
        title=live.track.named(job.record.release.disc_count),
        source=SafeText(_count(len(sources), "source") if len(sources) > 1 else live.record.username or "-"),
        state=shown_state(job, live, status),
        done=status.done / status.size if status and status.size else live.done,
        speed=status.rate if status and live.swarm else 0.0,
        eta=status.eta if status and live.swarm else None,
        note=SafeText(_place(live, status)),
        reason=SafeText(live.why),
        job_id=job.job_id,
        track=live.track.position,
        children=len(sources),
    )
    return [row, *(_source_row(key, job.job_id, live.track.position, source, status) for source in sources if status is not None)]


def _place(live: LiveTrack, status: SwarmStatus | None) -> str:
    """`#7` of a track that waits in somebody's queue, as far as its place is known."""
    if live.waiting is not None:
        return f"#{live.waiting.place}" if live.waiting.place else ""
    return f"#{status.origin_place}" if live.swarm and status and status.origin_place and not status.rate else ""


def _source_row(key: str, job_id: str, track: int, source: SourceStatus, status: SwarmStatus) -> SwarmRow:
    if source.plane == "slsk":
        note = f"queue {status.origin_place}" if status.origin_place and status.origin_state is OriginState.QUEUED else status.origin_detail
        if status.origin_cap is not None and source.source == status.origin and not note:
            note = f"held at {status.origin_cap / 1000:.0f} KB/s"
    else:
        note = _count(source.error_count, "error") if source.error_count else _count(source.timeout_count, "retry", "retries")
        note += f"  rtt {source.rtt * 1000:.0f} ms" if source.rtt is not None else ""
    return SwarmRow(
        key=f"{key}/{source.source}",
        version=0,
        level=2,
        title=show_source(source.source),
        state=_STATES.get(source.state, source.state),
        done=source.bytes / status.size if status.size else 0.0,
        share=source.bytes / status.size if status.size else 0.0,
        speed=source.rate if status.done < status.size else 0.0,
        note=SafeText(note),
        job_id=job_id,
        track=track,
        plane=source.plane,
    )


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(jobs: Iterable[LiveJob], since: str) -> list[LiveJob]:
    """What the Swarms screen lists: everything not ended, then what completed since `since` (ISO UTC), newest first."""
    every = list(jobs)
    ended = [job for job in every if job.record.state is JobState.COMPLETED and job.record.finished_at >= since]
    return [job for job in every if job.record.state not in ENDED] + sorted(ended, key=lambda job: job.record.finished_at, reverse=True)[
        :20
    ]


def track_view(job: LiveJob, live: LiveTrack, history: tuple[LogRow, ...]) -> TrackView:
    """The details pane and `slskdn swarms show`."""
    status = live.status
    return TrackView(
        version=0,
        job_id=job.job_id,
        track=live.track.position,
        title=live.track.named(),
        album=job.record.label,
        recording=live.track.recording_mbid,
        state=shown_state(job, live, status),
        size=status.size if status else live.record.size,
        done=status.done if status else (live.record.size if live.record.state is TrackState.DONE else 0),
        by_slsk=status.by_slsk if status else 0,
        by_mesh=status.by_mesh if status else 0,
        codec=SafeText(codec_of(live.record.path or live.record.placed)),
        length_ms=live.track.length_ms,
        rescue=SafeText(badge(live, status)),
        cells=status.cells(CELLS) if status else "",
        peers=tuple(_peer_row(source) for source in status.sources) if status else (),
        history=history,
        canonical=SafeText(status.canonical if status else ""),
    )


def badge(live: LiveTrack, status: SwarmStatus | None) -> str:
    """Why and since when a track is rescued, how the mesh was asked, who was refused and which proof is missing; or why nobody was asked."""
    held = status.held if status is not None and live.swarm is not None else ""
    if live.rescue is None:
        return "; ".join(each for each in (f"not rescued: {live.unrescued}" if live.unrescued else "", held) if each)
    refused = f"refused: {', '.join(live.rescue.refused)}" if live.rescue.refused else ""
    parts = (f"RESCUE since {live.rescue.since[11:19]} ({live.rescue.reason})", live.rescue.looked, refused, held)
    return "; ".join(part for part in parts if part)


def _peer_row(source: SourceStatus) -> PeerRow:
    return PeerRow(
        key=source.source,
        version=0,
        name=show_source(source.source),
        plane=source.plane,
        state=_STATES.get(source.state, source.state),
        cost=source.cost,
        rtt=source.rtt,
        rate=source.rate,
        errors=source.errors,
        timeouts=source.timeouts,
        reputation=source.reputation,
        bytes=source.bytes,
    )
