"""A job as it lives in memory: the stored record, and beside it what only a running engine knows. Plain state; the runner and track tasks change it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from slskdn_tui.engine.jobs.wanted.left_out import left_out
from slskdn_tui.engine.music.matching import AlbumCandidate
from slskdn_tui.engine.runtime.flag import Flag
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.engine.swarm.events import SwarmStatus
from slskdn_tui.engine.swarm.track import TrackSwarm
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.music import Track
from slskdn_tui.model.ports import OriginState


@dataclass(frozen=True, slots=True)
class RescueNote:
    """Why and since when a track is being rescued, how the mesh was asked, and who was refused and why."""

    reason: str
    since: str
    looked: str = ""
    refused: tuple[str, ...] = ()

    @property
    def nobody(self) -> str:
        """Why nobody in the mesh is at work for it."""
        return f"{self.reason}; nobody in the mesh can help: {', '.join(self.refused) or self.looked}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A track that waits in a user's queue without a swarm: `state` of the origin, `place` from 1 or None, `since` in monotonic seconds."""

    state: OriginState
    since: float
    place: int | None = None
    detail: str = ""


@dataclass(slots=True)
class LiveTrack:
    """One track: `waiting` while it stands in a queue, `swarm` while it transfers, `last` what it ended with, `note` the last thing worth saying.

    `news` is set when there may be another source, `looked` when its task has looked for one since; `rescue_asked` and `next_asked` by the user.
    """

    track: Track
    record: TrackRecord
    swarm: TrackSwarm | None = None
    waiting: Waiting | None = None
    last: SwarmStatus | None = None
    rescue: RescueNote | None = None
    note: str = ""
    unrescued: str = ""
    """Why nobody in the mesh helps though the transfer does badly: nobody could be asked, nobody has it, or a proof is missing."""
    sent_at: float | None = None
    """When its holder had sent the file, in monotonic seconds; None for one that came by other ways."""
    rescue_asked: Flag = field(default_factory=Flag)
    next_asked: Flag = field(default_factory=Flag)
    news: Flag = field(default_factory=Flag)
    looked: Flag = field(default_factory=Flag)

    @property
    def state(self) -> TrackState:
        return self.record.state

    @property
    def status(self) -> SwarmStatus | None:
        """The swarm's status now, or how it ended."""
        return self.swarm.status() if self.swarm is not None else self.last

    @property
    def why(self) -> str:
        """What explains the track's state: why it is rescued, why it waits or failed; of a finished one only what is odd about it."""
        if self.record.state is TrackState.DONE:
            return self.record.reason
        if self.swarm is not None and (held := self.swarm.held):
            return held
        return self.rescue.reason if self.rescue else self.unrescued or self.record.reason or self.note

    @property
    def done(self) -> float:
        if self.record.state is TrackState.DONE:
            return 1.0
        status = self.status
        return status.done / status.size if status is not None and status.size else 0.0


@dataclass(slots=True)
class LiveJob:
    """One job: its record, its tracks, the candidates found so far, and the task that drives it.

    `changed` is set when a track gets or lacks a source; `looking` is held while extras are looked for.
    """

    record: JobRecord
    tracks: list[LiveTrack]
    candidates: tuple[AlbumCandidate, ...] = ()
    task: asyncio.Task[Any] | None = None
    changed: Flag = field(default_factory=Flag)
    overlay_refused: bool = False
    """It was said that this job does not use the overlay: once is enough."""
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, record: JobRecord) -> LiveJob:
        by_position = {track.position: track for track in record.release.tracks}
        return cls(record, [LiveTrack(by_position[entry.position], entry) for entry in record.tracks])

    @property
    def job_id(self) -> str:
        return self.record.job_id

    @property
    def required(self) -> list[LiveTrack]:
        """Its tracks without extras."""
        return [live for live in self.tracks if not live.track.optional]

    @property
    def wanted(self) -> list[LiveTrack]:
        """Its tracks without extras and without what is left out."""
        left = left_out(self.record)
        return [live for live in self.required if live.track.position not in left]

    @property
    def missing(self) -> list[LiveTrack]:
        """What is still to be got; an extra that failed is given up."""
        given_up = TrackState.FAILED
        return [live for live in self.tracks if live.state is not TrackState.DONE and not (live.track.optional and live.state is given_up)]

    @property
    def runs(self) -> bool:
        return self.record.state in (JobState.NEW, JobState.SEARCHING, JobState.ACTIVE)

    @property
    def doing(self) -> str:
        """Its state in a word. One just started or resumed has none worth saying until its tracks have looked round: it says what they do."""
        if self.record.state is not JobState.NEW:
            return str(self.record.state)
        return str(JobState.ACTIVE) if any(live.swarm or live.waiting for live in self.tracks) else "starting"

    @property
    def in_trouble(self) -> bool:
        """It paused itself, and its error says why; one that the user paused has none."""
        return self.record.state is JobState.PAUSED and bool(self.record.error)

    def gets_from(self, username: str, since: float) -> bool:
        """Whether this user is sending us a file of this job, and well enough, or has sent one `since` then (monotonic seconds)."""
        return any(
            live.record.username == username and (_sends(live.swarm) or (live.sent_at is not None and live.sent_at >= since))
            for live in self.tracks
        )

    def track(self, position: int) -> LiveTrack | None:
        return next((live for live in self.tracks if live.track.position == position), None)


def _sends(swarm: TrackSwarm | None) -> bool:
    stream = swarm.stream if swarm is not None else None
    return (
        swarm is not None and stream is not None and stream.state is OriginState.ACTIVE and not stream.ended and not swarm.underperforming()
    )
