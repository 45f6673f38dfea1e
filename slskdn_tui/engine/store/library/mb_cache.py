"""Answers of MusicBrainz by key: the persistent side of `engine/music/cache.py`. Shells library.db."""

from __future__ import annotations

import sqlite3

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import plain_text

KEEP = 20_000
"""Answers kept; the oldest go first."""


class MbCacheTable:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, key: str) -> tuple[str, float] | None:
        """(JSON text, its age in seconds of wall time), or None."""
        found = await self._database.fetch("SELECT json, fetched_at FROM MbCache WHERE key = ?", (plain_text(key),))
        return (found[0][0], max(0.0, self._clock.wall().timestamp() - found[0][1])) if found else None

    async def put(self, key: str, json: str) -> None:
        now = self._clock.wall().timestamp()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO MbCache (key, json, fetched_at) VALUES (?, ?, ?)", (plain_text(key), plain_text(json), now)
            )
            connection.execute(
                "DELETE FROM MbCache WHERE key IN (SELECT key FROM MbCache ORDER BY fetched_at DESC, key LIMIT -1 OFFSET ?)", (KEEP,)
            )

        await self._database.write(work)
