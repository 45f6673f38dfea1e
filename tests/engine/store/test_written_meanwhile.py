"""What an engine has written by itself, without being stopped in good order: what a kill, or a machine that is switched off, leaves of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from engine_world import Album, SkippingClock, World, until

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.store.damage import backups


def kept(database: Path, query: str) -> object:
    """One value, as another program reads it from the disk."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        return reader.execute(query).fetchone()[0]


def test_bytes_moved_and_how_requests_ended_are_on_disk_soon_and_a_copy_of_all_beside_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path, Album(tmp_path, tmp_path)) as world:
            clock = SkippingClock()
            engine = await world.engine(clock=clock, soulseek={"enabled": False}, overlay={"enabled": False})
            state = world.paths("me").state_db
            engine.ledger.add("slsk", "up", "anna", 4711)
            engine.book.outcome("slsk:anna", ChunkOutcome.CORRUPTION)
            clock.skip(120)
            await until(lambda: kept(state, "SELECT total(bytes) FROM LedgerDays") == 4711, "the ledger is written")
            await until(lambda: kept(state, "SELECT count(*) FROM Peers WHERE corrupt_chunks = 1") == 1, "the peer is written")
            await until(lambda: backups(state), "there is a copy")

    asyncio.run(main())


def test_nodes_of_the_dht_are_on_disk_within_ten_minutes(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path, Album(tmp_path, tmp_path)) as world:
            friend = world.values("friend")["dht"]["listen"]
            await world.engine("friend", soulseek={"enabled": False}, dht={"enabled": True, "listen": friend})
            clock = SkippingClock()
            engine = await world.engine(clock=clock, soulseek={"enabled": False}, dht={"enabled": True, "bootstrap": [friend]})
            await until(lambda: engine.dht and engine.dht.table_size, "they know each other")
            async with asyncio.timeout(240):
                while kept(world.paths("me").state_db, "SELECT count(*) FROM DhtNodes") != 1:
                    clock.skip(601)  # a question that is out meanwhile has waited in vain: then it is not kept until it answers the next
                    await asyncio.sleep(0.2)  # the answer

    asyncio.run(main())
