"""No proof, no placement: what the mesh alone says is not enough; a head from another Soulseek user is; a refusal says what was missing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine_world import LEAF, LONG, TIMEOUT, Album, completed, put, until, uploaded
from rescue_world import BUFFERS, RescueWorld, rescues, rows, settle, traced, track_view

from slskdn_tui.engine.jobs.track import probe
from slskdn_tui.engine.jobs.track.rescue import Rescuer
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.model.heard import HeardVariant, Voice

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


def other_content(path: Path) -> bytes:
    """The same name, size and FLAC head, and then other bytes."""
    data = path.read_bytes()
    return data[:8192] + bytes(byte ^ 0x5A for byte in data[8192:])


def test_the_head_from_another_user_proves_what_the_mesh_gave(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            size = path.stat().st_size
            mono, other = await world.uploader("a_mono", busy=True), await world.uploader("b_other", busy=True)
            node = await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: mono.waiting or other.waiting, "the track waits in a queue", job)
            asked, free = (mono, other) if mono.waiting else (other, mono)
            free.busy(False)
            await completed(job)
            assert world.music() == world.truth
            assert live.last is not None and live.last.proof == "head"
            assert asked.total == 0 and not asked.uploads, "the one whose queue we were in sent nothing"
            (upload,) = free.uploads
            assert upload.start == 0 and LEAF <= upload.stop <= min(size, LEAF + BUFFERS), "a head, once"
            assert await uploaded(node) == size, "every byte of the file is the mesh's"
            (event,) = await traced(engine, job, "probe")
            assert (event.result, event.peer_id) == ("ok", f"slsk:{free.settings.credentials.username}")
            assert await rescues(engine) == (1, 1, 0)

    asyncio.run(main())


def test_another_file_of_the_same_size_proves_nothing(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            mono = await world.uploader("a_mono", busy=True)
            other = await world.uploader("b_other", {path.name: other_content(path)}, busy=True)
            node = await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: mono.waiting or other.waiting, "the track waits in a queue", job)
            asked, free = (mono, other) if mono.waiting else (other, mono)
            assert asked is mono
            free.busy(False)
            await until(lambda: free.uploads, "the head of the other file came", job)
            await until(lambda: live.swarm and live.swarm.held, "the mesh gave all it may", job)
            await settle()
            assert not world.music() and live.swarm is not None and live.swarm.held
            mono.busy(False)
            await completed(job)
            assert world.music() == world.truth
            assert [event.result for event in await traced(engine, job, "probe")] == ["error"]
            assert len(free.uploads) == 1, "nobody is probed twice"

    asyncio.run(main())


def test_what_known_nodes_said_before_proves_what_one_node_offers_now(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono, node = await world.uploader("mono_lith", busy=True), await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            assert engine.aggregates is not None
            (variant,) = [each for each in node.offers.variants() if each.kind == "file"]
            for number in (1, 2):  # they gave verified bytes once, and are not here
                gone = f"{number:02x}" * 32
                engine.book.outcome(gone, ChunkOutcome.OK)
                engine.aggregates.advertised(Voice(gone, f"127.9.{number}.1"), [HeardVariant(variant)], (), whole=True)
            await engine.aggregates.flush()
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth and job.tracks[0].last is not None and job.tracks[0].last.proof == "agree"
            assert mono.total == 0 and not mono.uploads, "Soulseek's queue did not move"

    asyncio.run(main())


def test_who_has_no_free_slot_is_left_again(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            users = [await world.uploader(name, busy=True) for name in ("a_mono", "b_other")]

            async def wait(tasks: Any, timeout: float | None = None, **more: Any) -> Any:
                """The ten seconds are over once the request has arrived: a busy machine may need them for that."""
                if timeout == probe.FREE_SLOT_S:
                    return await until(lambda: all(user.waiting for user in users), "both hold a place for us")
                return await asyncio.wait(tasks, timeout=timeout, **more)

            monkeypatch.setattr(probe, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait}))
            node = await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            job = await world.create(engine)
            async with asyncio.timeout(TIMEOUT):
                while not (events := await traced(engine, job, "probe")):
                    await asyncio.sleep(0.05)
            (event,) = events
            assert (event.result, event.words, event.peer_id) == ("error", "no free slot", "slsk:b_other")
            users[1].busy(False)
            await until(lambda: not users[1].waiting, "its offer, now too late, is refused", job)
            assert users[1].total == 0 and not users[1].uploads and not world.music()
            assert users[0].waiting == 1, "the origin's queue is kept"

    asyncio.run(main())


def test_with_the_dht_off_and_nobody_connected_the_badge_says_so(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    helped, refused = list[str](), Rescuer._refused

    async def noting(self: Rescuer, reason: str, why: str) -> None:
        await refused(self, reason, why)
        helped.append(reason)

    monkeypatch.setattr(Rescuer, "_refused", noting)

    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono = await world.uploader("mono_lith")
            mono.hold(2 * LEAF)
            engine = await world.rescued(no_bytes_s=LONG)
            job = await world.create(engine)
            live = job.tracks[0]
            await world.stalls(job, 2 * LEAF)
            words = "nobody was asked: the DHT is off (dht.enabled) and no peer is connected"
            await until(lambda: words in live.why, "the badge says why nobody was asked", job)
            (row,) = [row for row in await rows(engine) if row.level == 1]
            assert row.state == "stalled" and str(row.reason).startswith("no byte for ") and str(row.reason).endswith(words)
            assert words in (await track_view(engine, job)).rescue
            found = len(helped)
            async with asyncio.timeout(TIMEOUT):
                while len(helped) < found + 3:
                    world.clock.skip(31)
                    await asyncio.sleep(0.05)
            assert len(world.said("me", "rescue.refused")) == 1, "said once, however often it is found"
            assert await rescues(engine) == (0, 0, 1)
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth and len(mono.uploads) == 1
            assert await rescues(engine) == (0, 0, 1) and not live.why

    asyncio.run(main())


def test_a_dht_without_a_first_node_is_named(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono = await world.uploader("mono_lith")
            mono.hold(2 * LEAF)
            engine = await world.engine(rescue={"no_bytes_s": 0.5}, dht={"enabled": True})
            job = await world.create(engine)
            words = "nobody was asked: the DHT waits for a first node (dht.bootstrap) and no peer is connected"
            await until(lambda: words in job.tracks[0].why, "the badge says why nobody was asked", job)

    asyncio.run(main())


def test_while_we_are_offline_ourselves_the_mesh_is_refused_and_the_missing_proofs_are_named(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono, node = await world.uploader("mono_lith", busy=True), await world.node("node")
            engine = await world.rescued(nodes=[node])
            job = await world.create(engine)
            await until(lambda: mono.waiting, "the track waits in a queue", job)
            await engine.stop()
            await world.server.stop()
            hasty = engine.settings.rescue.model_copy(update={"no_bytes_s": 1.0})
            engine = await world.start("me", engine.settings.model_copy(update={"rescue": hasty}))
            live = engine.runner.find(job.job_id).tracks[0]
            await until(lambda: "guard: " in live.why, "the mesh was asked, and refused", job)
            words = (await track_view(engine, engine.runner.find(job.job_id))).rescue
            assert (
                words.startswith("not rescued: no byte for ")
                and "guard: the Soulseek source is offline" in words
                and all(f"proof {number}" in words for number in (1, 2, 3))
            )
            assert await rescues(engine) == (1, 0, 1)
            assert await uploaded(node) == 0 and not world.music()

    asyncio.run(main())


def test_a_node_nobody_named_is_found_by_the_recordings_key(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono = await world.uploader("mono_lith")
            mono.hold(2 * LEAF)
            hub = await world.engine("hub", soulseek={"enabled": False}, dht={"enabled": True}, overlay={"enabled": True})
            boot = {"enabled": True, "bootstrap": [hub.settings.dht.listen]}
            node = await world.node("node", dht=boot)
            await until(lambda: node.finder.announced, "the node has announced its recording")
            engine = await world.engine(rescue={"no_bytes_s": 1.0}, dht=boot)
            assert engine.mesh is not None
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            assert engine.gossip is not None and node.identity is not None
            assert node.identity.node_id in engine.gossip.shelf.having(job.tracks[0].track.recording_mbid)  # it said so, too
            assert any("1 found by DHT key" in words for words in world.said("me", "rescue.peers")), world.said("me", "rescue.peers")

    asyncio.run(main())


def test_two_nodes_with_one_bootstrap_address_find_each_other_tell_what_they_have_and_rescue(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono = await world.uploader("mono_lith")
            mono.hold(2 * LEAF)
            began = time.monotonic()
            node = await world.node("node", dht={"enabled": True})
            put(tmp_path / "mine", [album.tracks(2)[1]])
            engine = await world.engine(
                soulseek={"share": [str(tmp_path / "mine")]},
                rescue={"no_bytes_s": 1.0},
                dht={"enabled": True, "bootstrap": [node.settings.dht.listen]},
            )
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth and job.tracks[0].last is not None and job.tracks[0].last.by_mesh > 0
            assert engine.gossip and node.gossip and engine.identity and node.identity
            ours, theirs = engine.gossip.shelf, node.gossip.shelf
            await until(
                lambda: theirs.variants(engine.identity.node_id) and ours.variants(node.identity.node_id), "both told what they have"
            )
            print(f"two nodes: found, told and rescued {time.monotonic() - began:.1f} s after the start")

    asyncio.run(main())


def test_rescues_are_counted_once_a_track_and_over_a_restart(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            mono, node = await world.uploader("mono_lith", busy=True), await world.node("node")
            engine = await world.rescued(nodes=[node], queued_s=1.0)
            job = await world.create(engine)
            await until(lambda: job.tracks[0].swarm and job.tracks[0].swarm.held, "all came but a leaf", job)
            settings = engine.settings
            await engine.stop()
            again = await world.start("me", settings)
            job = again.runner.find(job.job_id)
            assert await rescues(again) == (1, 0, 0)
            await until(lambda: job.tracks[0].rescue, "it is rescued again", job)
            assert await rescues(again) == (1, 0, 0)
            mono.busy(False)
            await completed(job)
            assert world.music() == world.truth
            assert await rescues(again) == (1, 1, 0)

    asyncio.run(main())
