"""What is asked for to put issues right: exactly the tracks that are bad or missing, in the album's own folders."""

from __future__ import annotations

from slskdn_tui.engine.jobs.wanted.owned import owned
from slskdn_tui.engine.library.fix.plan import plan
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.health import Fix, Issue, IssueKind
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.library import FileTags, LibraryFile
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

MBID = "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"


def recording(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def track(position: int, disc: int = 1, number: int = 0) -> Track:
    return Track(position, disc, number or position, recording(position), SafeText(f"T{position}"), SafeText("A"), 1000)


RELEASE = Release(
    MBID, "", SafeText("R"), SafeText("A"), "", "1999", "", "", SafeText(""), (), 2, (track(1), track(2), track(3, 2, 1), track(4, 2, 2))
)


def file(path: str, position: int, release: str = MBID, **facts: object) -> LibraryFile:
    made = AudioFacts(**{"codec": "FLAC", "lossless": True, **facts})  # type: ignore[arg-type]
    one = RELEASE.tracks[position - 1]
    return LibraryFile(
        path, 1, 2, 3, tags=FileTags(track=one.number, disc=one.disc), facts=made, recording=recording(position), release=release
    )


def issue(kind: IssueKind, path: str, fix: Fix) -> Issue:
    return Issue(kind, "high", path, SafeText("bad"), f"{kind}:{path}", fix=fix, paths=(path,))


def replace_(path: str, position: int, release: str = MBID) -> Issue:
    return issue("transcode", path, Fix("replace", release=release, recordings=(recording(position),), paths=(path,)))


def missing(*positions: int) -> Issue:
    return issue("missing_tracks", "/m/R", Fix("get", release=MBID, recordings=tuple(recording(each) for each in positions)))


def stem(release: Release, track: Track) -> str:
    return f"{track.number:02} {track.title}"


def test_one_request_gets_what_is_bad_and_what_is_missing_where_their_discs_lie() -> None:
    files = [file("/m/R/CD 1/a.mp3", 1), file("/m/R/CD 1/b.flac", 2), file("/m/R/CD 2/c.flac", 3)]
    made = plan([replace_("/m/R/CD 1/a.mp3", 1), missing(4)], {MBID: RELEASE}, {MBID: files}, stem)
    (request,) = made.requests
    assert (request.mbid, request.folder) == (MBID, "/m/R")
    assert [(each.position, each.place, each.replaces) for each in request.tracks] == [
        (1, "CD 1/a", "/m/R/CD 1/a.mp3"),
        (4, "CD 2/02 T4", ""),
    ]
    assert request.tracks[0].stamp == (1, 2, 3) and request.here == ((2, "/m/R/CD 1/b.flac"), (3, "/m/R/CD 2/c.flac"))
    assert len(request.issues) == 2 and not made.unfixed


def test_a_file_that_is_bad_in_two_ways_is_replaced_once() -> None:
    files = [file("/m/R/a.flac", 1), file("/m/R/b.flac", 2)]
    twice = [replace_("/m/R/a.flac", 1), issue("damaged", "/m/R/a.flac", replace_("/m/R/a.flac", 1).fix)]
    (request,) = plan(twice, {MBID: RELEASE}, {MBID: files}, stem).requests
    assert [each.position for each in request.tracks] == [1] and len(request.issues) == 2


def test_what_has_come_since_is_not_fetched_and_what_cannot_be_fixed_is_told() -> None:
    files = [file("/m/R/a.flac", 1), file("/m/R/b.flac", 2), file("/m/R/d.flac", 4)]
    made = plan([missing(4)], {MBID: RELEASE}, {MBID: files}, stem)
    assert made.requests == () and "changed since" in made.unfixed[0].why
    unknown, by_hand = replace_("/m/x.flac", 1, "other"), issue("duplicate", "/m/y.flac", Fix(words=SafeText("listen")))
    made = plan([unknown, by_hand], {MBID: RELEASE}, {}, stem)
    assert [str(each.why) for each in made.unfixed] == ["MusicBrainz does not know its release any more", "listen"]


def test_tags_copies_and_recordings_without_a_release_go_their_own_ways() -> None:
    tags = issue("mis_tagged", "/m/a", Fix("retag", tags=(("title", "x"),), paths=("/m/a",)))
    copies, alone = issue("duplicate", "/m/b", Fix("trash", paths=("/m/b",))), replace_("/m/c", 1, "")
    made = plan([tags, copies, alone], {}, {}, stem)
    assert (made.retags, made.trash, made.alone, made.requests) == ((tags,), (copies,), (alone,), ())


def test_owned_is_the_recording_on_that_edition_in_a_wanted_codec_with_nothing_against_it() -> None:
    wishes = Constraints(("FLAC",))
    suspect = TranscodeVerdict("suspect")
    files = [
        file("/m/R/1.flac", 1),
        file("/m/R/2.mp3", 2, codec="MP3", lossless=False),
        file("/m/R/3.flac", 3, verdict=suspect),
        file("/m/other/4.flac", 4, release="another"),
    ]
    assert owned(RELEASE, files, "edition", wishes) == {1: "/m/R/1.flac"}
    assert owned(RELEASE, files, "recording", wishes) == {1: "/m/R/1.flac", 4: "/m/other/4.flac"}
    assert owned(RELEASE, files, "edition", Constraints(("FLAC", "MP3"))) == {1: "/m/R/1.flac", 2: "/m/R/2.mp3"}
    assert owned(RELEASE, files, "off", wishes) == {}
