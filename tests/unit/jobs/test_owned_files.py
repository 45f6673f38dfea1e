"""Which found files are said to be owned: the very file, another copy of a track that was placed, and nothing of another album."""

from __future__ import annotations

from pathlib import Path

import pytest

from slskdn_tui.engine.jobs.wanted.copies import held_tracks, is_track
from slskdn_tui.engine.jobs.wanted.held import here, is_owned
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

TITLES = ("On My Bus", "Marbles", "Don't Stop", "1999")


def record(artist: str = "Plone", album: str = "For Beginner Piano", placed: bool = True) -> JobRecord:
    tracks = tuple(
        Track(number, 1, number, f"r{number}", SafeText(title), SafeText("Plone"), 200_400 + number * 10_000)
        for number, title in enumerate(TITLES, 1)
    )
    release = Release("m", "", SafeText(album), SafeText(artist), "", "", "", "", SafeText(""), (), 1, tracks)
    state = TrackState.DONE if placed else TrackState.PENDING
    entries = [TrackRecord(number, state, placed=f"/m/{number}.flac" if placed else "") for number in range(1, 5)]
    return JobRecord("j", "mb_release", release, tracks=entries)


HELD = held_tracks([record()])


def found(path: str, seconds: int | None, size: int = 5_000_000) -> FoundFile:
    return FoundFile("u", path, size, "flac", seconds)


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("@@a\\Music\\Plone - For Beginner Piano\\01 On My Bus.flac", 210),
        ("@@a\\Music\\Plone\\1999 - For Beginner Piano [FLAC]\\02. Marbles.flac", 222),
        ("@@a\\plone_for_beginner_piano\\plone - 03 - dont stop.mp3", 229),
        ("share/Plone/For Beginner Piano/A4 - 1999.ogg", 240),
    ],
)
def test_another_copy_of_a_placed_track_is_owned_whatever_its_size(path: str, seconds: int) -> None:
    assert is_track(found(path, seconds), HELD)
    assert not is_owned(found(path, seconds), {})


@pytest.mark.parametrize(
    ("path", "seconds", "why"),
    [
        ("Plone - For Beginner Piano\\01 On My Bus.flac", 214, "another length"),
        ("Plone - For Beginner Piano\\01 On My Bus.flac", None, "no length is said"),
        ("Plone - For Beginner Piano\\02 Marbles.flac", 210, "another track's length"),
        ("Plone - Puzzlewood\\01 On My Bus.flac", 210, "another album"),
        ("Best of Electronica\\Plone - On My Bus.flac", 210, "a compilation"),
        ("Broadcast - For Beginner Piano\\01 On My Bus.flac", 210, "another artist"),
        ("Plone - For Beginner Piano (Live)\\01 On My Bus.flac", 210, "another recording"),
        ("Plone - For Beginner Piano\\01 On My Bus (Remix).flac", 210, "a remix"),
        ("Plone - For Beginner Piano\\01 On My Bus Again.flac", 210, "another title"),
        ("Plone - For Beginner Piano\\01 Bus.flac", 210, "half the title"),
        ("Plone - For Beginner Piano\\01.flac", 210, "no title"),
    ],
)
def test_what_may_be_something_else_is_not_owned(path: str, seconds: int | None, why: str) -> None:
    assert not is_track(found(path, seconds), HELD), why


def test_tracks_not_yet_placed_are_not_held() -> None:
    assert held_tracks([record(placed=False)]) == {}


def test_an_album_of_various_artists_is_known_by_its_name() -> None:
    held = held_tracks([record("Various Artists", "Warp 10")])
    assert is_track(found("Warp 10\\01 - On My Bus.flac", 210), held)
    assert not is_track(found("Warp 20\\01 - On My Bus.flac", 210), held)


def test_a_file_that_is_gone_from_disk_is_not_here(tmp_path: Path) -> None:
    mine = tmp_path / "Plone - 01 On My Bus.flac"
    mine.write_bytes(b"x" * 5000)
    file = FoundFile("bob", "Music\\Plone\\01 On My Bus.flac", 5000, "flac")
    assert here([file], [(str(mine), 5000)]) == {file.path: str(mine)}
    mine.unlink()
    assert here([file], [(str(mine), 5000)]) == {}
