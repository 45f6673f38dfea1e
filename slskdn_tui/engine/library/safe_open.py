"""Opens files below a folder without following links. Shell over dirfds.

A shared folder may be written by others: a link put there must not make this node read, hash or upload something outside of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


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
    """(root, path below it) of an absolute plain path, of the innermost of these folders that holds it; None when none does. A folder that is a
    link holds what is named below the link, and below where it leads: the files table has the latter."""
    if not path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")[1:]):
        return None
    names = {name.rstrip("/") for root in roots for name in (os.fspath(root), os.path.realpath(root))}
    holds = [root for root in names if path.startswith(root + "/")]
    root = max(holds, key=len, default=None)
    return None if root is None else (root, path[len(root) + 1 :])
