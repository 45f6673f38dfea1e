"""What users answered, as album folders: files grouped by user and folder, disc folders joined, names read. Core."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from slskdn_tui.engine.music.titles import NameReading, album_folder, cut, normal, own_name, read_name
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.codec import is_lossless
from slskdn_tui.model.expected import expect

FILES_A_FOLDER = 500
"""A folder with more audio files is a heap, not an album; the first so many are looked at."""
LEAST_LOSSLESS_KBPS = 64
"""A lossless file with fewer bits a second of its length is cut off or no music at all."""
_MBID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER_FOLDER = re.compile(r"0?([1-9])")


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One audio file with what its path says. `disc` is the folder's (None: not said), `mbids` are those in its name."""

    found: FoundFile
    codec: str
    disc: int | None
    reading: NameReading
    mbids: frozenset[str]

    @property
    def lossless(self) -> bool:
        return is_lossless(self.codec)


@dataclass(slots=True)
class Folder:
    """One user's album folder: `path` as the user has it, `name` its own normalised name, `mbids` those in that name."""

    path: str
    reply: SearchReply
    files: list[AudioFile] = field(default_factory=list)

    @property
    def name(self) -> str:
        return normal(own_name(self.path))

    @property
    def mbids(self) -> frozenset[str]:
        return mbids(own_name(self.path))


def mbids(text: str) -> frozenset[str]:
    """Every MusicBrainz id in a text."""
    return frozenset(_MBID.findall(text.lower())) if len(text) >= 36 else frozenset()


def folders(replies: Sequence[SearchReply], prefixes: tuple[str, ...]) -> list[Folder]:
    """The album folders of all replies. The same user may answer several queries; a path counts once. `prefixes` as for `read_name`."""
    found: dict[tuple[str, str], Folder] = {}
    seen: set[tuple[str, str]] = set()
    for reply in replies:
        numbered = _numbered(file.folder for file in reply.files)
        for file in reply.files:
            expected = expect(file)
            if not expected.codec or not _usable(file, expected.lossless) or (reply.username, file.path) in seen:
                continue
            seen.add((reply.username, file.path))
            path, disc = numbered.get(file.folder) or album_folder(file.folder)
            folder = found.setdefault((reply.username, path), Folder(path, reply))
            if len(folder.files) < FILES_A_FOLDER:
                folder.files.append(AudioFile(file, expected.codec, disc, read_name(file.name, prefixes), mbids(file.name)))
    for folder in found.values():
        folder.files = _discs_said(folder.files)
    return list(found.values())


def _usable(file: FoundFile, lossless: bool) -> bool:
    """False for empty files, shadows that a Mac leaves (`._01 Title.flac`), music videos, and lossless files far too small for their length."""
    if file.size <= 0 or file.name.startswith("._") or file.name.lower().endswith(".mp4"):
        return False
    return not (lossless and file.seconds and file.seconds > 0 and file.size * 8 < LEAST_LOSSLESS_KBPS * 1000 * file.seconds)


def _numbered(paths: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Folders called `1`, `2`, ... side by side are discs; one alone may well be an album of that name."""
    discs = {}
    for path in set(paths):
        head, _, last = cut(path)
        if head and (match := _NUMBER_FOLDER.fullmatch(last)):
            discs[path] = (head, int(match[1]))
    siblings = Counter(head for head, _ in discs.values())
    return {path: place for path, place in discs.items() if siblings[place[0]] > 1}


def _discs_said(files: list[AudioFile]) -> list[AudioFile]:
    """Files beside the folders of later discs are the first disc; a bonus folder is the disc after the last."""
    said = {file.disc for file in files if file.disc}
    if not said and not any(file.disc == 0 for file in files):
        return files
    first = 1 if 1 not in said else None
    last = max(said | {1}) + 1
    return [replace(file, disc=first) if file.disc is None else replace(file, disc=last) if file.disc == 0 else file for file in files]
