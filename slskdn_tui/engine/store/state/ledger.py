"""Bytes moved, by UTC day, plane, direction and peer: `LedgerDays`, and its rolling totals in `HashDbState`. Shells state.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.records import LedgerRow, keep_text, read_text

TOTALS: Mapping[tuple[str, str], str] = {
    ("mesh", "up"): "overlay_upload_bytes",
    ("mesh", "down"): "overlay_download_bytes",
    ("slsk", "up"): "soulseek_upload_bytes",
    ("slsk", "down"): "soulseek_download_bytes",
}
"""The roadmap's names of the rolling totals."""


class LedgerTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, since_day: str) -> list[LedgerRow]:
        """Rows of that day (YYYY-MM-DD) and later."""
        rows = await self._database.fetch(
            "SELECT day, plane, direction, peer_id, bytes FROM LedgerDays WHERE day >= ? ORDER BY day, plane, direction, peer_id",
            (since_day,),
        )
        return [LedgerRow(day, plane, direction, read_text(peer), count) for day, plane, direction, peer, count in rows]

    async def days(self) -> list[LedgerRow]:
        """Sums of all peers by day, plane and direction, of every day there ever was; `peer_id` is empty."""
        words = "SELECT day, plane, direction, sum(bytes) FROM LedgerDays GROUP BY day, plane, direction ORDER BY day, plane, direction"
        return [LedgerRow(day, plane, direction, "", count) for day, plane, direction, count in await self._database.fetch(words)]

    async def add(self, rows: Sequence[LedgerRow], window_start: str) -> None:
        """Add these bytes to what is there, and bring the rolling totals (days from `window_start` on) up to date, in one transaction."""
        if len(rows) > BATCH:
            raise ValueError(f"at most {BATCH} rows at once")
        await self._database.write(partial(_add, rows=rows, window_start=window_start))

    async def totals(self) -> dict[str, int]:
        """The rolling totals as last written: the four names of `TOTALS`, each with its bytes."""
        rows: dict[str, int] = dict(await self._database.fetch("SELECT key, value FROM HashDbState"))
        return {name: rows.get(name, 0) for name in TOTALS.values()}


def _add(connection: sqlite3.Connection, rows: Sequence[LedgerRow], window_start: str) -> None:
    connection.executemany(
        "INSERT INTO LedgerDays (day, plane, direction, peer_id, bytes) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (day, plane, direction, peer_id) DO UPDATE SET bytes = bytes + excluded.bytes",
        [(row.day, row.plane, row.direction, keep_text(row.peer_id), row.bytes) for row in rows],
    )
    sums = {
        (plane, direction): total
        for plane, direction, total in connection.execute(
            "SELECT plane, direction, sum(bytes) FROM LedgerDays WHERE day >= ? GROUP BY plane, direction", (window_start,)
        )
    }
    connection.executemany(
        "INSERT OR REPLACE INTO HashDbState (key, value) VALUES (?, ?)", [(name, sums.get(key, 0)) for key, name in TOTALS.items()]
    )
