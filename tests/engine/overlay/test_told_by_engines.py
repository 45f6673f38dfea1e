"""Whole engines in the mesh: what they tell each other when a job is done, and whom they find again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import Album, World, completed, until


@pytest.mark.usefixtures("quick")
def test_a_neighbour_hears_of_a_finished_download_at_once(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            near = await world.engine("near", soulseek={"enabled": False})
            music = tmp_path / "me" / "music"
            music.mkdir(parents=True)
            engine = await world.engine(soulseek={"share": [str(music)]}, overlay={"peers": [near.settings.overlay.listen]})
            await until(lambda: engine.mesh and engine.mesh.peers, "the two are connected")
            job = await world.create(engine)
            await completed(job)
            assert near.gossip is not None and engine.identity is not None
            hears, me = near.gossip, engine.identity.node_id
            await until(lambda: (told := hears.descriptor(me)) is not None and told.variants, "a descriptor that names it")
            told = hears.descriptor(me)
            assert told is not None and {each.variant.recording_mbid for each in told.variants} == {job.tracks[0].track.recording_mbid}
            await until(lambda: hears.shelf.having(job.tracks[0].track.recording_mbid) == (me,), "and an advert")

    asyncio.run(main())


@pytest.mark.usefixtures("quick")
def test_a_node_met_once_is_dialled_again_after_a_restart_by_nobody_s_word(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            near = await world.engine("near", soulseek={"enabled": False})
            peers = [near.settings.overlay.listen]
            engine = await world.engine(soulseek={"enabled": False}, overlay={"peers": peers})
            await until(lambda: engine.mesh and engine.mesh.peers, "the two are connected")
            await engine.stop()
            again = await world.engine(soulseek={"enabled": False})  # at another address, where the other node would not look for it
            assert again.settings.overlay.peers == [] and again.dht is None and near.identity is not None
            await until(lambda: again.mesh and near.identity and near.identity.node_id in again.mesh.peers, "it is found again")
            assert again.mesh is not None and again.mesh.peers[near.identity.node_id].dialled

    asyncio.run(main())
