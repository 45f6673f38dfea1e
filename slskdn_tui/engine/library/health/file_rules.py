"""Rules over one file: damaged, transcoded, mis-tagged, of the wrong length, without tags. Core."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from slskdn_tui.engine.audio.ends.damage import Damage
from slskdn_tui.engine.library.health.say import audio_of, clock, evidence, issue, replacement, retag
from slskdn_tui.engine.music.titles import alike, normal, script
from slskdn_tui.model.audio import VERDICT_WORDS
from slskdn_tui.model.health import Evidence, Fix, Issue, Severity
from slskdn_tui.model.library import LibraryFile, Stage
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

LENGTH_MS, LENGTH_SHARE = 10_000, 0.05
"""How far a length may be from MusicBrainz': the larger of the two. Its lengths are often some seconds off."""
_DAMAGE_WORDS = {"truncated": "ends early", "damaged": "is damaged", "empty": "is empty", "wrong_name": "is not what its name says"}


_ALIKE = 0.5


def same_title(one: str, other: str) -> bool:
    """Whether two titles may be of one track: the same words, one within the other, alike, or in different scripts."""
    first, second = normal(one), normal(other)
    if not first or not second or first in second or second in first or script(first) != script(second):
        return True
    return alike(first, second) >= _ALIKE


def tolerance(length_ms: int) -> float:
    return max(LENGTH_MS, LENGTH_SHARE * length_ms)


def file_issues(file: LibraryFile, damage: Damage | None, release_of: Callable[[str], Release | None]) -> list[Issue]:
    """What is wrong with one file; `release_of` knows what MusicBrainz said of a release. A damaged file is told as that alone."""
    if found := _damaged(file, damage):
        return [found]
    if file.stage < Stage.TAGS:
        return []
    rules: Iterable[Issue | None] = (
        _transcode(file),
        _mis_tagged(file, release_of),
        _length(file, release_of),
        _metadata(file, release_of),
    )
    return [each for each in rules if each is not None]


def _damaged(file: LibraryFile, damage: Damage | None) -> Issue | None:
    if damage is not None:
        words = f"it {_DAMAGE_WORDS.get(damage.code, 'is damaged')}"
        severity: Severity = "medium" if damage.code == "wrong_name" else "high"
        seen = (evidence(damage.what, damage.seen, damage.expected),)
        return issue("damaged", severity, file.path, words, (audio_of(file), damage.code), seen, replacement(file))
    if file.facts.md5_ok is False:
        seen = (evidence("audio MD5", "another one", f"{file.facts.audio_md5} as its header says"),)
        return issue("damaged", "high", file.path, "its audio is not what was encoded", (audio_of(file), "md5"), seen, replacement(file))
    if error := file.facts.error or file.error:
        seen = (evidence("decoding it", error),)
        return issue("damaged", "high", file.path, "it cannot be read to its end", (audio_of(file), "decoding"), seen, replacement(file))
    return None


def _transcode(file: LibraryFile) -> Issue | None:
    verdict = file.facts.verdict
    if not verdict.transcode_suspect:
        return None
    confirmed = verdict.kind == "confirmed"
    was = verdict.codec or "lossy"
    seen = [evidence("verdict", VERDICT_WORDS[verdict.kind] + (f" ({verdict.codec})" if verdict.codec else ""))]
    if verdict.measurement is not None:
        seen.append(evidence("measured", f"{verdict.measurement:.1f}", f"below {verdict.threshold:.1f}" if verdict.threshold else ""))
    if file.quality_score is not None:
        seen.append(evidence("quality score", f"{file.quality_score:.2f}"))
    seen += [evidence("reason", reason) for reason in verdict.reasons]
    words = f"was {was} once, and is called {file.facts.codec or 'lossless'}" if confirmed else "may have been lossy once"
    return issue("transcode", "high" if confirmed else "medium", file.path, words, (audio_of(file),), tuple(seen), replacement(file))


def tagged_track(file: LibraryFile, release: Release) -> Track | None:
    """The track of the release that the file's tags name by recording: the one of its number where the recording is there twice."""
    fits = [track for track in release.tracks if track.recording_mbid == file.tags.recording]
    at_its_place = [track for track in fits if (track.disc, track.number) == (file.tags.disc or 1, file.tags.track)]
    return next(iter(at_its_place or fits), None)


