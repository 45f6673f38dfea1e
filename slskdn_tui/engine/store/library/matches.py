"""What albums of the library were found to be: `AlbumMatches`. Shells library.db."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text
from slskdn_tui.model.matches import AlbumMatch, FileMatch, MatchClass
from slskdn_tui.model.text import SafeText

_COLUMNS = "album, folder, input, class, mb_release_id, title, identified, words, discogs_release_id, files, matched_at"


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """`key` names the album; `looked_at` is a digest of what was known of its files then; `at` Unix seconds."""

    key: str
    match: AlbumMatch
    looked_at: str
    at: float


class MatchesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_folder(self, folder: str) -> list[StoredMatch]:
        """The albums in this folder (above disc folders)."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM AlbumMatches WHERE folder = ? ORDER BY album", (keep_text(folder),))
        return [_stored(row) for row in rows]

    async def all(self, kinds: Sequence[str] = (), limit: int = BATCH) -> list[StoredMatch]:
        """Albums of these classes (all for none), by folder."""
        where = f"WHERE class IN ({', '.join('?' * len(kinds))})" if kinds else ""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM AlbumMatches {where} ORDER BY folder, album LIMIT ?", (*kinds, limit))
        return [_stored(row) for row in rows]

    async def counts(self) -> dict[MatchClass, int]:
        """Albums by class."""
        return dict(await self._database.fetch("SELECT class, count(*) FROM AlbumMatches GROUP BY class"))

    async def put(self, folder: str, found: Iterable[StoredMatch]) -> None:
        """All albums of a folder; those that were there before and are not now are forgotten."""
        rows = list(found)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM AlbumMatches WHERE folder = ?", (keep_text(folder),))
            connection.executemany(
                f"INSERT OR REPLACE INTO AlbumMatches ({_COLUMNS}) VALUES ({', '.join('?' * 11)})", [_row(folder, row) for row in rows]
            )

        await self._database.write(work)

    async def forget(self, folders: Iterable[str]) -> None:
        """Folders that hold no files any more."""
        waiting = iter(folders)
        while batch := list(itertools.islice(waiting, BATCH)):
            await self._database.write_many("DELETE FROM AlbumMatches WHERE folder = ?", [(keep_text(folder),) for folder in batch])

    async def known_folders(self) -> list[str]:
        return [read_text(row[0]) for row in await self._database.fetch("SELECT DISTINCT folder FROM AlbumMatches")]


def _row(folder: str, row: StoredMatch) -> tuple[object, ...]:
    match = row.match
    files = json.dumps([[each.path, each.position, each.recording, each.sure, each.off] for each in match.files])
    return (
        keep_text(row.key), keep_text(folder), plain_text(row.looked_at), match.kind, plain_text(match.release), match.title, match.by, match.words,
        plain_text(match.discogs), plain_text(files), row.at,
    )  # fmt: skip


def _stored(row: tuple[object, ...]) -> StoredMatch:
    key, folder, looked_at, kind, release, title, by, words, discogs, files, at = row
    found = tuple(FileMatch(*each) for each in json.loads(str(files)))
    match = AlbumMatch(read_text(folder), kind, release, SafeText(str(title)), found, by, SafeText(str(words)), discogs)  # type: ignore[arg-type]
    return StoredMatch(read_text(key), match, str(looked_at), float(at))  # type: ignore[arg-type]
