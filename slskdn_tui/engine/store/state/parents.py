"""Parent jobs. Shells state.db (synchronous=FULL)."""

from __future__ import annotations

from pydantic import TypeAdapter

from slskdn_tui.engine.store.database import Database
from slskdn_tui.model.parents import ParentRecord

_RECORD: TypeAdapter[ParentRecord] = TypeAdapter(ParentRecord)


class ParentsTable:
    """A record is one JSON value: it is only ever read and written whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, record: ParentRecord) -> None:
        values = (record.parent_id, record.created_at, _RECORD.dump_json(record).decode())
        await self._database.execute("INSERT OR REPLACE INTO ParentJobs VALUES (?, ?, ?)", values)

    async def load_all(self) -> list[ParentRecord]:
        """Oldest first."""
        rows = await self._database.fetch("SELECT record FROM ParentJobs ORDER BY created_at, parent_id")
        return [_RECORD.validate_json(row[0]) for row in rows]
