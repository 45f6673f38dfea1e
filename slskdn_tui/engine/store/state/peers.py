"""What is remembered of peers: the `Peers` table. Shells state.db; nothing of it is ever sent to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import PeerRow, keep_text, plain_text, read_text

__all__ = ["PeerRow", "PeersTable"]

_COLUMNS = tuple(entry.name for entry in fields(PeerRow))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM Peers"


class PeersTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[PeerRow]:
        """Every peer, the one seen last first."""
        return [_row(values) for values in await self._database.fetch(f"{_SELECT} ORDER BY last_seen DESC, peer_id")]

    async def get(self, peer_id: str) -> PeerRow | None:
        found = await self._database.fetch(f"{_SELECT} WHERE peer_id = ?", (keep_text(peer_id),))
        return _row(found[0]) if found else None

    async def save(self, rows: Iterable[PeerRow]) -> None:
        """Insert or replace these peers."""
        marks = ", ".join("?" * len(_COLUMNS))
        await self._database.write_many(
            f"INSERT OR REPLACE INTO Peers ({', '.join(_COLUMNS)}) VALUES ({marks})", [_values(row) for row in rows]
        )

    async def drop(self, peer_ids: Iterable[str]) -> None:
        await self._database.write_many("DELETE FROM Peers WHERE peer_id = ?", [(keep_text(peer_id),) for peer_id in peer_ids])


def _values(row: PeerRow) -> list[Any]:
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    values["peer_id"] = keep_text(row.peer_id)
    values["block_reason"] = plain_text(row.block_reason)
    values["blocked"] = int(row.blocked)
    return list(values.values())


def _row(values: tuple[Any, ...]) -> PeerRow:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["peer_id"] = read_text(named["peer_id"])
    named["blocked"] = bool(named["blocked"])
    return PeerRow(**named)
