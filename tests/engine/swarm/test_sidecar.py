"""Sidecars: a part whose record is lost or old goes on from what is on disk, and nothing wrong is believed."""

from __future__ import annotations

import asyncio
import errno
import os
import random
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from world import leaves_of, some_bytes, variant_of

from slskdn_tui.engine.content.digests import variant_id
from slskdn_tui.engine.runtime.clock import SystemClock, VirtualClock
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile, reconcile
from slskdn_tui.engine.swarm.disk.sidecar import Noted, Sidecar, read_sidecar, sidecar_path
from slskdn_tui.engine.swarm.piecemap import DONE, bits
from slskdn_tui.model.part import Extent, PartRecord
from slskdn_tui.model.variant import LEAF, Variant

ABOUT = {"username": "anna", "path": "@@music\\Plone\\01.flac"}


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


async def opened(folder: Path, size: int, store: MemoryPartStore) -> PartFile:
    return await PartFile.open(folder / "track.part", size, "job/1/1", store, SystemClock(), about=ABOUT)


def there(part: PartFile) -> list[int]:
    return [leaf for leaf in range(part.pieces.leaves) if part.pieces.status[leaf] == DONE]


async def fetched(folder: Path, data: bytes, leaves: list[int], store: MemoryPartStore) -> PartFile:
    """A part with these verified leaves, committed, still open."""
    part = await opened(folder, len(data), store)
    await part.set_variant(variant_of(data), leaves_of(data))
    for leaf in leaves:
        start, stop = part.pieces.span(leaf)
        part.write(start, data[start:stop])
        part.mark(leaf)
    await part.flush()
    return part


def test_without_a_database_every_committed_leaf_is_found_again_and_nothing_else_is_believed(tmp_path: Path) -> None:
    data = some_bytes(20 * LEAF + 5)

    async def story() -> None:
        part = await fetched(tmp_path, data, [3, 4, 7, 20], MemoryPartStore())
        part._release()  # killed: nothing is closed in good order
        with open(part.path, "r+b") as file:
            file.seek(4 * LEAF + 9)
            file.write(b"XYZ")
        store = MemoryPartStore()
        again = await opened(tmp_path, len(data), store)
        assert there(again) == [3, 7, 20] and again.variant == variant_of(data)
        await again.close()
        assert list(bits(store.records["job/1/1"].bitmap, 21)) == [3, 7, 20], "the new database knows them, too"

    go(story())


def test_without_a_database_origin_bytes_are_trusted_as_far_as_they_were_synced(tmp_path: Path) -> None:
    data = some_bytes(6 * LEAF)

    async def story() -> None:
        part = await opened(tmp_path, len(data), MemoryPartStore())
        part.extend(0, data[:LEAF], "slsk:anna")
        await part.flush()
        part.extend(LEAF, data[LEAF : 2 * LEAF + 100], "slsk:ben")
        await part.flush()
        part.extend(2 * LEAF + 100, data[2 * LEAF + 100 : 3 * LEAF], "slsk:ben")  # not synced
        part._release()
        again = await opened(tmp_path, len(data), MemoryPartStore())
        assert again.pieces.prefix == 2 * LEAF + 100
        assert again.pieces.extents == [Extent(0, LEAF, "slsk:anna"), Extent(LEAF, 2 * LEAF + 100, "slsk:ben")]
        await again.close()

    go(story())


@pytest.mark.parametrize("clean", [True, False])
def test_an_old_copy_of_the_database_takes_nothing_back(tmp_path: Path, clean: bool) -> None:
    data = some_bytes(8 * LEAF)

    async def story() -> None:
        store = MemoryPartStore()
        part = await fetched(tmp_path, data, [6], store)
        old = store.records["job/1/1"]
        part.extend(0, data[: LEAF + 7], "slsk:anna")
        part.write(5 * LEAF, data[5 * LEAF : 6 * LEAF])
        part.mark(5)
        await part.flush()
        await part.close() if clean else part._release()
        store.records["job/1/1"] = old  # as a lost WAL or a restored backup has it
        again = await opened(tmp_path, len(data), store)
        assert there(again) == [0, 5, 6] and again.pieces.prefix == LEAF + 7
        await again.close()

    go(story())


def test_a_record_older_than_the_variant_gets_the_variant_back(tmp_path: Path) -> None:
    data = some_bytes(8 * LEAF)

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        old = store.records["job/1/1"]
        await part.close()
        await (await fetched(tmp_path, data, [2, 5], store)).close()
        store.records["job/1/1"] = old
        again = await opened(tmp_path, len(data), store)
        assert there(again) == [2, 5]
        await again.close()

    go(story())


def test_what_is_known_of_a_part_that_is_gone_is_forgotten_before_another_file_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = some_bytes(4 * LEAF)

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        part.extend(0, data[: 2 * LEAF], "slsk:anna")
        await part.close()
        os.unlink(part.path)
        real = os.posix_fallocate

        def then_killed(fd: int, offset: int, length: int) -> None:
            real(fd, offset, length)
            raise OSError(errno.EIO, "as far as this start came")

        monkeypatch.setattr(os, "posix_fallocate", then_killed)
        with pytest.raises(DiskTrouble):
            await opened(tmp_path, len(data), store)
        monkeypatch.setattr(os, "posix_fallocate", real)
        again = await opened(tmp_path, len(data), store)
        assert again.pieces.prefix == 0, "zeros of the right size are not what anna sent"
        await again.close()

    go(story())


