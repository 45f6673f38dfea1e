"""Wishes, and the folders that were found for them: the `Wishes` and `WishHits` tables. Shells state.db."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.jobs import Constraints

_CONSTRAINTS: TypeAdapter[Constraints] = TypeAdapter(Constraints)
_REPLY: TypeAdapter[SearchReply] = TypeAdapter(SearchReply)
_WISH = "wish_id, query, reference, filter, auto, constraints, created_at, last_at, job_id, note"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody waits for. `query` are the words that are searched for; `reference` a MusicBrainz URL or MBID, or empty.

    `destination` names where it is to land, empty for the usual folder; `last_at` (ISO UTC) is when it was last searched for; `job_id` what it
    became; `note` says what happened last.
    """

    wish_id: str
    query: str
    reference: str = ""
    filter: str = ""
    auto: bool = False
    constraints: Constraints = field(default_factory=Constraints)
    destination: str = ""
    created_at: str = ""
    last_at: str = ""
    job_id: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class WishHit:
    """One user's folder that fits a wish: its files are all of `reply`."""

    key: str
    found_at: str
    seen: bool
    reply: SearchReply


class WishesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Wish]:
        """Oldest first."""
        return [_wish(row) for row in await self._database.fetch(f"SELECT {_WISH} FROM Wishes ORDER BY created_at, wish_id")]

    async def put(self, wish: Wish) -> None:
        changes = ", ".join(f"{name} = excluded.{name}" for name in _WISH.split(", ")[1:])
        await self._database.execute(
            f"INSERT INTO Wishes ({_WISH}) VALUES ({', '.join('?' * 10)}) ON CONFLICT (wish_id) DO UPDATE SET {changes}",
            (
                wish.wish_id,
                plain_text(wish.query),
                wish.reference,
                plain_text(wish.filter),
                int(wish.auto),
                json.dumps({**_CONSTRAINTS.dump_python(wish.constraints, mode="json"), "destination": wish.destination}),
                wish.created_at,
                wish.last_at,
                wish.job_id,
                plain_text(wish.note),
            ),
        )

    async def drop(self, wish_id: str) -> None:
        await self._database.execute("DELETE FROM Wishes WHERE wish_id = ?", (wish_id,))

    async def hits(self, wish_id: str) -> list[WishHit]:
        """Newest first."""
        rows = await self._database.fetch(
            "SELECT key, found_at, seen, reply FROM WishHits WHERE wish_id = ? ORDER BY found_at DESC, key", (wish_id,)
        )
        return [WishHit(read_text(key), found_at, bool(seen), _REPLY.validate_json(reply)) for key, found_at, seen, reply in rows]

    async def keep_hits(self, wish_id: str, hits: Sequence[WishHit]) -> None:
        """These are the wish's hits from now on."""
        rows = [(wish_id, keep_text(hit.key), hit.found_at, int(hit.seen), _REPLY.dump_json(hit.reply).decode()) for hit in hits]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM WishHits WHERE wish_id = ?", (wish_id,))
            connection.executemany("INSERT INTO WishHits (wish_id, key, found_at, seen, reply) VALUES (?, ?, ?, ?, ?)", rows)

        await self._database.write(work)

    async def see(self, wish_id: str = "") -> None:
        """Nothing of this wish (or of any) is new any more."""
        await self._database.execute("UPDATE WishHits SET seen = 1 WHERE ? IN ('', wish_id)", (wish_id,))

    async def counts(self) -> dict[str, tuple[int, int]]:
        """(new, all) hits by wish."""
        rows = await self._database.fetch("SELECT wish_id, SUM(1 - seen), COUNT(*) FROM WishHits GROUP BY wish_id")
        return {wish_id: (int(new), int(found)) for wish_id, new, found in rows}


def _wish(row: tuple[object, ...]) -> Wish:
    wish_id, query, reference, filter_, auto, constraints, created_at, last_at, job_id, note = row
    wanted = json.loads(str(constraints))
    destination = wanted.pop("destination", "")
    return Wish(
        str(wish_id),
        str(query),
        str(reference),
        str(filter_),
        bool(auto),
        _CONSTRAINTS.validate_python(wanted, strict=False),
        destination,
        str(created_at),
        str(last_at),
        str(job_id),
        str(note),
    )
