"""A whole job whose mesh peers hold copies with other tags: most of the file is theirs, and it is the donor's to the last bit."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from engine_world import LEAF, Album, completed, until, uploaded
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TALB, TIT2, TPE1, TRCK, TXXX, UFID
from rescue_world import RescueWorld, settle, traced

from slskdn_tui.engine.content.region import find
from slskdn_tui.engine.engine import Engine
from slskdn_tui.lab.album import retag
from tests.fakes.region_files import encoded, id3v1, reader

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


def tagged_copies(path: Path, root: Path) -> list[Path]:
    """Three copies of a FLAC that differ in their tags alone."""
    copies = []
    for index, size in enumerate((10, 3000, 70_000)):
        folder = root / f"copy{index}"
        folder.mkdir(parents=True)
        copies += retag(path, folder / path.name, comment="x" * size)
    assert len({each.stat().st_size for each in (path, *copies)}) == 4
    return copies


def as_mp3(flac: Path, target: Path, comment: str, *, tail: bool = False) -> Path:
    """An MP3 of the same length that carries the same ids; every one made here has the same audio."""
    tags, length = FLAC(flac), FLAC(flac).info.length
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded("mp3", round(length, 2)) + (id3v1() if tail else b""))
    id3 = ID3()
    id3.add(UFID(owner="http://musicbrainz.org", data=tags["MUSICBRAINZ_TRACKID"][0].encode()))
    for frame, name in ((TIT2, "TITLE"), (TPE1, "ARTIST"), (TALB, "ALBUM"), (TRCK, "TRACKNUMBER")):
        id3.add(frame(encoding=3, text=[tags[name][0]]))
    id3.add(TXXX(encoding=3, desc="comment", text=[comment]))
    id3.save(target, v1=2 if tail else 0)
    return target


def placed(world: RescueWorld) -> list[Path]:
    return sorted((world.root / "me" / "music").rglob("*.mp3"))


async def mesh_bytes(nodes: list[Engine]) -> int:
    return sum([await uploaded(node) for node in nodes])


def test_three_copies_of_one_flac_with_other_tags_deliver_a_stalled_track(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path / "world", album, tracks=1) as world:
            (path,) = album.tracks(1)
            data = path.read_bytes()
            region = find(reader(data), len(data))
            mono = await world.uploader("mono_lith")
            mono.hold(region.start + LEAF + 1000)
            nodes = [await world.node(f"node{index}", [copy]) for index, copy in enumerate(tagged_copies(path, tmp_path / "copies"))]
            engine = await world.rescued(nodes=nodes, no_bytes_s=0.5)
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            live = job.tracks[0]
            assert live.last is not None and live.last.proof in ("prefix", "head")
            assert live.last.by_mesh >= 0.85 * len(data) <= await mesh_bytes(nodes)
            (verified,) = [event for event in await traced(engine, job, "verify") if "variant" in event.words]
            assert "(audio region)" in verified.words and "slsk:mono_lith" in verified.words
            assert len(mono.uploads) == 1, "a FLAC has no tail: one stream"

    asyncio.run(main())


def test_an_mp3_set_with_other_tags_delivers_a_stalled_track_and_the_tail_is_the_donors(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        (path,) = album.tracks(1)
        name = path.stem + ".mp3"
        donor = as_mp3(path, tmp_path / "donor" / name, "d" * 300, tail=True)
        copies = [as_mp3(path, tmp_path / f"copy{index}" / name, "x" * size) for index, size in enumerate((10, 3000, 70_000))]
        data = donor.read_bytes()
        region = find(reader(data), len(data))
        assert len(data) - region.start - region.length == 128
        async with RescueWorld(tmp_path / "world", album, tracks=1) as world:
            mono = await world.uploader("mono_lith", [donor])
            mono.hold(16_384)
            nodes = [await world.node(f"node{index}", [copy]) for index, copy in enumerate(copies)]
            engine = await world.rescued(nodes=nodes, no_bytes_s=0.5)
            job = await world.create(engine, codecs="MP3", max_lossy=1)
            live = job.tracks[0]
            await until(lambda: live.swarm and live.swarm.tail_only, "the mesh gave all the audio", job)
            await settle(0.5)
            assert not placed(world), "what stands behind the audio is the donor's alone"
            mono.let_go()
            await completed(job)
            assert [each.read_bytes() for each in placed(world)] == [data]
            assert live.last is not None and live.last.proof == "prefix", "the 64 KiB before the tail were compared"
            assert live.last.by_mesh >= 0.85 * len(data) <= await mesh_bytes(nodes)
            assert mono.starts[name] == [0, len(data) - 128 - LEAF], "one stream, resumed once"

    asyncio.run(main())


def test_a_node_whose_tags_are_edited_meanwhile_says_so_and_the_job_goes_on(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path / "world", album, tracks=1) as world:
            (path,) = album.tracks(1)
            data = path.read_bytes()
            mono = await world.uploader("mono_lith")
            mono.hold(find(reader(data), len(data)).start + LEAF + 1000)
            copies = tagged_copies(path, tmp_path / "copies")[:2]
            nodes = [await world.node(f"node{index}", [copy], bandwidth_kbps=800) for index, copy in enumerate(copies)]
            engine = await world.rescued(nodes=nodes, no_bytes_s=0.5)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: live.swarm and live.swarm.status().by_mesh >= 2 * LEAF, "both have begun", job)
            (edited,) = (world.root / "node0" / "offered").rglob("*.flac")
            flac = FLAC(edited)
            flac["COMMENT"] = "edited"
            flac.save()
            os.utime(edited)
            await completed(job)
            assert world.music() == world.truth
            assert live.last is not None and not live.last.bans, "to say so is no lie"

    asyncio.run(main())
