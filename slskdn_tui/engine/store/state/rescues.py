"""How rescues fared, of all time: begun, succeeded, refused; in `HashDbState`, each track's once. Shells state.db.

A mark a track (which of the three were counted) lives as long as its job runs, so that neither a second round nor a restart counts again.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Literal

from slskdn_tui.engine.store.database import Database

Outcome = Literal["started", "succeeded", "refused"]
_BITS: dict[Outcome, int] = {"started": 1, "succeeded": 2, "refused": 4}
_KEYS = ("rescue.started", "rescue.succeeded", "rescue.refused")
_MARK = "rescue.mark."


class RescuesTable:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._totals: tuple[int, int, int] | None = None
        self._tidy = False

    async def count(self, job_id: str, position: int, outcome: Outcome) -> bool:
        """Count it for this track, once; False when it was counted before. A success needs a start, and closes the track's account."""
        if not self._tidy:
            self._tidy = True
            await self._forget_ended()
        counted, self._totals = await self._database.write(partial(_count, mark=f"{_MARK}{job_id}.{position}", outcome=outcome))
        return counted

    async def totals(self) -> tuple[int, int, int]:
        """(begun, succeeded, refused)."""
        if self._totals is None:
            self._totals = await self._database.read(_totals)
        return self._totals

    async def _forget_ended(self) -> None:
        """Marks of jobs that are gone or have ended."""
        await self._database.execute(
            "DELETE FROM HashDbState WHERE substr(key, 1, ?) = ? AND NOT EXISTS ("
            " SELECT 1 FROM Jobs WHERE state NOT IN ('completed', 'failed', 'cancelled') AND job_id = substr(key, ?, length(job_id)))",
            (len(_MARK), _MARK, len(_MARK) + 1),
        )


def _count(connection: sqlite3.Connection, mark: str, outcome: Outcome) -> tuple[bool, tuple[int, int, int]]:
    row = connection.execute("SELECT value FROM HashDbState WHERE key = ?", (mark,)).fetchone()
    bits, bit = (row[0] if row else 0), _BITS[outcome]
    counted = not bits & bit and (outcome != "succeeded" or bool(bits & _BITS["started"]))
    if counted:
        if outcome == "succeeded":
            connection.execute("DELETE FROM HashDbState WHERE key = ?", (mark,))
        else:
            connection.execute("INSERT OR REPLACE INTO HashDbState VALUES (?, ?)", (mark, bits | bit))
        connection.execute(
            "INSERT INTO HashDbState VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1", (f"rescue.{outcome}",)
        )
    return counted, _totals(connection)


def _totals(connection: sqlite3.Connection) -> tuple[int, int, int]:
    rows: dict[str, int] = dict(connection.execute("SELECT key, value FROM HashDbState WHERE key IN (?, ?, ?)", _KEYS))
    begun, succeeded, refused = (rows.get(key, 0) for key in _KEYS)
    return begun, succeeded, refused
