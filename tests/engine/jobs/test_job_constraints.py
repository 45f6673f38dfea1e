"""Each constraint of a job changes what is fetched, or from whom; told by what users sent and nodes uploaded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_world import LEAF, LONG, Album, SkippingClock, World, completed, stalled, until, uploaded

pytestmark = pytest.mark.usefixtures("quick")
MP3 = b"\xff\xfb\x90\x64" + bytes(413)
"""One empty MPEG-1 layer III frame, 128 kbit/s at 44.1 kHz."""


def mp3s(album: Album, count: int, frames: int = 190) -> dict[str, bytes]:
    return {path.with_suffix(".mp3").name: MP3 * (frames + at) for at, path in enumerate(album.tracks(count))}


def test_preferred_codecs_choose_between_two_users(tmp_path: Path, album: Album) -> None:
    async def main(codecs: str, root: Path) -> dict[str, int]:
        async with World(root, album) as world:
            await world.holder("a_lossless")
            await world.holder("b_lossy", mp3s(album, 2))
            engine = await world.engine()
            await completed(await world.create(engine, codecs=codecs, max_lossy=2))
            return {name: user.total for name, user in world.holders.items()}

    flac = asyncio.run(main("FLAC,MP3", tmp_path / "1"))
    assert flac["a_lossless"] > 0 and flac["b_lossy"] == 0
    mp3 = asyncio.run(main("MP3,FLAC", tmp_path / "2"))
    assert mp3["a_lossless"] == 0 and mp3["b_lossy"] > 0


@pytest.mark.slow
def test_lossy_tracks_are_taken_up_to_the_allowed_number(tmp_path: Path, album: Album) -> None:
    """The only user has track one as FLAC and the two others as MP3."""

    async def main(allowed: int, root: Path) -> list[str]:
        async with World(root, album, tracks=3) as world:
            files = {path.name: path.read_bytes() for path in album.tracks(1)}
            files |= {name: data for name, data in mp3s(album, 3).items() if not name.startswith("01")}
            user = await world.holder("mixed", files)
            engine = await world.engine()
            job = await world.create(engine, max_lossy=allowed)

            def settled() -> bool:
                return job.record.state == "completed" or (
                    "no source" in job.record.error and all(live.state in ("done", "no src") for live in job.tracks)
                )

            await until(settled, "all that can be had is here", job)
            assert (job.record.state == "completed") == (allowed == 2)
            return sorted(user.sent)

    # The folder is the whole album, whatever its codecs: what may be taken of it is taken.
    for allowed in (0, 1, 2):
        sent = asyncio.run(main(allowed, tmp_path / str(allowed)))
        assert len(sent) == 1 + allowed and len([name for name in sent if name.endswith(".mp3")]) == allowed


def test_canonical_variants_are_those_that_most_users_have(tmp_path: Path, album: Album) -> None:
    async def main(canonical: bool, root: Path) -> int:
        async with World(root, album) as world:
            lonely = await world.holder("a_lonely", album.tracks(2, retagged=True))
            await world.holder("b_same")
            await world.holder("c_same")
            engine = await world.engine()
            await completed(await world.create(engine, canonical=canonical))
            return lonely.total

    assert asyncio.run(main(True, tmp_path / "1")) == 0
    assert asyncio.run(main(False, tmp_path / "2")) == sum(path.stat().st_size for path in album.tracks(2, retagged=True))


async def halfway(root: Path, album: Album, finish: str, **constraints: object) -> tuple[int, int]:
    """A user stops at 3 leaves; the mesh is asked (or refused), then the user goes on. (bytes the nodes sent, bytes the user sent)."""
    async with World(root, album, tracks=1) as world:
        mono, clock = await world.holder("mono_lith"), SkippingClock()
        mono.hold(3 * LEAF)
        nodes = [await world.node("node-1"), await world.node("node-2")]
        peers = [node.settings.overlay.listen for node in nodes]
        engine = await world.engine(clock=clock, overlay={"peers": peers}, rescue={"no_bytes_s": LONG})
        await until(lambda: engine.mesh and len(engine.mesh.peers) == 2, "the nodes are connected")
        job = await world.create(engine, **constraints)
        await stalled(clock, job, 3 * LEAF)
        if finish == "user":
            await until(lambda: world.said("me", "rescue.peers") or world.said("me", "rescue.refused"), "a rescue was tried", job)
            await asyncio.sleep(0)
            mono.let_go()
        await completed(job)
        assert world.music() == world.truth
        if constraints.get("overlay") is False:
            assert "use_overlay" in world.said("me", "rescue.refused")[0]
        return sum([await uploaded(node) for node in nodes]), mono.total


@pytest.mark.slow
def test_use_overlay_false_leaves_the_mesh_unasked(tmp_path: Path, album: Album) -> None:
    size = album.tracks(1)[0].stat().st_size
    mesh, user = asyncio.run(halfway(tmp_path / "1", album, "mesh"))
    assert user == 3 * LEAF and mesh >= size - 3 * LEAF
    mesh, user = asyncio.run(halfway(tmp_path / "2", album, "user", overlay=False))
    assert mesh == 0 and user == size


@pytest.mark.slow
def test_overlay_bandwidth_kbps_keeps_the_mesh_small(tmp_path: Path, album: Album) -> None:
    """At 8 kbit/s a leaf may be asked for once a minute; without a cap the mesh brings all the rest."""
    size = album.tracks(1)[0].stat().st_size
    mesh, user = asyncio.run(halfway(tmp_path, album, "user", overlay_kbps=8))
    assert mesh <= 2 * LEAF and user >= size - 2 * LEAF
