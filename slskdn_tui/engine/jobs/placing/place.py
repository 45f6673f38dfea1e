"""Puts a verified file where it belongs: fsync, rename without overwrite, fsync of the folder. Shell over the file system; runs in a thread."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from slskdn_tui.engine.jobs.placing.placement import other_name
from slskdn_tui.engine.runtime.durable import sync_folder
from slskdn_tui.model.errors import UserError

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the file is now, and a word when it is not simply the new file (`already there`, `kept the existing file`)."""

    path: Path
    note: str = ""


def file_blake3(path: Path) -> str:
    """The plain BLAKE3 of a file, as `b3sum` prints it."""
    hasher = blake3()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


def _same(path: Path, size: int, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size and file_blake3(path) == digest


def find_placed(folder: Path, relative: str, size: int, digest: str) -> Path | None:
    """The file with this size and whole-file BLAKE3 at `folder/relative`, or under one of the names `rename` would have given it."""
    names = (relative, *(other_name(relative, attempt) for attempt in range(2, 6)))
    return next((folder / name for name in names if _same(folder / name, size, digest)), None)


def place(source: Path, folder: Path, relative: str, collision: str, digest: str) -> Placed:
    """Move `source` to `folder/relative` under the collision policy. `digest` is its whole-file BLAKE3. UserError `disk` when that cannot be done."""
    target = folder / relative
    try:
        root = folder.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(root):
            raise UserError(
                "disk",
                f"{target.parent} leads outside the download folder",
                "a symbolic link in the download folder points elsewhere; remove it",
            )
        return _settle(source, target, collision, digest)
    except OSError as error:
        raise UserError(
            "disk", f"cannot write {target}: {error.strerror}", "check the folder's rights and free space (downloads.folder)"
        ) from error


def _settle(source: Path, target: Path, collision: str, digest: str) -> Placed:
    size = source.stat().st_size
    ready = _beside(source, target)
    if collision == "overwrite":
        os.replace(ready, target)
        return _done(source, ready, target)
    attempt, name = 1, target
    while True:
        try:
            os.link(ready, name, follow_symlinks=False)
            os.unlink(ready)
            return _done(source, ready, name)
        except FileExistsError:
            if _same(name, size, digest):
                ready.unlink()
                return _done(source, ready, name, "already there")
            if collision == "skip":
                ready.unlink()
                return _done(source, ready, name, "kept the existing file")
            attempt += 1
            name = target.with_name(other_name(target.name, attempt))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK) or name.exists():
                raise
            os.rename(ready, name)  # a file system without hard links
            return _done(source, ready, name)


def _beside(source: Path, target: Path) -> Path:
    """The file on the target's own file system under a temporary name, synced; `source` itself when it is there already."""
    with source.open("rb") as handle:
        os.fsync(handle.fileno())
    if source.stat().st_dev == target.parent.stat().st_dev:
        return source
    # named by its source: files of one folder often begin alike, and two may be copied at once
    copy = target.with_name(f".{hashlib.sha256(os.fsencode(source)).hexdigest()[:16]}.slskdn")
    try:
        with source.open("rb") as reader, copy.open("wb") as writer:
            shutil.copyfileobj(reader, writer, _BLOCK)
            writer.flush()
            os.fsync(writer.fileno())
    except OSError:  # half of it helps nobody, on a disk that is full
        copy.unlink(missing_ok=True)
        raise
    return copy


def _done(source: Path, ready: Path, target: Path, note: str = "") -> Placed:
    sync_folder(target.parent)
    if ready != source:
        source.unlink(missing_ok=True)
    else:
        sync_folder(source.parent)
    return Placed(target, note)
