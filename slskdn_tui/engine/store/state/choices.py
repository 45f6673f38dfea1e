"""Small things a user chose while the program ran (speed limits, saved filters, the port in use). Shells state.db."""

from __future__ import annotations

import json
from typing import Any

from slskdn_tui.engine.store.database import Database


class ChoicesTable:
    """Plain JSON values by dotted key, e.g. `limits`, `filters.loud`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> Any | None:
        rows = await self._database.fetch("SELECT value FROM Choices WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else None

    async def under(self, prefix: str) -> dict[str, Any]:
        """All values whose key begins with `prefix`, by the rest of their key."""
        rows = await self._database.fetch("SELECT key, value FROM Choices WHERE substr(key, 1, ?) = ? ORDER BY key", (len(prefix), prefix))
        return {key[len(prefix) :]: json.loads(value) for key, value in rows}

    async def put(self, key: str, value: Any) -> None:
        await self._database.execute("INSERT OR REPLACE INTO Choices VALUES (?, ?)", (key, json.dumps(value)))

    async def drop(self, key: str) -> None:
        await self._database.execute("DELETE FROM Choices WHERE key = ?", (key,))
