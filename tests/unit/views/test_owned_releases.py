"""How much of a release is said to be owned: what jobs placed, what the library has of its recordings, and never more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.engine.views.owned_releases import Here, here_of, owned_share, placed_tracks, tracklists
from slskdn_tui.model.jobs import JobType, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

NO = SafeText("")


def track(position: int, recording: str, optional: bool = False) -> Track:
    return Track(position, 1, position, recording, SafeText(f"Song {position}"), NO, 200_000, optional)


def job(mbid: str, tracks: list[Track], placed: dict[int, str], kind: JobType = JobType.RELEASE) -> JobRecord:
    release = Release(mbid, "", NO, NO, "", "", "", "", NO, (), 1, tuple(tracks))
    entries = [
        TrackRecord(each.position, TrackState.DONE if each.position in placed else TrackState.PENDING, placed=placed.get(each.position, ""))
        for each in tracks
    ]
    return JobRecord("j", kind.value, release, tracks=entries)


FOUR = [track(number, f"r{number}") for number in range(1, 5)]


def test_a_release_that_a_job_placed_whole_is_owned_even_without_its_recordings() -> None:
    bare = [replace(each, recording_mbid="") for each in FOUR]
    record = job("a", bare, {number: f"/m/{number}" for number in range(1, 5)})
    here = here_of(placed_tracks([record]), ())
    assert owned_share("a", 4, tracklists([record])["a"], here) == 1.0
    assert here.recordings == frozenset()


def test_another_edition_counts_the_recordings_it_shares_and_nothing_for_its_bonus_tracks() -> None:
    record = job("a", FOUR, {number: f"/m/{number}" for number in range(1, 5)})
    here = here_of(placed_tracks([record]), ())
    longer = [*reversed(FOUR), track(5, "r5")]
    assert owned_share("b", 5, longer, here) == 0.8
    assert owned_share("b", 5, None, here) == 0.0, "without a tracklist nothing is claimed for it"


def test_files_of_the_library_with_the_recording_count_and_positions_of_other_releases_do_not() -> None:
    record = job("other", [track(1, "x1"), track(2, "x2")], {1: "/m/1", 2: "/m/2"})
    here = here_of(placed_tracks([record]), ["r3"])
    assert owned_share("a", 4, FOUR, here) == 0.25


def test_a_job_of_one_recording_does_not_make_the_album_whole() -> None:
    record = job("a", FOUR[:1], {1: "/m/1"}, JobType.RECORDING)
    assert tracklists([record]) == {}
    assert owned_share("a", 4, None, here_of(placed_tracks([record]), ())) == 0.25


def test_extras_and_what_is_still_missing_do_not_count() -> None:
    record = job("a", [*FOUR, track(5, "", optional=True)], {1: "/m/1", 5: "/m/cover.jpg"})
    here = here_of(placed_tracks([record]), ())
    assert owned_share("a", 4, tracklists([record])["a"], here) == 0.25
    assert here_of([], ()) == Here()


@pytest.mark.parametrize("count", [0, -1])
def test_a_release_of_an_unknown_number_of_tracks_claims_nothing(count: int) -> None:
    assert owned_share("a", count, None, Here({"a": frozenset({1})})) == 0.0
