"""How issues are made: keys that stay, evidence, and what would mend them. Core."""

from __future__ import annotations

from slskdn_tui.model.health import Evidence, Fix, Issue, IssueKind, Severity, issue_key
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Track
from slskdn_tui.model.text import SafeText

_UNKNOWN = "its recording is not known: tag it with MusicBrainz ids, or let it be identified, and a job can get another copy"


def evidence(what: str, seen: object, expected: object = "") -> Evidence:
    return Evidence(SafeText(what), SafeText(seen), SafeText(expected))


def audio_of(file: LibraryFile) -> str:
    """What names a file's audio for dismissals: the MD5 of a FLAC's audio, which tags and folders do not change; else its path."""
    return file.facts.audio_md5 or file.path


def issue(
    kind: IssueKind,
    severity: Severity,
    path: str,
    words: str,
    about: tuple[str, ...],
    seen: tuple[Evidence, ...] = (),
    fix: Fix | None = None,
) -> Issue:
    """An issue of one file; `about` is what its key is made of, besides the kind."""
    return Issue(kind, severity, path, SafeText(words), issue_key(kind, *about), seen, fix or Fix(), (path,))


def replacement(file: LibraryFile) -> Fix:
    """A job for this recording; the old file goes into the trash once the new one is verified."""
    if not file.recording:
        return Fix(words=SafeText(_UNKNOWN))
    words = SafeText("get another copy by a job; this one goes into the trash once the new one is verified")
    return Fix("replace", words, file.release, (file.recording,), (file.path,))


def retag(file: LibraryFile, release: str, track: Track, **more: str) -> Fix:
    """Write the tags of that track of that release."""
    tags = {
        "title": str(track.title),
        "tracknumber": str(track.number),
        "discnumber": str(track.disc),
        "musicbrainz_trackid": track.recording_mbid,
        "musicbrainz_albumid": release,
        **more,
    }
    return Fix(
        "retag", SafeText(f"write the tags of {track.named()}"), release, (track.recording_mbid,), (file.path,), tuple(sorted(tags.items()))
    )


def clock(ms: int) -> str:
    """`3:07.4`."""
    seconds = ms / 1000
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
