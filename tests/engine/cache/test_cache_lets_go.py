"""What a cache keeps when it is too small, too generous, or when its disk or its source fails it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import overlay_world
import pytest
from cache_world import CacheWorld, ask, fetch, holds, recording
from engine_world import LEAF, Album, completed, until

from slskdn_tui.engine.cache import fetcher, policy
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs import disk

sys.path.append(str(Path(__file__).parents[1] / "jobs"))
from test_disk_trouble import mounted
from test_disk_trouble import mounts as mounts  # a fixture

MB = 1_000_000


def words(engine: Engine) -> str:
    assert engine.warm.fetcher is not None
    return engine.warm.fetcher.words


async def look(engine: Engine) -> None:
    assert engine.warm.fetcher is not None
    await engine.warm.fetcher.look()


def on_disk(engine: Engine) -> set[str]:
    return {path.stem for path in engine.warm.shelf.folder.glob("*.flac")}


@pytest.mark.slow
def test_under_a_small_limit_neither_a_pin_nor_a_file_being_sent_goes(
    tmp_path: Path, album: Album, prompt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "FRESH_S", 0.0)

    async def story() -> None:
        async with CacheWorld(tmp_path, album, tracks=4) as world:
            await world.holder("mono_lith")
            pinned, sent, idle, popular = (recording(number) for number in (1, 2, 3, 4))
            size = {recording(number): path.stat().st_size for number, path in enumerate(album.tracks(4), start=1)}
            room = 3 * max(size.values()) / 1e9
            limits = {"min_popularity_threshold": 1, "max_storage_gb": room}
            engine = await world.cache(warm_cache=limits)
            one, two = await world.peers(engine, 2)
            for wanted in (pinned, sent, idle):
                await ask([one], wanted)
                await holds(engine, wanted)
            await engine.warm.shelf.pin(pinned)
            (variant, *_) = await one.offers((sent,))
            got = overlay_world.Collector(variant, await one.digests(variant))
            one.attach(variant.variant_id, got)
            assert engine.mesh is not None
            desk, usual = engine.mesh.desk, engine.mesh.desk.limits
            desk.limits = replace(usual, slot_idle_s=3600.0)  # however long the rest takes, the upload is under way
            one.request(variant.variant_id, 0, LEAF)
            await until(lambda: got.got, "the first leaf came")
            # the limit falls below what stays: only the idle one goes
            await engine.warm.set("max_storage_gb", size[pinned] / 1e9)
            await look(engine)
            assert on_disk(engine) == {pinned, sent}
            # what more want finds no room while one is pinned and the other is read
            await engine.warm.set("max_storage_gb", (size[pinned] + size[sent] + size[popular] // 2) / 1e9)
            await ask([one, two], popular)
            await until(lambda: "no room" in words(engine), "it says so")
            assert not got.complete and on_disk(engine) == {pinned, sent} and engine.runner.jobs() == []
            for offset in range(LEAF, variant.length, LEAF):
                one.request(variant.variant_id, offset, min(LEAF, variant.length - offset))
            await until(lambda: got.complete, "who reads it has it whole")
            assert not got.bad and not got.refused
            one.cancel(variant.variant_id, reason="complete")
            desk.limits = usual
            await holds(engine, popular)
            assert on_disk(engine) == {pinned, popular}

    asyncio.run(story())


@pytest.mark.slow
def test_at_twice_its_soulseek_upload_it_sends_nothing_and_goes_on_below(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            await world.holder("mono_lith")
            engine = await world.cache(warm_cache={"min_popularity_threshold": 1}, fairness={"grace_gb": 0.0, "min_ratio": 0.0})
            engine.ledger.add("slsk", "up", "somebody", 10 * MB)
            wanted, other = recording(1), recording(2)
            one, two = await world.peers(engine, 2)
            await ask([one], wanted)
            await holds(engine, wanted)
            assert await fetch(one, wanted) == world.truth[0]
            size = album.tracks(1)[0].stat().st_size
            await until(lambda: engine.ledger.totals().mesh_up == size, "it is counted")
            engine.ledger.add("mesh", "up", "everybody", 20 * MB - size)  # at 2.0 to the byte
            await until(lambda: engine.mesh is not None and engine.mesh.desk.slots == 0, "it is held back")
            assert await ask([one, two], wanted) == [0, 0] and not engine.stock.active()
            refused = overlay_world.Collector(variant := engine.warm.shelf.find((wanted,))[0], ())
            two.attach(variant.variant_id, refused)
            two.request(variant.variant_id, 0, LEAF)
            await until(lambda: refused.refused, "a request is refused")
            assert refused.refused[0][2] == "rate_limited" and engine.ledger.totals().mesh_up == 20 * MB
            two.detach(variant.variant_id)
            await ask([two], other)
            await until(lambda: "out of balance" in words(engine), "nor is anything fetched")
            assert engine.warm.shelf.file(other) is None
            engine.ledger.add("slsk", "up", "somebody", 10 * MB)
            await until(lambda: engine.mesh is not None and engine.mesh.desk.slots > 0, "it may again")
            assert await fetch(two, wanted) == world.truth[0]
            await holds(engine, other)

    asyncio.run(story())


@pytest.mark.slow
def test_a_source_that_vanishes_is_given_up_and_the_next_recording_comes(
    tmp_path: Path, album: Album, prompt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            first = await world.holder("mono_lith", album.tracks(1))
            first.hold(2 * LEAF)
            engine = await world.cache(warm_cache={"min_popularity_threshold": 1}, rescue={"no_bytes_s": 60.0})
            wanted, next_one = recording(1), recording(2)
            (one,) = await world.peers(engine, 1)
            await ask([one], wanted)
            await until(lambda: first.total >= 2 * LEAF, "it is half way")
            with monkeypatch.context() as hasty:
                hasty.setattr(fetcher, "PATIENCE_S", 0.5)
                await first.stop()
                await until(lambda: world.said("cache", "cache.given_up"), "it is given up")
            assert "nothing came" in world.said("cache", "cache.given_up")[0]
            monkeypatch.setattr(fetcher, "PATIENCE_S", 600.0)  # the next one may need longer on a busy machine
            await world.holder("other", album.tracks(2)[1:])
            await ask([one], next_one)
            await holds(engine, next_one)
            assert on_disk(engine) == {next_one} and world.music("cache") == []
            assert not list(engine.paths.incomplete.rglob("*.part*"))
            await world.back(first)
            await look(engine)
            assert engine.runner.jobs() == [], "it rests for a day"
            await engine.stop()
            engine = await world.start("cache", engine.settings)
            await until(lambda: engine.soulseek.state == "online", "it is online again")
            await look(engine)
            assert engine.runner.jobs() == [] and words(engine) == "", "over a restart, too"
            with monkeypatch.context() as later:
                later.setattr(fetcher, "REST_S", 0.0)
                await look(engine)
                assert engine.warm.fetcher is not None and engine.warm.fetcher.job is not None, "and then it is fetched"

    asyncio.run(story())


@pytest.mark.slow
def test_a_fetch_goes_on_into_the_cache_after_a_restart_and_stands_in_no_job_s_way(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            holder = await world.holder("solo", album.tracks(1))
            holder.hold(3 * LEAF)
            settings = world.settings("cache", warm_cache={"enabled": True, "min_popularity_threshold": 1}, rescue={"no_bytes_s": 60.0})
            engine = await world.start("cache", settings)
            wanted = recording(1)
            (one,) = await world.peers(engine, 1)
            await ask([one], wanted)
            await until(lambda: holder.total >= 3 * LEAF, "it is half way")
            await engine.stop()
            engine = await world.start("cache", settings)
            assert engine.warm.fetcher is not None and engine.warm.fetcher.job is not None
            await world.holder("mono_lith")
            job = await world.create(engine)  # the user wants the whole album
            holder.let_go()
            await holds(engine, wanted)
            await completed(job)
            assert world.music("cache") == world.truth and on_disk(engine) == {wanted}
            assert engine.runner.jobs() == [job]
            file = engine.warm.shelf.file(wanted)
            assert file is not None and file.title and file.artist

    asyncio.run(story())


def test_turned_off_half_way_it_stops_and_leaves_nothing(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            holder = await world.holder("mono_lith")
            holder.hold(2 * LEAF)
            engine = await world.cache(warm_cache={"min_popularity_threshold": 1}, rescue={"no_bytes_s": 60.0})
            (one,) = await world.peers(engine, 1)
            await ask([one], recording(1))
            await until(lambda: holder.total >= 2 * LEAF, "it is half way")
            await engine.warm.set("on", 0)
            await until(lambda: engine.runner.jobs() == [], "the job is gone")
            assert on_disk(engine) == set() and not list(engine.paths.incomplete.rglob("*.part*"))

    asyncio.run(story())


@pytest.mark.slow
def test_a_full_cache_disk_pauses_the_fetch_and_touches_nothing_of_the_library(
    tmp_path: Path,
    album: Album,
    prompt: None,
    mounts: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk, "LOOK_S", 0.1)
    folder = tmp_path / "cachedisk"
    mounts.enter_context(mounted(folder, "-t", "tmpfs", "-o", "size=4m", "tmpfs"))

    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            holder = await world.holder("mono_lith")
            holder.hold(2 * LEAF)
            limits = {"min_popularity_threshold": 1, "folder": str(folder)}
            engine = await world.cache(warm_cache=limits, rescue={"no_bytes_s": 60.0})
            ours = tmp_path / "cache" / "music" / "mine.flac"
            ours.write_bytes(b"mine")
            wanted, other = recording(1), recording(2)
            (one,) = await world.peers(engine, 1)
            await ask([one], wanted)
            await until(lambda: holder.total >= 2 * LEAF, "it is half way")
            with (folder / ".ballast").open("wb") as ballast:
                with pytest.raises(OSError, match="No space left"):
                    while True:
                        ballast.write(bytes(65536))
                        ballast.flush()
            holder.let_go()
            await until(lambda: "No space left" in words(engine), "the fetch is paused with its reason")
            (job,) = engine.runner.jobs()
            assert job.in_trouble and on_disk(engine) == set() and ours.read_bytes() == b"mine"
            (folder / ".ballast").unlink()
            await holds(engine, wanted)
            # full before anything is begun: not begun
            (folder / ".ballast").write_bytes(bytes(2 * 1024 * 1024 + 300_000))
            before = holder.total
            await ask([one], other)
            await until(lambda: f"the disk of {folder} is full" in words(engine), "it says so")
            assert engine.runner.jobs() == [] and holder.total == before and on_disk(engine) == {wanted}
            assert sorted(path.name for path in (tmp_path / "cache" / "music").rglob("*")) == ["mine.flac"]

    asyncio.run(story())


def test_neighbours_are_told_when_a_cache_is_turned_on(tmp_path: Path, album: Album) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            engine = await world.engine("cache", soulseek={"enabled": False})
            near = await world.engine("near", soulseek={"enabled": False}, overlay={"peers": [engine.settings.overlay.listen]})
            assert engine.identity is not None and near.gossip is not None
            gossip, node = near.gossip, engine.identity.node_id
            await until(lambda: (told := gossip.descriptor(node)) is not None and not told.cache, "a descriptor comes on connecting")
            await engine.warm.set("on", 1)
            await until(lambda: (told := gossip.descriptor(node)) is not None and told.cache, "and when it is turned on")

    asyncio.run(story())
