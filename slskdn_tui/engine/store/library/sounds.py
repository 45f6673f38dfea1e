"""Answers of AcoustID by key: the persistent side of `engine/music/identify/acoustid.py`. Shells library.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import plain_text

KEEP_S = 60 * 86_400.0
"""Older answers are dropped: the client takes none of them."""


class SoundsTable:
    """A `PrintCache`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, keys: Sequence[str]) -> Mapping[str, tuple[str, float]]:
        """Key to (JSON text, its age in seconds of wall time), for those that are there."""
        now, found = self._clock.wall().timestamp(), dict[str, tuple[str, float]]()
        for start in range(0, len(keys), BATCH):
            batch = [plain_text(key) for key in keys[start : start + BATCH]]
            words = f"SELECT key, json, fetched_at FROM AcoustIdCache WHERE key IN ({', '.join('?' * len(batch))})"
            found |= {key: (text, max(0.0, now - at)) for key, text, at in await self._database.fetch(words, batch)}
        return found

    async def put(self, rows: Sequence[tuple[str, str]]) -> None:
        now = self._clock.wall().timestamp()

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO AcoustIdCache VALUES (?, ?, ?)", [(plain_text(key), plain_text(text), now) for key, text in rows]
            )
            connection.execute("DELETE FROM AcoustIdCache WHERE fetched_at < ?", (now - KEEP_S,))

        await self._database.write(work)
