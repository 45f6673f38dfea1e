"""Hundreds of files that wait: they cost no disk, no writes, hardly a message, and what can move moves."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from engine_world import Album, World, completed, until
from files_world import ALBUM, got, remote

from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.jobs import TrackState
from slskdn_tui.model.ports import OriginState

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]
ABOUT = ("GetPeerAddress", "ConnectToPeer", "AddUser", "RemoveUser", "GetUserStatus")


def texts(count: int) -> dict[str, bytes]:
    return {f"{number:03}.txt": random.Random(number).randbytes(500) for number in range(count)}


def about(world: World, username: str) -> int:
    return sum(each.username == "me" and each.name in ABOUT and each.message.username == username for each in world.server.log)


def allowed(began: float) -> int:
    """Messages that may have gone since then: two a minute, and a busy machine needs more than one."""
    return 2 * (1 + int((monotonic() - began) / 60))


def test_seven_hundred_queued_files_cost_no_disk_and_no_write_and_an_album_comes_meanwhile(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            busy = await world.holder("busy", texts(700))
            busy.transfers._initialize_upload = lambda transfer: asyncio.sleep(0)  # its slot never comes free
            await world.holder("mono_lith")
            engine, began = await world.engine(downloads={"queued": 1000}, overlay={"enabled": False}), monotonic()
            await engine.soulseek.wait_online()
            job = await got(engine, make_ref("busy", remote(busy, ALBUM), folder=True))
            await until(lambda: all(live.waiting and live.waiting.state is OriginState.QUEUED for live in job.tracks), "all wait", job)
            assert len(job.tracks) == 700 and not any(live.swarm for live in job.tracks)
            other = await world.create(engine)
            await completed(other)
            assert world.music() == world.truth
            assert not list(world.paths("me").incomplete.rglob("*.part"))
            saved: list[str] = []
            save = engine.store.jobs.save

            async def noting(record: Any) -> None:
                saved.append(record.job_id)
                await save(record)

            engine.store.jobs.save = noting
            await asyncio.sleep(3)  # time in which 700 pollers would show
            assert saved == [] and about(world, "busy") <= allowed(began)
            assert len(asyncio.all_tasks()) < 10 * len(job.tracks)

    asyncio.run(main())


def test_two_hundred_files_of_a_user_who_left_cost_a_few_messages_while_another_job_runs(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            files = texts(200)
            gone = await world.holder("gone", files)
            gone.transfers._initialize_upload = lambda transfer: asyncio.sleep(0)
            await world.holder("mono_lith")
            engine = await world.engine(overlay={"enabled": False}, rescue={"no_bytes_s": 60.0})
            await engine.soulseek.wait_online()
            job = await got(engine, make_ref("gone", remote(gone, ALBUM), folder=True))
            await until(lambda: all(live.waiting for live in job.tracks), "all wait", job)
            engine.soulseek.transfers.allowance.clear()
            before, began = about(world, "gone"), monotonic()
            await gone.stop()
            await until(lambda: all(live.state is TrackState.NO_SOURCE for live in job.tracks), "all say that the user is away", job)
            other = await world.create(engine)
            await completed(other)
            await asyncio.sleep(5)  # time in which 200 impatient tracks would show
            assert about(world, "gone") - before <= allowed(began)
            assert job.record.state == "searching" and "no source for 200 tracks" in job.record.error
            engine.soulseek.transfers.allowance.clear()  # a minute later
            await world.back(gone)
            await until(lambda: sum(live.state is TrackState.DONE for live in job.tracks) >= 30, "files come again", job)
            placed = {path.name: path.read_bytes() for path in (tmp_path / "me" / "music" / "gone").rglob("*.txt")}
            assert len(placed) >= 30 and placed.items() <= files.items()

    asyncio.run(main())
