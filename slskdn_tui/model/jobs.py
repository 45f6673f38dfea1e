"""Jobs: what is wanted, under which constraints, and how far it is. Core."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from slskdn_tui.model.text import SafeText


class JobType(StrEnum):
    """What a job is of: a MusicBrainz release, one recording of it, or files of a Soulseek user without a release."""

    RELEASE = "mb_release"
    RECORDING = "mb_recording"
    FILES = "soulseek_files"


class JobState(StrEnum):
    """States of a job. `paused` keeps everything on disk; `failed` can be re-run and goes on from what is there."""

    NEW = "new"
    SEARCHING = "searching"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


class TrackState(StrEnum):
    """States of one track of a job, as the Swarms screen says them."""

    PENDING = "pending"
    NO_SOURCE = "no src"
    QUEUED = "queued"
    ACTIVE = "active"
    STALLED = "stalled"
    RESCUE = "RESCUE"
    VERIFYING = "verify"
    DONE = "done"
    FAILED = "failed"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Constraints:
    """The roadmap's job constraints (3.1), with its names. `overlay_bandwidth_kbps` is kilobits a second, 0 for no cap of its own."""

    preferred_codecs: tuple[str, ...] = ("FLAC",)
    max_lossy_tracks_per_album: int = 0
    prefer_canonical_variants: bool = True
    use_overlay: bool = True
    overlay_bandwidth_kbps: int = 0
    allow_mixed_sources: bool = False
    """Let an album come from several users' folders when no one has it whole; it is told which track came from whom."""


def constraint_lines(constraints: Constraints) -> tuple[tuple[str, str], ...]:
    """Their names and values in words."""
    return (
        ("preferred_codecs", ", ".join(constraints.preferred_codecs)),
        ("max_lossy_tracks_per_album", str(constraints.max_lossy_tracks_per_album)),
        ("prefer_canonical_variants", "yes" if constraints.prefer_canonical_variants else "no"),
        ("use_overlay", "yes" if constraints.use_overlay else "no"),
        ("overlay_bandwidth_kbps", str(constraints.overlay_bandwidth_kbps) if constraints.overlay_bandwidth_kbps else "no cap"),
        ("allow_mixed_sources", "yes" if constraints.allow_mixed_sources else "no"),
    )


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A wish for a job; library, discovery and cache return these, and `submit` carries them out. `reference` is an MBID, URL or search text."""

    type: str
    reference: str
    constraints: Constraints = field(default_factory=Constraints)
    title: SafeText = SafeText("")  # noqa: RUF009
