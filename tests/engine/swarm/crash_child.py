"""Fetches a known file into a part file until it is killed. `python crash_child.py` reads jobs (JSON) on stdin and forks a child for each.

Printed to stdout, a line in one write each: `pid N`, `writing N` (so many leaves are missing), what each commit has acknowledged (`acked PAGE HEX`,
`prefix BYTES`), `holds`, `done`, and `ended N`. What is printed is outside of the file system that is cut. Jobs: `folder leaves seed mode order
address share`; a child holds, and waits for its end, where that share of what was missing is written.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from slskdn_tui.engine.bench.meetings import Meetings
from slskdn_tui.engine.bench.serve import BENCH_LIMITS, EVERYWHERE
from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.parts import PartsTable
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.track import RescueThresholds, TrackSwarm, Tunables
from slskdn_tui.model.part import Extent
from slskdn_tui.model.variant import LEAF, Variant

ABOUT = {"username": "anna", "path": "@@x\\track.flac"}
PIECE = 16 * 1024


@lru_cache(maxsize=4096)
def leaf_bytes(leaf: int) -> bytes:
    return random.Random(leaf).randbytes(LEAF)


@lru_cache(maxsize=8)
def known(leaves: int) -> tuple[Variant, tuple[bytes, ...]]:
    digests = tuple(leaf_digest(leaf_bytes(leaf)) for leaf in range(leaves))
    return Variant(variant_id("file", leaves * LEAF, digests), "file", leaves * LEAF, ""), digests


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


class Telling(PartsTable):
    """Says what was committed, once it is. With `reversed` the part is synced only after that, and with `unsynced` never."""

    def __init__(self, database: Database, order: str) -> None:
        super().__init__(database)
        self._order = order
        self._fds: list[int] = []
        if order != "good":
            self._real, os.fdatasync = os.fdatasync, self._fds.append

    async def commit(self, key: str, prefix: int, extents: tuple[Extent, ...], pages: Mapping[int, bytes]) -> None:
        await super().commit(key, prefix, extents, pages)
        for page, bits in pages.items():
            say(f"acked {page} {bits.hex()}")
        say(f"prefix {prefix}")
        if self._order == "reversed":
            await asyncio.sleep(0.02)
            for fd in self._fds[-1:]:
                self._real(fd)


async def fetch(job: dict[str, Any]) -> None:
    folder, leaves = Path(job["folder"]), int(job["leaves"])
    mode, chance = job["mode"], random.Random(job["seed"])
    database = await Database.open(folder / "state.db", "state", "FULL", clock=SystemClock())
    store = Telling(database, job["order"])
    part = await PartFile.open(folder / f"{mode}.part", leaves * LEAF, mode, store, SystemClock(), about=ABOUT)
    if mode == "mesh":
        await over_sockets(part, *job["address"])
    else:
        await (by_leaves if mode == "leaves" else by_stream)(part, chance, float(job["share"]))
    await database.close()
    say("done")


async def flushes(part: PartFile) -> None:
    while True:
        await part.until_due()
        await part.flush()


async def holds() -> None:
    say("holds")
    await asyncio.Event().wait()


async def by_leaves(part: PartFile, chance: random.Random, share: float) -> None:
    """Verified leaves in any order, as fast as they can be written."""
    if part.variant is None:
        await part.set_variant(*known(part.pieces.leaves))
    missing = [leaf for leaf in range(part.pieces.leaves) if not part.pieces.has(leaf * LEAF, (leaf + 1) * LEAF)]
    chance.shuffle(missing)
    say(f"writing {len(missing)}")
    task = asyncio.ensure_future(flushes(part))
    for number, leaf in enumerate(missing):
        if number >= share * len(missing):
            await holds()
        part.write(leaf * LEAF, leaf_bytes(leaf))
        part.mark(leaf)
        await asyncio.sleep(chance.choice((0, 0, 0.001)))
    task.cancel()
    await asyncio.wait({task})
    await part.close()


async def by_stream(part: PartFile, chance: random.Random, share: float) -> None:
    """An origin's bytes from the front, of which nobody knows digests."""
    say(f"writing {(part.size - part.pieces.prefix) // LEAF}")
    task = asyncio.ensure_future(flushes(part))
    until = part.pieces.prefix + share * (part.size - part.pieces.prefix)
    while (at := part.pieces.prefix) < part.size:
        if at >= until:
            await holds()
        stop = min(part.size, at + PIECE, (at // LEAF + 1) * LEAF)
        part.extend(at, leaf_bytes(at // LEAF)[at % LEAF : stop - at // LEAF * LEAF], "slsk:anna")
        await asyncio.sleep(chance.choice((0, 0, 0, 0.001)))
    task.cancel()
    await asyncio.wait({task})
    await part.close()


async def over_sockets(part: PartFile, host: str, port: int) -> None:
    """The swarm itself, from one peer over TLS."""
    if part.pieces.complete:  # all of it was written before the kill, and found by hashing
        return await part.close()
    clock = SystemClock()
    supervisor = Supervisor(clock)
    mesh = Mesh(NodeIdentity.ephemeral(), clock=clock, supervisor=supervisor, limits=BENCH_LIMITS, permit=EVERYWHERE)
    await mesh.start()
    meetings = Meetings(mesh, supervisor, [(host, port)])
    await meetings.first()
    swarm = TrackSwarm(
        part, clock=clock, supervisor=supervisor, tunables=Tunables(), rescue=RescueThresholds(), reputation=lambda node: 1.0,
        observe=lambda event: None, guard=False,
    )  # fmt: skip
    ((peer, variant),) = meetings.offers.items()
    assert not (why := await swarm.add_peer(peer, variant)), why
    say(f"writing {part.pieces.missing() // LEAF}")
    end = await swarm.run()
    await swarm.stop()
    await mesh.stop()
    await supervisor.stop()
    say(f"end {end.value}")


def main() -> None:
    known(320)  # shared with every child
    old = 0
    for line in sys.stdin:
        if old:
            os.waitpid(old, 0)
        pid = os.fork()
        if pid == 0:
            say(f"pid {os.getpid()}")  # by itself, so that it stands before all else it says
            try:
                asyncio.run(fetch(json.loads(line)))
            except BaseException as error:  # the disk that was cut, too
                say(f"failed {type(error).__name__}: {error}".replace("\n", " ")[:400])
            finally:
                os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        say(f"ended {pid}")
        old = pid  # reaped with the next line: until then the number is nobody else's, and may be killed


if __name__ == "__main__":
    main()
