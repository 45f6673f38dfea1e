"""Job manifests (roadmap 3.1): a job as a YAML recipe that a person can read, edit and import again. Core.

The schema is the roadmap's, with `schema_version`, `discs`, `destination` (a name of downloads.destinations), and per track `disc`, `number`, once
checked `size` and `blake3`, and of files that one user was asked for, `source` (`slsk://USER/PATH`) and `optional` (an extra). Of the three types
`mb_release` and `mb_recording` name MusicBrainz ids; `soulseek_files` has a `user` and a `source` for each file, and no ids. A manifest holds no
local path, no host and no command: importing one can only create the job it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from slskdn_tui.config import safe_yaml
from slskdn_tui.engine.jobs.manifests import faults
from slskdn_tui.engine.jobs.wanted.left_out import leave_out, left_out
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import make_ref, read_ref
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.jobs import Constraints, JobType, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

SCHEMA_VERSION = 1
MAX_TRACKS = 5000


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ManifestTrack(Part):
    position: int = Field(ge=1, le=MAX_TRACKS)
    mb_recording_id: str = ""
    title: SafeText
    artist: SafeText = SafeText("")
    duration_ms: int | None = Field(default=None, ge=0)
    disc: int = Field(default=1, ge=0, le=500)
    number: int | None = Field(default=None, ge=0, le=MAX_TRACKS)
    optional: bool = False
    source: str = Field(default="", max_length=8192)
    size: int | None = Field(default=None, ge=0)
    blake3: str | None = Field(default=None, pattern=faults.DIGEST)

    @field_validator("mb_recording_id")
    @classmethod
    def _mbid(cls, value: str) -> str:
        if value and not is_mbid(value.lower()):
            raise ValueError("must be a MusicBrainz recording id (8-4-4-4-12 hex digits)")
        return value.lower()

    @field_validator("source")
    @classmethod
    def _ref(cls, value: str) -> str:
        if value and ((ref := read_ref(value)) is None or ref[2]):
            raise ValueError("must be slsk://USER/PATH of a file, as `slskdn search` prints it")
        return value


class ManifestConstraints(Part):
    preferred_codecs: list[str] = Field(default=["FLAC"], min_length=1, max_length=10)
    max_lossy_tracks_per_album: int = Field(default=0, ge=0)
    prefer_canonical_variants: bool = True
    use_overlay: bool = True
    overlay_bandwidth_kbps: int = Field(default=0, ge=0)
    allow_mixed_sources: bool = False


def constraints_in(want: Constraints) -> ManifestConstraints:
    return ManifestConstraints(
        preferred_codecs=list(want.preferred_codecs),
        max_lossy_tracks_per_album=want.max_lossy_tracks_per_album,
        prefer_canonical_variants=want.prefer_canonical_variants,
        use_overlay=want.use_overlay,
        overlay_bandwidth_kbps=want.overlay_bandwidth_kbps,
        allow_mixed_sources=want.allow_mixed_sources,
    )


def constraints_of(want: ManifestConstraints) -> Constraints:
    return Constraints(
        tuple(codec.upper() for codec in want.preferred_codecs),
        want.max_lossy_tracks_per_album,
        want.prefer_canonical_variants,
        want.use_overlay,
        want.overlay_bandwidth_kbps,
        want.allow_mixed_sources,
    )


class ManifestStatus(Part):
    started_at: str = ""
    completed_tracks: list[int] = []
    in_progress_tracks: list[int] = []
    pending_tracks: list[int] = []
    left_out: list[int] = []


class Manifest(Part):
    """A whole manifest; field order is the order in the file."""

    schema_version: Literal[1] = 1
    job_id: str = Field(pattern=faults.JOB_ID)
    type: JobType = JobType.RELEASE
    mb_release_id: str = ""
    mb_release_group_id: str = ""
    title: SafeText
    artist: SafeText = SafeText("")
    user: str = Field(default="", max_length=60)
    date: str = Field(default="", max_length=10)
    label: SafeText = SafeText("")
    discs: int = Field(default=1, ge=1, le=500)
    destination: str = Field(default="", max_length=80)
    tracks: list[ManifestTrack] = Field(min_length=1, max_length=MAX_TRACKS)
    constraints: ManifestConstraints = ManifestConstraints()
    status: ManifestStatus = ManifestStatus()

    @field_validator("mb_release_id")
    @classmethod
    def _mbid(cls, value: str) -> str:
        if value and not is_mbid(value.lower()):
            raise ValueError("must be a MusicBrainz release id (8-4-4-4-12 hex digits)")
        return value.lower()

    @field_validator("tracks")
    @classmethod
    def _positions(cls, tracks: list[ManifestTrack]) -> list[ManifestTrack]:
        if len({track.position for track in tracks}) != len(tracks):
            raise ValueError("each position may occur once")
        return tracks

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        files = self.type is JobType.FILES
        if files and (not self.user or not all(track.source for track in self.tracks)):
            raise ValueError("a job of soulseek_files wants a user, and a source for each track")
        if not files and not self.mb_release_id:
            raise ValueError("mb_release_id is missing: a MusicBrainz release id (8-4-4-4-12 hex digits)")
        for track in self.tracks:
            if not files and not track.mb_recording_id and not (track.optional and track.source):
                raise ValueError(f"track {track.position} wants a mb_recording_id, or optional: true and a source")
        return self


@dataclass(frozen=True, slots=True)
class Finished:
    """A track that was whole and checked, as the manifest records it; it may still have had to be placed."""

    size: int
    blake3: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a manifest says: a fresh record of the job it names, and which tracks it claims finished."""

    record: JobRecord
    finished: Mapping[int, Finished] = field(default_factory=dict)

    @property
    def job_id(self) -> str:
        return self.record.job_id


