"""Facts of real albums (MusicBrainz core data, CC0, and the tag sets of Lidarr's identification tests): 34 full tracklists of 22 albums, in `albums.jsonl`.

A line is one release; a track is [number as printed, title, milliseconds or null, recording MBID, artist or "" for the release's].
`[unknown]` stands for an artist the source does not name; recording ids of untagged sets are made from their place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

FILE = Path(__file__).with_name("albums.jsonl")


@dataclass(frozen=True)
class Song:
    """One track as it lies in somebody's folder. `key` says which recording it is, whatever it is called; `number` is as printed, `place` as counted."""

    disc: int
    place: int
    title: str
    artist: str
    length: int | None
    key: str
    number: int = 0


@dataclass(frozen=True)
class Album:
    mbid: str
    group: str
    title: str
    artist: str
    date: str
    country: str
    disambiguation: str
    formats: tuple[str, ...]
    source: str
    songs: tuple[Song, ...]

    @property
    def discs(self) -> int:
        return max(song.disc for song in self.songs)

    def same_music(self, other: Album) -> bool:
        """The same recordings (whatever they are called there), or the same titles (MusicBrainz often has a recording twice): nobody could tell."""
        mine, theirs = ([(song.key, song.title.casefold()) for song in album.songs] for album in (self, other))
        return [key for key, _ in mine] == [key for key, _ in theirs] or [title for _, title in mine] == [title for _, title in theirs]

    def with_songs(self, songs: list[Song]) -> Album:
        return replace(self, songs=tuple(songs))


@cache
def real_albums() -> tuple[Album, ...]:
    return tuple(_album(json.loads(line)) for line in FILE.read_text("utf-8").splitlines())


def _album(row: dict) -> Album:  # type: ignore[type-arg]
    songs = []
    for disc, tracks in enumerate(row["discs"], start=1):
        for place, (number, title, length, recording, artist) in enumerate(tracks, start=1):
            songs.append(Song(disc, place, title, artist or row["artist"], length, recording, int(number) if number.isdigit() else place))
    names = ("mbid", "group", "title", "artist", "date", "country", "disambiguation", "source")
    return Album(**{name: row[name] for name in names}, formats=tuple(row["formats"]), songs=tuple(songs))


def release(album: Album) -> Release:
    """The album as the MusicBrainz client would give it."""
    tracks = tuple(
        Track(place, song.disc, song.number or song.place, song.key, SafeText(song.title), SafeText(song.artist), song.length)
        for place, song in enumerate(album.songs, start=1)
    )
    return Release(
        mbid=album.mbid,
        group_mbid=album.group,
        title=SafeText(album.title),
        artist=SafeText(album.artist),
        artist_mbid="",
        date=album.date,
        country=album.country,
        status="Official",
        label=SafeText(""),
        formats=album.formats,
        disc_count=album.discs,
        tracks=tracks,
        disambiguation=SafeText(album.disambiguation),
    )
