"""What whole engines tell each other when a job is done."""

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
