"""Which folders were there, and on which disk: one that is gone, or whose disk is not mounted any more, is not made anew. Shell over the file system."""

from __future__ import annotations

import os
from pathlib import Path


def part_path(incomplete: Path, job_id: str, position: int, size: int) -> Path:
    """Where the partial file of a track lies that is `size` bytes long."""
    return incomplete / job_id / f"{position:03}-{size}.part"


def part_keyed(path: Path) -> tuple[int, int] | None:
    """(position, size) as `part_path` put them into a name; None for a file that is none of ours."""
    position, _, size = path.stem.partition("-")
    return (int(position), int(size)) if position.isdecimal() and size.isdecimal() else None


class LocalFolders:
    """Remembers each folder with its mount point from the first look that finds it. Blocking, and quick but for a network disk that hangs."""

    def __init__(self) -> None:
        self._mounts: dict[Path, Path] = {}

    def gone(self, folder: Path) -> str:
        """Why a folder that was there is not; empty for one that is, or never was."""
        mount = self._mounts.get(folder)
        if not folder.is_dir():
            return f"the folder is gone: {folder} (mount its disk, or make it again)" if mount is not None else ""
        if mount is None:
            self._mounts[folder] = _mount_of(folder)
        elif not os.path.ismount(mount):
            return f"the disk of {folder} is not mounted any more at {mount}"
        return ""


def _mount_of(folder: Path) -> Path:
    place = folder.resolve()
    while not os.path.ismount(place):
        place = place.parent
    return place
