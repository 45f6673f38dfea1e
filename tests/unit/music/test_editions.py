"""Which edition stands for a release group, over the 25 real editions of The Dark Side of the Moon and the 9 of Surrender (`editions.toml`)."""

from __future__ import annotations

import random
import sqlite3
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from slskdn_tui.engine.music import parse
from slskdn_tui.engine.music.editions import Order, best_editions_first, why_first
from slskdn_tui.model.music import ReleaseHit

FACTS = tomllib.loads(Path(__file__).with_name("editions.toml").read_text("utf-8"))
META_FIRST_CD = "7f6d3088-837d-495e-905f-be5c70ac2d82"
META_SURRENDER = {"7e188ed0-249a-3f43-a13e-0a5085b1ab4b", "699c8545-75b4-378e-bc29-9d0f951f7eee"}
ORDERS: tuple[Order, ...] = ("ours", "metabrainz", "owned-first")


def editions(name: str) -> list[ReleaseHit]:
    """As the client gives them, through its parser."""
    rows = []
    for mbid, status, date, country, media, script, comment in FACTS[name]["editions"]:
        row = {"id": mbid, "title": name, "status": status, "date": date, "country": country, "disambiguation": comment}
        row["medium-list"] = [{"format": form, "track-count": count} for form, count in media]
        rows.append(parse.hit(row | {"text-representation": {"script": script}}))
    return rows


def test_ours_takes_an_official_edition_with_the_commonest_tracks_on_cd_and_says_why() -> None:
    hits = editions("dark_side")
    assert len(hits) == 25
    first, second = best_editions_first(hits)[:2]
    # 13 of the 25 have ten tracks; of these the CDs are from the US, the one with a day or month before the one with a year.
    assert (first.mbid, first.format, first.track_count, first.date) == ("badcfda9-2ca8-32e5-a68b-c9a3cf807502", "CD", 10, "1988-04")
    assert (second.mbid, second.date) == ("10600476-3b48-4709-a91d-3fdf6d2455e6", "1993")
    assert why_first(first, hits) == "Official, 10 tracks as 13 of 25 editions, CD, US, 1988-04"


def test_ours_passes_over_promos_the_bonus_disc_and_the_edition_without_discs() -> None:
    ranked = best_editions_first(editions("surrender"))
    assert [(hit.country, hit.format) for hit in ranked[:4]] == [("GB", "CD"), ("US", "CD"), ("AU", "CD"), ("AU", "CD")]
    assert [hit.track_count for hit in ranked[6:]] == [15, 6, 0] and [hit.status for hit in ranked[7:]] == ["Promotion", "Promotion"]


@pytest.mark.parametrize(("name", "first"), [("dark_side", {META_FIRST_CD}), ("surrender", META_SURRENDER)])
def test_metabrainz_order_is_that_of_its_own_query(name: str, first: set[str]) -> None:
    """Its ORDER BY, run by SQLite over one row a medium; what is equal there (its row numbers are not in the web service) may stand either way."""
    hits = editions(name)
    ranks = {"CD": 1, "MiniDisc": 3, "Vinyl": 59, '12" Vinyl': 62, "Cassette": 64}
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE medium (mbid, sort, day, country)")
    for mbid, _, date, country, media, _, _ in FACTS[name]["editions"]:
        year, month, day = [*date.split("-"), None, None][:3]
        for form, _ in media:
            db.execute("INSERT INTO medium VALUES (?, ?, ?, ?)", (mbid, ranks[form], f"{year}-{month or '12'}-{day or '28'}", country))
    rows = db.execute("SELECT mbid, min(sort) AS best, day, country FROM medium GROUP BY mbid ORDER BY best, day, country").fetchall()
    keys = {mbid: key for mbid, *key in rows}
    ranked = best_editions_first(hits, "metabrainz")
    assert [keys[hit.mbid] for hit in ranked if hit.mbid in keys] == [key for _, *key in rows]
    assert [hit.mbid for hit in ranked if hit.mbid not in keys] == [hit.mbid for hit in ranked[len(rows) :]], (
        "those without a medium come last"
    )
    assert ranked[0].mbid in first
    assert why_first(ranked[0], hits, "metabrainz") == f"MetaBrainz' order: CD first, then the date: {ranked[0].country}, {ranked[0].date}"


def test_owned_first_takes_the_edition_most_files_are_of() -> None:
    hits = editions("dark_side")
    owned = {"b84ee12a-09ef-421b-82de-0441a926375b": 9, META_FIRST_CD: 1}
    ranked = best_editions_first(hits, "owned-first", owned)
    assert [hit.mbid for hit in ranked[:2]] == list(owned)
    assert why_first(ranked[0], hits, "owned-first", owned).startswith("you have 9 files of it, Official, 10 tracks")
    assert best_editions_first(hits, "owned-first", {}) == best_editions_first(hits)


def test_the_script_most_editions_are_in_goes_before_a_transliteration_and_is_told() -> None:
    one = replace(editions("surrender")[1], date="2001", country="JP")
    hits = [
        replace(one, mbid=f"00000000-0000-4000-8000-00000000000{place}", script=script)
        for place, script in enumerate(("Latn", "Jpan", "Jpan"))
    ]
    ranked = best_editions_first(hits)
    assert [hit.script for hit in ranked] == ["Jpan", "Jpan", "Latn"]
    assert "in Japanese as 2" in why_first(ranked[0], hits)


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_does_not_depend_on_how_they_came(order: Order) -> None:
    for name in FACTS:
        hits = editions(name)
        ranked = best_editions_first(hits, order, {META_FIRST_CD: 2})
        for seed in range(20):
            random.Random(seed).shuffle(hits)
            assert best_editions_first(hits, order, {META_FIRST_CD: 2}) == ranked


@pytest.mark.parametrize(
    ("link", "number"),
    [
        ("https://www.discogs.com/release/1873013", "1873013"),
        ("http://discogs.com/Pink-Floyd-Dark-Side/release/1722", "1722"),
        ("https://www.discogs.com/release/1722-Artist-Title", "1722"),
        ("https://www.discogs.com/master/10362", ""),
        ("https://example.org/discogs.com/release/1722", ""),
        ("https://www.discogs.com/release/99999999999999999999", ""),
    ],
)
def test_the_discogs_number_is_read_from_its_link(link: str, number: str) -> None:
    answer = {
        "release": {"id": META_FIRST_CD, "url-relation-list": [{"type": "discogs", "target": link}, {"type": "wikipedia", "target": 3}]}
    }
    assert parse.release(answer).discogs == number
