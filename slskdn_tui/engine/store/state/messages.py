"""Private messages, in and out: the `Messages` table, kept within bounds. Shells state.db."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text

KEEP = 10_000
"""messages kept in all; the oldest go first"""
KEEP_OF_STRANGER = 200
"""of a user who is no friend and was never written to"""
LONGEST = 4000
"""characters of a message that are kept"""

_COLUMNS = "id, username, direction, wall, text, read"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """`wall` is Unix seconds: the server's time for what came in, ours for what went out. `unread` is set in a list of conversations."""

    number: int
    username: str
    direction: Literal["in", "out"]
    wall: float
    text: str
    read: bool
    unread: int = 0


class MessagesTable:
    def __init__(self, database: Database, keep: int = KEEP, keep_of_stranger: int = KEEP_OF_STRANGER) -> None:
        self._database = database
        self._keep = keep
        self._keep_of_stranger = keep_of_stranger

    async def received(self, username: str, wall: float, server_id: int, text: str, known: bool) -> bool:
        """Keep a message; on the disk when this returns, so the server may forget it. False for one that came before.

        A user who is not `known` and was never written to keeps few. OSError when the disk is full.
        """
        who, words = keep_text(username), plain_text(text[:LONGEST])

        def work(connection: sqlite3.Connection) -> bool:
            same = "SELECT 1 FROM Messages WHERE username = ? AND direction = 'in' AND server_id = ? AND wall = ? AND text = ?"
            if connection.execute(same, (who, server_id, wall, words)).fetchone():
                return False
            self._insert(connection, who, "in", wall, server_id, words, 0)
            written = "SELECT 1 FROM Messages WHERE username = ? AND direction = 'out' LIMIT 1"
            if not known and not connection.execute(written, (who,)).fetchone():
                spare = "SELECT id FROM Messages WHERE username = ? ORDER BY id DESC LIMIT -1 OFFSET ?"
                connection.execute(f"DELETE FROM Messages WHERE id IN ({spare})", (who, self._keep_of_stranger))
            return True

        return await self._database.write(work)

    async def sent(self, username: str, wall: float, text: str) -> None:
        who, words = keep_text(username), plain_text(text[:LONGEST])
        await self._database.write(lambda connection: self._insert(connection, who, "out", wall, 0, words, 1))

    def _insert(self, connection: sqlite3.Connection, *values: Any) -> None:
        connection.execute("INSERT INTO Messages (username, direction, wall, server_id, text, read) VALUES (?, ?, ?, ?, ?, ?)", values)
        oldest = "SELECT id FROM Messages ORDER BY id DESC LIMIT 1 OFFSET ?"
        connection.execute(f"DELETE FROM Messages WHERE id <= ({oldest})", (self._keep,))

    async def with_user(self, username: str, start: int, count: int) -> list[StoredMessage]:
        """One conversation, oldest first: the last `count` messages, `start` of them left off at the newest end."""
        sql = f"SELECT {_COLUMNS} FROM Messages WHERE username = ? ORDER BY id DESC LIMIT ? OFFSET ?"
        rows = await self._database.fetch(sql, (keep_text(username), count, start))
        return [_message(*row) for row in reversed(rows)]

    async def conversations(self, start: int, count: int) -> list[StoredMessage]:
        """The last message of each user with how many of them are unread; the newest conversation first."""
        last = "SELECT MAX(id) AS id, SUM(direction = 'in' AND NOT read) AS unread FROM Messages GROUP BY username"
        columns = ", ".join(f"m.{name}" for name in _COLUMNS.split(", "))
        sql = f"SELECT {columns}, last.unread FROM Messages m JOIN ({last}) last ON m.id = last.id ORDER BY m.id DESC LIMIT ? OFFSET ?"
        return [_message(*row) for row in await self._database.fetch(sql, (count, start))]

    async def unread(self) -> int:
        rows = await self._database.fetch("SELECT COUNT(*) FROM Messages WHERE direction = 'in' AND NOT read")
        return int(rows[0][0])

    async def mark_read(self, username: str = "") -> int:
        """Mark one user's messages as read, or everybody's; how many were not."""
        sql = "UPDATE Messages SET read = 1 WHERE direction = 'in' AND NOT read"
        return await self._database.execute(*((f"{sql} AND username = ?", (keep_text(username),)) if username else (sql,)))


def _message(number: int, username: Any, direction: Any, wall: float, text: str, read: int, unread: int = 0) -> StoredMessage:
    return StoredMessage(number, read_text(username), direction, wall, text, bool(read), unread)
