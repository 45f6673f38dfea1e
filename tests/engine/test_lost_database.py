"""kill -9, and the database damaged or gone at the next start: the job comes back from its manifest and sidecar, and nothing committed is fetched again."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, until, uploaded
from test_crash import RELEASE, committed, finished

from slskdn_tui.config.paths import Paths
from slskdn_tui.model.views import LogView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.slow


def without_journal(paths: Paths) -> None:
    """As if the file system had lost it: an older state of the database comes back."""
    paths.state_db.with_name("state.db-wal").unlink()


def only_the_file(paths: Paths) -> None:
    """The journal of a database that is not there any more must not be taken for the new one's."""
    paths.state_db.unlink()


def scribbled(paths: Paths) -> None:
    data, chance = bytearray(paths.state_db.read_bytes() or bytes(8192)), random.Random(4)
    for page in range(0, len(data), 4096):
        data[page + 100 : page + 200] = chance.randbytes(100)
    paths.state_db.write_bytes(data)
    paths.state_db.with_name("state.db-wal").unlink(missing_ok=True)


def cut(paths: Paths) -> None:
    os.truncate(paths.state_db, paths.state_db.stat().st_size // 2 + 100)
    paths.state_db.with_name("state.db-wal").unlink(missing_ok=True)


HARMS: list[Callable[[Paths], None]] = [without_journal, only_the_file, scribbled, cut]


def test_a_job_goes_on_whatever_is_done_to_the_database_of_a_killed_engine(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(2 * LEAF)
            node = await world.node("node", bandwidth_kbps=220)
            paths = world.configure("me", overlay={"peers": [node.settings.overlay.listen]}, rescue={"no_bytes_s": 1.0})
            child = await world.serve("me")
            engine = await world.attach("me")
            result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
            job_id, have = result.data["job_id"], 0
            leaves = -(-album.tracks(1)[0].stat().st_size // LEAF)
            for harm in HARMS:
                await until(lambda had=have: committed(paths)[2].get(1, 0) >= had + 1, f"another leaf before {harm.__name__}")
                child.process.kill()
                await child.process.wait()
                have = committed(paths)[2][1]
                assert have < leaves - 1, "too fast: nothing is left to be lost"
                harm(paths)
                child = await world.serve("me")
                engine = await world.attach("me")
                await until(lambda had=have: committed(paths)[2].get(1, 0) >= had, f"what was committed is back after {harm.__name__}")
            view = await finished(engine, job_id)
            assert world.music() == world.truth and str(view.tracks[0].path)
            # A kill costs what had come since the last flush and what was under way; what was committed is never among it.
            assert await uploaded(node) <= (leaves - 2 + 2 * len(HARMS)) * LEAF
            assert mono.total <= (2 + 2 * len(HARMS)) * LEAF and all(start <= 2 * LEAF for start in mono.starts.popitem()[1])
            log = await engine.snapshot(ViewKey("log"))
            assert isinstance(log, LogView)
            said = " ".join(row.text for row in log.rows)
            assert "set aside" in said and ("rebuilt from its manifest" in said or "is in use; jobs go on" in said)
            assert len(list(paths.data.glob("state.db.damaged-*"))) >= 2 and not list(paths.incomplete.iterdir())

    asyncio.run(main())
