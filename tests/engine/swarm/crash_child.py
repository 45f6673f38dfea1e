"""Fetches a known file leaf by leaf into a part file until it is killed. `python crash_child.py FOLDER LEAVES SEED`; prints a line once it writes."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.state.parts import PartsTable
from slskdn_tui.engine.swarm.part_file import PartFile
from slskdn_tui.model.variant import LEAF, Variant

KEY = "job/1/1"


def leaf_bytes(leaf: int) -> bytes:
    return random.Random(leaf).randbytes(LEAF)


def known(leaves: int) -> tuple[Variant, tuple[bytes, ...]]:
    digests = tuple(leaf_digest(leaf_bytes(leaf)) for leaf in range(leaves))
    return Variant(variant_id("file", leaves * LEAF, digests), "file", leaves * LEAF, ""), digests


async def main(folder: Path, leaves: int, seed: int) -> None:
    variant, digests = known(leaves)
    database = await Database.open(folder / "state.db", "state", "FULL", clock=SystemClock())
    part = await PartFile.open(folder / "track.part", leaves * LEAF, KEY, PartsTable(database), SystemClock())
    if part.variant is None:
        await part.set_variant(variant, digests)
    missing = [leaf for leaf in range(leaves) if not part.pieces.has(leaf * LEAF, (leaf + 1) * LEAF)]
    random.Random(seed).shuffle(missing)
    print(f"writing {len(missing)}", flush=True)

    async def flushes() -> None:
        while True:
            await part.until_due()
            await part.flush()

    task = asyncio.ensure_future(flushes())
    for leaf in missing:
        part.write(leaf * LEAF, leaf_bytes(leaf))
        part.mark(leaf)
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await part.close()
    await database.close()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
