"""A node that keeps what many want: one fetch from Soulseek, and everybody is served over the mesh."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cache_world import CacheWorld, ask, fetch, holds, recording
from engine_world import Album, sha, until

from slskdn_tui.model.stats import StatsView, share
from slskdn_tui.model.views import ViewKey


@pytest.mark.slow
def test_ten_peers_want_it_one_fetch_from_soulseek_serves_twenty(tmp_path: Path, album: Album, prompt: None) -> None:
    async def story() -> None:
        async with CacheWorld(tmp_path, album) as world:
            origin = await world.holder("mono_lith")
            engine = await world.cache()
            wanted, other = recording(1), recording(2)
            truth = world.truth[0]
            peers = await world.peers(engine, 20)
            assert "cache" in peers[0].hello.features
            assert await ask(peers[:9], wanted) == [0] * 9
            await ask(peers[:9], other)
            await until(lambda: engine.aggregates is not None and not engine.aggregates._waiting, "the wishes are written")
            assert engine.warm.fetcher is not None
            await engine.warm.fetcher.look()
            assert engine.runner.jobs() == [] and origin.total == 0  # nine are not enough
            await ask([peers[9]], wanted)
            await holds(engine, wanted)
            size = album.tracks(1)[0].stat().st_size
            assert origin.total == size  # one file, once
            assert await asyncio.gather(*(fetch(peer, wanted) for peer in peers)) == [truth] * 20
            assert origin.total == size
            assert engine.warm.shelf.file(other) is None
            # counted, and kept
            await engine.warm.shelf.flush()
            (day,) = await engine.store.cache.days()
            assert (day.hits, day.bytes_served, day.fetched, day.bytes_fetched) == (20, 20 * size, 1, size)
            await until(lambda: engine.ledger.totals().mesh_up == 20 * size, "what was sent counts as overlay upload")
            told = await engine.snapshot(ViewKey("stats"))
            assert isinstance(told, StatsView)
            assert told.cache_bytes_saved == share(19 * size, 20 * size)
            assert told.cache_bytes_saved.whole - told.cache_bytes_saved.part == origin.total
            # no part of the library, and nothing of it on Soulseek
            assert world.music("cache") == [] and engine.scanner.counts.files == 0
            assert sha(engine.warm.shelf.folder / f"{wanted}.flac") == truth
            assert engine.runner.jobs() == [] and not list(engine.paths.jobs.rglob("*.yaml"))

    asyncio.run(story())
