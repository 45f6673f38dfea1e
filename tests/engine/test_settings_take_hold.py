"""A line of the settings reaches the part it is about: told by what that part then does, or says it does."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, Album, SkippingClock, World, completed, put, until

from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command
from tests.fakes.ports import free_port, has_ipv6

PATIENT: dict[str, Any] = {"queued_s": 600.0, "no_bytes_s": 600.0}


@pytest.mark.usefixtures("quick")
def test_no_more_tracks_move_from_one_user_than_are_allowed(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=3) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT, downloads={"parallel": 4, "per_user": 1})
            job = await world.create(engine)
            await until(lambda: mono.total == 5 * LEAF, "one file moves", job)
            await until(lambda: sum(live.waiting is not None for live in job.tracks) == 2, "two wait in the queue", job)
            assert sum(live.swarm is not None for live in job.tracks) == 1
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


def test_searches_traces_and_the_cache_follow_their_lines(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            engine = await world.engine(
                soulseek={"search_window": 1},
                trace={"keep_jobs": 2},
                warm_cache={"eviction": "lru", "keep_days": 3.0, "max_storage_gb": 2.0, "min_popularity_threshold": 7},
            )
            await engine.soulseek.wait_online()
            first = await engine.submit(Command("search.ask", {"query": "first"}))
            search = engine.soulseek.searches.get(first.data["search"])
            await until(lambda: search.state != "waiting", "the first was sent")
            assert (await engine.submit(Command("search.ask", {"query": "second"}))).ok
            status = await engine.snapshot(ViewKey("status"))
            assert isinstance(status, StatusView) and status.search_wait > 150, "one search in 220 s"
            for number in range(4):
                engine.trace.add(f"j{number}", kind="job")
                await engine.trace.flush()
            assert await engine.store.traces.jobs() == ["j3", "j2"]
            cache = await engine.snapshot(ViewKey("cache"))
            assert isinstance(cache, CacheView)
            assert (cache.eviction, cache.keep_days, cache.most, cache.threshold) == ("lru", 3.0, 2_000_000_000, 7)

    asyncio.run(main())


class Taker:
    """Takes what comes."""

    def on_leaves(self, node_id: str, leaves: Sequence[tuple[int, memoryview]]) -> None: ...
    def on_refused(self, node_id: str, offset: int, length: int, code: str) -> None: ...
    def on_lost(self, node_id: str, reason: str) -> None: ...


def test_one_peer_gets_no_more_of_the_uplink_than_overlay_peer_bandwidth_kbps(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            node = await world.node("node", peer_bandwidth_kbps=64)
            engine = await world.engine(soulseek={"enabled": False}, overlay={"peers": [node.settings.overlay.listen]})
            await until(lambda: engine.mesh and engine.mesh.peers, "they are connected")
            assert engine.mesh is not None and node.mesh is not None
            (peer,) = engine.mesh.peers.values()
            variant = next(one for one in await peer.offers(node.offers.recordings()) if one.kind == "file")
            peer.attach(variant.variant_id, Taker())
            for at in range(0, variant.length - LEAF, LEAF):
                peer.request(variant.variant_id, at, LEAF)
            await until(lambda: any(each.state == "U_THROTTLED" for each in node.mesh.uploads()), "the peer is held back")
            assert node.mesh.desk.limiter.rate is None, "by its own cap: there is none for all"

    asyncio.run(main())


@pytest.mark.slow
def test_a_new_file_is_found_once_library_watch_minutes_have_passed(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            clock = SkippingClock()
            first, second = album.tracks(2)
            folder = tmp_path / "me" / "music" / "album"
            put(folder, [first])
            engine = await world.engine(clock=clock, soulseek={"enabled": False}, overlay={"enabled": False}, library={"watch_minutes": 2})
            scanned = lambda: [event for event in world.events["me"] if event.name == "library.scanned"]  # noqa: E731
            assert (await engine.submit(Command("library.scan"))).ok
            await until(lambda: len(scanned()) == 1, "the folder was looked through")
            shutil.copy2(second, folder)
            clock.skip(121)
            await until(lambda: len(scanned()) == 2, "the new file was found")

    asyncio.run(main())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback (::1)")
def test_the_dht_is_joined_on_dht_listen6_too(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            ports = [free_port("::1", kind=socket.SOCK_DGRAM) for _ in range(2)]
            engines = [
                await world.engine(
                    name,
                    soulseek={"enabled": False},
                    dht={"enabled": True, "listen6": f"[::1]:{port}"},
                    network={"permit": ["127.0.0.0/8", "::1/128"]},
                )
                for name, port in zip(("me", "other"), ports, strict=True)
            ]
            told = await engines[0].submit(Command("dht.status"))
            assert [one["address"] for one in told.data["families"] if one["family"] == 6] == [f"[::1]:{ports[0]}"]
            other = engines[1].dht
            assert other is not None
            async with asyncio.timeout(60):
                while await other.ping(("::1", ports[0])) is None:
                    pass  # it does not answer in time

    asyncio.run(main())
