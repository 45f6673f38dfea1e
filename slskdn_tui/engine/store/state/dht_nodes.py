"""The DHT's routing table between two runs. Shells state.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from slskdn_tui.engine.store.database import BATCH, Database

DhtNode = tuple[bytes, str, int, float]
"""(20-byte node id, host, UDP port, Unix time last seen)."""


class DhtNodesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[DhtNode]:
        """The nodes saved last, the most recently seen first."""
        rows = await self._database.fetch("SELECT node_id, host, port, last_seen FROM DhtNodes ORDER BY last_seen DESC, node_id")
        return [(bytes(node_id), host, port, seen) for node_id, host, port, seen in rows]

    async def save(self, nodes: Iterable[DhtNode]) -> None:
        """Replace what was saved by these nodes, at most `BATCH` of them (a routing table holds fewer)."""
        rows = list(nodes)[:BATCH]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM DhtNodes")
            connection.executemany("INSERT OR REPLACE INTO DhtNodes (node_id, host, port, last_seen) VALUES (?, ?, ?, ?)", rows)

        await self._database.write(work)
