"""Which edition of a release group to offer first. Core.

In order: status, the track count most official editions share (so neither a box nor a sampler wins), format, country, date, id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText, counted

_STATUS = {"Official": 0, "Promotion": 1, "": 2, "Pseudo-Release": 3, "Bootleg": 4}
_FORMATS = ("Digital Media", "CD")
_COUNTRIES = ("XW", "XE", "GB", "US")


def modal_track_count(hits: Sequence[ReleaseHit]) -> int:
    """The commonest track count among official editions (among all when none is official); the smaller of equals; 0 for none."""
    counts = Counter(hit.track_count for hit in hits if hit.status == "Official" and hit.track_count)
    counts = counts or Counter(hit.track_count for hit in hits if hit.track_count)
    return min(counts, key=lambda count: (-counts[count], count)) if counts else 0


def best_editions_first(hits: Sequence[ReleaseHit]) -> tuple[ReleaseHit, ...]:
    modal = modal_track_count(hits)

    def key(hit: ReleaseHit) -> tuple[int, bool, int, int, str, str]:
        return (
            _STATUS.get(hit.status, 3),
            hit.track_count != modal,
            _FORMATS.index(hit.format) if hit.format in _FORMATS else len(_FORMATS),
            _COUNTRIES.index(hit.country) if hit.country in _COUNTRIES else len(_COUNTRIES),
            hit.date or "9999",
            hit.mbid,
        )

    return tuple(sorted(hits, key=key))


def why_first(hit: ReleaseHit, hits: Sequence[ReleaseHit]) -> SafeText:
    """Why `hit` leads the list, in a line."""
    same = sum(other.track_count == hit.track_count for other in hits)
    words = [
        hit.status or "no status",
        f"{counted(hit.track_count, 'track')} as {same} of {len(hits)} editions",
        hit.format or "unknown format",
    ]
    return SafeText(", ".join([*words, *(part for part in (hit.country, hit.date) if part)]))


def best_home_first(hits: Sequence[ReleaseHit]) -> tuple[ReleaseHit, ...]:
    """The releases a recording is on: the artist's own before compilations by various artists, else as `best_editions_first`."""
    return tuple(sorted(best_editions_first(hits), key=lambda hit: hit.artist.casefold() == "various artists"))
