"""Shell: what was asked and answered lately, on disk: the gate's window, and replies for as long as the gate holds their query back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from slskdn_tui.engine.soulseek.search.gate import query_key
from slskdn_tui.model.candidates import SearchReply

MAX_REMEMBERED_BYTES = 8 * 1024 * 1024
KEEP_REPLIES_S = 600.0
REPLIES: TypeAdapter[tuple[SearchReply, ...]] = TypeAdapter(tuple[SearchReply, ...])


class GateStore(Protocol):
    """Where the gate's window lives across restarts; wall seconds since the epoch."""

    async def load(self, since: float) -> Sequence[tuple[float, str]]: ...
    async def record(self, wall: float, query: str) -> None: ...


class SearchMemory:
    """The gate's window and recent replies in the share index's file; a `GateStore`. Its own connection; calls run in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self, since: float) -> Sequence[tuple[float, str]]:
        rows = await asyncio.to_thread(self._execute, "SELECT wall, query FROM asked WHERE wall >= ?", since)
        return [(float(wall), str(query)) for wall, query in rows]

    async def record(self, wall: float, query: str) -> None:
        await asyncio.to_thread(self._execute, "INSERT INTO asked VALUES (?, ?)", wall, query)
        await asyncio.to_thread(self._execute, "DELETE FROM asked WHERE wall < ?", wall - 3600)

    async def recall(self, query: str, since: float) -> tuple[SearchReply, ...] | None:
        """Replies to this query since then; None when it was not asked, or not answered to the end."""
        return await asyncio.to_thread(self._recall, query, since)

    def _recall(self, query: str, since: float) -> tuple[SearchReply, ...] | None:
        rows = self._execute("SELECT replies FROM reply WHERE query = ? AND wall >= ?", query_key(query), since)
        return REPLIES.validate_json(rows[0][0]) if rows else None

    async def remember(self, query: str, wall: float, replies: tuple[SearchReply, ...]) -> None:
        await asyncio.to_thread(self._remember, query, wall, replies)

    def _remember(self, query: str, wall: float, replies: tuple[SearchReply, ...]) -> None:
        text = REPLIES.dump_json(replies).decode("utf-8", "replace")
        if len(text) <= MAX_REMEMBERED_BYTES:
            self._execute("INSERT OR REPLACE INTO reply VALUES (?, ?, ?)", query_key(query), wall, text)
        self._execute("DELETE FROM reply WHERE wall < ?", wall - KEEP_REPLIES_S)

    def _execute(self, sql: str, *values: Any) -> list[Any]:
        db = sqlite3.connect(self._path, timeout=10)
        try:
            with db:
                return db.execute(sql, values).fetchall()
        finally:
            db.close()
