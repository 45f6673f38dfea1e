"""`LibraryFile` as a row of `HashDb`, and back. Core."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

from slskdn_tui.engine.store.records import keep_text, plain_text, read_text
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict, VerdictKind
from slskdn_tui.model.library import FileTags, LibraryFile, Sort, Stage
from slskdn_tui.model.text import SafeText

_HEAD = ("path", "mtime_ns", "size", "inode", "folder", "stage", "scanned_at", "scan_error", "missing_at", "download", "variant_id")
_IDENTITY = ("streaminfo", "mb_recording_id", "mb_release_id", "discogs_release_id", "identified")
_TAGS = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "album_artist": "album_artist",
    "track_no": "track",
    "track_total": "track_total",
    "disc_no": "disc",
    "disc_total": "disc_total",
    "date": "date",
    "label": "label",
    "tag_recording_id": "recording",
    "tag_release_id": "release",
    "tag_release_group_id": "release_group",
    "tag_track_id": "release_track",
    "tag_artist_id": "artist_id",
    "tag_acoustid": "acoustid",
}
_FACTS = {
    "codec": "codec",
    "codec_profile": "codec_profile",
    "container": "container",
    "sample_rate": "sample_rate",
    "bit_depth": "bits",
    "channels": "channels",
    "duration_ms": "duration_ms",
    "bitrate": "bitrate",
    "lossless": "lossless",
    "loudness_lufs": "loudness_lufs",
    "loudness_range": "loudness_range",
    "true_peak": "true_peak",
    "dynamic_range": "dynamic_range",
    "has_clipping": "has_clipping",
    "clipping_runs": "clipping_runs",
    "cutoff_hz": "cutoff_hz",
    "encoder_signature": "encoder_signature",
    "audio_md5": "audio_md5",
    "md5_ok": "md5_ok",
}
_QUALITY = ("verdict", "transcode_suspect", "quality_score", "quality_reasons")
READ = (*_HEAD, *_IDENTITY, *_TAGS, *_FACTS, *_QUALITY)
WRITTEN = (*READ, "sort_name")
FACTS_WRITTEN = (*_FACTS, *_QUALITY)
_TEXT = frozenset({"title", "artist", "album", "album_artist", "date", "label", "encoder_signature"})
_FLAGS = frozenset({"lossless", "has_clipping", "md5_ok"})

KEYS: dict[Sort, str] = {
    "path": "path",
    "name": "sort_name",
    "quality": "coalesce(quality_score, -1.0)",
    "bitrate": "coalesce(bitrate, -1)",
    "dynamic_range": "coalesce(dynamic_range, -1.0)",
    "size": "size",
    "scanned": "scanned_at",
}
"""The indexed expression of each sort; a file without the value counts as less than any."""


def values(file: LibraryFile) -> tuple[Any, ...]:
    """In the order of `WRITTEN`."""
    return (
        keep_text(file.path),
        *file.stamp,
        keep_text(file.folder),
        int(file.stage),
        file.scanned_at,
        plain_text(file.error),
        file.missing_at,
        int(file.download),
        file.variant_id,
        file.streaminfo,
        file.recording,
        file.release,
        file.discogs_release,
        file.identified,
        *(_kept(getattr(file.tags, name)) for name in _TAGS.values()),
        *facts_values(replace(file.facts, quality_score=file.quality_score, score_reasons=file.quality_reasons)),
        sort_name(file),
    )


def facts_values(facts: AudioFacts) -> tuple[Any, ...]:
    """In the order of `FACTS_WRITTEN`."""
    verdict = facts.verdict
    words = {name: getattr(verdict, name) for name in ("kind", "codec", "measurement", "threshold", "method_version", "reasons")}
    return (
        *(_kept(getattr(facts, name)) for name in _FACTS.values()),
        "" if verdict.kind == "not_tested" and not verdict.reasons else json.dumps(words),
        None if verdict.transcode_suspect is None else int(verdict.transcode_suspect),
        facts.quality_score,
        json.dumps(facts.score_reasons) if facts.score_reasons else None,
    )


def file_of(row: tuple[Any, ...]) -> LibraryFile:
    """A row of `READ`."""
    of = dict(zip(READ, row, strict=True))
    score, reasons = of["quality_score"], tuple(SafeText(reason) for reason in json.loads(of["quality_reasons"] or "[]"))
    return LibraryFile(
        path=read_text(of["path"]),
        mtime_ns=of["mtime_ns"],
        size=of["size"],
        inode=of["inode"],
        stage=Stage(of["stage"]) if of["stage"] else Stage.NEW,
        tags=FileTags(**{ours: _read(column, of[column]) for column, ours in _TAGS.items()}),
        facts=AudioFacts(
            **{ours: _read(column, of[column]) for column, ours in _FACTS.items()},
            verdict=verdict_of(of["verdict"]),
            quality_score=score,
            score_reasons=reasons,
        ),
        recording=of["mb_recording_id"],
        release=of["mb_release_id"] or "",
        discogs_release=of["discogs_release_id"] or "",
        identified=of["identified"],
        quality_score=score,
        quality_reasons=reasons,
        streaminfo=of["streaminfo"],
        variant_id=of["variant_id"],
        download=bool(of["download"]),
        scanned_at=of["scanned_at"],
        missing_at=of["missing_at"],
        error=SafeText(of["scan_error"]),
    )


def sort_name(file: LibraryFile) -> str:
    """One key for artist, album, disc, track, title: a page is a range of one index."""
    tags = file.tags
    artist, album = tags.album_artist or tags.artist, tags.album
    names = (f"{artist or chr(0x10FFFF)}", album, f"{tags.disc or 0:04d}{tags.track or 0:04d}", tags.title)
    return plain_text("\x01".join(names)).casefold()


def key_of(sort: Sort, file: LibraryFile) -> str | float | int:
    """What `KEYS[sort]` is for this file; not for "path"."""
    match sort:
        case "name":
            return sort_name(file)
        case "quality":
            return -1.0 if file.quality_score is None else file.quality_score
        case "bitrate":
            return -1 if file.facts.bitrate is None else file.facts.bitrate
        case "dynamic_range":
            return -1.0 if file.facts.dynamic_range is None else file.facts.dynamic_range
        case "size":
            return file.size
        case "scanned":
            return file.scanned_at
        case "path":
            return ""


def _kept(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else plain_text(value) if isinstance(value, str) else value


def _read(column: str, value: Any) -> Any:
    if column in _TEXT:
        return SafeText(value or "")
    return bool(value) if column in _FLAGS and value is not None else value


def verdict_of(text: str) -> TranscodeVerdict:
    """Of the column `verdict`."""
    if not text:
        return TranscodeVerdict()
    found = json.loads(text)
    kind: VerdictKind = found["kind"] if found["kind"] in get_args(VerdictKind) else "not_tested"
    return TranscodeVerdict(
        kind,
        found["codec"],
        found["measurement"],
        found["threshold"],
        found["method_version"],
        tuple(SafeText(reason) for reason in found["reasons"]),
    )
