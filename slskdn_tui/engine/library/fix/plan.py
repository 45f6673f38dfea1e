"""What is to be asked for to put issues right: tags to write, copies to put away, and jobs for exactly what is bad or missing. Core."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from slskdn_tui.model.fix import FixRequest, FixTrack
from slskdn_tui.model.health import Issue
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

Stem = Callable[[Release, Track], str]
"""A track's file name without folder and ending, as downloads are named."""


@dataclass(frozen=True, slots=True)
class Unfixed:
    """An issue that nothing is done about, and why."""

    issue: Issue
    why: SafeText


@dataclass(frozen=True, slots=True)
class Plan:
    """`retags` are issues whose tags are to be written, `trash` files that are too many, `requests` jobs, `alone` recordings without a release."""

    requests: tuple[FixRequest, ...] = ()
    alone: tuple[Issue, ...] = ()
    retags: tuple[Issue, ...] = ()
    trash: tuple[Issue, ...] = ()
    unfixed: tuple[Unfixed, ...] = ()


@dataclass
class _Wanted:
    """What is gathered for one release."""

    tracks: dict[int, FixTrack] = field(default_factory=dict)
    issues: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def plan(issues: Iterable[Issue], releases: Mapping[str, Release], files: Mapping[str, Sequence[LibraryFile]], stem: Stem) -> Plan:
    """`releases` by MBID, and `files` the library's files of each. A file that is bad in two ways is replaced once."""
    wanted: dict[str, list[Issue]] = defaultdict(list)
    alone, retags, trash, unfixed = list[Issue](), list[Issue](), list[Issue](), list[Unfixed]()
    for issue in issues:
        match issue.fix.kind:
            case "retag" if issue.fix.tags:
                retags.append(issue)
            case "trash" if issue.fix.paths:
                trash.append(issue)
            case "get" | "replace" if issue.fix.release in releases:
                wanted[issue.fix.release].append(issue)
            case "replace" if issue.fix.recordings and not issue.fix.release:
                alone.append(issue)
            case "get" | "replace":
                unfixed.append(Unfixed(issue, SafeText("MusicBrainz does not know its release any more")))
            case _:
                unfixed.append(Unfixed(issue, issue.fix.words))
    requests = []
    for mbid, those in wanted.items():
        request, left = _request(releases[mbid], those, files.get(mbid, ()), stem)
        unfixed += left
        if request is not None:
            requests.append(request)
    return Plan(tuple(requests), tuple(alone), tuple(retags), tuple(trash), tuple(unfixed))


def _request(
    release: Release, issues: Sequence[Issue], files: Sequence[LibraryFile], stem: Stem
) -> tuple[FixRequest | None, list[Unfixed]]:
    by_path = {file.path: file for file in files}
    replaced = {path for issue in issues if issue.fix.kind == "replace" for path in issue.fix.paths}
    stands = {position: file for file in files if (position := _position(release, file)) and file.path not in replaced}
    found, left = _Wanted(), list[Unfixed]()
    for issue in issues:
        made = _replace(release, issue, by_path) if issue.fix.kind == "replace" else _get(release, issue, set(stands))
        if not made:
            left.append(Unfixed(issue, SafeText("what it is about has changed since; check the library again")))
            continue
        found.issues.append(issue.key)
        for track, path in made:
            found.tracks.setdefault(
                track.position, FixTrack(track.position, "", path, by_path[path].stamp if path else (0, 0, 0), issue.words)
            )
    if not found.tracks:
        return None, left
    homes = [os.path.dirname(file.path) for file in files] or [issue.path for issue in issues if issue.fix.kind == "get"]
    folder = os.path.commonpath(homes)
    discs = _disc_folders(release, files)
    tracks = {track.position: track for track in release.tracks}
    placed = []
    for position, one in sorted(found.tracks.items()):
        track = tracks[position]
        where = os.path.splitext(one.replaces)[0] if one.replaces else os.path.join(discs.get(track.disc, folder), stem(release, track))
        placed.append(FixTrack(position, os.path.relpath(where, folder), one.replaces, one.stamp, one.why))
    here = tuple(sorted((position, file.path) for position, file in stands.items() if position not in found.tracks))
    return FixRequest(release.mbid, folder, tuple(placed), tuple(found.issues), here), left


def _replace(release: Release, issue: Issue, by_path: Mapping[str, LibraryFile]) -> list[tuple[Track, str]]:
    """The track and the file it replaces; nothing when the file is not known any more."""
    for path in issue.fix.paths:
        file = by_path.get(path)
        if file is None:
            continue
        fits = [track for track in release.tracks if track.recording_mbid in issue.fix.recordings]
        at_its_place = [track for track in fits if (track.disc, track.number) == (file.tags.disc or 1, file.tags.track)]
        if at_its_place or fits:
            return [((at_its_place or fits)[0], path)]
    return []


def _get(release: Release, issue: Issue, there: set[int]) -> list[tuple[Track, str]]:
    return [(track, "") for track in release.tracks if track.recording_mbid in issue.fix.recordings and track.position not in there]


def _position(release: Release, file: LibraryFile) -> int:
    """Which track of the release a file is; 0 for none."""
    recording = file.recording or file.tags.recording
    fits = [track for track in release.tracks if recording and track.recording_mbid == recording]
    fits = fits or [track for track in release.tracks if not recording and track.number == file.tags.track]
    at_its_place = [track for track in fits if (track.disc, track.number) == (file.tags.disc or 1, file.tags.track)]
    return next((track.position for track in at_its_place or fits), 0)


def _disc_folders(release: Release, files: Sequence[LibraryFile]) -> dict[int, str]:
    """Where most files of each disc lie."""
    seen: dict[int, Counter[str]] = defaultdict(Counter)
    by_position = {track.position: track.disc for track in release.tracks}
    for file in files:
        if position := _position(release, file):
            seen[by_position[position]][os.path.dirname(file.path)] += 1
    return {disc: folders.most_common(1)[0][0] for disc, folders in seen.items()}
