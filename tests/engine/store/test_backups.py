"""The hourly copies of state.db: those made last stay, whatever the clock said meanwhile."""

import asyncio
import os

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.damage import backups
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.migrate import Migration

ONE = Migration(1, "first", "CREATE TABLE t (a);")


def test_after_a_clock_that_stood_in_the_future_the_copies_made_last_are_those_that_stay(tmp_path):
    paths = Paths.of(tmp_path)

    async def make():
        database = await Database.open(paths.state_db, [ONE])
        made = [await database.backup(moment) for moment in ("20300101T", "20300102T", "20300103T", "20260101T", "20260102T")]
        kept = sorted(path.name for path in made if path.exists())
        await database.close()
        return kept

    assert asyncio.run(make()) == ["state.at-20260101T.db", "state.at-20260102T.db", "state.at-20300103T.db"]


def test_a_copy_from_the_future_is_not_taken_for_the_newest(tmp_path):
    paths = Paths.of(tmp_path)

    async def make():
        database = await Database.open(paths.state_db, [ONE])
        made = [await database.backup(moment) for moment in ("20300101T", "20260101T", "20260102T")]
        await database.close()
        return made

    future, older, newer = asyncio.run(make())
    os.utime(future, (4e9, 4e9))
    os.utime(older, (1e9, 1e9))
    assert backups(paths.state_db) == [newer, older, future]
