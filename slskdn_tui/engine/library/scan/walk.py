"""Walks a folder for audio files. Shell over os.scandir; runs in the scan's process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from slskdn_tui.engine.library.safe_open import DEEPEST, is_unfinished, is_unfinished_folder
from slskdn_tui.engine.library.scan.diff import Stamp
from slskdn_tui.model.codec import codec_of


@dataclass(slots=True)
class Walk:
    """`folders` lists every folder that was listed with its mtime, `unlisted` those that could not be, with why."""

    folders: dict[str, int] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)

    def files(self, root: str, *, deep: bool = True) -> Iterator[tuple[str, Stamp]]:
        """Audio files below `root` (a real path); hidden and unfinished ones are skipped, links never followed: they could lead in circles or out.

        `deep` false: only what is directly in it.
        """
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
                        if codec_of(name) and entry.is_file(follow_symlinks=False):
                            if not is_unfinished(name):
                                facts = entry.stat(follow_symlinks=False)
                                yield entry.path, Stamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)
                        elif deep and entry.is_dir(follow_symlinks=False) and depth < DEEPEST and not is_unfinished_folder(name):
                            inner.append(entry.path)
            except OSError as error:
                self.folders.pop(folder, None)
                self.unlisted[folder] = error.strerror or str(error)
                continue
            inner.sort(reverse=True)
            stack += [(path, depth + 1) for path in inner]
