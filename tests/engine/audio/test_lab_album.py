"""The lab's album: the same in every run, of the lengths that the lab's MusicBrainz says, tagged with its ids."""

from __future__ import annotations

import zlib
from pathlib import Path

from mutagen.flac import FLAC

from slskdn_tui.lab import data
from slskdn_tui.lab.album import main, make_album


def test_two_runs_make_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    release = data.demo_release()
    first, again = make_album(tmp_path / "1", release, seconds=1), make_album(tmp_path / "2", release, seconds=1)
    other = make_album(tmp_path / "3", release, seconds=1, seed=7)
    assert len(first) == 10
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(first, other, strict=True))
    assert first[0].relative_to(tmp_path / "1") == Path("Plone - For Beginner Piano/01 On My Bus.flac")


def test_lengths_and_tags_are_those_of_the_release(tmp_path: Path) -> None:
    release = data.shortened(data.demo_release(), 2)
    for path, track in zip(make_album(tmp_path, data.demo_release(), seconds=2), release.media[0].tracks, strict=True):
        flac = FLAC(path)
        assert abs(flac.info.length * 1000 - (track.length or 0)) < 1
        assert flac["musicbrainz_trackid"] == [track.recording] and flac["musicbrainz_albumid"] == [release.mbid]
        assert (flac["title"], flac["tracknumber"]) == ([track.title], [str(track.position)])


def test_tracks_are_as_hard_to_compress_as_music(tmp_path: Path) -> None:
    path = make_album(tmp_path, data.load("the_love_bug")[0], seconds=4)[0]
    size = path.stat().st_size
    assert size > FLAC(path).info.length * 44100 * 4 * 0.5
    assert len(zlib.compress(path.read_bytes())) > size * 0.95


def test_discs_and_awkward_titles_make_safe_names(tmp_path: Path) -> None:
    paths = make_album(tmp_path, data.load("surrender")[0], seconds=0.5)
    assert len(paths) == 15 and len(set(paths)) == 15
    assert paths[0].name == "1-01 Music_ Response.flac" and paths[11].name.startswith("2-01 ")


def test_the_command_writes_the_album_and_a_copy_that_differs_in_tags_only(tmp_path: Path) -> None:
    assert main([str(tmp_path / "a"), "--seconds", "0.5", "--retagged", str(tmp_path / "b")]) == 0
    one, other = (sorted((tmp_path / name / "Plone - For Beginner Piano").glob("*.flac")) for name in "ab")
    assert [path.name for path in one] == [path.name for path in other] and len(one) == 10
    for first, second in zip(one, other, strict=True):
        a, b = FLAC(first), FLAC(second)
        assert first.stat().st_size != second.stat().st_size and a.info.md5_signature == b.info.md5_signature
        assert a["musicbrainz_trackid"] == b["musicbrainz_trackid"]
