"""The warm cache: the user's pins, and what it did each day. Shells state.db (synchronous=FULL)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from slskdn_tui.engine.store.database import Database


@dataclass(frozen=True, slots=True)
class CacheDay:
    """One UTC day (YYYY-MM-DD): `hits` peers that were sent something from the cache, bytes sent, recordings and bytes fetched, recordings let go."""

    day: str
    hits: int = 0
    bytes_served: int = 0
    fetched: int = 0
    bytes_fetched: int = 0
    evicted: int = 0


class CacheTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def pins(self) -> dict[str, float]:
        """Recordings that stay for ever, and since when (Unix seconds)."""
        return dict(await self._database.fetch("SELECT mb_recording_id, pinned_at FROM CachePins"))

    async def pin(self, recording: str, at: float) -> None:
        await self._database.execute("INSERT OR IGNORE INTO CachePins VALUES (?, ?)", (recording, at))

    async def unpin(self, recording: str) -> bool:
        """True when it was pinned."""
        return bool(await self._database.execute("DELETE FROM CachePins WHERE mb_recording_id = ?", (recording,)))

    async def count(self, day: CacheDay) -> None:
        """Add these to that day's counts."""
        await self._database.execute(
            "INSERT INTO CacheDays VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day) DO UPDATE SET hits = hits + excluded.hits,"
            " bytes_served = bytes_served + excluded.bytes_served, fetched = fetched + excluded.fetched,"
            " bytes_fetched = bytes_fetched + excluded.bytes_fetched, evicted = evicted + excluded.evicted",
            astuple(day),
        )

    async def days(self, since: str = "") -> Sequence[CacheDay]:
        """Days from that one on, oldest first; all without one."""
        rows = await self._database.fetch(
            "SELECT day, hits, bytes_served, fetched, bytes_fetched, evicted FROM CacheDays WHERE day >= ? ORDER BY day", (since,)
        )
        return [CacheDay(*row) for row in rows]
