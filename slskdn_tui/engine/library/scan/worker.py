"""The scan's process: walks the folders, compares with library.db, reads headers and tags. Shell; nice, and killed to cancel it.

    python -m slskdn_tui.engine.library.scan.worker

One request, a line of JSON on standard input: {"db": path, "roots": [...]}. Answers are lines of JSON, each with "say":

- "folders": `mtimes` by path, at most 500 a line
- "walk": `files` and `folders` seen so far; "walked": the counts of `Diff`, `unlisted` folders with why, and how many of the files to read are
  so `young` that they may still be written
- "moved": `pairs`; "back", and near the end "gone": `paths`; "asks": `root` and `paths`: at most 500 a line
- "read": `rows` as `store/library/rows.py` has them (paths as text), `done` of how many there are in all, `left` those gone meanwhile
- "settled": the counts `moved` and `gone`, and `asks` by root, after all was read
- "end"

It writes nothing: library.db has one writer, the engine.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from slskdn_tui.engine.library.safe_open import open_beneath
from slskdn_tui.engine.library.scan.diff import Diff, Known, Stamp, compare
from slskdn_tui.engine.library.scan.walk import Walk
from slskdn_tui.engine.store.library.rows import values
from slskdn_tui.engine.store.records import read_text
from slskdn_tui.model.library import LibraryFile, Stage, merged
from slskdn_tui.model.text import SafeText

MEMORY = 2 * 1024**3
BATCH = 500
READ_BATCH = 100
TELL_EVERY = 0.25
YOUNG_S = 120.0
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENOTCONN, errno.ESTALE, errno.EIO, errno.ENODEV, errno.EHOSTDOWN})
"""What reading says once a file, its disk or its server went away: nothing about the file itself."""


def _say(what: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"say": what, **more}) + "\n")
    sys.stdout.flush()


def known_files(db: str) -> dict[str, Known]:
    """Every file of the library by path."""
    with closing(_opened(db)) as connection:
        rows = connection.execute("SELECT path, mtime_ns, size, inode, stage, missing_at FROM HashDb WHERE stage > 0")
        return {
            path if path.__class__ is str else read_text(path): Known(mtime_ns, size, inode, stage > 1, missing is not None)
            for path, mtime_ns, size, inode, stage, missing in rows
        }


def _opened(db: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{Path(db).absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    connection.execute("PRAGMA query_only = ON")
    return connection


def walk_all(roots: Sequence[str], walk: Walk) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    told = time.monotonic()
    for root in roots:
        for path, stamp in walk.files(root):
            found[path] = stamp
            if not len(found) & 255 and time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                _say("walk", files=len(found), folders=len(walk.folders))
    return found


def read_file(root: str, path: str, at: float) -> LibraryFile | None:
    """Headers and tags; what is wrong with the file is its `error`. None when it went away."""
    from slskdn_tui.engine.library.tags import read_tags

    stamp = os.lstat(path)
    file = LibraryFile(path, stamp.st_mtime_ns, stamp.st_size, stamp.st_ino, scanned_at=at)
    try:
        fd = open_beneath(root, path[len(root) :].lstrip("/"))
    except OSError as error:
        if error.errno in _GONE:
            return None
        # Stage NEW: rights may be mended without a change of its stamp, so the next scan tries again.
        return replace(file, error=SafeText(f"cannot be read: {error.strerror or error}"))
    try:
        stamp = os.fstat(fd)
        file = LibraryFile(path, stamp.st_mtime_ns, stamp.st_size, stamp.st_ino, Stage.TAGS, scanned_at=at)
        if not stamp.st_size:
            return replace(file, stage=Stage.TESTED, error=SafeText("the file is empty"))
        tags = read_tags(fd, path)
        return merged(None, replace(file, tags=tags.said, facts=tags.facts, streaminfo=tags.streaminfo))
    except ValueError as error:
        return replace(file, error=SafeText(str(error)))
    except OSError as error:
        return (
            None if error.errno in _GONE else replace(file, stage=Stage.NEW, error=SafeText(f"cannot be read: {error.strerror or error}"))
        )
    finally:
        os.close(fd)


def row_of(file: LibraryFile) -> list[Any]:
    """As `values`, with the two paths as text: JSON has no bytes."""
    row = list(values(file))
    row[0], row[4] = file.path, file.folder
    return row


def batches(items: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def read_all(db: str, diff: Diff, roots: Sequence[str]) -> None:
    """Read in order, so that whole albums come together; what went away is left for the next scan."""
    inner_first = sorted(roots, key=len, reverse=True)
    lost = {path for paths in diff.lost.values() for path in paths} - {old for old, _ in diff.moved}
    left, paths = 0, diff.read
    for start in range(0, len(paths), READ_BATCH):
        files = []
        for path in paths[start : start + READ_BATCH]:
            root = next(root for root in inner_first if path.startswith(root.rstrip("/") + "/"))
            try:
                file = read_file(root, path, time.time())
            except OSError:
                file = None
            if file is None:
                left += 1
            else:
                files.append(file)
        if lost and (moved := copied(db, files, lost)):
            diff.moved += moved
            _say("moved", pairs=moved)
        rows = [row_of(file) for file in files]
        _say("read", rows=rows, done=min(start + READ_BATCH, len(paths)), total=len(paths), left=left)


def copied(db: str, files: Sequence[LibraryFile], lost: set[str]) -> list[tuple[str, str]]:
    """(old path, new path) of FLACs moved from another file system: of one audio MD5 and size with one that is lost, which is taken from `lost`."""
    found = []
    with closing(_opened(db)) as connection:
        for file in files:
            if not file.facts.audio_md5:
                continue
            words = "SELECT path FROM HashDb WHERE audio_md5 = ? AND audio_md5 <> '' AND size = ? AND stage > 0"
            same = [read_text(row[0]) for row in connection.execute(words, (file.facts.audio_md5, file.size))]
            old = next((path for path in same if path in lost), None)
            if old is not None and file.path not in same:
                lost.discard(old)
                found.append((old, file.path))
    return found


def settle(diff: Diff) -> None:
    diff.settle()
    asks = {root: len(paths) for root, paths in diff.asks.items()}
    _say("settled", moved=len(diff.moved), gone=len(diff.gone), asks=asks)
    for paths in batches(diff.gone):
        _say("gone", paths=paths)
    for root, lost in diff.asks.items():
        for paths in batches(lost):
            _say("asks", root=root, paths=paths)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)
    request = json.loads(sys.stdin.readline())
    roots: list[str] = request["roots"]
    known = known_files(request["db"])
    walk = Walk()
    found = walk_all(roots, walk)
    diff = compare(known, found, roots, walk.unlisted)
    _say(
        "walked",
        files=len(found),
        folders=len(walk.folders),
        unchanged=diff.unchanged,
        read=len(diff.read),
        unlisted=walk.unlisted,
        young=sum(found[path].mtime_ns > (time.time() - YOUNG_S) * 1e9 for path in diff.read),
    )
    for paths in batches(list(walk.folders)):
        _say("folders", mtimes={path: walk.folders[path] for path in paths})
    for pairs in batches(diff.moved):
        _say("moved", pairs=pairs)
    for paths in batches(diff.back):
        _say("back", paths=paths)
    del known, found, walk
    read_all(request["db"], diff, roots)
    settle(diff)
    _say("end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
