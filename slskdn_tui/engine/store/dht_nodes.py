"""The DHT's routing table between two runs. Shells state.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from slskdn_tui.engine.store.database import BATCH, Database

DhtNode = tuple[str, str, int]
"""(node id in hex, host, UDP port), as `DhtNode.saved` gives it."""


class DhtNodesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[DhtNode]:
        """The nodes saved last, in their order."""
        rows = await self._database.fetch("SELECT node_id, host, port FROM DhtNodes ORDER BY place")
        return [(node_id, host, port) for node_id, host, port in rows]

    async def save(self, nodes: Iterable[DhtNode]) -> None:
        """Replace what was saved by these nodes, the first `BATCH` of them (a routing table is smaller)."""
        rows = [(place, *node) for place, node in enumerate(list(nodes)[:BATCH])]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM DhtNodes")
            connection.executemany("INSERT OR REPLACE INTO DhtNodes (place, node_id, host, port) VALUES (?, ?, ?, ?)", rows)

        await self._database.write(work)
