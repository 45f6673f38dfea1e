"""Which release at Discogs an edition is: only what agrees in all that both say, and only when it is the only one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slskdn_tui.engine.music.discogs import match
from slskdn_tui.lab import data
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText
from tests.fakes.discogs_stub import row, tracklist

CODE = "5021603064126"
PLONE = Release(
    data.DEMO_RELEASE, "", SafeText("For Beginner Piano"), SafeText("Plone"), "", "1999-09-13", "GB", "Official", SafeText("Warp Records"), ("CD",), 1,
    tuple(Track(place, 1, place, "", SafeText(f"Song {place}"), SafeText("Plone"), None) for place in range(1, 11)), barcode=CODE,
)  # fmt: skip


def by_code(*rows: dict[str, Any], of: Release = PLONE) -> match.Found | None:
    return match.by_barcode(of, match.hits(rows), len(rows))


def names(*rows: dict[str, Any], of: Release = PLONE) -> list[str]:
    return [hit.number for hit in match.by_name(of, match.hits(rows))]


def test_the_one_release_with_its_barcode_is_it_however_the_barcode_is_written() -> None:
    found = by_code(row(7, barcode=["5 021603-064126", "WARPCD64"]))
    assert found is not None and (found.number, found.words) == ("7", "by its barcode")
    assert by_code(row(7, barcode=["0 7243 84884 9 01"]), of=replace(PLONE, barcode="724384884901")) is not None
    assert by_code(row(7)) is None and by_code(row(7, barcode=["123"]), of=replace(PLONE, barcode="123")) is None


@pytest.mark.parametrize(
    "other",
    [{"year": "2005"}, {"country": "US"}, {"country": "Benin"}, {"format": ["Vinyl", "LP"]}, {"title": "Plaid - Rest Proof Clockwork"}],
    ids=lambda more: next(iter(more.items()))[0] + "-" + str(next(iter(more.values()))),
)
def test_another_edition_with_the_same_barcode_is_not_taken_and_does_not_make_it_ambiguous(other: dict[str, Any]) -> None:
    alone = by_code(row(8, barcode=[CODE], **other))
    assert alone is not None and alone.number == ""
    beside = by_code(row(7, barcode=[CODE]), row(8, barcode=[CODE], **other))
    assert beside is not None and beside.number == "7"
    assert names(row(8, **other)) == []


def test_two_that_fit_alike_are_no_match() -> None:
    found = by_code(row(7, barcode=[CODE]), row(8, barcode=[CODE]))
    assert found is not None and (found.number, found.words) == ("", "2 releases carry the barcode")
    one_of_many = match.by_barcode(PLONE, match.hits([row(7, barcode=[CODE])]), 140)
    assert one_of_many is not None and one_of_many.number == ""


def test_by_name_artist_title_and_year_must_be_the_very_same() -> None:
    assert names(row(1), row(2, title="Plone (2) - For Beginner Piano"), row(3, title="Plone* - For Beginner  Piano!")) == ["1", "2", "3"]
    assert names(row(1, title="Plone - For Beginner Piano 2"), row(2, year=""), row(3, barcode=["724384884901"])) == []
    assert names(row(1, country="UK & Europe"), row(2, format=["File"]), row(3, country="", format=[])) == ["1", "3"]
    various = replace(PLONE, artist=SafeText("Various Artists"))
    assert names(row(1, title="Various - For Beginner Piano"), of=various) == ["1"] and match.fields(various)["artist"] == "Various"
    assert match.fields(replace(PLONE, date="")) == {}, "without a year a name tells no edition"


def test_tracks_are_counted_with_and_without_the_parts_of_one() -> None:
    suite = {"type_": "index", "title": "Suite", "sub_tracks": [{"type_": "track"}] * 3}
    assert match.track_counts({"tracklist": [*tracklist(9), suite]}) == {10, 12}


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": "7"}, {"id": True}, {"id": -1}, {"id": 10**40}, {}],
        [row(7, title=None, year=[], country=3.5, format="CD", barcode={"a": 1})],
        [row(7, format=[None, 3, ["CD"]], barcode=["9" * 100_000] * 1000)],
        [row(7, title="\x1b]52;c;x\x07" * 1000)],
    ],
)
def test_a_hostile_row_is_left_out_or_agrees_with_nothing(rows: list[dict[str, Any]]) -> None:
    assert match.by_name(PLONE, match.hits(rows)) == []
    found = match.by_barcode(PLONE, match.hits(rows), len(rows))
    assert found is None or found.number == ""
    for tracks in (None, {}, "x", [1, None, {"type_": []}], [{}] * 5000):
        assert 10 not in match.track_counts({"tracklist": tracks})
