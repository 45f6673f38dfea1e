"""The roadmap's fan-out (4.1): 100 users want one album; what its only uploader sends and how long all take, without and with three cache nodes. Shell.

    python tests/bench/fanout.py                 # the scenario, simulated
    python tests/bench/fanout.py --real 20       # 20 whole engines over sockets, and the simulation of the same, with their ratio

The simulator is `tests/unit/swarm/fan.py`: the real scheduler and piece map of each user, the real bucket and fair queue of each cache. What a cache takes
is decided by the real policy (`engine/cache/policy.py`). The real run is the lab's Soulseek server, an uploader with two slots, three engines whose cache
fetches the file from him because it is pinned, and engines on 127.4.N.1 that run a job each. Times are from the first byte to the file being whole.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / part) for part in ("unit/swarm", "engine", "engine/rescue", "engine/cache", "engine/overlay")] + [
    str(TESTS.parent)
]

from fan import Result, plain, with_nodes  # noqa: E402

from slskdn_tui.engine.cache.policy import GB, Asked, Rules, worth_fetching  # noqa: E402

MB = 1_000_000
USERS, CACHES, SIZE = 100, 3, 500 * MB
SLOTS, UPLINK = 2, 1 * MB
CACHE_UPLINK, CACHE_SLOTS = 12.5 * MB, 200
RULES = Rules(50 * GB, 10)


def scenario(size: int, cache_slots: int, uplink: float) -> None:
    """Print the figure. Each cache fetches before the hundred come: as soon as ten want it."""
    fetched = next(want for want in range(1, USERS + 1) if worth_fetching([Asked("album", want)], (), (), RULES))
    first = plain(CACHES, size, SLOTS, uplink / SLOTS)
    without = plain(USERS, size, SLOTS, uplink / SLOTS)
    have = with_nodes(USERS, size, SLOTS, uplink / SLOTS, CACHES, CACHE_UPLINK, cache_slots)
    origin = first.origin + have.origin
    print(
        f"{USERS} users, {CACHES} caches, {size / MB:.0f} MB; the uploader sends {uplink / MB:g} MB/s in {SLOTS} slots, a cache {CACHE_UPLINK / MB:g} MB/s in {cache_slots}"
    )
    print(f"a cache fetches once {fetched} peers want it: {first.origin / MB:.0f} MB in {first.times[-1]:.0f} s, before")
    row("without caches", without, without.origin)
    row("with caches", have, origin)
    print(
        f"origin bytes {without.origin / origin:.1f} times fewer ({first.origin / MB:.0f} MB to caches, {have.origin / MB:.1f} MB to users)"
    )
    print(f"median {without.median / have.median:.1f} times faster")
    print(f"the caches sent {have.nodes / MB:.0f} MB, {have.duplicates / size / USERS:.2%} twice")


def row(name: str, result: Result, origin: float) -> None:
    print(
        f"{name:<16} origin {origin / MB:>9.1f} MB   first {result.times[0]:>8.1f}   median {result.median:>8.1f}   last {result.times[-1]:>8.1f} s"
    )


# The real run -------------------------------------------------------------------------------------------------------


async def real(count: int, size: int, slot_rate: int, node_rate: int) -> None:
    """Print the real run, the simulation of the same and their ratios."""
    from cache_world import CacheWorld, holds, recording
    from engine_world import ONLINE, Album, until
    from rescue_world import Uploader, larger, small_windows

    from slskdn_tui.lab.album import main as make_album

    class Paced(Uploader):
        """Each upload at `slot_rate` from its first byte on."""

        def __init__(self, *args: Any) -> None:
            self.began: dict[int, tuple[float, int]] = {}
            self.first = 0.0
            super().__init__(*args)

        async def let_through(self, name: str, stop: int, left: asyncio.Future[Any]) -> None:
            now = time.monotonic()
            self.first = self.first or now
            since, start = self.began.setdefault(id(left), (now, stop))
            await asyncio.sleep(max(0.0, since + (stop - start) / slot_rate - now))

    async def leg(root: Path, album: Album, mesh: bool) -> tuple[list[float], list[float], int, int]:
        """(when each began to be helped, when each had it, seconds; bytes the uploader sent to caches, and to users)."""
        async with CacheWorld(root, album, tracks=1) as world:
            path = larger(album.tracks(1)[0], root / "file", size)
            origin = await world.join(Paced, "origin", {path.name: path.read_bytes()})
            origin.busy(False)  # two slots
            caches, filled = [], 0
            if mesh:
                caches = [
                    await world.cache(
                        f"cache{number}", overlay={"bandwidth_kbps": node_rate * 8 // 1000, "upload_slots": 64, "max_peers": 200}
                    )
                    for number in range(CACHES)
                ]
                for cache in caches:
                    assert cache.warm.fetcher is not None
                    await cache.warm.shelf.pin(recording(1))
                    cache.warm.fetcher.wake()
                for cache in caches:
                    await holds(cache, recording(1))
                filled = origin.total
                origin.first = 0.0
            ask = (
                {"queued_s": 0.5, "no_bytes_s": 0.5, "slow_bytes_s": 1e9, "slow_s": 0.5}
                if mesh
                else {"queued_s": 600.0, "no_bytes_s": 600.0}
            )
            peers = [cache.settings.overlay.listen for cache in caches]
            users = [await world.engine(f"user{number}", rescue=ask, overlay={"peers": peers, "enabled": mesh}) for number in range(count)]
            for user in users:
                await until(lambda user=user: user.mesh is None or len(user.mesh.peers) >= len(caches), "connected")  # type: ignore[misc]
            jobs = [await world.create(user) for user in users]
            lives = [job.tracks[0] for job in jobs]
            helped, done = [0.0] * count, [0.0] * count
            while not all(done):
                now = time.monotonic()
                for user in users:
                    with contextlib.suppress(OSError):  # a connection that ends just now
                        small_windows(user)
                for at, live in enumerate(lives):
                    swarm = live.swarm
                    if not helped[at] and swarm is not None and (swarm.members or not mesh):
                        helped[at] = now
                    if not done[at] and (live.record.state == "done" or (swarm is not None and swarm.part.pieces.complete)):
                        done[at] = now
                await asyncio.sleep(0.02)
            zero = min([origin.first or done[0], *(each or done[0] for each in helped)])
            return [max(0.0, (each or zero) - zero) for each in helped], sorted(each - zero for each in done), filled, origin.total - filled

    ONLINE.clear()
    with tempfile.TemporaryDirectory(prefix="fanout-") as name:
        root = Path(name)
        code = make_album([str(root / "true"), "--seconds", "5"])
        assert not code
        (folder,) = (root / "true").iterdir()
        album = Album(folder, folder)
        whole = size + album.tracks(1)[0].stat().st_size
        for mesh in (False, True):
            helped, done, filled, origin = await leg(root / f"mesh{mesh:d}", album, mesh)
            seen = Result(done, filled + origin, 0)
            if mesh:
                made = with_nodes(count, whole, SLOTS, slot_rate, CACHES, node_rate, 64, 0.001, begins=helped)
                made.origin += plain(CACHES, whole, SLOTS, slot_rate).origin
            else:
                made = plain(count, whole, SLOTS, slot_rate)
            print(
                f"{count} peers, {whole / MB:.1f} MB, uploader {SLOTS} x {slot_rate / MB:g} MB/s"
                + (f", {CACHES} caches of {node_rate / MB:g} MB/s" if mesh else ", no caches")
            )
            row("  real", seen, seen.origin)
            row("  simulated", made, made.origin)
            print(
                f"  real / simulated: origin {seen.origin / made.origin:.3f}, median {seen.median / made.median:.3f}, last {seen.times[-1] / made.times[-1]:.3f}",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=SIZE // MB, help="the album's size")
    parser.add_argument("--cache-slots", type=int, default=CACHE_SLOTS)
    parser.add_argument("--uplink", type=float, default=UPLINK, help="bytes a second of the uploader")
    parser.add_argument("--real", type=int, default=0, metavar="N", help="so many whole engines instead")
    parser.add_argument("--size", type=int, default=6 * MB, help="bytes of the real run's file")
    parser.add_argument("--slot-rate", type=int, default=1 * MB)
    parser.add_argument("--node-rate", type=int, default=1_333_000)
    given = parser.parse_args()
    began = time.perf_counter()
    if given.real:
        asyncio.run(real(given.real, given.size, given.slot_rate, given.node_rate))
    else:
        scenario(given.mb * MB, given.cache_slots, given.uplink)
    print(f"{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