_Whole = TypeVar("_Whole", bound=Part)
_MOVING = frozenset({TrackState.ACTIVE, TrackState.QUEUED, TrackState.STALLED, TrackState.RESCUE, TrackState.VERIFYING})


def write(record: JobRecord) -> str:
    """The manifest's text."""
    release, entries = record.release, {entry.position: entry for entry in record.tracks}
    files = record.type == JobType.FILES
    tracks: list[ManifestTrack] = []
    done: list[int] = []
    left = left_out(record)
    moving: list[int] = []
    pending: list[int] = []
    for track in release.tracks:
        entry = entries.get(track.position, TrackRecord(track.position))
        finished = entry.state is TrackState.DONE and bool(entry.blake3)
        fixed = (files or track.optional) and bool(entry.username)
        if track.position not in left:
            (done if finished else moving if entry.state in _MOVING else pending).append(track.position)
        tracks.append(
            ManifestTrack(
                position=track.position,
                mb_recording_id=track.recording_mbid,
                title=track.title,
                artist=track.artist if track.artist != release.artist else SafeText(""),
                duration_ms=track.length_ms,
                disc=track.disc,
                number=track.number,
                optional=track.optional,
                source=make_ref(entry.username, entry.path) if fixed else "",
                size=entry.size if finished or fixed or entry.blake3 else None,
                blake3=entry.blake3 or None,
            )
        )
    manifest = Manifest(
        job_id=record.job_id,
        type=JobType(record.type),
        mb_release_id=release.mbid,
        mb_release_group_id=release.group_mbid,
        title=release.title,
        artist=release.artist,
        user=record.details.get("user", ""),
        date=release.date,
        label=release.label,
        discs=release.disc_count,
        destination=record.details.get("destination", ""),
        tracks=tracks,
        constraints=constraints_in(record.constraints),
        status=ManifestStatus(
            started_at=record.created_at, completed_tracks=done, in_progress_tracks=moving, pending_tracks=pending, left_out=sorted(left)
        ),
    )
    data = manifest.model_dump(exclude_none=True)
    data = {key: value for key, value in data.items() if value != "" or key in _ALWAYS}
    if not left:
        del data["status"]["left_out"]
    data["tracks"] = [
        {
            key: value
            for key, value in track.items()
            if value != "" and not (key == "disc" and (release.disc_count == 1 or files)) and not (key == "optional" and not value)
        }
        for track in data["tracks"]
    ]
    return safe_yaml.dump(_plain(data))


_ALWAYS = frozenset({"title", "artist"})


def checked(kind: type[_Whole], text: str, name: str) -> _Whole:
    """Foreign text as `kind`; UserError `config` names the file, line, key and what is allowed."""
    loaded = safe_yaml.load(text, name)
    try:
        return kind.model_validate(loaded.data)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(first["loc"])
        raise UserError(
            "config",
            f"{name}, line {loaded.line_of(where)}: {faults.key_of(where)}: {faults.words_of(kind, first)}",
            "mend the manifest, or export it again with `slskdn jobs export`",
        ) from None


def read(text: str, name: str) -> Imported:
    """A manifest from foreign text; UserError names the file, line, key and what is allowed."""
    manifest = checked(Manifest, text, name)
    rows = sorted(manifest.tracks, key=lambda row: row.position)
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
        tracks=tuple(_track(row, manifest.artist) for row in rows),
    )
    record = JobRecord(
        manifest.job_id,
        str(manifest.type),
        release,
        constraints_of(manifest.constraints),
        created_at=manifest.status.started_at,
        tracks=[_entry(row) for row in rows],
        details={key: value for key, value in (("user", manifest.user), ("destination", manifest.destination)) if value},
    )
    left = set(manifest.status.left_out) & {row.position for row in rows}
    leave_out(record, dict.fromkeys(left, ""))
    finished = {
        row.position: Finished(row.size, row.blake3)
        for row in rows
        if row.position not in left and row.size is not None and row.blake3 is not None
    }
    return Imported(record, finished)


def _track(row: ManifestTrack, artist: SafeText) -> Track:
    number = row.number if row.number is not None else row.position
    return Track(row.position, row.disc, number, row.mb_recording_id, row.title, row.artist or artist, row.duration_ms, row.optional)


def _entry(row: ManifestTrack) -> TrackRecord:
    ref = read_ref(row.source) if row.source else None
    return TrackRecord(row.position, username=ref[0], path=ref[1], size=row.size or 0) if ref else TrackRecord(row.position)


def _plain(value: Any) -> Any:
    """SafeText back to `str`, so that the YAML writer needs no special case."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value
