"""What a walk found against what was known: new, changed, renamed, gone. Core."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

ASK_ABOVE = 0.2
"""A drop of more than this share of a folder's files asks first: a disk that is not mounted looks like one that was emptied."""


class Known(NamedTuple):
    """A row of the table: its stamp, whether its headers and tags were read, and whether it was missing."""

    mtime_ns: int
    size: int
    inode: int
    read: bool = True
    missing: bool = False


class Stamp(NamedTuple):
    """What `stat` says of a file."""

    mtime_ns: int
    size: int
    inode: int


@dataclass(slots=True)
class Diff:
    """`read`: paths whose headers are to be read. `lost` of `total` are not there any more, by root; `gone` of these are to be forgotten, `asks` to be
    kept until the user says so. `back`: there again."""

    unchanged: int = 0
    read: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    asks: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def settle(self) -> None:
        """Decide what is gone, as far as it is not `moved`."""
        moved = {old for old, _ in self.moved}
        self.gone, self.asks = [], {}
        for root, paths in self.lost.items():
            paths = [path for path in paths if path not in moved]
            if len(paths) > ASK_ABOVE * self.total[root]:
                self.asks[root.rstrip("/")] = paths
            else:
                self.gone += paths


def compare(known: Mapping[str, Known], found: Mapping[str, Stamp], roots: Collection[str], unlisted: Collection[str]) -> Diff:
    """`roots` were walked; of folders `unlisted` (roots, or below them), which could not be listed, nothing counts as gone.

    What is below no root any more is asked about under the root "". A file whose stamp is a vanished one's is that file under another name,
    unless two could be it.
    """
    diff = Diff()
    fresh: list[str] = []
    for path, stamp in found.items():
        before = known.get(path)
        if before is None:
            fresh.append(path)
        elif before[:3] == stamp and before.read:
            diff.unchanged += 1
            if before.missing:
                diff.back.append(path)
        else:
            diff.read.append(path)
    shut = tuple(folder.rstrip("/") + "/" for folder in unlisted)
    inner_first = sorted((root.rstrip("/") + "/" for root in roots), key=len, reverse=True)
    by_stamp: dict[tuple[int, int, int], list[str]] = {}
    for path, row in known.items():
        root = next((root for root in inner_first if path.startswith(root)), "")
        diff.total[root] = diff.total.get(root, 0) + 1
        if path not in found and not path.startswith(shut):
            diff.lost.setdefault(root, []).append(path)
            by_stamp.setdefault(row[:3], []).append(path)
    for path in fresh:
        old = by_stamp.get(found[path], ())
        if len(old) == 1 and known[old[0]].read:
            diff.moved.append((old[0], path))
            by_stamp[found[path]] = []
        else:
            diff.read.append(path)
    diff.settle()
    diff.read.sort()
    return diff
