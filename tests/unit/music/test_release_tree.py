"""A discography as a tree: every type has its place, one edition stands for a group, filters and what is here."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from musicbrainzngs import mbxml

from slskdn_tui.engine.music.graph import parse
from slskdn_tui.engine.music.graph.tree import Wanted, editions, read_wanted, section_of, tree
from slskdn_tui.lab.data import ws2
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import GraphRelease
from tests.fakes.discography import ARTIST, GUEST, LABELS, PRIMARY, SECONDARY, edition, group, mbid

BODIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "musicbrainz" / "mbserver-ws2"
BOA = "a16d1433-ba89-4f72-a47b-a370add0bb55"
MUSIC = {"Live", "Compilation", "Remix", "Soundtrack", "DJ-mix", "Mixtape/Street"}


def read(*facts: Any) -> tuple[GraphRelease, ...]:
    """As MusicBrainz would say it: rendered, parsed by musicbrainzngs, then by us."""
    body = ws2.browse(
        ws2.World(facts),
        "artist",
        ARTIST.mbid,
        frozenset({"artist-credits", "labels", "media", "release-groups"}),
        limit=100,
        offset=0,
        status=frozenset(),
    )
    assert body is not None
    return parse.page(mbxml.parse_message(body)).rows


def real(name: str) -> Any:
    file = BODIES / name
    if not file.exists():
        pytest.skip(f"captured MusicBrainz bodies are not here: {BODIES}")
    return mbxml.parse_message(file.read_bytes())


@pytest.mark.parametrize("primary", PRIMARY)
def test_every_primary_type_with_every_secondary_type_has_its_place(primary: str) -> None:
    plain = {"Album": "core", "EP": "extended"}.get(primary, "other")
    assert section_of(primary, ()) == plain
    for name in SECONDARY:
        assert section_of(primary, (name,)) == ("extended" if primary in ("Album", "EP", "") and name in MUSIC else "other"), name
    for pair in combinations(SECONDARY, 2):
        assert section_of(primary, pair) == ("extended" if primary in ("Album", "EP", "") and set(pair) <= MUSIC else "other"), pair
    assert section_of(primary, ("A Type Of Tomorrow",)) == "other"


def test_a_tree_is_ordered_by_section_then_date_and_says_what_is_here() -> None:
    live = group(2, "Album", ["Live"])
    facts = [edition(group(3), date="2001"), edition(live, date="1990"), edition(group(1), date="1995-02-01"), edition(group(4, "Single"))]
    found = tree(read(*facts), Wanted(), artist=ARTIST.mbid, owned={facts[2].mbid: 1, facts[1].mbid: 2})
    assert [(row.section, row.title, row.date, row.owned) for row in found.rows] == [
        ("core", "Record 1", "1995-02-01", 0.5),
        ("core", "Record 3", "2001", 0.0),
        ("extended", "Record 2", "1990", 1.0),
        ("other", "Record 4", "1999-01-01", 0.0),
    ]
    assert found.counts == (("core", 2), ("extended", 1), ("related", 0), ("other", 1))
    assert found.rows[2].type == "Album + Live"
    missing = tree(read(*facts), Wanted(missing=True), artist=ARTIST.mbid, owned={facts[1].mbid: 2})
    assert [row.title for row in missing.rows] == ["Record 1", "Record 3", "Record 4"]


def test_bootlegs_and_pseudo_releases_are_out_until_asked_for_and_never_core() -> None:
    mixed, boot = group(1), group(2)
    facts = [
        edition(mixed, 0, status="Bootleg", date="1990"),
        edition(mixed, 1, status="Official", date="1999"),
        edition(mixed, 2, status="Pseudo-Release", date="1980"),
        edition(boot, 0, status="Bootleg"),
        edition(group(3), status="Promotion"),
    ]
    found = tree(read(*facts), Wanted(), artist=ARTIST.mbid)
    assert [(row.section, row.title, row.editions) for row in found.rows] == [("core", "Record 1", 1), ("extended", "Record 3", 1)]
    assert found.rows[0].release == facts[1].mbid and found.bootlegs == 1
    asked = tree(read(*facts), Wanted(bootlegs=True), artist=ARTIST.mbid)
    assert [(row.section, row.title, row.editions) for row in asked.rows if row.title != "Record 3"] == [
        ("core", "Record 1", 3),
        ("extended", "Record 2", 1),
    ]
    assert asked.rows[0].release == facts[1].mbid, "an official edition still stands for its group"


def test_one_edition_stands_for_a_group_by_the_rule_or_as_the_user_chose() -> None:
    album = group(1)
    facts = [edition(album, 0, date="2009"), edition(album, 1, date="1999"), edition(album, 2, date="1999", tracks=7)]
    [row] = tree(read(*facts), Wanted(), artist=ARTIST.mbid).rows
    assert (row.release, row.chosen, row.editions) == (facts[1].mbid, False, 3) and "2 tracks as 2 of 3 editions" in row.why
    [row] = tree(read(*facts), Wanted(), artist=ARTIST.mbid, chosen={album.mbid: facts[2].mbid}).rows
    assert (row.release, row.chosen, row.tracks) == (facts[2].mbid, True, 7)
    [row] = tree(read(*facts), Wanted(), artist=ARTIST.mbid, chosen={album.mbid: mbid("gone")}).rows
    assert row.release == facts[1].mbid, "a choice that MusicBrainz no longer lists falls back to the rule"
    listed = editions(read(*facts), Wanted(), chosen={album.mbid: facts[2].mbid}).rows
    assert [one.release for one in listed] == [facts[2].mbid, facts[1].mbid, facts[0].mbid] and listed[0].chosen


def test_what_somebody_else_is_credited_with_first_is_related() -> None:
    facts = [edition(group(1, artist=(GUEST, ARTIST))), edition(group(2, artist=(ARTIST, GUEST)))]
    assert [(row.title, row.section) for row in tree(read(*facts), Wanted(), artist=ARTIST.mbid).rows] == [
        ("Record 2", "core"),
        ("Record 1", "related"),
    ]
    assert {row.section for row in tree(read(*facts), Wanted()).rows} == {"core"}, "a label's tree has no first artist"


def test_years_and_labels_narrow_the_tree_and_a_label_narrows_the_editions() -> None:
    album = group(1)
    facts = [
        edition(album, 0, date="1999", labels=LABELS[:1]),
        edition(album, 1, date="2005", labels=LABELS[1:]),
        edition(group(2), date="2003", labels=LABELS[1:]),
        edition(group(3), date=""),
    ]
    rows = read(*facts)
    assert [row.title for row in tree(rows, read_wanted("year:1999"), artist=ARTIST.mbid).rows] == ["Record 1"]
    assert [row.title for row in tree(rows, read_wanted("year:2000-"), artist=ARTIST.mbid).rows] == ["Record 2"]
    assert [row.title for row in tree(rows, Wanted(), artist=ARTIST.mbid).rows] == ["Record 1", "Record 2", "Record 3"]
    for name in ("second  LABEL", LABELS[1].mbid):
        found = tree(rows, Wanted(label=name), artist=ARTIST.mbid).rows
        assert [(row.title, row.release) for row in found] == [("Record 1", facts[1].mbid), ("Record 2", facts[2].mbid)]


@pytest.mark.parametrize("words", ["year:", "year:12", "year:2000-1990", "year:-", "section:all", "loud", "bootlegs:no", "label:'x"])
def test_a_filter_that_cannot_be_read_is_told(words: str) -> None:
    with pytest.raises(UserError) as told:
        read_wanted(words)
    assert told.value.code == "usage" and told.value.hint


def test_real_answers_of_musicbrainz_are_read() -> None:
    rows = parse.page(real(f"release_track_artist={BOA}_inc=release-groups+ratings.xml")).rows
    assert [(row.group_title, row.primary, row.secondary, row.first) for row in rows] == [("the Love Bug", "Single", (), "2004-03-17")]
    body = real("release-group_artist=472bc127-8861-45e8-bc9e-31e8dd32de7a_inc=artist-credits+tags+ratings.xml")["release-group-list"]
    assert [(row["title"], section_of(row["primary-type"], row.get("secondary-type-list", ()))) for row in body] == [
        ("My Demons", "core"),
        ("Repercussions", "extended"),
    ]
    goto = parse.artist(real("artist_678ba12a-e485-44c7-8eaf-25e61a78a61b_inc=artist-rels.xml"))
    assert [(link.relation, link.kind, link.name) for link in goto.links] == [("member of band", "artist", "7人祭")]
    label = parse.label(real("label_72a46579-e9a0-405a-8ee1-e6e6b63b8212_inc=label-rels+url-rels.xml"))
    assert (label.name, label.links) == ("rhythm zone", ())
    bug = parse.release(
        real(
            "release_aff4a693-5970-4e2e-bd46-e2ee49c22de7_inc=artists+recordings+artist-credits+aliases+artist-rels+recording-level-rels.xml"
        )
    )
    assert ("featured artist", "BoA") in {(link.relation, link.name) for link in bug.links}
    assert ("more by", "m-flo") in {(link.relation, link.name) for link in bug.links}


@pytest.mark.parametrize("answer", [{}, {"release-list": "x"}, {"release-list": [{"id": "no id"}]}, {"release-list": [{"id": mbid("x")}]}])
def test_a_page_that_is_none_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError):
        parse.page(answer)
