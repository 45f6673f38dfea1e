"""A library of real files, with the releases they are of, put into the store as the scanner would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from slskdn_tui.engine.audio.analyse import analyse
from slskdn_tui.engine.audio.scoring import scored
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.library import FileTags, LibraryFile, Stage
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText
from tests.fakes.sound_files import write

_WORDS = [
    "amber",
    "basalt",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "glacier",
    "harbour",
    "island",
    "juniper",
    "kelp",
    "lagoon",
    "meadow",
    "nebula",
    "orchid",
    "pebble",
    "quarry",
    "river",
    "summit",
    "tundra",
]


def mbid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


@dataclass
class Collection:
    """`albums` releases of `tracks` tracks each; track N of every album is about N seconds and a bit longer than the one before, so lengths tell them apart."""

    folder: Path
    albums: int = 2
    tracks: int = 3
    formats: tuple[str, ...] = ("flac", "mp3")
    seconds: float = 0.5
    releases: dict[str, Release] = field(default_factory=dict)
    files: dict[str, LibraryFile] = field(default_factory=dict)
    decoded: set[str] = field(default_factory=set)
    """Paths whose audio the scan decodes."""

    def make(self) -> Collection:
        masters: dict[tuple[str, int], Path] = {}
        for album in range(1, self.albums + 1):
            form = self.formats[album % len(self.formats)]
            listed = []
            for number in range(1, self.tracks + 1):
                if (form, number) not in masters:
                    masters[form, number] = write(self.folder / "masters" / f"{number}.{form}", self.seconds + number / 10, number)
                path = self.path(album, number)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(masters[form, number], path)
                title = f"{_WORDS[number % 20]} {_WORDS[album % 20]} {album}"
                # Real tracks are minutes long; what the files lack in seconds their rows say (`facts`).
                listed.append(Track(number, 1, number, mbid(1, album * 100 + number), SafeText(title), SafeText("Band"), number * 30_000))
            release = Release(
                mbid(2, album),
                mbid(3, album),
                SafeText(f"Album {album}"),
                SafeText("Band"),
                mbid(4, 1),
                "1999",
                "GB",
                "Official",
                SafeText("Label"),
                ("CD",),
                1,
                tuple(listed),
            )
            self.releases[release.mbid] = release
            for track in listed:
                self.tag(self.path(album, track.number), release, track)
        shutil.rmtree(self.folder / "masters")
        return self

    def path(self, album: int, number: int) -> Path:
        return self.folder / f"Album {album}" / f"{number:02}.{self.formats[album % len(self.formats)]}"

    def tag(self, path: Path, release: Release, track: Track) -> None:
        tags = FileTags(
            title=track.title,
            artist=track.artist,
            album=release.title,
            track=track.number,
            disc=1,
            recording=track.recording_mbid,
            release=release.mbid,
        )
        self.files[str(path)] = LibraryFile(
            str(path), 0, 0, 0, Stage.TAGS, tags, recording=track.recording_mbid, release=release.mbid, identified="tags"
        )

    def change(self, path: Path, **tags: Any) -> None:
        """Other tags in that file."""
        file = self.files[str(path)]
        changed = replace(file.tags, **tags)
        self.files[str(path)] = replace(file, tags=changed, recording=changed.recording, release=changed.release)

    async def scan(self, store: Store) -> None:
        """Put every file that is there into the store, and every release."""
        for release in self.releases.values():
            await store.releases.put(release)
        rows = [self._row(file) for path, file in sorted(self.files.items()) if os.path.exists(path)]
        await store.files.forget([path for path in self.files if not os.path.exists(path)])
        await store.files.put_scanned(rows)
        for row in rows:
            if row.path in self.decoded:
                facts = replace(scored(analyse(row.path, want=["measures"])), duration_ms=row.facts.duration_ms)
                await store.files.put_facts(row.path, row.stamp, facts, Stage.MEASURED, 1.0)

    def _row(self, file: LibraryFile) -> LibraryFile:
        facts = os.stat(file.path)
        headers = analyse(file.path, want=["headers"])
        length = next(
            (track.length_ms for each in self.releases.values() for track in each.tracks if track.recording_mbid == file.recording), None
        )
        heard = file.facts.duration_ms or length
        return replace(
            file,
            mtime_ns=facts.st_mtime_ns,
            size=facts.st_size,
            inode=facts.st_ino,
            facts=replace(headers, duration_ms=heard, error=SafeText("")),
        )

    def lasts(self, path: Path, ms: int) -> None:
        """That file's length as the scanner reads it."""
        self.files[str(path)] = replace(self.files[str(path)], facts=AudioFacts(duration_ms=ms))


def paths(issues: Iterable[Any]) -> set[str]:
    return {os.path.basename(each.path) for each in issues}
