"""The part file: what is committed is on disk and right, whatever kills the process; full disks and links are named, not suffered."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from world import FakeOrigin, FakePeer, World, leaves_of, some_bytes, variant_of

from slskdn_tui.engine.content.digests import leaf_digest
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.disk.verify import verify_file
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.swarm.piecemap import bits
from slskdn_tui.model.part import Extent
from slskdn_tui.model.variant import LEAF

MIB = 1024 * 1024


def go(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


async def opened(folder: Path, size: int, store: MemoryPartStore, **more: int) -> PartFile:
    return await PartFile.open(folder / "track.part", size, "k", store, SystemClock(), **more)


def test_a_part_whose_opening_is_given_up_is_closed_when_its_thread_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, entered, on, sizes = os.posix_fallocate, threading.Event(), threading.Event(), list[int]()

    def slow(fd: int, start: int, length: int) -> None:
        entered.set()
        on.wait(30)
        sizes.append(os.fstat(fd).st_size)  # its number would be another file's, were it closed by now
        real(fd, start, length)

    async def story() -> None:
        monkeypatch.setattr(os, "posix_fallocate", slow)
        opening = asyncio.ensure_future(opened(tmp_path, 4 * LEAF, MemoryPartStore()))
        await asyncio.to_thread(entered.wait)
        opening.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        on.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert sizes == [4 * LEAF]
        assert str(tmp_path / "track.part") not in [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]

    go(story())


def test_a_leaf_counts_only_after_its_bytes_were_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_bytes(40 * LEAF)
    order: list[str] = []
    late = 30

    class Watching(MemoryPartStore):
        async def commit(self, key: str, prefix: int, extents: tuple[Extent, ...], pages: Mapping[int, bytes]) -> None:
            order.append("commit")
            await super().commit(key, prefix, extents, pages)

    async def story() -> None:
        store = Watching()
        part = await opened(tmp_path, len(data), store)
        await part.set_variant(variant_of(data), leaves_of(data))
        loop = asyncio.get_running_loop()
        real = os.fdatasync

        def during_sync(fd: int) -> None:
            asyncio.run_coroutine_threadsafe(one_more(), loop).result(10)  # written while the sync runs
            real(fd)
            order.append("sync")

        async def one_more() -> None:
            if late not in part._leaves:
                part.write(late * LEAF, data[late * LEAF : (late + 1) * LEAF])
                part.mark(late)

        for leaf in range(5):
            part.write(leaf * LEAF, data[leaf * LEAF : (leaf + 1) * LEAF])
            part.mark(leaf)
        monkeypatch.setattr(os, "fdatasync", during_sync)
        await part.flush()
        assert order == ["sync", "commit"]
        assert list(bits(store.records["k"].bitmap, 40)) == [0, 1, 2, 3, 4], "the leaf written during the sync has to wait"
        monkeypatch.setattr(os, "fdatasync", real)
        await part.flush()
        assert list(bits(store.records["k"].bitmap, 40)) == [0, 1, 2, 3, 4, 30]
        await part.close()

    go(story())


def test_a_cancelled_flush_loses_no_mark(tmp_path: Path) -> None:
    data = some_bytes(4 * LEAF)

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        await part.set_variant(variant_of(data), leaves_of(data))
        part.write(0, data[:LEAF])
        part.mark(0)
        task = asyncio.ensure_future(part.flush())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        await part.close()
        assert list(bits(store.records["k"].bitmap, 4)) == [0]

    go(story())


def test_what_changed_on_disk_since_is_found_and_fetched_again(tmp_path: Path) -> None:
    data = some_bytes(20 * LEAF + 5)

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        await part.set_variant(variant_of(data), leaves_of(data))
        for leaf in (3, 4, 20):
            start, stop = part.pieces.span(leaf)
            part.write(start, data[start:stop])
            part.mark(leaf)
        await part.close()
        with open(part.path, "r+b") as file:
            file.seek(4 * LEAF + 9)
            file.write(b"XYZ")
        again = await opened(tmp_path, len(data), store)
        assert [leaf for leaf in range(21) if again.pieces.status[leaf] == 2] == [3, 20]
        await again.close()
        assert list(bits(store.records["k"].bitmap, 21)) == [3, 20], "the record forgets it, too"

    go(story())


def test_a_prefix_with_a_known_variant_is_hashed_at_the_next_start(tmp_path: Path) -> None:
    data = some_bytes(6 * LEAF)
    sent = bytearray(data[: 3 * LEAF + 100])
    sent[LEAF + 1] ^= 1

    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, len(data), store)
        await part.set_variant(variant_of(data), leaves_of(data))
        part.extend(0, bytes(sent), "slsk:anna")
        await part.close()
        again = await opened(tmp_path, len(data), store)
        assert [leaf for leaf in range(6) if again.pieces.status[leaf] == 2] == [0, 2]
        assert again.pieces.failed == {1} and again.pieces.extents == [Extent(0, len(sent), "slsk:anna")]
        await again.close()

    go(story())


@pytest.mark.parametrize("trouble", ["missing file", "short file", "other size"])
def test_a_record_that_does_not_fit_the_file_starts_over(tmp_path: Path, trouble: str) -> None:
    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, 3 * LEAF, store)
        part.extend(0, bytes(LEAF), "slsk:anna")
        await part.close()
        if trouble == "missing file":
            os.unlink(part.path)
        elif trouble == "short file":
            os.truncate(part.path, 100)
        again = await opened(tmp_path, 3 * LEAF + (trouble == "other size"), store)
        assert again.pieces.prefix == 0 and store.records["k"].prefix == 0
        await again.close()

    go(story())


def test_a_file_that_lost_its_name_to_another_is_written_no_further(tmp_path: Path) -> None:
    async def story() -> None:
        store = MemoryPartStore()
        part = await opened(tmp_path, 3 * LEAF, store)
        (tmp_path / "other").write_bytes(bytes(3 * LEAF))
        os.replace(tmp_path / "other", part.path)
        part.extend(0, some_bytes(LEAF), "slsk:anna")
        with pytest.raises(DiskTrouble, match="gone"):
            await part.flush()
        with pytest.raises(DiskTrouble):
            part.extend(LEAF, bytes(LEAF), "slsk:anna")
        await part.close()

    go(story())


def test_of_a_disk_that_takes_less_at_a_time_every_byte_is_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_bytes(4 * LEAF + 5)

    async def story() -> None:
        part = await opened(tmp_path, len(data), MemoryPartStore())
        pwritev, pwrite = os.pwritev, os.pwrite
        monkeypatch.setattr(
            os, "pwritev", lambda fd, pieces, at: pwritev(fd, [pieces[0], pieces[1][:3]] if len(pieces) > 1 else pieces, at)
        )
        monkeypatch.setattr(os, "pwrite", lambda fd, rest, at: pwrite(fd, rest[:1], at))
        part.write_leaves([(leaf, memoryview(data)[leaf * LEAF :][:LEAF]) for leaf in (3, 4, 0, 2, 1, 1)])
        assert part.read(0, len(data)) == data
        await part.close()

    go(story())


def test_a_symbolic_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep me")
    (tmp_path / "track.part").symlink_to(precious)

    async def story() -> None:
        with pytest.raises(DiskTrouble, match="symbolic link"):
            await opened(tmp_path, LEAF, MemoryPartStore())

    go(story())
    assert precious.read_bytes() == b"keep me"


def test_the_free_space_floor_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(DiskTrouble, match="disk is full") as caught:
            await opened(tmp_path, LEAF, MemoryPartStore(), free_space=1 << 60)
        assert caught.value.number == errno.ENOSPC

    go(story())


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "input/output error")])
@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_a_failing_disk_ends_the_run_in_words_and_keeps_what_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    data = some_bytes(3 * MIB)
    real = getattr(os, call)
    budget = {"pwritev": 20, "fdatasync": 1}
    failing = [False]

    def sometimes(fd: int, *args: Any) -> Any:
        budget[call] -= 1
        if budget[call] < 0 and failing[0]:
            raise OSError(number, os.strerror(number))
        return real(fd, *args)

    async def story() -> None:
        world = World(tmp_path, len(data), guard=False)
        swarm = await world.open()
        peer = FakePeer("a1", data, rate=2e6)
        assert await swarm.add_peer(peer, peer.variant) == ""
        failing[0] = True
        monkeypatch.setattr(os, call, sometimes)
        assert await swarm.run() is SwarmEnd.DISK
        assert words in swarm.trouble
        await swarm.stop()
        committed = list(bits(world.store.records["job/1"].bitmap, 48))
        on_disk = world.bytes()
        assert all(on_disk[leaf * LEAF : (leaf + 1) * LEAF] == data[leaf * LEAF : (leaf + 1) * LEAF] for leaf in committed)
        failing[0] = False
        again = await world.open()
        assert again.status().done == len(committed) * LEAF
        second = FakePeer("a1", data)
        assert await again.add_peer(second, second.variant) == ""
        assert await again.run() is SwarmEnd.COMPLETE
        assert world.bytes() == data and second.sent <= len(data) - len(committed) * LEAF + 8 * LEAF
        await again.stop()

    go(story())


def test_a_disk_that_is_really_full_is_found_before_the_first_byte(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root and CAP_SYS_ADMIN")
    try:

        async def story() -> None:
            world = World(tmp_path, 3 * MIB)
            with pytest.raises(DiskTrouble, match="the disk is full"):
                await world.open()

        go(story())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_the_final_check_names_wrong_leaves_size_and_variant(tmp_path: Path) -> None:
    data = some_bytes(5 * LEAF + 3)

    async def story() -> None:
        world = World(tmp_path, len(data))
        swarm = await world.open()
        swarm.use_origin(FakeOrigin("anna", data, rate=5e6))
        peer = FakePeer("a1", data)
        run = asyncio.ensure_future(swarm.run())
        while swarm.status().done < LEAF:
            await asyncio.sleep(0.005)
        await swarm.add_peer(peer, peer.variant)
        assert await run is SwarmEnd.COMPLETE
        await swarm.stop()
        record = world.store.records["job/1"]
        good = verify_file(world.path, record)
        assert good.ok and good.variant_id == variant_of(data).variant_id and good.words.startswith("6 of 6 leaves match")
        assert good.leaves[0] == leaf_digest(data[:LEAF]) and len(good.blake3) == 64
        with open(world.path, "r+b") as file:
            file.seek(2 * LEAF)
            file.write(b"?")
        bad = verify_file(world.path, record)
        assert not bad.ok and bad.bad == (2,) and "1 of 6 leaves differ" in bad.words and str(2 * LEAF) in bad.words
        os.truncate(world.path, 100)
        assert "100 bytes on disk" in verify_file(world.path, record).words

    go(story())
