"""Which release at Discogs is an edition of MusicBrainz': by its barcode, else by names, year, place, medium and track count. Core.

Nothing is taken on a likeness: whatever both sides say must agree, and exactly one release may be left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slskdn_tui.engine.music.titles import alike, normal
from slskdn_tui.model.music import Release

PAGE = 100
MOST_LOOKUPS = 3
"""So many candidates are looked at for their track count; when more are left, none is taken."""
LEAST_DIGITS = 8
LIKE = 0.6
MOST_TRACKS = 2_000
_NUMBERED = re.compile(r"\s\(\d{1,3}\)(?= - )|\*(?= - )")
"""Discogs' `Artist (2) - Title` and `Variant* - Title`."""
_VARIOUS = "various artists"
_COUNTRIES = {
    "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil", "CA": "Canada", "CH": "Switzerland",
    "CZ": "Czech Republic", "DE": "Germany", "DK": "Denmark", "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "UK", "GR": "Greece",
    "HU": "Hungary", "IE": "Ireland", "IL": "Israel", "IS": "Iceland", "IT": "Italy", "JP": "Japan", "KR": "South Korea", "MX": "Mexico",
    "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand", "PL": "Poland", "PT": "Portugal", "RU": "Russia", "SE": "Sweden",
    "TR": "Turkey", "TW": "Taiwan", "UA": "Ukraine", "US": "US", "XE": "Europe", "XW": "Worldwide", "ZA": "South Africa",
}  # fmt: skip
_MEDIA = ("sacd", "cassette", "vinyl", "dvd", "blu-ray", "minidisc", "cd")


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of a search at Discogs; "" and empty sets for what it does not say. `media` are families: cd, vinyl, file, ..."""

    number: str
    title: str
    year: str = ""
    country: str = ""
    media: frozenset[str] = frozenset()
    barcodes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """The number at Discogs, "" for none; `words` say by what, or why not."""

    number: str
    words: str


def hits(rows: Sequence[Mapping[str, Any]]) -> tuple[Hit, ...]:
    """What of a page of search results can be read; a row without a number is left out."""
    return tuple(hit for hit in map(_hit, rows[:PAGE]) if hit is not None)


def _hit(row: Mapping[str, Any]) -> Hit | None:
    number = row.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 10**12:
        return None
    media = frozenset(family for each in _texts(row.get("format")) if (family := medium(each)))
    codes = frozenset(code for each in _texts(row.get("barcode")) if (code := digits(each)))
    return Hit(str(number), _text(row.get("title")), _text(row.get("year"))[:4], _text(row.get("country")), media, codes)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000:
        return str(value)  # a year may be a number
    return value[:300] if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in value[:50]] if isinstance(value, list) else []


def digits(text: str) -> str:
    """A barcode as it is compared: `0 7243-84884-9 01` and `724384884901` are one. "" for what is too short to be one."""
    found = "".join(char for char in text if char in "0123456789").lstrip("0")
    return found if len(found) >= LEAST_DIGITS else ""


def medium(name: str) -> str:
    """The family of a medium, by MusicBrainz' or Discogs' name of it: `12" Vinyl`, `Vinyl` -> vinyl; "" for another word."""
    word = name.casefold()
    if word in ("digital media", "file"):
        return "file"
    return next((family for family in _MEDIA if family in word), "")


def by_barcode(release: Release, found: Sequence[Hit], total: int) -> Found | None:
    """None when nothing there carries its barcode."""
    code = digits(release.barcode)
    carrying = [hit for hit in found if code in hit.barcodes]
    if not code or not carrying:
        return None
    if total > len(found):
        return Found("", f"{total} releases answer to the barcode")
    left = [hit for hit in carrying if _agrees(release, hit) and alike(_name(hit.title), _wanted(release)) >= LIKE]
    if len(left) == 1:
        return Found(left[0].number, "by its barcode")
    return Found("", f"{len(left)} releases carry the barcode" if left else "what carries the barcode is another edition")


def fields(release: Release) -> dict[str, str]:
    """What to search by without a barcode; empty when too little is known to tell an edition."""
    year = release.date[:4]
    if not (release.artist and release.title and year.isdigit() and release.tracks):
        return {}
    artist = "Various" if normal(release.artist) == _VARIOUS else str(release.artist)
    return {"artist": artist[:200], "release_title": str(release.title)[:200], "year": year}


def by_name(release: Release, found: Iterable[Hit]) -> list[Hit]:
    """Those of just its artist, title and year, that contradict in nothing else. Their track counts are still to be asked."""
    code, year = digits(release.barcode), release.date[:4]
    return [
        hit
        for hit in found
        if hit.year == year
        and _name(hit.title) == _wanted(release)
        and _agrees(release, hit)
        and not (code and hit.barcodes and code not in hit.barcodes)
    ]


def _wanted(release: Release) -> str:
    artist = "various" if normal(release.artist) == _VARIOUS else normal(release.artist)
    return f"{artist} {normal(release.title)}"


def _name(title: str) -> str:
    return normal(_NUMBERED.sub("", title))


def _agrees(release: Release, hit: Hit) -> bool:
    """Year, country and medium, as far as both say them. A country without a known name agrees with none."""
    year = release.date[:4]
    if year and hit.year and year != hit.year:
        return False
    if release.country and hit.country:
        places = {"US" if place == "USA" else place for place in re.split(r"\s*[&,]\s*", hit.country)}
        if _COUNTRIES.get(release.country, "") not in places:
            return False
    mine = {family for each in release.formats if (family := medium(each))}
    return not mine or not hit.media or bool(mine & hit.media)


def track_counts(answer: Mapping[str, Any]) -> frozenset[int]:
    """How many tracks a release has: Discogs' parts of one track (`index`) counted each, and as one. Headings are none."""
    rows = answer.get("tracklist")
    if not isinstance(rows, list) or len(rows) > MOST_TRACKS:
        return frozenset()
    whole = parts = 0
    for row in rows:
        kind = row.get("type_", "track") if isinstance(row, Mapping) else ""
        if kind not in ("track", "index"):
            continue
        below = row.get("sub_tracks")
        whole += 1
        parts += len(below) if kind == "index" and isinstance(below, list) and below else 1
    return frozenset({whole, parts})
