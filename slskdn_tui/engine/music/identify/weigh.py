"""What an album of files is to the releases that it may be, and which of them it is. Core.

Ids come first: tags that name the release, or sounds that AcoustID links to its recordings. Without any, a whole album must lie on the release file by
file, each of the very length, and no other release with other recordings may fit as well. What is less than that is told, never written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slskdn_tui.engine.music.editions import best_editions_first
from slskdn_tui.engine.music.identify.answers import Heard
from slskdn_tui.engine.music.identify.local import LocalAlbum, as_folder
from slskdn_tui.engine.music.matching import lay
from slskdn_tui.engine.music.titles import alike, normal, script
from slskdn_tui.engine.music.verdict import Kind
from slskdn_tui.model.library import Identified, Identity, LibraryFile
from slskdn_tui.model.matches import AlbumMatch, FileMatch, MatchClass
from slskdn_tui.model.music import Release, ReleaseHit, Track
from slskdn_tui.model.text import SafeText, counted

MEASURED_ALBUM = 4
"""Without ids, so many lengths must agree: fewer may do so by chance."""
CLEARLY_S = 1.5
"""One release fits better than another with other recordings when its lengths are nearer by so much on the average."""
MOST_LOOKUPS = 3
LIKE_TITLE, LIKE_ARTIST = 0.75, 0.6
UNLIKE_TITLE = 0.45
SOUND = 0.9
"""A single file is named by its sound alone from this score on."""
SAME_S, SAME_SHARE = 4.0, 0.005
_RANK: dict[MatchClass, int] = {"exact": 0, "other_edition": 1, "probable": 2, "ambiguous": 3, "none": 4}


@dataclass(frozen=True, slots=True)
class Laid:
    """An album laid on one release: its match, what the folder is to it, and how far the lengths are off on the average (seconds)."""

    match: AlbumMatch
    release: Release
    kind: Kind
    off: float


def lay_album(album: LocalAlbum, release: Release, heard: Mapping[str, Heard]) -> Laid:
    """Compare an album with one release."""
    pairs, verdict = lay(release, as_folder(album, heard))
    by_path = {file.path: file for file in album.files}
    files = tuple(
        FileMatch(pair.file.found.path, track.position, track.recording_mbid, pair.fit.sure and not _contradicts(by_path[pair.file.found.path], track, heard), pair.fit.off)
        for track, pair in pairs
    )  # fmt: skip
    offs = [file.off for file in files if file.off is not None]
    by = _told_by(album, release, files, heard)
    kind, words = _class(album, release, verdict.kind, verdict.note, files, by)
    match = AlbumMatch(
        album.folder, kind, release.mbid, SafeText(f"{release.artist} - {release.title}"), files, by, SafeText(words), release.discogs
    )
    return Laid(match, release, verdict.kind, sum(offs) / len(offs) if offs else 99.0)


def _contradicts(file: LibraryFile, track: Track, heard: Mapping[str, Heard]) -> bool:
    """True when the sound is known as something else, or tags without ids give it quite another title than its sound."""
    sound = heard.get(file.path)
    likely = [each.mbid for each in sound.likely()] if sound is not None else []
    if track.recording_mbid in likely:
        return not file.tags.recording and _unlike(file.tags.title, track.title)
    return any(each.score >= SOUND for each in sound.likely()) if sound is not None else False


def _unlike(one: str, other: str) -> bool:
    """Two titles in one script that are not the same song's; False where one is empty."""
    mine, theirs = normal(one), normal(other)
    return bool(mine and theirs) and script(mine) == script(theirs) and alike(mine, theirs) < UNLIKE_TITLE


def _told_by(album: LocalAlbum, release: Release, files: Sequence[FileMatch], heard: Mapping[str, Heard]) -> Identified:
    tagged = {file.path: file.tags.recording for file in album.files if file.tags.recording}
    named = sum(tagged.get(file.path) == file.recording for file in files)
    # The id of a release alone is no more than a name: it may be the neighbour's. With recordings of it beside it says whose the rest are.
    if named and (2 * named >= len(files) or (album.release == release.mbid and named == len(tagged))):
        return "tags"
    sounds = sum(_sounds_like(heard.get(file.path), file.recording) for file in files)
    return "acoustid" if files and 2 * sounds >= len(files) else "match"


def _sounds_like(heard: Heard | None, recording: str) -> bool:
    return heard is not None and any(each.mbid == recording for each in heard.likely())


def _class(
    album: LocalAlbum, release: Release, kind: Kind, note: str, files: Sequence[FileMatch], by: Identified
) -> tuple[MatchClass, str]:
    """The class, and why it is no better."""
    sure = [file for file in files if file.sure]
    if not files:
        return "none", note or "no file fits"
    unsure = len(files) - len(sure)
    if kind in ("whole", "part") and not unsure:
        measured = sum(file.off is not None for file in files)
        if by == "match" and measured < max(MEASURED_ALBUM, len(files) / 2):
            return "probable", "too few lengths are known to tell it without ids"
        if by != "tags" and 2 * len(files) < len(release.tracks):
            return "probable" if by == "match" else "other_edition", note
        return "exact", note
    if unsure:
        note = note if "certain" in note or "off" in note else f"{counted(unsure, 'file')} not certain"
    if len(sure) * 2 < len(files):
        return ("probable" if len(files) * 2 >= len(album.files) else "none"), note
    return "other_edition", note


