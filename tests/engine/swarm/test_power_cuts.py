"""The power fails while a file is fetched: what was acknowledged is there after it, and nothing is marked that is not."""

from __future__ import annotations

import random
import time
from functools import cache
from pathlib import Path

import pytest
from crash_world import Children, Ext4, Told, cannot_cut, look

LEAVES = 320
pytestmark = pytest.mark.slow


@cache
def reason() -> str:
    return cannot_cut()


@pytest.fixture(autouse=True)
def needs_power() -> None:
    if reason():
        pytest.skip(reason())


def cut(disk: Ext4, children: Children, mode: str, seed: int, order: str = "good") -> Told:
    """One power cut: right after some commit, or a moment later. What was acknowledged before it is told: a sync that overlaps the call which shuts
    the file system down may succeed and be lost (seen: one commit in 1,400 cuts), as no sync can that overlaps a real one."""
    chance, told = random.Random(seed), Told()
    share = (
        chance.choice((0.3, 0.6, 0.9, 1.0)) if order == "good" else 1.0
    )  # while this process waits for the machine, a child would write it all
    pid = children.start(disk.folder, LEAVES, seed, mode, order, share=share)
    children.until(told, chance.randrange(6))
    if order == "good":
        time.sleep(chance.uniform(0.0, 0.06))
    children.so_far(told)
    disk.cut()
    children.kill(pid, told if told.ended else Told())
    disk.unmount()
    disk.mount()
    return told


def test_fifty_power_cuts_lose_nothing_acknowledged_and_mark_nothing_wrong(tmp_path: Path) -> None:
    marked = partial = 0
    with Ext4(tmp_path) as disk, Children() as children:
        before: dict[str, tuple[set[int], int]] = {}
        for seed in range(50):
            mode = ("leaves", "origin")[seed % 2]
            told = cut(disk, children, mode, seed)
            had, prefix = before.get(mode, (set(), 0))
            told.acked |= had
            told.prefix = max(told.prefix, prefix)
            found = look(disk.folder, mode, LEAVES, told)
            lost = f"wrong {found.wrong}, lost {found.lost}, {found.prefix_lost} before byte {told.prefix}"
            assert found.sound, f"seed {seed}, {mode}, {told.commits} commits: {lost}"
            assert found.without_database >= told.acked, f"seed {seed}: the sidecar alone does not bring every acknowledged leaf back"
            marked += len(found.marked) + found.prefix // 65536
            partial += 0 < len(found.marked) + found.prefix // 65536 < LEAVES
            before[mode] = found.marked, found.prefix
            if len(found.marked) == LEAVES or found.prefix == LEAVES * 65536:
                for path in disk.folder.glob(f"{mode}.part*"):
                    path.unlink()
                before.pop(mode)
    assert partial >= 25, "too few cuts came in the middle; the test saw nothing"
    print(f"{marked} leaves marked after 50 cuts, {partial} cuts in the middle")


@pytest.mark.parametrize("order", ["reversed", "unsynced"])
def test_the_check_notices_a_commit_before_the_sync(tmp_path: Path, order: str) -> None:
    with Ext4(tmp_path) as disk, Children() as children:
        wrong = 0
        for seed in range(6):
            told = cut(disk, children, "leaves", seed, order)
            wrong += len(look(disk.folder, "leaves", LEAVES, told).wrong)
            for path in disk.folder.glob("*"):
                if path.is_file():
                    path.unlink()
        assert wrong > 0
