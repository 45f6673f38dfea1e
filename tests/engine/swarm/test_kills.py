"""kill -9 at random moments: what was acknowledged is there afterwards, nothing is marked that is not, and nobody is asked for it again."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_child import leaf_bytes
from crash_world import Children, Found, Told, look

from slskdn_tui.engine.bench.serve import BENCH_LIMITS, EVERYWHERE
from slskdn_tui.engine.overlay.files import FileProvider, FileReader
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.variant import LEAF, Variant
from tests.fakes.ports import free_port

LEAVES = 320
KILLS = 1000 if os.environ.get("SLSKDN_NIGHTLY") else 100


class Watched(FileReader):
    """Notes which leaves are read for a peer."""

    read_leaves: set[int]

    def read(self, offset: int, length: int) -> bytes:
        self.read_leaves.update(range(offset // LEAF, -(-(offset + length) // LEAF)))
        return super().read(offset, length)


class Uploader(FileProvider):
    """A mesh node in a thread of its own; `since` are the leaves read by peers who came after the last `forget`."""

    def __init__(self) -> None:
        super().__init__()
        self.since: set[int] = set()

    def forget(self) -> None:
        self.since = set()

    def open(self, variant_id: str) -> FileReader | None:
        reader = super().open(variant_id)
        if reader is None:
            return None
        watched = Watched(reader.variant, reader._digests, reader._fd)
        watched.read_leaves = self.since  # a reader of a killed child keeps its old set
        return watched


@contextmanager
def uploading(file: Path, address: tuple[str, int]) -> Iterator[Uploader]:
    uploader, ready, loop = Uploader(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> Variant:
        clock = SystemClock()
        supervisor = Supervisor(clock)
        variant = await uploader.add(file)
        mesh = Mesh(
            NodeIdentity.ephemeral(), clock=clock, supervisor=supervisor, listen=address, providers=[uploader], limits=BENCH_LIMITS,
            permit=EVERYWHERE, upload_slots=64, upload_bytes_s=20_000_000,
        )  # fmt: skip
        await mesh.start()
        ready.set()
        await stop.wait()
        await mesh.stop()
        await supervisor.stop()
        return variant

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield uploader
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


def killed(
    children: Children,
    folder: Path,
    mode: str,
    seed: int,
    address: tuple[str, int] | None = None,
    commits: int = 0,
    share: float = 1.0,
) -> tuple[Told, Found]:
    """One child, killed a random moment after it began to write, or after so many commits; it writes this share of what is missing."""
    chance, told = random.Random(seed), Told()
    pid = children.start(folder, LEAVES, seed, mode, address=address, share=share)
    children.until(told, commits)
    time.sleep(chance.uniform(0.0, 0.15))
    children.kill(pid, told)
    assert not told.failed, told.failed
    found = look(folder, mode, LEAVES, told)
    assert found.sound, (seed, mode, found)
    assert found.without_database >= told.acked, f"seed {seed}: the sidecar alone does not bring every acknowledged leaf back"
    return told, found


def whole(found: Found) -> bool:
    return len(found.marked) == LEAVES or found.prefix == LEAVES * LEAF


def start_over(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def test_a_killed_process_leaves_no_wrong_leaf_marked_and_loses_none(tmp_path: Path) -> None:
    partial = 0
    with Children() as children:
        for seed in range(4):
            folder = tmp_path / str(seed)
            folder.mkdir()
            mode = ("leaves", "origin")[seed % 2]
            # a busy machine would hardly begin before each kill, or be done
            _, first = killed(children, folder, mode, seed, commits=seed // 2, share=0.8 if seed // 2 else 1.0)
            if whole(first):
                continue
            _, second = killed(children, folder, mode, seed + 100)
            assert second.marked >= first.marked and second.prefix >= first.prefix
            partial += bool(first.marked or first.prefix)
    assert partial, "no kill came in the middle; the test saw nothing"


@pytest.mark.slow
def test_a_hundred_kills_over_sockets_lose_no_leaf_and_no_committed_one_is_asked_for_again(tmp_path: Path) -> None:
    source, folder = tmp_path / "true.bin", tmp_path / "me"
    folder.mkdir()
    source.write_bytes(b"".join(leaf_bytes(leaf) for leaf in range(LEAVES)))
    host = f"127.1.{os.getpid() % 200 + 20}.7"
    address = host, free_port(host)
    partial = asked = 0
    with uploading(source, address) as uploader, Children() as children:
        had: set[int] = set()
        for seed in range(KILLS):
            uploader.forget()
            _, found = killed(children, folder, "mesh", seed, address, commits=seed % 2)  # a busy machine would hardly begin before each
            assert not uploader.since & had, f"seed {seed}: {len(uploader.since & had)} committed leaves were asked for again"
            assert found.marked >= had, f"seed {seed}: {len(had - found.marked)} committed leaves are lost"
            asked += len(uploader.since)
            had = found.marked
            partial += 0 < len(had) < LEAVES
            if whole(found):
                start_over(folder)
                had = set()
    assert partial >= KILLS // 3 and asked, f"{partial} kills came in the middle"
    print(f"{KILLS} kills, {partial} in the middle, {asked} leaves asked for")
