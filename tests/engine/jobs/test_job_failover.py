"""A holder leaves, another one goes on; a holder's file is bad, another one's is taken; what nobody proved is not placed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blake3 import blake3
from engine_world import LEAF, LONG, Album, SkippingClock, World, act, completed, stalled, until, uploaded

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.jobs.track.rescue import Rescuer
from slskdn_tui.engine.swarm.track import TrackSwarm

pytestmark = pytest.mark.usefixtures("quick")
PATIENT = {"no_bytes_s": 60.0}


def other_content(path: Path) -> bytes:
    """The same name, size and FLAC head, and then other bytes."""
    data = path.read_bytes()
    return data[:8192] + bytes(byte ^ 0x5A for byte in data[8192:])


def test_when_a_holder_goes_offline_another_goes_on_at_the_same_offset(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            first, second = await world.holder("a_first"), await world.holder("b_second")
            first.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            (path,) = album.tracks(1)
            await until(lambda: job.tracks[0].done * path.stat().st_size >= 5 * LEAF, "five leaves have come", job)
            await first.stop()
            await completed(job)
            assert world.music() == world.truth
            assert second.starts[path.name] == [4 * LEAF] and second.total == path.stat().st_size - 4 * LEAF
            assert "b_second" in world.said("me", "track.failover")[0]

    asyncio.run(main())


def test_another_file_of_the_same_name_and_size_never_mixes_in(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            first, wrong = await world.holder("a_first"), await world.holder("b_wrong", {path.name: other_content(path)})
            right = await world.holder("c_right")
            first.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await until(lambda: job.tracks[0].done * path.stat().st_size >= 5 * LEAF, "five leaves have come", job)
            await first.stop()
            await completed(job)
            assert world.music() == world.truth
            assert wrong.starts[path.name] == [4 * LEAF]
            assert right.starts[path.name] == [4 * LEAF]
            assert not world.paths("me").quarantine.exists()

    asyncio.run(main())


def test_when_only_another_file_is_left_it_is_fetched_from_its_start(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            first = await world.holder("a_first", {path.name: other_content(path)})
            second = await world.holder("b_second")
            first.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await until(lambda: job.tracks[0].done * path.stat().st_size >= 5 * LEAF, "five leaves have come", job)
            await first.stop()
            await completed(job)
            assert world.music() == world.truth
            assert second.starts[path.name] == [4 * LEAF, 0]

    asyncio.run(main())


def test_a_corrupt_file_goes_to_quarantine_and_the_job_goes_on_with_another_holder(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            bad = bytearray(path.read_bytes())
            bad[len(bad) // 2] ^= 0x10
            await world.holder("a_corrupt", {path.name: bytes(bad)})
            await world.holder("b_good")
            engine = await world.engine()
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            (kept,) = world.paths("me").quarantine.rglob("*.flac")
            why = kept.with_name(kept.name + ".why.txt").read_text()
            assert kept.read_bytes() == bytes(bad) and "a_corrupt" in kept.name and why.strip()
            (words,) = world.said("me", "track.quarantined")
            assert str(kept.parent) in words, "who reads the log finds it"
            await engine.trace.flush()
            told = [event for event in await engine.store.traces.events(job.job_id) if event.kind == "verify"]
            truth = path.read_bytes()
            for event, data in zip(told, (bytes(bad), bytes(bad), truth, truth), strict=True):
                whole = variant_id("file", len(data), [leaf_digest(data[at : at + LEAF]) for at in range(0, len(data), LEAF)])
                assert (event.variant_id, event.chunk_offset, event.chunk_length) == (whole, 0, len(data))
            assert [event.result for event in told] == ["ok", "corruption", "ok", "ok"], "read back, then decoded"
            digest = blake3(truth).hexdigest()
            assert (
                digest in told[2].words and f"blake3: {digest}" in (world.paths("me").jobs / "completed" / f"{job.job_id}.yaml").read_text()
            )

    asyncio.run(main())


@pytest.mark.slow
def test_a_file_of_which_soulseek_sent_nothing_is_not_placed_on_one_nodes_word(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(0)
            node = await world.node("node")
            engine = await world.engine(overlay={"peers": [node.settings.overlay.listen]}, rescue={"no_bytes_s": 1.0})
            await until(lambda: engine.mesh and engine.mesh.peers, "the node is connected")
            job = await world.create(engine)
            await until(lambda: world.said("me", "rescue.peers"), "the mesh was asked", job)
            size = album.tracks(1)[0].stat().st_size
            swarm = job.tracks[0].swarm
            await until(
                lambda: swarm and swarm.part.pieces.missing() == 0 and swarm.part.pieces.done >= size - LEAF, "all but a leaf came", job
            )
            await asyncio.sleep(2)  # time enough to ask the node for the last leaf, too
            assert not world.music() and job.record.state == "active"
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth
            assert mono.total >= LEAF and await uploaded(node) <= size - LEAF

    asyncio.run(main())


@pytest.mark.slow
def test_two_nodes_that_agree_may_finish_what_waits_in_a_queue(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(0)
            nodes = [await world.node("node-1"), await world.node("node-2")]
            engine = await world.engine(overlay={"peers": [node.settings.overlay.listen for node in nodes]}, rescue={"no_bytes_s": 1.0})
            await until(lambda: engine.mesh and len(engine.mesh.peers) == 2, "the nodes are connected")
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth and mono.total == 0
            assert sum([await uploaded(node) for node in nodes]) >= album.tracks(1)[0].stat().st_size

    asyncio.run(main())


def test_a_watch_that_dies_ends_the_job_with_its_reason_and_a_rerun_goes_on_from_its_bytes(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            only, clock = await world.holder("only_one"), SkippingClock()
            only.hold(5 * LEAF)
            (path,) = album.tracks(1)

            async def broken(rescuer: Rescuer, swarm: TrackSwarm, reason: str) -> bool:
                raise KeyError("a defect")

            with monkeypatch.context() as patched:
                patched.setattr(Rescuer, "help", broken)
                engine = await world.engine(clock=clock, rescue={"no_bytes_s": LONG})
                job = await world.create(engine)
                await stalled(clock, job, 5 * LEAF)
                await until(lambda: world.said("me", "job.failed"), "the job says that it failed", job)
            assert job.record.state == "failed" and "KeyError: 'a defect'" in job.record.error
            only.let_go()
            assert (await act(engine, "rerun", job)).ok
            await completed(job)
            assert world.music() == world.truth
            assert only.starts[path.name] == [0, 4 * LEAF] and only.total == path.stat().st_size + LEAF

    asyncio.run(main())
