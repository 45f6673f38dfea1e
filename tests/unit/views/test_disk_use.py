"""The disk on the status line: seen in a thread, and no disk that hangs stops the engine."""

from __future__ import annotations

import asyncio
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.views import disk
from slskdn_tui.engine.views.disk import LOOK_EVERY_S, DiskUse


def test_a_disk_that_hangs_leaves_what_was_known_and_is_seen_when_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "FIRST_S", 60.0)
    used, go, looks = [50], threading.Event(), list[Any]()
    go.set()

    def usage(folder: Path) -> SimpleNamespace:
        looks.append(folder)
        go.wait(60)
        return SimpleNamespace(used=used[0], total=100)

    monkeypatch.setattr(shutil, "disk_usage", usage)

    async def main() -> None:
        clock, loop = VirtualClock(), asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as threads:
            seen = DiskUse(tmp_path, threads, clock)
            assert await seen.share() == await seen.share() == 0.5 and len(looks) == 1
            await clock.advance(LOOK_EVERY_S)
            go.clear()
            used[0] = 75
            for _ in range(3):
                assert await seen.share() == 0.5
                await clock.advance(LOOK_EVERY_S)
            go.set()
            await loop.run_in_executor(threads, len, "")  # the one thread is through with what hung
            assert await seen.share() == 0.75 and len(looks) == 2

    asyncio.run(main())


def test_a_folder_that_is_gone_has_no_share(tmp_path: Path) -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as threads:
            assert await DiskUse(tmp_path / "gone", threads, VirtualClock()).share() is None
            share = await DiskUse(tmp_path, threads, VirtualClock()).share()
            assert share is not None and 0 <= share <= 1

    asyncio.run(main())
