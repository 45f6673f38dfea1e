"""What the cache counts is not lost with a write that fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.cache.shelf import Shelf
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.cache import CacheDay
from slskdn_tui.engine.store.store import Store

RECORDING = "0dd6aa6e-0000-4000-8000-000000000001"


@asynccontextmanager
async def cache(root: Path) -> AsyncIterator[tuple[Store, Shelf]]:
    """A cache that holds one file and offers it."""
    clock = VirtualClock()
    store = await Store.open(Paths.of(root / "profile"), clock)
    folder = root / "cache"
    folder.mkdir()
    (folder / f"{RECORDING}.flac").write_bytes(b"a" * 1000)
    try:
        with ThreadPoolExecutor(1) as disk:
            shelf = Shelf(folder, store.cache_files, store.cache, clock, disk, EventBus(clock))
            shelf.on = True
            await shelf.load()
            assert [file.recording for file in shelf.files()] == [RECORDING]
            yield store, shelf
            shelf.close()
    finally:
        await store.close()


async def refuse(database: Database, table: str) -> None:
    """Every write to this table fails from now on."""
    for what in ("INSERT", "UPDATE"):
        await database.execute(f"CREATE TRIGGER refuse_{what} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END")


async def allow(database: Database) -> None:
    for what in ("INSERT", "UPDATE"):
        await database.execute(f"DROP TRIGGER refuse_{what}")


@pytest.mark.parametrize("table", ["CacheFiles", "CacheDays"])
def test_what_a_failed_write_had_counted_is_written_with_the_next(table: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with cache(tmp_path) as (store, shelf):
            database = store.library if table == "CacheFiles" else store.state
            shelf.asked([RECORDING, "another"])
            shelf.sent(RECORDING, 600, first=True)
            await refuse(database, table)
            for _ in range(2):
                with pytest.raises(sqlite3.Error, match="refused"):
                    await shelf.flush()
            await allow(database)
            shelf.sent(RECORDING, 400, first=False)
            for _ in range(2):  # and once only
                await shelf.flush()
            (day,) = await store.cache.days()
            assert day == CacheDay(day.day, hits=1, bytes_served=1000, requests=2, answered=1)
            (file,) = await store.cache_files.files()
            assert (file.hits, file.bytes_served) == (1, 1000)

    asyncio.run(story())


def test_a_file_whose_use_could_not_be_written_is_written_though_nobody_comes_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with cache(tmp_path) as (store, shelf):
            shelf.sent(RECORDING, 600, first=True)
            await refuse(store.library, "CacheFiles")
            with pytest.raises(sqlite3.Error, match="refused"):
                await shelf.flush()
            await allow(store.library)
            await shelf.flush()
            (file,) = await store.cache_files.files()
            assert (file.hits, file.bytes_served) == (1, 600)

    asyncio.run(story())


def test_a_flush_that_is_cut_short_counts_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with cache(tmp_path) as (store, shelf):
            shelf.asked([RECORDING])
            flush = asyncio.create_task(shelf.flush())
            await asyncio.sleep(0)  # its transaction is on its way to the database's thread
            flush.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flush
            await shelf.flush()
            await store.state.execute("SELECT 1")  # whatever was queued is done
            (day,) = await store.cache.days()
            assert (day.requests, day.answered) == (1, 1)

    asyncio.run(story())
