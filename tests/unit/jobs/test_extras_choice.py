"""Which files beside an album's tracks are its extras."""

import pytest

from slskdn_tui.engine.jobs.placing.extras import MOST, MOST_BYTES, choose, top_folder
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


def file(path: str, size: int = 10) -> FoundFile:
    return FoundFile("mono", path, size, "")


def release(discs: int) -> Release:
    tracks = tuple(Track(n, n if discs > 1 else 1, 1, "r", SafeText(f"T{n}"), SafeText("A"), None) for n in (1, 2))
    return Release("m", "", SafeText("T"), SafeText("A"), "", "", "", "", SafeText(""), (), discs, tracks)


def chosen(contents, *, discs: int = 1, endings=("jpg", "PNG"), tracks=("@@x\\Album\\1.flac", "@@x\\Album\\2.flac")):
    found = choose(release(discs), [(n, file(path)) for n, path in enumerate(tracks, start=1)], contents, endings)
    return [(track.position, track.disc, str(track.title), each.path) for track, each in found]


@pytest.mark.parametrize(
    ("folders", "top"),
    [
        (["a\\b"], "a\\b"),
        (["a\\b\\CD1", "a\\b\\CD2"], "a\\b"),
        (["a/b/CD1", "a/b/CD2", "a/b"], "a/b"),
        (["a\\b", "c\\d"], ""),
        (["@@x\\Album", "@@x\\Albums"], "@@x"),
        ([], ""),
    ],
)
def test_the_folder_that_holds_all(folders, top):
    assert top_folder(folders) == top


def test_wanted_endings_in_the_albums_folder_and_right_below_come_covers_first():
    contents = [
        file("@@x\\Album\\b.JPG"), file("@@x\\Album\\Scans\\a.png"), file("@@x\\Album\\Cover.jpg"), file("@@x\\Album\\rip.log"),
        file("@@x\\Album\\Scans\\deep\\a.png"), file("@@x\\Other\\a.png"), file("@@x\\Album\\zero.jpg", 0), file("@@x\\Album\\huge.jpg", MOST_BYTES + 1),
        file("@@x\\Album\\b.JPG"), file("@@x\\Album\\1.flac"),
    ]  # fmt: skip
    assert chosen(contents) == [
        (3, 0, "Cover.jpg", "@@x\\Album\\Cover.jpg"),
        (4, 0, "a.png", "@@x\\Album\\Scans\\a.png"),
        (5, 0, "b.JPG", "@@x\\Album\\b.JPG"),
    ]


def test_what_lies_in_a_discs_folder_is_that_discs_and_what_lies_above_the_albums():
    tracks = ("m/Album/CD 1/1.flac", "m/Album/CD 2/1.flac")
    contents = [file(f"m/Album/{name}") for name in ("CD 2/cover.jpg", "CD 1/cover.jpg", "cover.jpg", "CD 1/Art/x.jpg", "Art/y.jpg")]
    contents += [file("m/z.jpg"), file("m/Else/z.jpg")]
    found = {path: disc for _, disc, _, path in chosen(contents, discs=2, tracks=tracks)}
    assert found == {
        "m/Album/cover.jpg": 0, "m/Album/CD 1/cover.jpg": 1, "m/Album/CD 2/cover.jpg": 2, "m/Album/CD 1/Art/x.jpg": 1, "m/Album/Art/y.jpg": 0,
    }  # fmt: skip


def test_no_more_than_so_many_are_taken_and_tracks_of_two_places_lend_no_folder_above():
    assert len(chosen([file(f"@@x\\Album\\{n}.jpg") for n in range(100)])) == MOST
    assert chosen([file("a.jpg"), file("\\a.jpg"), file("c\\d\\a.jpg")], tracks=("a\\b\\1.flac", "c\\d\\2.flac")) == [
        (3, 0, "a.jpg", "c\\d\\a.jpg")
    ]
