"""Walks a folder for audio files: for the scan, in its process, and for what is offered, in a thread. Shell over os.scandir."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from slskdn_tui.engine.library.scan.diff import Stamp
from slskdn_tui.model.codec import CODECS

DEEPEST = 64
_UNFINISHED_FOLDERS = frozenset({"incomplete", "lost+found", "@eadir", "#recycle"})


@dataclass(slots=True)
class Walk:
    """`folders` lists every folder that was listed with its mtime, `unlisted` those that could not be, with why."""

    folders: dict[str, int] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)

    def files(self, root: str) -> Iterator[tuple[str, Stamp]]:
        """Audio files below `root` (a real path); hidden and unfinished ones (`x.flac.part`) are skipped, links never followed: they could lead in circles or out."""
        stack = [(root, 0)]
        while stack:
            folder, depth = stack.pop()
            if folder in self.folders:
                continue
            inner: list[str] = []
            try:
                self.folders[folder] = os.stat(folder).st_mtime_ns
                with os.scandir(folder) as entries:
                    for entry in entries:
                        name = entry.name
                        if name[0] == ".":
                            continue
                        try:
                            if name[name.rfind(".") + 1 :].lower() in CODECS and entry.is_file(follow_symlinks=False):
                                facts = entry.stat(follow_symlinks=False)
                                yield entry.path, Stamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)
                            elif entry.is_dir(follow_symlinks=False) and depth < DEEPEST and name.lower() not in _UNFINISHED_FOLDERS:
                                inner.append(entry.path)
                        except FileNotFoundError:
                            continue  # gone between listing and looking
            except OSError as error:
                self.folders.pop(folder, None)
                self.unlisted[folder] = error.strerror or str(error)
                continue
            inner.sort(reverse=True)
            stack += [(path, depth + 1) for path in inner]
