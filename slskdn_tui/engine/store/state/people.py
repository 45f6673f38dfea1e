"""Friends and banned users with their notes: the `People` table. Shells state.db."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text

Relation = Literal["friend", "banned"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user we have a relation with; `since` is ISO UTC."""

    username: str
    relation: Relation
    note: str = ""
    since: str = ""


class PeopleTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Person]:
        rows = await self._database.fetch("SELECT username, relation, note, since FROM People ORDER BY relation DESC, username")
        return [Person(read_text(username), relation, note, since) for username, relation, note, since in rows]

    async def put(self, person: Person) -> None:
        """Insert or replace: a user has one relation."""
        values = (keep_text(person.username), person.relation, plain_text(person.note), person.since)
        await self._database.execute("INSERT OR REPLACE INTO People VALUES (?, ?, ?, ?)", values)

    async def drop(self, username: str) -> None:
        await self._database.execute("DELETE FROM People WHERE username = ?", (keep_text(username),))
