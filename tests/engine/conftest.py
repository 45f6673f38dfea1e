"""What every test of a whole engine shares: one small album a session, and waits shortened where they only cost time."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from engine_world import ONLINE, SECONDS, TIMEOUT, Album


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    """Ten short tracks of the demo's release, and a copy with other tags."""
    root = tmp_path_factory.mktemp("album")
    made = [
        sys.executable,
        "-m",
        "slskdn_tui.lab.album",
        str(root / "true"),
        "--seconds",
        str(SECONDS),
        "--retagged",
        str(root / "retagged"),
    ]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return Album(_only_folder(root / "true"), _only_folder(root / "retagged"))


def _only_folder(root: Path) -> Path:
    (folder,) = root.iterdir()
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search ends when every user of the world has answered, and a failed holder is asked again soon."""
    from slskdn_tui.engine.jobs.sources import holders, seek
    from slskdn_tui.engine.soulseek.search.search import SearchDesk

    async def everybody(desk: SearchDesk, collection: Any, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s if wait_s < 8.0 else TIMEOUT / 2):  # a job searches for 8 s; a busy machine may need more
                while len(collection.replies()) < len(ONLINE):
                    await asyncio.sleep(0.02)

    monkeypatch.setattr(SearchDesk, "_wait", everybody)
    monkeypatch.setattr(holders, "BACK_OFF", (0.1, 0.1, 0.1))
    monkeypatch.setattr(seek, "OFFLINE_LOOK_S", 0.1)
