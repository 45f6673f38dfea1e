"""What was found at Discogs, or that nothing was, by release: `DiscogsLookups`. Shells library.db."""

from __future__ import annotations

import sqlite3

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import plain_text

_OPEN = """
SELECT files.mb_release_id, kept.discogs_release_id, kept.looked_at
FROM (
  SELECT DISTINCT mb_release_id FROM HashDb
  WHERE mb_release_id > ? AND mb_release_id <> '' AND coalesce(discogs_release_id, '') = '' ORDER BY mb_release_id LIMIT ?
) AS files LEFT JOIN DiscogsLookups AS kept ON kept.service = ? AND kept.mb_release_id = files.mb_release_id
ORDER BY 1
"""


class DiscogsTable:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(self, service: str, after: str = "") -> list[tuple[str, str | None, float]]:
        """Releases of files without a Discogs number, by MBID: what that service said ("" for nothing, None for not asked) and how long ago (seconds)."""
        now = self._clock.wall().timestamp()
        rows = await self._database.fetch(_OPEN, (after, BATCH, plain_text(service)))
        return [(mbid, kept, max(0.0, now - at) if at is not None else 0.0) for mbid, kept, at in rows]

    async def put(self, service: str, mbid: str, number: str, words: str) -> None:
        await self._database.execute(
            "INSERT OR REPLACE INTO DiscogsLookups VALUES (?, ?, ?, ?, ?)",
            (plain_text(service), mbid, number, plain_text(words), self._clock.wall().timestamp()),
        )

    async def write(self, mbid: str, number: str) -> None:
        """The number of a release, with each of its files."""

        def work(connection: sqlite3.Connection) -> None:
            for table in ("HashDb", "Release", "AlbumMatches"):
                connection.execute(
                    f"UPDATE {table} SET discogs_release_id = ? WHERE mb_release_id = ? AND coalesce(discogs_release_id, '') = ''",
                    (number, mbid),
                )

        await self._database.write(work)
