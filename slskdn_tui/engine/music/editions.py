"""Which edition of a release group to offer first, and why. Core.

Three orders, `musicbrainz.canonical`:

- `ours`: status, the track count most official editions share (so neither a box nor a sampler wins), the script most of them are in, format, country,
  date, id.
- `metabrainz`: the order of the canonical releases that MetaBrainz publishes: format, date, country, id. It looks at no status and no track count.
- `owned-first`: the edition of which the most files are here, then as `ours`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText, counted

Order = Literal["ours", "metabrainz", "owned-first"]
_STATUS = {"Official": 0, "Promotion": 1, "": 2, "Pseudo-Release": 3, "Bootleg": 4}
_FORMATS = ("Digital Media", "CD")
_COUNTRIES = ("XW", "XE", "GB", "US")
_META_FORMATS = (
    # digital
    "CD", "SACD", "MiniDisc", "DAT", "Digital Media", "DCC", "HDCD", "USB Flash Drive", "slotMusic", "UMD", "CD-R", "8cm CD", "Blu-spec CD", "SHM-CD",
    "HQCD", "Hybrid SACD", "CD+G", "8cm CD+G", "Enhanced CD", "Data CD", "DTS CD", "Playbutton", "Music Card", '3.5" Floppy Disk', "SHM-SACD", "CED",
    "Copy Control CD", "SD Card", "Hybrid SACD (CD layer)", "Hybrid SACD (SACD layer)", "PlayTape", "HiPac", "Floppy Disk", "Zip Disk",
    "VinylDisc (CD side)", "VinylDisc",
    # video
    "DVD", "DualDisc", "LaserDisc", '8" LaserDisc', '12" LaserDisc', "HD-DVD", "DVD-Audio", "DVD-Video", "Blu-ray", "VCD", "SVCD", "CDV", "DVDplus",
    "VHD", "DualDisc (DVD-Video side)", "DualDisc (DVD-Audio side)", "DualDisc (CD side)", "DVDplus (DVD-Audio side)", "DVDplus (DVD-Video side)",
    "DVDplus (CD side)", "VinylDisc (DVD side)", "Blu-ray-R",
    # analog
    "Vinyl", '7" Vinyl', '10" Vinyl', '12" Vinyl', "Reel-to-reel", "Cassette", "Cartridge", "8-Track Cartridge", "Other", "Wax Cylinder", "Piano Roll",
    "VinylDisc (Vinyl side)", "VHS", "Betamax", "Edison Diamond Disc", "Flexi-disc", '7" Flexi-disc', "Shellac", '10" Shellac', '12" Shellac',
    '7" Shellac', "Pathe disc", "Phonograph record",
)  # fmt: skip
"""MetaBrainz' order of media."""
_META_RANK = {name: rank for rank, name in enumerate(_META_FORMATS)}
_TIMES = re.compile(r"^\d+x")


def modal_track_count(hits: Sequence[ReleaseHit]) -> int:
    """The commonest track count among official editions (among all when none is official); the smaller of equals; 0 for none."""
    counts = Counter(hit.track_count for hit in hits if hit.status == "Official" and hit.track_count)
    counts = counts or Counter(hit.track_count for hit in hits if hit.track_count)
    return min(counts, key=lambda count: (-counts[count], count)) if counts else 0


def modal_script(hits: Sequence[ReleaseHit]) -> str:
    """The script most official editions (of all when none is official) are written in; Latin of equals; "" where none says."""
    counts = Counter(hit.script for hit in hits if hit.status == "Official" and hit.script)
    counts = counts or Counter(hit.script for hit in hits if hit.script)
    return min(counts, key=lambda script: (-counts[script], script != "Latn", script)) if counts else ""


def best_editions_first(
    hits: Sequence[ReleaseHit], order: Order = "ours", owned: Mapping[str, int] | None = None
) -> tuple[ReleaseHit, ...]:
    """`owned`: how many files are here by release MBID; only `owned-first` asks."""
    if order == "metabrainz":
        return tuple(sorted(hits, key=_as_metabrainz))
    modal, script = modal_track_count(hits), modal_script(hits)
    have = owned if order == "owned-first" and owned else {}

    def key(hit: ReleaseHit) -> tuple[Any, ...]:
        return (
            -have.get(hit.mbid, 0),
            _STATUS.get(hit.status, 3),
            hit.track_count != modal,
            bool(hit.script and script and hit.script != script),
            _rank(_FORMATS, hit.format),
            _rank(_COUNTRIES, hit.country),
            _day(hit.date),
            hit.mbid,
        )

    return tuple(sorted(hits, key=key))


def _rank(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _as_metabrainz(hit: ReleaseHit) -> tuple[Any, ...]:
    """Its table ends with the database's row numbers of country and release; the web service has the code and the MBID for them."""
    media = [_TIMES.sub("", name) for name in hit.format.split(" + ")]
    best = min(_META_RANK.get(name, len(_META_RANK)) for name in media)
    return not hit.format, best, _day(hit.date), hit.country or "ZZ", hit.mbid


def _day(date: str) -> str:
    """A date to sort by: a year alone is its end, and an unknown one comes last."""
    year, _, rest = date.partition("-")
    month, _, day = rest.partition("-")
    return f"{year}-{month if month.isdigit() else '12'}-{day if day.isdigit() else '28'}" if year.isdigit() else "9999"


def why_first(hit: ReleaseHit, hits: Sequence[ReleaseHit], order: Order = "ours", owned: Mapping[str, int] | None = None) -> SafeText:
    """Why `hit` leads the list, in a line: what was looked at, in that order."""
    when = ", ".join(part for part in (hit.country, hit.date) if part)
    if order == "metabrainz":
        return SafeText(f"MetaBrainz' order: {hit.format or 'unknown format'} first, then the date: {when or 'no date'}")
    words = []
    if order == "owned-first" and owned and owned.get(hit.mbid):
        words.append(f"you have {counted(owned[hit.mbid], 'file')} of it")
    same = sum(other.track_count == hit.track_count for other in hits)
    words += [hit.status or "no status", f"{counted(hit.track_count, 'track')} as {same} of {len(hits)} editions"]
    if len({other.script for other in hits if other.script}) > 1 and hit.script:
        words.append(f"in {_SCRIPTS.get(hit.script, hit.script)} as {sum(other.script == hit.script for other in hits)}")
    words.append(hit.format or "unknown format")
    return SafeText(", ".join([*words, *([when] if when else [])]))


_SCRIPTS = {"Latn": "Latin letters", "Jpan": "Japanese", "Cyrl": "Cyrillic", "Hang": "Hangul", "Kore": "Korean", "Arab": "Arabic", "Hebr": "Hebrew",
            "Grek": "Greek", "Hant": "traditional Chinese", "Hans": "simplified Chinese"}  # fmt: skip


def best_home_first(hits: Sequence[ReleaseHit]) -> tuple[ReleaseHit, ...]:
    """The releases a recording is on: the artist's own before compilations by various artists, else in the order given."""
    return tuple(sorted(hits, key=lambda hit: hit.artist.casefold() == "various artists"))
