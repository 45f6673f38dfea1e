"""Issues a user found to be none: the `Dismissals` table. Shells state.db."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text


@dataclass(frozen=True, slots=True)
class Dismissal:
    """`key` as `model.health.issue_key` makes it; `path` and `words` say what it was, `at` is ISO UTC."""

    key: str
    path: str
    words: str
    at: str


class DismissalsTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Dismissal]:
        rows = await self._database.fetch("SELECT key, path, words, dismissed_at FROM Dismissals ORDER BY dismissed_at, key")
        return [Dismissal(key, read_text(path), words, at) for key, path, words, at in rows]

    async def keys(self) -> frozenset[str]:
        return frozenset(row[0] for row in await self._database.fetch("SELECT key FROM Dismissals"))

    async def put(self, dismissals: Iterable[Dismissal]) -> None:
        await self._database.write_many(
            "INSERT OR REPLACE INTO Dismissals VALUES (?, ?, ?, ?)",
            ((each.key, keep_text(each.path), plain_text(each.words), each.at) for each in dismissals),
        )

    async def drop(self, keys: Iterable[str]) -> None:
        await self._database.write_many("DELETE FROM Dismissals WHERE key = ?", ((key,) for key in keys))