def decide(laid: Sequence[Laid]) -> AlbumMatch | None:
    """The best of several; `ambiguous` when another with other recordings fits as well. None for none."""
    if not laid:
        return None
    ranked = sorted(laid, key=lambda each: (_RANK[each.match.kind], -len(each.match.files), each.off))
    best = ranked[0]
    if best.match.kind != "exact" or best.match.by != "match":
        return best.match
    for other in ranked[1:]:
        if other.match.kind == "exact" and not _same_recordings(best, other) and other.off - best.off < CLEARLY_S:
            words = SafeText(
                f"{best.release.title} ({_edition(best.release)}) and {other.release.title} ({_edition(other.release)}) fit as well"
            )
            match = best.match
            return AlbumMatch(match.folder, "ambiguous", match.release, match.title, match.files, match.by, words, match.discogs)
    return best.match


def _same_recordings(one: Laid, other: Laid) -> bool:
    mine = {file.path: file.recording for file in one.match.files}
    return all(mine.get(file.path) == file.recording for file in other.match.files)


def _edition(release: Release) -> str:
    return ", ".join(part for part in (release.country, release.date, release.disambiguation) if part) or release.mbid[:8]


def identities(album: LocalAlbum, match: AlbumMatch | None, heard: Mapping[str, Heard]) -> list[Identity]:
    """What may be written down of an album's files: an exact match's, the sure ones of another edition, and files whose sound alone tells."""
    found: dict[str, Identity] = {}
    tagged = {file.path: file.tags.recording for file in album.files}
    for file in match.files if match is not None else ():
        assert match is not None
        if match.kind == "exact" and file.sure:
            by: Identified = "tags" if tagged.get(file.path) == file.recording else match.by if match.by != "tags" else "match"
            found[file.path] = Identity(file.path, file.recording, match.release, match.discogs, by)
        elif (
            match.kind == "other_edition" and file.sure and not tagged.get(file.path) and _sounds_like(heard.get(file.path), file.recording)
        ):
            found[file.path] = Identity(file.path, file.recording, identified="acoustid")
    for each in album.files:
        if each.path not in found and not each.tags.recording and each.path in heard and (recording := alone(each, heard[each.path])):
            found[each.path] = Identity(each.path, recording, identified="acoustid")
    return list(found.values())


def alone(file: LibraryFile, heard: Heard) -> str:
    """The recording one file is by its sound: a single likely one of the same length, whose title does not say otherwise; "" else."""
    likely = heard.likely()
    if len(likely) != 1 or likely[0].score < SOUND:
        return ""
    one = likely[0]
    seconds = (file.facts.duration_ms or 0) / 1000
    if one.seconds is not None and seconds and abs(one.seconds - seconds) > SAME_S + one.seconds * SAME_SHARE:
        return ""
    if _unlike(file.tags.title, one.title):
        return ""
    return one.mbid


# Which releases to look at -------------------------------------------------------------------------------------------


def by_sound(album: LocalAlbum, heard: Mapping[str, Heard]) -> list[str]:
    """Releases that at least half of the files' sounds are on, those of most first."""
    counts: Counter[str] = Counter()
    for file in album.files:
        releases = {release for each in heard[file.path].likely() for release in each.releases} if file.path in heard else set()
        counts.update(releases)
    return [mbid for mbid, count in sorted(counts.items(), key=lambda row: (-row[1], row[0])) if 2 * count >= len(album.files)]


def by_group(album: LocalAlbum, hits: Sequence[ReleaseHit], among: Sequence[str]) -> list[str]:
    """Of a group's editions, best first, those to look at: of as many tracks as there are files first, and only those `among` the sounds' releases."""
    known = set(among)
    fitting = [hit for hit in hits if hit.mbid in known]
    return [hit.mbid for hit in sorted(fitting, key=lambda hit: abs(hit.track_count - len(album.files)))]


def by_name(album: LocalAlbum, hits: Sequence[ReleaseHit]) -> list[str]:
    """Of a search's hits those called as the album is, of as many tracks as there are files first, then the best editions."""
    artist, title = normal(album.artist), normal(album.title)
    alike_hits = [
        hit
        for hit in best_editions_first(hits)
        if alike(normal(hit.title), title) >= LIKE_TITLE and (not artist or alike(normal(hit.artist), artist) >= LIKE_ARTIST)
    ]
    return [hit.mbid for hit in sorted(alike_hits, key=lambda hit: (abs(hit.track_count - len(album.files)), hit.status == "Bootleg"))]


def query(album: LocalAlbum) -> str:
    """What to ask MusicBrainz, `artist - album`; "" when the files don't say."""
    return f"{album.artist} - {album.title}" if album.artist and album.title else ""
