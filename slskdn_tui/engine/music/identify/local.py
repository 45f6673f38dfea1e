"""Files of the library as albums, and as the matcher reads them: titles and numbers from tags, else from names. Core."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slskdn_tui.engine.music.folders import AudioFile, Folder, mbids
from slskdn_tui.engine.music.identify.answers import Heard, HeardRecording
from slskdn_tui.engine.music.titles import NameReading, album_folder, normal, read_name
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.library import LibraryFile

MOST_FILES = 1000
"""A folder with more is a heap, not an album: it is not compared with any release."""
_NAMELESS = re.compile(r"(?:audio ?)?(?:track|titel|piste|pista|traccia) ?\d{1,3}")
_NOBODY = SearchReply("", True, 0, 0, ())


@dataclass(frozen=True, slots=True)
class LocalAlbum:
    """Files that lie together and say they belong together. `folder` is the album's, above disc folders; `part` tells several in one folder apart."""

    folder: str
    files: tuple[LibraryFile, ...]
    part: str = ""

    @property
    def key(self) -> str:
        return f"{self.folder}\0{self.part}" if self.part else self.folder

    @property
    def artist(self) -> str:
        """What most files name; "" when they don't agree."""
        return _most(file.tags.album_artist or file.tags.artist for file in self.files)

    @property
    def title(self) -> str:
        return _most(file.tags.album for file in self.files)

    @property
    def release(self) -> str:
        """The release MBID of the files that are tagged with one, "" when not even half of them agree."""
        tagged = [file.tags.release for file in self.files if file.tags.release]
        release, count = Counter(tagged).most_common(1)[0] if tagged else ("", 0)
        return release if 2 * count >= len(tagged) else ""


def _most(values: Iterable[str]) -> str:
    """What at least half of all say, in the spelling that comes first; "" for none."""
    said = list(values)
    counts: dict[str, list[str]] = {}
    for value in said:
        if value:
            counts.setdefault(normal(value), []).append(value)
    best = max(counts.values(), key=len, default=[])
    return best[0] if best and 2 * len(best) >= len(said) else ""


def album_of(folder: str) -> str:
    """The folder of the album whose disc folder this may be."""
    return album_folder(folder)[0]


def albums(folder: str, files: Sequence[LibraryFile]) -> list[LocalAlbum]:
    """The albums among the files of one album folder. Files that say nothing go with the only album there, or make one of their own."""
    titles = {file.tags.release: normal(file.tags.album) for file in files if file.tags.release and file.tags.album}
    by_title: dict[str, set[str]] = {}
    for release, title in titles.items():
        by_title.setdefault(title, set()).add(release)
    groups: dict[str, list[LibraryFile]] = {}
    for file in files:
        part = file.tags.release or normal(file.tags.album)
        same = by_title.get(part, set())
        if len(same) == 1:  # tagged by name where its neighbours are tagged by id
            part = next(iter(same))
        groups.setdefault(part, []).append(file)
    named = [part for part in groups if part]
    if len(named) <= 1:
        return [LocalAlbum(folder, tuple(files))]
    return [LocalAlbum(folder, tuple(group), part or "-") for part, group in sorted(groups.items())]


def as_folder(album: LocalAlbum, heard: Mapping[str, Heard]) -> Folder:
    """The album as the matcher takes it. `heard`: what AcoustID says of a path; it names a recording only where tags don't."""
    prefixes = tuple(
        dict.fromkeys(name for name in (normal(f"{album.artist} {album.title}"), normal(album.artist), normal(album.title)) if name)
    )
    folder = Folder(album.folder, _NOBODY)
    for file in album.files[:MOST_FILES]:
        named = frozenset({file.tags.recording}) if file.tags.recording else frozenset(each.mbid for each in _likely(heard.get(file.path)))
        disc = file.tags.disc if file.tags.disc else album_folder(file.folder)[1]
        seconds = round(file.facts.duration_ms / 1000) if file.facts.duration_ms else None
        extension = file.name.rpartition(".")[2].lower()
        found = FoundFile("", file.path, file.size, extension, seconds)
        folder.files.append(AudioFile(found, file.facts.codec, disc, _reading(file, prefixes), named | mbids(file.name)))
    return folder


def _likely(heard: Heard | None) -> tuple[HeardRecording, ...]:
    return heard.likely() if heard is not None else ()


def _reading(file: LibraryFile, prefixes: tuple[str, ...]) -> NameReading:
    """What tags say of title and number, and for what they don't say the name."""
    name = read_name(file.name, prefixes)
    title = normal(file.tags.title)
    titles = [title, *(title[len(prefix) + 1 :] for prefix in prefixes if title.startswith(prefix + " "))]
    nameless = not title or _NAMELESS.fullmatch(title) is not None
    said = name.titles if nameless else tuple(titles)
    if file.tags.track is not None:  # counted on its disc, whatever disc or side the name reads like
        return NameReading(said, file.tags.track)
    return NameReading(said, name.number, name.disc, name.side)