def test_a_sidecar_cut_or_damaged_anywhere_claims_no_more_than_was_synced(tmp_path: Path) -> None:
    data = some_bytes(2 * LEAF)
    side = Sidecar(str(tmp_path / "a.part"), ABOUT)
    record = PartRecord("k", "", len(data), 0, (), variant_of(data), b"".join(leaves_of(data)))
    side.write(record)
    for prefix in (10, 200, 3000):
        side.note(prefix, (Extent(0, prefix, "slsk:anna"),), 1.0)
    side.note(3000, (Extent(0, 3000, "slsk:anna"),), 1.0, done=1)
    side.close()
    path = sidecar_path(tmp_path / "a.part")
    whole = path.read_bytes()
    assert read_sidecar(tmp_path / "a.part") == Noted(
        replace(record, path=str(tmp_path / "a.part"), prefix=3000, extents=(Extent(0, 3000, "slsk:anna"),)), ABOUT, 1
    )
    reached: set[int | None] = set()
    lines = [at + nudge for at in range(len(whole)) if whole[at : at + 1] == b"\n" for nudge in (0, 1, 2)]
    for stop in sorted({*range(0, len(whole), 13), *lines} - {len(whole), len(whole) + 1}):
        path.write_bytes(whole[:stop])
        noted = read_sidecar(tmp_path / "a.part")
        reached.add(None if noted is None else noted.record.prefix)
        assert noted is None or noted.record.variant == record.variant
    assert reached == {None, 0, 10, 200, 3000}
    chance = random.Random(4)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        noted = read_sidecar(tmp_path / "a.part")
        assert noted is None or noted.record.prefix in (0, 10, 200, 3000)
    path.write_bytes(whole.replace(b'"prefix":200,', b'"prefix":999,'))
    noted = read_sidecar(tmp_path / "a.part")
    assert noted is not None and (noted.record.prefix, noted.done) == (10, None), "a line that reads well and is false ends the reading"
    path.write_bytes(whole[: whole.index(b"\n") + 1] + bytes(4096))  # what a power cut may leave of an append
    assert read_sidecar(tmp_path / "a.part") == Noted(replace(record, path=str(tmp_path / "a.part")), ABOUT, None)


def test_digests_of_another_variant_are_not_taken(tmp_path: Path) -> None:
    data = some_bytes(2 * LEAF)
    side = Sidecar(str(tmp_path / "a.part"), {})
    side.write(PartRecord("k", "", len(data), 0, (), variant_of(data), b"".join(leaves_of(some_bytes(2 * LEAF, 9)))))
    side.close()
    assert read_sidecar(tmp_path / "a.part") is None


def test_a_region_variant_and_odd_names_come_back_as_they_were(tmp_path: Path) -> None:
    leaves = leaves_of(some_bytes(2 * LEAF))
    region = Variant(variant_id("region", 2 * LEAF, leaves), "region", 2 * LEAF, "", "FLAC", streaminfo="ab", score=0.5)
    about = {"username": "ann\u00e4", "path": "@@x\\\udcff.flac"}
    side = Sidecar(str(tmp_path / "a.part"), about)
    side.write(PartRecord("k", "", 3 * LEAF, 5, (Extent(0, 5, "slsk:ann\u00e4"),), region, b"".join(leaves)))
    side.close()
    noted = read_sidecar(tmp_path / "a.part")
    assert noted is not None and noted.record.variant == region and noted.about == about and noted.record.prefix == 5


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_file_is_not_read_as_a_sidecar(tmp_path: Path, kind: str) -> None:
    path = sidecar_path(tmp_path / "a.part")
    match kind:
        case "link":
            path.symlink_to("/etc/passwd")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    assert read_sidecar(tmp_path / "a.part") is None


def test_a_part_closed_in_good_order_is_not_hashed_anew_and_any_other_is() -> None:
    data = some_bytes(3 * LEAF)
    record = PartRecord("k", "p", len(data), 0, (), variant_of(data), b"".join(leaves_of(data)), b"\x05")
    beside = replace(record, bitmap=b"")
    assert reconcile(record, Noted(beside, {}, 2), "k", len(data)) == (record, False)
    assert reconcile(record, Noted(beside, {}, None), "k", len(data)) == (record, True)
    assert reconcile(record, Noted(beside, {}, 3), "k", len(data)) == (record, True), "the database forgot a leaf"
    assert reconcile(record, None, "k", len(data)) == (record, True)
    assert reconcile(None, Noted(beside, {}, 2), "other", len(data)) == (None, False), "another job's sidecar"
    assert reconcile(None, Noted(beside, {}, 2), "k", len(data) + 1) == (None, False), "another file's"


def test_many_flushes_keep_the_sidecar_small(tmp_path: Path) -> None:
    side = Sidecar(str(tmp_path / "a.part"), ABOUT)
    side.write(PartRecord("k", "", 1 << 30))
    clock = VirtualClock()
    for prefix in range(1, 6000):
        side.note(prefix, (Extent(0, prefix, "slsk:anna"),), clock.now())
    side.close()
    noted = read_sidecar(tmp_path / "a.part")
    assert noted is not None and noted.record.prefix == 5999
    assert sidecar_path(tmp_path / "a.part").stat().st_size < 300_000
