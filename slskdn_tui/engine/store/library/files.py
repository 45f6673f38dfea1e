"""Local files: `HashDb`. What their bytes are (a `FileIndex`, behind what is offered to the mesh), and what the scanner knows. Shells library.db."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal

from slskdn_tui.engine.store.database import BATCH
from slskdn_tui.engine.store.library.scanned import ScannedFiles
from slskdn_tui.engine.store.records import FILE_ENTRY, entry_of, keep_text, read_text, row_of
from slskdn_tui.model.files import FileEntry

_COLUMNS = ", ".join((*FILE_ENTRY, "download"))


class FilesTable(ScannedFiles):
    """A `FileIndex`, with what `ScannedFiles` has for the library."""

    async def entries(self) -> Sequence[FileEntry]:
        """Every file that is or was looked at for an offer, by path, without its digests."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM HashDb WHERE offer = 1 ORDER BY path")
        return [entry_of(row[:-1], download=bool(row[-1])) for row in rows]

    async def put(self, entries: Iterable[FileEntry]) -> None:
        """Insert or update; columns that other work filled in (quality, fingerprint) stay. At most `BATCH` rows a transaction."""
        waiting = iter(entries)
        while batch := list(itertools.islice(waiting, BATCH)):
            await self._database.write(partial(_put, entries=batch))

    async def drop(self, paths: Iterable[str]) -> None:
        """No longer offered. A file the scanner knows stays: whether it is to be forgotten is the scan's to ask."""
        waiting = iter(paths)
        while batch := [(keep_text(path),) for path in itertools.islice(waiting, BATCH)]:
            await self._database.write(partial(_drop, paths=batch))

    async def of_sizes(self, sizes: Sequence[int]) -> list[tuple[str, int]]:
        """(path, size) of the files that have one of these sizes: indexed."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, int]]:
            found: list[tuple[str, int]] = []
            waiting = iter(sizes)
            while batch := list(itertools.islice(waiting, BATCH)):
                marks = ", ".join("?" * len(batch))
                found += connection.execute(
                    f"SELECT path, size FROM HashDb WHERE size IN ({marks}) AND missing_at IS NULL", batch
                ).fetchall()
            return [(read_text(path), size) for path, size in found]

        return await self._database.read(work)

    def digests(self, path: str, kind: Literal["file", "region"] = "file") -> bytes:
        """The joined digests of one file or its region, b"" when unknown. Synchronous: one indexed read."""
        column = "region_digests" if kind == "region" else "digests"
        found = self._database.read_now(f"SELECT {column} FROM HashDbDigests WHERE path = ?", (keep_text(path),))
        return bytes(found[0][0]) if found else b""

    async def held_recordings(self, recordings: Sequence[str]) -> list[tuple[str, str]]:
        """(recording, path) of the files that are one of these recordings, as the last scan saw them: indexed."""
        found: list[tuple[str, str]] = []
        waiting = iter(recordings)
        while batch := list(itertools.islice(waiting, BATCH)):
            marks = ", ".join("?" * len(batch))
            # The index leaves out files without a recording, so the query has to say that it does not want them.
            words = f"SELECT mb_recording_id, path FROM HashDb WHERE mb_recording_id <> '' AND mb_recording_id IN ({marks}) AND missing_at IS NULL"
            found += [(recording, read_text(path)) for recording, path in await self._database.fetch(words, batch)]
        return found

    async def held_releases(self, releases: Sequence[str]) -> dict[str, int]:
        """How many files were found to be of each of these releases; those without any are left out. Indexed."""
        found: dict[str, int] = {}
        waiting = iter(releases)
        while batch := list(itertools.islice(waiting, BATCH)):
            marks = ", ".join("?" * len(batch))
            words = (
                f"SELECT mb_release_id, count(*) FROM HashDb WHERE mb_release_id <> '' AND mb_release_id IN ({marks}) AND missing_at IS NULL"
                " GROUP BY mb_release_id"
            )
            found |= dict(await self._database.fetch(words, batch))
        return found


def _drop(connection: sqlite3.Connection, paths: Sequence[tuple[str | bytes]]) -> None:
    connection.executemany("DELETE FROM HashDb WHERE path = ? AND stage = 0", paths)
    connection.executemany("UPDATE HashDb SET offer = 0, variant_id = '', region_id = NULL WHERE path = ?", paths)
    connection.executemany("DELETE FROM HashDbDigests WHERE path = ?", paths)


_CHANGED = "(excluded.mtime_ns, excluded.size, excluded.inode) <> (HashDb.mtime_ns, HashDb.size, HashDb.inode)"


def _put(connection: sqlite3.Connection, entries: Sequence[FileEntry]) -> None:
    names = _COLUMNS.split(", ")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:] if name != "mb_recording_id")
    # What is known of the sound is of the file as it was, and the scanner is to look again. What it was found to be outlives tags that say nothing.
    changes += f", offer = 1, missing_at = NULL, stage = CASE WHEN stage > 0 AND {_CHANGED} THEN 1 ELSE stage END"
    changes += ", mb_recording_id = coalesce(nullif(excluded.mb_recording_id, ''), mb_recording_id)"
    connection.executemany(
        f"INSERT INTO HashDb ({_COLUMNS}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT (path) DO UPDATE SET {changes}",
        [(*row_of(entry), int(entry.download)) for entry in entries],
    )
    connection.executemany("DELETE FROM HashDbDigests WHERE path = ?", [(keep_text(entry.path),) for entry in entries])
    connection.executemany(
        "INSERT INTO HashDbDigests (path, digests, region_digests) VALUES (?, ?, ?)",
        [
            (keep_text(entry.path), entry.digests, entry.region_digests)
            for entry in {entry.path: entry for entry in entries}.values()
            if entry.digests
        ],
    )
