"""Tracks that are missed by the total in an album's tags, while MusicBrainz has told nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_doctor import checked

from tests.fakes.collection import Collection


@pytest.mark.parametrize(
    ("there", "total", "missing"),
    [
        ((1, 2, 4, 5), 5, 1),
        ((1, 2), 4, 2),
        ((1, 2, 3, 4, 5), 5, None),
        ((1, 2), 5, None),
        ((1,), 2, None),
        ((1, 2, 4, 5), None, None),
        ((1, 2, 4, 5), 3, None),
        ((1, 2, 4, 5), 10**9, None),
    ],
    ids=["one of five", "half", "whole", "two songs of it", "one song", "no total", "a number above the total", "a total from hell"],
)
def test_the_total_in_the_tags_tells_of_a_missing_track_while_musicbrainz_has_told_nothing(
    tmp_path: Path, there: tuple[int, ...], total: int | None, missing: int | None
) -> None:
    library = Collection(tmp_path / "music", albums=1, tracks=5).make()
    for number in range(1, 6):
        library.change(library.path(1, number), recording="", release="", track_total=total)
        if number not in there:
            os.remove(library.path(1, number))
    library.releases.clear()
    issues = checked(tmp_path, library)
    assert [each.kind for each in issues] == ["missing_tracks"] * (missing is not None)
    for issue in issues:
        gone = [f"track {number}" for number in range(1, (total or 0) + 1) if number not in there]
        assert issue.path == str(library.folder / "Album 1") and f"of {total} missing" in issue.words and issue.fix.kind == "none"
        assert [each.seen for each in issue.evidence if each.what == "missing"] == gone and len(gone) == missing


def test_two_discs_in_a_folder_and_totals_that_disagree_accuse_nobody(tmp_path: Path) -> None:
    library = Collection(tmp_path / "music", albums=2, tracks=3).make()
    for album in (1, 2):
        for number in (1, 2, 3):
            more = {"disc_total": 2, "track_total": 5} if album == 1 else {"track_total": 4 + number}
            library.change(library.path(album, number), recording="", release="", **more)
    library.releases.clear()
    assert checked(tmp_path, library) == []
