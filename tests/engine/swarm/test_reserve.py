"""A file's space is reserved while its first bytes arrive, where that takes long: they stay, all of it is reserved in the end, a full disk is named."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from world import FakePeer, World, some_bytes

from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.swarm.disk import reserve
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble, PartFile
from slskdn_tui.engine.swarm.events import SwarmEnd

MIB = 1024 * 1024
SIZE = 6 * MIB + 5


def reserved(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file system is taken for a slow one, and 2 MiB for a large file."""
    monkeypatch.setattr(reserve, "AT_ONCE", MIB)
    monkeypatch.setattr(reserve, "QUICK_S", -1.0)


@pytest.mark.usefixtures("slow")
def test_bytes_that_came_before_the_space_was_reserved_stay_as_they_are(tmp_path: Path) -> None:
    path, data = tmp_path / "a", some_bytes(SIZE)
    with path.open("w+b", buffering=0) as file:
        file.truncate(SIZE)
        space = reserve.Space(file.fileno(), SIZE)
        assert not space.whole and MIB <= reserved(path) < SIZE
        os.pwrite(file.fileno(), data[3 * MIB - 100 : 5 * MIB], 3 * MIB - 100)
        space.rest()
        space.close()
    there = path.read_bytes()
    assert reserved(path) >= SIZE and len(there) == SIZE
    assert there == bytes(3 * MIB - 100) + data[3 * MIB - 100 : 5 * MIB] + bytes(SIZE - 5 * MIB)


@pytest.mark.usefixtures("slow")
def test_where_the_c_library_would_write_zeros_all_is_reserved_before_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    monkeypatch.setattr(reserve, "fallocate", lambda *_: False)
    with path.open("wb") as file:
        assert reserve.Space(file.fileno(), SIZE).whole
    assert reserved(path) >= SIZE


def test_where_reserving_is_quick_all_of_it_is_done_before_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "AT_ONCE", MIB)
    monkeypatch.setattr(reserve, "QUICK_S", 60.0)
    path = tmp_path / "a"
    with path.open("wb") as file:
        assert reserve.Space(file.fileno(), SIZE).whole
    assert reserved(path) >= SIZE


@pytest.mark.usefixtures("slow")
def test_a_part_that_is_let_go_early_leaves_no_descriptor_and_is_reserved_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, slices = reserve.fallocate, list[int]()

    async def story() -> None:
        loop, held = asyncio.get_running_loop(), len(os.listdir("/proc/self/fd"))
        closing = asyncio.Event()

        def watched(fd: int, start: int, length: int) -> bool:
            slices.append(start)
            if len(slices) == 3:  # the first is the constructor's
                asyncio.run_coroutine_threadsafe(part_closed(), loop).result(30)
            return real(fd, start, length)

        async def part_closed() -> None:
            await opened
            await part[0].close()
            closing.set()

        monkeypatch.setattr(reserve, "fallocate", watched)
        part: list[PartFile] = []
        opened: asyncio.Future[None] = loop.create_future()
        part.append(await PartFile.open(tmp_path / "a.part", SIZE, "k", MemoryPartStore(), SystemClock()))
        opened.set_result(None)
        await closing.wait()
        async with asyncio.timeout(30):
            while len(os.listdir("/proc/self/fd")) > held:  # the thread ends its slice
                await asyncio.sleep(0.001)

    asyncio.run(story())
    assert len(slices) == 3 and reserved(tmp_path / "a.part") < SIZE


@pytest.mark.usefixtures("slow")
def test_a_disk_that_fills_up_while_space_is_reserved_ends_the_run_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, real = some_bytes(3 * MIB), reserve.fallocate

    def filled(fd: int, start: int, length: int) -> bool:
        if start >= 2 * MIB:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, start, length)

    async def story() -> None:
        world = World(tmp_path, len(data), guard=False)
        monkeypatch.setattr(reserve, "fallocate", filled)
        idle = await PartFile.open(tmp_path / "idle.part", len(data), "idle", MemoryPartStore(), SystemClock())
        async with asyncio.timeout(30):
            await idle.until_due()  # nothing has come that would be due
        with pytest.raises(DiskTrouble, match="the disk is full"):
            await idle.flush()
        await idle.close()
        swarm = await world.open()
        peer = FakePeer("a1", data, rate=1e5)  # far from the end when the space is found wanting
        await swarm.add_peer(peer, peer.variant)
        assert await swarm.run() is SwarmEnd.DISK
        assert "the disk is full" in swarm.trouble and swarm.status().done < MIB
        await swarm.stop()
        monkeypatch.setattr(reserve, "fallocate", real)
        again = await world.open()
        second = FakePeer("a1", data)
        assert await again.add_peer(second, second.variant) == ""
        assert await again.run() is SwarmEnd.COMPLETE
        assert world.bytes() == data
        await again.stop()

    asyncio.run(story())
