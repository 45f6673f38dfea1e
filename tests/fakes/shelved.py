"""A library folder as a tagger leaves it: real files with tags of their own, and the releases they are of."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import mutagen

from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText
from tests.fakes.collection import mbid
from tests.fakes.sound_files import write

RATE = 8000
"""Of the files: long ones are small and soon decoded."""
APART = 5.0
"""Seconds by which each track of an album is longer than the one before."""


@dataclass
class Shelved:
    """`albums` albums of `tracks` tracks, all of one format each. Audio is the same in all albums of a format, tags are not."""

    folder: Path
    albums: int
    tracks: int
    formats: tuple[str, ...] = ("flac", "mp3", "ogg")
    releases: list[Release] = field(default_factory=list)

    def make(self) -> Shelved:
        masters = self.folder.with_name(self.folder.name + ".masters")
        lengths: dict[str, int] = {}
        for form in self.formats:
            for number in range(1, self.tracks + 1):
                made = write(masters / f"{number}.{form}", APART * number, number, RATE)
                lengths[made.name] = round(mutagen.File(made).info.length * 1000)
        for album in range(1, self.albums + 1):
            form = self.form(album)
            listed = tuple(
                Track(
                    number,
                    1,
                    number,
                    mbid(1, album * 100 + number),
                    SafeText(f"Tune {number} of {album}"),
                    SafeText("Band"),
                    lengths[f"{number}.{form}"],
                )
                for number in range(1, self.tracks + 1)
            )
            name = SafeText(f"Album {album}")
            ids = mbid(2, album), mbid(3, album)
            release = Release(*ids, name, SafeText("Band"), mbid(4, 1), "1999", "GB", "Official", SafeText("Label"), ("CD",), 1, listed)
            self.releases.append(release)
            for track in listed:
                self.path(album, track.number).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(masters / f"{track.number}.{form}", self.path(album, track.number))
                self.tag(self.path(album, track.number), release, track)
        shutil.rmtree(masters)
        return self

    def form(self, album: int) -> str:
        return self.formats[album % len(self.formats)]

    def path(self, album: int, number: int) -> Path:
        return self.folder / f"Album {album}" / f"{number:02}.{self.form(album)}"

    def tag(self, path: Path, release: Release, track: Track) -> None:
        """Its tags, and a time at which taggers are done with it."""
        file = mutagen.File(path, easy=True)
        if file.tags is None:
            file.add_tags()
        words = {"title": track.title, "artist": track.artist, "album": release.title, "albumartist": release.artist}
        words |= {"tracknumber": str(track.number), "discnumber": "1"}
        for name, value in words.items():
            file[name] = [str(value)]
        file["musicbrainz_trackid"], file["musicbrainz_albumid"] = [track.recording_mbid], [release.mbid]
        file.save()
        os.utime(path, (1e9, 1e9))

    def exchange(self, album: int, one: int, other: int) -> None:
        """The tags of two files of one album, exchanged."""
        release = self.releases[album - 1]
        for here, there in ((one, other), (other, one)):
            self.tag(self.path(album, here), release, release.tracks[there - 1])
