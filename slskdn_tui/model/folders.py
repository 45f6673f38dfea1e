"""What was found, grouped by user and folder, filtered and put in order: the lines of a search, and what a wish takes. Core."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.expected import Expected, expect, formats_words
from slskdn_tui.model.filters import NONE, Filter

_DISC = re.compile(r"(?i)^[\s(\[]*(?:cd|dis[ck]|disco|dvd|lp|side|vinyl)[\s._-]*[0-9a-d]{1,2}\b")
GOOD_SPEED = 2_000_000
GOOD_COUNT = 8
LONG_QUEUE = 50


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """One user's folder, or what a filter leaves of it. `quality` is the mean of its audio files, None without any; `rank` puts the best first."""

    reply: SearchReply
    folder: str
    files: tuple[FoundFile, ...]
    expected: tuple[Expected, ...]
    quality: float | None
    size: int
    rank: float

    @property
    def key(self) -> str:
        """Stays the same over searches: user name, newline, raw folder path."""
        return f"{self.reply.username}\n{self.folder}"

    @property
    def audio(self) -> int:
        return sum(bool(each.codec) for each in self.expected)

    @property
    def format(self) -> str:
        return formats_words(zip(self.files, self.expected, strict=True))

    @property
    def seconds(self) -> int | None:
        """Music in all; None when no file says."""
        lengths = [file.seconds for file in self.files if file.seconds]
        return sum(lengths) if lengths else None

    @property
    def title(self) -> str:
        """The folder's name; with the one above it when it is a disc's."""
        parts = [part for part in re.split(r"[\\/]", self.folder) if part]
        return " / ".join(parts[-2:] if len(parts) > 1 and _DISC.match(parts[-1]) else parts[-1:])

    @property
    def warning(self) -> str:
        """What is odd, told once a folder."""
        warnings = [each.warning for each in self.expected if each.warning]
        if len(warnings) < 2:
            return warnings[0] if warnings else ""
        return f"{len(warnings)} files: {warnings[0]}"


def folders_of(reply: SearchReply, wanted: Filter = NONE) -> tuple[FoundFolder, ...]:
    """The folders of one answer, with the files that pass; a folder with none is left out."""
    by_folder: dict[str, list[FoundFile]] = {}
    for file in wanted.apply(reply) if not wanted.empty else reply.files:
        by_folder.setdefault(file.folder, []).append(file)
    return tuple(_folder(reply, folder, files) for folder, files in by_folder.items())


def _folder(reply: SearchReply, folder: str, files: Sequence[FoundFile]) -> FoundFolder:
    ordered = tuple(sorted(files, key=lambda file: file.path))
    expected = tuple(expect(file) for file in ordered)
    qualities = [each.quality for each in expected if each.quality is not None]
    quality = round(sum(qualities) / len(qualities), 4) if qualities else None
    audio = sum(bool(each.codec) for each in expected)
    rank = (
        (quality or 0.0)
        + (0.15 if reply.free_slot else 0.0)
        - 0.1 * min(1.0, max(0, reply.queue) / LONG_QUEUE)
        + 0.1 * min(1.0, max(0, reply.speed) / GOOD_SPEED)
        + 0.1 * min(1.0, audio / GOOD_COUNT)
    )
    return FoundFolder(reply, folder, ordered, expected, quality, sum(file.size for file in ordered), rank)


_SORTS: dict[str, Callable[[FoundFolder], float | str]] = {
    "": lambda folder: -folder.rank,
    "quality": lambda folder: folder.quality or 0.0,
    "speed": lambda folder: folder.reply.speed,
    "size": lambda folder: folder.size,
    "title": lambda folder: folder.title.casefold(),
    "queue": lambda folder: -1 if folder.reply.free_slot else folder.reply.queue,
    "user": lambda folder: folder.reply.username.casefold(),
}
SORTS = tuple(_SORTS)


def in_order(folders: Iterable[FoundFolder], sort: str = "", descending: bool = False) -> list[FoundFolder]:
    """By `quality speed size title queue user`, or best first; equal ones best first. An unknown `sort` counts as none."""
    best = sorted(folders, key=lambda folder: (-folder.rank, folder.key))
    return best if sort not in _SORTS or not sort else sorted(best, key=_SORTS[sort], reverse=descending)
