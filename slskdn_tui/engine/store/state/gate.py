"""When which search was sent to Soulseek: what keeps a restarted engine from searching its way into a ban. Shells state.db."""

from __future__ import annotations

import sqlite3

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, read_text

KEEP_S = 86_400.0
"""Searches older than a day before the newest are forgotten; the longest rule looks back 30 minutes."""


class GateTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, since: float = 0.0) -> list[tuple[float, str]]:
        """(Unix time, query) of the searches sent since then, oldest first."""
        rows = await self._database.fetch("SELECT wall, query FROM SearchGate WHERE wall >= ? ORDER BY wall, rowid", (since,))
        return [(wall, read_text(query)) for wall, query in rows]

    async def record(self, wall: float, query: str) -> None:
        """Remember a search at Unix time `wall`; returns when it is on the disk, so the search may go out."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO SearchGate (wall, query) VALUES (?, ?)", (wall, keep_text(query)))
            connection.execute("DELETE FROM SearchGate WHERE wall < ?", (wall - KEEP_S,))

        await self._database.write(work)
