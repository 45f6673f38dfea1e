"""Which found files are other copies of tracks that are here already. Core.

A very copy is told by `held.py`. Another copy of an album has other tags, and so other sizes: it counts as owned when its name
is a placed track's title, its length that track's, and its path names artist and album, and no live, remixed or otherwise other version.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.music import Track

_WORDS = re.compile(r"[^\W_]+")
LENGTH_S = 2
"""Lengths this near can be one recording's: rounding, and silence at the ends."""
_NUMBER = re.compile(r"[a-d]?[0-9]{1,3}|(19|20)[0-9]{2}")
_OTHER_VERSION = frozenset(
    {"live", "demo", "demos", "remix", "remixes", "remixed", "instrumental", "instrumentals", "acoustic", "karaoke", "covers", "tribute", "rehearsal"}
)  # fmt: skip
_ANYBODY = frozenset({"various", "artists"})


@dataclass(frozen=True, slots=True)
class HeldTrack:
    """A track in the library that a release names, in words: its `title`, and its `artist` and `album`; `seconds` is its length, `path` its file."""

    title: frozenset[str]
    artist: frozenset[str]
    album: frozenset[str]
    seconds: float
    path: str


HeldTracks = Mapping[int, Sequence[HeldTrack]]
"""By whole seconds."""


@lru_cache(maxsize=50_000)
def _all_words(text: str) -> frozenset[str]:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return frozenset(_WORDS.findall(re.sub("['\u2019`]", "", plain)))


def held_track(track: Track, album: str, album_artist: str, path: str) -> HeldTrack | None:
    """None for what cannot be told by title and length."""
    title, words = _all_words(str(track.title)), _all_words(album)
    if not title or not words or not track.length_ms or track.optional:
        return None
    artist = _all_words(album_artist) or _all_words(str(track.artist))
    return HeldTrack(title, frozenset() if artist == _ANYBODY else artist, words, track.length_ms / 1000, path)


def held_tracks(records: Iterable[JobRecord]) -> dict[int, list[HeldTrack]]:
    """What jobs of releases placed."""
    found: dict[int, list[HeldTrack]] = {}
    for record in records:
        release = record.release
        if not release.mbid:
            continue
        done = {entry.position: entry.placed for entry in record.tracks if entry.state is TrackState.DONE and entry.placed}
        for track in release.tracks:
            path = done.get(track.position)
            if path and (held := held_track(track, str(release.title), str(release.artist), path)) is not None:
                found.setdefault(int(held.seconds), []).append(held)
    return found


def is_track(file: FoundFile, held: HeldTracks) -> bool:
    """Whether this is another copy of a track that is here."""
    return any(True for _ in _fitting(file, held))


def all_held(files: Sequence[FoundFile], held: HeldTracks) -> dict[str, str]:
    """Remote path to the path here, when every music file of these is another copy of a track whose file is there; else empty. It blocks."""
    found = {}
    for file in files:
        if codec_of(file.path):
            path = next((each.path for each in _fitting(file, held) if os.path.isfile(each.path)), "")
            if not path:
                return {}
            found[file.path] = path
    return found


def _fitting(file: FoundFile, held: HeldTracks) -> Iterator[HeldTrack]:
    if file.seconds is None:
        return
    near = [
        each
        for second in range(file.seconds - LENGTH_S - 1, file.seconds + LENGTH_S + 1)
        for each in held.get(second, ())
        if abs(each.seconds - file.seconds) <= LENGTH_S
    ]
    if not near:
        return
    name, folder = _all_words(file.name.rpartition(".")[0] or file.name), _all_words(file.folder)
    yield from (each for each in near if _fits(name, folder, each))


def _fits(name: frozenset[str], folder: frozenset[str], held: HeldTrack) -> bool:
    known = held.title | held.artist | held.album
    rest = {word for word in name - known if not _NUMBER.fullmatch(word)}
    path = name | folder
    return held.title <= name and not rest and held.album <= folder and held.artist <= path and not (path - known) & _OTHER_VERSION
