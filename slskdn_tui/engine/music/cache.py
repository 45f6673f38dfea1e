"""The port of the persistent MusicBrainz cache, and one in memory. Shells nothing; the store keeps the SQLite one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from slskdn_tui.engine.runtime.clock import Clock


class MbCache(Protocol):
    """Answers by key. Values are JSON text; keys carry their own version, so an old shape is never read."""

    async def get(self, key: str) -> tuple[str, float] | None:
        """(JSON, age in seconds of wall time), or None."""
        ...

    async def put(self, key: str, json: str) -> None: ...


class MemoryMbCache:
    """Holds the last `limit` answers until the process ends."""

    def __init__(self, clock: Clock, limit: int = 1000) -> None:
        self._clock = clock
        self._limit = limit
        self._rows: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def get(self, key: str) -> tuple[str, float] | None:
        row = self._rows.get(key)
        return None if row is None else (row[0], self._clock.now() - row[1])

    async def put(self, key: str, json: str) -> None:
        self._rows[key] = (json, self._clock.now())
        self._rows.move_to_end(key)
        while len(self._rows) > self._limit:
            self._rows.popitem(last=False)
