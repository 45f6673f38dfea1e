"""Local files and what their bytes are: `HashDb`, the index behind what is offered to the mesh. Shells library.db (synchronous=NORMAL)."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import keep_text, read_text

_COLUMNS = "path, size, mtime_ns, inode, mb_recording_id, codec, codec_profile, duration_ms, streaminfo, variant_id"
_SELECT = (
    "SELECT HashDb.path, size, mtime_ns, inode, mb_recording_id, codec, codec_profile, duration_ms, streaminfo, variant_id, digests"
    " FROM HashDb LEFT JOIN HashDbDigests ON HashDbDigests.path = HashDb.path"
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """One local file. `digests` are its leaf digests joined (b"" when not hashed), `streaminfo` the 34-byte FLAC block in hex or empty."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    recording_mbid: str = ""
    codec: str = ""
    codec_profile: str = ""
    duration_ms: int | None = None
    streaminfo: str = ""
    variant_id: str = ""
    digests: bytes = b""


class FilesTable:
    """The file index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[FileRow]:
        """Every file, digests included, by path."""
        return [_row(values) for values in await self._database.fetch(f"{_SELECT} ORDER BY HashDb.path")]

    async def get(self, path: str) -> FileRow | None:
        return next(iter(await self._where("HashDb.path", keep_text(path))), None)

    async def of_recording(self, recording_mbid: str) -> list[FileRow]:
        return await self._where("mb_recording_id", recording_mbid) if recording_mbid else []

    async def of_variant(self, variant_id: str) -> list[FileRow]:
        return await self._where("variant_id", variant_id) if variant_id else []

    async def upsert(self, rows: Iterable[FileRow]) -> None:
        """Insert or update these files; columns other work filled in (quality, fingerprint) stay. At most `BATCH` rows a transaction."""
        waiting = iter(rows)
        while batch := list(itertools.islice(waiting, BATCH)):
            await self._database.write(partial(_upsert, rows=batch))

    async def remove(self, paths: Iterable[str]) -> None:
        await self._database.write_many("DELETE FROM HashDb WHERE path = ?", ((keep_text(path),) for path in paths))

    async def _where(self, column: str, value: str | bytes) -> list[FileRow]:
        return [_row(values) for values in await self._database.fetch(f"{_SELECT} WHERE {column} = ? ORDER BY HashDb.path", (value,))]


def _upsert(connection: sqlite3.Connection, rows: Sequence[FileRow]) -> None:
    marks = ", ".join("?" * len(_COLUMNS.split(", ")))
    changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
    connection.executemany(
        f"INSERT INTO HashDb ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (path) DO UPDATE SET {changes}",
        [
            (
                keep_text(row.path),
                row.size,
                row.mtime_ns,
                row.inode,
                row.recording_mbid,
                row.codec,
                row.codec_profile,
                row.duration_ms,
                row.streaminfo,
                row.variant_id,
            )
            for row in rows
        ],
    )
    connection.executemany("DELETE FROM HashDbDigests WHERE path = ?", [(keep_text(row.path),) for row in rows if not row.digests])
    connection.executemany(
        "INSERT OR REPLACE INTO HashDbDigests (path, digests) VALUES (?, ?)",
        [(keep_text(row.path), row.digests) for row in rows if row.digests],
    )


def _row(values: tuple[Any, ...]) -> FileRow:
    path, *middle, digests = values
    return FileRow(read_text(path), *middle, b"" if digests is None else bytes(digests))  # type: ignore[call-arg]
