"""A file of the library as the scanner knows it, and how the scan stands. Core: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.text import SafeText

_EMPTY = SafeText("")
Sort = Literal["path", "name", "quality", "bitrate", "dynamic_range", "size", "scanned"]
Identified = Literal["", "download", "tags", "acoustid", "match"]
"""How a file's recording was found: by the job that got it, its tags, its sound, or its place in an album."""


class Stage(IntEnum):
    """What is known of a file: each stage includes those before it."""

    NEW = 1
    """seen, or changed since"""
    TAGS = 2
    """headers and tags"""
    MEASURED = 3
    """decoded once: fingerprint and measures"""
    TESTED = 4
    """through the transcode test"""


@dataclass(frozen=True, slots=True)
class FileTags:
    """What a file says of itself; "" and None for what it does not say. MBIDs are valid and lower case; `date` as the tag has it."""

    title: SafeText = _EMPTY
    artist: SafeText = _EMPTY
    album: SafeText = _EMPTY
    album_artist: SafeText = _EMPTY
    track: int | None = None
    track_total: int | None = None
    disc: int | None = None
    disc_total: int | None = None
    date: SafeText = _EMPTY
    label: SafeText = _EMPTY
    recording: str = ""
    release: str = ""
    release_group: str = ""
    release_track: str = ""
    artist_id: str = ""
    acoustid: str = ""


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file. `path` is absolute, surrogate-escaped; `mtime_ns`, `size`, `inode` are its stamp: it is taken for unchanged while they are.

    `recording`, `release`, `discogs_release` say what it was found to be (`identified` how), `tags` what it says itself. `facts` holds no
    fingerprint: ask `FilesTable.fingerprints`. `scanned_at` and `missing_at` are Unix seconds; `missing_at` is set while the file is gone and
    the user was not yet asked whether to forget it. `error` is why a stage could not be done. `quality_score` 0-1, None: not scored.
    """

    path: str
    mtime_ns: int
    size: int
    inode: int
    stage: Stage = Stage.NEW
    tags: FileTags = field(default_factory=FileTags)
    facts: AudioFacts = field(default_factory=AudioFacts)
    recording: str = ""
    release: str = ""
    discogs_release: str = ""
    identified: Identified = ""
    quality_score: float | None = None
    quality_reasons: tuple[SafeText, ...] = ()
    streaminfo: str = ""
    variant_id: str = ""
    download: bool = False
    scanned_at: float = 0.0
    missing_at: float | None = None
    error: SafeText = _EMPTY

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def stamp(self) -> tuple[int, int, int]:
        return self.mtime_ns, self.size, self.inode

    @property
    def transcode_suspect(self) -> bool | None:
        return self.facts.verdict.transcode_suspect


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: hand it in for the next one."""

    key: str | float | int
    path: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file was found to be. "" leaves a field empty."""

    path: str
    recording: str
    release: str = ""
    discogs_release: str = ""
    identified: Identified = "match"


@dataclass(frozen=True, slots=True)
class Qualities:
    """What may be told of a file whose bytes others can have, too: the label is its release's, else as its tags say."""

    quality_score: float | None = None
    verdict: TranscodeVerdict = field(default_factory=TranscodeVerdict)
    dynamic_range: float | None = None
    encoder_signature: SafeText = _EMPTY
    label: SafeText = _EMPTY
    release: str = ""


@dataclass(frozen=True, slots=True)
class LibraryCounts:
    """Files by what is known of them; `missing` of these are gone from disk and not forgotten."""

    files: int = 0
    bytes: int = 0
    new: int = 0
    tags: int = 0
    measured: int = 0
    tested: int = 0
    errors: int = 0
    missing: int = 0
    suspects: int = 0
    identified: int = 0


def merged(old: LibraryFile | None, new: LibraryFile) -> LibraryFile:
    """What is kept of `old` as the scanner has read headers and tags of the same file again (`new`, at stage TAGS).

    The same stamp, or a FLAC whose audio MD5 is the same (it was only retagged): its measures, score and identity stay. Else only what the
    job that got it says. The header of a FLAC that could not be decoded to its end names sound it lacks: a whole copy of it is another file.
    A row at stage NEW was seen to be another file already, by who hashes what is offered: its stamp says nothing of them.
    """
    by_tags: Identified = "tags" if new.tags.recording else ""
    fresh = replace(new, recording=new.tags.recording, release=new.tags.release, identified=by_tags)
    if old is None:
        return fresh
    if old.stamp == new.stamp:
        fresh = replace(fresh, variant_id=old.variant_id, streaminfo=old.streaminfo or new.streaminfo)
    if old.download:
        fresh = replace(fresh, download=True)
        if old.recording:
            fresh = replace(fresh, recording=old.recording, release=old.release or new.tags.release, identified="download")
    whole = not old.error and old.facts.md5_ok is not False
    retagged = whole and bool(new.facts.audio_md5) and new.facts.audio_md5 == old.facts.audio_md5
    if not retagged and (old.stamp != new.stamp or old.stage == Stage.NEW):
        return fresh
    if old.identified in ("acoustid", "match"):
        fresh = replace(fresh, recording=old.recording, release=old.release, discogs_release=old.discogs_release, identified=old.identified)
    stage = old.stage
    if stage == Stage.NEW and old.facts.md5_ok is not None:  # it was decoded before its tags changed
        stage = Stage.MEASURED if old.facts.verdict.kind == "not_tested" else Stage.TESTED
    if stage < Stage.MEASURED:
        return fresh
    return replace(
        fresh,
        stage=stage,
        facts=old.facts,
        quality_score=old.quality_score,
        quality_reasons=old.quality_reasons,
        error=old.error,
    )


ScanState = Literal["idle", "walking", "reading", "measuring", "testing", "paused"]


@dataclass(frozen=True, slots=True)
class ScanStatus:
    """How the scan stands. `done` of `total` files of this stage, `eta` seconds it will take (None: not known yet); `words` say all of it.

    `missing` files are gone from disk, and the user is asked whether to forget them. Dates are ISO UTC, "" for never.
    """

    state: ScanState = "idle"
    done: int = 0
    total: int = 0
    eta: float | None = None
    words: SafeText = _EMPTY
    missing: int = 0
    finished_at: str = ""
    next_at: str = ""
