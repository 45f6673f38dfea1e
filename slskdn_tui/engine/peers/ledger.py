"""Bytes given and taken, by UTC day, plane, direction and peer. Shells the store's ledger: counted in memory, written every few seconds."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.store.database import BATCH
from slskdn_tui.engine.store.records import Direction, LedgerRow, Plane
from slskdn_tui.engine.store.state.ledger import LedgerTable

K = TypeVar("K", bound=Hashable)
SAVE_EVERY_S = 3.0
WINDOW_DAYS = 7


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Bytes over some days."""

    slsk_up: int = 0
    slsk_down: int = 0
    mesh_up: int = 0
    mesh_down: int = 0

    @property
    def up(self) -> int:
        return self.slsk_up + self.mesh_up

    @property
    def down(self) -> int:
        return self.slsk_down + self.mesh_down


Entry = tuple[Plane, Direction, int]


def add_up(entries: Iterable[tuple[K, Entry]]) -> dict[K, LedgerTotals]:
    """Sums of (key, (plane, direction, bytes)) a key."""
    sums: dict[K, Counter[tuple[Plane, Direction]]] = {}
    for key, (plane, direction, count) in entries:
        sums.setdefault(key, Counter())[plane, direction] += count
    return {
        key: LedgerTotals(moved["slsk", "up"], moved["slsk", "down"], moved["mesh", "up"], moved["mesh", "down"])
        for key, moved in sums.items()
    }


def window_start(today: date, days: int = WINDOW_DAYS) -> str:
    """The first of `days` UTC days that end with `today`."""
    return (today - timedelta(days=days - 1)).isoformat()


class Ledger:
    """What this node moved in the last seven UTC days. `load`, then supervise `run`; `flush` before the store closes."""

    def __init__(self, table: LedgerTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._sums: Counter[tuple[str, Plane, Direction]] = Counter()
        self._peers: Counter[tuple[str, Plane, Direction, str]] = Counter()
        self._waiting: Counter[tuple[str, Plane, Direction, str]] = Counter()
        self._rolled = ""

    async def load(self) -> None:
        """Read the window from the store."""
        for row in await self._table.load(self._window_start()):
            self._sums[row.day, row.plane, row.direction] += row.bytes
            self._peers[row.day, row.plane, row.direction, row.peer_id] += row.bytes

    def add(self, plane: Plane, direction: Direction, peer: str, count: int) -> None:
        """Count payload bytes moved now. ValueError for a negative count."""
        if count < 0:
            raise ValueError("bytes moved cannot be negative")
        day = self._today()
        self._sums[day, plane, direction] += count
        self._peers[day, plane, direction, peer] += count
        self._waiting[day, plane, direction, peer] += count

    def totals(self, days: int = WINDOW_DAYS) -> LedgerTotals:
        """Sums over today and the days before it, at most the seven that are kept in memory."""
        first = self._window_start(min(days, WINDOW_DAYS))
        entries = ((None, (plane, way, count)) for (day, plane, way), count in self._sums.items() if count and day >= first)
        return add_up(entries).get(None, LedgerTotals())

    def by_day(self) -> dict[str, LedgerTotals]:
        """Sums of each day of the window on which something moved."""
        first = self._window_start()
        return add_up((day, (plane, way, count)) for (day, plane, way), count in self._sums.items() if count and day >= first)

    def by_peer(self) -> dict[tuple[Plane, str], LedgerTotals]:
        """Sums of the window with each peer, by plane and name."""
        first = self._window_start()
        return add_up(
            ((plane, peer), (plane, way, count)) for (day, plane, way, peer), count in self._peers.items() if count and day >= first
        )

    def today(self) -> LedgerTotals:
        return self.totals(1)

    def ratio(self) -> float | None:
        """Upload over download of the window; None while nothing was downloaded."""
        totals = self.totals()
        return totals.up / totals.down if totals.down else None

    async def flush(self) -> None:
        """Write what was counted since the last time; counts that could not be written are kept for the next. Raises OSError."""
        waiting, self._waiting = self._waiting, Counter()
        rows = [LedgerRow(day, plane, direction, peer, count) for (day, plane, direction, peer), count in waiting.items() if count]
        written = 0
        try:
            while written < len(rows):
                batch = rows[written : written + BATCH]
                written += len(batch)  # a cancelled wait is written all the same
                try:
                    await self._table.add(batch, self._window_start())
                except (OSError, sqlite3.Error):
                    written -= len(batch)
                    raise
        finally:
            for row in rows[written:]:
                self._waiting[row.day, row.plane, row.direction, row.peer_id] += row.bytes

    async def run(self) -> None:
        """Write and forget old days, for ever; the engine supervises it."""
        while True:
            await self._clock.sleep(SAVE_EVERY_S)
            await self.flush()
            await self._roll()

    async def _roll(self) -> None:
        """On a new UTC day what left the window is forgotten, and taken from the stored totals though nothing moves."""
        if (today := self._today()) == self._rolled:
            return
        await self._table.add((), self._window_start())
        self._rolled = today
        self._forget()

    def _forget(self) -> None:
        first = self._window_start()
        for sum_key in [key for key in self._sums if key[0] < first]:
            del self._sums[sum_key]
        for peer_key in [key for key in self._peers if key[0] < first]:
            del self._peers[peer_key]

    def _today(self) -> str:
        return self._clock.wall().date().isoformat()

    def _window_start(self, days: int = WINDOW_DAYS) -> str:
        return window_start(self._clock.wall().date(), days)
