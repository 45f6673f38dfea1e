"""A part whose variant is an audio region: taken up after a stop, and read back with what stands around it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from world import leaves_of

from slskdn_tui.engine.content.digests import variant_id
from slskdn_tui.engine.content.region import find
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.disk.sidecar import read_sidecar
from slskdn_tui.engine.swarm.disk.verify import verify_file
from slskdn_tui.model.variant import LEAF, Variant
from tests.fakes.region_files import encoded, flac_blocks, id3v1


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


async def opened(folder: Path, size: int, store: MemoryPartStore) -> PartFile:
    return await PartFile.open(folder / "track.part", size, "k", store, SystemClock(), about={"username": "anna", "path": "x"})


def test_a_part_with_a_region_is_taken_up_where_it_was_and_checked_with_all_around_it(tmp_path: Path) -> None:
    data = flac_blocks(encoded("flac", 3.0), (4, bytes(5000))) + id3v1()
    region = find(lambda offset, length: data[offset : offset + length], len(data))
    start, stop = region.start, region.start + region.length
    leaves = leaves_of(data[start:stop])
    variant = Variant(variant_id("region", region.length, leaves), "region", region.length, "")

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        part.extend(0, data[: start + LEAF + 9], "slsk:anna")
        await part.flush()
        await part.set_variant(variant, leaves, start)
        part.mark(0, from_origin=True)
        for leaf in range(2, len(leaves)):
            part.write(start + leaf * LEAF, data[slice(*part.pieces.span(leaf))])
            part.mark(leaf)
        await part.close()

        part = await opened(tmp_path, len(data), store)
        assert part.variant == variant and part.pieces.resume_offset() == start + LEAF + 9
        assert part.pieces.by_plane() == (start + LEAF + 9, region.length - 2 * LEAF)
        part.extend(start + LEAF + 9, data[start + LEAF + 9 : start + 2 * LEAF], "slsk:anna")
        part.mark(1, from_origin=True)
        assert part.pieces.tail_only and part.pieces.resume_offset() == stop
        part.extend(stop, data[stop:], "slsk:bert")
        assert part.pieces.complete
        await part.close()
        part = await opened(tmp_path, len(data), store)
        assert part.pieces.complete and part.pieces.done == len(data)
        part._release()  # killed, and the database is lost
        noted = read_sidecar(part.path)
        assert noted is not None and noted.record.layout == store.records["k"].layout and noted.record.head == store.records["k"].head
        store.records.clear()
        part = await opened(tmp_path, len(data), store)
        assert part.pieces.complete and part.pieces.done == len(data)
        await part.close()

        record, path = store.records["k"], tmp_path / "track.part"
        good = verify_file(path, record)
        assert good.ok and good.variant_id == variant.variant_id and "after them from slsk:anna, slsk:bert" in good.words
        assert path.read_bytes() == data
        for at, words in (
            (start - 1, "bytes before the audio"),
            (start + LEAF, f"first at byte {start + LEAF}"),
        ):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert words in verify_file(path, record).words and not verify_file(path, record, whole=False).ok

    go(story())
