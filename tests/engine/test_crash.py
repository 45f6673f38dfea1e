"""What a kill -9 costs: of an engine ten times in one job, of the windows attached to one, and who may have a profile."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
import sys
from pathlib import Path

import pytest
from engine_world import LEAF, Album, World, answers, until, uploaded

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.engine.swarm.piecemap import bits
from slskdn_tui.model.errors import EXIT
from slskdn_tui.model.views import JobsView, JobView, ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.slow
RELEASE = "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"
KILLS = 10
RATE = 110_000
"""Bytes a second of the only user: the album of ten tracks lasts about a minute."""


def committed(paths: Paths) -> tuple[set[int], dict[int, int], dict[int, int]]:
    """What the dead engine had committed: placed tracks, and by track the Soulseek prefix (bytes) and the verified leaves of partial files."""
    with contextlib.closing(sqlite3.connect(f"file:{paths.state_db}?mode=ro", uri=True)) as db:
        done = {position for (position,) in db.execute("SELECT position FROM Tracks WHERE state = 'done'")}
        prefix, leaves = {}, {}
        for key, size, have in db.execute("SELECT key, size, prefix FROM Transfers"):
            pages = b"".join(page for (page,) in db.execute("SELECT bits FROM TransferPages WHERE key = ? ORDER BY page", (key,)))
            position = int(key.split("/")[1])
            prefix[position], leaves[position] = have, len(list(bits(pages, -(-size // LEAF))))
    return done, prefix, leaves


async def finished(engine: RemoteEngine, job_id: str, seconds: float = 240.0) -> JobView:
    async with asyncio.timeout(seconds):
        while True:
            view = await engine.snapshot(ViewKey("job", job_id))
            assert isinstance(view, JobView)
            if view.job.state == "completed":
                return view
            await asyncio.sleep(0.2)


def test_an_engine_killed_ten_times_finishes_and_fetches_nothing_committed_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=10) as world:
            mono = await world.holder("mono_lith")
            mono.rate = RATE
            paths = world.configure("me", rescue={"no_bytes_s": 60.0})
            names = {at: path.name for at, path in enumerate(album.tracks(10), start=1)}
            sizes = {at: path.stat().st_size for at, path in enumerate(album.tracks(10), start=1)}
            kills = sorted(random.Random(26).sample(range(LEAF, sum(sizes.values()) - LEAF), KILLS))
            child = await world.serve("me")
            engine = await world.attach("me")
            result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
            assert result.ok
            for number, at in enumerate(kills, start=1):
                await until(lambda at=at: mono.total >= at, f"{at} bytes are sent before kill {number}")
                child.process.kill()
                await child.process.wait()
                done, prefix, _ = committed(paths)
                before = {name: len(starts) for name, starts in mono.starts.items()}
                sent = dict(mono.sent)
                child = await world.serve("me")
                for position in done:
                    assert mono.sent.get(names[position], 0) == sent[names[position]]
                await until(
                    lambda was=before: any(len(mono.starts[n]) > was.get(n, 0) for n in mono.starts), f"it goes on after kill {number}"
                )
                for position, name in names.items():
                    for start in mono.starts.get(name, [])[before.get(name, 0) :]:
                        assert position not in done and start >= prefix.get(position, 0) - LEAF, (number, name, start, prefix)
            await finished(await world.attach("me"), result.data["job_id"])
            assert world.music() == world.truth
            again = mono.total - sum(sizes.values())
            # a kill costs its overlap leaf and what one second's flush had not made durable yet (and the sockets between)
            assert again <= KILLS * (LEAF + 2 * RATE + 4 * LEAF), again

    asyncio.run(main())


def test_an_engine_killed_while_the_mesh_delivers_asks_for_no_committed_leaf_again(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(2 * LEAF)
            node = await world.node("node", bandwidth_kbps=400)
            paths = world.configure("me", overlay={"peers": [node.settings.overlay.listen]}, rescue={"no_bytes_s": 1.0})
            child = await world.serve("me")
            result = await (await world.attach("me")).submit(Command("jobs.create", {"reference": RELEASE}))
            (path,) = album.tracks(1)
            missing = -(-path.stat().st_size // LEAF) - 2
            for share in (3, 6):
                await until(lambda share=share: committed(paths)[2].get(1, 0) >= share, f"{share} leaves are verified")
                child.process.kill()
                await child.process.wait()
                have, before = committed(paths)[2][1], await uploaded(node)
                child = await world.serve("me")
            view = await finished(await world.attach("me"), result.data["job_id"])
            assert world.music() == world.truth and str(view.tracks[0].path)
            assert await uploaded(node) - before <= (missing + 2 - have + 1) * LEAF
            assert mono.total <= 2 * LEAF + 2 * 2 * LEAF  # an overlap a restart, nothing more

    asyncio.run(main())


WINDOW = """
import asyncio, sys
from pathlib import Path
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.model.views import ViewKey
async def main():
    engine = RemoteEngine(Path(sys.argv[1]))
    await engine.start()
    while True:
        view = await engine.snapshot(ViewKey("jobs"))
        print(" ".join(f"{row.job_id}:{row.state}" for row in view.rows), flush=True)
        await asyncio.sleep(0.1)
asyncio.run(main())
"""


def test_two_windows_show_the_same_job_and_their_death_is_not_the_jobs(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(2 * LEAF)
            paths = world.configure("me", rescue={"no_bytes_s": 60.0})
            child = await world.serve("me")
            engine = await world.attach("me")
            result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
            job_id = result.data["job_id"]
            windows = [
                await asyncio.create_subprocess_exec(sys.executable, "-c", WINDOW, str(paths.socket), stdout=asyncio.subprocess.PIPE)
                for _ in range(2)
            ]
            for window in windows:
                async with asyncio.timeout(240):
                    assert window.stdout is not None
                    while f"{job_id}:active" not in (await window.stdout.readline()).decode():
                        pass
            for window in windows:
                window.send_signal(signal.SIGKILL)
                await window.wait()
            view = await engine.snapshot(ViewKey("jobs"))
            assert isinstance(view, JobsView) and [row.job_id for row in view.rows] == [job_id]
            mono.let_go()
            await finished(engine, job_id)
            assert child.running and world.music() == world.truth

    asyncio.run(main())


def test_a_second_engine_on_the_profile_is_refused_and_told_who_holds_it(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            paths = world.configure("me")
            child = await world.serve("me")
            second = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "slskdn_tui", "--profile", str(paths.profile), "serve", stderr=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(240):
                _, said = await second.communicate()
            assert second.returncode == EXIT["locked"][0] == 9
            assert f"pid {child.process.pid}" in said.decode() and "slskdn serve" in said.decode() and "--profile" in said.decode()
            assert child.running and answers(paths)

    asyncio.run(main())
