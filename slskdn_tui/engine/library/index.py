"""A file index in memory, for tests and for nodes without a database. Shells nothing; the port is `model/files.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from slskdn_tui.model.files import FileEntry


class MemoryFileIndex:
    """A `FileIndex` that ends with the process."""

    def __init__(self) -> None:
        self.rows: dict[str, FileEntry] = {}

    async def entries(self) -> Sequence[FileEntry]:
        return tuple(entry.brief() for entry in self.rows.values())

    async def put(self, entries: Sequence[FileEntry]) -> None:
        self.rows.update((entry.path, entry) for entry in entries)

    async def drop(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.rows.pop(path, None)

    def digests(self, path: str, kind: Literal["file", "region"] = "file") -> bytes:
        entry = self.rows.get(path)
        return b"" if entry is None else entry.region_digests if kind == "region" else entry.digests
