"""Files that wait behind our own at one user: no talk of rescue while that user sends, and none per track where the mesh is not wanted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import PIECE, Album, Holder, SkippingClock, World, completed, until
from files_world import ALBUM, got, remote

from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.ports import OriginState

pytestmark = pytest.mark.usefixtures("quick")
QUICK = {"queued_s": 0.4, "no_bytes_s": 60.0}


async def one_slot(world: World) -> Holder:
    """A user who sends one file at a time."""
    mono = await world.holder("mono_lith")
    mono.transfers._settings.transfers.limits.upload_slots = 1
    return mono


def talk(world: World) -> list[str]:
    return [str(event.text) for event in world.events["me"] if event.name.startswith("rescue.")]


def test_tracks_behind_their_own_album_are_not_rescued_while_it_comes(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono, clock = await one_slot(world), SkippingClock()
            mono.hold(36 * PIECE)
            engine = await world.engine(clock=clock, rescue={"queued_s": 600.0, "no_bytes_s": 6000.0, "slow_bytes_s": 0.0})
            job = await world.create(engine)
            queued = lambda: [live for live in job.tracks if live.waiting and live.waiting.state is OriginState.QUEUED]  # noqa: E731
            await until(lambda: mono.total == 36 * PIECE and len(queued()) == 1, "one is queued while the other comes", job)
            clock.skip(601)
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth and talk(world) == []

    asyncio.run(main())


def test_a_folders_files_in_a_queue_that_does_not_move_are_not_refused_one_by_one(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await one_slot(world)
            mono.transfers._settings.transfers.limits.upload_slots = 0
            engine = await world.engine(rescue=QUICK)
            job = await got(engine, make_ref("mono_lith", remote(mono, ALBUM), folder=True))
            await until(lambda: all(live.unrescued for live in job.tracks), "both have waited too long", job)
            assert talk(world) == [] and all("nobody was asked" not in live.why for live in job.tracks)

    asyncio.run(main())


def test_an_album_without_the_overlay_says_so_once(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await one_slot(world)
            mono.transfers._settings.transfers.limits.upload_slots = 0
            engine = await world.engine(rescue=QUICK)
            job = await world.create(engine, overlay=False)
            await until(lambda: all(live.unrescued for live in job.tracks), "both have waited too long", job)
            (line,) = talk(world)
            assert "use_overlay: false" in line

    asyncio.run(main())
