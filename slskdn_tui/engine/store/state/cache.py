"""The warm cache: the user's pins, what rests, and what it did each day. Shells state.db (synchronous=FULL)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from slskdn_tui.engine.store.database import Database


@dataclass(frozen=True, slots=True)
class CacheDay:
    """One UTC day (YYYY-MM-DD): `hits` peers that were sent something from the cache, bytes sent, recordings and bytes fetched, recordings let go.

    `requests` are recordings that peers asked for while it was on, `answered` those of them it had.
    """

    day: str
    hits: int = 0
    bytes_served: int = 0
    fetched: int = 0
    bytes_fetched: int = 0
    evicted: int = 0
    requests: int = 0
    answered: int = 0


_COUNTS = tuple(field.name for field in fields(CacheDay))[1:]


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

    async def rest(self, recordings: Sequence[str], until: float, most: int) -> None:
        """These rest until then (Unix seconds); beyond `most`, whose rest ends first is forgotten."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO CacheRests VALUES (?, ?)", [(name, until) for name in recordings])
            over = "SELECT mb_recording_id FROM CacheRests ORDER BY rests_until DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM CacheRests WHERE mb_recording_id IN ({over})", (most,))

        if recordings:
            await self._database.write(work)

    async def resting(self, now: float, longest: float) -> set[str]:
        """What rests now; nothing for longer than `longest` seconds, whatever a clock that was wrong has written."""
        rows = await self._database.fetch(
            "SELECT mb_recording_id FROM CacheRests WHERE rests_until > ? AND rests_until <= ?", (now, now + longest)
        )
        return {name for (name,) in rows}

    async def count(self, day: CacheDay, *, ends: str = "") -> None:
        """Add these to that day's counts; with the job that it `ends` (an id), in one transaction and only if that job is there."""
        counts = [f"{name} = {name} + excluded.{name}" for name in _COUNTS]
        sql = f"INSERT INTO CacheDays (day, {', '.join(_COUNTS)}) VALUES (?, {', '.join('?' * len(_COUNTS))})"
        sql += f" ON CONFLICT (day) DO UPDATE SET {', '.join(counts)}"

        def work(connection: sqlite3.Connection) -> None:
            if not ends or connection.execute("DELETE FROM Jobs WHERE job_id = ?", (ends,)).rowcount:
                connection.execute(sql, astuple(day))

        await self._database.write(work)

    async def days(self, since: str = "") -> Sequence[CacheDay]:
        """Days from that one on, oldest first; all without one."""
        rows = await self._database.fetch(f"SELECT day, {', '.join(_COUNTS)} FROM CacheDays WHERE day >= ? ORDER BY day", (since,))
        return [CacheDay(*row) for row in rows]
