"""Rules over several files: releases that lack tracks, tags that were exchanged, recordings held twice, better variants known elsewhere. Core."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from slskdn_tui.engine.library.health.say import audio_of, clock, evidence, issue
from slskdn_tui.engine.music.titles import album_folder
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.health import Fix, Issue, issue_key
from slskdn_tui.model.library import LibraryFile
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText, counted

SHORT_MS = 10_000
"""Below this the same audio twice is silence or a skit, not a copy."""
NEAR_MS = 2000
"""A file of a track is about as long as MusicBrainz says; other tracks of a release seldom are."""
BETTER = 0.10
"""By so much another variant's score must be higher."""
VOICES = 2
"""So many independent peers must name it."""
_NO_MUSIC = frozenset({"[silence]", "[data track]", "[data]"})


class Held(NamedTuple):
    """What is kept of each file while a whole library is looked at."""

    path: str
    recording: str
    release: str
    disc: int | None
    track: int | None
    codec: str
    duration_ms: int | None
    audio_md5: str
    score: float | None
    size: int
    damaged: bool = False
    album: str = ""
    total: int | None = None
    """How many tracks the album has, as the file's tags say; None of an album of several discs, where some count a disc and some all of them."""

    @classmethod
    def of(cls, file: LibraryFile, damaged: bool = False) -> Held:
        tags, facts = file.tags, file.facts
        recording, release = file.recording or tags.recording, file.release or tags.release
        score = file.quality_score
        heard = file.identified in ("acoustid", "match") and tags.recording not in ("", recording)  # its tags' place is not its own
        disc, track = (None, None) if heard else (tags.disc, tags.track)
        total = None if heard or (tags.disc or 1) > 1 or (tags.disc_total or 1) > 1 else tags.track_total
        return cls(
            file.path, recording, release, disc, track, facts.codec, facts.duration_ms, facts.audio_md5, score, file.size, damaged,
            str(tags.album), total,
        )  # fmt: skip


def missing_tracks(release: Release, held: Sequence[Held], editions: Iterable[Release] = ()) -> Issue | None:
    """What a release lacks, none when the files are another edition (one of `editions`) in full. Data and silent tracks are not missed."""
    wanted = [track for track in release.tracks if not track.optional and track.title.lower() not in _NO_MUSIC]
    there = {each.recording for each in held}
    places = {(each.disc or 1, each.track) for each in held if each.track is not None}
    missing = [track for track in wanted if track.recording_mbid not in there and (track.disc, track.number) not in places]
    if not missing or len(missing) == len(wanted):
        return None
    for edition in editions:
        if edition.mbid != release.mbid and all(track.recording_mbid in there for track in edition.tracks if not track.optional):
            return None
    folder = _album(held)
    recordings = tuple(track.recording_mbid for track in missing)
    names = tuple(
        evidence("missing", track.named(release.disc_count), clock(track.length_ms) if track.length_ms else "") for track in missing
    )
    have = len(wanted) - len(missing)
    seen = (evidence("tracks", have, f"{len(wanted)} on {release.title} ({release.mbid})"), *names)
    words = f"{release.artist}, {release.title}: {counted(len(missing), 'track')} of {len(wanted)} missing"
    fix = Fix("get", SafeText(f"get {counted(len(missing), 'track')} by a job"), release.mbid, recordings)
    return Issue(
        "missing_tracks",
        "medium" if 2 * have >= len(wanted) else "low",
        folder,
        SafeText(words),
        issue_key("missing_tracks", release.mbid, *sorted(recordings)),
        seen,
        fix,
        tuple(each.path for each in held),
    )


def untold_tracks(held: Iterable[Held]) -> Iterator[Issue]:
    """Albums of which MusicBrainz has told nothing, and whose tags say that tracks are missing: all of a folder agree how many there are, and at
    least half of these, two or more, are there. A song or two of an album are none that is missed."""
    albums: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for each in held:
        albums[os.path.dirname(each.path), each.album.casefold()].append(each)
    for (folder, album), files in albums.items():
        totals, numbers = {each.total for each in files}, {each.track or 0 for each in files}
        total = next(iter(totals)) or 0
        if not album or len(totals) > 1 or not all(1 <= number <= total for number in numbers):
            continue
        lacking = total - len(numbers)
        if not lacking or len(numbers) < max(2, lacking):
            continue
        missing = sorted(set(range(1, total + 1)) - numbers)
        seen = (
            evidence("tracks", len(numbers), f"{total}, as the tags of all of them say"),
            *(evidence("missing", f"track {number}") for number in missing),
        )
        yield Issue(
            "missing_tracks",
            "medium",
            folder,
            SafeText(f"{files[0].album}: {counted(len(missing), 'track')} of {total} missing"),
            issue_key("missing_tracks", folder, album, *map(str, missing)),
            seen,
            Fix("none", SafeText("once MusicBrainz has told what they are (`slskdn library identify`), a job gets them")),
            tuple(each.path for each in files),
        )


