"""Opens files below a folder without following links. Shell over dirfds.

A shared folder may be written by others: a link put there must not make this node read, hash or upload something outside of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slskdn_tui.model.codec import codec_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
DEEPEST = 64
_UNFINISHED = (".part", ".incomplete", ".tmp", ".download", ".!ut", ".crdownload")
_UNFINISHED_FOLDERS = frozenset({"incomplete", "lost+found", "@eadir", "#recycle"})


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that it is still being written."""
    return name.lower().endswith(_UNFINISHED)


def is_unfinished_folder(name: str) -> bool:
    return name.lower() in _UNFINISHED_FOLDERS


def open_folder(root: str, relative: str) -> int:
    """A file descriptor of the folder `root`/`relative` ("" for the root itself). No component below `root` may be a link. OSError otherwise."""
    parts = relative.split("/") if relative else []
    if any(part in ("", ".", "..") for part in parts):
        raise OSError(f"not a plain path: {relative!r}")
    folder = os.open(root, _DIRECTORY)
    try:
        for part in parts:
            inner = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
    except OSError:
        os.close(folder)
        raise
    return folder


def open_beneath(root: str, relative: str) -> int:
    """A file descriptor of the regular file `root`/`relative`, read-only. No component below `root` may be a link. OSError otherwise."""
    below, _, name = relative.rpartition("/")
    if name in ("", ".", "..") or (not below and "/" in relative):
        raise OSError(f"not a plain path: {relative!r}")
    folder = open_folder(root, below)
    try:
        # O_NONBLOCK: a fifo must not hold up the thread; it is refused below.
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"not a regular file: {relative!r}")
    return fd


def below(roots: Iterable[str | os.PathLike[str]], path: str) -> tuple[str, str] | None:
    """(root, path below it) of an absolute plain path, of the innermost of these folders that holds it; None when none does."""
    if not path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")[1:]):
        return None
    holds = [root for root in (os.fspath(root).rstrip("/") for root in roots) if path.startswith(root + "/")]
    root = max(holds, key=len, default=None)
    return None if root is None else (root, path[len(root) + 1 :])


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a walk: path below the root, and what `stat` says."""

    relative: str
    mtime_ns: int
    size: int
    inode: int


def walk(root: str) -> Iterator[Found]:
    """Audio files below `root` in name order; hidden, unfinished and linked ones skipped. A folder that cannot be listed ends with OSError for the
    root, and is skipped below it."""
    yield from _walk(root, "", 0)


def _walk(root: str, below: str, depth: int) -> Iterator[Found]:
    try:
        with os.scandir(os.path.join(root, below) if below else root) as entries:
            rows = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        if not below:
            raise
        return
    for entry in rows:
        name = entry.name
        if name.startswith("."):
            continue
        path = f"{below}/{name}" if below else name
        try:
            if entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST and name.lower() not in _UNFINISHED_FOLDERS:
                    yield from _walk(root, path, depth + 1)
            elif entry.is_file(follow_symlinks=False) and codec_of(name) and not name.lower().endswith(_UNFINISHED):
                facts = entry.stat(follow_symlinks=False)
                yield Found(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError:
            continue  # gone between listing and looking
