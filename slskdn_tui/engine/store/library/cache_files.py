"""Files of the warm cache: `CacheFiles`. A `FileIndex` of its own, so that no file of the cache is ever in the library. Shells library.db."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import FILE_ENTRY, entry_of, keep_text, plain_text, read_text, row_of
from slskdn_tui.model.files import FileEntry
from slskdn_tui.model.text import SafeText

_ABOUT = "mb_recording_id, path, size, title, artist, consensus, added_at, used_at, hits, bytes_served"


@dataclass(slots=True)
class CacheFile:
    """One recording in the cache. `consensus` says how its copy stands to what the mesh tells; times are Unix seconds; `hits` are peers served."""

    recording: str
    path: str
    size: int
    title: SafeText = SafeText("")  # noqa: RUF009  immutable
    artist: SafeText = SafeText("")  # noqa: RUF009  immutable
    consensus: SafeText = SafeText("")  # noqa: RUF009  immutable
    added_at: float = 0.0
    used_at: float = 0.0
    hits: int = 0
    bytes_served: int = 0

    @property
    def settled(self) -> bool:
        """Whether it was judged, and may be offered."""
        return self.added_at > 0


class CacheFilesTable:
    """A `FileIndex`; `files`, `tell` and `used` keep what is known beside the bytes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self) -> Sequence[FileEntry]:
        """Every file, without its digests."""
        rows = await self._database.fetch(f"SELECT {', '.join(FILE_ENTRY)} FROM CacheFiles ORDER BY path")
        return [entry_of(row, download=True) for row in rows]

    async def put(self, entries: Sequence[FileEntry]) -> None:
        """Insert or update; what is known beside the bytes stays."""
        names = [*FILE_ENTRY, "digests", "region_digests"]
        changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "mb_recording_id")
        sql = f"INSERT INTO CacheFiles ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT (mb_recording_id) DO UPDATE SET {changes}"
        await self._database.write_many(sql, [(*row_of(entry), entry.digests, entry.region_digests) for entry in entries])

    async def drop(self, paths: Sequence[str]) -> None:
        await self._database.write_many("DELETE FROM CacheFiles WHERE path = ?", [(keep_text(path),) for path in paths])

    def digests(self, path: str, kind: Literal["file", "region"] = "file") -> bytes:
        """The joined digests of one file or its region, b"" when unknown. Synchronous: one indexed read."""
        column = "region_digests" if kind == "region" else "digests"
        found = self._database.read_now(f"SELECT {column} FROM CacheFiles WHERE path = ?", (keep_text(path),))
        return bytes(found[0][0]) if found else b""

    async def files(self) -> list[CacheFile]:
        """All that is held, the newest last."""
        rows = await self._database.fetch(f"SELECT {_ABOUT} FROM CacheFiles ORDER BY added_at, mb_recording_id")
        return [
            CacheFile(recording, read_text(path), size, SafeText(title), SafeText(artist), SafeText(consensus), *rest)
            for recording, path, size, title, artist, consensus, *rest in rows
        ]

    async def tell(self, file: CacheFile) -> None:
        """Keep what is known of a file whose bytes were put."""
        await self._database.execute(
            "UPDATE CacheFiles SET title = ?, artist = ?, consensus = ?, added_at = ?, used_at = ? WHERE mb_recording_id = ?",
            (plain_text(file.title), plain_text(file.artist), plain_text(file.consensus), file.added_at, file.used_at, file.recording),
        )

    async def used(self, files: Iterable[CacheFile]) -> None:
        """Keep when and how much these were sent."""
        await self._database.write_many(
            "UPDATE CacheFiles SET used_at = ?, hits = ?, bytes_served = ? WHERE mb_recording_id = ?",
            [(one.used_at, one.hits, one.bytes_served, one.recording) for one in files],
        )