def _album(held: Sequence[Held]) -> str:
    """The folder of the album, above disc folders: where most of these files are, when copies of it lie elsewhere, too."""
    folders = [os.path.dirname(each.path) for each in held]
    albums = [album_folder(folder)[0] for folder in folders]
    most = Counter(albums).most_common(1)[0][0]
    return os.path.commonpath([folder for folder, album in zip(folders, albums, strict=True) if album == most])


def exchanged(release: Release, held: Sequence[Held]) -> Iterator[Issue]:
    """Files of one release whose length is not that of the track they are tagged as, but that of another such file's: their tags were exchanged."""
    odd: list[tuple[Held, int, Track, int]] = []
    for each in held:
        track = next((track for track in release.tracks if track.recording_mbid == each.recording), None)
        duration, length = each.duration_ms, track.length_ms if track else None
        if track and length and duration is not None and abs(duration - length) > 2 * NEAR_MS:
            odd.append((each, duration, track, length))
    for each, duration, track, length in odd:
        fits = [(other, its) for _, _, other, its in odd if other is not track and abs(duration - its) <= NEAR_MS]
        if len(fits) != 1:
            continue
        other, its = fits[0]
        seen = (
            evidence("length", clock(duration), f"{clock(length)} for {track.named()}"),
            evidence("the track of that length", f"{other.named()}, {clock(its)}"),
        )
        words = "its tags are those of another file of the release, by its length"
        about = (each.audio_md5 or each.path, track.recording_mbid, "exchanged")
        fix = Fix("none", SafeText("listen to both; if so, retag them"), release.mbid, paths=(each.path,))
        yield issue("mis_tagged", "medium", each.path, words, about, seen, fix)


def duplicates(held: Iterable[Held]) -> Iterator[Issue]:
    """Files that are one recording: on the same release at the same place, or of none. The same recording on two releases is no duplicate."""
    groups: dict[tuple[str, ...], list[Held]] = defaultdict(list)
    loose: dict[str, list[Held]] = defaultdict(list)
    for each in held:
        if each.damaged:
            continue
        if each.recording:
            groups[each.recording, each.release].append(each)
        elif each.audio_md5 and (each.duration_ms or 0) >= SHORT_MS:
            loose[each.audio_md5].append(each)
    for (recording, _), files in groups.items():
        if len(files) > 1:
            for same in _same_place(files):
                yield _duplicate(recording, same, "the same recording")
    for md5, files in loose.items():
        if len(files) > 1:
            yield _duplicate(md5, files, "the same audio")


def _same_place(files: Sequence[Held]) -> Iterator[list[Held]]:
    """A recording may be on a release twice, at two places."""
    places: dict[tuple[int, int | None], list[Held]] = defaultdict(list)
    for each in files:
        places[each.disc or 1, each.track].append(each)
    yield from (group for group in places.values() if len(group) > 1)


def _duplicate(about: str, files: list[Held], words: str) -> Issue:
    best = max(files, key=lambda each: (each.score or 0.0, each.size, _named(each), -len(each.path), each.path))
    others = sorted((each for each in files if each is not best), key=lambda each: each.path)
    seen = tuple(evidence(name, _told(each)) for each, name in ((best, "best"), *((each, "copy") for each in others)))
    paths = tuple(each.path for each in others)
    fix = Fix(
        "trash", SafeText(f"put {counted(len(paths), 'copy' if len(paths) == 1 else 'copie')} into the trash"), best.release, (), paths
    )
    key = issue_key("duplicate", about, *sorted(each.audio_md5 or each.path for each in files), str(len(files)))
    return Issue("duplicate", "low", others[0].path, SafeText(f"{words} as {best.path}"), key, seen, fix, (best.path, *paths))


def _named(file: Held) -> bool:
    """Whether its name has its track number, as an album's files mostly do and copies mostly do not."""
    numbers = re.findall(r"\d+", os.path.basename(file.path))
    return file.track is not None and any(int(number) == file.track for number in numbers)


def _told(file: Held) -> str:
    return f"{file.path} ({file.codec}, score {'not known' if file.score is None else f'{file.score:.2f}'})"


def canonical_issue(file: LibraryFile, known: Iterable[VariantChoice], ours: Iterable[str]) -> Issue | None:
    """A clearly better variant of the same recording and codec profile is known to the mesh and not held here; `ours` names what this file is there."""
    best = next((each for each in known if each.canonical and each.codec_profile == file.facts.codec_profile), None)
    if best is None or best.own or best.variant_id in set(ours) or best.peers < VOICES or file.quality_score is None:
        return None
    if best.score < file.quality_score + BETTER:
        return None
    seen = (
        evidence("quality score", f"{file.quality_score:.2f}", f"{best.score:.2f} as {counted(best.peers, 'peer')} say"),
        evidence("variant", file.variant_id[:12] or "not hashed", best.variant_id[:12]),
    )
    words = SafeText("get the canonical variant by a job; this one goes into the trash once the new one is verified")
    fix = Fix("replace", words, file.release, (file.recording,), (file.path,))
    about = (audio_of(file), file.recording, best.variant_id)
    return issue("non_canonical", "low", file.path, "is not the variant that most peers have and hold for the best", about, seen, fix)
