"""Job manifests (roadmap 3.1): a job as a YAML recipe that a person can read, edit and import again. Core.

The schema is the roadmap's, with `schema_version`, `discs`, and per track `disc`, `number` and (once finished) `size` and `blake3`. A manifest holds
no path, no host and no command: importing one can only create the job it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from slskdn_tui.config import safe_yaml
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

SCHEMA_VERSION = 1
MAX_TRACKS = 5000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ManifestTrack(_Part):
    position: int = Field(ge=1, le=MAX_TRACKS)
    mb_recording_id: str
    title: SafeText
    artist: SafeText = SafeText("")
    duration_ms: int | None = Field(default=None, ge=0)
    disc: int = Field(default=1, ge=1, le=500)
    number: int | None = Field(default=None, ge=0, le=MAX_TRACKS)
    size: int | None = Field(default=None, ge=0)
    blake3: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    @field_validator("mb_recording_id")
    @classmethod
    def _mbid(cls, value: str) -> str:
        if not is_mbid(value.lower()):
            raise ValueError("must be a MusicBrainz recording id (8-4-4-4-12 hex digits)")
        return value.lower()


class ManifestConstraints(_Part):
    preferred_codecs: list[str] = Field(default=["FLAC"], min_length=1, max_length=10)
    max_lossy_tracks_per_album: int = Field(default=0, ge=0)
    prefer_canonical_variants: bool = True
    use_overlay: bool = True
    overlay_bandwidth_kbps: int = Field(default=0, ge=0)


class ManifestStatus(_Part):
    started_at: str = ""
    completed_tracks: list[int] = []
    in_progress_tracks: list[int] = []
    pending_tracks: list[int] = []


class Manifest(_Part):
    """A whole manifest; field order is the order in the file."""

    schema_version: Literal[1] = 1
    job_id: str = Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    type: Literal["mb_release"] = "mb_release"
    mb_release_id: str
    mb_release_group_id: str = ""
    title: SafeText
    artist: SafeText
    date: str = Field(default="", max_length=10)
    label: SafeText = SafeText("")
    discs: int = Field(default=1, ge=1, le=500)
    tracks: list[ManifestTrack] = Field(min_length=1, max_length=MAX_TRACKS)
    constraints: ManifestConstraints = ManifestConstraints()
    status: ManifestStatus = ManifestStatus()

    @field_validator("mb_release_id")
    @classmethod
    def _mbid(cls, value: str) -> str:
        if not is_mbid(value.lower()):
            raise ValueError("must be a MusicBrainz release id (8-4-4-4-12 hex digits)")
        return value.lower()

    @field_validator("tracks")
    @classmethod
    def _positions(cls, tracks: list[ManifestTrack]) -> list[ManifestTrack]:
        if len({track.position for track in tracks}) != len(tracks):
            raise ValueError("each position may occur once")
        return tracks


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished track as the manifest records it."""

    size: int
    blake3: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a manifest says: the job's identity, target and constraints, and which tracks it claims finished."""

    job_id: str
    release: Release
    constraints: Constraints
    started_at: str
    finished: Mapping[int, Finished]


def write(
    job_id: str, release: Release, constraints: Constraints, started_at: str, finished: Mapping[int, Finished], in_progress: frozenset[int]
) -> str:
    """The manifest's text."""
    tracks = []
    for track in release.tracks:
        done = finished.get(track.position)
        tracks.append(
            ManifestTrack(
                position=track.position,
                mb_recording_id=track.recording_mbid,
                title=track.title,
                artist=track.artist if track.artist != release.artist else SafeText(""),
                duration_ms=track.length_ms,
                disc=track.disc,
                number=track.number,
                size=done.size if done else None,
                blake3=done.blake3 if done else None,
            )
        )
    positions = [track.position for track in release.tracks]
    manifest = Manifest(
        job_id=job_id,
        mb_release_id=release.mbid,
        mb_release_group_id=release.group_mbid,
        title=release.title,
        artist=release.artist,
        date=release.date,
        label=release.label,
        discs=release.disc_count,
        tracks=tracks,
        constraints=ManifestConstraints(
            preferred_codecs=list(constraints.preferred_codecs),
            max_lossy_tracks_per_album=constraints.max_lossy_tracks_per_album,
            prefer_canonical_variants=constraints.prefer_canonical_variants,
            use_overlay=constraints.use_overlay,
            overlay_bandwidth_kbps=constraints.overlay_bandwidth_kbps,
        ),
        status=ManifestStatus(
            started_at=started_at,
            completed_tracks=[p for p in positions if p in finished],
            in_progress_tracks=[p for p in positions if p in in_progress and p not in finished],
            pending_tracks=[p for p in positions if p not in finished and p not in in_progress],
        ),
    )
    data = manifest.model_dump(exclude_none=True)
    data["tracks"] = [
        {key: value for key, value in track.items() if value != "" and not (key == "disc" and release.disc_count == 1)}
        for track in data["tracks"]
    ]
    return safe_yaml.dump(_plain(data))


def read(text: str, name: str) -> Imported:
    """A manifest from foreign text; UserError names the file, line, key and what is allowed."""
    loaded = safe_yaml.load(text, name)
    try:
        manifest = Manifest.model_validate(loaded.data)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(first["loc"])
        key = ".".join(str(part) for part in where) or "the file"
        raise UserError(
            "config",
            f"{name}, line {loaded.line_of(where)}: {key}: {first['msg']}",
            "mend the manifest, or export it again with `slskdn jobs export`",
        ) from None
    tracks = tuple(
        Track(
            t.position,
            t.disc,
            t.number if t.number is not None else t.position,
            t.mb_recording_id,
            t.title,
            t.artist or manifest.artist,
            t.duration_ms,
        )
        for t in sorted(manifest.tracks, key=lambda t: t.position)
    )
    release = Release(
        mbid=manifest.mb_release_id,
        group_mbid=manifest.mb_release_group_id,
        title=manifest.title,
        artist=manifest.artist,
        artist_mbid="",
        date=manifest.date,
        country="",
        status="",
        label=manifest.label,
        formats=(),
        disc_count=manifest.discs,
        tracks=tracks,
    )
    want = manifest.constraints
    return Imported(
        job_id=manifest.job_id,
        release=release,
        constraints=Constraints(
            tuple(codec.upper() for codec in want.preferred_codecs),
            want.max_lossy_tracks_per_album,
            want.prefer_canonical_variants,
            want.use_overlay,
            want.overlay_bandwidth_kbps,
        ),
        started_at=manifest.status.started_at,
        finished={
            t.position: Finished(t.size, t.blake3)
            for t in manifest.tracks
            if t.position in manifest.status.completed_tracks and t.size is not None and t.blake3 is not None
        },
    )


def _plain(value: Any) -> Any:
    """SafeText back to `str`, so that the YAML writer needs no special case."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value
