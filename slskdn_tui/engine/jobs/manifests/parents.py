"""Manifests of parent jobs: a discography or a label crate as a YAML recipe that a person can read, edit and import again. Core.

`type` is `discography` (with `mb_artist_id`) or `label_crate` (with `label`); `releases` names each release by its MusicBrainz id and, once there is one, its
job's `job_id`, whose own manifest stands in `jobs/`. Importing one can only create the jobs it names.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from slskdn_tui.config import safe_yaml
from slskdn_tui.engine.jobs.manifests.faults import JOB_ID
from slskdn_tui.engine.jobs.manifests.manifests import ManifestConstraints, Part, checked, constraints_in, constraints_of
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.parents import Member, ParentRecord, ParentState, ParentType
from slskdn_tui.model.text import SafeText

MOST_RELEASES = 5000


class ManifestRelease(Part):
    mb_release_id: str
    title: SafeText = SafeText("")
    artist: SafeText = SafeText("")
    date: str = Field(default="", max_length=10)
    tracks: int = Field(default=0, ge=0, le=100_000)
    job_id: str = Field(default="", pattern=JOB_ID + "|^$")
    outcome: Literal["", "completed", "failed", "cancelled", "here"] = ""
    reason: SafeText = SafeText("")

    @field_validator("mb_release_id")
    @classmethod
    def _mbid(cls, value: str) -> str:
        if not is_mbid(value.lower()):
            raise ValueError("must be a MusicBrainz release id (8-4-4-4-12 hex digits)")
        return value.lower()


class ParentManifest(Part):
    """A whole manifest; field order is the order in the file."""

    schema_version: Literal[1] = 1
    parent_id: str = Field(pattern=JOB_ID)
    type: ParentType
    title: SafeText
    mb_artist_id: str = ""
    label: SafeText = SafeText("")
    scope: Literal["core", "extended", "10", "25", "50", "all"]
    destination: str = Field(default="", max_length=80)
    again: bool = False
    constraints: ManifestConstraints = ManifestConstraints()
    state: ParentState = ParentState.ACTIVE
    started_at: str = Field(default="", max_length=40)
    finished_at: str = Field(default="", max_length=40)
    releases: list[ManifestRelease] = Field(min_length=1, max_length=MOST_RELEASES)

    @field_validator("releases")
    @classmethod
    def _once(cls, releases: list[ManifestRelease]) -> list[ManifestRelease]:
        if len({one.mb_release_id for one in releases}) != len(releases):
            raise ValueError("each release may occur once")
        return releases

    @model_validator(mode="after")
    def _whole(self) -> ParentManifest:
        if self.type is ParentType.DISCOGRAPHY and (not is_mbid(self.mb_artist_id) or self.scope not in ("core", "extended")):
            raise ValueError("a discography wants a mb_artist_id, and core or extended as its scope")
        if self.type is ParentType.CRATE and (not self.label or self.scope in ("core", "extended")):
            raise ValueError("a label_crate wants a label, and 10, 25, 50 or all as its scope")
        return self


def is_parent(text: str) -> bool:
    """Whether a manifest's text is meant as a parent job's; what is wrong with it is said by `read`."""
    return any(
        line.split(":", 1)[1].split("#")[0].strip(" \"'") in list(ParentType) for line in text.splitlines() if line.startswith("type:")
    )


def write(record: ParentRecord) -> str:
    """The manifest's text."""
    crate = record.type is ParentType.CRATE
    manifest = ParentManifest(
        parent_id=record.parent_id,
        type=record.type,
        title=record.title,
        mb_artist_id="" if crate else record.subject,
        label=SafeText(record.subject if crate else ""),
        scope=record.scope,  # type: ignore[arg-type]
        destination=record.destination,
        again=record.again,
        constraints=constraints_in(record.constraints),
        state=record.state,
        started_at=record.created_at,
        finished_at=record.finished_at,
        releases=[
            ManifestRelease(
                mb_release_id=one.release_mbid,
                title=one.title,
                artist=one.artist,
                date=one.date,
                tracks=one.tracks,
                job_id=one.job_id,
                outcome=one.outcome,
                reason=SafeText(one.reason),
            )
            for one in record.members
        ],
    )
    return safe_yaml.dump(_slim(manifest.model_dump(mode="json")))


def _slim(data: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    plain = {key: value for key, value in data.items() if value not in ("", 0, False) or key == "schema_version"}
    plain["constraints"] = data["constraints"]
    plain["releases"] = [{key: value for key, value in one.items() if value not in ("", 0)} for one in data["releases"]]
    return plain


def read(text: str, name: str) -> ParentRecord:
    """A record from foreign text; UserError names the file, line, key and what is allowed."""
    manifest = checked(ParentManifest, text, name)
    return ParentRecord(
        manifest.parent_id,
        manifest.type,
        manifest.mb_artist_id or str(manifest.label),
        manifest.title,
        manifest.scope,
        constraints_of(manifest.constraints),
        manifest.destination,
        manifest.again,
        manifest.state,
        manifest.started_at,
        manifest.finished_at,
        [
            Member(one.mb_release_id, one.title, one.artist, one.date, one.tracks, one.job_id, one.outcome, str(one.reason))
            for one in manifest.releases
        ],
    )