def _mis_tagged(file: LibraryFile, release_of: Callable[[str], Release | None]) -> Issue | None:
    tags = file.tags
    if not tags.recording:
        return None
    about = (audio_of(file), tags.recording, tags.release, tags.title, str(tags.track), str(tags.disc))
    if file.recording and file.recording != tags.recording and file.identified in ("acoustid", "match"):
        how = {"acoustid": "its sound (AcoustID)", "match": "its place in the album"}[file.identified]
        release = release_of(file.release)
        track = next((each for each in release.tracks if each.recording_mbid == file.recording), None) if release else None
        said = f"{track.title} ({file.recording})" if track else file.recording
        seen = (evidence(how, said, f"{tags.title or 'the recording'} ({tags.recording}) as its tags say"),)
        fix = retag(file, release.mbid, track) if release and track else _retag_by_hand(file)
        return issue("mis_tagged", "high", file.path, "is another recording than its tags say", about, seen, fix)
    release = release_of(tags.release)
    if release is None:
        return None
    track = tagged_track(file, release)
    if track is None:
        seen = (evidence("recording in its tags", tags.recording, f"one of the {len(release.tracks)} of {release.title}"),)
        named = next((each for each in release.tracks if each.number == tags.track and same_title(tags.title, each.title)), None)
        if named is not None:  # MusicBrainz may have merged recordings since
            words = "its recording is not the one that its track has on the release"
            return issue("mis_tagged", "low", file.path, words, about, seen, retag(file, release.mbid, named))
        return issue(
            "mis_tagged", "medium", file.path, "its recording is not on the release its tags name", about, seen, _retag_by_hand(file)
        )
    wrong = []
    if tags.title and not same_title(tags.title, track.title):
        wrong.append(evidence("title", tags.title, track.title))
    if tags.track is not None and tags.track not in (track.number, track.position):
        wrong.append(evidence("track number", tags.track, track.number))
    if tags.disc is not None and tags.disc != track.disc:
        wrong.append(evidence("disc number", tags.disc, track.disc))
    if not wrong:
        return None
    severity: Severity = "low" if [each.what for each in wrong] == ["title"] else "medium"
    return issue(
        "mis_tagged", severity, file.path, "its tags are those of another track", about, tuple(wrong), retag(file, release.mbid, track)
    )


def _retag_by_hand(file: LibraryFile) -> Fix:
    return Fix("none", SafeText("tag it anew: which track it is cannot be told from what is known"), paths=(file.path,))


def _length(file: LibraryFile, release_of: Callable[[str], Release | None]) -> Issue | None:
    """Against the track its tags (or what it was found to be) name."""
    duration, release = file.facts.duration_ms, release_of(file.release or file.tags.release)
    wanted = file.recording or file.tags.recording
    if duration is None or release is None or not wanted:
        return None
    lengths = [track.length_ms for track in release.tracks if track.recording_mbid == wanted and track.length_ms]
    if not lengths or any(abs(duration - length) <= tolerance(length) for length in lengths):
        return None
    seen: tuple[Evidence, ...] = (evidence("length", clock(duration), f"{clock(lengths[0])} as MusicBrainz has it"),)
    near = [each for each in release.tracks if each.length_ms and each.recording_mbid != wanted and abs(each.length_ms - duration) <= 2000]
    if len(near) == 1:
        seen += (evidence("the track of that length", near[0].named(release.disc_count)),)
    about = (audio_of(file), wanted, str(round(duration / 10_000)))
    words = f"is {clock(abs(duration - lengths[0]))} too {'short' if duration < lengths[0] else 'long'} for its recording"
    return issue("wrong_duration", "medium", file.path, words, about, seen, replacement(file))


def _metadata(file: LibraryFile, release_of: Callable[[str], Release | None]) -> Issue | None:
    tags = file.tags
    missing = [name for name in ("title", "artist", "album") if not getattr(tags, name)] + (
        [] if tags.track is not None else ["track number"]
    )
    if not missing:
        return None
    release = release_of(file.release or tags.release)
    track = next((each for each in release.tracks if each.recording_mbid == file.recording), None) if release and file.recording else None
    fix = (
        retag(file, release.mbid, track, artist=str(track.artist), album=str(release.title), albumartist=str(release.artist))
        if release and track
        else Fix("none", SafeText("tag it, or let it be identified"), paths=(file.path,))
    )
    return issue(
        "missing_metadata",
        "low",
        file.path,
        f"has no {', '.join(missing)}",
        (audio_of(file), *missing),
        (evidence("tags", f"no {', '.join(missing)}"),),
        fix,
    )
