"""Each of the three triggers ends in the right file by the mesh's bytes; the slow origin stays, capped, and is closed once, when the ranges met."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import LEAF, LONG, Album, completed, sha, until, uploaded
from rescue_world import BUFFERS, RescueWorld, larger, rescues, rows, small_windows, traced, track_view

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


def test_a_track_queued_too_long_is_fetched_from_the_mesh_and_placed_when_soulseek_sends_a_leaf(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            size = path.stat().st_size
            mono, node = await world.uploader("mono_lith", busy=True), await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: live.swarm and live.swarm.held, "all came but what Soulseek has to prove", job)
            assert world.said("me", "rescue.started")[0].partition(": ")[2].startswith("queued for ")
            assert mono.waiting == 1 and mono.total == 0 and not mono.uploads, "our place in the queue is kept"
            assert not world.music() and job.record.state == "active" and live.record.state == "active"
            words = live.why
            assert all(f"proof {number}" in words for number in (1, 2, 3)) and "1 of 2 peers agree" in words
            (row,) = [row for row in await rows(engine) if row.level == 1]
            assert (row.state, row.reason) == ("RESCUE", words)
            assert words in (await track_view(engine, job)).rescue
            assert await rescues(engine) == (1, 0, 0)
            mono.busy(False)
            await completed(job)
            assert world.music() == world.truth
            assert mono.starts[path.name] == [0] and len(mono.uploads) == 1
            assert await uploaded(node) <= size - LEAF, "one leaf was Soulseek's"
            assert [event.result for event in await traced(engine, job, "proof")][-1] == "prefix"
            assert await rescues(engine) == (1, 1, 0)
            assert len(world.said("me", "rescue.succeeded")) == 1
            # Its node was a stranger when it told what it has; now its word counts.
            assert engine.aggregates is not None
            async with asyncio.timeout(240):
                while (await engine.store.popularity.popularity(live.track.recording_mbid)).peers != 1:  # its advert may be on its way yet
                    await engine.aggregates.flush()
                    await engine.aggregates.recount()
                    await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_track_that_gets_no_byte_is_fetched_from_the_mesh_while_its_source_stays(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            size = path.stat().st_size
            mono, node = await world.uploader("mono_lith"), await world.node("node", bandwidth_kbps=4000)
            mono.hold(3 * LEAF)
            engine = await world.rescued(nodes=[node], no_bytes_s=LONG)
            job = await world.create(engine)
            live = job.tracks[0]
            mono.seen = lambda: live.status and live.status.done
            await until(lambda: live.swarm and live.swarm.part.pieces.done >= 3 * LEAF, "three leaves came", job)
            tree = await rows(engine)
            assert {row.state for row in tree if row.level == 2} == {"active"}
            await world.stalls(job, 3 * LEAF)
            await completed(job)
            assert world.music() == world.truth
            assert world.said("me", "rescue.started")[0].partition(": ")[2].startswith("no byte for ")
            assert mono.starts[path.name] == [0]
            (upload,) = mono.uploads
            assert (upload.start, upload.stop) == (0, 3 * LEAF), "one connection, and no byte twice"
            assert upload.seen == size, "it was closed when every byte was here"
            assert live.last is not None
            gave = {source.plane: source.bytes for source in live.last.sources}
            assert gave == {"slsk": 3 * LEAF, "mesh": size - 3 * LEAF}
            assert await uploaded(node) == size - 3 * LEAF
            assert await rescues(engine) == (1, 1, 0)

    asyncio.run(main())


def test_a_slow_track_is_rescued_from_its_end_and_the_origin_is_held_at_its_share(tmp_path: Path, album: Album) -> None:
    """The origin recovers as soon as the mesh helps: uncapped it would send the rest at once."""

    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            path = larger(album.tracks(1)[0], tmp_path / "larger", 6 << 20)
            size = path.stat().st_size
            mono = await world.uploader("mono_lith", {path.name: path.read_bytes()})
            node = await world.node("node", [path], bandwidth_kbps=16_000)
            mono.rate = 100_000
            engine = await world.rescued(nodes=[node], slow_bytes_s=400_000.0, slow_s=1.0)
            job = await world.create(engine)
            live = job.tracks[0]
            mono.seen = lambda: live.status and live.status.done
            await until(lambda: live.swarm and live.swarm.members, "the mesh helps", job)
            await until(lambda: live.status and live.status.origin_cap, "mesh bytes come, and the origin is held back", job)
            small_windows(engine)
            before, mono.rate = mono.total, 0
            assert live.swarm is not None and live.swarm.part.pieces.codes()[-2:] != b"..", "it begins at the end"
            assert live.swarm.part.pieces.plane.find(2) > live.swarm.part.pieces.leaves // 2
            tree = [(row.level, row.plane, row.state) for row in await rows(engine)]
            assert (1, "", "RESCUE") in tree and (2, "slsk", "stalled") in tree and (2, "mesh", "active") in tree
            await completed(job)
            assert world.music() == [sha(path)]
            reason = world.said("me", "rescue.started")[0]
            assert "KB/s over the last 1 s, below 400.0 KB/s" in reason
            mesh = live.last.by_mesh if live.last else 0
            during = mono.total - before
            assert during <= mesh * 0.25 + BUFFERS, (during, mesh, size)
            (upload,) = mono.uploads
            assert upload.start == 0 and upload.stop < size and upload.seen == size, "one stream, ended when the ranges had met"
            assert await rescues(engine) == (1, 1, 0)

    asyncio.run(main())
