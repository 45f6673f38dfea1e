"""What our own transfers taught us of Soulseek users: the `UserHistory` table. Shells state.db; for ranking, never sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, read_text

_SELECT = "SELECT username, done, failed, bytes, seconds, last_at FROM UserHistory"
_ADD = """INSERT INTO UserHistory (username, done, failed, bytes, seconds, last_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (username) DO UPDATE SET done = done + excluded.done, failed = failed + excluded.failed, bytes = bytes + excluded.bytes,
seconds = seconds + excluded.seconds, last_at = excluded.last_at"""


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Files that came whole and that failed; bytes received in how many seconds of transfer; `last_at` ISO UTC, "" for never."""

    username: str
    done: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0
    last_at: str = ""

    @property
    def speed(self) -> float | None:
        """Bytes a second over all transfers; None before the first."""
        return self.bytes / self.seconds if self.seconds > 0 else None


class UserHistoryTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[UserFacts]:
        return [_row(values) for values in await self._database.fetch(_SELECT)]

    async def get(self, username: str) -> UserFacts:
        """What is known of a user; zeros when nothing is."""
        found = await self._database.fetch(f"{_SELECT} WHERE username = ?", (keep_text(username),))
        return _row(found[0]) if found else UserFacts(username)

    async def add(self, facts: UserFacts) -> None:
        """Add these counts to the user's; `last_at` replaces."""
        values = (keep_text(facts.username), facts.done, facts.failed, facts.bytes, facts.seconds, facts.last_at)
        await self._database.execute(_ADD, values)


def _row(values: tuple[Any, ...]) -> UserFacts:
    username, done, failed, size, seconds, last_at = values
    return UserFacts(read_text(username), done, failed, size, seconds, last_at)
