"""Which of a user's files are here already. Core, and one indexed query.

Soulseek has no digests. A file counts as owned when one of the library has the very same size and a like name: the same words, whatever
numbers, artist or separators stand around the title.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from slskdn_tui.engine.store.library.files import FilesTable
from slskdn_tui.model.candidates import FoundFile

LEAST_SIZE = 4096
"""Smaller files (playlists, logs) share sizes by chance."""
_WORDS = re.compile(r"[^\W_]+")
Held = Mapping[int, Sequence[str]]
"""Names in the library by size."""


def base_name(path: str) -> str:
    return path[max(path.rfind("\\"), path.rfind("/")) + 1 :]


def _title_words(name: str) -> frozenset[str]:
    stem = name.rpartition(".")[0] or name
    words = [word.casefold() for word in _WORDS.findall(stem)]
    return frozenset([word for word in words if not word.isdigit()] or words)


def like_name(one: str, other: str) -> bool:
    """Whether two file names can be of one track: all words of the shorter are in the longer; numbers count only where there is nothing else."""
    a, b = _title_words(one), _title_words(other)
    return bool(a and b) and (a <= b or b <= a)


def is_owned(file: FoundFile, held: Held) -> bool:
    return file.size >= LEAST_SIZE and any(like_name(file.name, name) for name in held.get(file.size, ()))


async def held_files(files: FilesTable, sizes: Iterable[int], placed: Held) -> dict[int, list[str]]:
    """Names in the library (scanned files, and `placed` tracks of jobs) that have one of these sizes."""
    wanted = {size for size in sizes if size >= LEAST_SIZE}
    held: dict[int, list[str]] = {size: list(placed[size]) for size in wanted if size in placed}
    for path, size in await files.of_sizes(sorted(wanted)):
        held.setdefault(size, []).append(base_name(path))
    return held


def here(files: Iterable[FoundFile], library: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Remote path to the path of the library's file that is the same; `library` are (path, size). It blocks: only files that are there count."""
    by_size: dict[int, list[str]] = {}
    for path, size in library:
        by_size.setdefault(size, []).append(path)
    found = {}
    for file in files:
        fits = [path for path in by_size.get(file.size, ()) if is_owned(file, {file.size: [base_name(path)]}) and os.path.isfile(path)]
        if fits:
            found[file.path] = min(fits)
    return found
