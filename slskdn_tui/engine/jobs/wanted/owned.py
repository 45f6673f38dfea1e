"""Skip what I own: tracks of a release that the library has already, well enough, so that no job fetches them. Core over rows of the files table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Release

Rule = Literal["off", "recording", "edition"]


def owned(release: Release, files: Iterable[LibraryFile], rule: Rule, constraints: Constraints) -> dict[int, str]:
    """Position to path of the tracks that need not be fetched: the very recording, `edition`: on this very release, in a codec that is wanted, and
    nothing known against the file. Of several the one of the best score stands for the track.
    """
    found: dict[str, list[LibraryFile]] = {}
    for file in files:
        if (rule == "recording" or file.release == release.mbid) and good(file, constraints):
            found.setdefault(file.recording, []).append(file)
    here: dict[int, str] = {}
    for track in release.tracks:
        fits = found.get(track.recording_mbid, []) if track.recording_mbid and rule != "off" and not track.optional else []
        if rule == "edition" and len([each for each in release.tracks if each.recording_mbid == track.recording_mbid]) > 1:
            fits = [file for file in fits if (file.tags.disc or 1, file.tags.track) == (track.disc, track.number)]
        if fits:
            here[track.position] = max(fits, key=lambda file: (file.quality_score or 0.0, file.size, file.path)).path
    return here


def good(file: LibraryFile, constraints: Constraints) -> bool:
    """Whether a job with these wishes would be content with this file."""
    codec = file.facts.codec.upper()
    return (
        bool(file.recording)
        and codec in constraints.preferred_codecs
        and not file.transcode_suspect
        and not file.error
        and not file.facts.error
    )
