"""How well one file fits one track of a release: ids and lengths gate, then title and number. Core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slskdn_tui.engine.music.folders import AudioFile
from slskdn_tui.engine.music.titles import SAME_LENGTH, alike, normal, script, versions
from slskdn_tui.model.music import Release, Track

LEAST_PAIR = 0.5
"""A file is a track's only from this likeness on."""
LEAST_TITLE = 0.45
"""A title less alike is another title, wherever it stands."""
SURE_TITLE, BLIND_TITLE, SAME_TITLE = 0.6, 0.75, 0.9
"""From here on a title says which track it is: with a length that agrees, without any, and without any in another place."""
SAME_S, SAME_SHARE = 4.0, 0.005
"""Rips of one recording differ by so much (gaps, padding, rounding): seconds, and a share of the length."""
GATE_S, GATE_SHARE = 10.0, 0.05
"""Off by more than both: another recording, whatever the name says."""
_TITLE, _LENGTH, _NUMBER = 0.65, 0.2, 0.15
SHORT, CUT_SHORT = 8, 0.85
"""Some systems cut long names: a beginning of so many letters, and what it is worth."""
_NAMELESS = 0.75
"""The most that number and length alone can say."""


@dataclass(frozen=True, slots=True)
class Want:
    """A track with the normalised titles a file may carry for it, and its place on its disc (which the printed number may not be)."""

    track: Track
    titles: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class Fit:
    """`score` 0-1; `off` seconds between the two lengths, None when one is unknown; `sure`: it is this very recording, as far as can be known."""

    score: float
    sure: bool = False
    off: float | None = None


NONE = Fit(0.0)


def wants(release: Release) -> list[Want]:
    """The release's tracks with their titles; where artists differ from track to track, file names carry them."""
    out = []
    places: dict[int, int] = {}
    for track in release.tracks:
        places[track.disc] = places.get(track.disc, 0) + 1
        titles = [normal(track.title)]
        if track.artist != release.artist:
            titles += [normal(f"{track.artist} {track.title}"), normal(f"{track.title} {track.artist}")]
        out.append(Want(track, tuple(titles), places[track.disc]))
    return out


def same_length(track: Track, seconds: int | None) -> float | None:
    """Seconds between the two lengths; None when one is not known."""
    if not track.length_ms or not seconds or seconds <= 0:
        return None
    return abs(track.length_ms / 1000 - seconds)


def fit(want: Want, file: AudioFile, discs: int, recordings: frozenset[str], alone: bool = False) -> Fit:
    """`discs` of the release, `recordings` of all its tracks. `alone`: only this recording is wanted, wherever it stands."""
    off = same_length(want.track, file.found.seconds)
    length = (want.track.length_ms or 0) / 1000
    if off is not None and off > max(GATE_S, length * GATE_SHARE):
        return NONE
    close = off is not None and off <= SAME_S + length * SAME_SHARE
    named = file.mbids & recordings
    if named:
        return Fit(1.0, off is None or close, off) if want.track.recording_mbid in named else NONE
    number = None if alone else _number(want, file, discs)
    if not file.reading.titles:
        return _nameless(number, off, close)
    title, equal = _title(want.titles, file.reading.titles, number == 1.0, close)
    if title is None:  # another script: only the place and the length speak
        return _nameless(number, off, close)
    if title < LEAST_TITLE:
        return NONE
    total, weight = _TITLE * title, _TITLE
    if off is not None:
        total, weight = total + _LENGTH * _nearness(off, length), weight + _LENGTH
    if number is not None:
        total, weight = total + _NUMBER * number, weight + _NUMBER
    # A like title is needed: number and length fit some track of every album.
    score = min(total / weight, title + 0.2)
    if off is not None:
        sure = close and title >= SURE_TITLE
    else:
        sure = equal and title >= (SAME_TITLE if number == 0.0 else BLIND_TITLE)
    return Fit(score, sure, off)


def _nearness(off: float, length: float) -> float:
    most = max(GATE_S, length * GATE_SHARE)
    return 1.0 if off <= SAME_S / 2 else max(0.0, 1 - (off - SAME_S / 2) / most)


def _nameless(number: float | None, off: float | None, close: bool) -> Fit:
    if not number:
        return NONE
    return Fit(_NAMELESS * (1.0 if off is None else 1.0 if close else 0.4), close, off)


def _number(want: Want, file: AudioFile, discs: int) -> float | None:
    """1 when file and track stand in the same place, 0 when not, None when the file does not say."""
    track, number = want.track, file.reading.number
    disc = file.disc if file.disc is not None else file.reading.disc
    if number is None or file.reading.side:
        return 0.0 if disc is not None and discs > 1 and disc != track.disc else None
    if number in (track.number, want.place) and (disc is None or disc == track.disc or discs == 1):
        return 1.0
    # Numbers that run through all discs, and `103` that was read as disc 1.
    through = number if disc is None else 100 * disc + number if file.disc is None else 0
    return 1.0 if through == track.position else 0.0


def _title(wanted: Sequence[str], titles: Sequence[str], placed: bool, close: bool) -> tuple[float | None, bool]:
    """(likeness, whether both name the same version). None: the two are in different scripts.

    Files of a live album often say `(live)` where MusicBrainz does not: the very length (`close`) in the very place (`placed`) outweighs such a
    word, but not `instrumental` and its like, which last as long as the song. With the very length, a name cut short will do.
    """
    best: tuple[float, bool] = (0.0, False)
    comparable = False
    odd: frozenset[str] = frozenset()
    for one in wanted:
        for other in titles:
            comparable = comparable or not script(one) or not script(other) or script(one) == script(other)
            mine, theirs = versions(one), versions(other)
            differ = mine ^ theirs
            odd |= differ & SAME_LENGTH
            if not differ:  # `Minuet 2` is not `Minuet 3`, however alike
                best = max(best, (alike(one, other), _digits(one) == _digits(other)))
            elif placed and close and not differ & SAME_LENGTH:
                best = max(best, (0.9 * alike(_without(one, differ), _without(other, differ)), False))
            else:
                best = max(best, (0.4 * alike(one, other), False))
            if close and len(other) >= SHORT and one.startswith(other) and not versions(one[len(other) :]) & SAME_LENGTH:
                best = max(best, (CUT_SHORT, True))
    return best if comparable or odd or best[0] >= LEAST_TITLE else (None, False)


def _without(title: str, words: frozenset[str]) -> str:
    return " ".join(word for word in title.split() if word not in words) or title


def _digits(title: str) -> list[str]:
    return [word for word in title.split() if word.isdigit()]
